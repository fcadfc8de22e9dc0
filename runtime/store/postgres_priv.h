/*
 * postgres_priv.h - the PostgreSQL store from inside: postgres.c opens and closes, postgres_connect.c makes
 * connections, postgres_ask.c asks and waits, postgres_write.c and postgres_read.c are its two sides, postgres_nodes.c
 * and postgres_notify.c what nodes do to each other.
 *
 * Connections  `reader` belongs to the thread that opened the store, which also renews and takes leases with it.
 *              `writer` is used under write_lock. `listener` does nothing but wait for notifications, so that its
 *              descriptor is readable exactly when there is one.
 * Outages      a connection that is lost, or given up since nothing comes from it, is made again by the calls that
 *              follow, with growing pauses between the tries. A read is repeated once when its connection was lost, not
 *              when it was given up; what store_commit() does stands in postgres_write.c.
 * Limits       those of a node (store_listen), whose loop must not be held; other processes wait as long as it takes.
 */
#ifndef RUNTIME_STORE_POSTGRES_PRIV_H
#define RUNTIME_STORE_POSTGRES_PRIV_H

#include "runtime/store/postgres_library.h"
#include "runtime/store/postgres_params.h"
#include "runtime/store/store_priv.h"

#include <pthread.h>
#include <stdatomic.h>

/* In docs/store.md, "A database that is away or hangs". The lease is 3 s. */
enum {
    POSTGRES_ASK_MS = 2000,         /* for the next piece of an answer, on the loop */
    POSTGRES_HEAL_MS = 1000,        /* for a new connection, once after one was lost, on the loop */
    POSTGRES_SET_UP_MS = 5000,      /* for each step after a connection was accepted */
    POSTGRES_COMMIT_MS = 10000,     /* for a commit */
    POSTGRES_COMMIT_AWAY_MS = 1000, /* for the commits after one that was not answered */
    POSTGRES_CLOSE_MS = 1000,       /* for taking leave */
    POSTGRES_PAUSE_MS_FIRST = 50,   /* between tries to connect */
    POSTGRES_PAUSE_MS_MAX = 2000
};
#define POSTGRES_CONNECT_S "5" /* for each host, as libpq takes it */
#define POSTGRES_LOCK_MS "300" /* for a lock that a call on the loop meets, by the server */

enum postgres_statement {
#define STATEMENT(side, name, sql) POSTGRES_##name,
#include "runtime/store/postgres_statements.def"
    POSTGRES_STATEMENTS
};

enum postgres_side { POSTGRES_READER, POSTGRES_WRITER, POSTGRES_LISTENER };

/* The shard that a request's number carries. */
enum { INBOX_SHARDS = STORE_SHARDS_MAX };
#define INBOX_SHARD_OF(seq) ((int)((seq) % INBOX_SHARDS))

struct postgres_statement_text {
    enum postgres_side side;
    const char *name;
    const char *sql;
};
extern const struct postgres_statement_text postgres_statements[POSTGRES_STATEMENTS];

struct postgres_attempt;

struct postgres_connection {
    PGconn *pg;                       /* NULL or broken: to be made */
    struct postgres_attempt *attempt; /* at making it, on a thread of its own */
    enum postgres_side side;
    int64_t retry_ms; /* not before (monotonic) */
    int64_t pause_ms; /* before the try after that */
};

struct postgres_store {
    struct store base;
    char *url;
    char writer_id[33];
    _Atomic bool is_node;             /* somebody's loop waits for the calls */
    _Atomic int64_t doubtful_session; /* of a commit that was given up and may still be carried out; 0: none */
    bool away;                        /* the last commit was not answered */
    int64_t session;                  /* of the writer's connection: a later one shuts out an earlier one */
    int64_t last_commit;              /* number of the last batch that was tried */
    int64_t durable_commit;           /* the last that the database has, as of the last connect */
    char *durable_conflicts;          /* and which of its documents were left alone: "{0,3}" */
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

/* --- postgres_connect.c ------------------------------------------------------------------------- */

/*
 * Makes the connection unless there is one, and waits for it so long (< 0: until the attempt has ended). ERR_IO,
 * ERR_BUSY; at once ERR_BUSY while the pause after a failure lasts.
 */
int postgres_connect(struct postgres_store *store, struct postgres_connection *connection, int64_t wait_ms,
                     struct err *err);
/* How long calls of the reading side wait for it. */
int64_t postgres_connect_wait_ms(const struct postgres_store *store, const struct postgres_connection *connection);
/* Closes a connection that cannot be trusted any more; the next call makes a new one. */
void postgres_drop(struct postgres_connection *connection);
/* The same for one whose server is in trouble: there is a pause before the next try. */
void postgres_give_up(struct postgres_connection *connection);
/* From now on the server refuses calls on this connection that would wait for a lock for long. */
int postgres_limit_locks(PGconn *pg, struct err *err);
/* For good. Waits for an attempt that is under way. */
void postgres_close_connection(struct postgres_connection *connection);
/* A connection as libpq makes it, nothing set up: to be finished also after an error. */
PGconn *postgres_open_connection(const struct postgres_store *store, enum postgres_side side);

/* --- postgres_ask.c ----------------------------------------------------------------------------- */

#define POSTGRES_FOREVER INT64_MAX

/* How long answers are waited for. */
struct postgres_patience {
    int64_t until_ms;   /* of clock_steady_ms() */
    int64_t silence_ms; /* so long again with each piece that comes; 0: not */
    bool is_over;       /* nothing came: the connection is of no use any more */
};
/* That many milliseconds from now; < 0: for ever. */
struct postgres_patience postgres_patience(int64_t ms);
/* As PQgetResult(), but NULL also when the patience is over. */
PGresult *postgres_answer(PGconn *pg, struct postgres_patience *patience);
/* The error of whoever lost patience: ERR_BUSY. */
int postgres_silent(struct err *err);
/* Runs a statement; the last result, or the first that is an error. NULL: patience is over, or the connection lost. */
PGresult *postgres_exchange(PGconn *pg, const char *sql, const struct params *params,
                            struct postgres_patience *patience);
/* Runs SQL text without parameters, however long it takes; several statements are fine. */
int postgres_run(PGconn *pg, const char *sql, struct err *err);
int postgres_run_within(PGconn *pg, const char *sql, struct postgres_patience *patience, struct err *err);
int postgres_query_int(PGconn *pg, const char *sql, int64_t *ret_value, struct err *err);
/*
 * Runs a prepared statement and waits, in a node no longer than the limits above; connects when needed, and once more
 * when the connection turns out to be lost. The result is the caller's (PQclear), NULL on failure.
 */
int postgres_ask(struct postgres_store *store, struct postgres_connection *connection, enum postgres_statement which,
                 const struct params *params, PGresult **ret_result, struct err *err);
/* The same for SQL that was put together. */
int postgres_ask_sql(struct postgres_store *store, struct postgres_connection *connection, const char *sql,
                     const struct params *params, PGresult **ret_result, struct err *err);
/* Before a read that sends its statements itself: the reader is there, and what it reads is the truth. */
int postgres_begin_read(struct postgres_store *store, struct postgres_patience *ret_patience, struct err *err);
/* Puts a prepared statement into the pipeline, or sends it alone. */
int postgres_send(PGconn *pg, enum postgres_statement which, const struct params *params, struct err *err);

/* --- postgres.c --------------------------------------------------------------------------------- */

/* Maps the SQLSTATE; says that `what` (an infinitive) could not be done. */
int postgres_error(PGconn *pg, const PGresult *result, const char *what, struct err *err);
/* Whether the failure was the connection's, not the statement's. */
bool postgres_is_lost(PGconn *pg, const PGresult *result);
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
int postgres_last_id(struct store *store, const int *shards, size_t count, int64_t *ret_id, struct err *err);
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
int postgres_lease_take(struct store *store, const char *node, const int *shards, const int64_t *seen, size_t count,
                        int64_t *ret_epochs, struct err *err);
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
