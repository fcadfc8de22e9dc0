/*
 * execution.h - what the operations on executions share.
 */
#ifndef RUNTIME_SERVICE_EXECUTION_H
#define RUNTIME_SERVICE_EXECUTION_H

#include "runtime/service/service_priv.h"

/*
 * Member of StartExecution's input beside those of the API: the token of the task that starts it. The same task may ask
 * for the same execution again, whatever became of it. Of StopExecution's: only what that task has started is stopped.
 */
#define START_STARTED_BY "_startedBy"
/* Whether the execution was started by the task that the call's input names. */
bool execution_is_of_task(const struct service_call *call, const struct store_execution *execution);

/* Fails the call with ExecutionDoesNotExist. */
void execution_fail_missing(struct service_call *call, const char *arn);
/* Reads the execution that `executionArn` names; `fn` is called with it. False: the call has failed. */
bool execution_read(struct service_call *call, store_execution_fn *fn, void *context);
/* Parses the member "input"; nothing stands for {}. False: the call has failed (InvalidExecutionInput). */
bool execution_read_input(struct service_call *call, struct json_object **ret_input);
/* Adds "input" or "output" with its details; only those where the payload is not included. */
void execution_add_payload(struct json_object *output, const char *member, const char *text, bool included);

#endif
