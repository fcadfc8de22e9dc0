/*
 * functions_priv.h - what the files of the functions connector share: functions.c, function_call.c,
 * function_names.c, function_lines.c and function_command.c. Nobody else includes it.
 *
 *     start() ──▶ function->queue ──pump()──▶ function->at_work ──answer──▶ call_succeed() / call_..._failed()
 *                                                    │
 *                                          cancel, timeout ──▶ abandon()
 *
 * A call is one task on its way. It is queued by start(); on the next turn of the loop the mode of its
 * function (lines or command) takes it to a process, as far as there is room. An ending unlinks and frees
 * the call before it reports, so whatever the report causes finds everything in order.
 */
#ifndef RUNTIME_TASK_FUNCTIONS_PRIV_H
#define RUNTIME_TASK_FUNCTIONS_PRIV_H

#include "asl/base/buf.h"
#include "runtime/task/deferred.h"
#include "runtime/task/function_settings.h"
#include "runtime/task/functions.h"
#include "runtime/task/process.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct call;
struct event;
struct function;
struct json_object;
TAILQ_HEAD(call_list, call);

/* How a function's processes are used. */
struct mode_ops {
    /* Takes calls from the queue to processes, as far as there is room. */
    void (*pump)(struct function *function);
    /* The result of a call at work is not wanted any more; the caller ends the call. */
    void (*abandon)(struct call *call);
    /* Gives back a process that does nothing, if there is one; else one that ends its work first where there
     * are more. */
    bool (*give_back)(struct function *function, bool busy_too);
    /* Lets go of everything; the processes are ended by process_table_close(). */
    void (*release)(struct function *function);
};

extern const struct mode_ops function_lines_mode, function_command_mode;

struct function {
    struct function *next; /* of the same hash */
    struct functions *all;
    char *name;
    struct function_settings settings;
    const struct mode_ops *mode;
    struct call_list queue;   /* in the order they came */
    struct call_list at_work; /* in the order they were taken to a process */
    struct event *timeout;    /* of the oldest call at work; NULL without a timeout */
    TAILQ_ENTRY(function) waiting_link;
    bool waiting;  /* in all->waiting */
    int processes; /* it has now */
    void *pool;    /* the mode's own */
};

struct call {
    TAILQ_ENTRY(call) link; /* in queue or at_work of the function */
    struct task *task;
    struct function *function;
    struct json_object *payload; /* own reference */
    int64_t started_ms;          /* of the loop's clock; 0: queued */
    void *place;                 /* the worker or the run it is at */
    uint32_t slot;               /* there */
};

enum { FUNCTIONS_BUCKETS = 256, FUNCTIONS_PROCESSES_MAX = 64, FUNCTIONS_OUTPUT_BYTES_MAX = 6291556 };

struct functions {
    struct connector connector;
    struct functions_options options;
    char **directories; /* absolute */
    struct event_base *base;
    struct process_table processes;
    struct event *turn; /* active when there is something to pump */
    struct function *buckets[FUNCTIONS_BUCKETS];
    TAILQ_HEAD(function_list, function) waiting; /* functions with queued calls */
    struct deferred refused;                     /* tasks that did not become calls */
    struct call_list spare;                      /* calls for the next use */
    struct json_object *http_metadata;           /* of lambda:invoke's answers; shared by all */
    uint64_t random[2];                          /* of request ids */
};

/* --- functions.c ------------------------------------------------------------------------------ */

int64_t functions_now_ms(const struct functions *all);
/* Pumps what waits on the next turn of the loop. */
void functions_wake(struct functions *all);
/* Whether one more process may be started; idle ones of other functions are given back for it. */
bool functions_room(struct functions *all, const struct function *wanting);

/* A function that was called before, NULL where it was not. */
struct function *functions_known(struct functions *all, const char *name);
/* The resource is lambda:invoke, whose function is named by the task's input. */
bool functions_invoked(const struct resource *resource);
/*
 * The name in a FunctionName: "NAME", "NAME:QUALIFIER", "ACCOUNT:function:NAME" or an ARN, either with a
 * qualifier. False where there is none that could be a function.
 */
bool function_name_read(const char *text, char name[FUNCTION_NAME_CHARS_MAX + 1]);

/* --- function_call.c: a call's way, and what its end looks like ---------------------------------- */

/* Queues a task; takes over the payload. */
struct call *call_queue(struct function *function, struct task *task, struct json_object *payload);
/* From the queue to at_work; its time runs from now. */
void call_take(struct call *call, void *place);
/* Ends the call without a report. */
void call_drop(struct call *call);

/* The endings. `text` is the handler's JSON; what is none becomes a failure. */
void call_answered(struct call *call, const char *text, size_t bytes);
/* An error object of the handler: {"errorType","errorMessage"}. */
void call_failed(struct call *call, const char *text, size_t bytes);
/* The handler itself failed: Lambda.Unknown with a cause {"errorMessage","errorType"}. */
void call_broke(struct call *call, const char *error_type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void call_timed_out(struct call *call);

/* Runtime.ExitError texts: "was ended by signal 9 (Killed)", "ended with status 1", and its last words. */
void describe_exit(struct buf *out, int status, const char *last_words);
/* When the handler has to be done, of its own time and the task's; 0: never. */
int64_t call_deadline_ms(const struct call *call);
/* What AWS says of a function that is not there; from the heap. */
char *describe_missing(struct functions *all, const struct task *task, const char *name, const char *hint);

#endif
