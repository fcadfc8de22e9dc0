#include "runtime/execution/history_view.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/execution/stored_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As it is stored; made a value of when an event with it is shown. NULL stands for JSON's null. */
struct payload {
    unsigned refs;
    bool is_parsed;
    struct json_object *value;
    size_t bytes;
    char text[];
};

/* The current payload of each frame, by the same rules as the fold's (apply.c). */
struct view_frame {
    struct payload *payload;
    size_t value_bytes; /* of the stored text that brought the payload */
    uint32_t *children; /* frames of the branches or iterations, by slot */
    size_t child_count, child_capacity;
    bool map_run; /* a distributed Map: its result comes with an event of its own */
};

struct history_view {
    struct view_frame *frames;
    size_t count, capacity;
    size_t value_bytes, child_count; /* of all frames */
    int64_t skim_to;
};

/* Room for the text, which is to be filled in. */
static struct payload *payload_new(size_t bytes)
{
    struct payload *payload = mem_alloc(sizeof *payload + bytes);
    *payload = (struct payload){.refs = 1, .bytes = bytes};
    return payload;
}

static struct payload *payload_ref(struct payload *payload)
{
    if (payload)
        payload->refs++;
    return payload;
}

static void payload_unref(struct payload *payload)
{
    if (payload == NULL || --payload->refs)
        return;
    json_object_put(payload->value);
    free(payload);
}

/* `event`: whole, in case the payload stands in it. */
static int payload_parse(struct payload *payload, struct json_object *event, struct err *err)
{
    struct json_object *value;
    int code = 0;
    if (payload == NULL || payload->is_parsed)
        return 0;
    if (json_member(event, "value", &value))
        payload->value = json_object_get(value);
    else
        code = json_parse_stored(payload->text, payload->bytes, &payload->value, err);
    payload->is_parsed = code == 0;
    return code;
}

struct history_view *history_view_new(void)
{
    return NEW(struct history_view);
}

void history_view_free(struct history_view *view)
{
    if (view == NULL)
        return;
    for (size_t i = 0; i < view->count; i++) {
        payload_unref(view->frames[i].payload);
        free(view->frames[i].children);
    }
    free(view->frames);
    free(view);
}

struct history_view *history_view_copy(const struct history_view *view)
{
    struct history_view *copy = NEW(struct history_view);
    *copy = *view;
    copy->capacity = view->count;
    copy->frames = mem_alloc((view->count ? view->count : 1) * sizeof *copy->frames);
    for (size_t i = 0; i < view->count; i++) {
        struct view_frame *frame = &copy->frames[i];
        *frame = view->frames[i];
        payload_ref(frame->payload);
        frame->child_capacity = frame->child_count;
        if (frame->child_count == 0) {
            frame->children = NULL;
            continue;
        }
        frame->children = mem_alloc(frame->child_count * sizeof *frame->children);
        memcpy(frame->children, view->frames[i].children, frame->child_count * sizeof *frame->children);
    }
    return copy;
}

size_t history_view_bytes(const struct history_view *view)
{
    return sizeof *view + view->count * sizeof *view->frames + view->child_count * sizeof(uint32_t) + view->value_bytes;
}

void history_view_skim(struct history_view *view, int64_t to)
{
    view->skim_to = to;
}

static void set_payload(struct history_view *view, struct view_frame *frame, struct payload *payload, size_t bytes)
{
    struct payload *old = frame->payload;
    frame->payload = payload_ref(payload);
    payload_unref(old);
    view->value_bytes += bytes - frame->value_bytes;
    frame->value_bytes = bytes;
}

/* Frames get their ids in the order in which the events make them. */
static void add_frame(struct history_view *view, struct payload *payload, size_t bytes)
{
    view->frames = mem_grow(view->frames, &view->capacity, view->count + 1, sizeof *view->frames);
    view->frames[view->count++] = (struct view_frame){.payload = payload_ref(payload), .value_bytes = bytes};
    view->value_bytes += bytes;
}

static void add_child(struct history_view *view, uint32_t parent, struct payload *payload, size_t bytes)
{
    struct view_frame *frame = &view->frames[parent];
    frame->children = mem_grow(frame->children, &frame->child_capacity, frame->child_count + 1, sizeof(uint32_t));
    frame->children[frame->child_count++] = (uint32_t)view->count;
    view->child_count++;
    add_frame(view, payload, bytes);
}

static void forget_children(struct history_view *view, struct view_frame *frame)
{
    view->child_count -= frame->child_count;
    frame->child_count = 0;
}

static struct payload *array_of(const struct history_view *view, const struct view_frame *frame)
{
    AUTO_BUF text = BUF_INIT;
    buf_add_char(&text, '[');
    for (size_t i = 0; i < frame->child_count; i++) {
        const struct payload *payload = view->frames[frame->children[i]].payload;
        if (i)
            buf_add_char(&text, ',');
        if (payload)
            buf_add(&text, payload->text, payload->bytes);
        else
            buf_add_text(&text, "null");
    }
    buf_add_char(&text, ']');
    struct payload *array = payload_new(text.bytes);
    memcpy(array->text, text.data, text.bytes);
    return array;
}

/* The results of the children become the payload of their parent; they have ended and need theirs no more. */
static void join_children(struct history_view *view, struct view_frame *frame)
{
    struct payload *results = array_of(view, frame);
    size_t bytes = 0;
    for (size_t i = 0; i < frame->child_count; i++) {
        struct view_frame *child = &view->frames[frame->children[i]];
        bytes += child->value_bytes;
        set_payload(view, child, NULL, 0);
    }
    set_payload(view, frame, results, bytes);
    payload_unref(results);
    forget_children(view, frame);
}

/* bytes: of the stored text where the event brought its payload itself, 0 where it is shared. */
static void note_payload(struct history_view *view, enum event_type type, const struct stored_event *stored,
                         struct payload *payload, size_t bytes)
{
    uint32_t id = stored->frame;
    if (type == EVENT_EXECUTION_STARTED) {
        add_frame(view, payload, bytes);
        return;
    }
    if (id >= view->count)
        return;
    switch (type) {
    case EVENT_ITERATION_STARTED:
        add_child(view, id, payload, bytes);
        break;
    case EVENT_PARALLEL_STARTED:
        forget_children(view, &view->frames[id]);
        for (int64_t i = 0; i < stored->number; i++)
            add_child(view, id, payload, 0);
        break;
    case EVENT_MAP_STARTED:
        forget_children(view, &view->frames[id]);
        view->frames[id].map_run = false;
        break;
    case EVENT_MAP_RUN_STARTED:
        view->frames[id].map_run = true;
        break;
    case EVENT_PARALLEL_SUCCEEDED:
    case EVENT_MAP_SUCCEEDED:
        if (!view->frames[id].map_run)
            join_children(view, &view->frames[id]);
        break;
    default:
        if (stored->same || stored->value)
            set_payload(view, &view->frames[id], payload, bytes);
    }
}

/* The payload of an event; what it shares with its frame is the frame's. */
static struct payload *payload_of(const struct history_view *view, const struct stored_event *stored)
{
    if (stored->same)
        return stored->frame < view->count ? payload_ref(view->frames[stored->frame].payload) : NULL;
    if (stored->value == NULL)
        return NULL;
    struct payload *payload = payload_new(stored->value_bytes);
    memcpy(payload->text, stored->value, stored->value_bytes);
    return payload;
}

/* One event or record, the text of which ends at `end`. */
static int show(struct history_view *view, const struct stored_event *stored, const char *text, size_t bytes,
                size_t end, shown_event_fn *fn, void *context, struct err *err)
{
    struct shown_event event = {
        .id = stored->id,
        .previous_id = stored->previous_id,
        .at_ms = stored->at_ms,
        .type = event_type_of(stored->type),
        .number = stored->number,
        .has_value = stored->same || stored->value,
        .end = end,
    };
    if (event.type == EVENT_TYPES)
        return 0;
    AUTO_JSON struct json_object *rest = NULL;
    struct payload *payload = payload_of(view, stored);
    size_t brought = stored->same && stored->frame < view->count ? view->frames[stored->frame].value_bytes : bytes;
    int stop = 0;
    if (event.id && event.id >= view->skim_to) {
        if (json_parse_stored(text, bytes, &rest, err) != 0 || payload_parse(payload, rest, err) != 0)
            stop = err_set(err, ERR_CORRUPT, "a row of the history is not JSON");
        event.value = payload ? payload->value : NULL;
        event.name = json_member_text(rest, "name");
        json_member(rest, "assigned", &event.assigned);
        json_member(rest, "details", &event.details);
    }
    if (stop == 0 && event.id)
        stop = fn(context, &event);
    if (stop == 0)
        note_payload(view, event.type, stored, payload, brought);
    payload_unref(payload);
    return stop;
}

int history_view_row(struct history_view *view, const char *body, size_t bytes, size_t from, shown_event_fn *fn,
                     void *context, struct err *err)
{
    size_t at = from;
    /* "[{...},{...}]": one object after the other, so that a page does not pay for the rest of a long row */
    while (at + 1 < bytes) {
        struct stored_event stored;
        size_t begin = at + 1, end = stored_event_read(body, bytes, begin, &stored);
        if (end == 0)
            return err_set(err, ERR_CORRUPT, "a row of the history is not JSON");
        int stop = show(view, &stored, body + begin, end - begin, end, fn, context, err);
        if (stop)
            return stop;
        at = end;
    }
    return 0;
}

/* --- the API's form ---------------------------------------------------------------------------- */

struct members {
    struct buf *out;
    bool first;
};

static void member(struct members *members, const char *name)
{
    if (!members->first)
        buf_add_char(members->out, ',');
    members->first = false;
    json_write_string(members->out, name, strlen(name));
    buf_add_char(members->out, ':');
}

/* A JSON value as text in a string. */
static void write_embedded(struct buf *out, struct json_object *value)
{
    struct buf text = BUF_INIT;
    json_write(&text, value);
    json_write_string(out, text.data, text.bytes);
    buf_release(&text);
}

static void write_assigned(struct members *members, struct json_object *assigned, bool with_data)
{
    if (with_data) {
        member(members, "assignedVariables");
        struct members inner = {members->out, true};
        buf_add_char(members->out, '{');
        json_object_object_foreach (assigned, name, value) {
            member(&inner, name);
            write_embedded(members->out, value);
        }
        buf_add_char(members->out, '}');
        member(members, "assignedVariablesDetails");
        buf_add_text(members->out, "{\"truncated\":false}");
    }
}

static void write_payload(struct members *members, const struct shown_event *event, const char *name, bool with_data)
{
    bool parameters = strcmp(name, "parameters") == 0;
    if (!with_data && !parameters)
        return;
    const char *text =
        event->type == EVENT_EXECUTION_STARTED ? json_member_text(event->details, EVENT_INPUT_TEXT) : NULL;
    member(members, name);
    if (text)
        json_write_string(members->out, text, strlen(text));
    else
        write_embedded(members->out, event->value);
    if (parameters)
        return;
    char details[16];
    snprintf(details, sizeof details, "%sDetails", name);
    member(members, details);
    buf_add_text(members->out, "{\"truncated\":false}");
}

static void write_details(struct buf *out, const struct shown_event *event, bool with_data)
{
    struct members members = {out, true};
    buf_add_char(out, '{');
    if (event->name) {
        member(&members, "name");
        json_write_string(out, event->name, strlen(event->name));
    }
    if (event->type >= EVENT_ITERATION_STARTED && event->type <= EVENT_ITERATION_ABORTED) {
        member(&members, "index");
        buf_add_int(out, event->number);
    }
    if (event->type == EVENT_MAP_STARTED) {
        member(&members, "length");
        buf_add_int(out, event->number);
    }
    if (event->type == EVENT_EXECUTION_REDRIVEN) {
        member(&members, "redriveCount");
        buf_add_int(out, event->number);
    }
    const char *payload = event_value_name(event->type);
    if (payload && event->has_value)
        write_payload(&members, event, payload, with_data);
    if (event->assigned)
        write_assigned(&members, event->assigned, with_data);
    if (event->details) {
        json_object_object_foreach (event->details, name, value) {
            if (name[0] == '_')
                continue;
            member(&members, name);
            json_write(out, value);
        }
    }
    buf_add_char(out, '}');
}

void shown_event_write(struct buf *out, const struct shown_event *event, bool with_data)
{
    char fraction[] = {'.', (char)('0' + event->at_ms / 100 % 10), (char)('0' + event->at_ms / 10 % 10),
                       (char)('0' + event->at_ms % 10)};
    buf_add_text(out, "{\"timestamp\":");
    buf_add_int(out, event->at_ms / 1000);
    buf_add(out, fraction, sizeof fraction);
    buf_add_text(out, ",\"type\":\"");
    buf_add_text(out, event_type_name(event->type));
    buf_add_text(out, "\",\"id\":");
    buf_add_int(out, event->id);
    buf_add_text(out, ",\"previousEventId\":");
    buf_add_int(out, event->previous_id);
    const char *details = event_details_name(event->type);
    if (details) {
        buf_add_text(out, ",\"");
        buf_add_text(out, details);
        buf_add_text(out, "\":");
        write_details(out, event, with_data);
    }
    buf_add_char(out, '}');
}

void shown_event_write_record(struct buf *out, const struct shown_event *event, bool with_data, const char *arn,
                              int64_t redrive_count)
{
    buf_printf(out, "{\"id\":\"%lld\",\"type\":\"%s\",\"details\":", (long long)event->id,
               event_type_name(event->type));
    write_details(out, event, with_data);
    buf_printf(out, ",\"previous_event_id\":\"%lld\",\"event_timestamp\":\"%lld\",\"execution_arn\":",
               (long long)event->previous_id, (long long)event->at_ms);
    json_write_string(out, arn, strlen(arn));
    buf_printf(out, ",\"redrive_count\":\"%lld\"}", (long long)redrive_count);
}
