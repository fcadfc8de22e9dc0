/* store.c - from the contract to the backend: reads the URL, checks arguments, calls through. */
#include "config.h"

#include "runtime/store/store_priv.h"

#include "asl/base/err.h"

#include <assert.h>
#include <string.h>

static const char *after_prefix(const char *text, const char *prefix)
{
    size_t bytes = strlen(prefix);

    return strncmp(text, prefix, bytes) ? NULL : text + bytes;
}

int store_open(const char *url, struct store **ret_store, struct err *err)
{
    const char *path = after_prefix(url, "sqlite:");

    if (path && *path)
        return sqlite_store_open(path, ret_store, err);
    if (after_prefix(url, "postgres://") || after_prefix(url, "postgresql://"))
        return postgres_store_open(url, ret_store, err);
    err_set(err, ERR_INVALID, "\"%s\" does not name a store", url);
    err_hint(err, "write sqlite:PATH or postgres://USER@HOST/DATABASE");
    return ERR_INVALID;
}

void store_close(struct store *store)
{
    if (store)
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
int store_shard_of(const struct store *store, const char *arn)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);

    for (const unsigned char *c = (const unsigned char *)arn; *c; c++)
        hash = (hash ^ *c) * UINT64_C(0x100000001B3);
    hash ^= hash >> 32;
    return (int)(hash % (uint64_t)store->shards);
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

int store_executions(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                     void *context, struct err *err)
{
    assert(query->limit >= 0);
    return store->ops->executions(store, query, fn, context, err);
}

int store_executions_due(struct store *store, int shard, int64_t now_ms, store_execution_fn *fn, void *context,
                         struct err *err)
{
    return store->ops->executions_due(store, shard, now_ms, fn, context, err);
}

int store_next_wake(struct store *store, int shard, int64_t now_ms, int64_t *ret_wake_ms, struct err *err)
{
    return store->ops->next_wake(store, shard, now_ms, ret_wake_ms, err);
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

int store_leases(struct store *store, store_lease_fn *fn, void *context, struct err *err)
{
    return store->ops->leases(store, fn, context, err);
}

int store_lease_take(struct store *store, int shard, const char *node, const char *info, int64_t now_ms, int64_t ttl_ms,
                     int64_t *ret_epoch, struct err *err)
{
    assert(node && *node);
    assert(shard >= 0 && shard < store->shards);
    return store->ops->lease_take(store, shard, node, info ? info : "{}", now_ms, ttl_ms, ret_epoch, err);
}

int store_lease_renew(struct store *store, int shard, const char *node, int64_t epoch, int64_t now_ms, int64_t ttl_ms,
                      struct err *err)
{
    return store->ops->lease_renew(store, shard, node, epoch, now_ms, ttl_ms, err);
}

int store_lease_release(struct store *store, int shard, const char *node, int64_t epoch, struct err *err)
{
    return store->ops->lease_release(store, shard, node, epoch, err);
}

int store_inbox_put(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err)
{
    assert(shard >= 0 && shard < store->shards);
    return store->ops->inbox_put(store, shard, body, ret_seq, err);
}

int store_inbox(struct store *store, int shard, int64_t after, store_inbox_fn *fn, void *context, struct err *err)
{
    return store->ops->inbox(store, shard, after, fn, context, err);
}

int store_inbox_reply(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err)
{
    return store->ops->inbox_reply(store, seq, fn, context, err);
}

int store_inbox_cancel(struct store *store, int64_t seq, struct err *err)
{
    return store->ops->inbox_cancel(store, seq, err);
}

int store_remove_closed(struct store *store, const char *machine, int64_t before_ms, int limit, int *ret_removed,
                        struct err *err)
{
    return store->ops->remove_closed(store, machine, before_ms, limit, ret_removed, err);
}

char *store_info(struct store *store)
{
    return store->ops->info(store);
}
