#include "runtime/execution/history_view.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The current payload of each frame, by the same rules as the fold's (apply.c). */
struct view_frame {
    struct json_object *value;
    size_t value_bytes; /* of the stored text that brought the value */
    uint32_t *children; /* frames of the branches or iterations, by slot */
    size_t child_count, child_capacity;
    bool map_run; /* a distributed Map: its result comes with an event of its own */
};

struct history_view {
    struct view_frame *frames;
    size_t count, capacity;
    size_t value_bytes, child_count; /* of all frames */
};

struct history_view *history_view_new(void)
{
    return NEW(struct history_view);
}

void history_view_free(struct history_view *view)
{
    if (view == NULL)
        return;
    for (size_t i = 0; i < view->count; i++) {
        json_object_put(view->frames[i].value);
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
        json_object_get(frame->value);
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

static void set_value(struct history_view *view, struct view_frame *frame, struct json_object *value, size_t bytes)
{
    struct json_object *old = frame->value;
    frame->value = json_object_get(value);
    json_object_put(old);
    view->value_bytes += bytes - frame->value_bytes;
    frame->value_bytes = bytes;
}

/* Frames get their ids in the order in which the events make them. */
static void add_frame(struct history_view *view, struct json_object *value, size_t bytes)
{
    view->frames = mem_grow(view->frames, &view->capacity, view->count + 1, sizeof *view->frames);
    view->frames[view->count++] = (struct view_frame){.value = json_object_get(value), .value_bytes = bytes};
    view->value_bytes += bytes;
}

static void add_child(struct history_view *view, uint32_t parent, struct json_object *value, size_t bytes)
{
    struct view_frame *frame = &view->frames[parent];
    frame->children = mem_grow(frame->children, &frame->child_capacity, frame->child_count + 1, sizeof(uint32_t));
    frame->children[frame->child_count++] = (uint32_t)view->count;
    view->child_count++;
    add_frame(view, value, bytes);
}

static void forget_children(struct history_view *view, struct view_frame *frame)
{
    view->child_count -= frame->child_count;
    frame->child_count = 0;
}

/* The results of the children become the value of their parent; they have ended and need theirs no more. */
static void join_children(struct history_view *view, struct view_frame *frame)
{
    AUTO_JSON struct json_object *results = json_object_new_array();
    size_t bytes = 0;
    for (size_t i = 0; i < frame->child_count; i++) {
        struct view_frame *child = &view->frames[frame->children[i]];
        json_append(results, json_object_get(child->value));
        bytes += child->value_bytes;
        set_value(view, child, NULL, 0);
    }
    set_value(view, frame, results, bytes);
    forget_children(view, frame);
}

/* bytes: of the stored text where the event brought its payload itself, 0 where it is shared. */
static void note_value(struct history_view *view, uint32_t id, const struct shown_event *event, size_t bytes)
{
    if (event->type == EVENT_EXECUTION_STARTED) {
        add_frame(view, event->value, bytes);
        return;
    }
    if (id >= view->count)
        return;
    switch (event->type) {
    case EVENT_ITERATION_STARTED:
        add_child(view, id, event->value, bytes);
        break;
    case EVENT_PARALLEL_STARTED:
        forget_children(view, &view->frames[id]);
        for (int64_t i = 0; i < event->number; i++)
            add_child(view, id, event->value, 0);
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
        if (event->has_value)
            set_value(view, &view->frames[id], event->value, bytes);
    }
}

/* One event or record, stored in `bytes` bytes up to `end`. */
static int show(struct history_view *view, struct json_object *stored, size_t bytes, size_t end, shown_event_fn *fn,
                void *context)
{
    const char *type = json_member_text(stored, "type");
    struct shown_event event = {
        .id = json_member_int(stored, "id", 0),
        .previous_id = json_member_int(stored, "prev", 0),
        .at_ms = json_member_int(stored, "at", 0),
        .type = type ? event_type_of(type) : EVENT_TYPES,
        .name = json_member_text(stored, "name"),
        .number = json_member_int(stored, "n", 0),
        .end = end,
    };
    if (event.type == EVENT_TYPES)
        return 0;
    uint32_t frame = (uint32_t)json_member_int(stored, "f", 0);
    struct json_object *same;
    if (json_member(stored, "same", &same)) {
        event.has_value = true;
        event.value = frame < view->count ? view->frames[frame].value : NULL;
        bytes = frame < view->count ? view->frames[frame].value_bytes : 0;
    } else if (json_member(stored, "value", &event.value)) {
        event.has_value = true;
    }
    json_member(stored, "assigned", &event.assigned);
    json_member(stored, "details", &event.details);
    int stop = event.id ? fn(context, &event) : 0;
    if (stop == 0)
        note_value(view, frame, &event, bytes);
    return stop;
}

/* The end of the object that begins at `at` in JSON that this program has written; 0 where there is none. */
static size_t object_end(const char *body, size_t bytes, size_t at)
{
    size_t depth = 0;
    for (; at < bytes; at++) {
        char c = body[at];
        if (c == '"') {
            for (at++; at < bytes && body[at] != '"'; at++)
                at += body[at] == '\\';
        } else if (c == '{') {
            depth++;
        } else if (c == '}' && (depth == 0 || --depth == 0)) {
            return at + 1;
        }
    }
    return 0;
}

int history_view_row(struct history_view *view, const char *body, size_t bytes, size_t from, shown_event_fn *fn,
                     void *context, struct err *err)
{
    size_t at = from;
    /* "[{...},{...}]": one object after the other, so that a page does not pay for the rest of a long row */
    while (at + 1 < bytes) {
        size_t end = object_end(body, bytes, ++at);
        AUTO_JSON struct json_object *stored = NULL;
        if (end == 0 || json_parse_stored(body + at, end - at, &stored, err) != 0)
            return err_set(err, ERR_CORRUPT, "a row of the history is not JSON");
        int stop = show(view, stored, end - at, end, fn, context);
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
