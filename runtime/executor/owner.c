/*
 * owner.c - which shards are ours: taking and keeping them; owner_release.c loses them and gives them back.
 *
 *            take                          more nodes: drain
 *   FOREIGN ──────▶ OURS ──────────────────────────────────▶ DRAINING ──▶ FOREIGN
 *      ▲              │                                         │ idle: released, others are woken
 *      └──────────────┴──── lost: somebody else has the lease ──┘
 *
 * A node is alive while its row is renewed (tick, three times in store_lease_ms); its leases live with it. In the
 * same statement it sees all nodes and leases, and each decides by itself: with n live nodes none should have more than
 * a n-th of the shards, rounded up. What is free or a dead node's is taken up to that; what is above is given back.
 *
 * Invariants
 *   (1) Every lease has an epoch that rises with each new holder; each commit proves it in its own transaction
 *       (store.h). So what this file believes may be late, but what is written is not: a node that was paused writes
 *       nothing.
 *   (2) What others ask is done only while we are certain (owner_holds): the last renewal is younger than a lease. A
 *       node that wakes from a pause answers nothing from what it remembers; such requests go through the inbox to
 *       whoever owns the shard, perhaps ourselves.
 *   (3) A shard that is drained takes no new work, and is released only when no commit holds any of its executions
 *       and no request of it is at work. Its tasks end here and are started by the next owner under the same
 *       idempotency token.
 *   (4) A lost shard takes only its own executions out of memory.
 *   (5) Whoever could not renew for longer than a lease gives the others, who could not either, the time of one before
 *       it takes anything from them: a database that was away is no reason to move everything.
 *   (6) A lease in our name whose epoch we were not told (the answer to its take did not come) is nobody's: it is taken
 *       again, or given back where we have enough.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/owner_priv.h"
#include "runtime/executor/peer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIDY_MS = 60000, MISSED_MS = 100 };

static void arm(struct event *timer, int64_t delay_ms)
{
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    event_add(timer, &delay);
}

/* --- taking ---------------------------------------------------------------------------------------------------- */

/* The clock of the owner before may be ahead of ours. His last commit is written, or never will be. */
static int number_above(struct engine *engine, const int *shards, size_t count, struct err *err)
{
    int64_t last_id = 0;
    int code = store_last_id(engine->store, shards, count, &last_id, err);
    if (code == 0)
        run_ids_above(engine, last_id);
    return code;
}

/* What nobody alive has; several nodes that take at once begin at different places of it. */
static int take_free(struct engine *engine, int most, struct err *err)
{
    struct node_view *view = &engine->owner->view;
    int *free_ones = mem_alloc((size_t)engine->shards * sizeof *free_ones);
    int *shards = mem_alloc((size_t)engine->shards * sizeof *shards);
    int64_t *seen = mem_alloc((size_t)engine->shards * sizeof *seen);
    int64_t *epochs = mem_alloc((size_t)engine->shards * sizeof *epochs);
    int found = 0, count = 0, taken = 0;
    for (int shard = 0; shard < engine->shards; shard++)
        if (engine->epochs[shard] == 0 && (view->owners[shard] < 0 || view->owners[shard] == view->rank))
            free_ones[found++] = shard;
    int first = view->rank <= 0 ? 0 : (int)((int64_t)found * view->rank / (int64_t)view->count);
    for (; count < found && count < most; count++) {
        shards[count] = free_ones[(first + count) % found];
        seen[count] = view->seen[shards[count]];
    }
    free(free_ones);
    int code = store_lease_take(engine->store, engine->node, shards, seen, (size_t)count, epochs, err);
    if (code == 0)
        code = number_above(engine, shards, (size_t)count, err); /* else they are taken again by the next look */
    for (int i = 0; code == 0 && i < count; i++) {
        if (epochs[i] == 0)
            continue;
        engine->epochs[shards[i]] = epochs[i];
        view->owners[shards[i]] = view->rank;
        view->seen[shards[i]] = view->epochs[shards[i]] = epochs[i];
        engine->owned++;
        taken++;
    }
    free(shards);
    free(seen);
    free(epochs);
    engine->owner->missed = taken < count;
    if (taken) {
        engine_log(engine, view->count > 1 ? 1 : 0, "took %d shards, %d of %d are ours", taken, engine->owned,
                   engine->shards);
        recover_soon(engine, 0);
        peer_inbox_look(engine);
        watch_rearm(engine);
    }
    return code;
}

static int balance(struct engine *engine, struct err *err)
{
    struct owner *owner = engine->owner;
    if (engine->draining && store_is_shared(engine->store)) {
        owner_drain_idle(engine);
        return owner_release_strays(engine, err);
    }
    int kept = engine->owned - owner->drains;
    int wanted = node_view_share(&owner->view);
    if (kept > wanted)
        owner_drain_surplus(engine, kept - wanted);
    else if (kept < wanted && clock_steady_ms() >= owner->take_from_ms)
        return take_free(engine, wanted - kept, err);
    return kept < wanted ? 0 : owner_release_strays(engine, err);
}

/* --- the tick -------------------------------------------------------------------------------------------------- */

/* Renews, and learns what has become of everybody. */
static int renew(struct engine *engine, struct err *err)
{
    struct owner *owner = engine->owner;
    int64_t lease_ms = store_lease_ms(engine->store);
    int64_t began_ms = clock_steady_ms();
    struct node_view view;
    node_view_init(&view, engine);
    struct store_view wanted = node_view_filler(&view);
    int code = store_renew(engine->store, engine->node, owner->info_text, lease_ms, owner->announce, &wanted, err);
    if (code != 0) {
        node_view_release(&view);
        return code;
    }
    bool was_sure = began_ms < owner->sure_until_ms;
    owner->announce = false;
    if (owner->joined && !was_sure) /* invariant (5) */
        owner->take_from_ms = began_ms + lease_ms;
    owner->sure_until_ms = began_ms + lease_ms;
    struct node_view before = owner->view;
    owner->view = view;
    owner_check_lost(engine, &view);
    if (!was_sure) { /* what came up meanwhile was left alone */
        recover_soon(engine, 0);
        peer_inbox_look(engine);
    }
    owner_tell_changes(engine, &before);
    node_view_release(&before);
    return 0;
}

static void tick(struct engine *engine)
{
    struct owner *owner = engine->owner;
    struct err err;
    int64_t pause_ms = store_lease_ms(engine->store) / 3;
    owner->missed = false;
    int code = renew(engine, &err);
    if (code == 0)
        code = balance(engine, &err);
    if (code == 0 && clock_steady_ms() >= owner->tidy_ms) {
        owner->tidy_ms = clock_steady_ms() + TIDY_MS;
        code = store_tidy(engine->store, &err);
    }
    if (code != 0) {
        engine_log(engine, 2, "could not renew the leases: %s", err.message);
        pause_ms /= 2;
    } else if (owner->missed) {
        pause_ms = MISSED_MS;
    }
    arm(owner->timer, pause_ms);
}

static void on_tick(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    if (engine->owner->joined)
        tick(engine);
}

void owner_leaves(struct engine *engine)
{
    AUTO_JSON struct json_object *yes = json_object_new_boolean(true);
    if (engine->owner->joined && store_is_shared(engine->store))
        peer_set_info(engine, NODE_LEAVING, yes);
}

void owner_look(struct engine *engine)
{
    if (engine->owner->joined)
        event_active(engine->owner->timer, EV_TIMEOUT, 0);
}

bool owner_holds(const struct engine *engine, int shard)
{
    return engine->epochs[shard] && !engine->releasing[shard] && clock_steady_ms() < engine->owner->sure_until_ms;
}

size_t owner_list(const struct engine *engine, int *ret_shards)
{
    size_t count = 0;
    for (int shard = 0; shard < engine->shards; shard++)
        if (owner_holds(engine, shard))
            ret_shards[count++] = shard;
    return count;
}

/* --- joining and leaving ----------------------------------------------------------------------------------------- */

struct other {
    const struct engine *engine;
    char name[128];
};

static int note_other(void *context, const struct store_node *node)
{
    struct other *other = context;
    if (node->alive && strcmp(node->name, other->engine->node) != 0)
        snprintf(other->name, sizeof other->name, "%s", node->name);
    return 0;
}

static int check_alone(struct engine *engine, struct err *err)
{
    struct other other = {.engine = engine};
    struct store_view view = {.node = note_other, .context = &other};
    int code = store_nodes(engine->store, &view, err);
    if (code == 0 && other.name[0])
        code = err_set(err, ERR_BUSY, "another process runs the executions of this store: %s", other.name);
    return code;
}

static int join(struct engine *engine, bool alone, struct err *err)
{
    struct owner *owner = engine->owner;
    if (owner->joined)
        return 0;
    int code = alone && store_is_shared(engine->store) ? check_alone(engine, err) : 0;
    owner->announce = true;
    store_listen(engine->store, engine->node);
    if (code == 0)
        code = renew(engine, err);
    if (code != 0)
        return code;
    code = balance(engine, err);
    if (code == 0 && engine->owned == 0 && (alone || !store_is_shared(engine->store)))
        code = err_set(err, ERR_BUSY, "another process runs the executions of this store");
    if (code != 0) {
        store_leave(engine->store, engine->node, NULL);
        return code;
    }
    owner->joined = true;
    owner->tidy_ms = clock_steady_ms() + TIDY_MS;
    arm(owner->timer, store_lease_ms(engine->store) / 3);
    peer_begin(engine);
    return 0;
}

int engine_take_ownership(struct engine *engine, struct err *err)
{
    return join(engine, true, err);
}

int engine_join(struct engine *engine, struct err *err)
{
    return join(engine, false, err);
}

bool engine_owns_any(const struct engine *engine)
{
    return engine->owned > engine->owner->drains && clock_steady_ms() < engine->owner->sure_until_ms;
}

bool engine_owns_shard(const struct engine *engine, int shard)
{
    return engine->store && owner_holds(engine, shard);
}

bool engine_owns(const struct engine *engine, const char *execution_arn)
{
    return engine->store && owner_holds(engine, store_shard_of(engine->store, execution_arn));
}

int owner_open(struct engine *engine, struct err *err)
{
    struct owner *owner = NEW(struct owner);
    engine->owner = owner;
    owner->timer = evtimer_new(engine->base, on_tick, engine);
    owner->info = json_object_new_object();
    owner->info_text = json_text(owner->info);
    node_view_init(&owner->view, engine);
    return owner->timer && owner_release_open(engine) ? 0 : err_set(err, ERR_IO, "could not make a timer");
}

/* A database that is away for a moment is waited for: without this the others wait until our leases end. */
static void leave(struct engine *engine)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int64_t until_ms = clock_steady_ms() + store_lease_ms(engine->store);
    while (store_leave(engine->store, engine->node, NULL) != 0 && clock_steady_ms() < until_ms)
        nanosleep(&pause, NULL);
}

void owner_close(struct engine *engine)
{
    struct owner *owner = engine->owner;
    if (owner->joined)
        leave(engine);
    for (int shard = 0; shard < engine->shards; shard++)
        engine->epochs[shard] = 0;
    event_free(owner->timer);
    event_free(owner->drain_timer);
    node_view_release(&owner->view);
    json_object_put(owner->info);
    free(owner->info_text);
    free(owner->listeners);
    free(owner);
}
