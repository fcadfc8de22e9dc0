/*
 * owner_release.c - shards that cease to be ours: lost to others, or given back (drained).
 *
 * A drained shard takes no new work. Executions that no commit holds leave memory at once, those of a commit when it is
 * written (run_settle), which calls owner_drained(); requests at work get DRAIN_REQUESTS_MS to end. When nothing is
 * left the lease is released, which wakes the other nodes.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/owner_priv.h"

#include <event2/event.h>
#include <stdlib.h>

enum {
    DRAIN_POLL_MS = 20,
    DRAIN_AWAY_MS = 500,    /* where the store could not be told */
    DRAIN_REQUESTS_MS = 500 /* so long requests at work may hold a shard that is drained */
};

/* --- losing ------------------------------------------------------------------------------------------------------ */

/* context: by shard, whether it is lost. */
static bool is_lost(const struct run *run, const void *context)
{
    const bool *lost = context;
    return !run->express && lost[run->shard];
}

/* Not ours any more, whether released or taken from us. */
static void let_go(struct engine *engine, int shard)
{
    engine->owner->drains -= engine->releasing[shard];
    engine->epochs[shard] = 0;
    engine->releasing[shard] = false;
    engine->owned--;
}

/* Invariant (4) of owner.c. */
static void lose(struct engine *engine, const bool *lost, int count)
{
    if (count == 0)
        return;
    engine_log(engine, 2, "%d of %d shards are lost to other nodes", count, engine->owned);
    for (int shard = 0; shard < engine->shards; shard++)
        if (lost[shard])
            let_go(engine, shard);
    run_each(engine, is_lost, lost, run_forget);
    for (int shard = 0; shard < engine->shards; shard++)
        if (lost[shard])
            peer_inbox_drop_shard(engine, shard, false);
    watch_rearm(engine);
}

void owner_check_lost(struct engine *engine, const struct node_view *view)
{
    bool *lost = mem_zalloc((size_t)engine->shards * sizeof *lost);
    int count = 0;
    for (int shard = 0; shard < engine->shards; shard++) {
        lost[shard] = engine->epochs[shard] && view->epochs[shard] != engine->epochs[shard];
        count += lost[shard];
    }
    lose(engine, lost, count);
    free(lost);
}

/* --- giving back -------------------------------------------------------------------------------------------------- */

/* Executions that no commit holds leave memory at once, the others when it is written (run_settle). */
static void begin_drain(struct engine *engine, int shard)
{
    engine->releasing[shard] = true;
    engine->owner->drains++;
    peer_inbox_drop_shard(engine, shard, true);
}

static bool is_drained(const struct run *run, const void *context)
{
    (void)context;
    return !run->express && run->engine->releasing[run->shard];
}

static void quiet(struct run *run)
{
    if (!run->dirty && !run->in_commits) {
        run_forget(run);
    } else {
        tasks_leave_all(run);
        timers_remove(run);
    }
}

static void quiet_drained(struct engine *engine)
{
    run_each(engine, is_drained, NULL, quiet);
}

/* Invariant (3) of owner.c. */
static int release_idle(struct engine *engine)
{
    struct owner *owner = engine->owner;
    int *shards = mem_alloc((size_t)owner->drains * sizeof *shards);
    int64_t *epochs = mem_alloc((size_t)owner->drains * sizeof *epochs);
    size_t count = 0;
    int code = 0;
    struct err err;
    for (int shard = 0; shard < engine->shards; shard++) {
        if (!engine->releasing[shard])
            continue;
        if (clock_steady_ms() >= owner->drain_until_ms)
            peer_inbox_drop_shard(engine, shard, false);
        if (engine->shard_runs[shard] || peer_inbox_count(engine, shard))
            continue;
        shards[count] = shard;
        epochs[count++] = engine->epochs[shard];
    }
    if (count)
        code = store_lease_release(engine->store, engine->node, shards, epochs, count, &err);
    if (code != 0) {
        engine_log(engine, 2, "could not give shards back: %s", err.message);
        count = 0; /* the next look tells what became of it */
    }
    for (size_t i = 0; i < count; i++)
        let_go(engine, shards[i]);
    free(shards);
    free(epochs);
    if (count) {
        engine_log(engine, 1, "gave back %zu shards, kept %d", count, engine->owned);
        watch_rearm(engine);
    }
    return code;
}

static void on_drain(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    if (engine->owner->drains == 0)
        return;
    const struct timeval pause = {.tv_usec = (release_idle(engine) ? DRAIN_AWAY_MS : DRAIN_POLL_MS) * 1000};
    if (engine->owner->drains)
        event_add(engine->owner->drain_timer, &pause);
}

void owner_drained(struct engine *engine)
{
    if (engine->owner->drains)
        event_active(engine->owner->drain_timer, EV_TIMEOUT, 0);
}

void owner_drain_surplus(struct engine *engine, int surplus)
{
    struct owner *owner = engine->owner;
    while (surplus-- > 0) {
        int best = -1;
        for (int shard = 0; shard < engine->shards; shard++) {
            if (engine->epochs[shard] && !engine->releasing[shard] &&
                (best < 0 || engine->shard_runs[shard] < engine->shard_runs[best]))
                best = shard;
        }
        if (best < 0)
            break;
        begin_drain(engine, best);
    }
    owner->drain_until_ms = clock_steady_ms() + DRAIN_REQUESTS_MS;
    quiet_drained(engine);
    owner_drained(engine);
}

void owner_drain_idle(struct engine *engine)
{
    bool *busy = mem_zalloc((size_t)engine->shards * sizeof *busy);
    struct lh_entry *entry;
    lh_foreach(engine->runs_by_id, entry)
    {
        struct run *run = (struct run *)lh_entry_v(entry);
        if (!run->express && tasks_hold(run))
            busy[run->shard] = true;
    }
    for (int shard = 0; shard < engine->shards; shard++)
        if (engine->epochs[shard] && !engine->releasing[shard] && !busy[shard])
            begin_drain(engine, shard);
    free(busy);
    engine->owner->drain_until_ms = clock_steady_ms() + DRAIN_REQUESTS_MS;
    quiet_drained(engine);
    owner_drained(engine);
}

int owner_release_strays(struct engine *engine, struct err *err)
{
    const struct node_view *view = &engine->owner->view;
    int *shards = mem_alloc((size_t)engine->shards * sizeof *shards);
    int64_t *epochs = mem_alloc((size_t)engine->shards * sizeof *epochs);
    size_t count = 0;
    int code = 0;
    for (int shard = 0; shard < engine->shards; shard++) {
        if (view->epochs[shard] == 0 || engine->epochs[shard])
            continue;
        shards[count] = shard;
        epochs[count++] = view->epochs[shard];
    }
    if (count)
        code = store_lease_release(engine->store, engine->node, shards, epochs, count, err);
    free(shards);
    free(epochs);
    return code;
}

bool owner_release_open(struct engine *engine)
{
    engine->owner->drain_timer = evtimer_new(engine->base, on_drain, engine);
    return engine->owner->drain_timer != NULL;
}
