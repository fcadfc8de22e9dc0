/*
 * peer.c - the asking side of requests between nodes (peer.h), hints, and what wakes us.
 *
 *   peer_ask ──▶ in the batch ──▶ on disk ──▶ owner ──▶ reply read ──▶ fn ──▶ the row of the reply removed
 *                    │ the commit failed: fn(error)                      in the commit that fn fills
 *                    └ time is over: fn(ERR_BUSY), withdrawn in the next commit
 *
 * Invariants
 *   (1) fn is called once: whoever calls it takes the call out of the table first, and what comes for a number that is
 *       not there is nobody's.
 *   (2) A reply stays in the store until a commit that was filled after fn has seen it is on disk. When that fails,
 *       what fn did with it is lost too, and whoever asked asks again.
 */
#include "runtime/executor/peer.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer_priv.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 10,    /* SQLite: while somebody writes; then ever longer */
    QUIET_MS = 1000, /* SQLite: where nobody writes */
    AWAY_MS = 200,   /* a database that is away */
    NET_MS = 10000,  /* what a lost notification may cost */
};

struct peer_call {
    struct engine *engine;
    int64_t number;
    int shard;
    peer_answer_fn *fn;
    void *context;
    struct event *timer; /* or NULL */
};

struct topic {
    char *name;
    peer_hint_fn *fn;
    void *context;
};

struct peers {
    struct lh_table *calls; /* by number */
    int64_t last_number;
    struct topic *topics;
    size_t topic_count, topic_capacity;
    struct event *poll; /* the time is over */
    struct event *wake; /* a notification */
    int fd;
    int poll_ms; /* SQLite: until the next look */
    bool begun;
    bool read_replies;
    int64_t net_ms;
};

/* Which call a commit is about: the call may be gone by then. */
struct asked {
    struct engine *engine;
    int64_t number;
};

static unsigned long hash_number(const void *key)
{
    return (unsigned long)(uintptr_t)key;
}

static int same_number(const void *a, const void *b)
{
    return a == b;
}

static struct peer_call *find(struct engine *engine, int64_t number)
{
    void *found = NULL;
    return lh_table_lookup_ex(engine->peers->calls, (const void *)(uintptr_t)number, &found) ? found : NULL;
}

/* Nobody will call it any more. */
static void take_out(struct peer_call *call)
{
    lh_table_delete(call->engine->peers->calls, (const void *)(uintptr_t)call->number);
    if (call->timer)
        event_free(call->timer);
}

static void withdraw(struct engine *engine, int shard, int64_t number)
{
    store_batch_drop_request(engine_batch(engine), shard, engine->node, number);
}

static void fail(struct peer_call *call, int code, const struct err *err)
{
    take_out(call);
    call->fn(call->context, code, NULL, err);
    withdraw(call->engine, call->shard, call->number);
    free(call);
}

static void on_timeout(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct err err;
    err_set(&err, ERR_BUSY, "the node that runs this execution did not answer in time");
    fail(context, ERR_BUSY, &err);
}

static void on_asked(void *context, int code, const struct err *err)
{
    struct asked *asked = context;
    struct peer_call *call = find(asked->engine, asked->number);
    free(asked);
    if (call && code != 0)
        fail(call, code, err);
}

struct peer_call *peer_ask(struct engine *engine, int shard, const char *operation, struct json_object *input,
                           int64_t timeout_ms, peer_answer_fn *fn, void *context)
{
    struct peer_call *call = NEW(struct peer_call);
    struct asked *asked = NEW(struct asked);
    AUTO_BUF body = BUF_INIT;
    call->engine = engine;
    call->number = ++engine->peers->last_number;
    call->shard = shard;
    call->fn = fn;
    call->context = context;
    lh_table_insert(engine->peers->calls, (const void *)(uintptr_t)call->number, call);
    if (timeout_ms) {
        struct timeval time = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
        call->timer = evtimer_new(engine->base, on_timeout, call);
        event_add(call->timer, &time);
    }
    buf_add_text(&body, "{\"operation\":");
    json_write_string(&body, operation, strlen(operation));
    buf_add_text(&body, ",\"input\":");
    json_write(&body, input);
    buf_add_char(&body, '}');
    store_batch_put_request(engine_batch(engine), shard, engine->node, call->number, buf_text(&body));
    *asked = (struct asked){engine, call->number};
    engine_on_commit(engine, on_asked, asked);
    return call;
}

void peer_cancel(struct engine *engine, struct peer_call *call)
{
    take_out(call);
    withdraw(engine, call->shard, call->number);
    free(call);
}

/* --- replies ------------------------------------------------------------------------------------------------- */

static void answer(struct peer_call *call, const char *body)
{
    AUTO_JSON struct json_object *json = NULL;
    struct err err;
    int code = json_parse(body, strlen(body), &json, &err);
    if (code == 0 && json_object_is_type(json, json_type_object) && json_member_int(json, PEER_CODE, 0) < 0) {
        const char *message = json_member_text(json, "message");
        code = err_set(&err, (enum err_code)json_member_int(json, PEER_CODE, 0), "%s", message ? message : "refused");
    }
    call->fn(call->context, code, code ? NULL : json, code ? &err : NULL);
}

/* Invariants (1) and (2). */
static int on_reply(void *context, int shard, int64_t number, const char *body)
{
    struct engine *engine = context;
    struct peer_call *call = find(engine, number);
    if (call) {
        take_out(call);
        answer(call, body);
        free(call);
    }
    withdraw(engine, shard, number);
    return 0;
}

static void read_replies(struct engine *engine)
{
    struct peers *peers = engine->peers;
    peers->read_replies = false;
    if (store_replies(engine->store, engine->node, on_reply, engine, NULL) < 0)
        peers->read_replies = true;
}

/* --- hints --------------------------------------------------------------------------------------------------- */

void peer_hint(struct engine *engine, const char *topic, const char *text)
{
    if (engine->store && store_is_shared(engine->store))
        store_batch_hint(engine_batch(engine), topic, text);
}

void peer_on_hint(struct engine *engine, const char *topic, peer_hint_fn *fn, void *context)
{
    struct peers *peers = engine->peers;
    peers->topics = mem_grow(peers->topics, &peers->topic_capacity, peers->topic_count + 1, sizeof *peers->topics);
    peers->topics[peers->topic_count++] = (struct topic){mem_strdup(topic), fn, context};
}

static void on_hint(void *context, const char *topic, const char *text)
{
    struct engine *engine = context;
    struct peers *peers = engine->peers;
    for (size_t i = 0; i < peers->topic_count; i++)
        if (strcmp(peers->topics[i].name, topic) == 0)
            peers->topics[i].fn(peers->topics[i].context, text);
}

/* --- waking -------------------------------------------------------------------------------------------------- */

static bool concerns_us(const struct engine *engine, const struct store_changes *changes)
{
    for (int shard = 0; shard < engine->shards && changes->requests; shard++)
        if (engine->epochs[shard] && changes->shards[shard / 64] >> shard % 64 & 1)
            return true;
    return false;
}

static void look(struct engine *engine)
{
    struct peers *peers = engine->peers;
    struct store_changes changes;
    bool net = clock_steady_ms() >= peers->net_ms;
    store_changes(engine->store, &changes, on_hint, engine);
    if (net)
        peers->net_ms = clock_steady_ms() + NET_MS;
    peers->poll_ms *= 2;
    if (changes.soon || peers->fd < 0)
        peers->poll_ms = POLL_MS;
    else if (peers->poll_ms > QUIET_MS)
        peers->poll_ms = QUIET_MS;
    if (changes.owners && store_is_shared(engine->store))
        owner_look(engine);
    if (net || concerns_us(engine, &changes))
        peer_inbox_look(engine);
    if (changes.replies || peers->read_replies || (net && lh_table_length(peers->calls) > 0))
        read_replies(engine);
}

static void on_wake(int fd, short what, void *context);

static int pause_ms(const struct engine *engine)
{
    const struct peers *peers = engine->peers;
    int most_ms = !store_is_shared(engine->store) ? peers->poll_ms : peers->fd >= 0 ? NET_MS : AWAY_MS;
    return peers->read_replies && most_ms > AWAY_MS ? AWAY_MS : most_ms;
}

/*
 * The descriptor may be another one after each look. That of SQLite tells of all who write, ourselves too: while
 * somebody does, looking from time to time is less work.
 */
static void arm(struct engine *engine)
{
    struct peers *peers = engine->peers;
    int fd = store_notify_fd(engine->store);
    if (fd != peers->fd) {
        if (peers->wake)
            event_free(peers->wake);
        peers->wake = fd < 0 ? NULL : event_new(engine->base, fd, EV_READ | EV_PERSIST, on_wake, engine);
        peers->fd = fd;
    }
    if (peers->wake && !store_is_shared(engine->store) && peers->poll_ms == POLL_MS)
        event_del(peers->wake);
    else if (peers->wake)
        event_add(peers->wake, NULL);
    int wait_ms = pause_ms(engine);
    struct timeval pause = {wait_ms / 1000, wait_ms % 1000 * 1000};
    event_add(peers->poll, &pause);
}

static void on_wake(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    if (!engine->peers->begun)
        return;
    look(engine);
    arm(engine);
}

void peer_begin(struct engine *engine)
{
    engine->peers->begun = true;
    engine->peers->net_ms = 0;
    event_active(engine->peers->poll, EV_TIMEOUT, 0);
}

void peer_end(struct engine *engine)
{
    struct peers *peers = engine->peers;
    peers->begun = false;
    event_del(peers->poll);
    if (peers->wake)
        event_free(peers->wake);
    peers->wake = NULL;
    peers->fd = -1;
    peer_inbox_end(engine);
}

int peer_open(struct engine *engine, struct err *err)
{
    struct peers *peers = NEW(struct peers);
    engine->peers = peers;
    peers->calls = lh_table_new(64, NULL, hash_number, same_number);
    peers->fd = -1;
    peers->poll_ms = POLL_MS;
    peers->poll = evtimer_new(engine->base, on_wake, engine);
    return peers->poll ? peer_inbox_open(engine, err) : err_set(err, ERR_IO, "could not make a timer");
}

void peer_close(struct engine *engine)
{
    struct peers *peers = engine->peers;
    struct lh_entry *entry;
    peer_inbox_close(engine);
    while ((entry = lh_table_head(peers->calls)) != NULL) {
        struct peer_call *call = (struct peer_call *)lh_entry_v(entry);
        take_out(call);
        free(call);
    }
    lh_table_free(peers->calls);
    for (size_t i = 0; i < peers->topic_count; i++)
        free(peers->topics[i].name);
    free(peers->topics);
    event_free(peers->poll);
    free(peers);
}
