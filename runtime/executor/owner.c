/*
 * owner.c - which shards are ours: taking, keeping, giving back and losing them.
 *
 *            take                          more nodes: drain
 *   FOREIGN ──────▶ OURS ──────────────────────────────────▶ DRAINING ──▶ FOREIGN
 *      ▲              │                                         │ idle: released, others are woken
 *      └──────────────┴──── lost: somebody else has the lease ──┘
 *
 * A node is alive while its row is renewed (owner_tick, three times in store_lease_ms); its leases live with it. In the
 * same statement it sees all nodes and leases, and each decides by itself: with n live nodes none should have more than
 * a n-th of the shards, rounded up. What is free or a dead node's is taken up to that; what is above is given back.
 *
 * Invariants
 *   (1) Every lease has an epoch that rises with each new holder; each commit proves it in its own transaction
 * (store.h). So what this file believes may be late, but what is written is not: a node that was paused writes nothing.
 *   (2) What others ask is done only while we are certain (owner_holds): the last renewal is younger than a lease. A
 *       node that wakes from a pause answers nothing from what it remembers; such requests go through the inbox to
 *       whoever owns the shard, perhaps ourselves.
 *   (3) A shard that is drained takes no new work, and is released only when no commit holds any of its executions
 *       and no request of it is at work. Its tasks end here and are started by the next owner under the same
 *       idempotency token.
 *   (4) A lost shard takes only its own executions out of memory.
 *   (5) Whoever could not renew for longer than a lease gives the others, who could not either, the time of one before
 *       it takes anything from them: a database that was away is no reason to move everything.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TIDY_MS = 60000,
    MISSED_MS = 100,
    DRAIN_POLL_MS = 20,
    DRAIN_REQUESTS_MS = 500 /* so long requests at work may hold a shard that is drained */
};

#define LEAVING "leaving" /* in the info of a node */

struct owner_node {
    char *name, *text;
    struct json_object *info;
    int shards, turn;
};

/* Nodes and leases as one look found them. */
struct view {
    struct owner_node *nodes; /* the live ones, by name */
    size_t count, capacity;
    int *owners;     /* by shard: of a live node its place in `nodes`; -1 */
    int64_t *epochs; /* by shard, where the lease is in our name; else 0 */
    int rank;        /* our own place; -1 */
    struct engine *engine;
};

struct owner {
    struct event *timer, *drain_timer;
    struct view view;
    struct json_object *info;
    char *info_text;
    bool joined;
    bool announce; /* with the next renewal */
    bool missed;   /* what looked free was not to be had: another node was quicker, or its dead holder had it locked */
    int64_t sure_until_ms, take_from_ms, tidy_ms, drain_until_ms;
    int drains;
    struct peer_events *listeners;
    size_t listener_count, listener_capacity;
};

static void arm(struct event *timer, int64_t delay_ms)
{
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    event_add(timer, &delay);
}

/* --- what the store shows ------------------------------------------------------------------------------------ */

static void view_init(struct view *view, struct engine *engine)
{
    size_t shards = (size_t)engine->shards;
    *view = (struct view){.engine = engine, .rank = -1};
    view->owners = mem_alloc(shards * sizeof *view->owners);
    view->epochs = mem_zalloc(shards * sizeof *view->epochs);
    for (size_t i = 0; i < shards; i++)
        view->owners[i] = -1;
}

static void view_release(struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        free(view->nodes[i].name);
        free(view->nodes[i].text);
        json_object_put(view->nodes[i].info);
    }
    free(view->nodes);
    free(view->owners);
    free(view->epochs);
}

static int find_node(const struct view *view, const char *name)
{
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->nodes[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int view_node(void *context, const struct store_node *node)
{
    struct view *view = context;
    if (!node->alive)
        return 0;
    view->nodes = mem_grow(view->nodes, &view->capacity, view->count + 1, sizeof *view->nodes);
    struct owner_node *entry = &view->nodes[view->count];
    *entry = (struct owner_node){.name = mem_strdup(node->name), .text = mem_strdup(node->info)};
    if (json_parse(entry->text, strlen(entry->text), &entry->info, NULL) != 0 ||
        !json_object_is_type(entry->info, json_type_object)) {
        json_object_put(entry->info);
        entry->info = json_object_new_object();
    }
    if (strcmp(entry->name, view->engine->node) == 0)
        view->rank = (int)view->count;
    view->count++;
    return 0;
}

static int view_lease(void *context, const struct store_lease *lease)
{
    struct view *view = context;
    if (lease->shard < 0 || lease->shard >= view->engine->shards)
        return 0;
    int node = find_node(view, lease->node);
    view->owners[lease->shard] = node;
    if (node >= 0)
        view->nodes[node].shards++;
    if (strcmp(lease->node, view->engine->node) == 0)
        view->epochs[lease->shard] = lease->epoch;
    return 0;
}

/* --- telling ------------------------------------------------------------------------------------------------- */

static void tell_node(struct engine *engine, bool gone, const char *name)
{
    for (size_t i = 0; i < engine->owner->listener_count; i++) {
        struct peer_events *listener = &engine->owner->listeners[i];
        void (*fn)(void *, const char *) = gone ? listener->node_gone : listener->node_joined;
        if (fn)
            fn(listener->context, name);
    }
}

static void tell_shard(struct engine *engine, int shard, const char *owner)
{
    for (size_t i = 0; i < engine->owner->listener_count; i++) {
        struct peer_events *listener = &engine->owner->listeners[i];
        if (listener->shard_moved)
            listener->shard_moved(listener->context, shard, owner);
    }
}

static const char *owner_name(const struct view *view, int shard)
{
    return view->owners[shard] < 0 ? NULL : view->nodes[view->owners[shard]].name;
}

/* The names are those of the old or the new view, which both live until everybody was told. */
static void tell_changes(struct engine *engine, const struct view *before)
{
    const struct view *now = &engine->owner->view;
    for (size_t i = 0; i < before->count; i++) {
        if (find_node(now, before->nodes[i].name) >= 0)
            continue;
        engine_log(engine, 1, "node %s is gone", before->nodes[i].name);
        peer_inbox_drop_asker(engine, before->nodes[i].name);
        tell_node(engine, true, before->nodes[i].name);
    }
    for (size_t i = 0; i < now->count; i++) {
        int earlier = find_node(before, now->nodes[i].name);
        if (earlier < 0 && (int)i != now->rank) {
            engine_log(engine, 1, "node %s is there", now->nodes[i].name);
            peer_inbox_look(engine); /* what it asked for was left while it counted as dead */
        }
        if (earlier < 0 || strcmp(before->nodes[earlier].text, now->nodes[i].text) != 0)
            tell_node(engine, false, now->nodes[i].name);
    }
    for (int shard = 0; shard < engine->shards; shard++) {
        const char *then = owner_name(before, shard), *owner = owner_name(now, shard);
        if (then != owner && (then == NULL || owner == NULL || strcmp(then, owner) != 0))
            tell_shard(engine, shard, owner);
    }
}

/* --- losing and giving back ------------------------------------------------------------------------------------ */

static void drop_runs(struct engine *engine, const bool *shards)
{
    int64_t *ids = NULL;
    size_t count = 0, capacity = 0;
    struct lh_entry *entry;
    lh_foreach(engine->runs_by_id, entry)
    {
        struct run *run = (struct run *)lh_entry_v(entry);
        if (run->express || !shards[run->shard])
            continue;
        ids = mem_grow(ids, &capacity, count + 1, sizeof *ids);
        ids[count++] = run->id;
    }
    for (size_t i = 0; i < count; i++) {
        struct run *run = run_by_id(engine, ids[i]);
        if (run)
            run_forget(run);
    }
    free(ids);
}

/* Not ours any more, whether released or taken from us. */
static void let_go(struct engine *engine, int shard)
{
    engine->owner->drains -= engine->releasing[shard];
    engine->epochs[shard] = 0;
    engine->releasing[shard] = false;
    engine->owned--;
}

/* Invariant (4). */
static void lose(struct engine *engine, const bool *lost, int count)
{
    if (count == 0)
        return;
    engine_log(engine, 2, "%d of %d shards are lost to other nodes", count, engine->owned);
    for (int shard = 0; shard < engine->shards; shard++)
        if (lost[shard])
            let_go(engine, shard);
    drop_runs(engine, lost);
    for (int shard = 0; shard < engine->shards; shard++)
        if (lost[shard])
            peer_inbox_drop_shard(engine, shard, false);
    watch_rearm(engine);
}

static void check_lost(struct engine *engine, const struct view *view)
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

/* Executions that no commit holds leave memory at once, the others when it is written (run_settle). */
static void begin_drain(struct engine *engine, int shard)
{
    engine->releasing[shard] = true;
    engine->owner->drains++;
    peer_inbox_drop_shard(engine, shard, true);
}

static void quiet_drained(struct engine *engine)
{
    struct lh_entry *entry;
    int64_t *ids = NULL;
    size_t count = 0, capacity = 0;
    lh_foreach(engine->runs_by_id, entry)
    {
        struct run *run = (struct run *)lh_entry_v(entry);
        if (run->express || !engine->releasing[run->shard])
            continue;
        ids = mem_grow(ids, &capacity, count + 1, sizeof *ids);
        ids[count++] = run->id;
    }
    for (size_t i = 0; i < count; i++) {
        struct run *run = run_by_id(engine, ids[i]);
        if (run && !run->dirty && !run->in_commits) {
            run_forget(run);
        } else if (run) {
            tasks_leave_all(run);
            timers_remove(run);
        }
    }
    free(ids);
}

/* Invariant (3). */
static void release_idle(struct engine *engine)
{
    struct owner *owner = engine->owner;
    int *shards = mem_alloc((size_t)owner->drains * sizeof *shards);
    int64_t *epochs = mem_alloc((size_t)owner->drains * sizeof *epochs);
    size_t count = 0;
    struct err err;
    for (int shard = 0; shard < engine->shards; shard++) {
        if (!engine->releasing[shard])
            continue;
        if (engine_clock_ms() >= owner->drain_until_ms)
            peer_inbox_drop_shard(engine, shard, false);
        if (engine->shard_runs[shard] || peer_inbox_count(engine, shard))
            continue;
        shards[count] = shard;
        epochs[count++] = engine->epochs[shard];
    }
    if (count && store_lease_release(engine->store, engine->node, shards, epochs, count, &err) != 0) {
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
}

static void on_drain(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    if (engine->owner->drains == 0)
        return;
    release_idle(engine);
    if (engine->owner->drains)
        arm(engine->owner->drain_timer, DRAIN_POLL_MS);
}

void owner_drained(struct engine *engine)
{
    if (engine->owner->drains)
        event_active(engine->owner->drain_timer, EV_TIMEOUT, 0);
}

/* --- taking ---------------------------------------------------------------------------------------------------- */

/* Those that are about to end want none. */
static int target(const struct engine *engine, const struct view *view)
{
    int nodes = 0;
    for (size_t i = 0; i < view->count; i++) {
        struct json_object *leaving;
        nodes += !json_member(view->nodes[i].info, LEAVING, &leaving);
    }
    return nodes ? (engine->shards + nodes - 1) / nodes : engine->shards;
}

/* What nobody alive has; several nodes that take at once begin at different places of it. */
static int take_free(struct engine *engine, int most, struct err *err)
{
    struct view *view = &engine->owner->view;
    int *free_ones = mem_alloc((size_t)engine->shards * sizeof *free_ones);
    int *shards = mem_alloc((size_t)engine->shards * sizeof *shards);
    int64_t *epochs = mem_alloc((size_t)engine->shards * sizeof *epochs);
    int found = 0, count = 0, taken = 0;
    for (int shard = 0; shard < engine->shards; shard++)
        if (engine->epochs[shard] == 0 && (view->owners[shard] < 0 || view->owners[shard] == view->rank))
            free_ones[found++] = shard;
    int first = view->rank <= 0 ? 0 : (int)((int64_t)found * view->rank / (int64_t)view->count);
    for (; count < found && count < most; count++)
        shards[count] = free_ones[(first + count) % found];
    free(free_ones);
    int code = store_lease_take(engine->store, engine->node, shards, (size_t)count, epochs, err);
    for (int i = 0; code == 0 && i < count; i++) {
        if (epochs[i] == 0)
            continue;
        engine->epochs[shards[i]] = epochs[i];
        view->owners[shards[i]] = view->rank;
        engine->owned++;
        taken++;
    }
    free(shards);
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

static void drain_surplus(struct engine *engine, int surplus)
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
    owner->drain_until_ms = engine_clock_ms() + DRAIN_REQUESTS_MS;
    quiet_drained(engine);
    owner_drained(engine);
}

/* This process is about to end: shards without a task at work go at once, the others when their tasks have ended. */
static void drain_idle(struct engine *engine)
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
    engine->owner->drain_until_ms = engine_clock_ms() + DRAIN_REQUESTS_MS;
    quiet_drained(engine);
    owner_drained(engine);
}

static int balance(struct engine *engine, struct err *err)
{
    struct owner *owner = engine->owner;
    if (engine->draining && store_is_shared(engine->store)) {
        drain_idle(engine);
        return 0;
    }
    int kept = engine->owned - owner->drains;
    int wanted = target(engine, &owner->view);
    if (kept > wanted)
        drain_surplus(engine, kept - wanted);
    else if (kept < wanted && engine_clock_ms() >= owner->take_from_ms)
        return take_free(engine, wanted - kept, err);
    return 0;
}

/* --- the tick -------------------------------------------------------------------------------------------------- */

/* Renews, and learns what has become of everybody. */
static int renew(struct engine *engine, struct err *err)
{
    struct owner *owner = engine->owner;
    int64_t lease_ms = store_lease_ms(engine->store);
    int64_t began_ms = engine_clock_ms();
    struct view view;
    struct store_view wanted = {.node = view_node, .lease = view_lease, .context = &view};
    view_init(&view, engine);
    int code = store_renew(engine->store, engine->node, owner->info_text, lease_ms, owner->announce, &wanted, err);
    if (code != 0) {
        view_release(&view);
        return code;
    }
    bool was_sure = began_ms < owner->sure_until_ms;
    owner->announce = false;
    if (owner->joined && !was_sure) /* invariant (5) */
        owner->take_from_ms = began_ms + lease_ms;
    owner->sure_until_ms = began_ms + lease_ms;
    struct view before = owner->view;
    owner->view = view;
    check_lost(engine, &view);
    if (!was_sure) { /* what came up meanwhile was left alone */
        recover_soon(engine, 0);
        peer_inbox_look(engine);
    }
    tell_changes(engine, &before);
    view_release(&before);
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
    if (code == 0 && engine_clock_ms() >= owner->tidy_ms) {
        owner->tidy_ms = engine_clock_ms() + TIDY_MS;
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
        peer_set_info(engine, LEAVING, yes);
}

void owner_look(struct engine *engine)
{
    if (engine->owner->joined)
        event_active(engine->owner->timer, EV_TIMEOUT, 0);
}

bool owner_holds(const struct engine *engine, int shard)
{
    return engine->epochs[shard] && !engine->releasing[shard] && engine_clock_ms() < engine->owner->sure_until_ms;
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
    owner->tidy_ms = engine_clock_ms() + TIDY_MS;
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
    return engine->owned > engine->owner->drains && engine_clock_ms() < engine->owner->sure_until_ms;
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
    owner->drain_timer = evtimer_new(engine->base, on_drain, engine);
    owner->info = json_object_new_object();
    owner->info_text = json_text(owner->info);
    view_init(&owner->view, engine);
    return owner->timer && owner->drain_timer ? 0 : err_set(err, ERR_IO, "could not make a timer");
}

/* A database that is away for a moment is waited for: without this the others wait until our leases end. */
static void leave(struct engine *engine)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int64_t until_ms = engine_clock_ms() + store_lease_ms(engine->store);
    while (store_leave(engine->store, engine->node, NULL) != 0 && engine_clock_ms() < until_ms)
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
    view_release(&owner->view);
    json_object_put(owner->info);
    free(owner->info_text);
    free(owner->listeners);
    free(owner);
}

/* --- peer.h: nodes --------------------------------------------------------------------------------------------- */

void peer_nodes(struct engine *engine, peer_node_fn *fn, void *context)
{
    struct view *view = &engine->owner->view;
    for (size_t i = 0; i < view->count; i++) {
        struct peer_node node = {
            .name = view->nodes[i].name,
            .info = view->nodes[i].info,
            .shards = view->nodes[i].shards,
            .shard = peer_shard_of(engine, view->nodes[i].name),
            .is_self = (int)i == view->rank,
        };
        fn(context, &node);
    }
}

bool owner_knows(const struct engine *engine, const char *node)
{
    return find_node(&engine->owner->view, node) >= 0;
}

const char *peer_self(const struct engine *engine)
{
    return engine->node;
}

const char *peer_owner(const struct engine *engine, int shard)
{
    return owner_name(&engine->owner->view, shard);
}

int peer_shard_of(struct engine *engine, const char *name)
{
    struct view *view = &engine->owner->view;
    int node = find_node(view, name);
    if (node < 0)
        return -1;
    for (int i = 1; i <= engine->shards; i++) {
        int shard = (view->nodes[node].turn + i) % engine->shards;
        if (view->owners[shard] != node)
            continue;
        view->nodes[node].turn = shard;
        return shard;
    }
    return -1;
}

void peer_set_info(struct engine *engine, const char *member, struct json_object *value)
{
    struct owner *owner = engine->owner;
    if (value)
        json_add(owner->info, member, json_object_get(value));
    else
        json_object_object_del(owner->info, member);
    char *text = json_text(owner->info);
    if (strcmp(text, owner->info_text) != 0) {
        owner->announce = true;
        owner_look(engine);
    }
    free(owner->info_text);
    owner->info_text = text;
}

void peer_watch_nodes(struct engine *engine, const struct peer_events *events)
{
    struct owner *owner = engine->owner;
    owner->listeners =
        mem_grow(owner->listeners, &owner->listener_capacity, owner->listener_count + 1, sizeof *owner->listeners);
    owner->listeners[owner->listener_count++] = *events;
}
