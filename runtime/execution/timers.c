#include "asl/base/mem.h"
#include "runtime/execution/execution_priv.h"

/*
 * Entries are never taken out of the middle: an entry counts only while its frame (or the execution) is
 * due at just that moment, the others are dropped when they come to the top.
 */

int64_t frame_due_ms(const struct frame *frame)
{
    if (frame->aborted)
        return INT64_MAX;
    switch (frame->phase) {
    case PHASE_WAIT:
    case PHASE_RETRY:
        return frame->until_ms;
    case PHASE_TASK: {
        int64_t due = frame->task_timeout_ms ? frame->task_timeout_ms : INT64_MAX;
        if (frame->heartbeat_at_ms && frame->heartbeat_at_ms < due)
            due = frame->heartbeat_at_ms;
        return due;
    }
    default:
        return INT64_MAX;
    }
}

void timers_add(struct execution *x, uint32_t frame, int64_t due_ms)
{
    if (due_ms == INT64_MAX)
        return;
    x->timers = mem_grow(x->timers, &x->timer_capacity, x->timer_count + 1, sizeof *x->timers);
    size_t at = x->timer_count++;
    while (at > 0 && x->timers[(at - 1) / 2].due_ms > due_ms) {
        x->timers[at] = x->timers[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    x->timers[at] = (struct timer){due_ms, frame};
}

static void drop_first(struct execution *x)
{
    struct timer last = x->timers[--x->timer_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= x->timer_count)
            break;
        if (child + 1 < x->timer_count && x->timers[child + 1].due_ms < x->timers[child].due_ms)
            child++;
        if (x->timers[child].due_ms >= last.due_ms)
            break;
        x->timers[at] = x->timers[child];
        at = child;
    }
    if (x->timer_count)
        x->timers[at] = last;
}

static bool counts(const struct execution *x, struct timer timer)
{
    if (timer.frame == EXECUTION_TIMER)
        return x->timeout_at_ms == timer.due_ms;
    struct frame *frame = frame_of(x, timer.frame);
    return frame && frame_due_ms(frame) == timer.due_ms;
}

int64_t execution_next_due(struct execution *x)
{
    if (x->phase != EXECUTION_OPEN)
        return INT64_MAX;
    while (x->timer_count && !counts(x, x->timers[0]))
        drop_first(x);
    return x->timer_count ? x->timers[0].due_ms : INT64_MAX;
}

bool timers_take_due(struct execution *x, int64_t now_ms, uint32_t *ret_frame)
{
    if (execution_next_due(x) > now_ms)
        return false;
    *ret_frame = x->timers[0].frame;
    drop_first(x);
    return true;
}
