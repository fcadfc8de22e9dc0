/*
 * event.h - one entry of an execution's history, in memory.
 *
 * Shapes    `value` is the payload: input of ...Entered, output of ...Exited, parameters of TaskScheduled.
 *           ParallelStateStarted, MapStateStarted and MapIterationStarted carry one that the API does not
 *           show (the branches' input, the items, the iteration's input). `details` holds all other members
 *           under the API's names; members whose name starts with `_` and records with id 0 (`~...`)
 *           are for the fold alone, or, like EVENT_INPUT_TEXT, say how another is shown.
 * Same      `same` says that the value is the frame's current value: it is not stored again
 *           (event_codec.h, history_view.h).
 * Memory    event_release() drops the references.
 */
#ifndef RUNTIME_EXECUTION_EVENT_H
#define RUNTIME_EXECUTION_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct state;

enum event_type {
#define EVENT(enumerator, type, details, value) enumerator,
#include "runtime/execution/events.def"
#undef EVENT
    EVENT_TYPES
};

struct event {
    int64_t id; /* 0: a record that the API never shows */
    int64_t previous_id;
    int64_t at_ms;
    enum event_type type;
    uint32_t frame; /* whose event: 0 is the execution's own */
    bool has_value;
    bool same;
    struct json_object *value;
    struct json_object *assigned; /* ...Exited: variables that were set, or NULL */
    struct json_object *details;  /* or NULL */
    const struct state *state;    /* ...Entered, ...Exited; borrowed from the graph */
    const struct state *next;     /* ...Exited: where it goes, NULL: the end of the scope */
    int64_t number;               /* until_ms, index, length, branches, retrier, as the type says */
    int64_t until_ms; /* ~WaitSet, ~RetrySet; Scheduled: task timeout; ~Heartbeat and Scheduled: see heartbeat_ms */
    int64_t heartbeat_ms;
};

/* In the details of ExecutionStarted: the input as it was given, where it is not how JSON is written here. */
#define EVENT_INPUT_TEXT "_input"

void event_release(struct event *event);

const char *event_type_name(enum event_type type);
/* Name of the details member ("taskScheduledEventDetails"), NULL when the type has none. */
const char *event_details_name(enum event_type type);
/* "input", "output", "parameters"; NULL when the API shows no payload for the type. */
const char *event_value_name(enum event_type type);
/* EVENT_TYPES when there is no such type. */
enum event_type event_type_of(const char *name);

static inline bool event_is_entered(enum event_type type)
{
    return type >= EVENT_TASK_ENTERED && type <= EVENT_MAP_ENTERED;
}

static inline bool event_is_exited(enum event_type type)
{
    return type >= EVENT_TASK_EXITED && type <= EVENT_MAP_EXITED;
}

#endif
