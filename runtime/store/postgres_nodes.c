/*
 * postgres_nodes.c - what the nodes of a PostgreSQL store do about each other: leases, and requests.
 *
 * All of it is on the reading side's connection, so that a commit that waits for a database that is away keeps nobody
 * from renewing. Nothing here waits for a lock that another node may hold for long: a lease that is locked by a commit
 * is not taken (postgres_statements.def, LEASE_TAKE).
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

#include "asl/base/err.h"

#include <string.h>

static int ask(struct store *base, enum postgres_statement which, const struct params *params, PGresult **ret_result,
               struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;

    return postgres_ask(store, &store->reader, which, params, ret_result, err);
}

/* A statement whose rows nobody wants. */
static int change(struct store *base, enum postgres_statement which, const struct params *params, struct err *err)
{
    PGresult *answer;
    int result = ask(base, which, params, &answer, err);

    pq.clear(answer);
    return result;
}

/* --- nodes and leases ---------------------------------------------------------------------------- */

static int give_view(const PGresult *answer, const struct store_view *view)
{
    enum { NODE, LEASE };
    int said = 0;

    for (int i = 0; i < pq.ntuples(answer) && !said; i++) {
        int64_t what = postgres_int(answer, i, 0);

        if (what == NODE && view->node) {
            struct store_node node = {
                .name = postgres_text(answer, i, 1),
                .info = postgres_text(answer, i, 2),
                .seen_ms_ago = postgres_int(answer, i, 3),
                .alive = postgres_int(answer, i, 4) != 0,
            };

            said = view->node(view->context, &node);
        } else if (what == LEASE && view->lease) {
            struct store_lease lease = {
                .shard = (int)postgres_int(answer, i, 3),
                .epoch = postgres_int(answer, i, 4),
                .node = postgres_text(answer, i, 1),
            };

            said = view->lease(view->context, &lease);
        }
    }
    return store_callback_result(said);
}

int postgres_nodes(struct store *store, const struct store_view *view, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result = ask(store, POSTGRES_NODES, &params, &answer, err);

    if (!result)
        result = give_view(answer, view);
    pq.clear(answer);
    return result;
}

int postgres_lags(struct store *store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int said = 0;
    int result;

    params_add_int(&params, now_ms);
    result = ask(store, POSTGRES_LAGS, &params, &answer, err);
    for (int i = 0; !result && i < pq.ntuples(answer) && !said; i++) {
        struct store_lag lag = {
            .shard = (int)postgres_int(answer, i, 0),
            .overdue_ms = postgres_int(answer, i, 1),
            .requests = postgres_int(answer, i, 2),
        };

        said = fn(context, &lag);
    }
    pq.clear(answer);
    return result ? result : store_callback_result(said);
}

int postgres_renew(struct store *base, const char *node, const char *info, int64_t lease_ms, bool announce,
                   const struct store_view *view, struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_text(&params, node);
    params_add_text(&params, info);
    params_add_text(&params, store->writer_id);
    params_add_int(&params, lease_ms);
    params_add_text(&params, announce ? "true" : "false");
    if (!(result = ask(base, POSTGRES_RENEW, &params, &answer, err)))
        result = give_view(answer, view);
    pq.clear(answer);
    return result;
}

int postgres_lease_take(struct store *base, const char *node, const int *shards, const int64_t *seen, size_t count,
                        int64_t *ret_epochs, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    struct buf *epochs;
    PGresult *answer;
    int result;

    params_add_text(&params, node);
    params_add_int4s(&params, shards, count);
    epochs = params_begin_int8s(&params, count);
    for (size_t i = 0; i < count; i++)
        array_add_int8(epochs, seen ? seen[i] : -1);
    params_end(&params);
    result = ask(base, POSTGRES_LEASE_TAKE, &params, &answer, err);
    for (int row = 0; !result && row < pq.ntuples(answer); row++) {
        for (size_t i = 0; i < count; i++) {
            if (shards[i] == (int)postgres_int(answer, row, 0))
                ret_epochs[i] = postgres_int(answer, row, 1);
        }
    }
    pq.clear(answer);
    return result;
}

int postgres_lease_release(struct store *base, const char *node, const int *shards, const int64_t *epochs, size_t count,
                           struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;

    params_add_text(&params, node);
    params_add_int4s(&params, shards, count);
    params_add_int8s(&params, epochs, count);
    params_add_text(&params, store->writer_id);
    return change(base, POSTGRES_LEASE_RELEASE, &params, err);
}

int postgres_leave(struct store *base, const char *node, struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;
    AUTO_PARAMS name = PARAMS_INIT;
    int result;

    params_add_text(&params, node);
    params_add_text(&params, store->writer_id);
    params_add_text(&name, node);
    if ((result = change(base, POSTGRES_LEAVE, &params, err)) ||
        (result = change(base, POSTGRES_FORGET_ASKED, &name, err)))
        return result;
    return change(base, POSTGRES_FORGET_ANSWERED, &name, err);
}

int postgres_tidy(struct store *base, struct err *err)
{
    AUTO_PARAMS none = PARAMS_INIT;
    AUTO_PARAMS live = PARAMS_INIT;
    PGresult *answer;
    int result;

    if ((result = change(base, POSTGRES_TIDY_NODES, &none, err)) ||
        (result = ask(base, POSTGRES_LIVE_NODES, &none, &answer, err)))
        return result;
    params_add_text(&live, postgres_text(answer, 0, 0));
    if (!(result = change(base, POSTGRES_TIDY_REPLIES, &live, err)))
        result = change(base, POSTGRES_TIDY_REQUESTS, &live, err);
    pq.clear(answer);
    return result;
}

/* --- requests and replies --------------------------------------------------------------------------- */

static int give_gone(struct store *base, const int64_t *known, size_t count, store_request_fn *fn, void *context,
                     struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int said = 0;
    int result;

    params_add_int8s(&params, known, count);
    result = ask(base, POSTGRES_REQUESTS_GONE, &params, &answer, err);
    for (int i = 0; !result && i < pq.ntuples(answer) && !said; i++) {
        int64_t seq = postgres_int(answer, i, 0);

        said = fn(context, &(struct store_request){.shard = INBOX_SHARD_OF(seq), .seq = seq});
    }
    pq.clear(answer);
    return result ? result : store_callback_result(said);
}

int postgres_requests(struct store *base, const int *shards, size_t count, const int64_t *known, size_t known_count,
                      store_request_fn *fn, void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int said = 0;
    int result;

    params_add_int4s(&params, shards, count);
    params_add_int8s(&params, known, known_count);
    result = ask(base, POSTGRES_REQUESTS, &params, &answer, err);
    /* Before the callbacks, which may change what is known. */
    if (!result && known_count)
        result = give_gone(base, known, known_count, fn, context, err);
    for (int i = 0; !result && i < pq.ntuples(answer) && !said; i++) {
        struct store_request request = {
            .shard = (int)postgres_int(answer, i, 0),
            .seq = postgres_int(answer, i, 1),
            .asker = postgres_text(answer, i, 2),
            .number = postgres_int(answer, i, 3),
            .carried_out = postgres_int(answer, i, 4) != 0,
            .body = postgres_text(answer, i, 5),
        };

        said = fn(context, &request);
    }
    pq.clear(answer);
    return result ? result : store_callback_result(said);
}

int postgres_replies(struct store *base, const char *asker, store_reply_fn *fn, void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int said = 0;
    int result;

    params_add_text(&params, asker);
    result = ask(base, POSTGRES_REPLIES, &params, &answer, err);
    for (int i = 0; !result && i < pq.ntuples(answer) && !said; i++)
        said = fn(context, (int)postgres_int(answer, i, 0), postgres_int(answer, i, 1), postgres_text(answer, i, 2));
    pq.clear(answer);
    return result ? result : store_callback_result(said);
}

/* --- requests of processes that are no node ----------------------------------------------------------- */

/* A repeated try after a lost connection may leave the request there twice: the second reply is nobody's. */
int postgres_inbox_put(struct store *base, int shard, const char *body, int64_t *ret_seq, struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int(&params, shard);
    params_add_text(&params, body);
    params_add_text(&params, store->writer_id);
    if (!(result = ask(base, POSTGRES_INBOX_PUT, &params, &answer, err)))
        *ret_seq = postgres_int(answer, 0, 0);
    pq.clear(answer);
    return result;
}

int postgres_inbox_reply(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int(&params, INBOX_SHARD_OF(seq));
    params_add_int(&params, seq);
    result = ask(store, POSTGRES_TAKE_REPLY, &params, &answer, err);
    if (!result)
        result = pq.ntuples(answer) ? store_callback_result(fn(context, seq, postgres_text(answer, 0, 0)))
                                    : err_set(err, ERR_NOT_FOUND, "there is no reply yet");
    pq.clear(answer);
    return result;
}

int postgres_inbox_cancel(struct store *store, int64_t seq, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int(&params, INBOX_SHARD_OF(seq));
    params_add_int(&params, seq);
    result = ask(store, POSTGRES_CANCEL, &params, &answer, err);
    if (!result && !strcmp(pq.cmdTuples(answer), "0"))
        result = err_set(err, ERR_NOT_FOUND, "the request was answered already");
    pq.clear(answer);
    return result;
}
