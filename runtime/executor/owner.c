/*
 * owner.c - which shards are ours, and bringing their open executions to life.
 *
 * Every lease has an epoch that rises with each new holder; each commit proves it (store.h). A node that lost
 * a lease writes nothing more: its commit is fenced, its executions are dropped.
 */
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t real_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

struct due {
    int64_t *ids;
    size_t count, capacity;
};

static int note_due(void *context, const struct store_execution *row)
{
    struct due *due = context;
    due->ids = mem_grow(due->ids, &due->capacity, due->count + 1, sizeof *due->ids);
    due->ids[due->count++] = row->id;
    return 0;
}

/* Loads what must be in memory now. Executions that are there already are left alone. */
static int load_due(struct engine *engine, int shard, struct err *err)
{
    struct due due = {0};
    int code = store_executions_due(engine->store, shard, engine_now_ms(engine), note_due, &due, err);
    size_t loaded = 0;
    for (size_t i = 0; code == 0 && i < due.count; i++) {
        if (run_by_id(engine, due.ids[i]))
            continue;
        struct err why;
        struct run *run = run_load_id(engine, shard, due.ids[i], &why);
        if (run == NULL)
            continue;
        loaded++;
        run_resume(run);
        run = run_by_id(engine, due.ids[i]);
        if (run && execution_next_due(run->execution) <= engine_now_ms(engine))
            run_deliver(run, &(struct stimulus){.kind = STIMULUS_TIMER});
    }
    free(due.ids);
    if (loaded)
        engine_log(engine, 0, "resumed %zu executions", loaded);
    return code;
}

static void arm(struct engine *engine)
{
    int64_t now_ms = engine_now_ms(engine);
    int64_t wake_ms = STORE_WAKE_NEVER;
    for (int shard = 0; shard < engine->shards; shard++) {
        int64_t moment;
        if (engine->epochs[shard] && store_next_wake(engine->store, shard, now_ms, &moment, NULL) == 0 &&
            moment < wake_ms)
            wake_ms = moment;
    }
    int64_t delay_ms = ENGINE_LEASE_MS / 3;
    if (wake_ms != STORE_WAKE_NEVER && wake_ms - now_ms < delay_ms)
        delay_ms = wake_ms - now_ms;
    if (delay_ms < 1)
        delay_ms = 1;
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    event_add(engine->wake_timer, &delay);
}

void owner_tick(struct engine *engine)
{
    struct err err;
    for (int shard = 0; shard < engine->shards; shard++) {
        if (engine->epochs[shard] == 0)
            continue;
        int code = store_lease_renew(engine->store, shard, engine->node, engine->epochs[shard], real_now_ms(),
                                     ENGINE_LEASE_MS, &err);
        if (code == ERR_FENCED) {
            engine_log(engine, 2, "the lease of shard %d is lost", shard);
            owner_release(engine);
            return;
        }
        load_due(engine, shard, &err);
    }
    arm(engine);
}

int engine_take_ownership(struct engine *engine, struct err *err)
{
    int code = ERR_BUSY;
    for (int shard = 0; shard < engine->shards; shard++) {
        int taken = engine->epochs[shard] ? 0
                                          : store_lease_take(engine->store, shard, engine->node, "{}", real_now_ms(),
                                                             ENGINE_LEASE_MS, &engine->epochs[shard], err);
        if (taken != 0)
            continue;
        engine->owned++;
        code = load_due(engine, shard, err);
    }
    if (engine->owned)
        arm(engine);
    return engine->owned ? 0 : code;
}

bool engine_owns(const struct engine *engine, const char *execution_arn)
{
    return engine->store && engine->epochs[store_shard_of(engine->store, execution_arn)] != 0;
}

/* The shards are somebody else's now: nothing in memory counts any more. */
void owner_release(struct engine *engine)
{
    event_del(engine->wake_timer);
    for (int shard = 0; shard < engine->shards; shard++) {
        if (engine->epochs[shard])
            store_lease_release(engine->store, shard, engine->node, engine->epochs[shard], NULL);
        engine->epochs[shard] = 0;
    }
    engine->owned = 0;
}
