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
WRAP(executions,
     (struct store * store, const struct store_execution_query *query, store_execution_fn *fn, void *context,
      struct err *err),
     query, fn, context, err)
WRAP(executions_due,
     (struct store * store, int shard, int64_t now_ms, store_execution_fn *fn, void *context, struct err *err), shard,
     now_ms, fn, context, err)
WRAP(next_wake, (struct store * store, int shard, int64_t now_ms, int64_t *ret_wake_ms, struct err *err), shard, now_ms,
     ret_wake_ms, err)
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
WRAP(leases, (struct store * store, store_lease_fn *fn, void *context, struct err *err), fn, context, err)
WRAP(lease_take,
     (struct store * store, int shard, const char *node, const char *info, int64_t now_ms, int64_t ttl_ms,
      int64_t *ret_epoch, struct err *err),
     shard, node, info, now_ms, ttl_ms, ret_epoch, err)
WRAP(lease_renew,
     (struct store * store, int shard, const char *node, int64_t epoch, int64_t now_ms, int64_t ttl_ms,
      struct err *err),
     shard, node, epoch, now_ms, ttl_ms, err)
WRAP(lease_release, (struct store * store, int shard, const char *node, int64_t epoch, struct err *err), shard, node,
     epoch, err)
WRAP(inbox_put, (struct store * store, int shard, const char *body, int64_t *ret_seq, struct err *err), shard, body,
     ret_seq, err)
WRAP(inbox, (struct store * store, int shard, int64_t after, store_inbox_fn *fn, void *context, struct err *err), shard,
     after, fn, context, err)
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
    .leases = fault_leases,
    .lease_take = fault_lease_take,
    .lease_renew = fault_lease_renew,
    .lease_release = fault_lease_release,
    .inbox_put = fault_inbox_put,
    .inbox = fault_inbox,
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
