/*
 * sqlite_priv.h - the SQLite store from inside: sqlite.c opens it, sqlite_write.c and sqlite_read.c
 * are its two sides, sqlite_nodes.c what processes do to each other.
 *
 * Sides     `reader` belongs to the thread that opened the store. `writer` is used under write_lock: by
 *           the writer thread, and by the loop for the few things it writes itself (requests to others).
 * Promise   a read leaves no transaction open: every statement is reset before the call returns, so that
 *           checkpoints can empty the log.
 */
#ifndef RUNTIME_STORE_SQLITE_PRIV_H
#define RUNTIME_STORE_SQLITE_PRIV_H

#include "runtime/store/store_priv.h"

#include <pthread.h>
#include <stdatomic.h>

struct sqlite3;
struct sqlite3_stmt;

enum sqlite_statement {
#define STATEMENT(name, sql) SQLITE_##name,
#include "runtime/store/sqlite_statements.def"
    SQLITE_STATEMENTS
};

struct sqlite_connection {
    struct sqlite3 *db;
    const char *path;
    struct sqlite3_stmt *statements[SQLITE_STATEMENTS]; /* prepared when first used */
};

struct sqlite_store {
    struct store base;
    char *path;
    pthread_mutex_t write_lock;
    struct sqlite_connection reader;
    struct sqlite_connection writer;
    int alive_fd;             /* holds the lock that says that the leases' holder lives; -1: not held */
    int watch_fd;             /* readable when somebody writes; -1: one has to poll */
    int64_t change_counter;   /* as of the last look; the reading side's */
    int64_t told_counter;     /* as of the last store_changes(); 0: never */
    atomic_bool asked_itself; /* a commit of our own held a request or a reply to a node */
};

/* Says that `what` (an infinitive) could not be done; maps SQLite's code to ours. */
int sqlite_error(struct sqlite3 *db, const char *path, const char *what, struct err *err);
/* Runs SQL that gives no rows. */
int sqlite_run(struct sqlite3 *db, const char *path, const char *sql, struct err *err);
/* The integer in the first column of the first row, 0 where there is none. */
int sqlite_query_int(struct sqlite3 *db, const char *path, const char *sql, int64_t *ret_value, struct err *err);

/*
 * A statement ready to be bound; a fresh copy when the prepared one is being stepped through further
 * up (a callback that reads again). Give it back with sqlite_done(), which ends its transaction.
 */
int sqlite_get(struct sqlite_connection *connection, enum sqlite_statement which, struct sqlite3_stmt **ret_statement,
               struct err *err);
void sqlite_done(struct sqlite_connection *connection, enum sqlite_statement which, struct sqlite3_stmt *statement);

void sqlite_bind_text(struct sqlite3_stmt *statement, int at, const char *text);
/* The text of a column, NULL for NULL; borrowed until the next step. */
const char *sqlite_text(struct sqlite3_stmt *statement, int column);

/* The writing side; nobody else writes from this process until it is unlocked. */
struct sqlite_connection *sqlite_lock_writer(struct store *store);
void sqlite_unlock_writer(struct store *store);
/* Steps a bound statement that gives no rows, and gives it back. */
int sqlite_finish(struct sqlite_connection *writer, enum sqlite_statement which, struct sqlite3_stmt *statement,
                  struct err *err);
/* A statement with no parameters and no rows. */
int sqlite_run_one(struct sqlite_connection *writer, enum sqlite_statement which, struct err *err);
/* Ends a transaction that went as `result` says; a failed COMMIT is rolled back too. */
int sqlite_end_transaction(struct sqlite_connection *writer, int result, struct err *err);

/* Takes the lock of the leases' holder; true when it has just become ours, so that no other holder lives. */
bool sqlite_alive_begin(struct sqlite_store *store);
void sqlite_alive_end(struct sqlite_store *store);

/* Watches the log, which has to be there already. */
void sqlite_watch_begin(struct sqlite_store *store);
void sqlite_watch_end(struct sqlite_store *store);
/* Whether anybody has written, or begun to, since the last call. */
bool sqlite_watch_take(struct sqlite_store *store);
int sqlite_notify_fd(struct store *store);

/* The operations, by side. */
int sqlite_commit(struct store *store, struct store_batch *batch, struct err *err);
int sqlite_set_setting(struct store *store, const char *name, const char *value, struct err *err);
int sqlite_set_secret(struct store *store, const unsigned char *secret, struct err *err);
int sqlite_clear(struct store *store, struct err *err);

int sqlite_execution_by_arn(struct store *store, const char *arn, store_execution_fn *fn, void *context,
                            struct err *err);
int sqlite_execution_by_id(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                           struct err *err);
int sqlite_executions(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                      void *context, struct err *err);
int sqlite_executions_due(struct store *store, const int *shards, size_t shard_count, int64_t now_ms,
                          store_execution_fn *fn, void *context, struct err *err);
int sqlite_next_wake(struct store *store, const int *shards, size_t shard_count, int64_t now_ms, int64_t *ret_wake_ms,
                     struct err *err);
int sqlite_last_id(struct store *store, const int *shards, size_t count, int64_t *ret_id, struct err *err);
int64_t sqlite_count_open(struct store *store);
int sqlite_history(struct store *store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn,
                   void *context, struct err *err);
int sqlite_history_edge(struct store *store, int shard, int64_t execution_id, bool last, store_history_fn *fn,
                        void *context, struct err *err);
int sqlite_document(struct store *store, const char *kind, const char *key, store_document_fn *fn, void *context,
                    struct err *err);
int sqlite_documents(struct store *store, const char *kind, const char *prefix, const char *after, bool descending,
                     int limit, store_document_fn *fn, void *context, struct err *err);
int sqlite_next_machine(struct store *store, const char *after, char **ret_machine, struct err *err);
int sqlite_executions_old(struct store *store, const struct store_old_query *query, store_execution_fn *fn,
                          void *context, struct err *err);
int sqlite_get_setting(struct store *store, const char *name, char **ret_value, struct err *err);
int sqlite_scan(struct store *store, int shard, int64_t after_id, int limit, store_execution_fn *fn,
                store_history_fn *history_fn, void *context, struct err *err);
int sqlite_scan_documents(struct store *store, const char *after_kind, const char *after_key, int limit,
                          store_any_document_fn *fn, void *context, struct err *err);
int sqlite_totals(struct store *store, struct store_totals *ret_totals, struct err *err);

int sqlite_nodes(struct store *store, const struct store_view *view, struct err *err);
int sqlite_lags(struct store *store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err);
int sqlite_renew(struct store *store, const char *node, const char *info, int64_t lease_ms, bool announce,
                 const struct store_view *view, struct err *err);
int sqlite_lease_take(struct store *store, const char *node, const int *shards, const int64_t *seen, size_t count,
                      int64_t *ret_epochs, struct err *err);
int sqlite_lease_release(struct store *store, const char *node, const int *shards, const int64_t *epochs, size_t count,
                         struct err *err);
int sqlite_leave(struct store *store, const char *node, struct err *err);
int sqlite_tidy(struct store *store, struct err *err);
int sqlite_requests(struct store *store, const int *shards, size_t count, const int64_t *known, size_t known_count,
                    store_request_fn *fn, void *context, struct err *err);
int sqlite_replies(struct store *store, const char *asker, store_reply_fn *fn, void *context, struct err *err);
int sqlite_inbox_put(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err);
int sqlite_inbox_reply(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err);
int sqlite_inbox_cancel(struct store *store, int64_t seq, struct err *err);

#endif
