/*
 * engine.h - runs executions: inbox, group commit, timers, tasks, recovery.
 *
 * One loop thread (the event_base's) plus one writer thread. A request becomes a stimulus; the pure
 * core advances the execution; its events join the batch that fills while the writer commits the one
 * before; when the batch is on disk the commands are carried out and the requester is answered.
 *
 * Promise   a `done` callback that reports 0 is called only after what it acknowledges is durable. It is
 *           called exactly once, on the loop thread, possibly before the function returns.
 * Calling   every function on the loop thread.
 * Memory    arguments are borrowed for the time of the call (JSON values are referenced as needed).
 */
#ifndef RUNTIME_EXECUTOR_ENGINE_H
#define RUNTIME_EXECUTOR_ENGINE_H

#include "runtime/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connector;
struct engine;
struct err;
struct event_base;
struct json_object;
struct machine;
struct retention;

struct engine_options {
    struct event_base *base;
    struct store *store;        /* stays the caller's; NULL: Express executions only */
    const char *region;         /* "us-east-1" */
    const char *account;        /* "123456789012" */
    const char *node;           /* name of this process among the nodes; something unique is added */
    bool virtual_clock;         /* time jumps to the next timer whenever nothing else can move */
    double wait_time_scale;     /* factor on the delays of Wait states; 0 means 1 */
    size_t payload_bytes_max;   /* 0: LIMIT_PAYLOAD_BYTES; SIZE_MAX: unlimited */
    int64_t history_events_max; /* 0: LIMIT_HISTORY_EVENTS; INT64_MAX: unlimited */
    const char *logs;           /* where configured logging goes, see log_files.h; NULL: nowhere */
    const char *buckets;        /* folder that stands for S3, laid out BUCKET/KEY; NULL: none */
    /* Executions that have had their time are not redriven; NULL: none has. */
    const struct retention *retention;
    int tasks_max; /* tasks at work at once; more wait in a queue; 0: the default */
    void (*log)(void *context, int level,
                const char *message); /* level: 0 debug, 1 info, 2 warning, 3 error; may be NULL */
    void *log_context;
};

int engine_open(const struct engine_options *options, struct engine **ret_engine, struct err *err);
/* Adds a kind of task; asked in the order they were added. The engine closes it. */
void engine_add_connector(struct engine *engine, struct connector *connector);
/*
 * Becomes the node that runs all executions of the store, and resumes those that are open. ERR_BUSY: another process is
 * there already; its name is in the error. Others may join later.
 */
int engine_take_ownership(struct engine *engine, struct err *err);
/*
 * Becomes one of the nodes of a store that several may share, with its part of the shards (owner.c), be it none at
 * first; of another store like engine_take_ownership().
 */
int engine_join(struct engine *engine, struct err *err);
/*
 * What concerns the execution may be done here. Elsewhere the functions below that change an execution of the store
 * give ERR_FENCED; ask its owner (peer.h).
 */
bool engine_owns(const struct engine *engine, const char *execution_arn);
/*
 * The process is about to end: tasks at work go on, but those that come now are left to the next start, or to other
 * nodes. Express executions, which have no other place, still get theirs. Polls for activity tasks end without one,
 * unless theirs is being started.
 */
void engine_drain(struct engine *engine);
/* Tasks at work in this process. */
int engine_tasks_running(const struct engine *engine);
bool engine_owns_shard(const struct engine *engine, int shard);
bool engine_owns_any(const struct engine *engine);
/* Finishes commits, gives tasks grace_ms to end, drops all executions from memory: connectors are not used any more. */
void engine_halt(struct engine *engine, int grace_ms);
/* The same where it was not done, then gives the leases back and frees everything. */
void engine_close(struct engine *engine, int grace_ms);

/* The engine's clock (simulated under the virtual clock), ms since 1970. */
int64_t engine_now_ms(const struct engine *engine);
/* The largest input, output or result in bytes; SIZE_MAX: unlimited. */
size_t engine_payload_max(const struct engine *engine);
const char *engine_region(const struct engine *engine);
const char *engine_account(const struct engine *engine);
struct store *engine_store(struct engine *engine);
struct event_base *engine_base(struct engine *engine);

/*
 * --- definitions: kept once per text, as documents of kind "definition" keyed by their hash ------
 *
 * The document: {"definition": the text as it was given, "type": "STANDARD" or "EXPRESS"}.
 */

/* Hex SHA-256 of a definition's text and type: the key. out: 65 bytes. */
void engine_definition_key(const char *text, size_t bytes, bool express, char *out);
/* The compiled graph of a stored definition (borrowed, cached), or NULL when it is not stored. */
struct machine *engine_definition(struct engine *engine, const char *key);
/* The same, and why there is none: ERR_NOT_FOUND, ERR_CORRUPT, or what kept the store from being read. */
int engine_find_definition(struct engine *engine, const char *key, struct machine **ret_machine, struct err *err);
/* Keeps a graph that was just compiled for its first executions (and, without a store, for all). */
void engine_keep_definition(struct engine *engine, const char *key, struct machine *machine);

/* --- batches: documents written by the service go through the same group commit ------------------- */

typedef void engine_done_fn(void *context, int code, const struct err *err);
/* The batch that is filling now: add documents to it, then engine_on_commit(). */
struct store_batch *engine_batch(struct engine *engine);
/* done(0) once everything that is in the batch now is on disk. */
void engine_on_commit(struct engine *engine, engine_done_fn *done, void *context);

/* --- executions --------------------------------------------------------------------------------------- */

/*
 * The store keeps what never changes as `meta` of the execution: {name, machineName, definition (its key),
 * roleArn, stateMachineVersionArn?, stateMachineAliasArn?, traceHeader?, testCase?, mapRunArn?,
 * itemCount? (of a child), startedBy?, logging?}.
 */
struct engine_start {
    const char *arn;         /* of the execution */
    const char *name;        /* of the execution */
    const char *machine_arn; /* without version or alias */
    const char *machine_name;
    const char *definition_key;
    const char *role_arn;
    const char *version_arn, *alias_arn; /* or NULL */
    const char *trace_header;            /* or NULL */
    const char *test_case;               /* of the mock file, or NULL */
    const char *map_run_arn;             /* a child of a distributed Map, or NULL */
    size_t item_count;                   /* of the child: how many items it works on */
    struct json_object *logging;         /* loggingConfiguration, or NULL */
    const char *started_by;              /* token of the task that starts it, or NULL */
    struct json_object *input;
    const char *input_text; /* as it was given, where it isn't how `input` is written; or NULL */
    bool express;
    bool is_new; /* the name was just drawn at random: nobody is asked whether it is taken */
};

/* What an ended (or running) execution looks like. Borrowed texts, for the time of the callback. */
struct engine_outcome {
    enum execution_status status;
    int64_t started_ms, stopped_ms;
    struct json_object *output; /* SUCCEEDED */
    const char *error, *cause;  /* each may be NULL */
};
typedef void engine_ended_fn(void *context, const struct engine_outcome *outcome);

/*
 * Starts an execution. done(0) once the start is durable (Express: at once); ERR_EXISTS when the ARN is
 * taken. ended (may be NULL) is called when it has ended and that is durable. started_ms is given back
 * at once. Returns 0, or the error where it was refused without a commit; done has been called then.
 */
int engine_start(struct engine *engine, const struct engine_start *start, int64_t *ret_started_ms, engine_done_fn *done,
                 void *done_context, engine_ended_fn *ended, void *ended_context);
/* Forgets an `ended` callback that has not been called. */
void engine_forget(struct engine *engine, const char *arn, void *ended_context);
/*
 * The name of an execution that somebody starts on behalf of another: a UUID that follows from the seed, such that the
 * ARN "arn_prefix" and name lies on the shard of the parent (NULL: on any). Where the parent was started in another
 * store, with other shards, it is the name that the child had there: it may have been started there too.
 */
enum { ENGINE_CHILD_NAME_CHARS = 36 };
void engine_child_name(struct engine *engine, const char *seed, const char *arn_prefix, const char *parent_arn,
                       char ret_name[ENGINE_CHILD_NAME_CHARS + 1]);
/* Calls back when a running execution ends, on whatever node (at once when it has); ERR_NOT_FOUND when it is not
 * known. */
int engine_watch(struct engine *engine, const char *arn, engine_ended_fn *ended, void *context);

/* StopExecution: ERR_NOT_FOUND when there is none; an ended one stays as it is and gives 0. */
void engine_stop(struct engine *engine, const char *arn, const char *error, const char *cause, engine_done_fn *done,
                 void *context);
/*
 * Stops it, if it is there, with the commit that is filling, wherever it runs; where it cannot be read now, by a
 * request in that commit. Nobody is told.
 */
void engine_stop_surely(struct engine *engine, const char *arn);
/*
 * Asks whoever runs it for StopExecution with this input, in the commit that is filling and until it is done: the
 * request comes behind those that are on their way, and outlasts this process. Nobody is told.
 */
void engine_ask_to_stop(struct engine *engine, const char *arn, struct json_object *input);
/* RedriveExecution: ERR_NOT_FOUND, ERR_INVALID (not redrivable; the message says why). True: it is in the commit that
 * is filling. */
bool engine_redrive(struct engine *engine, const char *arn, engine_done_fn *done, void *context);

/* UpdateMapRun on a run that is at work: negative values leave the setting alone. ERR_NOT_FOUND: it is not. */
int engine_update_map_run(struct engine *engine, const char *map_run_arn, int64_t max_concurrency,
                          int64_t tolerated_count, double tolerated_percentage);

/* --- tasks that wait for the outside -------------------------------------------------------------------- */

enum token_action { TOKEN_SUCCESS, TOKEN_FAILURE, TOKEN_HEARTBEAT };
struct engine_completion {
    const char *token;
    enum token_action action;
    struct json_object *output;
    const char *error, *cause;
    engine_done_fn *done;
    void (*carried_out)(void *context); /* it is in the commit that is filling; or NULL */
    void *context;
};
/* done: 0; ERR_INVALID no token of this store; ERR_NOT_FOUND the task has ended or timed out. */
void engine_complete_token(struct engine *engine, const struct engine_completion *completion);

/* The shard of the execution whose task has the token; -1: it is no token of this store. */
int engine_token_shard(struct engine *engine, const char *token);

/* What waits for a token now: for `task tokens`. */
struct engine_waiting {
    const char *token;
    const char *execution_arn;
    const char *state_name;
    const char *resource;
    int64_t since_ms, deadline_ms; /* deadline 0: none */
};
typedef void engine_waiting_fn(void *context, const struct engine_waiting *waiting);
/* Reads the open executions of the store; needs no ownership. */
int engine_list_waiting(struct engine *engine, engine_waiting_fn *fn, void *context, struct err *err);

struct activity_poll;
/* task: token and input text (borrowed), or NULL, NULL when there is none to come. */
typedef void activity_task_fn(void *context, const char *token, const char *input);
/*
 * Waits for a task of an activity. The callback is called once the worker's start is durable; without a task when the
 * engine drains, be it before this returns NULL.
 */
struct activity_poll *engine_poll_activity(struct engine *engine, const char *activity_arn, const char *worker_name,
                                           activity_task_fn *fn, void *context);
/* Ends the poll without a callback. */
void engine_poll_cancel(struct engine *engine, struct activity_poll *poll);
size_t engine_poll_count(struct engine *engine, const char *activity_arn);

/* --- reading ------------------------------------------------------------------------------------------------ */

/*
 * Writes one page of a history as the API shows it: a JSON array of events. Starts after event `after` (0:
 * the beginning; reverse: 0 the end), at most `limit`. ret_last: id of the last event written (0: no more).
 */
struct history_page {
    int64_t after;
    int limit;
    bool reverse;
    bool without_data; /* includeExecutionData=false */
};
struct buf;
int engine_history(struct engine *engine, const struct store_execution *execution, const struct history_page *page,
                   struct buf *out, int64_t *ret_last, bool *ret_more, struct err *err);
/* Input text and the outcome of an execution, from its history. ret_input, ret_output, ret_error, ret_cause: heap or
 * NULL. */
int engine_describe(struct engine *engine, const struct store_execution *execution, char **ret_input, char **ret_output,
                    char **ret_error, char **ret_cause, struct err *err);

#endif
