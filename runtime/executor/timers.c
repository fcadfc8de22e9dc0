/*
 * timers.c - when to look at an execution again: a heap of executions by their next due moment.
 */
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"

#include <event2/event.h>
#include <stdlib.h>

/* Delays are of a clock that does not count while the machine sleeps, and that nobody sets. */
enum { LOOK_AGAIN_MS = 10000 };

static void place(struct engine *engine, size_t at, struct run *run)
{
    engine->heap[at] = run;
    run->timer_at = at + 1;
}

static void sift_up(struct engine *engine, size_t at, struct run *run)
{
    while (at > 0 && engine->heap[(at - 1) / 2]->due_ms > run->due_ms) {
        place(engine, at, engine->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(engine, at, run);
}

static void sift_down(struct engine *engine, size_t at, struct run *run)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= engine->heap_count)
            break;
        if (child + 1 < engine->heap_count && engine->heap[child + 1]->due_ms < engine->heap[child]->due_ms)
            child++;
        if (engine->heap[child]->due_ms >= run->due_ms)
            break;
        place(engine, at, engine->heap[child]);
        at = child;
    }
    place(engine, at, run);
}

void timers_remove(struct run *run)
{
    struct engine *engine = run->engine;
    if (run->timer_at == 0)
        return;
    size_t at = run->timer_at - 1;
    struct run *last = engine->heap[--engine->heap_count];
    run->timer_at = 0;
    if (last == run)
        return;
    if (at > 0 && engine->heap[(at - 1) / 2]->due_ms > last->due_ms)
        sift_up(engine, at, last);
    else
        sift_down(engine, at, last);
}

static void arm(struct engine *engine)
{
    if (engine->heap_count == 0 || engine->options.virtual_clock) {
        event_del(engine->timer);
        return;
    }
    int64_t delay_ms = engine->heap[0]->due_ms - engine_now_ms(engine);
    if (delay_ms < 0)
        delay_ms = 0;
    if (delay_ms > LOOK_AGAIN_MS)
        delay_ms = LOOK_AGAIN_MS;
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    event_add(engine->timer, &delay);
}

void timers_update(struct run *run)
{
    struct engine *engine = run->engine;
    int64_t due_ms = run->ended ? INT64_MAX : execution_next_due(run->execution);
    if (run->timer_at && due_ms == run->due_ms)
        return;
    struct run *first = engine->heap_count ? engine->heap[0] : NULL;
    timers_remove(run);
    run->due_ms = due_ms;
    if (due_ms != INT64_MAX) {
        engine->heap = mem_grow(engine->heap, &engine->heap_capacity, engine->heap_count + 1, sizeof *engine->heap);
        sift_up(engine, engine->heap_count++, run);
    }
    if (engine->heap_count == 0 || engine->heap[0] != first || first == run)
        arm(engine);
    if (engine->options.virtual_clock)
        commit_kick(engine);
}

static void fire(struct engine *engine)
{
    int64_t now_ms = engine_now_ms(engine);
    while (engine->heap_count && engine->heap[0]->due_ms <= now_ms) {
        struct run *run = engine->heap[0];
        run_deliver_at(run, &(struct stimulus){.kind = STIMULUS_TIMER}, now_ms); /* the clock may step back meanwhile */
    }
    arm(engine);
}

/* The virtual clock: with nothing on the way and no task at work, time jumps to the next timer. */
static bool nothing_moves(const struct engine *engine)
{
    return engine->options.virtual_clock && engine->heap_count && commit_is_idle(engine) && engine->tasks_running == 0;
}

static void jump(struct engine *engine)
{
    if (engine->heap[0]->due_ms > engine->virtual_now_ms)
        engine->virtual_now_ms = engine->heap[0]->due_ms;
}

static void on_timer(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    if (nothing_moves(engine))
        jump(engine);
    fire(engine);
}

static void note_task(void *context, const struct execution_task *task)
{
    (void)task;
    *(bool *)context = true;
}

/* With no task at work here, those of the execution whose turn comes next are a worker's or a token holder's. */
static bool waits_outside(const struct engine *engine)
{
    bool has_task = false;
    execution_tasks(engine->heap[0]->execution, note_task, &has_task);
    return has_task;
}

/* Who works outside gets some real time after the last movement, before a timeout overtakes it. */
void timers_idle(struct engine *engine)
{
    static const struct timeval grace = {0, ENGINE_VIRTUAL_GRACE_MS * 1000};
    if (!nothing_moves(engine))
        return;
    if (waits_outside(engine)) {
        event_add(engine->timer, &grace);
        return;
    }
    /* In the next turn: the end of a nested execution may be on its way to the task that waits for it. */
    event_active(engine->timer, EV_TIMEOUT, 1);
}

int timers_open(struct engine *engine, struct err *err)
{
    engine->timer = evtimer_new(engine->base, on_timer, engine);
    return engine->timer ? 0 : err_set(err, ERR_IO, "could not make a timer");
}

void timers_close(struct engine *engine)
{
    event_free(engine->timer);
    free(engine->heap);
}
