/*
 * sqlite_write.c - the writing side of the SQLite store: commits, leases, requests, removal.
 *
 * Everything here runs under the write lock on the writer's connection. Each function is one
 * transaction; BEGIN IMMEDIATE takes the file's write lock first, so that what is read inside
 * (an epoch, a version) cannot change before the commit.
 */
#include "config.h"

#include "runtime/store/sqlite_priv.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <sqlite3.h>
#include <stdlib.h>

static struct sqlite_connection *lock_writer(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;

    pthread_mutex_lock(&store->write_lock);
    return &store->writer;
}

static void unlock_writer(struct store *base)
{
    pthread_mutex_unlock(&((struct sqlite_store *)base)->write_lock);
}

/* Steps a bound statement that gives no rows, and gives it back. */
static int finish(struct sqlite_connection *writer, enum sqlite_statement which, sqlite3_stmt *statement,
                  struct err *err)
{
    int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : sqlite_error(writer->db, writer->path, "write", err);

    sqlite_done(writer, which, statement);
    return result;
}

/* A statement with no parameters and no rows. */
static int run(struct sqlite_connection *writer, enum sqlite_statement which, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    return result ? result : finish(writer, which, statement, err);
}

/* Ends a transaction that went as `result` says; a failed COMMIT is rolled back too. */
static int end_transaction(struct sqlite_connection *writer, int result, struct err *err)
{
    if (!result)
        result = run(writer, SQLITE_COMMIT, err);
    if (result && !sqlite3_get_autocommit(writer->db))
        sqlite3_exec(writer->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

/* --- a batch ------------------------------------------------------------------------------------ */

static int prove(struct sqlite_connection *writer, const struct batch_proof *proof, struct err *err)
{
    sqlite3_stmt *statement;
    int64_t epoch = 0;
    int result = sqlite_get(writer, SQLITE_EPOCH, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int(statement, 1, proof->shard);
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW:
        epoch = sqlite3_column_int64(statement, 0);
        break;
    case SQLITE_DONE:
        break;
    default:
        result = sqlite_error(writer->db, writer->path, "check a lease", err);
    }
    sqlite_done(writer, SQLITE_EPOCH, statement);
    if (!result && epoch != proof->epoch)
        result = err_set(err, ERR_FENCED, "another process has taken over the executions: epoch %lld, ours was %lld",
                         (long long)epoch, (long long)proof->epoch);
    return result;
}

static int add_execution(struct sqlite_connection *writer, const struct store_execution *row, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_ADD_EXECUTION, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, row->id);
    sqlite_bind_text(statement, 2, row->arn);
    sqlite_bind_text(statement, 3, row->machine);
    sqlite_bind_text(statement, 4, row->meta);
    sqlite3_bind_int(statement, 5, (int)row->status);
    sqlite3_bind_int64(statement, 6, row->started_ms);
    sqlite3_bind_int64(statement, 7, row->stopped_ms);
    sqlite3_bind_int64(statement, 8, row->wake_ms);
    sqlite3_bind_int64(statement, 9, row->redrive_count);
    sqlite3_bind_int64(statement, 10, row->redriven_ms);
    sqlite_bind_text(statement, 11, row->map_run);
    result = finish(writer, SQLITE_ADD_EXECUTION, statement, err);
    if (result == ERR_EXISTS) {
        err_set(err, ERR_EXISTS, "there is an execution with this ARN or number already");
        err_at(err, "%s", row->arn);
    }
    return result;
}

static int set_execution(struct sqlite_connection *writer, const struct store_execution *row, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_SET_EXECUTION, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, row->id);
    sqlite3_bind_int(statement, 2, (int)row->status);
    sqlite3_bind_int64(statement, 3, row->stopped_ms);
    sqlite3_bind_int64(statement, 4, row->wake_ms);
    sqlite3_bind_int64(statement, 5, row->redrive_count);
    sqlite3_bind_int64(statement, 6, row->redriven_ms);
    result = finish(writer, SQLITE_SET_EXECUTION, statement, err);
    if (!result && !sqlite3_changes(writer->db))
        result = err_set(err, ERR_NOT_FOUND, "there is no execution with the number %lld", (long long)row->id);
    return result;
}

static int add_history(struct sqlite_connection *writer, const struct batch_history *row, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_ADD_HISTORY, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, row->execution_id);
    sqlite3_bind_int64(statement, 2, row->first_event_id);
    sqlite3_bind_int64(statement, 3, row->last_event_id);
    sqlite3_bind_text64(statement, 4, row->body, row->bytes, SQLITE_STATIC, SQLITE_UTF8);
    return finish(writer, SQLITE_ADD_HISTORY, statement, err);
}

/* Whether it is still closed is looked at here, inside the transaction. */
static int remove_execution(struct sqlite_connection *writer, const struct batch_removal *removal, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_REMOVE_EXECUTION, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, removal->execution_id);
    sqlite3_bind_int64(statement, 2, removal->before_ms);
    if ((result = finish(writer, SQLITE_REMOVE_EXECUTION, statement, err)) || !sqlite3_changes(writer->db) ||
        (result = sqlite_get(writer, SQLITE_REMOVE_HISTORY, &statement, err)))
        return result;
    sqlite3_bind_int64(statement, 1, removal->execution_id);
    return finish(writer, SQLITE_REMOVE_HISTORY, statement, err);
}

static int write_document(struct sqlite_connection *writer, struct batch_document *document, struct err *err)
{
    enum sqlite_statement which = !document->body                   ? SQLITE_DELETE_DOCUMENT
                                  : document->restored_version > 0  ? SQLITE_RESTORE_DOCUMENT
                                  : document->expected_version < 0  ? SQLITE_ANY_DOCUMENT
                                  : document->expected_version == 0 ? SQLITE_NEW_DOCUMENT
                                                                    : SQLITE_NEXT_DOCUMENT;
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, document->kind);
    sqlite_bind_text(statement, 2, document->key);
    if (document->body)
        sqlite_bind_text(statement, 3, document->body);
    if (which == SQLITE_NEXT_DOCUMENT || which == SQLITE_DELETE_DOCUMENT)
        sqlite3_bind_int64(statement, 4, document->expected_version);
    if (which == SQLITE_RESTORE_DOCUMENT)
        sqlite3_bind_int64(statement, 4, document->restored_version);
    result = finish(writer, which, statement, err);
    document->is_conflict = !result && document->body && !sqlite3_changes(writer->db);
    return result;
}

/* A request that was cancelled meanwhile gets no reply: nobody would come for it. */
static int write_reply(struct sqlite_connection *writer, const struct batch_reply *reply, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_TAKE_REQUEST, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, reply->seq);
    if ((result = finish(writer, SQLITE_TAKE_REQUEST, statement, err)))
        return result;
    if (!reply->body || !sqlite3_changes(writer->db))
        return 0;
    if ((result = sqlite_get(writer, SQLITE_ADD_REPLY, &statement, err)))
        return result;
    sqlite3_bind_int64(statement, 1, reply->seq);
    sqlite_bind_text(statement, 2, reply->body);
    return finish(writer, SQLITE_ADD_REPLY, statement, err);
}

static int write_batch(struct sqlite_connection *writer, struct store_batch *batch, struct err *err)
{
    int result = 0;

    for (size_t i = 0; i < batch->proofs.count && !result; i++)
        result = prove(writer, &batch->proofs.items[i], err);
    for (size_t i = 0; i < batch->executions.count && !result; i++) {
        const struct batch_execution *execution = &batch->executions.items[i];

        result = (execution->added ? add_execution : set_execution)(writer, &execution->row, err);
    }
    for (size_t i = 0; i < batch->history.count && !result; i++)
        result = add_history(writer, &batch->history.items[i], err);
    for (size_t i = 0; i < batch->removals.count && !result; i++)
        result = remove_execution(writer, &batch->removals.items[i], err);
    for (size_t i = 0; i < batch->documents.count && !result; i++)
        result = write_document(writer, &batch->documents.items[i], err);
    for (size_t i = 0; i < batch->replies.count && !result; i++)
        result = write_reply(writer, &batch->replies.items[i], err);
    return result;
}

int sqlite_commit(struct store *store, struct store_batch *batch, struct err *err)
{
    struct sqlite_connection *writer = lock_writer(store);
    int result = run(writer, SQLITE_BEGIN_WRITE, err);

    if (!result)
        result = end_transaction(writer, write_batch(writer, batch, err), err);
    unlock_writer(store);
    return result;
}

/* --- leases --------------------------------------------------------------------------------------- */

int sqlite_leases(struct store *store, store_lease_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = &((struct sqlite_store *)store)->reader;
    sqlite3_stmt *statement;
    int answer = 0;
    int result = sqlite_get(reader, SQLITE_LEASES, &statement, err);
    int step = SQLITE_DONE;

    if (result)
        return result;
    while (!answer && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_lease lease = {
            .shard = sqlite3_column_int(statement, 0),
            .epoch = sqlite3_column_int64(statement, 1),
            .expires_ms = sqlite3_column_int64(statement, 2),
            .node = sqlite_text(statement, 3),
            .info = sqlite_text(statement, 4),
        };

        answer = fn(context, &lease);
    }
    result = answer || step == SQLITE_DONE ? store_callback_result(answer)
                                           : sqlite_error(reader->db, reader->path, "read the leases", err);
    sqlite_done(reader, SQLITE_LEASES, statement);
    return result;
}

int sqlite_lease_take(struct store *store, int shard, const char *node, const char *info, int64_t now_ms,
                      int64_t ttl_ms, int64_t *ret_epoch, struct err *err)
{
    struct sqlite_connection *writer = lock_writer(store);
    sqlite3_stmt *statement;
    int64_t epoch = 0;
    int step = SQLITE_ROW;
    bool abandoned = sqlite_alive_begin((struct sqlite_store *)store);
    int result = sqlite_get(writer, SQLITE_LEASE_TAKE, &statement, err);

    if (result)
        goto out;
    sqlite3_bind_int(statement, 1, shard);
    sqlite_bind_text(statement, 2, node);
    sqlite_bind_text(statement, 3, info);
    sqlite3_bind_int64(statement, 4, abandoned ? INT64_MAX : now_ms);
    sqlite3_bind_int64(statement, 5, now_ms + ttl_ms);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW)
        epoch = sqlite3_column_int64(statement, 0);
    if (step != SQLITE_DONE)
        result = sqlite_error(writer->db, writer->path, "take a lease", err);
    else if (!epoch)
        result = err_set(err, ERR_BUSY, "another process runs the executions of shard %d", shard);
    sqlite_done(writer, SQLITE_LEASE_TAKE, statement);
    if (!result)
        *ret_epoch = epoch;
out:
    if (result && abandoned)
        sqlite_alive_end((struct sqlite_store *)store);
    unlock_writer(store);
    return result;
}

/* ERR_FENCED when nothing was changed: the lease is not ours any more. */
static int touch_lease(struct sqlite_connection *writer, enum sqlite_statement which, int shard, const char *node,
                       int64_t epoch, int64_t expires_ms, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int(statement, 1, shard);
    sqlite_bind_text(statement, 2, node);
    sqlite3_bind_int64(statement, 3, epoch);
    if (which == SQLITE_LEASE_RENEW)
        sqlite3_bind_int64(statement, 4, expires_ms);
    if ((result = finish(writer, which, statement, err)))
        return result;
    return sqlite3_changes(writer->db) ? 0
                                       : err_set(err, ERR_FENCED, "the lease of shard %d is another process's", shard);
}

int sqlite_lease_renew(struct store *store, int shard, const char *node, int64_t epoch, int64_t now_ms, int64_t ttl_ms,
                       struct err *err)
{
    struct sqlite_connection *writer = lock_writer(store);
    int result = run(writer, SQLITE_BEGIN_WRITE, err);

    sqlite_alive_begin((struct sqlite_store *)store); /* where the lease was taken from one that was only paused */
    if (!result) {
        if (!(result = touch_lease(writer, SQLITE_LEASE_RENEW, shard, node, epoch, now_ms + ttl_ms, err)))
            result = run(writer, SQLITE_FORGET_REPLIES, err);
        result = end_transaction(writer, result, err);
    }
    unlock_writer(store);
    return result;
}

int sqlite_lease_release(struct store *store, int shard, const char *node, int64_t epoch, struct err *err)
{
    struct sqlite_connection *writer = lock_writer(store);
    int result = touch_lease(writer, SQLITE_LEASE_RELEASE, shard, node, epoch, 0, err);

    sqlite_alive_end((struct sqlite_store *)store);
    unlock_writer(store);
    return result;
}

/* --- requests of other processes ------------------------------------------------------------------- */

int sqlite_inbox_put(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err)
{
    struct sqlite_connection *writer = lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_INBOX_PUT, &statement, err);

    if (!result) {
        sqlite3_bind_int(statement, 1, shard);
        sqlite_bind_text(statement, 2, body);
        if (!(result = finish(writer, SQLITE_INBOX_PUT, statement, err)))
            *ret_seq = sqlite3_last_insert_rowid(writer->db);
    }
    unlock_writer(store);
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
    writer = lock_writer(store);
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
    unlock_writer(store);
    if (!result)
        result = store_callback_result(fn(context, seq, body));
    free(body);
    return result;
}

int sqlite_inbox_cancel(struct store *store, int64_t seq, struct err *err)
{
    struct sqlite_connection *writer = lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_TAKE_REQUEST, &statement, err);

    if (!result) {
        sqlite3_bind_int64(statement, 1, seq);
        if (!(result = finish(writer, SQLITE_TAKE_REQUEST, statement, err)) && !sqlite3_changes(writer->db))
            result = err_set(err, ERR_NOT_FOUND, "the request was answered already");
    }
    unlock_writer(store);
    return result;
}

/* --- settings and moves ------------------------------------------------------------------------------ */

int sqlite_set_setting(struct store *store, const char *name, const char *value, struct err *err)
{
    enum sqlite_statement which = value ? SQLITE_SET_SETTING : SQLITE_UNSET_SETTING;
    struct sqlite_connection *writer = lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    if (!result) {
        sqlite_bind_text(statement, 1, name);
        if (value)
            sqlite_bind_text(statement, 2, value);
        result = finish(writer, which, statement, err);
    }
    unlock_writer(store);
    return result;
}

int sqlite_set_secret(struct store *store, const unsigned char *secret, struct err *err)
{
    struct sqlite_connection *writer = lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_SET_SECRET, &statement, err);

    if (!result) {
        sqlite3_bind_blob(statement, 1, secret, STORE_SECRET_BYTES, SQLITE_STATIC);
        result = finish(writer, SQLITE_SET_SECRET, statement, err);
    }
    unlock_writer(store);
    return result;
}

int sqlite_clear(struct store *store, struct err *err)
{
    static const enum sqlite_statement steps[] = {SQLITE_CLEAR_EXECUTIONS, SQLITE_CLEAR_HISTORY,
                                                  SQLITE_CLEAR_DOCUMENTS};
    struct sqlite_connection *writer = lock_writer(store);
    int result = run(writer, SQLITE_BEGIN_WRITE, err);

    if (!result) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !result; i++)
            result = run(writer, steps[i], err);
        result = end_transaction(writer, result, err);
    }
    unlock_writer(store);
    return result;
}
