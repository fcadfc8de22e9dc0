#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/execution/execution_priv.h"
#include "runtime/execution/tally.h"

#include <stdlib.h>

struct event event_of(const struct frame *frame, enum event_type type)
{
    return (struct event){.type = type, .frame = frame->id, .previous_id = frame->last_event_id, .state = frame->state};
}

struct event event_with(const struct frame *frame, enum event_type type, struct json_object *value)
{
    struct event event = event_of(frame, type);
    event.has_value = true;
    event.same = value == frame->value;
    event.value = json_object_get(value);
    return event;
}

static bool is_record(enum event_type type)
{
    return type >= EVENT_WAIT_SET;
}

static bool is_ending(enum event_type type)
{
    return type >= EVENT_EXECUTION_SUCCEEDED && type <= EVENT_EXECUTION_TIMED_OUT;
}

void emit(struct execution *x, struct event event)
{
    /* the last event that the limit allows is the one that says so: see run() */
    if (x->next_event_id >= x->settings.history_events_max && !is_record(event.type) && !is_ending(event.type))
        x->full = true;
    if (x->full && !is_ending(event.type)) {
        event_release(&event);
        return;
    }
    event.id = is_record(event.type) ? 0 : x->next_event_id;
    event.at_ms = x->inputs->now_ms;
    execution_apply(x, &event);
    if (x->outbox->tally)
        tally_event(x->outbox->tally, frame_of(x, event.frame), &event);
    if (!x->settings.keep_events) {
        event_release(&event);
        return;
    }
    struct outbox *outbox = x->outbox;
    outbox->events = mem_grow(outbox->events, &outbox->event_capacity, outbox->event_count + 1, sizeof event);
    outbox->events[outbox->event_count++] = event;
}

void command(struct execution *x, enum command_kind kind, const struct frame *frame)
{
    struct outbox *outbox = x->outbox;
    outbox->commands =
        mem_grow(outbox->commands, &outbox->command_capacity, outbox->command_count + 1, sizeof *outbox->commands);
    outbox->commands[outbox->command_count++] =
        (struct command){kind, frame ? frame->id : 0, frame ? frame->task_id : 0};
}

/* The text, or as many whole characters of it as are allowed. */
static void add_limited(struct json_object *details, const char *name, const char *text, size_t chars_max)
{
    size_t bytes = 0;
    for (size_t chars = 0; text[bytes]; bytes++)
        if (((unsigned char)text[bytes] & 0xc0) != 0x80 && chars++ == chars_max)
            break;
    json_add(details, name, json_object_new_string_len(text, (int)bytes));
}

void event_add_error(struct event *event, const char *error, const char *cause)
{
    if (event->details == NULL)
        event->details = json_object_new_object();
    if (error)
        add_limited(event->details, "error", error, LIMIT_ERROR_CHARS);
    if (cause)
        add_limited(event->details, "cause", cause, LIMIT_CAUSE_CHARS);
}

void outbox_clear(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->event_count; i++)
        event_release(&outbox->events[i]);
    outbox->event_count = 0;
    outbox->command_count = 0;
}

void outbox_release(struct outbox *outbox)
{
    outbox_clear(outbox);
    free(outbox->events);
    free(outbox->commands);
    *outbox = (struct outbox){0};
}
