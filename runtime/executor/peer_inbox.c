/*
 * peer_inbox.c - the answering side of requests between nodes (peer.h): the inbox of our shards.
 *
 *   in the inbox ──▶ AT WORK ──▶ ANSWERED ──▶ (the answer is on disk) gone
 *        ▲              │ cancelled: gone        │ its commit failed: gone, and read again
 *        └──────────────┴────────────────────────┘
 *
 * Every request that was read is known here by its number until it is gone from the store, so that it is read once,
 * in whatever order numbers become visible. One that is gone from the inbox while it is at work was withdrawn.
 *
 * Invariants
 *   (1) Only requests of shards that are ours are read, and no answer is lost: the request leaves the inbox in the
 *       transaction that leaves the reply. Who is not answered when this process dies is read by the next owner.
 *   (2) Where the change that a request asks for is committed before its answer is (peer_carried_out), the same
 *       transaction marks the request: whoever reads it again does not do it twice, and does not refuse it either.
 *   (3) What is answered about an execution is proved to come from its owner: another one may have carried out
 *       meanwhile what we refuse.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"
#include "runtime/executor/peer_priv.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
    API_MAX = 1024,       /* at work at once; the rest waits in the store */
    REQUESTS_MAX = 100000 /* of all kinds */
};

struct peer_request {
    struct engine *engine;
    int64_t seq;
    int shard;
    char *asker, *operation;
    bool answered;
    bool carried_out; /* as it was read */
    peer_cancelled_fn *cancelled;
    void *context;
    struct peer_request *next, *previous;
};

struct handler {
    char *operation; /* NULL: of the API */
    peer_handler_fn *fn;
    void *context;
};

struct inbox {
    struct handler *handlers;
    size_t handler_count, handler_capacity;
    struct lh_table *by_seq;
    struct peer_request *requests;
    size_t count, api_count;
    int *shard_requests; /* by shard */
    struct event *reader;
    bool open;
};

static bool is_api(const char *operation)
{
    return operation[0] != '~';
}

static unsigned long hash_seq(const void *key)
{
    return (unsigned long)((uint64_t)(uintptr_t)key * 0x9E3779B97F4A7C15ull >> 20);
}

static int same_seq(const void *a, const void *b)
{
    return a == b;
}

static struct peer_request *find(struct engine *engine, int64_t seq)
{
    void *found = NULL;
    return lh_table_lookup_ex(engine->inbox->by_seq, (const void *)(uintptr_t)seq, &found) ? found : NULL;
}

static struct peer_request *request_new(struct engine *engine, const struct store_request *row, const char *operation)
{
    struct inbox *inbox = engine->inbox;
    struct peer_request *request = NEW(struct peer_request);
    request->engine = engine;
    request->seq = row->seq;
    request->shard = row->shard;
    request->asker = mem_strdup(row->asker);
    request->operation = mem_strdup(operation);
    request->carried_out = row->carried_out;
    request->next = inbox->requests;
    if (request->next)
        request->next->previous = request;
    inbox->requests = request;
    lh_table_insert(inbox->by_seq, (const void *)(uintptr_t)request->seq, request);
    inbox->count++;
    inbox->api_count += is_api(operation);
    inbox->shard_requests[request->shard]++;
    return request;
}

static void request_free(struct peer_request *request)
{
    struct engine *engine = request->engine;
    struct inbox *inbox = engine->inbox;
    bool was_full = inbox->api_count >= API_MAX || inbox->count >= REQUESTS_MAX;
    if (request->previous)
        request->previous->next = request->next;
    else
        inbox->requests = request->next;
    if (request->next)
        request->next->previous = request->previous;
    lh_table_delete(inbox->by_seq, (const void *)(uintptr_t)request->seq);
    inbox->count--;
    inbox->api_count -= is_api(request->operation);
    inbox->shard_requests[request->shard]--;
    if (engine->releasing[request->shard])
        owner_drained(engine);
    free(request->asker);
    free(request->operation);
    free(request);
    if (was_full)
        peer_inbox_look(engine);
}

static void cancel(struct peer_request *request)
{
    if (request->answered)
        return; /* goes when its answer is written */
    if (request->cancelled)
        request->cancelled(request->context, request);
    request_free(request);
}

/* --- answers --------------------------------------------------------------------------------------------------- */

struct replying {
    struct engine *engine;
    int64_t seq;
};

static void on_replied(void *context, int code, const struct err *err)
{
    (void)err;
    struct replying *replying = context;
    struct engine *engine = replying->engine;
    struct peer_request *request = find(engine, replying->seq);
    if (request)
        request_free(request);
    if (code != 0)
        peer_inbox_look(engine);
    free(replying);
}

void peer_reply_text(struct peer_request *request, const char *text)
{
    struct engine *engine = request->engine;
    struct replying *replying = NEW(struct replying);
    request->answered = true;
    if (is_api(request->operation)) /* invariant (3) */
        store_batch_prove(engine_batch(engine), request->shard, engine->epochs[request->shard]);
    store_batch_reply(engine_batch(engine), request->seq, request->asker, text);
    *replying = (struct replying){engine, request->seq};
    engine_on_commit(engine, on_replied, replying);
}

void peer_reply(struct peer_request *request, int code, struct json_object *json)
{
    AUTO_BUF text = BUF_INIT;
    if (code == 0) {
        json_write(&text, json);
    } else {
        const char *message = json_member_text(json, "message");
        if (message == NULL)
            message = err_code_name((enum err_code)code);
        buf_printf(&text, "{\"" PEER_CODE "\":%d,\"message\":", code);
        json_write_string(&text, message, strlen(message));
        buf_add_char(&text, '}');
    }
    peer_reply_text(request, buf_text(&text));
}

void peer_carried_out(struct peer_request *request)
{
    store_batch_mark_request(engine_batch(request->engine), request->seq);
}

bool peer_was_carried_out(const struct peer_request *request)
{
    return request->carried_out;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static const struct handler *handler_of(const struct inbox *inbox, const char *operation)
{
    for (size_t i = 0; i < inbox->handler_count; i++) {
        const struct handler *handler = &inbox->handlers[i];
        if (handler->operation ? strcmp(handler->operation, operation) == 0 : is_api(operation))
            return handler;
    }
    return NULL;
}

static void refuse(struct peer_request *request, const char *message)
{
    AUTO_JSON struct json_object *json = json_object_new_object();
    if (is_api(request->operation))
        json_add_text(json, "error", "SerializationException");
    json_add_text(json, "message", message);
    peer_reply(request, is_api(request->operation) ? 0 : ERR_UNSUPPORTED, json);
}

/* What a node asks for in its own name is of no use to anybody when it is gone; should it be back it is read then. */
static bool is_orphan(const struct engine *engine, const struct store_request *row, const char *operation)
{
    return operation && !is_api(operation) && row->asker && !owner_knows(engine, row->asker);
}

static void start(struct engine *engine, const struct store_request *row)
{
    AUTO_JSON struct json_object *body = NULL;
    struct json_object *input = NULL;
    const char *operation = NULL;
    if (json_parse(row->body, strlen(row->body), &body, NULL) == 0)
        operation = json_member_text(body, "operation");
    if (is_orphan(engine, row, operation))
        return;
    struct peer_request *request = request_new(engine, row, operation ? operation : "");
    const struct handler *handler = operation ? handler_of(engine->inbox, operation) : NULL;
    if (operation == NULL || !json_member(body, "input", &input))
        refuse(request, "the request in the inbox is not {\"operation\", \"input\"}");
    else if (handler == NULL)
        refuse(request, "this node does not know the operation");
    else
        handler->fn(handler->context, request, input);
}

static int on_row(void *context, const struct store_request *row)
{
    struct engine *engine = context;
    struct inbox *inbox = engine->inbox;
    struct peer_request *request = find(engine, row->seq);
    if (row->body == NULL) {
        if (request)
            cancel(request);
        return 0;
    }
    if (request || !owner_holds(engine, row->shard))
        return 0;
    if (inbox->api_count >= API_MAX || inbox->count >= REQUESTS_MAX)
        return 1; /* the next one that is done reads on */
    start(engine, row);
    return 0;
}

static void on_read(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    struct inbox *inbox = engine->inbox;
    if (!inbox->open)
        return;
    int *shards = mem_alloc((size_t)engine->shards * sizeof *shards);
    int64_t *known = mem_alloc((inbox->count + 1) * sizeof *known);
    size_t shard_count = owner_list(engine, shards), known_count = 0;
    for (struct peer_request *request = inbox->requests; request; request = request->next)
        known[known_count++] = request->seq;
    if (store_requests(engine->store, shards, shard_count, known, known_count, on_row, engine, NULL) < 0) {
        struct timeval pause = {1, 0};
        event_add(inbox->reader, &pause);
    }
    free(shards);
    free(known);
}

void peer_inbox_look(struct engine *engine)
{
    event_active(engine->inbox->reader, EV_TIMEOUT, 0);
}

/* --- cancelling ------------------------------------------------------------------------------------------------ */

/* Each callback may free other requests, so the walk begins anew after one. */
static bool cancel_next(struct engine *engine, int shard, bool soft, const char *asker)
{
    for (struct peer_request *request = engine->inbox->requests; request; request = request->next) {
        if (request->answered || (shard >= 0 && request->shard != shard) || (soft && is_api(request->operation)) ||
            (asker && (request->asker == NULL || strcmp(request->asker, asker) != 0)))
            continue;
        cancel(request);
        return true;
    }
    return false;
}

void peer_inbox_drop_shard(struct engine *engine, int shard, bool soft)
{
    while (engine->inbox->shard_requests[shard] && cancel_next(engine, shard, soft, NULL))
        continue;
}

void peer_inbox_drop_asker(struct engine *engine, const char *node)
{
    while (cancel_next(engine, -1, true, node))
        continue;
}

int peer_inbox_count(const struct engine *engine, int shard)
{
    return engine->inbox->shard_requests[shard];
}

/* --- life ------------------------------------------------------------------------------------------------------ */

void peer_register(struct engine *engine, const char *operation, peer_handler_fn *fn, void *context)
{
    struct inbox *inbox = engine->inbox;
    for (size_t i = 0; i < inbox->handler_count; i++) {
        struct handler *handler = &inbox->handlers[i];
        if ((operation == NULL) == (handler->operation == NULL) &&
            (operation == NULL || strcmp(handler->operation, operation) == 0)) {
            handler->fn = fn;
            handler->context = context;
            return;
        }
    }
    inbox->handlers =
        mem_grow(inbox->handlers, &inbox->handler_capacity, inbox->handler_count + 1, sizeof *inbox->handlers);
    inbox->handlers[inbox->handler_count++] = (struct handler){mem_strdup(operation), fn, context};
    peer_inbox_look(engine);
}

void peer_on_cancel(struct peer_request *request, peer_cancelled_fn *fn, void *context)
{
    request->cancelled = fn;
    request->context = context;
}

const char *peer_operation(const struct peer_request *request)
{
    return request->operation;
}

const char *peer_asker(const struct peer_request *request)
{
    return request->asker;
}

int peer_shard(const struct peer_request *request)
{
    return request->shard;
}

int64_t peer_number(const struct peer_request *request)
{
    return request->seq;
}

int peer_inbox_open(struct engine *engine, struct err *err)
{
    struct inbox *inbox = NEW(struct inbox);
    engine->inbox = inbox;
    inbox->by_seq = lh_table_new(64, NULL, hash_seq, same_seq);
    inbox->shard_requests = mem_zalloc((size_t)engine->shards * sizeof *inbox->shard_requests);
    inbox->open = true;
    inbox->reader = evtimer_new(engine->base, on_read, engine);
    return inbox->reader ? 0 : err_set(err, ERR_IO, "could not make a timer");
}

void peer_inbox_pause(struct engine *engine)
{
    engine->inbox->open = false;
}

void peer_inbox_end(struct engine *engine)
{
    engine->inbox->open = false;
    while (cancel_next(engine, -1, false, NULL))
        continue;
}

void peer_inbox_close(struct engine *engine)
{
    struct inbox *inbox = engine->inbox;
    event_free(inbox->reader);
    inbox->reader = NULL;
    while (inbox->requests) {
        struct peer_request *request = inbox->requests;
        inbox->requests = request->next;
        free(request->asker);
        free(request->operation);
        free(request);
    }
    lh_table_free(inbox->by_seq);
    for (size_t i = 0; i < inbox->handler_count; i++)
        free(inbox->handlers[i].operation);
    free(inbox->handlers);
    free(inbox->shard_requests);
    free(inbox);
}
