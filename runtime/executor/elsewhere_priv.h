/* elsewhere_priv.h - what both sides of elsewhere.h share: the form of a task on its way and of its report. */
#ifndef RUNTIME_EXECUTOR_ELSEWHERE_PRIV_H
#define RUNTIME_EXECUTOR_ELSEWHERE_PRIV_H

#include "runtime/task/connector.h"

struct engine;
struct errands;
struct json_object;

/*
 * The task: {"resource", "input", "stateName", "machineName", "executionArn", "idempotencyToken", "taskToken"?,
 * "roleArn"?, "attempt", "invocation", "deadlineMs"}.
 * The answer: {"report": "succeeded" ..., "output", "error"?, "cause"?, "handedOver"}, or {"refused": name of the
 * node}.
 */
#define ELSEWHERE_OPERATION "~RunTask"

/* --- errand.c: the side that works ------------------------------------------------------------- */
struct errands *errands_open(struct engine *engine, struct connector *functions);
/* What is at work is ended; its requests stay for the next owner of their shards. */
void errands_close(struct errands *errands);

/* The report in an answer; borrowed from it. False where it is none. */
bool errand_read_report(struct json_object *answer, struct task_report *ret_report);

#endif
