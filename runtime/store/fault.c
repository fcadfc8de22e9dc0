/* fault.c - see fault.h. */
#include "config.h"

#include "runtime/store/fault.h"

#include "runtime/store/store_priv.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct fault_store {
    struct store base;
    struct store *inner;
    int calls;
    int fail_at;
};

static struct store *inner_of(struct store *store)
{
    return ((struct fault_store *)store)->inner;
}

static int strike(struct store *store, struct err *err)
{
    struct fault_store *fault = (struct fault_store *)store;

    return ++fault->calls == fault->fail_at ? err_set(err, ERR_IO, "fault %d", fault->fail_at) : 0;
}

/* The wrapper of one function: its name, its parameters, and the names of those to hand on. */
#define WRAP(name, parameters, ...)                                                                                    \
    static int fault_##name parameters                                                                                 \
    {                                                                                                                  \
        int result = strike(store, err);                                                                               \
                                                                                                                       \
        return result ? result : store_##name(inner_of(store), __VA_ARGS__);                                           \
    }

WRAP(commit, (struct store * store, struct store_batch *batch, struct err *err), batch, err)
WRAP(execution_by_arn, (struct store * store, const char *arn, store_execution_fn *fn, void *context, struct err *err),
     arn, fn, context, err)
WRAP(execution_by_id,
     (struct store * store, int shard, int64_t id, store_execution_fn *fn, void *context, struct err *err), shard, id,
     fn, context, err)
static void fault_prefetch(struct store *store, const struct store_key *keys, size_t count)
{
    store_prefetch(inner_of(store), keys, count); /* a hint: what it cannot do now is asked for one by one */
}

WRAP(executions,
     (struct store * store, const struct store_execution_query *query, store_execution_fn *fn, void *context,
      struct err *err),
     query, fn, context, err)
WRAP(executions_due,
     (struct store * store, const int *shards, size_t count, int64_t now_ms, store_execution_fn *fn, void *context,
      struct err *err),
     shards, count, now_ms, fn, context, err)
WRAP(next_wake,
     (struct store * store, const int *shards, size_t count, int64_t now_ms, int64_t *ret_wake_ms, struct err *err),
     shards, count, now_ms, ret_wake_ms, err)
WRAP(history,
     (struct store * store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn, void *context,
      struct err *err),
     shard, execution_id, from_event_id, fn, context, err)
WRAP(history_edge,
     (struct store * store, int shard, int64_t execution_id, bool last, store_history_fn *fn, void *context,
      struct err *err),
     shard, execution_id, last, fn, context, err)
WRAP(document,
     (struct store * store, const char *kind, const char *key, store_document_fn *fn, void *context, struct err *err),
     kind, key, fn, context, err)
WRAP(documents,
     (struct store * store, const char *kind, const char *prefix, const char *after, bool descending, int limit,
      store_document_fn *fn, void *context, struct err *err),
     kind, prefix, after, descending, limit, fn, context, err)
WRAP(nodes, (struct store * store, const struct store_view *view, struct err *err), view, err)
WRAP(lags, (struct store * store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err), now_ms, fn,
     context, err)
WRAP(renew,
     (struct store * store, const char *node, const char *info, int64_t lease_ms, bool announce,
      const struct store_view *view, struct err *err),
     node, info, lease_ms, announce, view, err)
WRAP(lease_take,
     (struct store * store, const char *node, const int *shards, size_t count, int64_t *ret_epochs, struct err *err),
     node, shards, count, ret_epochs, err)
WRAP(lease_release,
     (struct store * store, const char *node, const int *shards, const int64_t *epochs, size_t count, struct err *err),
     node, shards, epochs, count, err)
WRAP(leave, (struct store * store, const char *node, struct err *err), node, err)
WRAP(tidy, (struct store * store, struct err *err), err)
WRAP(requests,
     (struct store * store, const int *shards, size_t count, const int64_t *known, size_t known_count,
      store_request_fn *fn, void *context, struct err *err),
     shards, count, known, known_count, fn, context, err)
WRAP(replies, (struct store * store, const char *asker, store_reply_fn *fn, void *context, struct err *err), asker, fn,
     context, err)
WRAP(inbox_put, (struct store * store, int shard, const char *body, int64_t *ret_seq, struct err *err), shard, body,
     ret_seq, err)
WRAP(inbox_reply, (struct store * store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err), seq, fn,
     context, err)
WRAP(inbox_cancel, (struct store * store, int64_t seq, struct err *err), seq, err)
WRAP(next_machine, (struct store * store, const char *after, char **ret_machine, struct err *err), after, ret_machine,
     err)
WRAP(executions_old,
     (struct store * store, const struct store_old_query *query, store_execution_fn *fn, void *context,
      struct err *err),
     query, fn, context, err)

static void fault_close(struct store *store)
{
    store_close(inner_of(store));
    free(store);
}

static int64_t fault_count_open(struct store *store)
{
    return store_count_open(inner_of(store));
}

static int64_t fault_change_counter(struct store *store)
{
    return store_change_counter(inner_of(store));
}

static int fault_notify_fd(struct store *store)
{
    return store_notify_fd(inner_of(store));
}

static void fault_listen(struct store *store, const char *node)
{
    store_listen(inner_of(store), node);
}

static void fault_changes(struct store *store, struct store_changes *ret_changes, store_hint_fn *fn, void *context)
{
    store_changes(inner_of(store), ret_changes, fn, context);
}

static char *fault_info(struct store *store)
{
    return store_info(inner_of(store));
}

static const struct store_ops fault_ops = {
    .name = "fault",
    .close = fault_close,
    .commit = fault_commit,
    .execution_by_arn = fault_execution_by_arn,
    .execution_by_id = fault_execution_by_id,
    .prefetch = fault_prefetch,
    .executions = fault_executions,
    .executions_due = fault_executions_due,
    .next_wake = fault_next_wake,
    .count_open = fault_count_open,
    .history = fault_history,
    .history_edge = fault_history_edge,
    .document = fault_document,
    .documents = fault_documents,
    .change_counter = fault_change_counter,
    .notify_fd = fault_notify_fd,
    .listen = fault_listen,
    .changes = fault_changes,
    .nodes = fault_nodes,
    .lags = fault_lags,
    .renew = fault_renew,
    .lease_take = fault_lease_take,
    .lease_release = fault_lease_release,
    .leave = fault_leave,
    .tidy = fault_tidy,
    .requests = fault_requests,
    .replies = fault_replies,
    .inbox_put = fault_inbox_put,
    .inbox_reply = fault_inbox_reply,
    .inbox_cancel = fault_inbox_cancel,
    .next_machine = fault_next_machine,
    .executions_old = fault_executions_old,
    .info = fault_info,
};

struct store *store_fault_new(struct store *inner, int fail_at)
{
    struct fault_store *fault = NEW(struct fault_store);

    fault->base = *inner;
    fault->base.ops = &fault_ops;
    fault->base.origins = NULL;
    fault->base.origin_count = 0;
    fault->inner = inner;
    fault->fail_at = fail_at;
    return &fault->base;
}

void store_fault_arm(struct store *store, int fail_at)
{
    struct fault_store *fault = (struct fault_store *)store;

    fault->calls = 0;
    fault->fail_at = fail_at;
}

bool store_fault_struck(const struct store *store)
{
    const struct fault_store *fault = (const struct fault_store *)store;

    return fault->fail_at > 0 && fault->calls >= fault->fail_at;
}
