/*
 * sqlite_write.c - the writing side of the SQLite store: commits, removal.
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

struct sqlite_connection *sqlite_lock_writer(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;

    pthread_mutex_lock(&store->write_lock);
    return &store->writer;
}

void sqlite_unlock_writer(struct store *base)
{
    pthread_mutex_unlock(&((struct sqlite_store *)base)->write_lock);
}

int sqlite_finish(struct sqlite_connection *writer, enum sqlite_statement which, sqlite3_stmt *statement,
                  struct err *err)
{
    int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : sqlite_error(writer->db, writer->path, "write", err);

    sqlite_done(writer, which, statement);
    return result;
}

int sqlite_run_one(struct sqlite_connection *writer, enum sqlite_statement which, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    return result ? result : sqlite_finish(writer, which, statement, err);
}

int sqlite_end_transaction(struct sqlite_connection *writer, int result, struct err *err)
{
    if (!result)
        result = sqlite_run_one(writer, SQLITE_COMMIT, err);
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
    result = sqlite_finish(writer, SQLITE_ADD_EXECUTION, statement, err);
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
    result = sqlite_finish(writer, SQLITE_SET_EXECUTION, statement, err);
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
    return sqlite_finish(writer, SQLITE_ADD_HISTORY, statement, err);
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
    if ((result = sqlite_finish(writer, SQLITE_REMOVE_EXECUTION, statement, err)) || !sqlite3_changes(writer->db) ||
        (result = sqlite_get(writer, SQLITE_REMOVE_HISTORY, &statement, err)))
        return result;
    sqlite3_bind_int64(statement, 1, removal->execution_id);
    return sqlite_finish(writer, SQLITE_REMOVE_HISTORY, statement, err);
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
    result = sqlite_finish(writer, which, statement, err);
    document->is_conflict = !result && document->body && !sqlite3_changes(writer->db);
    return result;
}

/* The steps of a statement that names a request by its number. */
static int with_request(struct sqlite_connection *writer, enum sqlite_statement which, int64_t seq, const char *body,
                        struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, seq);
    if (body)
        sqlite_bind_text(statement, 2, body);
    return sqlite_finish(writer, which, statement, err);
}

/* A request that was cancelled meanwhile gets no reply: nobody would come for it. */
static int write_reply(struct sqlite_connection *writer, const struct batch_reply *reply, struct err *err)
{
    int result = reply->body ? with_request(writer, SQLITE_ANSWER_REQUEST, reply->seq, reply->body, err) : 0;

    return result ? result : with_request(writer, SQLITE_TAKE_REQUEST, reply->seq, NULL, err);
}

static int put_request(struct sqlite_connection *writer, const struct batch_request *request, struct err *err)
{
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_PUT_REQUEST, &statement, err);

    if (result)
        return result;
    sqlite3_bind_int(statement, 1, request->shard);
    sqlite_bind_text(statement, 2, request->asker);
    sqlite3_bind_int64(statement, 3, request->number);
    sqlite_bind_text(statement, 4, request->body);
    return sqlite_finish(writer, SQLITE_PUT_REQUEST, statement, err);
}

static int drop_request(struct sqlite_connection *writer, const struct batch_request *request, struct err *err)
{
    static const enum sqlite_statement steps[] = {SQLITE_DROP_REQUEST, SQLITE_DROP_REPLY};
    int result = 0;

    for (size_t i = 0; i < 2 && !result; i++) {
        sqlite3_stmt *statement;

        if ((result = sqlite_get(writer, steps[i], &statement, err)))
            return result;
        sqlite_bind_text(statement, 1, request->asker);
        sqlite3_bind_int64(statement, 2, request->number);
        result = sqlite_finish(writer, steps[i], statement, err);
    }
    return result;
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
    for (size_t i = 0; i < batch->marks.count && !result; i++)
        result = with_request(writer, SQLITE_MARK_REQUEST, batch->marks.items[i].seq, NULL, err);
    for (size_t i = 0; i < batch->replies.count && !result; i++)
        result = write_reply(writer, &batch->replies.items[i], err);
    for (size_t i = 0; i < batch->requests.count && !result; i++) {
        const struct batch_request *request = &batch->requests.items[i];

        result = (request->body ? put_request : drop_request)(writer, request, err);
    }
    return result;
}

int sqlite_commit(struct store *store, struct store_batch *batch, struct err *err)
{
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    int result = sqlite_run_one(writer, SQLITE_BEGIN_WRITE, err);

    if (!result)
        result = sqlite_end_transaction(writer, write_batch(writer, batch, err), err);
    if (!result && (batch->requests.count || batch->replies.count))
        ((struct sqlite_store *)store)->asked_itself = true;
    sqlite_unlock_writer(store);
    return result;
}

/* --- settings and moves ------------------------------------------------------------------------------ */

int sqlite_set_setting(struct store *store, const char *name, const char *value, struct err *err)
{
    enum sqlite_statement which = value ? SQLITE_SET_SETTING : SQLITE_UNSET_SETTING;
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, which, &statement, err);

    if (!result) {
        sqlite_bind_text(statement, 1, name);
        if (value)
            sqlite_bind_text(statement, 2, value);
        result = sqlite_finish(writer, which, statement, err);
    }
    sqlite_unlock_writer(store);
    return result;
}

int sqlite_set_secret(struct store *store, const unsigned char *secret, struct err *err)
{
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(writer, SQLITE_SET_SECRET, &statement, err);

    if (!result) {
        sqlite3_bind_blob(statement, 1, secret, STORE_SECRET_BYTES, SQLITE_STATIC);
        result = sqlite_finish(writer, SQLITE_SET_SECRET, statement, err);
    }
    sqlite_unlock_writer(store);
    return result;
}

int sqlite_clear(struct store *store, struct err *err)
{
    static const enum sqlite_statement steps[] = {SQLITE_CLEAR_EXECUTIONS, SQLITE_CLEAR_HISTORY,
                                                  SQLITE_CLEAR_DOCUMENTS};
    struct sqlite_connection *writer = sqlite_lock_writer(store);
    int result = sqlite_run_one(writer, SQLITE_BEGIN_WRITE, err);

    if (!result) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !result; i++)
            result = sqlite_run_one(writer, steps[i], err);
        result = sqlite_end_transaction(writer, result, err);
    }
    sqlite_unlock_writer(store);
    return result;
}
