/*
 * functions.h - Lambda functions that are local handlers: processes that speak JSON lines, or commands.
 *
 * A function NAME is found in the configuration, else in the functions directories as NAME, NAME.*
 * (executable). Line protocol: the process is kept running; it reads one line of JSON a task,
 *     {"id":"17","function":"NAME","payload":...,"context":{"idempotencyToken","executionArn","stateName","attempt","deadlineMs"}}
 * and answers in any order, one line each,
 *     {"id":"17","result":...}   or   {"id":"17","error":{"errorType":"...","errorMessage":"..."}}.
 * Command: started once per task, payload on stdin, result on stdout, non-zero exit is a failure.
 *
 * Promise   no shell; every handler runs in its own process group, which is ended as a whole on timeout,
 *           cancel and close; limits on processes, time and output.
 */
#ifndef RUNTIME_TASK_FUNCTIONS_H
#define RUNTIME_TASK_FUNCTIONS_H

#include "runtime/task/connector.h"
#include "runtime/task/function_settings.h"

#include <stddef.h>

struct functions_options {
    const char *const *directories; /* where handlers are looked for, first match wins */
    size_t directory_count;
    struct json_object *configuration; /* "functions" section of the configuration file: NAME to settings, or NULL */
    int processes_max;                 /* of all kinds at once; 0: the default */
    size_t output_bytes_max;           /* of one result; 0: the default */
    int default_timeout_s;             /* of one call; 0: none */
    void (*log)(void *context, const char *function, const char *line); /* handlers' stderr; may be NULL */
    void *log_context;
};

/* The connector for Lambda resources (function ARNs and lambda:invoke). */
int functions_open(struct event_base *base, const struct functions_options *options, struct connector **ret_connector,
                   struct err *err);

/* The name of the function that a task calls. False: the task is none of a function, or of one that cannot be. */
bool functions_task_name(const struct task *task, char ret_name[FUNCTION_NAME_CHARS_MAX + 1]);
/* Whether its handler was found and called here before: cheap. */
bool functions_called(struct connector *connector, const char *name);
/* Whether this process has a handler for it; where it was not called before the directories are looked through. */
bool functions_has(struct connector *connector, const char *name);
/* All functions that it has handlers for now: a new array of texts, sorted. */
struct json_object *functions_names(struct connector *connector);

#endif
