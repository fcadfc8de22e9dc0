#include "runtime/execution/event_codec.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/execution/execution_priv.h"

#include <string.h>

static void add_number(struct buf *out, const char *name, int64_t number)
{
    buf_add_text(out, name);
    buf_add_int(out, number);
}

static bool names_state(enum event_type type)
{
    return event_is_entered(type) || event_is_exited(type) ||
           (type >= EVENT_ITERATION_STARTED && type <= EVENT_ITERATION_ABORTED);
}

static bool is_choice_or_caught(const struct event *event)
{
    return event_is_exited(event->type) && event->next != event->state->next;
}

static void encode(struct buf *out, const struct event *event)
{
    add_number(out, "{\"id\":", event->id);
    buf_add_text(out, ",\"type\":\"");
    buf_add_text(out, event_type_name(event->type));
    add_number(out, "\",\"prev\":", event->previous_id);
    add_number(out, ",\"at\":", event->at_ms);
    if (event->frame)
        add_number(out, ",\"f\":", event->frame);
    if (names_state(event->type)) {
        buf_add_text(out, ",\"name\":");
        json_write_string(out, event->state->name, strlen(event->state->name));
    }
    if (event->has_value && event->same) {
        buf_add_text(out, ",\"same\":true");
    } else if (event->has_value) {
        buf_add_text(out, ",\"value\":");
        json_write(out, event->value);
    }
    if (is_choice_or_caught(event)) {
        buf_add_text(out, ",\"next\":");
        if (event->next)
            json_write_string(out, event->next->name, strlen(event->next->name));
        else
            buf_add_text(out, "null");
    }
    if (event->number)
        add_number(out, ",\"n\":", event->number);
    if (event->until_ms)
        add_number(out, ",\"until\":", event->until_ms);
    if (event->assigned) {
        buf_add_text(out, ",\"assigned\":");
        json_write(out, event->assigned);
    }
    if (event->details) {
        buf_add_text(out, ",\"details\":");
        json_write(out, event->details);
    }
    buf_add_char(out, '}');
}

void event_encode(struct buf *out, const struct event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_add_char(out, out->bytes ? ',' : '[');
        encode(out, &events[i]);
    }
}

void event_encode_end(struct buf *out)
{
    buf_add_char(out, ']');
}

static const struct state *state_named(const struct scope *scope, const char *name)
{
    for (uint32_t i = 0; name && i < scope->state_count; i++)
        if (strcmp(scope->states[i]->name, name) == 0)
            return scope->states[i];
    return NULL;
}

static int decode(struct execution *x, struct json_object *stored, struct event *ret_event, struct err *err)
{
    struct event event = {0};
    const char *type = json_member_text(stored, "type");
    event.type = type ? event_type_of(type) : EVENT_TYPES;
    if (event.type == EVENT_TYPES)
        return err_set(err, ERR_CORRUPT, "a stored event has the type '%s', which is not known", type ? type : "");
    event.id = json_member_int(stored, "id", 0);
    event.previous_id = json_member_int(stored, "prev", 0);
    event.at_ms = json_member_int(stored, "at", 0);
    event.frame = (uint32_t)json_member_int(stored, "f", 0);
    event.number = json_member_int(stored, "n", 0);
    event.until_ms = json_member_int(stored, "until", 0);
    const struct frame *frame = frame_of(x, event.frame);
    if (frame == NULL && event.type > EVENT_EXECUTION_REDRIVEN)
        return err_set(err, ERR_CORRUPT, "stored event %lld is of frame %u, which is not there", (long long)event.id,
                       event.frame);
    struct json_object *member;
    if (event_is_entered(event.type)) {
        event.state = state_named(frame->scope, json_member_text(stored, "name"));
        if (event.state == NULL)
            return err_set(err, ERR_CORRUPT, "stored event %lld enters a state that the definition does not have",
                           (long long)event.id);
    } else if (frame) {
        event.state = frame->state;
    }
    if (event_is_exited(event.type)) {
        event.next = event.state->next;
        if (json_member(stored, "next", &member)) {
            event.next = member ? state_named(frame->scope, json_object_get_string(member)) : NULL;
            if (member && event.next == NULL)
                return err_set(err, ERR_CORRUPT, "stored event %lld leads to a state that the definition does not have",
                               (long long)event.id);
        }
    }
    if (json_member(stored, "same", &member)) {
        event.has_value = event.same = true;
        event.value = frame ? frame->value : NULL;
    } else if (json_member(stored, "value", &event.value)) {
        event.has_value = true;
    }
    json_member(stored, "assigned", &event.assigned);
    json_member(stored, "details", &event.details);
    *ret_event = event;
    return 0;
}

int event_replay(struct execution *x, const char *body, size_t bytes, struct err *err)
{
    AUTO_JSON struct json_object *stored = NULL;
    if (json_parse_stored(body, bytes, &stored, err) != 0)
        return err_set(err, ERR_CORRUPT, "a row of the history is not JSON");
    size_t count = json_object_array_length(stored);
    for (size_t i = 0; i < count; i++) {
        struct event event;
        int code = decode(x, json_object_array_get_idx(stored, i), &event, err);
        if (code != 0)
            return code;
        execution_apply(x, &event);
    }
    return 0;
}
