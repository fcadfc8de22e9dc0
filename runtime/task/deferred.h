/*
 * deferred.h - reports that wait for the next turn of the loop, for connectors that know the answer at once.
 *
 * A connector's start() must not report; deferred_add() remembers what is to be said. One task may have
 * several reports (submitted, then the result); they keep their order.
 */
#ifndef RUNTIME_TASK_DEFERRED_H
#define RUNTIME_TASK_DEFERRED_H

#include "runtime/task/connector.h"

#include <sys/queue.h>

struct event;
struct deferred_report;

struct deferred {
    TAILQ_HEAD(deferred_list, deferred_report) reports;
    struct event *turn;
};

void deferred_init(struct deferred *deferred, struct event_base *base);
/* Texts and values are copied or referenced. */
void deferred_add(struct deferred *deferred, struct task *task, const struct task_report *report);
/* Forgets what was to be said of a task. */
void deferred_cancel(struct deferred *deferred, const struct task *task);
void deferred_release(struct deferred *deferred);

#endif
