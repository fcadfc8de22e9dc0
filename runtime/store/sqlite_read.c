/* sqlite_read.c - the reading side of the SQLite store, on the thread that opened it. */
#include "config.h"

#include "runtime/store/sqlite_priv.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <sqlite3.h>

static struct sqlite_connection *reader_of(struct store *store)
{
    return &((struct sqlite_store *)store)->reader;
}

/* How a walk through rows ended: by the callback's answer, at the end, or by an error. */
static int walk_result(struct sqlite_connection *reader, int answer, int step, struct err *err)
{
    if (answer)
        return store_callback_result(answer);
    return step == SQLITE_DONE ? 0 : sqlite_error(reader->db, reader->path, "read", err);
}

/* --- executions ------------------------------------------------------------------------------- */

#define EXECUTION_COLUMNS                                                                                              \
    "id, arn, machine, meta, status, started_ms, stopped_ms, wake_ms, redrive_count, redriven_ms, map_run"

static int give_execution(sqlite3_stmt *statement, store_execution_fn *fn, void *context)
{
    struct store_execution row = {
        .id = sqlite3_column_int64(statement, 0),
        .arn = sqlite_text(statement, 1),
        .machine = sqlite_text(statement, 2),
        .meta = sqlite_text(statement, 3),
        .status = (enum execution_status)sqlite3_column_int(statement, 4),
        .started_ms = sqlite3_column_int64(statement, 5),
        .stopped_ms = sqlite3_column_int64(statement, 6),
        .wake_ms = sqlite3_column_int64(statement, 7),
        .redrive_count = sqlite3_column_int64(statement, 8),
        .redriven_ms = sqlite3_column_int64(statement, 9),
        .map_run = sqlite_text(statement, 10),
    };

    return fn(context, &row);
}

static int walk_executions(struct sqlite_connection *reader, sqlite3_stmt *statement, store_execution_fn *fn,
                           void *context, int *ret_count, struct err *err)
{
    int answer = 0;
    int step = SQLITE_DONE;

    while (!answer && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        (*ret_count)++;
        answer = give_execution(statement, fn, context);
    }
    return walk_result(reader, answer, step, err);
}

int sqlite_execution_by_arn(struct store *store, const char *arn, store_execution_fn *fn, void *context,
                            struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int count = 0;
    int result = sqlite_get(reader, SQLITE_EXECUTION_BY_ARN, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, arn);
    result = walk_executions(reader, statement, fn, context, &count, err);
    sqlite_done(reader, SQLITE_EXECUTION_BY_ARN, statement);
    return result || count ? result : err_set(err, ERR_NOT_FOUND, "there is no execution \"%s\"", arn);
}

int sqlite_execution_by_id(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                           struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int count = 0;
    int result = sqlite_get(reader, SQLITE_EXECUTION_BY_ID, &statement, err);

    (void)shard;
    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, id);
    result = walk_executions(reader, statement, fn, context, &count, err);
    sqlite_done(reader, SQLITE_EXECUTION_BY_ID, statement);
    return result || count ? result
                           : err_set(err, ERR_NOT_FOUND, "there is no execution with the number %lld", (long long)id);
}

/*
 * The WHERE clause names only what the query asks for, so that the index of the machine or of the map
 * run is used; parameters are numbered the same in every form. Without either, ids stand for start times
 * (they grow together), and no index over all executions has to be kept.
 */
static void query_text(const struct store_execution_query *query, struct buf *sql)
{
    bool paged = query->before_started_ms || query->before_id;
    bool indexed = query->machine || query->map_run;

    buf_add_text(sql, "SELECT " EXECUTION_COLUMNS " FROM execution WHERE 1");
    if (query->machine)
        buf_add_text(sql, " AND machine = ?1");
    if (query->map_run)
        buf_add_text(sql, " AND map_run = ?2");
    if (query->status >= 0)
        buf_add_text(sql, " AND status = ?3");
    if (query->redriven >= 0)
        buf_add_text(sql, query->redriven ? " AND redrive_count > 0" : " AND redrive_count = 0");
    if (query->meta_member)
        buf_add_text(sql, " AND EXISTS (SELECT 1 FROM json_each(meta) m WHERE m.key = ?4 AND m.atom = ?5)");
    if (paged)
        buf_add_text(sql, indexed ? " AND (started_ms, id) < (?6, ?7)" : " AND id < ?7");
    buf_add_text(sql, indexed ? " ORDER BY started_ms DESC, id DESC" : " ORDER BY id DESC");
    buf_add_text(sql, " LIMIT ?8");
}

/* Binding a parameter that the text does not name does no harm beyond SQLITE_RANGE. */
static void bind_query(sqlite3_stmt *statement, const struct store_execution_query *query)
{
    sqlite_bind_text(statement, 1, query->machine);
    sqlite_bind_text(statement, 2, query->map_run);
    sqlite3_bind_int(statement, 3, query->status);
    sqlite_bind_text(statement, 4, query->meta_member);
    sqlite_bind_text(statement, 5, query->meta_value);
    sqlite3_bind_int64(statement, 6, query->before_started_ms);
    sqlite3_bind_int64(statement, 7, query->before_id);
    sqlite3_bind_int(statement, 8, query->limit ? query->limit : -1);
}

int sqlite_executions(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                      void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    AUTO_BUF sql = BUF_INIT;
    sqlite3_stmt *statement;
    int count = 0;
    int result;

    query_text(query, &sql);
    if (sqlite3_prepare_v2(reader->db, buf_text(&sql), -1, &statement, NULL))
        return sqlite_error(reader->db, reader->path, "list executions", err);
    bind_query(statement, query);
    result = walk_executions(reader, statement, fn, context, &count, err);
    sqlite3_finalize(statement);
    return result;
}

int sqlite_executions_due(struct store *store, const int *shards, size_t shard_count, int64_t now_ms,
                          store_execution_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int count = 0;
    int result = sqlite_get(reader, SQLITE_EXECUTIONS_DUE, &statement, err);

    (void)shards;
    (void)shard_count;
    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, now_ms);
    result = walk_executions(reader, statement, fn, context, &count, err);
    sqlite_done(reader, SQLITE_EXECUTIONS_DUE, statement);
    return result;
}

int sqlite_next_wake(struct store *store, const int *shards, size_t shard_count, int64_t now_ms, int64_t *ret_wake_ms,
                     struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(reader, SQLITE_NEXT_WAKE, &statement, err);

    (void)shards;
    (void)shard_count;
    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, now_ms);
    if (sqlite3_step(statement) != SQLITE_ROW)
        result = sqlite_error(reader->db, reader->path, "look for the next wake-up", err);
    else if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
        *ret_wake_ms = STORE_WAKE_NEVER;
    else
        *ret_wake_ms = sqlite3_column_int64(statement, 0);
    sqlite_done(reader, SQLITE_NEXT_WAKE, statement);
    return result;
}

int sqlite_last_id(struct store *store, const int *shards, size_t count, int64_t *ret_id, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(reader, SQLITE_LAST_ID, &statement, err);

    (void)shards;
    (void)count; /* there is one shard */
    if (result)
        return result;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *ret_id = sqlite3_column_int64(statement, 0);
    else
        result = sqlite_error(reader->db, reader->path, "look for the last execution", err);
    sqlite_done(reader, SQLITE_LAST_ID, statement);
    return result;
}

int64_t sqlite_count_open(struct store *store)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int64_t count = -1;

    if (sqlite_get(reader, SQLITE_COUNT_OPEN, &statement, NULL))
        return -1;
    if (sqlite3_step(statement) == SQLITE_ROW)
        count = sqlite3_column_int64(statement, 0);
    sqlite_done(reader, SQLITE_COUNT_OPEN, statement);
    return count;
}

/* --- histories -------------------------------------------------------------------------------- */

static int walk_history(struct sqlite_connection *reader, sqlite3_stmt *statement, store_history_fn *fn, void *context,
                        struct err *err)
{
    int answer = 0;
    int step = SQLITE_DONE;

    while (!answer && (step = sqlite3_step(statement)) == SQLITE_ROW)
        answer = fn(context, sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                    sqlite_text(statement, 2), (size_t)sqlite3_column_bytes(statement, 2));
    return walk_result(reader, answer, step, err);
}

int sqlite_history(struct store *store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn,
                   void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(reader, SQLITE_HISTORY, &statement, err);

    (void)shard;
    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, execution_id);
    sqlite3_bind_int64(statement, 2, from_event_id);
    result = walk_history(reader, statement, fn, context, err);
    sqlite_done(reader, SQLITE_HISTORY, statement);
    return result;
}

int sqlite_history_edge(struct store *store, int shard, int64_t execution_id, bool last, store_history_fn *fn,
                        void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    enum sqlite_statement which = last ? SQLITE_HISTORY_LAST : SQLITE_HISTORY_FIRST;
    sqlite3_stmt *statement;
    int result = sqlite_get(reader, which, &statement, err);

    (void)shard;
    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, execution_id);
    result = walk_history(reader, statement, fn, context, err);
    sqlite_done(reader, which, statement);
    return result;
}

/* --- documents --------------------------------------------------------------------- */

static int walk_documents(struct sqlite_connection *reader, sqlite3_stmt *statement, store_document_fn *fn,
                          void *context, int *ret_count, struct err *err)
{
    int answer = 0;
    int step = SQLITE_DONE;

    while (!answer && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        (*ret_count)++;
        answer = fn(context, sqlite_text(statement, 0), sqlite_text(statement, 1), sqlite3_column_int64(statement, 2));
    }
    return walk_result(reader, answer, step, err);
}

int sqlite_document(struct store *store, const char *kind, const char *key, store_document_fn *fn, void *context,
                    struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int count = 0;
    int result = sqlite_get(reader, SQLITE_DOCUMENT, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, kind);
    sqlite_bind_text(statement, 2, key);
    result = walk_documents(reader, statement, fn, context, &count, err);
    sqlite_done(reader, SQLITE_DOCUMENT, statement);
    return result || count ? result : err_set(err, ERR_NOT_FOUND, "there is no %s \"%s\"", kind, key);
}

int sqlite_documents(struct store *store, const char *kind, const char *prefix, const char *after, bool descending,
                     int limit, store_document_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    enum sqlite_statement which = descending ? (after ? SQLITE_DOCUMENTS_DOWN_AFTER : SQLITE_DOCUMENTS_DOWN)
                                             : (after ? SQLITE_DOCUMENTS_UP_AFTER : SQLITE_DOCUMENTS_UP);
    sqlite3_stmt *statement;
    int count = 0;
    int result = sqlite_get(reader, which, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, kind);
    sqlite_bind_text(statement, 2, prefix);
    if (after)
        sqlite_bind_text(statement, 3, after);
    sqlite3_bind_int(statement, 4, limit ? limit : -1);
    result = walk_documents(reader, statement, fn, context, &count, err);
    sqlite_done(reader, which, statement);
    return result;
}

/* --- old executions, settings, everything ---------------------------------------------------------- */

int sqlite_next_machine(struct store *store, const char *after, char **ret_machine, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int step;
    int result = sqlite_get(reader, SQLITE_NEXT_MACHINE, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, after);
    step = sqlite3_step(statement);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        result = sqlite_error(reader->db, reader->path, "look for a state machine", err);
    else
        *ret_machine = step == SQLITE_ROW ? mem_strdup(sqlite_text(statement, 0)) : NULL;
    sqlite_done(reader, SQLITE_NEXT_MACHINE, statement);
    return result;
}

int sqlite_executions_old(struct store *store, const struct store_old_query *query, store_execution_fn *fn,
                          void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int count = 0;
    int result = sqlite_get(reader, SQLITE_EXECUTIONS_OLD, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, query->machine);
    sqlite3_bind_int64(statement, 2, query->before_started_ms);
    sqlite3_bind_int64(statement, 3, query->after_started_ms);
    sqlite3_bind_int64(statement, 4, query->after_id);
    sqlite3_bind_int(statement, 5, query->limit);
    result = walk_executions(reader, statement, fn, context, &count, err);
    sqlite_done(reader, SQLITE_EXECUTIONS_OLD, statement);
    return result;
}

int sqlite_get_setting(struct store *store, const char *name, char **ret_value, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int step;
    int result = sqlite_get(reader, SQLITE_GET_SETTING, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, name);
    step = sqlite3_step(statement);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        result = sqlite_error(reader->db, reader->path, "read the settings", err);
    else
        *ret_value = step == SQLITE_ROW ? mem_strdup(sqlite_text(statement, 0)) : NULL;
    sqlite_done(reader, SQLITE_GET_SETTING, statement);
    return result;
}

/* A row of the outer walk, and what is called with the rows of its history. */
struct scanning {
    struct sqlite_connection *reader;
    store_execution_fn *fn;
    store_history_fn *history_fn;
    void *context;
    struct err *err;
};

static int scan_one(void *context, const struct store_execution *row)
{
    struct scanning *scanning = context;
    sqlite3_stmt *statement;
    int result = scanning->fn(scanning->context, row);

    if (result || !scanning->history_fn ||
        (result = sqlite_get(scanning->reader, SQLITE_SCAN_HISTORY, &statement, scanning->err)))
        return result;
    sqlite3_bind_int64(statement, 1, row->id);
    result = walk_history(scanning->reader, statement, scanning->history_fn, scanning->context, scanning->err);
    sqlite_done(scanning->reader, SQLITE_SCAN_HISTORY, statement);
    return result;
}

int sqlite_scan(struct store *store, int shard, int64_t after_id, int limit, store_execution_fn *fn,
                store_history_fn *history_fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    struct scanning scanning = {reader, fn, history_fn, context, err};
    sqlite3_stmt *statement;
    int count = 0;
    int result = sqlite_get(reader, SQLITE_SCAN, &statement, err);

    (void)shard;
    if (result)
        return result;
    sqlite3_bind_int64(statement, 1, after_id);
    sqlite3_bind_int(statement, 2, limit);
    result = walk_executions(reader, statement, scan_one, &scanning, &count, err);
    sqlite_done(reader, SQLITE_SCAN, statement);
    return result;
}

int sqlite_scan_documents(struct store *store, const char *after_kind, const char *after_key, int limit,
                          store_any_document_fn *fn, void *context, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int answer = 0;
    int step = SQLITE_DONE;
    int result = sqlite_get(reader, SQLITE_SCAN_DOCUMENTS, &statement, err);

    if (result)
        return result;
    sqlite_bind_text(statement, 1, after_kind);
    sqlite_bind_text(statement, 2, after_key);
    sqlite3_bind_int(statement, 3, limit);
    while (!answer && (step = sqlite3_step(statement)) == SQLITE_ROW)
        answer = fn(context, sqlite_text(statement, 0), sqlite_text(statement, 1), sqlite_text(statement, 2),
                    sqlite3_column_int64(statement, 3));
    result = walk_result(reader, answer, step, err);
    sqlite_done(reader, SQLITE_SCAN_DOCUMENTS, statement);
    return result;
}

int sqlite_totals(struct store *store, struct store_totals *ret_totals, struct err *err)
{
    struct sqlite_connection *reader = reader_of(store);
    sqlite3_stmt *statement;
    int result = sqlite_get(reader, SQLITE_TOTALS, &statement, err);

    if (result)
        return result;
    if (sqlite3_step(statement) != SQLITE_ROW)
        result = sqlite_error(reader->db, reader->path, "count what is in the store", err);
    else
        *ret_totals = (struct store_totals){
            .executions = sqlite3_column_int64(statement, 0),
            .open_executions = sqlite3_column_int64(statement, 1),
            .last_id = sqlite3_column_int64(statement, 2),
            .history_rows = sqlite3_column_int64(statement, 3),
            .history_bytes = sqlite3_column_int64(statement, 4),
            .documents = sqlite3_column_int64(statement, 5),
            .requests = sqlite3_column_int64(statement, 6),
        };
    sqlite_done(reader, SQLITE_TOTALS, statement);
    return result;
}
