/* store.c - from the contract to the backend: reads the URL, checks arguments, calls through. */
#include "config.h"

#include "runtime/store/store_priv.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *after_prefix(const char *text, const char *prefix)
{
    size_t bytes = strlen(prefix);

    return strncmp(text, prefix, bytes) ? NULL : text + bytes;
}

static bool is_postgres(const char *url)
{
    return after_prefix(url, "postgres://") || after_prefix(url, "postgresql://");
}

static int no_store(const char *url, struct err *err)
{
    err_set(err, ERR_INVALID, "\"%s\" does not name a store", url);
    err_hint(err, "write sqlite:PATH or postgres://USER@HOST/DATABASE");
    return ERR_INVALID;
}

static int open_backend(const char *url, struct store **ret_store, struct err *err)
{
    const char *path = after_prefix(url, "sqlite:");

    if (path && *path)
        return sqlite_store_open(path, ret_store, err);
    return is_postgres(url) ? postgres_store_open(url, ret_store, err) : no_store(url, err);
}

int store_exists(const char *url, bool *ret_exists, struct err *err)
{
    const char *path = after_prefix(url, "sqlite:");

    if (path && *path) {
        *ret_exists = access(path, F_OK) == 0;
        return 0;
    }
    return is_postgres(url) ? postgres_store_exists(url, ret_exists, err) : no_store(url, err);
}

/* In the order of enum store_mark; the setting "mark" is such a word, a blank, and the name of the move. */
static const char *const marks[] = {"unmarked", "filling", "filled", "moved"};

static int read_mark(struct store *store, enum store_mark *ret_mark, char *ret_move, struct err *err)
{
    char *text = NULL;
    char word[16] = "";
    int result = store->ops->get_setting(store, "mark", &text, err);

    *ret_mark = STORE_UNMARKED;
    *ret_move = '\0';
    if (result || !text)
        return result;
    if (sscanf(text, "%15s %32s", word, ret_move) == 2) {
        for (enum store_mark mark = STORE_FILLING; mark <= STORE_MOVED; mark++)
            if (!strcmp(word, marks[mark]))
                *ret_mark = mark;
    }
    if (*ret_mark == STORE_UNMARKED)
        result = err_set(err, ERR_CORRUPT, "the store has the mark \"%s\", which this program does not know", text);
    free(text);
    return result;
}

/* The setting "origins": pairs of a number and a count of shards, "LAST_ID:SHARDS LAST_ID:SHARDS". */
static int read_origins(struct store *store, struct err *err)
{
    char *text = NULL;
    int result = store->ops->get_setting(store, "origins", &text, err);

    for (const char *at = text; !result && at && *at;) {
        struct store_origin origin;
        int used = 0;

        if (sscanf(at, "%" SCNd64 ":%d%n", &origin.last_id, &origin.shards, &used) != 2 || origin.shards < 1) {
            result = err_set(err, ERR_CORRUPT, "the setting \"origins\" of the store is damaged: \"%s\"", text);
            break;
        }
        store->origins = mem_realloc(store->origins, (store->origin_count + 1) * sizeof(*store->origins));
        store->origins[store->origin_count++] = origin;
        at += used;
        at += *at == ' ';
    }
    free(text);
    return result;
}

int store_open_marked(const char *url, struct store **ret_store, enum store_mark *ret_mark, char *ret_move,
                      struct err *err)
{
    struct store *store;
    int result = open_backend(url, &store, err);

    if (result)
        return result;
    if ((result = read_mark(store, ret_mark, ret_move, err)) || (result = read_origins(store, err))) {
        store_close(store);
        return result;
    }
    *ret_store = store;
    return 0;
}

int store_open(const char *url, struct store **ret_store, struct err *err)
{
    enum store_mark mark;
    char move[STORE_MOVE_BYTES];
    struct store *store;
    int result = store_open_marked(url, &store, &mark, move, err);

    if (result)
        return result;
    if (mark == STORE_UNMARKED) {
        *ret_store = store;
        return 0;
    }
    store_close(store);
    if (mark == STORE_MOVED) {
        err_set(err, ERR_UNSUPPORTED, "the content of this store was moved to another one");
        err_hint(err, "name the store that it was moved to");
    } else {
        err_set(err, ERR_UNSUPPORTED, "a migration into this store has not come to its end");
        err_hint(err, "run `orchestrator migrate` again as before");
    }
    return ERR_UNSUPPORTED;
}

int store_set_mark(struct store *store, enum store_mark mark, const char *move, struct err *err)
{
    char text[64];

    if (mark == STORE_UNMARKED)
        return store->ops->set_setting(store, "mark", NULL, err);
    snprintf(text, sizeof(text), "%s %s", marks[mark], move);
    return store->ops->set_setting(store, "mark", text, err);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    free(store->origins);
    store->ops->close(store);
}

const char *store_kind(const struct store *store)
{
    return store->ops->name;
}

int store_shards(const struct store *store)
{
    return store->shards;
}

/* FNV-1a, then mixed: stored data depends on it, so it never changes. */
int store_shard_among(int shards, const char *arn)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);

    for (const unsigned char *c = (const unsigned char *)arn; *c; c++)
        hash = (hash ^ *c) * UINT64_C(0x100000001B3);
    hash ^= hash >> 32;
    return (int)(hash % (uint64_t)shards);
}

int store_shard_of(const struct store *store, const char *arn)
{
    return store_shard_among(store->shards, arn);
}

static int note_shard(void *context, const struct store_execution *row)
{
    *(int *)context = row->shard;
    return 0;
}

int store_locate(struct store *store, int shard, int64_t execution_id)
{
    int found = 0;

    if (!store_is_adopted(store, execution_id))
        return shard;
    return store_execution_by_id(store, shard, execution_id, note_shard, &found, NULL) ? 0 : found;
}

int store_shards_at_start(const struct store *store, int64_t execution_id)
{
    for (size_t i = 0; i < store->origin_count; i++)
        if (execution_id <= store->origins[i].last_id)
            return store->origins[i].shards;
    return store->shards;
}

const unsigned char *store_secret(const struct store *store)
{
    return store->secret;
}

int store_commit(struct store *store, struct store_batch *batch, struct err *err)
{
    int result;

    if (store_batch_empty(batch))
        return 0;
    for (size_t i = 0; i < batch->documents.count; i++)
        batch->documents.items[i].is_conflict = false;
    result = store->ops->commit(store, batch, err);
    if (!result)
        store_batch_settle(batch);
    return result;
}

int store_execution_by_arn(struct store *store, const char *arn, store_execution_fn *fn, void *context, struct err *err)
{
    return store->ops->execution_by_arn(store, arn, fn, context, err);
}

int store_execution_by_id(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                          struct err *err)
{
    return store->ops->execution_by_id(store, shard, id, fn, context, err);
}

void store_prefetch(struct store *store, const struct store_key *keys, size_t count)
{
    if (store->ops->prefetch)
        store->ops->prefetch(store, keys, count);
}

int store_executions(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                     void *context, struct err *err)
{
    assert(query->limit >= 0);
    return store->ops->executions(store, query, fn, context, err);
}

int store_executions_due(struct store *store, const int *shards, size_t count, int64_t now_ms, store_execution_fn *fn,
                         void *context, struct err *err)
{
    return count ? store->ops->executions_due(store, shards, count, now_ms, fn, context, err) : 0;
}

int store_next_wake(struct store *store, const int *shards, size_t count, int64_t now_ms, int64_t *ret_wake_ms,
                    struct err *err)
{
    if (count)
        return store->ops->next_wake(store, shards, count, now_ms, ret_wake_ms, err);
    *ret_wake_ms = STORE_WAKE_NEVER;
    return 0;
}

int store_last_id(struct store *store, const int *shards, size_t count, int64_t *ret_id, struct err *err)
{
    *ret_id = 0;
    return count ? store->ops->last_id(store, shards, count, ret_id, err) : 0;
}

int64_t store_count_open(struct store *store)
{
    return store->ops->count_open(store);
}

int store_history(struct store *store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn,
                  void *context, struct err *err)
{
    return store->ops->history(store, shard, execution_id, from_event_id, fn, context, err);
}

int store_history_edge(struct store *store, int shard, int64_t execution_id, bool last, store_history_fn *fn,
                       void *context, struct err *err)
{
    return store->ops->history_edge(store, shard, execution_id, last, fn, context, err);
}

int store_document(struct store *store, const char *kind, const char *key, store_document_fn *fn, void *context,
                   struct err *err)
{
    return store->ops->document(store, kind, key, fn, context, err);
}

int store_documents(struct store *store, const char *kind, const char *prefix, const char *after, bool descending,
                    int limit, store_document_fn *fn, void *context, struct err *err)
{
    assert(limit >= 0);
    return store->ops->documents(store, kind, prefix ? prefix : "", after, descending, limit, fn, context, err);
}

int64_t store_change_counter(struct store *store)
{
    return store->ops->change_counter(store);
}

int store_notify_fd(struct store *store)
{
    return store->ops->notify_fd ? store->ops->notify_fd(store) : -1;
}

void store_listen(struct store *store, const char *node)
{
    if (store->ops->listen)
        store->ops->listen(store, node);
}

void store_changes(struct store *store, struct store_changes *ret_changes, store_hint_fn *fn, void *context)
{
    memset(ret_changes, 0, sizeof(*ret_changes));
    store->ops->changes(store, ret_changes, fn, context);
}

bool store_is_shared(const struct store *store)
{
    return store->is_shared;
}

int store_lease_ms(const struct store *store)
{
    return store->lease_ms;
}

int store_nodes(struct store *store, const struct store_view *view, struct err *err)
{
    return store->ops->nodes(store, view, err);
}

int store_lags(struct store *store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err)
{
    return store->ops->lags(store, now_ms, fn, context, err);
}

int store_renew(struct store *store, const char *node, const char *info, int64_t lease_ms, bool announce,
                const struct store_view *view, struct err *err)
{
    assert(node && *node);
    return store->ops->renew(store, node, info ? info : "{}", lease_ms, announce, view, err);
}

int store_lease_take(struct store *store, const char *node, const int *shards, const int64_t *seen, size_t count,
                     int64_t *ret_epochs, struct err *err)
{
    assert(node && *node);
    for (size_t i = 0; i < count; i++) {
        assert(shards[i] >= 0 && shards[i] < store->shards);
        ret_epochs[i] = 0;
    }
    return count ? store->ops->lease_take(store, node, shards, seen, count, ret_epochs, err) : 0;
}

int store_lease_release(struct store *store, const char *node, const int *shards, const int64_t *epochs, size_t count,
                        struct err *err)
{
    return count ? store->ops->lease_release(store, node, shards, epochs, count, err) : 0;
}

int store_leave(struct store *store, const char *node, struct err *err)
{
    return store->ops->leave(store, node, err);
}

int store_tidy(struct store *store, struct err *err)
{
    return store->ops->tidy(store, err);
}

int store_requests(struct store *store, const int *shards, size_t count, const int64_t *known, size_t known_count,
                   store_request_fn *fn, void *context, struct err *err)
{
    return count ? store->ops->requests(store, shards, count, known, known_count, fn, context, err) : 0;
}

int store_replies(struct store *store, const char *asker, store_reply_fn *fn, void *context, struct err *err)
{
    return store->ops->replies(store, asker, fn, context, err);
}

int store_inbox_put(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err)
{
    assert(shard >= 0 && shard < store->shards);
    return store->ops->inbox_put(store, shard, body, ret_seq, err);
}

int store_inbox_reply(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err)
{
    return store->ops->inbox_reply(store, seq, fn, context, err);
}

int store_inbox_cancel(struct store *store, int64_t seq, struct err *err)
{
    return store->ops->inbox_cancel(store, seq, err);
}

int store_next_machine(struct store *store, const char *after, char **ret_machine, struct err *err)
{
    return store->ops->next_machine(store, after ? after : "", ret_machine, err);
}

int store_executions_old(struct store *store, const struct store_old_query *query, store_execution_fn *fn,
                         void *context, struct err *err)
{
    assert(query->machine && query->limit > 0);
    return store->ops->executions_old(store, query, fn, context, err);
}

int store_scan(struct store *store, int shard, int64_t after_id, int limit, store_execution_fn *fn,
               store_history_fn *history_fn, void *context, struct err *err)
{
    assert(limit > 0);
    return store->ops->scan(store, shard, after_id, limit, fn, history_fn, context, err);
}

int store_scan_documents(struct store *store, const char *after_kind, const char *after_key, int limit,
                         store_any_document_fn *fn, void *context, struct err *err)
{
    assert(limit > 0);
    return store->ops->scan_documents(store, after_kind ? after_kind : "", after_key ? after_key : "", limit, fn,
                                      context, err);
}

int store_totals(struct store *store, struct store_totals *ret_totals, struct err *err)
{
    return store->ops->totals(store, ret_totals, err);
}

int store_clear(struct store *store, struct err *err)
{
    return store->ops->clear(store, err);
}

int store_adopt(struct store *store, const struct store *source, int64_t last_id, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    size_t count = source->origin_count + 1;
    struct store_origin *origins = mem_alloc(count * sizeof(*origins));
    int result;

    for (size_t i = 0; i < count; i++) {
        origins[i] = i < count - 1 ? source->origins[i] : (struct store_origin){last_id, source->shards};
        buf_printf(&text, "%s%" PRId64 ":%d", i ? " " : "", origins[i].last_id, origins[i].shards);
    }
    if ((result = store->ops->set_secret(store, source->secret, err)) ||
        (result = store->ops->set_setting(store, "origins", buf_text(&text), err))) {
        free(origins);
        return result;
    }
    memcpy(store->secret, source->secret, STORE_SECRET_BYTES);
    free(store->origins);
    store->origins = origins;
    store->origin_count = count;
    return 0;
}

char *store_info(struct store *store)
{
    return store->ops->info(store);
}

bool store_is_adopted(const struct store *store, int64_t execution_id)
{
    return store->origin_count && execution_id <= store->origins[store->origin_count - 1].last_id;
}
