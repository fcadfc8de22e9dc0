/*
 * postgres_write.c - the writing side of the PostgreSQL store: commits, removal.
 *
 * A commit is one transaction and one round trip: all its statements go into libpq's pipeline at once,
 *
 *     BEGIN, prove, add executions, set executions, add history, removals, documents, marks, replies,
 *     requests, notify, COMMIT
 *
 * with a whole column of rows a parameter. Invariants:
 *
 * (1) prove() is the first statement. It raises an error unless this connection is still the writer's
 *     and every epoch is the current one; it locks those leases until the end of the transaction.
 * (2) prove() notes the number of the commit in the row of this writer. So a process whose connection broke before
 *     the answer came connects again, which first ends what the broken connection may have left running, and
 *     reads whether the commit is there. Only then does it answer, or send the batch again.
 * (3) 0 is returned only after the answer to COMMIT, or after (2) has found the commit in the database.
 * (4) A commit that is given up may still be carried out: all of it may be in the server's buffers, and a server that
 *     hung goes on where it was. Its caller says that it does not know, and will look in the database. So that a look
 *     is the truth, nothing is read (but renewals) until the session of that commit has been ended, be it by the next
 *     connection of the writer or by the reader itself (end_doubt() in postgres_ask.c): prove() locks the row of the
 *     writer, so nobody changes the session before a commit has ended that has come so far, and one that comes later
 *     fails with OR001. Whether the node had its leases all the time does not matter: prove() asks for them as ever.
 *
 * A node gives a commit POSTGRES_COMMIT_MS, from the first try to the last, for its clients wait. While the database
 * goes on not answering the next ones get less. Others wait for the answer of a database that they are connected to
 * however long it takes: what they write may be large.
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

#include "asl/base/err.h"
#include "runtime/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRY_PAUSE_US = 20000 };

static struct postgres_store *lock_writer(struct store *base)
{
    struct postgres_store *store = (struct postgres_store *)base;

    pthread_mutex_lock(&store->write_lock);
    return store;
}

static void unlock_writer(struct postgres_store *store)
{
    pthread_mutex_unlock(&store->write_lock);
}

/* --- the statements of a batch -------------------------------------------------------------------- */

static size_t count_executions(const struct store_batch *batch, bool added)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->executions.count; i++)
        count += batch->executions.items[i].added == added;
    return count;
}

static void add_text(struct buf *array, const char *text)
{
    array_add_text(array, text, text ? strlen(text) : 0);
}

static int send_prove(struct postgres_store *store, const struct store_batch *batch, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    struct buf *shards;
    struct buf *epochs;

    params_add_text(&params, store->writer_id);
    params_add_int(&params, store->session);
    params_add_int(&params, batch->attempt);
    shards = params_begin_int4s(&params, batch->proofs.count);
    epochs = params_begin_int8s(&params, batch->proofs.count);
    for (size_t i = 0; i < batch->proofs.count; i++) {
        array_add_int4(shards, batch->proofs.items[i].shard);
        array_add_int8(epochs, batch->proofs.items[i].epoch);
    }
    params_end(&params);
    return postgres_send(store->writer.pg, POSTGRES_PROVE, &params, err);
}

static int send_added(PGconn *pg, const struct store_batch *batch, size_t count, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    struct buf *id = params_begin_int8s(&params, count);
    struct buf *shard = params_begin_int4s(&params, count);
    struct buf *arn = params_begin_texts(&params, count);
    struct buf *machine = params_begin_texts(&params, count);
    struct buf *meta = params_begin_texts(&params, count);
    struct buf *status = params_begin_int4s(&params, count);
    struct buf *started_ms = params_begin_int8s(&params, count);
    struct buf *stopped_ms = params_begin_int8s(&params, count);
    struct buf *wake_ms = params_begin_int8s(&params, count);
    struct buf *redrive_count = params_begin_int8s(&params, count);
    struct buf *redriven_ms = params_begin_int8s(&params, count);
    struct buf *map_run = params_begin_texts(&params, count);

    for (size_t i = 0; i < batch->executions.count; i++) {
        const struct store_execution *row = &batch->executions.items[i].row;

        if (!batch->executions.items[i].added)
            continue;
        array_add_int8(id, row->id);
        array_add_int4(shard, row->shard);
        add_text(arn, row->arn);
        add_text(machine, row->machine);
        add_text(meta, row->meta);
        array_add_int4(status, (int)row->status);
        array_add_int8(started_ms, row->started_ms);
        array_add_int8(stopped_ms, row->stopped_ms);
        array_add_int8(wake_ms, row->wake_ms);
        array_add_int8(redrive_count, row->redrive_count);
        array_add_int8(redriven_ms, row->redriven_ms);
        add_text(map_run, row->map_run);
    }
    params_end(&params);
    return postgres_send(pg, POSTGRES_ADD_EXECUTIONS, &params, err);
}

static int send_set(PGconn *pg, const struct store_batch *batch, size_t count, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    struct buf *id = params_begin_int8s(&params, count);
    struct buf *shard = params_begin_int4s(&params, count);
    struct buf *status = params_begin_int4s(&params, count);
    struct buf *stopped_ms = params_begin_int8s(&params, count);
    struct buf *wake_ms = params_begin_int8s(&params, count);
    struct buf *redrive_count = params_begin_int8s(&params, count);
    struct buf *redriven_ms = params_begin_int8s(&params, count);

    for (size_t i = 0; i < batch->executions.count; i++) {
        const struct store_execution *row = &batch->executions.items[i].row;

        if (batch->executions.items[i].added)
            continue;
        array_add_int8(id, row->id);
        array_add_int4(shard, row->shard);
        array_add_int4(status, (int)row->status);
        array_add_int8(stopped_ms, row->stopped_ms);
        array_add_int8(wake_ms, row->wake_ms);
        array_add_int8(redrive_count, row->redrive_count);
        array_add_int8(redriven_ms, row->redriven_ms);
    }
    params_end(&params);
    return postgres_send(pg, POSTGRES_SET_EXECUTIONS, &params, err);
}

static int send_history(PGconn *pg, const struct store_batch *batch, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    size_t count = batch->history.count;
    struct buf *shard = params_begin_int4s(&params, count);
    struct buf *execution = params_begin_int8s(&params, count);
    struct buf *first_event = params_begin_int8s(&params, count);
    struct buf *last_event = params_begin_int8s(&params, count);
    struct buf *body = params_begin_texts(&params, count);

    for (size_t i = 0; i < count; i++) {
        const struct batch_history *row = &batch->history.items[i];

        array_add_int4(shard, row->shard);
        array_add_int8(execution, row->execution_id);
        array_add_int8(first_event, row->first_event_id);
        array_add_int8(last_event, row->last_event_id);
        array_add_text(body, row->body, row->bytes);
    }
    params_end(&params);
    return postgres_send(pg, POSTGRES_ADD_HISTORY, &params, err);
}

static int send_removals(PGconn *pg, const struct store_batch *batch, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    size_t count = batch->removals.count;
    struct buf *shard = params_begin_int4s(&params, count);
    struct buf *execution = params_begin_int8s(&params, count);
    struct buf *before_ms = params_begin_int8s(&params, count);

    for (size_t i = 0; i < count; i++) {
        const struct batch_removal *removal = &batch->removals.items[i];

        array_add_int4(shard, removal->shard);
        array_add_int8(execution, removal->execution_id);
        array_add_int8(before_ms, removal->before_ms);
    }
    params_end(&params);
    return postgres_send(pg, POSTGRES_REMOVE_EXECUTIONS, &params, err);
}

static int send_document(struct postgres_store *store, const struct store_batch *batch, size_t place, struct err *err)
{
    const struct batch_document *document = &batch->documents.items[place];
    AUTO_PARAMS params = PARAMS_INIT;

    params_add_int(&params, store_shard_of(&store->base, document->key));
    params_add_text(&params, document->kind);
    params_add_text(&params, document->key);
    if (!document->body) {
        params_add_int(&params, document->expected_version);
        return postgres_send(store->writer.pg, POSTGRES_DELETE_DOCUMENT, &params, err);
    }
    params_add_text(&params, document->body);
    if (document->restored_version) {
        params_add_int(&params, document->restored_version);
        return postgres_send(store->writer.pg, POSTGRES_RESTORE_DOCUMENT, &params, err);
    }
    params_add_int(&params, document->expected_version);
    params_add_text(&params, store->writer_id);
    params_add_int(&params, (int64_t)place);
    return postgres_send(store->writer.pg, POSTGRES_PUT_DOCUMENT, &params, err);
}

static int send_replies(PGconn *pg, const struct store_batch *batch, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    size_t count = batch->replies.count;
    struct buf *shard = params_begin_int4s(&params, count);
    struct buf *seq = params_begin_int8s(&params, count);
    struct buf *body = params_begin_texts(&params, count);

    for (size_t i = 0; i < count; i++) {
        const struct batch_reply *reply = &batch->replies.items[i];

        array_add_int4(shard, INBOX_SHARD_OF(reply->seq));
        array_add_int8(seq, reply->seq);
        add_text(body, reply->body);
    }
    params_end(&params);
    return postgres_send(pg, POSTGRES_REPLY, &params, err);
}

static int send_marks(PGconn *pg, const struct store_batch *batch, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    size_t count = batch->marks.count;
    struct buf *shard = params_begin_int4s(&params, count);
    struct buf *seq = params_begin_int8s(&params, count);

    for (size_t i = 0; i < count; i++) {
        array_add_int4(shard, INBOX_SHARD_OF(batch->marks.items[i].seq));
        array_add_int8(seq, batch->marks.items[i].seq);
    }
    params_end(&params);
    return postgres_send(pg, POSTGRES_MARK_REQUESTS, &params, err);
}

static size_t count_requests(const struct store_batch *batch, bool put)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->requests.count; i++)
        count += !!batch->requests.items[i].body == put;
    return count;
}

/* Those to be put, or those to be dropped. */
static int send_requests(PGconn *pg, const struct store_batch *batch, size_t count, bool put, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    struct buf *shard = params_begin_int4s(&params, count);
    struct buf *asker = params_begin_texts(&params, count);
    struct buf *number = params_begin_int8s(&params, count);
    struct buf *body = put ? params_begin_texts(&params, count) : NULL;

    for (size_t i = 0; i < batch->requests.count; i++) {
        const struct batch_request *request = &batch->requests.items[i];

        if (!!request->body != put)
            continue;
        array_add_int4(shard, request->shard);
        add_text(asker, request->asker);
        array_add_int8(number, request->number);
        if (put)
            add_text(body, request->body);
    }
    params_end(&params);
    return postgres_send(pg, put ? POSTGRES_PUT_REQUESTS : POSTGRES_DROP_REQUESTS, &params, err);
}

/* A statement without parameters. */
static int send_text(PGconn *pg, const char *sql, struct err *err)
{
    return pq.sendQueryParams(pg, sql, 0, NULL, NULL, NULL, NULL, 0) ? 0 : postgres_error(pg, NULL, "write", err);
}

/* What stands where in the pipeline. */
struct pipeline {
    int sent;
    int first_document;
};

static int send_batch(struct postgres_store *store, const struct store_batch *batch, struct pipeline *pipeline,
                      struct err *err)
{
    PGconn *pg = store->writer.pg;
    size_t added = count_executions(batch, true);
    size_t set = batch->executions.count - added;
    size_t put = count_requests(batch, true);
    size_t dropped = batch->requests.count - put;
    int result;

    if ((result = send_text(pg, "BEGIN", err)) || (result = send_prove(store, batch, err)))
        return result;
    pipeline->sent = 2;
    if (added && ++pipeline->sent && (result = send_added(pg, batch, added, err)))
        return result;
    if (set && ++pipeline->sent && (result = send_set(pg, batch, set, err)))
        return result;
    if (batch->history.count && ++pipeline->sent && (result = send_history(pg, batch, err)))
        return result;
    if (batch->removals.count && ++pipeline->sent && (result = send_removals(pg, batch, err)))
        return result;
    pipeline->first_document = pipeline->sent;
    for (size_t i = 0; i < batch->documents.count; i++, pipeline->sent++) {
        if ((result = send_document(store, batch, i, err)))
            return result;
    }
    if (batch->marks.count && ++pipeline->sent && (result = send_marks(pg, batch, err)))
        return result;
    if (batch->replies.count && ++pipeline->sent && (result = send_replies(pg, batch, err)))
        return result;
    if (put && ++pipeline->sent && (result = send_requests(pg, batch, put, true, err)))
        return result;
    if (dropped && ++pipeline->sent && (result = send_requests(pg, batch, dropped, false, err)))
        return result;
    if ((result = postgres_send_notify(store, batch, &pipeline->sent, err)))
        return result;
    pipeline->sent++;
    return send_text(pg, "COMMIT", err);
}

/* --- the answers -------------------------------------------------------------------------------------- */

/* Takes all answers; 0 when COMMIT was answered. *ret_lost: the answer to it may have got lost, or may come yet. */
static int collect(struct postgres_store *store, struct store_batch *batch, const struct pipeline *pipeline,
                   struct postgres_patience *patience, bool *ret_lost, struct err *err)
{
    PGconn *pg = store->writer.pg;
    bool committed = false;
    int result = 0;

    for (int i = 0; i < pipeline->sent && !patience->is_over; i++) {
        for (PGresult *answer; (answer = postgres_answer(pg, patience)); pq.clear(answer)) {
            size_t document = (size_t)(i - pipeline->first_document);
            ExecStatusType status = pq.resultStatus(answer);

            if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
                if (!result && status != PGRES_PIPELINE_ABORTED) {
                    result = postgres_error(pg, answer, "write to the store", err);
                    *ret_lost = postgres_is_lost(pg, answer);
                }
            } else if (i >= pipeline->first_document && document < batch->documents.count) {
                batch->documents.items[document].is_conflict =
                    status == PGRES_TUPLES_OK && pq.getvalue(answer, 0, 0)[0] == 'f';
            } else if (i == pipeline->sent - 1) {
                committed = !strcmp(pq.cmdStatus(answer), "COMMIT");
            }
        }
    }
    if (!patience->is_over)
        pq.clear(postgres_answer(pg, patience)); /* of the sync */
    if (committed)
        return 0;
    if (patience->is_over) {
        *ret_lost = true;
        return postgres_silent(err);
    }
    if (!result)
        result = err_set(err, ERR_BUSY, "the connection to the database was lost");
    *ret_lost = *ret_lost || pq.status(pg) != CONNECTION_OK;
    return result;
}

/* One try. *ret_lost: the connection broke, and nobody knows how the try ended. */
static int try_batch(struct postgres_store *store, struct store_batch *batch, struct postgres_patience *patience,
                     bool *ret_lost, struct err *err)
{
    PGconn *pg = store->writer.pg;
    struct pipeline pipeline = {0};
    int result;

    *ret_lost = false;
    pq.enterPipelineMode(pg);
    result = send_batch(store, batch, &pipeline, err);
    if (result || !pq.pipelineSync(pg)) {
        *ret_lost = true;
        postgres_drop(&store->writer);
        return result ? result : err_set(err, ERR_BUSY, "the connection to the database was lost");
    }
    result = collect(store, batch, &pipeline, patience, ret_lost, err);
    if (*ret_lost || patience->is_over || !pq.exitPipelineMode(pg) ||
        (result && postgres_run_within(pg, "ROLLBACK", patience, NULL)))
        postgres_drop(&store->writer);
    return result;
}

/* Reads "{0,3}": the places of documents that were left alone, as the database remembers them. */
static void recall_conflicts(const struct postgres_store *store, struct store_batch *batch)
{
    const char *at = store->durable_conflicts;

    for (size_t i = 0; i < batch->documents.count; i++)
        batch->documents.items[i].is_conflict = false;
    while (at && *at) {
        char *end;
        unsigned long place = strtoul(at + 1, &end, 10);

        if (end == at + 1)
            break;
        if (place < batch->documents.count)
            batch->documents.items[place].is_conflict = true;
        at = end;
    }
}

/* For a connection: a node's commits give up in time, and leave an attempt to the next one. */
static int64_t wait_ms(const struct postgres_store *store, int64_t give_up_ms)
{
    int64_t left_ms = give_up_ms - clock_steady_ms();

    if (!store->is_node)
        return -1;
    return left_ms > 0 ? left_ms : 0;
}

int postgres_commit(struct store *base, struct store_batch *batch, struct err *err)
{
    struct postgres_store *store = lock_writer(base);
    int64_t give_up_ms = clock_steady_ms() + (store->away ? POSTGRES_COMMIT_AWAY_MS : POSTGRES_COMMIT_MS);
    struct postgres_patience patience = {.until_ms = store->is_node ? give_up_ms : POSTGRES_FOREVER};
    int64_t session = 0;
    bool lost = true;
    int result = 0;

    while (lost) {
        if ((result = postgres_connect(store, &store->writer, wait_ms(store, give_up_ms), err))) {
            if (clock_steady_ms() >= give_up_ms)
                break;
            usleep(TRY_PAUSE_US);
            continue;
        }
        if (batch->attempt && store->durable_commit == batch->attempt) {
            recall_conflicts(store, batch);
            lost = false;
            break;
        }
        if (!batch->attempt)
            batch->attempt = ++store->last_commit;
        session = store->session;
        result = try_batch(store, batch, &patience, &lost, err);
        if (!lost)
            batch->attempt = 0;
        else if (patience.is_over)
            break;
    }
    store->away = lost && store->is_node;
    if (store->away && session) /* invariant (4) */
        store->doubtful_session = session;
    unlock_writer(store);
    return result;
}

/* --- upkeep ---------------------------------------------------------------------------------- */

/* Runs a statement on the writer's connection; how many rows it changed. */
static int change(struct postgres_store *store, enum postgres_statement which, const struct params *params,
                  int64_t *ret_rows, struct err *err)
{
    PGresult *answer;
    int result = postgres_ask(store, &store->writer, which, params, &answer, err);

    if (!result && ret_rows)
        *ret_rows = strtoll(pq.cmdTuples(answer), NULL, 10);
    pq.clear(answer);
    return result;
}

/* --- settings and moves ---------------------------------------------------------------------------------- */

int postgres_set_setting(struct store *base, const char *name, const char *value, struct err *err)
{
    struct postgres_store *store = lock_writer(base);
    AUTO_PARAMS params = PARAMS_INIT;
    int result;

    params_add_text(&params, name);
    if (value)
        params_add_text(&params, value);
    result = change(store, value ? POSTGRES_SET_SETTING : POSTGRES_UNSET_SETTING, &params, NULL, err);
    unlock_writer(store);
    return result;
}

int postgres_set_secret(struct store *base, const unsigned char *secret, struct err *err)
{
    char hex[STORE_SECRET_BYTES * 2 + 1];

    for (size_t i = 0; i < STORE_SECRET_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", secret[i]);
    return postgres_set_setting(base, "secret", hex, err);
}

int postgres_clear(struct store *base, struct err *err)
{
    struct postgres_store *store = lock_writer(base);
    AUTO_PARAMS params = PARAMS_INIT;
    int result = change(store, POSTGRES_CLEAR, &params, NULL, err);

    unlock_writer(store);
    return result;
}
