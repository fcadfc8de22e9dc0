/*
 * postgres_priv.h - the PostgreSQL store from inside: postgres.c opens and reconnects, postgres_write.c
 * and postgres_read.c are its two sides, postgres_nodes.c and postgres_notify.c what nodes do to each other.
 *
 * Connections  `reader` belongs to the thread that opened the store, which also renews and takes leases with it.
 * `writer` is used under write_lock. `listener` does nothing but wait for notifications, so that its descriptor is
 * readable exactly when there is one. Outages      a connection that is lost is made again by the next call, with
 * growing pauses between the tries. A read is repeated once; what store_commit() does stands in postgres_write.c.
 */
#ifndef RUNTIME_STORE_POSTGRES_PRIV_H
#define RUNTIME_STORE_POSTGRES_PRIV_H

#include "runtime/store/postgres_library.h"
#include "runtime/store/postgres_params.h"
#include "runtime/store/store_priv.h"

#include <pthread.h>

enum postgres_statement {
#define STATEMENT(side, name, sql) POSTGRES_##name,
#include "runtime/store/postgres_statements.def"
    POSTGRES_STATEMENTS
};

enum postgres_side { POSTGRES_READER, POSTGRES_WRITER, POSTGRES_LISTENER };

/* The shard that a request's number carries. */
enum { INBOX_SHARDS = STORE_SHARDS_MAX };
#define INBOX_SHARD_OF(seq) ((int)((seq) % INBOX_SHARDS))

struct postgres_connection {
    PGconn *pg; /* NULL or broken: to be made */
    enum postgres_side side;
    int64_t retry_ms; /* not before (monotonic) */
    int64_t pause_ms; /* before the try after that */
};

struct postgres_store {
    struct store base;
    char *url;
    char writer_id[33];
    int64_t session;         /* of the writer's connection: a later one shuts out an earlier one */
    int64_t last_commit;     /* number of the last batch that was tried */
    int64_t durable_commit;  /* the last that the database has, as of the last connect */
    char *durable_conflicts; /* and which of its documents were left alone: "{0,3}" */
    pthread_mutex_t write_lock;
    struct postgres_connection reader;
    struct postgres_connection writer;
    struct postgres_connection listener;
    PGresult *prefetched_executions, *prefetched_history; /* both or none */
    int64_t change_counter;
    struct store_changes changes; /* since they were last asked for */
    char *listens;                /* the node's name, or NULL */
    char **hints;                 /* "TOPIC TEXT" */
    size_t hint_count, hint_capacity;
};

/* --- postgres.c ------------------------------------------------------------------------------- */

/* Makes the connection unless there is one. ERR_IO; at once ERR_BUSY while the pause after a failure lasts. */
int postgres_connect(struct postgres_store *store, struct postgres_connection *connection, struct err *err);
/* Gives a connection up that cannot be trusted any more. */
void postgres_drop(struct postgres_connection *connection);
/* Maps the SQLSTATE; says that `what` (an infinitive) could not be done. */
int postgres_error(PGconn *pg, const PGresult *result, const char *what, struct err *err);
/* Whether the failure was the connection's, not the statement's. */
bool postgres_is_lost(PGconn *pg, const PGresult *result);
/* Runs SQL text without parameters; several statements are fine. */
int postgres_run(PGconn *pg, const char *sql, struct err *err);
int postgres_query_int(PGconn *pg, const char *sql, int64_t *ret_value, struct err *err);
/*
 * Runs a prepared statement and waits; connects when needed, and once more when the connection turns out
 * to be lost. The result is the caller's (PQclear), NULL on failure.
 */
int postgres_ask(struct postgres_store *store, struct postgres_connection *connection, enum postgres_statement which,
                 const struct params *params, PGresult **ret_result, struct err *err);
/* The same for SQL that was put together. */
int postgres_ask_sql(struct postgres_store *store, struct postgres_connection *connection, const char *sql,
                     const struct params *params, PGresult **ret_result, struct err *err);
/* Puts a prepared statement into the pipeline, or sends it alone. */
int postgres_send(PGconn *pg, enum postgres_statement which, const struct params *params, struct err *err);
/* Milliseconds of a clock that only moves forward. */
int64_t postgres_clock_ms(void);

/* A column of a row. */
int64_t postgres_int(const PGresult *result, int row, int column);
const char *postgres_text(const PGresult *result, int row, int column); /* NULL: null */

/* --- the operations, by side ------------------------------------------------------------------------ */

int postgres_commit(struct store *store, struct store_batch *batch, struct err *err);
int postgres_set_setting(struct store *store, const char *name, const char *value, struct err *err);
int postgres_set_secret(struct store *store, const unsigned char *secret, struct err *err);
int postgres_clear(struct store *store, struct err *err);

int postgres_execution_by_arn(struct store *store, const char *arn, store_execution_fn *fn, void *context,
                              struct err *err);
int postgres_execution_by_id(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                             struct err *err);
void postgres_prefetch(struct store *store, const struct store_key *keys, size_t count);
void postgres_prefetch_end(struct postgres_store *store);
/* False: it is not among what was prefetched. */
bool postgres_prefetched_execution(const struct postgres_store *store, int shard, int64_t id, PGresult **ret_answer,
                                   int *ret_row);
bool postgres_prefetched_history(const struct postgres_store *store, int shard, int64_t id, store_history_fn *fn,
                                 void *context, int *ret_result);
int postgres_executions(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                        void *context, struct err *err);
int postgres_executions_due(struct store *store, const int *shards, size_t count, int64_t now_ms,
                            store_execution_fn *fn, void *context, struct err *err);
int postgres_next_wake(struct store *store, const int *shards, size_t count, int64_t now_ms, int64_t *ret_wake_ms,
                       struct err *err);
int64_t postgres_count_open(struct store *store);
int postgres_history(struct store *store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn,
                     void *context, struct err *err);
int postgres_history_edge(struct store *store, int shard, int64_t execution_id, bool last, store_history_fn *fn,
                          void *context, struct err *err);
int postgres_document(struct store *store, const char *kind, const char *key, store_document_fn *fn, void *context,
                      struct err *err);
int postgres_documents(struct store *store, const char *kind, const char *prefix, const char *after, bool descending,
                       int limit, store_document_fn *fn, void *context, struct err *err);
int postgres_inbox_put(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err);
int postgres_inbox_reply(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err);
int postgres_inbox_cancel(struct store *store, int64_t seq, struct err *err);

int postgres_nodes(struct store *store, const struct store_view *view, struct err *err);
int postgres_lags(struct store *store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err);
int postgres_renew(struct store *store, const char *node, const char *info, int64_t lease_ms, bool announce,
                   const struct store_view *view, struct err *err);
int postgres_lease_take(struct store *store, const char *node, const int *shards, size_t count, int64_t *ret_epochs,
                        struct err *err);
int postgres_lease_release(struct store *store, const char *node, const int *shards, const int64_t *epochs,
                           size_t count, struct err *err);
int postgres_leave(struct store *store, const char *node, struct err *err);
int postgres_tidy(struct store *store, struct err *err);
int postgres_requests(struct store *store, const int *shards, size_t count, const int64_t *known, size_t known_count,
                      store_request_fn *fn, void *context, struct err *err);
int postgres_replies(struct store *store, const char *asker, store_reply_fn *fn, void *context, struct err *err);

/* Puts the notifications about a batch into the pipeline; *ret_sent counts them. */
int postgres_send_notify(struct postgres_store *store, const struct store_batch *batch, int *ret_sent, struct err *err);
int64_t postgres_change_counter(struct store *store);
int postgres_notify_fd(struct store *store);
void postgres_listen(struct store *store, const char *node);
void postgres_changes(struct store *store, struct store_changes *ret_changes, store_hint_fn *fn, void *context);
void postgres_notify_close(struct postgres_store *store);

char *postgres_info(struct store *store);
int postgres_next_machine(struct store *store, const char *after, char **ret_machine, struct err *err);
int postgres_executions_old(struct store *store, const struct store_old_query *query, store_execution_fn *fn,
                            void *context, struct err *err);
int postgres_get_setting(struct store *store, const char *name, char **ret_value, struct err *err);
int postgres_scan(struct store *store, int shard, int64_t after_id, int limit, store_execution_fn *fn,
                  store_history_fn *history_fn, void *context, struct err *err);
int postgres_scan_documents(struct store *store, const char *after_kind, const char *after_key, int limit,
                            store_any_document_fn *fn, void *context, struct err *err);
int postgres_totals(struct store *store, struct store_totals *ret_totals, struct err *err);

#endif
