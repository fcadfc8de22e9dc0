/*
 * postgres_read.c - the reading side of the PostgreSQL store, on the thread that opened it: executions, histories,
 * documents.
 *
 * Results are taken whole before the callbacks run, so that a callback may read again.
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

#include "runtime/store/postgres_schema.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <string.h>

static int ask(struct store *base, enum postgres_statement which, const struct params *params, PGresult **ret_result,
               struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;

    return postgres_ask(store, &store->reader, which, params, ret_result, err);
}

/* --- executions --------------------------------------------------------------------------------- */

#define EXECUTION_COLUMNS                                                                                              \
    "id, shard, arn, machine, meta, status, started_ms, stopped_ms, wake_ms, redrive_count, redriven_ms, map_run"

/* `at`: the first of the columns. */
static int give_execution(const PGresult *answer, int i, int at, store_execution_fn *fn, void *context)
{
    struct store_execution row = {
        .id = postgres_int(answer, i, at),
        .shard = (int)postgres_int(answer, i, at + 1),
        .arn = postgres_text(answer, i, at + 2),
        .machine = postgres_text(answer, i, at + 3),
        .meta = postgres_text(answer, i, at + 4),
        .status = (enum execution_status)postgres_int(answer, i, at + 5),
        .started_ms = postgres_int(answer, i, at + 6),
        .stopped_ms = postgres_int(answer, i, at + 7),
        .wake_ms = postgres_int(answer, i, at + 8),
        .redrive_count = postgres_int(answer, i, at + 9),
        .redriven_ms = postgres_int(answer, i, at + 10),
        .map_run = postgres_text(answer, i, at + 11),
    };

    return fn(context, &row);
}

static int give_executions(const PGresult *answer, store_execution_fn *fn, void *context)
{
    int said = 0;

    for (int i = 0; i < pq.ntuples(answer) && !said; i++)
        said = give_execution(answer, i, 0, fn, context);
    return store_callback_result(said);
}

int postgres_execution_by_arn(struct store *store, const char *arn, store_execution_fn *fn, void *context,
                              struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int(&params, store_shard_of(store, arn));
    params_add_text(&params, arn);
    result = ask(store, POSTGRES_EXECUTION_BY_ARN, &params, &answer, err);
    if (!result)
        result = pq.ntuples(answer) ? give_executions(answer, fn, context)
                                    : err_set(err, ERR_NOT_FOUND, "there is no execution \"%s\"", arn);
    pq.clear(answer);
    return result;
}

int postgres_execution_by_id(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                             struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    AUTO_PARAMS anywhere = PARAMS_INIT;
    PGresult *answer;
    int result;
    int row;

    if (postgres_prefetched_execution((struct postgres_store *)store, shard, id, &answer, &row))
        return store_callback_result(give_execution(answer, row, 2, fn, context));
    params_add_int(&params, shard);
    params_add_int(&params, id);
    result = ask(store, POSTGRES_EXECUTION_BY_ID, &params, &answer, err);
    if (!result && !pq.ntuples(answer) && store_is_adopted(store, id)) {
        pq.clear(answer);
        params_add_int(&anywhere, store->shards);
        params_add_int(&anywhere, id);
        result = ask(store, POSTGRES_EXECUTION_ANYWHERE, &anywhere, &answer, err);
    }
    if (!result)
        result = pq.ntuples(answer)
                     ? give_executions(answer, fn, context)
                     : err_set(err, ERR_NOT_FOUND, "there is no execution with the number %lld", (long long)id);
    pq.clear(answer);
    return result;
}

/* Names only what the query asks for, so that the index of the machine or of the map run is used. */
static void query_text(const struct store_execution_query *query, struct params *params, struct buf *sql)
{
    buf_add_text(sql, "SELECT " EXECUTION_COLUMNS " FROM execution WHERE true");
    if (query->machine) {
        params_add_text(params, query->machine);
        buf_printf(sql, " AND machine = $%d", params->count);
    }
    if (query->map_run) {
        params_add_text(params, query->map_run);
        buf_printf(sql, " AND map_run = $%d", params->count);
    }
    if (query->status >= 0)
        buf_printf(sql, " AND status = %d", query->status);
    if (query->redriven >= 0)
        buf_add_text(sql, query->redriven ? " AND redrive_count > 0" : " AND redrive_count = 0");
    if (query->meta_member) {
        params_add_text(params, query->meta_member);
        params_add_text(params, query->meta_value);
        buf_printf(sql, " AND meta::json ->> $%d = $%d", params->count - 1, params->count);
    }
    if (query->before_started_ms || query->before_id) {
        params_add_int(params, query->before_started_ms);
        params_add_int(params, query->before_id);
        buf_printf(sql, " AND (started_ms, id) < ($%d, $%d)", params->count - 1, params->count);
    }
    buf_add_text(sql, " ORDER BY started_ms DESC, id DESC");
    if (query->limit)
        buf_printf(sql, " LIMIT %d", query->limit);
}

int postgres_executions(struct store *base, const struct store_execution_query *query, store_execution_fn *fn,
                        void *context, struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;
    AUTO_BUF sql = BUF_INIT;
    PGresult *answer;
    int result;

    query_text(query, &params, &sql);
    if (!(result = postgres_ask_sql(store, &store->reader, buf_text(&sql), &params, &answer, err)))
        result = give_executions(answer, fn, context);
    pq.clear(answer);
    return result;
}

int postgres_executions_due(struct store *store, const int *shards, size_t count, int64_t now_ms,
                            store_execution_fn *fn, void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int4s(&params, shards, count);
    params_add_int(&params, now_ms);
    if (!(result = ask(store, POSTGRES_EXECUTIONS_DUE, &params, &answer, err)))
        result = give_executions(answer, fn, context);
    pq.clear(answer);
    return result;
}

int postgres_next_wake(struct store *store, const int *shards, size_t count, int64_t now_ms, int64_t *ret_wake_ms,
                       struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int4s(&params, shards, count);
    params_add_int(&params, now_ms);
    if (!(result = ask(store, POSTGRES_NEXT_WAKE, &params, &answer, err)))
        *ret_wake_ms = postgres_text(answer, 0, 0) ? postgres_int(answer, 0, 0) : STORE_WAKE_NEVER;
    pq.clear(answer);
    return result;
}

int postgres_last_id(struct store *store, const int *shards, size_t count, int64_t *ret_id, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int4s(&params, shards, count);
    if (!(result = ask(store, POSTGRES_LAST_ID, &params, &answer, err)))
        *ret_id = postgres_int(answer, 0, 0);
    pq.clear(answer);
    return result;
}

int64_t postgres_count_open(struct store *store)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int64_t count = ask(store, POSTGRES_COUNT_OPEN, &params, &answer, NULL) ? -1 : postgres_int(answer, 0, 0);

    pq.clear(answer);
    return count;
}

/* --- histories ------------------------------------------------------------------------------------- */

static int give_history(const PGresult *answer, store_history_fn *fn, void *context)
{
    int said = 0;

    for (int i = 0; i < pq.ntuples(answer) && !said; i++)
        said = fn(context, postgres_int(answer, i, 0), postgres_int(answer, i, 1), pq.getvalue(answer, i, 2),
                  (size_t)pq.getlength(answer, i, 2));
    return store_callback_result(said);
}

int postgres_history(struct store *store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn,
                     void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    if (!from_event_id &&
        postgres_prefetched_history((struct postgres_store *)store, shard, execution_id, fn, context, &result))
        return result;
    params_add_int(&params, shard);
    params_add_int(&params, execution_id);
    params_add_int(&params, from_event_id);
    if (!(result = ask(store, POSTGRES_HISTORY, &params, &answer, err)))
        result = give_history(answer, fn, context);
    pq.clear(answer);
    return result;
}

int postgres_history_edge(struct store *store, int shard, int64_t execution_id, bool last, store_history_fn *fn,
                          void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int(&params, shard);
    params_add_int(&params, execution_id);
    if (!(result = ask(store, last ? POSTGRES_HISTORY_LAST : POSTGRES_HISTORY_FIRST, &params, &answer, err)))
        result = give_history(answer, fn, context);
    pq.clear(answer);
    return result;
}

/* --- documents ---------------------------------------------------------------------------------------- */

static int give_documents(const PGresult *answer, store_document_fn *fn, void *context)
{
    int said = 0;

    for (int i = 0; i < pq.ntuples(answer) && !said; i++)
        said = fn(context, postgres_text(answer, i, 0), postgres_text(answer, i, 1), postgres_int(answer, i, 2));
    return store_callback_result(said);
}

int postgres_document(struct store *store, const char *kind, const char *key, store_document_fn *fn, void *context,
                      struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_int(&params, store_shard_of(store, key));
    params_add_text(&params, kind);
    params_add_text(&params, key);
    result = ask(store, POSTGRES_DOCUMENT, &params, &answer, err);
    if (!result)
        result = pq.ntuples(answer) ? give_documents(answer, fn, context)
                                    : err_set(err, ERR_NOT_FOUND, "there is no %s \"%s\"", kind, key);
    pq.clear(answer);
    return result;
}

int postgres_documents(struct store *store, const char *kind, const char *prefix, const char *after, bool descending,
                       int limit, store_document_fn *fn, void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_text(&params, kind);
    params_add_text(&params, prefix);
    params_add_text(&params, after);
    if (limit)
        params_add_int(&params, limit);
    else
        params_add_text(&params, NULL);
    if (!(result = ask(store, descending ? POSTGRES_DOCUMENTS_DOWN : POSTGRES_DOCUMENTS_UP, &params, &answer, err)))
        result = give_documents(answer, fn, context);
    pq.clear(answer);
    return result;
}

/* --- old executions, settings, everything ---------------------------------------------------------------- */

int postgres_next_machine(struct store *store, const char *after, char **ret_machine, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_text(&params, after);
    if (!(result = ask(store, POSTGRES_NEXT_MACHINE, &params, &answer, err)))
        *ret_machine = pq.ntuples(answer) ? mem_strdup(postgres_text(answer, 0, 0)) : NULL;
    pq.clear(answer);
    return result;
}

int postgres_executions_old(struct store *store, const struct store_old_query *query, store_execution_fn *fn,
                            void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_text(&params, query->machine);
    params_add_int(&params, query->before_started_ms);
    params_add_int(&params, query->after_started_ms);
    params_add_int(&params, query->after_id);
    params_add_int(&params, query->limit);
    if (!(result = ask(store, POSTGRES_EXECUTIONS_OLD, &params, &answer, err)))
        result = give_executions(answer, fn, context);
    pq.clear(answer);
    return result;
}

int postgres_get_setting(struct store *store, const char *name, char **ret_value, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result;

    params_add_text(&params, name);
    if (!(result = ask(store, POSTGRES_GET_SETTING, &params, &answer, err)))
        *ret_value = pq.ntuples(answer) ? mem_strdup(postgres_text(answer, 0, 0)) : NULL;
    pq.clear(answer);
    return result;
}

/* Executions that were read as a page, and how far they were handed on. */
struct scanning {
    const PGresult *page;
    int at;
    store_execution_fn *fn;
    store_history_fn *history_fn;
    void *context;
};

/* The rows of the page up to the execution with this number, each once. */
static int give_until(struct scanning *scanning, int64_t id)
{
    int said = 0;

    while (!said && scanning->at < pq.ntuples(scanning->page) && postgres_int(scanning->page, scanning->at, 0) <= id)
        said = give_execution(scanning->page, scanning->at++, 0, scanning->fn, scanning->context);
    return said;
}

static int give_row(struct scanning *scanning, const PGresult *row)
{
    int64_t id = postgres_int(row, 0, 0);
    int said = give_until(scanning, id);

    /* A row without its execution would be nobody's. */
    if (said || !scanning->at || postgres_int(scanning->page, scanning->at - 1, 0) != id)
        return said;
    return scanning->history_fn(scanning->context, postgres_int(row, 0, 1), postgres_int(row, 0, 2),
                                pq.getvalue(row, 0, 3), (size_t)pq.getlength(row, 0, 3));
}

/* Row by row: a page of histories may be larger than the memory. */
static int scan_histories(struct postgres_store *store, int shard, int64_t after_id, struct scanning *scanning,
                          int *ret_said, struct err *err)
{
    int last = pq.ntuples(scanning->page) - 1;
    AUTO_PARAMS params = PARAMS_INIT;
    PGconn *pg = store->reader.pg;
    int result;

    params_add_int(&params, shard);
    params_add_int(&params, after_id);
    params_add_int(&params, postgres_int(scanning->page, last, 0));
    if ((result = postgres_send(pg, POSTGRES_SCAN_HISTORY, &params, err)))
        return result;
    pq.setSingleRowMode(pg);
    for (PGresult *row; (row = pq.getResult(pg)); pq.clear(row)) {
        ExecStatusType status = pq.resultStatus(row);

        if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && !result)
            result = postgres_error(pg, row, "read histories", err);
        if (!result && !*ret_said && status == PGRES_SINGLE_TUPLE)
            *ret_said = give_row(scanning, row);
    }
    return result;
}

int postgres_scan(struct store *base, int shard, int64_t after_id, int limit, store_execution_fn *fn,
                  store_history_fn *history_fn, void *context, struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;
    struct scanning scanning = {.fn = fn, .history_fn = history_fn, .context = context};
    PGresult *answer;
    int said = 0;
    int result;

    params_add_int(&params, shard);
    params_add_int(&params, after_id);
    params_add_int(&params, limit);
    result = ask(base, POSTGRES_SCAN, &params, &answer, err);
    scanning.page = answer;
    if (!result && history_fn && pq.ntuples(answer))
        result = scan_histories(store, shard, after_id, &scanning, &said, err);
    if (!result && !said)
        said = give_until(&scanning, INT64_MAX);
    pq.clear(answer);
    return result ? result : store_callback_result(said);
}

int postgres_scan_documents(struct store *store, const char *after_kind, const char *after_key, int limit,
                            store_any_document_fn *fn, void *context, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int said = 0;
    int result;

    params_add_text(&params, after_kind);
    params_add_text(&params, after_key);
    params_add_int(&params, limit);
    result = ask(store, POSTGRES_SCAN_DOCUMENTS, &params, &answer, err);
    for (int i = 0; !result && i < pq.ntuples(answer) && !said; i++)
        said = fn(context, postgres_text(answer, i, 0), postgres_text(answer, i, 1), postgres_text(answer, i, 2),
                  postgres_int(answer, i, 3));
    pq.clear(answer);
    return result ? result : store_callback_result(said);
}

/* The one that reads whole tables. */
int postgres_totals(struct store *base, struct store_totals *ret_totals, struct err *err)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result = postgres_connect(store, &store->reader, postgres_connect_wait_ms(store, &store->reader), err);

    if (result || (result = postgres_run(store->reader.pg, "SET enable_seqscan = on", err)))
        return result;
    result = ask(base, POSTGRES_TOTALS, &params, &answer, err);
    postgres_run(store->reader.pg, "SET enable_seqscan = off", NULL);
    if (!result)
        *ret_totals = (struct store_totals){
            .executions = postgres_int(answer, 0, 0),
            .open_executions = postgres_int(answer, 0, 1),
            .last_id = postgres_int(answer, 0, 2),
            .history_rows = postgres_int(answer, 0, 3),
            .history_bytes = postgres_int(answer, 0, 4),
            .documents = postgres_int(answer, 0, 5),
            .requests = postgres_int(answer, 0, 6),
        };
    pq.clear(answer);
    return result;
}

char *postgres_info(struct store *base)
{
    struct postgres_store *store = (struct postgres_store *)base;
    AUTO_PARAMS params = PARAMS_INIT;
    AUTO_JSON struct json_object *info = json_object_new_object();
    PGresult *answer;

    json_add_text(info, "kind", "postgres");
    json_add_int(info, "schemaVersion", postgres_schema_version());
    json_add_int(info, "shards", store->base.shards);
    if (!ask(base, POSTGRES_SIZES, &params, &answer, NULL)) {
        json_add_text(info, "host", pq.host(store->reader.pg));
        json_add_text(info, "database", pq.db(store->reader.pg));
        json_add_int(info, "executionBytes", postgres_int(answer, 0, 0));
        json_add_int(info, "historyBytes", postgres_int(answer, 0, 1));
        json_add_int(info, "documentBytes", postgres_int(answer, 0, 2));
        json_add_text(info, "serverVersion", postgres_text(answer, 0, 3));
        json_add_int(info, "openExecutions", store_count_open(base));
    }
    pq.clear(answer);
    return json_text(info);
}
