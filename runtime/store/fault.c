/* fault.c - see fault.h. */
#include "config.h"

#include "runtime/store/fault.h"

#include "runtime/store/store_priv.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fault_store {
    struct store base;
    struct store *inner;
    pthread_mutex_t lock; /* commits are another thread's */
    pthread_cond_t changed;
    int calls;
    int fail_at;
    int commits;
    int fail_commit;
    enum err_code code;
    bool written;
    bool hold;
    bool blind;
    int reads_left; /* before it becomes blind; 0: it does not */
    int held;
};

static struct store *inner_of(struct store *store)
{
    return ((struct fault_store *)store)->inner;
}

static int strike(struct store *store, struct err *err)
{
    struct fault_store *fault = (struct fault_store *)store;
    bool strikes;

    pthread_mutex_lock(&fault->lock);
    strikes = ++fault->calls == fault->fail_at;
    pthread_mutex_unlock(&fault->lock);
    return strikes ? err_set(err, ERR_IO, "fault") : 0;
}

/* The wrapper of one function: its name, its parameters, and the names of those to hand on. */
#define WRAP(name, parameters, ...)                                                                                    \
    static int fault_##name parameters                                                                                 \
    {                                                                                                                  \
        int result = strike(store, err);                                                                               \
                                                                                                                       \
        return result ? result : store_##name(inner_of(store), __VA_ARGS__);                                           \
    }

static void wait_while_held(struct fault_store *fault)
{
    pthread_mutex_lock(&fault->lock);
    fault->held++;
    while (fault->hold)
        pthread_cond_wait(&fault->changed, &fault->lock);
    fault->held--;
    pthread_mutex_unlock(&fault->lock);
}

static int fault_commit(struct store *store, struct store_batch *batch, struct err *err)
{
    struct fault_store *fault = (struct fault_store *)store;
    int result = strike(store, err);
    bool strikes;

    pthread_mutex_lock(&fault->lock);
    strikes = ++fault->commits == fault->fail_commit;
    pthread_mutex_unlock(&fault->lock);
    if (!result && (!strikes || fault->written))
        result = store_commit(inner_of(store), batch, err);
    if (!result && strikes)
        result = err_set(err, fault->code, "fault of a commit");
    wait_while_held(fault);
    return result;
}

static int look(struct store *store, struct err *err)
{
    struct fault_store *fault = (struct fault_store *)store;

    if (fault->reads_left && --fault->reads_left == 0)
        fault->blind = true;
    return fault->blind ? err_set(err, ERR_BUSY, "blind") : strike(store, err);
}

static int fault_execution_by_arn(struct store *store, const char *arn, store_execution_fn *fn, void *context,
                                  struct err *err)
{
    int result = look(store, err);

    return result ? result : store_execution_by_arn(inner_of(store), arn, fn, context, err);
}

static int fault_execution_by_id(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                                 struct err *err)
{
    int result = look(store, err);

    return result ? result : store_execution_by_id(inner_of(store), shard, id, fn, context, err);
}

static void fault_prefetch(struct store *store, const struct store_key *keys, size_t count)
{
    store_prefetch(inner_of(store), keys, count); /* a hint: what it cannot do now is asked for one by one */
}

static int fault_executions(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                            void *context, struct err *err)
{
    int result = look(store, err);

    return result ? result : store_executions(inner_of(store), query, fn, context, err);
}

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
     (struct store * store, const char *node, const int *shards, const int64_t *seen, size_t count, int64_t *ret_epochs,
      struct err *err),
     node, shards, seen, count, ret_epochs, err)
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
    struct fault_store *fault = (struct fault_store *)store;

    store_close(fault->inner);
    pthread_cond_destroy(&fault->changed);
    pthread_mutex_destroy(&fault->lock);
    free(fault);
}

WRAP(last_id, (struct store * store, const int *shards, size_t count, int64_t *ret_id, struct err *err), shards, count,
     ret_id, err)

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
    .last_id = fault_last_id,
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
    pthread_mutex_init(&fault->lock, NULL);
    pthread_cond_init(&fault->changed, NULL);
    return &fault->base;
}

void store_fault_arm(struct store *store, int fail_at)
{
    struct fault_store *fault = (struct fault_store *)store;

    pthread_mutex_lock(&fault->lock);
    fault->calls = 0;
    fault->fail_at = fail_at;
    pthread_mutex_unlock(&fault->lock);
}

void store_fault_arm_commit(struct store *store, int fail_at, enum err_code code, bool written)
{
    struct fault_store *fault = (struct fault_store *)store;

    pthread_mutex_lock(&fault->lock);
    fault->commits = 0;
    fault->fail_commit = fail_at;
    fault->code = code;
    fault->written = written;
    pthread_mutex_unlock(&fault->lock);
}

void store_fault_blind(struct store *store, bool blind)
{
    struct fault_store *fault = (struct fault_store *)store;

    fault->blind = blind;
    fault->reads_left = 0;
}

void store_fault_blind_after(struct store *store, int reads)
{
    ((struct fault_store *)store)->reads_left = reads;
}

bool store_fault_struck(struct store *store)
{
    struct fault_store *fault = (struct fault_store *)store;
    bool struck;

    pthread_mutex_lock(&fault->lock);
    struck = (fault->fail_at > 0 && fault->calls >= fault->fail_at) ||
             (fault->fail_commit > 0 && fault->commits >= fault->fail_commit);
    pthread_mutex_unlock(&fault->lock);
    return struck;
}

static void set_hold(struct store *store, bool hold)
{
    struct fault_store *fault = (struct fault_store *)store;

    pthread_mutex_lock(&fault->lock);
    fault->hold = hold;
    pthread_cond_broadcast(&fault->changed);
    pthread_mutex_unlock(&fault->lock);
}

void store_fault_hold(struct store *store)
{
    set_hold(store, true);
}

void store_fault_let_go(struct store *store)
{
    set_hold(store, false);
}

int store_fault_held(struct store *store)
{
    struct fault_store *fault = (struct fault_store *)store;
    int held;

    pthread_mutex_lock(&fault->lock);
    held = fault->held;
    pthread_mutex_unlock(&fault->lock);
    return held;
}
