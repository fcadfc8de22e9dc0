/*
 * sqlite_nodes.c - what processes do to each other through a SQLite store: leases, and requests.
 *
 * One process runs executions. It is alive while its row in `node` says so, or while it holds the lock of
 * sqlite_alive.c, whichever ends sooner: a lock that can be had means that whoever was there before is dead.
 */
#include "config.h"

#include "runtime/store/sqlite_priv.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"

#include <sqlite3.h>
#include <stdlib.h>

static struct sqlite_connection *reader_of(struct store *store)
{
    return &((struct sqlite_store *)store)->reader;
}

static int walk_result(struct sqlite_connection *reader, int said, int step, struct err *err)
{
    if (said)
        return store_callback_result(said);
    return step == SQLITE_DONE ? 0 : sqlite_error(reader->db, reader->path, "read", err);
}

/* --- nodes and leases ---------------------------------------------------------------------------- */

static int give_nodes(struct sqlite_connection *reader, const struct store_view *view, struct err *err)
{
    sqlite3_stmt *statement;
    int said = 0;
    int step = SQLITE_DONE;
    int result = sqlite_get(reader, SQLITE_NODES, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, clock_real_ms());
    while (!said && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_node node = {
            .name = sqlite_text(statement, 0),
            .info = sqlite_text(statement, 1),
            .seen_ms_ago = sqlite3_column_int64(statement, 2),
            .alive = sqlite3_column_int(statement, 3),
        };

        said = view->node(view->context, &node);
    }
    result = walk_result(reader, said, step, err);
    sqlite_done(reader, SQLITE_NODES, statement);
    return result;
}

static int give_leases(struct sqlite_connection *reader, const struct store_view *view, struct err *err)
{
    sqlite3_stmt *statement;
    int said = 0;
    int step = SQLITE_DONE;
    int result = sqlite_get(reader, SQLITE_LEASES, &statement, err);

    if (result)
        return result;
    while (!said && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_lease lease = {
            .shard = sqlite3_column_int(statement, 0),
            .epoch = sqlite3_column_int64(statement, 1),
            .node = sqlite_text(statement, 2),
        };

        said = view->lease(view->context, &lease);
    }
    result = walk_result(reader, said, step, err);
    sqlite_done(reader, SQLITE_LEASES, statement);
    return result;
}

int sqlite_nodes(struct store *store, const struct store_view *view, struct err *err)
{
    int result = view->node ? give_nodes(reader_of(store), view, err) : 0;

    return result || !view->lease ? result : give_leases(reader_of(store), view, err);
}

int sqlite_lags(struct store *store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int said = 0;
    int result = sqlite_get(reader, SQLITE_LAGS, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, now_ms);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        struct store_lag lag = {
            .overdue_ms = sqlite3_column_int64(statement, 0),
            .requests = sqlite3_column_int64(statement, 1),
        };

        if (lag.overdue_ms || lag.requests)
            said = fn(context, &lag);
    } else {
        result = sqlite_error(reader->db, reader->path, "look for what waits", err);
    }
    sqlite_done(reader, SQLITE_LAGS, statement);
    return result ? result : store_callback_result(said);
}

/* A statement about a node. */
static int about_node(struct sqlite_connection *writer, enum sqlite_statement which, const char *node, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, node);
    return sqlite_finish(writer, which, statement, err);
}

static int check_others(struct sqlite_connection *writer, const char *node, struct err *err)
{
    sqlite3_stmt *statement;
    int64_t alive = 0;
    int result = sqlite_get(writer, SQLITE_OTHERS_ALIVE, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, node);
    sqlite3_bind_int64(statement, 2, clock_real_ms());
    if (sqlite3_step(statement) == SQLITE_ROW)
        alive = sqlite3_column_int64(statement, 0);
    else
        result = sqlite_error(writer->db, writer->path, "look for other processes", err);
    sqlite_done(writer, SQLITE_OTHERS_ALIVE, statement);
    return result || !alive ? result : err_set(err, ERR_BUSY, "another process runs the executions of this store");
}

static int write_node(struct sqlite_connection *writer, const char *node, const char *info, int64_t lease_ms,
                      struct err *err)
{
    sqlite3_stmt *statement;
    int64_t now_ms = clock_real_ms();
    int result = sqlite_get(writer, SQLITE_RENEW, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, node);
    sqlite_bind_text(statement, 2, info);
    sqlite3_bind_int64(statement, 3, now_ms);
    sqlite3_bind_int64(statement, 4, now_ms + lease_ms);
    return sqlite_finish(writer, SQLITE_RENEW, statement, err);
}

int sqlite_renew(struct store *base, const char *node, const char *info, int64_t lease_ms, bool announce,
                 const struct store_view *view, struct err *err)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct sqlite_connection *writer = sqlite_lock_writer(base);
    bool alone = sqlite_alive_begin(store);
    int result = sqlite_run_one(writer, SQLITE_BEGIN_WRITE, err);

    (void)announce; /* the change of the file is noticed */
    if (!result) {
        if (alone)
            result = about_node(writer, SQLITE_FORGET_OTHERS, node, err);
        else if (store->alive_fd < 0) /* another process has the lock: it may be paused for long */
            result = check_others(writer, node, err);
        if (!result)
            result = write_node(writer, node, info, lease_ms, err);
        result = sqlite_end_transaction(writer, result, err);
    }
    if (result && alone)
        sqlite_alive_end(store);
    sqlite_unlock_writer(base);
    return result ? result : sqlite_nodes(base, view, err);
}

static int take_one(struct sqlite_connection *writer, const char *node, int shard, int64_t seen, int64_t *ret_epoch,
                    struct err *err)
{
    sqlite3_stmt *statement;
    int step;
    int result = sqlite_get(writer, SQLITE_LEASE_TAKE, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int(statement, 1, shard);
    sqlite_bind_text(statement, 2, node);
    sqlite3_bind_int64(statement, 3, clock_real_ms());
    sqlite3_bind_int64(statement, 4, seen);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW)
        *ret_epoch = sqlite3_column_int64(statement, 0);
    if (step != SQLITE_DONE)
        result = sqlite_error(writer->db, writer->path, "take a lease", err);
    sqlite_done(writer, SQLITE_LEASE_TAKE, statement);
    return result;
}

int sqlite_lease_take(struct store *store, const char *node, const int *shards, const int64_t *seen, size_t count,
                      int64_t *ret_epochs, struct err *err)
{
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    int result = sqlite_run_one(writer, SQLITE_BEGIN_WRITE, err);

    if (!result) {
        for (size_t i = 0; i < count && !result; i++)
            result = take_one(writer, node, shards[i], seen ? seen[i] : -1, &ret_epochs[i], err);
        result = sqlite_end_transaction(writer, result, err);
    }
    sqlite_unlock_writer(store);
    return result;
}

int sqlite_lease_release(struct store *store, const char *node, const int *shards, const int64_t *epochs, size_t count,
                         struct err *err)
{
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    int result = sqlite_run_one(writer, SQLITE_BEGIN_WRITE, err);

    if (!result) {
        for (size_t i = 0; i < count && !result; i++) {
            sqlite3_stmt *statement;

            if ((result = sqlite_get(writer, SQLITE_LEASE_RELEASE, &statement, err)))
                break;
            sqlite3_bind_int(statement, 1, shards[i]);
            sqlite_bind_text(statement, 2, node);
            sqlite3_bind_int64(statement, 3, epochs[i]);
            result = sqlite_finish(writer, SQLITE_LEASE_RELEASE, statement, err);
        }
        result = sqlite_end_transaction(writer, result, err);
    }
    sqlite_unlock_writer(store);
    return result;
}

int sqlite_leave(struct store *store, const char *node, struct err *err)
{
    static const enum sqlite_statement steps[] = {SQLITE_LEAVE_LEASES, SQLITE_LEAVE_NODE, SQLITE_FORGET_ASKED,
                                                  SQLITE_FORGET_ANSWERED};
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    int result = sqlite_run_one(writer, SQLITE_BEGIN_WRITE, err);

    if (!result) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !result; i++)
            result = about_node(writer, steps[i], node, err);
        result = sqlite_end_transaction(writer, result, err);
    }
    sqlite_alive_end((struct sqlite_store *)store);
    sqlite_unlock_writer(store);
    return result;
}

int sqlite_tidy(struct store *store, struct err *err)
{
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_run_one(writer, SQLITE_BEGIN_WRITE, err);

    if (!result) {
        if (!(result = sqlite_get(writer, SQLITE_TIDY_NODES, &statement, err))) {
            sqlite3_bind_int64(statement, 1, clock_real_ms());
            result = sqlite_finish(writer, SQLITE_TIDY_NODES, statement, err);
        }
        if (!result && !(result = sqlite_run_one(writer, SQLITE_TIDY_REPLIES, err)))
            result = sqlite_run_one(writer, SQLITE_TIDY_REQUESTS, err);
        result = sqlite_end_transaction(writer, result, err);
    }
    sqlite_unlock_writer(store);
    return result;
}

/* --- requests and replies -------------------------------------------------------------------------- */

static int give_gone(struct sqlite_connection *reader, const int64_t *known, size_t count, store_request_fn *fn,
                     void *context, struct err *err)
{
    sqlite3_stmt *statement;
    int said = 0;
    int result = sqlite_get(reader, SQLITE_HAS_REQUEST, &statement, err);

    for (size_t i = 0; i < count && !said && !result; i++) {
        int step;

        sqlite3_bind_int64(statement, 1, known[i]);
        step = sqlite3_step(statement);
        if (step != SQLITE_DONE && step != SQLITE_ROW)
            result = sqlite_error(reader->db, reader->path, "look for a request", err);
        sqlite3_reset(statement);
        if (step == SQLITE_DONE)
            said = fn(context, &(struct store_request){.seq = known[i]});
    }
    sqlite_done(reader, SQLITE_HAS_REQUEST, statement);
    return result ? result : store_callback_result(said);
}

static bool is_known(const int64_t *known, size_t count, int64_t seq)
{
    for (size_t i = 0; i < count; i++) {
        if (known[i] == seq)
            return true;
    }
    return false;
}

int sqlite_requests(struct store *store, const int *shards, size_t count, const int64_t *known, size_t known_count,
                    store_request_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int said = 0;
    int step = SQLITE_DONE;
    int result = known_count ? give_gone(reader, known, known_count, fn, context, err) : 0;

    (void)count; /* there is one shard */
    if (result || (result = sqlite_get(reader, SQLITE_REQUESTS, &statement, err)))
        return result;
    while (!said && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_request request = {
            .shard = shards[0],
            .seq = sqlite3_column_int64(statement, 0),
            .asker = sqlite_text(statement, 1),
            .number = sqlite3_column_int64(statement, 2),
            .carried_out = sqlite3_column_int(statement, 3),
            .body = sqlite_text(statement, 4),
        };

        if (!is_known(known, known_count, request.seq))
            said = fn(context, &request);
    }
    result = walk_result(reader, said, step, err);
    sqlite_done(reader, SQLITE_REQUESTS, statement);
    return result;
}

int sqlite_replies(struct store *store, const char *asker, store_reply_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int said = 0;
    int step = SQLITE_DONE;
    int result = sqlite_get(reader, SQLITE_REPLIES, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, asker);
    while (!said && (step = sqlite3_step(statement)) == SQLITE_ROW)
        said = fn(context, 0, sqlite3_column_int64(statement, 0), sqlite_text(statement, 1));
    result = walk_result(reader, said, step, err);
    sqlite_done(reader, SQLITE_REPLIES, statement);
    return result;
}

/* --- requests of processes that are no node ------------------------------------------------------------------- */

int sqlite_inbox_put(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err)
{
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_INBOX_PUT, &statement, err);

    if (!result) {
        sqlite3_bind_int(statement, 1, shard);
        sqlite_bind_text(statement, 2, body);
        if (!(result = sqlite_finish(writer, SQLITE_INBOX_PUT, statement, err)))
            *ret_seq = sqlite3_last_insert_rowid(writer->db);
    }
    sqlite_unlock_writer(store);
    return result;
}

/* Asking is cheap and done on the reading side; only a reply that is there costs a write. */
static int has_reply(struct sqlite_connection *reader, int64_t seq, struct err *err)
{
    sqlite3_stmt *statement;
    int step;
    int result = sqlite_get(reader, SQLITE_HAS_REPLY, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, seq);
    step = sqlite3_step(statement);
    if (step == SQLITE_DONE)
        result = err_set(err, ERR_NOT_FOUND, "there is no reply yet");
    else if (step != SQLITE_ROW)
        result = sqlite_error(reader->db, reader->path, "look for a reply", err);
    sqlite_done(reader, SQLITE_HAS_REPLY, statement);
    return result;
}

int sqlite_inbox_reply(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *writer;
    sqlite3_stmt *statement;
    char *body = NULL;
    int step;
    int result = has_reply(&((struct sqlite_store *)store)->reader, seq, err);

    if (result)
        return result;
    writer = sqlite_lock_writer(store);
    if (!(result = sqlite_get(writer, SQLITE_TAKE_REPLY, &statement, err))) {
        sqlite3_bind_int64(statement, 1, seq);
        while ((step = sqlite3_step(statement)) == SQLITE_ROW)
            body = mem_strdup(sqlite_text(statement, 0));
        if (step != SQLITE_DONE)
            result = sqlite_error(writer->db, writer->path, "take a reply", err);
        else if (!body)
            result = err_set(err, ERR_NOT_FOUND, "there is no reply yet");
        sqlite_done(writer, SQLITE_TAKE_REPLY, statement);
    }
    sqlite_unlock_writer(store);
    if (!result)
        result = store_callback_result(fn(context, seq, body));
    free(body);
    return result;
}

int sqlite_inbox_cancel(struct store *store, int64_t seq, struct err *err)
{
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_TAKE_REQUEST, &statement, err);

    if (!result) {
        sqlite3_bind_int64(statement, 1, seq);
        if (!(result = sqlite_finish(writer, SQLITE_TAKE_REQUEST, statement, err)) && !sqlite3_changes(writer->db))
            result = err_set(err, ERR_NOT_FOUND, "the request was answered already");
    }
    sqlite_unlock_writer(store);
    return result;
}
