/*
 * nested.h - tasks that call the Step Functions API itself: states:startExecution in its four patterns and
 * aws-sdk:sfn:*.
 *
 * An execution that a task starts without a name gets one that follows from the task's idempotency token, and each
 * keeps that token: a task that is started again after a crash finds its child and does not start a second one. What
 * the API cannot answer at the moment (ServiceUnavailable) is asked again; it fails no task. A task that waits for the
 * end of its child stops it when it is cancelled, be the start still on its way: the child's name is known, and the stop
 * comes behind the start.
 *
 * Source    reference/integrations.md sections 7 and 8.
 */
#ifndef RUNTIME_SERVICE_NESTED_H
#define RUNTIME_SERVICE_NESTED_H

struct connector;
struct service;

/* The service is closed before the engine that this is given to. */
struct connector *nested_open(struct service *service);

#endif
