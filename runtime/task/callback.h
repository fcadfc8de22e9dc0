/*
 * callback.h - services that are not here: the last connector that is asked.
 *
 * A .waitForTaskToken call is taken as accepted: the task is reported as submitted, with an answer shaped
 * like the service's, and waits for its token. Whoever is to do the work finds the token with
 * `orchestrator task tokens`. Any other call of a service fails and says what there is.
 *
 * Source    reference/integrations.md sections 1, 4, 5.
 */
#ifndef RUNTIME_TASK_CALLBACK_H
#define RUNTIME_TASK_CALLBACK_H

#include "runtime/task/connector.h"

struct connector *callback_open(struct event_base *base);

#endif
