/*
 * execution_priv.h - for the files of runtime/execution only: the execution and its frames.
 *
 * A frame's phase, each change made by the fold of the event named:
 *
 *   ENTER ──…Entered──▶ WORK ──Scheduled──▶ TASK ──Succeeded──▶ RESULT ──…Exited──▶ ENTER | ENDED
 *                        │ ──~WaitSet──▶ WAIT ─────────────────────┘
 *                        │ ──ParallelStateStarted, MapStateStarted──▶ CHILDREN ──…Succeeded──▶ RESULT
 *                        │ ──MapRunStarted──▶ MAP_RUN ──MapRunSucceeded──▶ RESULT
 *   WORK, TASK, RESULT, CHILDREN ──…Failed, …TimedOut, EvaluationFailed, ~ChildFailed──▶ FAILED
 *   FAILED ──~RetrySet──▶ RETRY ──(time)──▶ WORK;   FAILED ──…Exited (caught)──▶ ENTER
 */
#ifndef RUNTIME_EXECUTION_EXECUTION_PRIV_H
#define RUNTIME_EXECUTION_EXECUTION_PRIV_H

#include "asl/definition/graph.h"
#include "asl/env.h"
#include "asl/failure.h"
#include "runtime/execution/execution.h"

enum phase {
    PHASE_ENTER,
    PHASE_WORK,
    PHASE_TASK,
    PHASE_WAIT,
    PHASE_CHILDREN,
    PHASE_MAP_RUN,
    PHASE_RESULT,
    PHASE_FAILED,
    PHASE_RETRY,
    PHASE_ENDED
};

/* The children of a Parallel or an inline Map while they run. */
struct children {
    struct frame **frames;        /* by slot: branch number or index; NULL: not started or ended */
    struct json_object **results; /* by slot */
    uint32_t count;
    uint32_t started; /* slots below were started */
    uint32_t ended;
    uint32_t live;
    uint32_t failed_slot;      /* NEVER_SLOT: none */
    int64_t max_concurrency;   /* 0: no limit */
    int64_t last_event_id;     /* of the child that ended last */
    struct json_object *items; /* Map */
    bool keyed;                /* Map: they are the members of an object */
};

struct frame {
    uint32_t id;
    uint32_t slot; /* in its parent */
    struct frame *parent;
    const struct scope *scope;
    const struct state *state; /* ENTER: the one to be entered next */
    enum phase phase;
    bool queued;                 /* in the run queue */
    bool closed;                 /* its MapIterationFailed or ...Aborted is written */
    bool aborted;                /* its ...StateAborted is written */
    bool announced;              /* COMMAND_RUN_TASK was given: not part of the fold */
    bool final;                  /* FAILED: neither retrier nor catcher is asked again */
    bool heartbeat_missed;       /* FAILED: by a heartbeat */
    int64_t last_event_id;       /* previousEventId of its next event */
    int64_t entered_id;          /* of the current state */
    int64_t entered_previous_id; /* previousEventId of that event */
    int64_t entered_ms;
    struct json_object *input; /* raw input of the current state */
    struct json_object *value; /* payload of the frame's last event that had one */
    struct asl_variables variables;

    /* retries of this visit */
    int64_t retry_count;
    int64_t *retrier_counts; /* by retrier; NULL: none used */
    int64_t until_ms;        /* WAIT, RETRY */

    /* task at work, or the map run */
    int64_t task_id; /* 0: none */
    bool task_started, task_submitted;
    int64_t task_scheduled_ms, task_started_ms, task_timeout_ms, heartbeat_at_ms, heartbeat_ms; /* 0: none */
    int64_t task_invocation;
    struct json_object *task_input, *credentials;
    struct json_object *map_run; /* {"arn","maxConcurrency",...} */

    /* FAILED */
    char *error, *cause;
    int64_t failing_id; /* the event that failed it */
    bool failed_shown;  /* MapStateFailed or ParallelStateFailed is written */

    struct children *children;
    int64_t joined_id; /* RESULT of a Parallel or Map: the event that says that all children have ended well */
};

struct timer {
    int64_t due_ms;
    uint32_t frame;
};

struct execution {
    struct machine *machine;
    struct execution_identity identity; /* texts owned */
    struct execution_settings settings;
    enum execution_phase phase;
    enum event_type ending;
    int64_t next_event_id;
    int64_t started_ms, stopped_ms, redrive_count, redriven_ms;
    int64_t timeout_at_ms; /* 0: none */
    struct json_object *input, *output;
    char *error, *cause;
    struct frame **frames; /* by id; NULL: gone */
    uint32_t frame_count;
    size_t frame_capacity;
    uint32_t *scheduled_counts; /* by state index: how often it was scheduled; NULL: never */
    bool full;                  /* the next event would be the last one allowed */
    struct json_object *context_execution, *context_machine; /* parts of the context object, made once */

    /* timers: a binary heap of (due, frame); an entry counts only while the frame is due then */
    struct timer *timers;
    size_t timer_count, timer_capacity;

    /* frames that can go on, in order */
    struct frame **queue;
    size_t queue_head, queue_count, queue_capacity;

    /* only during advance */
    const struct inputs *inputs;
    struct outbox *outbox;
};

/* --- emit.c: events come into being here, are folded at once and put into the outbox ------------- */

/* A fresh event of a frame: id, time and previousEventId are filled in by emit(). */
struct event event_of(const struct frame *frame, enum event_type type);
/* The same with a payload (a new reference is taken). */
struct event event_with(const struct frame *frame, enum event_type type, struct json_object *value);
/* Gives the event its id and time, folds it, and hands it (and its references) to the outbox. */
void emit(struct execution *x, struct event event);
void command(struct execution *x, enum command_kind kind, const struct frame *frame);
/* Adds error and cause, where there are any, to the event's details. */
void event_add_error(struct event *event, const char *error, const char *cause);

/* --- apply.c -------------------------------------------------------------------------------------- */

struct frame *frame_of(const struct execution *x, uint32_t id);
void frame_enqueue(struct execution *x, struct frame *frame);
void frames_release(struct execution *x);

/* --- timers.c ------------------------------------------------------------------------------------- */

#define EXECUTION_TIMER UINT32_MAX /* instead of a frame: the execution's own timeout */
void timers_add(struct execution *x, uint32_t frame, int64_t due_ms);
/* Takes one frame (or EXECUTION_TIMER) that is due; false when there is none. */
bool timers_take_due(struct execution *x, int64_t now_ms, uint32_t *ret_frame);
/* Earliest moment at which this frame is due, INT64_MAX: never. */
int64_t frame_due_ms(const struct frame *frame);

/* --- context.c ------------------------------------------------------------------------------------ */

/* What the context object of an env is made from; lives as long as the env. */
struct env_owner {
    struct execution *x;
    struct frame *frame;
    const char *token;        /* $$.Task.Token, or NULL */
    uint32_t item_slot;       /* $$.Map.Item of an ItemSelector: index; NEVER_SLOT: that of the iteration it runs in */
    struct json_object *item; /* and value */
    bool item_keyed;          /* the item is a member of an object */
    const char *item_source;  /* distributed Map: $$.Map.Item.Source, or NULL */
};
#define NEVER_SLOT UINT32_MAX

/* The env of the frame's current state; release with asl_env_release(). Fill token, item_slot, item after it. */
void frame_env(struct execution *x, struct frame *frame, struct env_owner *owner, struct asl_env *ret_env);

/* --- failure.c: what happens to an error --------------------------------------------------------- */

/* An expression or the data flow failed in the frame's state: EvaluationFailed, States.Runtime ... Releases the
 * failure. */
void fail_state(struct execution *x, struct frame *frame, struct asl_failure *failure);
/* The frame's state fails with an error after the frame's last event. */
void fail_frame(struct execution *x, struct frame *frame, const char *error, const char *cause);
/* PHASE_FAILED: aborts children, then retrier, catcher, or hands the error up. */
void step_failed(struct execution *x, struct frame *frame);
/* The whole execution ends: cancels what is at work, emits the ending. */
void end_execution(struct execution *x, enum event_type ending, int64_t previous_id, struct json_object *output,
                   const char *error, const char *cause);
/* Larger than the payload limit, or nested deeper than LIMIT_JSON_DEPTH. */
bool is_too_large(const struct execution *x, struct json_object *value);
/* True where the value is not; else the state fails with States.DataLimitExceeded. */
bool fits_payload(struct execution *x, struct frame *frame, struct json_object *value, const char *what);

/* --- one file a state type: what the WORK phase does ---------------------------------------------- */

/* Evaluates in `env`, and emits what follows; -1 and the failure where an expression or the data flow fails, having
 * emitted no more than what comes before it. */
typedef int work_fn(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure);
work_fn work_task, work_pass, work_choice, work_wait, work_succeed, work_fail, work_parallel, work_map;
void step_children(struct execution *x, struct frame *frame); /* CHILDREN of either */
/* RESULT: the raw result is the frame's value; ResultSelector ... Output, then the exit. */
void step_result(struct execution *x, struct frame *frame);
void exit_state(struct execution *x, struct frame *frame, struct json_object *output, struct json_object *assigned,
                const struct state *next);

bool task_stimulus(struct execution *x, struct frame *frame, const struct stimulus *stimulus);
/* The frame's task or heartbeat is over its time: ...TimedOut. */
void task_time_out(struct execution *x, struct frame *frame);
/* TASK: ...Started where that follows at once, and the command to run it. */
void step_task(struct execution *x, struct frame *frame);

#endif
