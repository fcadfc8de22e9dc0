/*
 * sqlite.c - a store in one SQLite file: opening, closing, and what both its sides need.
 *
 * The file is in WAL mode with synchronous=FULL: a commit is one append to the log and one fsync. The
 * log is copied into the file by the writer's automatic checkpoints, which wait for nobody (PASSIVE).
 */
#include "config.h"

#include "runtime/store/sqlite_priv.h"

#include "runtime/store/sqlite_schema.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 10000, /* how long another process may hold the file */
    PAGE_BYTES = 8192,       /* some rows of 1 to 3 KB fit in one; measured: a quarter faster than 4096 */
    CHECKPOINT_PAGES = 4000, /* 32 MB of log: seldom enough to merge page writes, small enough to be quick */
    BUSY_TRY_US = 500,
    READER_CACHE_KIB = 2048,
    WRITER_CACHE_KIB = 8192, /* holds the upper levels of the indices; filled only when there is work */
    LEASE_MS = 10000,        /* of an owner that is paused; one that is killed loses its lock at once */
    WAL_TRIES = 50,
    WAL_TRY_US = 20000
};

static const char *const statement_texts[] = {
#define STATEMENT(name, sql) [SQLITE_##name] = sql,
#include "runtime/store/sqlite_statements.def"
};

/* --- errors and statements ------------------------------------------------------------------- */

/*
 * SQLite says SQLITE_FULL for ENOSPC alone; quotas and limits on a file's size are the same to a user. Asks
 * the log, which is what commits write to, for the error that its last system call left.
 */
static bool no_space(struct sqlite3 *db)
{
    sqlite3_file *log = NULL;
    int number = 0;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) || !log || !log->pMethods)
        return false;
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number == EDQUOT || number == EFBIG;
}

static enum err_code map_code(struct sqlite3 *db)
{
    switch (sqlite3_errcode(db) & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_IOERR:
        return no_space(db) ? ERR_FULL : ERR_IO;
    default:
        return ERR_IO;
    }
}

int sqlite_error(struct sqlite3 *db, const char *path, const char *what, struct err *err)
{
    enum err_code code = map_code(db);

    switch (code) {
    case ERR_CORRUPT:
        err_set(err, code, "cannot %s: the file is damaged or is no SQLite database (%s)", what, sqlite3_errmsg(db));
        break;
    case ERR_FULL:
        err_set(err, code, "could not %s: no space left (%s)", what, sqlite3_errmsg(db));
        break;
    case ERR_BUSY:
        err_set(err, code, "could not %s: another process holds the store", what);
        break;
    default:
        err_set(err, code, "could not %s: %s", what, sqlite3_errmsg(db));
    }
    err_at(err, "%s", path);
    return code;
}

int sqlite_run(struct sqlite3 *db, const char *path, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? sqlite_error(db, path, "set up the store", err) : 0;
}

int sqlite_query_int(struct sqlite3 *db, const char *path, const char *sql, int64_t *ret_value, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL))
        return sqlite_error(db, path, "read the store", err);
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW:
        *ret_value = sqlite3_column_int64(statement, 0);
        break;
    case SQLITE_DONE:
        *ret_value = 0;
        break;
    default:
        result = sqlite_error(db, path, "read the store", err);
    }
    sqlite3_finalize(statement);
    return result;
}

int sqlite_get(struct sqlite_connection *connection, enum sqlite_statement which, sqlite3_stmt **ret_statement,
               struct err *err)
{
    sqlite3_stmt *prepared = connection->statements[which];

    if (prepared && !sqlite3_stmt_busy(prepared)) {
        *ret_statement = prepared;
        return 0;
    }
    if (sqlite3_prepare_v3(connection->db, statement_texts[which], -1, prepared ? 0 : SQLITE_PREPARE_PERSISTENT,
                           ret_statement, NULL))
        return sqlite_error(connection->db, connection->path, "prepare a statement", err);
    if (!prepared)
        connection->statements[which] = *ret_statement;
    return 0;
}

void sqlite_done(struct sqlite_connection *connection, enum sqlite_statement which, sqlite3_stmt *statement)
{
    if (statement != connection->statements[which]) {
        sqlite3_finalize(statement);
        return;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

void sqlite_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

const char *sqlite_text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

/* --- opening and closing --------------------------------------------------------------------- */

/* mkdir -p of the folder that the path is in. */
static int make_folder(const char *path, struct err *err)
{
    char *folder = mem_strdup(path);
    int result = 0;

    for (char *slash = strchr(folder + 1, '/'); slash && !result; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) && errno != EEXIST) {
            result = err_set(err, ERR_IO, "could not make the folder: %s", strerror(errno));
            err_at(err, "%s", folder);
        }
        *slash = '/';
    }
    free(folder);
    return result;
}

/*
 * The file holds the key of the task tokens: only its owner may read it, and SQLite gives -wal and -shm the same mode.
 * A file that is there is left alone: to close a descriptor of it would drop the locks that another connection of
 * this process may have on it (POSIX).
 */
static int make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err_code code;

    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (errno == EEXIST)
        return 0;
    code = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    err_set(err, code, "could not make the store: %s", strerror(errno));
    err_at(err, "%s", path);
    return code;
}

/*
 * Waits for another process that is writing. SQLite's own handler sleeps up to 100 ms at a time, and so may
 * miss the moments between the commits of a busy process for seconds.
 */
static int wait_for_lock(void *context, int tries)
{
    (void)context;
    if (tries >= BUSY_TIMEOUT_MS * 1000 / BUSY_TRY_US)
        return 0;
    usleep(BUSY_TRY_US);
    return 1;
}

/* Two processes that change a new file to WAL at once meet a lock that SQLite does not wait for. */
static int use_wal(struct sqlite_connection *connection, struct err *err)
{
    char sql[96];

    /* The size of pages counts for a new file only. */
    snprintf(sql, sizeof(sql), "PRAGMA page_size = %d; PRAGMA journal_mode = WAL", PAGE_BYTES);
    for (int tries = 0;; tries++) {
        int code = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);

        if (!code)
            return 0;
        if ((code & 0xFF) != SQLITE_BUSY || tries == WAL_TRIES)
            return sqlite_error(connection->db, connection->path, "open the store", err);
        usleep(WAL_TRY_US);
    }
}

static int open_connection(struct sqlite_connection *connection, const char *path, int cache_kib, struct err *err)
{
    char sql[256];
    int result;

    connection->path = path;
    if (sqlite3_open_v2(path, &connection->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
        return sqlite_error(connection->db, path, "open the store", err);
    /* SQLite opens what it may not write for reading. */
    if (sqlite3_db_readonly(connection->db, "main")) {
        result = err_set(err, ERR_IO, "the store cannot be written: its file is read-only");
        err_at(err, "%s", path);
        return result;
    }
    sqlite3_extended_result_codes(connection->db, 1);
    sqlite3_busy_handler(connection->db, wait_for_lock, NULL);
    if ((result = sqlite_schema_check(connection->db, path, err)) || (result = use_wal(connection, err)))
        return result;
    snprintf(sql, sizeof(sql),
             "PRAGMA synchronous = FULL; PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d;"
             "PRAGMA journal_size_limit = 67108864; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF",
             cache_kib, CHECKPOINT_PAGES);
    return sqlite_run(connection->db, path, sql, err);
}

static void close_connection(struct sqlite_connection *connection)
{
    for (int i = 0; i < SQLITE_STATEMENTS; i++)
        sqlite3_finalize(connection->statements[i]);
    sqlite3_close(connection->db);
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;

    close_connection(&store->reader);
    close_connection(&store->writer);
    sqlite_alive_end(store);
    sqlite_watch_end(store);
    pthread_mutex_destroy(&store->write_lock);
    free(store->path);
    free(store);
}

static int load_secret(struct sqlite_store *store, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = 0;

    if (sqlite3_prepare_v2(store->writer.db, "SELECT value FROM setting WHERE name = 'secret'", -1, &statement, NULL))
        return sqlite_error(store->writer.db, store->path, "open the store", err);
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW:
        if (sqlite3_column_bytes(statement, 0) == STORE_SECRET_BYTES) {
            memcpy(store->base.secret, sqlite3_column_blob(statement, 0), STORE_SECRET_BYTES);
            break;
        }
        /* fall through */
    case SQLITE_DONE:
        result = err_set(err, ERR_CORRUPT, "the file is damaged: the secret of the store is missing");
        err_at(err, "%s", store->path);
        break;
    default:
        result = sqlite_error(store->writer.db, store->path, "open the store", err);
    }
    sqlite3_finalize(statement);
    return result;
}

/* Cheap when nothing happened; while the writer is busy with a commit the answer is the last one. */
static int64_t sqlite_change_counter(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    sqlite3_stmt *statement;

    if (pthread_mutex_trylock(&store->write_lock))
        return store->change_counter;
    /* data_version of the writer's connection does not count the writer's own commits. */
    if (!sqlite_get(&store->writer, SQLITE_DATA_VERSION, &statement, NULL)) {
        if (sqlite3_step(statement) == SQLITE_ROW)
            store->change_counter = sqlite3_column_int64(statement, 0);
        sqlite_done(&store->writer, SQLITE_DATA_VERSION, statement);
    }
    pthread_mutex_unlock(&store->write_lock);
    return store->change_counter;
}

/* One cannot tell what has changed; and one's own commits do not count, though they may hold requests to oneself. */
static void sqlite_changes(struct store *base, struct store_changes *ret_changes, store_hint_fn *fn, void *context)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    bool soon = sqlite_watch_take(store);
    int64_t counter = sqlite_change_counter(base);

    (void)fn;
    (void)context;
    ret_changes->soon = soon;
    if (counter == store->told_counter && !store->asked_itself)
        return;
    store->told_counter = counter;
    store->asked_itself = false;
    ret_changes->documents = ret_changes->owners = ret_changes->replies = ret_changes->requests = true;
    ret_changes->shards[0] = 1;
}

static int64_t file_bytes(const char *path, const char *suffix)
{
    char *name = mem_printf("%s%s", path, suffix);
    struct stat status;
    int64_t bytes = stat(name, &status) ? 0 : (int64_t)status.st_size;

    free(name);
    return bytes;
}

static char *sqlite_info(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    AUTO_JSON struct json_object *info = json_object_new_object();
    int64_t history_rows = 0;

    sqlite_query_int(store->reader.db, store->path, "SELECT max(seq) FROM history", &history_rows, NULL);
    json_add_text(info, "kind", "sqlite");
    json_add_text(info, "path", store->path);
    json_add_int(info, "schemaVersion", sqlite_schema_version());
    json_add_int(info, "shards", store->base.shards);
    json_add_int(info, "fileBytes", file_bytes(store->path, ""));
    json_add_int(info, "logBytes", file_bytes(store->path, "-wal"));
    json_add_int(info, "historyRows", history_rows);
    json_add_int(info, "openExecutions", store_count_open(base));
    json_add_text(info, "libraryVersion", sqlite3_libversion());
    return json_text(info);
}

static const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .close = sqlite_close,
    .commit = sqlite_commit,
    .execution_by_arn = sqlite_execution_by_arn,
    .execution_by_id = sqlite_execution_by_id,
    .executions = sqlite_executions,
    .executions_due = sqlite_executions_due,
    .next_wake = sqlite_next_wake,
    .last_id = sqlite_last_id,
    .count_open = sqlite_count_open,
    .history = sqlite_history,
    .history_edge = sqlite_history_edge,
    .document = sqlite_document,
    .documents = sqlite_documents,
    .change_counter = sqlite_change_counter,
    .notify_fd = sqlite_notify_fd,
    .changes = sqlite_changes,
    .nodes = sqlite_nodes,
    .lags = sqlite_lags,
    .renew = sqlite_renew,
    .lease_take = sqlite_lease_take,
    .lease_release = sqlite_lease_release,
    .leave = sqlite_leave,
    .tidy = sqlite_tidy,
    .requests = sqlite_requests,
    .replies = sqlite_replies,
    .inbox_put = sqlite_inbox_put,
    .inbox_reply = sqlite_inbox_reply,
    .inbox_cancel = sqlite_inbox_cancel,
    .next_machine = sqlite_next_machine,
    .executions_old = sqlite_executions_old,
    .info = sqlite_info,
    .get_setting = sqlite_get_setting,
    .set_setting = sqlite_set_setting,
    .set_secret = sqlite_set_secret,
    .scan = sqlite_scan,
    .scan_documents = sqlite_scan_documents,
    .totals = sqlite_totals,
    .clear = sqlite_clear,
};

int sqlite_store_open(const char *path, struct store **ret_store, struct err *err)
{
    struct sqlite_store *store = NEW(struct sqlite_store);
    int result;

    store->base.ops = &sqlite_ops;
    store->base.shards = 1;
    store->base.lease_ms = LEASE_MS;
    store->alive_fd = store->watch_fd = -1;
    store->path = mem_strdup(path);
    pthread_mutex_init(&store->write_lock, NULL);
    if ((result = make_folder(path, err)) || (result = make_file(path, err)) ||
        (result = open_connection(&store->writer, store->path, WRITER_CACHE_KIB, err)) ||
        (result = sqlite_schema_migrate(store->writer.db, store->path, sqlite_schema_version(), err)) ||
        (result = open_connection(&store->reader, store->path, READER_CACHE_KIB, err)) ||
        (result = load_secret(store, err))) {
        sqlite_close(&store->base);
        return result;
    }
    sqlite_watch_begin(store);
    *ret_store = &store->base;
    return 0;
}
