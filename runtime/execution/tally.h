/*
 * tally.h - what happened in executions, counted while it does: how many events of each type, how long tasks took.
 *
 * One tally may serve many executions (struct outbox). It counts what is emitted, not what is folded again; of a commit
 * that fails the events are counted twice.
 */
#ifndef RUNTIME_EXECUTION_TALLY_H
#define RUNTIME_EXECUTION_TALLY_H

#include "runtime/execution/event.h"
#include "runtime/histogram.h"

struct frame;

enum tally_kind { TALLY_ACTIVITY, TALLY_LAMBDA, TALLY_SERVICE, TALLY_KINDS };

struct tally {
    int64_t counts[EVENT_TYPES];
    struct tally_tasks {
        int64_t heartbeats_missed;               /* of those that timed out */
        struct histogram run, schedule, overall; /* seconds: at work; until somebody took it; both */
    } tasks[TALLY_KINDS];
};

void tally_init(struct tally *tally);
/* An event that was just emitted and folded. */
void tally_event(struct tally *tally, const struct frame *frame, const struct event *event);

#endif
