/*
 * execution.h - the pure core: one execution, advanced by stimuli, made again by folding its events.
 *
 *                 stimulus                     events (appended, then folded by apply)
 *   outside ───────────────▶ execution_advance ───────────────────────────────────────▶ outbox
 *                                                commands (run a task, cancel one)
 *
 * Promise   no I/O, no clock, no randomness: `now`, random bytes and task tokens come in through struct
 *           inputs. Only execution_apply() changes an execution, so replaying the stored events gives the
 *           same execution.
 * Invariants (cited by number elsewhere)
 *   (1) a command is in the outbox only after the events that led to it;
 *   (2) the fold of any prefix of a history is an execution that execution_resume() can carry on;
 *   (3) event ids are dense from 1 over all frames; records with id 0 have none.
 * Frames    a frame is one run of a States block: the machine's (id 0), a branch's, an iteration's. Frame
 *           ids are given in order of creation by the fold, so they need not be stored.
 * Memory    the outbox is the caller's; outbox_clear() drops what is in it.
 * Source    ASL; reference/history.md for the order of events and previousEventId.
 */
#ifndef RUNTIME_EXECUTION_EXECUTION_H
#define RUNTIME_EXECUTION_EXECUTION_H

#include "runtime/execution/event.h"

#include <stddef.h>

struct execution;
struct json_object;
struct machine;
struct resource;

/* Who it is: for the context object and for texts. Copied. */
struct execution_identity {
    const char *arn;
    const char *name;
    const char *machine_arn;
    const char *machine_name;
    const char *role_arn;
    const char *version_arn; /* or NULL */
    const char *alias_arn;   /* or NULL */
    const char *region;
    const char *account;
};

struct execution_settings {
    size_t payload_bytes_max;    /* SIZE_MAX: unlimited */
    int64_t history_events_max;  /* INT64_MAX: unlimited */
    double wait_time_scale;      /* 1 */
    int64_t timeout_seconds_max; /* Express: its own limit; 0: none */
    bool keep_events;            /* false: events are folded and dropped (Express without a log) */
};

enum stimulus_kind {
    STIMULUS_START,          /* value: the input */
    STIMULUS_TASK_STARTED,   /* a worker took an activity task; text: worker name or NULL */
    STIMULUS_TASK_SUBMITTED, /* value: the call's answer */
    STIMULUS_TASK_SUCCEEDED, /* value */
    STIMULUS_TASK_FAILED,    /* error, cause */
    STIMULUS_TASK_TIMED_OUT, /* error (NULL: States.Timeout), cause: a timeout that the outside reports */
    STIMULUS_HEARTBEAT,
    STIMULUS_TIMER,         /* time has passed: whatever is due at inputs.now_ms */
    STIMULUS_MAP_RUN_ENDED, /* value, or error and cause */
    STIMULUS_STOP,          /* error, cause: StopExecution */
    STIMULUS_ABORT,         /* the engine cannot go on: error, cause; ends as FAILED */
    STIMULUS_REDRIVE
};

struct stimulus {
    enum stimulus_kind kind;
    uint32_t frame;  /* TASK_..., HEARTBEAT, MAP_RUN_ENDED: whose task */
    int64_t task_id; /* id of the event that scheduled it: a stale one changes nothing */
    struct json_object *value;
    const char *error, *cause;
    const char *worker_name;
    const char *text; /* START: the input as it was given, or NULL */
};

struct inputs {
    int64_t now_ms;
    void (*random)(void *owner, void *bytes, size_t count);
    /* The token of a task: deterministic for (execution, frame, task id). Writes at most LIMIT_TOKEN_CHARS + 1
     * bytes. */
    void (*token)(void *owner, const struct execution *execution, uint32_t frame, int64_t task_id, char *ret_token);
    bool (*activity_exists)(void *owner, const char *arn);
    void *owner;
};

enum command_kind {
    COMMAND_RUN_TASK,      /* start the task's work (again after a crash) */
    COMMAND_CANCEL_TASK,   /* its result is not wanted any more */
    COMMAND_START_MAP_RUN, /* distributed Map; value: its items or NULL with an ItemReader */
    COMMAND_STOP_MAP_RUN,
    COMMAND_ENDED /* the execution is over */
};

struct command {
    enum command_kind kind;
    uint32_t frame;
    int64_t task_id;
};

struct outbox {
    struct event *events;
    size_t event_count, event_capacity;
    struct command *commands;
    size_t command_count, command_capacity;
    struct tally *tally; /* counts the events too; or NULL */
};
/* Drops what is in it, and keeps the room for more. */
void outbox_clear(struct outbox *outbox);
void outbox_release(struct outbox *outbox);

/* An execution that has not begun: STIMULUS_START begins it, or the first event that is folded. It takes a reference of
 * the machine. */
struct execution *execution_new(struct machine *machine, const struct execution_identity *identity,
                                const struct execution_settings *settings);
void execution_free(struct execution *execution);

/* Whether the stimulus meant something: false when it was stale (its task is over) and nothing happened. */
bool execution_advance(struct execution *execution, const struct stimulus *stimulus, const struct inputs *inputs,
                       struct outbox *outbox);
/* Folds one stored event. Takes nothing over. */
void execution_apply(struct execution *execution, const struct event *event);
/* After a fold: goes on where the history stops and asks again for every task that is at work. */
void execution_resume(struct execution *execution, const struct inputs *inputs, struct outbox *outbox);

enum execution_phase { EXECUTION_NEW, EXECUTION_OPEN, EXECUTION_CLOSED };
enum execution_phase execution_phase(const struct execution *execution);
/* The event that ended it: EVENT_EXECUTION_SUCCEEDED ... */
enum event_type execution_ending(const struct execution *execution);
/* What it came to, NULL where there is none; all borrowed, until the execution is advanced. */
struct json_object *execution_output(const struct execution *execution);
const char *execution_error(const struct execution *execution);
const char *execution_cause(const struct execution *execution);
/* 0 before it has begun, or ended. */
int64_t execution_started_ms(const struct execution *execution);
int64_t execution_stopped_ms(const struct execution *execution);
/* 0: none yet. */
int64_t execution_last_event_id(const struct execution *execution);
int64_t execution_redrive_count(const struct execution *execution);
const char *execution_arn(const struct execution *execution);
struct machine *execution_machine(const struct execution *execution);

/* When the next timer is due, INT64_MAX when none is set. */
int64_t execution_next_due(struct execution *execution);
/* Only far timers and tokens are waited for: it can leave memory and come back by replay. */
bool execution_is_dormant(const struct execution *execution);

/* One task that is at work: what a connector must know. Borrowed, until the execution is advanced. */
struct execution_task {
    uint32_t frame;
    int64_t task_id;
    const struct resource *resource;
    const struct state *state;
    struct json_object *input; /* effective input or evaluated Parameters / Arguments */
    struct json_object *credentials;
    int64_t scheduled_ms;
    int64_t timeout_at_ms; /* INT64_MAX: none */
    int64_t retry_count;
    int64_t invocation; /* how often this state was scheduled in this execution before */
    bool started;       /* an activity's worker has it */
    bool submitted;     /* the call was accepted: only the token or the end is waited for */
};
/* False when that task is over. */
bool execution_task(const struct execution *execution, uint32_t frame, int64_t task_id,
                    struct execution_task *ret_task);
/* Calls back for every task at work. */
void execution_tasks(const struct execution *execution, void (*fn)(void *context, const struct execution_task *task),
                     void *context);

/* A distributed Map at work: frame and state of COMMAND_START_MAP_RUN. */
struct execution_map_run {
    const struct state *state;
    const char *arn;
    struct json_object *items; /* array, or NULL when an ItemReader gives them */
    struct json_object
        *settled; /* details of MapRunStarted: _maxConcurrency, _toleratedCount, _reader ... (state_map.c) */
};
bool execution_map_run(const struct execution *execution, uint32_t frame, int64_t task_id,
                       struct execution_map_run *ret_map_run);

/* ItemSelector of a distributed Map for one item. 0 and a new reference, or -1 and the failure. */
struct asl_failure;
int execution_map_item_input(struct execution *execution, uint32_t frame, const struct inputs *inputs, uint32_t index,
                             struct json_object *item, struct json_object **ret_input, struct asl_failure *failure);

/* Text of everything that the fold made, for tests: two equal executions print alike. Heap. */
char *execution_dump(const struct execution *execution);

#endif
