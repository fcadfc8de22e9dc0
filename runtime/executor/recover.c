/*
 * recover.c - brings executions to life that have to be in memory: those of a shard that was taken, those that a lost
 * commit dropped, and those that slept until now.
 *
 * Who writes the moments of waking is the owner alone, so it knows the next one without asking: `next_ms` is at most
 * the moment of any execution of our shards that is not in memory. Everybody who lets one leave memory says so
 * (recover_note). Only when that moment is near the store is asked, for some seconds at once (AHEAD_MS); what was read
 * early waits in the heap of timers. Thousands are read in slices, between which the loop turns: a node that loads a
 * dead one's executions must not miss its own renewal.
 */
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/executor/engine_priv.h"

#include <event2/event.h>
#include <stdlib.h>

enum {
    AHEAD_MS = 5000,
    EARLY_MS = 1000, /* so much before the first of them */
    SLICE_US = 20000,
    TOGETHER_MAX = 64, /* executions that the store is asked for at once */
    RETRY_MS = 1000,   /* when the store could not be read */
    LATEST_MS = 10000  /* before the clock is looked at again: somebody may have set it, or the machine slept */
};

struct sleeper {
    int64_t id;
    int shard;
};

struct recovery {
    struct event *timer;
    int64_t next_ms;
    struct sleeper *queue; /* to be read */
    size_t head, count, capacity;
};

static void arm(struct engine *engine, int64_t delay_ms)
{
    struct recovery *recovery = engine->recovery;
    if (delay_ms < 0)
        delay_ms = 0;
    if (delay_ms > LATEST_MS)
        delay_ms = LATEST_MS;
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    event_add(recovery->timer, &delay);
}

static void arm_next(struct engine *engine)
{
    struct recovery *recovery = engine->recovery;
    if (recovery->head < recovery->count)
        arm(engine, 0);
    else if (recovery->next_ms == STORE_WAKE_NEVER)
        event_del(recovery->timer);
    else
        arm(engine, recovery->next_ms - engine_now_ms(engine) - EARLY_MS);
}

static int note_due(void *context, const struct store_execution *row)
{
    struct engine *engine = context;
    struct recovery *recovery = engine->recovery;
    struct run *run = run_by_id(engine, row->id);
    if (run && run->resumed)
        return 0;
    recovery->queue = mem_grow(recovery->queue, &recovery->capacity, recovery->count + 1, sizeof *recovery->queue);
    recovery->queue[recovery->count++] = (struct sleeper){row->id, row->shard};
    return 0;
}

/* The store is asked for all that is due until a little later, and for the first moment after that. */
static int look(struct engine *engine)
{
    struct recovery *recovery = engine->recovery;
    struct err err;
    int *shards = mem_alloc((size_t)engine->shards * sizeof *shards);
    size_t count = owner_list(engine, shards);
    int64_t until_ms = engine_now_ms(engine) + AHEAD_MS;
    int64_t next_ms = STORE_WAKE_NEVER;
    recovery->head = recovery->count = 0;
    int code = store_executions_due(engine->store, shards, count, until_ms, note_due, engine, &err);
    if (code == 0)
        code = store_next_wake(engine->store, shards, count, until_ms, &next_ms, &err);
    free(shards);
    if (code == 0)
        recovery->next_ms = next_ms;
    else
        engine_log(engine, 2, "could not look for executions that are due: %s", err.message);
    return code;
}

/* False: the store could not be read. */
static bool load(struct engine *engine, const struct sleeper *sleeper)
{
    struct err err;
    if (!owner_holds(engine, sleeper->shard))
        return true; /* who takes it next looks for itself */
    struct run *run = run_load_id(engine, sleeper->shard, sleeper->id, &err);
    if (run == NULL)
        return err.code == ERR_NOT_FOUND || err.code == ERR_CORRUPT || err.code == ERR_FENCED;
    if (!run->resumed)
        run = run_resume(run);
    if (run && !run->ended && execution_next_due(run->execution) <= engine_now_ms(engine))
        run_deliver(run, &(struct stimulus){.kind = STIMULUS_TIMER});
    return true;
}

static bool load_some(struct engine *engine)
{
    struct recovery *recovery = engine->recovery;
    struct store_key keys[TOGETHER_MAX] = {0};
    size_t count = 0;
    bool good = true;
    for (size_t i = recovery->head; i < recovery->count && count < TOGETHER_MAX; i++)
        keys[count++] = (struct store_key){recovery->queue[i].shard, recovery->queue[i].id};
    store_prefetch(engine->store, keys, count);
    for (; good && count > 0 && recovery->head < recovery->count; count--)
        good = load(engine, &recovery->queue[recovery->head++]);
    store_prefetch(engine->store, NULL, 0);
    return good;
}

static void on_timer(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    struct recovery *recovery = engine->recovery;
    int64_t until_us = clock_steady_us() + SLICE_US;
    if (recovery->head == recovery->count && recovery->next_ms - EARLY_MS > engine_now_ms(engine)) {
        arm_next(engine);
        return;
    }
    if (recovery->head == recovery->count && look(engine) != 0) {
        recovery->next_ms = 0;
        arm(engine, RETRY_MS);
        return;
    }
    while (recovery->head < recovery->count && clock_steady_us() < until_us) {
        if (load_some(engine))
            continue;
        recovery->head = recovery->count = 0;
        recovery->next_ms = 0;
        arm(engine, RETRY_MS);
        return;
    }
    if (recovery->head == recovery->count && recovery->capacity > 1024) {
        free(recovery->queue);
        recovery->queue = NULL;
        recovery->head = recovery->count = recovery->capacity = 0;
    }
    arm_next(engine);
}

void recover_soon(struct engine *engine, int delay_ms)
{
    struct recovery *recovery = engine->recovery;
    recovery->next_ms = 0;
    recovery->head = recovery->count = 0; /* all that is left is found again */
    arm(engine, delay_ms);
}

void recover_note(struct engine *engine, int64_t wake_ms)
{
    struct recovery *recovery = engine->recovery;
    if (wake_ms >= recovery->next_ms)
        return;
    recovery->next_ms = wake_ms;
    if (recovery->head == recovery->count)
        arm_next(engine);
}

int recover_open(struct engine *engine, struct err *err)
{
    engine->recovery = NEW(struct recovery);
    engine->recovery->next_ms = STORE_WAKE_NEVER;
    engine->recovery->timer = evtimer_new(engine->base, on_timer, engine);
    return engine->recovery->timer ? 0 : err_set(err, ERR_IO, "could not make a timer");
}

void recover_close(struct engine *engine)
{
    event_free(engine->recovery->timer);
    free(engine->recovery->queue);
    free(engine->recovery);
}
