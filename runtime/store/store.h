/*
 * store.h - executions, their histories and the documents of the API, kept so that a crash loses nothing.
 *
 * Shapes    execution: one row a execution (struct store_execution). History: an append-only log in commit
 *           order, a row or more per execution per commit; `body` is a JSON array of stored events
 *           (runtime/execution/event_codec.h), kept as it is. Document: kind and key to a JSON text with a
 *           version (state machines, versions, aliases, activities, map runs, tags ...).
 *           Inbox: requests of other processes for the owner of a shard, and its replies.
 *           Node: a process that runs executions. It is alive as long as it renews its row; its leases live with it.
 * Units     times are ms since 1970, UTC; event ids count from 1 within an execution.
 * Promise   when store_commit() returns 0 the whole batch is on disk, all or none, in order; on any error
 *           nothing of it is.
 *           Where the database can go away (PostgreSQL) store_commit() finds out how a commit ended whose answer
 *           got lost. Only when it cannot for seconds it gives up with an error that leaves that open: commit
 *           the same batch again to find out, or read what is there. In a node what is read after that is what
 *           stays: such a commit is there by then, or never will be.
 * Calling   a store is one reading side (the thread that opened it) and one writing side (the thread that
 *           calls store_commit); each has its own connection. Removal uses the writing side's, one call at a time,
 *           from any thread; nodes, leases, requests and replies belong to the reading side's thread, so that who
 *           keeps its leases never waits for a commit that cannot go on.
 * Leases    who writes executions of a shard must hold its lease; store_commit() proves in its own
 *           transaction that the epochs are still the holder's, else ERR_FENCED and nothing is written.
 *           A lease holds as long as its node is alive, by the clock of the database (SQLite: the machine's), and
 *           longer when nobody takes it. Each take raises the epoch, and waits for no commit: a shard whose lease is
 *           locked by a commit of its dead holder is not given, and that holder's connection is ended.
 * Errors    ERR_BUSY try again, ERR_FENCED, ERR_FULL, ERR_IO, ERR_CORRUPT, ERR_VERSION (a newer schema).
 * Memory    texts passed in are borrowed until the call returns (batches copy); rows handed to callbacks are borrowed
 *           for the time of the callback.
 */
#ifndef RUNTIME_STORE_STORE_H
#define RUNTIME_STORE_STORE_H

#include "runtime/execution/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_SHARDS_MAX = 4096, STORE_HINT_BYTES = 1000 };

struct err;
struct store;
struct store_batch;

/*
 * "sqlite:PATH" (made when missing, its folder too) or "postgres://USER@HOST/DATABASE", where "?shards=N" counts when
 * the schema is made.
 */
int store_open(const char *url, struct store **ret_store, struct err *err);
/* Whether store_open() would find a store or make one. Makes nothing; what is there may still be none that can be
 * opened.
 */
int store_exists(const char *url, bool *ret_exists, struct err *err);
void store_close(struct store *store);
const char *store_kind(const struct store *store); /* "sqlite", "postgres" */
/* Number of shards, fixed when the schema was made (SQLite: 1). */
int store_shards(const struct store *store);
/* Shard of an execution ARN. */
int store_shard_of(const struct store *store, const char *arn);
/* The same where there are so many shards. */
int store_shard_among(int shards, const char *arn);
/*
 * The shard where the execution with this number is: the one that is named (by a token), unless it was started in
 * another store, which had others.
 */
int store_locate(struct store *store, int shard, int64_t execution_id);
/* Number of shards of the store in which the execution was started: another one's, where it came from there. */
int store_shards_at_start(const struct store *store, int64_t execution_id);
/* 32 random bytes made with the schema: the key of task tokens and page tokens. */
const unsigned char *store_secret(const struct store *store);

/* --- executions ------------------------------------------------------------------------------ */

enum { STORE_WAKE_ACTIVE = 0 };    /* must be in memory while it is open */
#define STORE_WAKE_NEVER INT64_MAX /* waits for a token only */

struct store_execution {
    int64_t id; /* unique within the store; grows with time */
    int shard;
    const char *arn;     /* unique */
    const char *machine; /* ARN of the state machine, without version or alias; of a map run's child the labelled ARN */
    const char *meta;    /* JSON object: what never changes (roleArn, revision of the definition, traceHeader ...) */
    enum execution_status status;
    int64_t started_ms;
    int64_t stopped_ms; /* 0 while it runs */
    int64_t wake_ms;    /* open executions: STORE_WAKE_ACTIVE, STORE_WAKE_NEVER, or when to load it again */
    int64_t redrive_count;
    int64_t redriven_ms;
    const char *map_run; /* ARN of the map run it is a child of, or NULL: indexed */
};

/* --- batches: filled on the reading side's thread, committed on the writing side's ------------- */

struct store_batch *store_batch_new(void);
void store_batch_free(struct store_batch *batch);
bool store_batch_empty(const struct store_batch *batch);
size_t store_batch_bytes(const struct store_batch *batch);

void store_batch_add_execution(struct store_batch *batch, const struct store_execution *execution);
/* Writes status, stopped_ms, wake_ms, redrive_count, redriven_ms of an execution that is there (or added earlier in the
 * batch). */
void store_batch_set_execution(struct store_batch *batch, const struct store_execution *execution);
/*
 * The events first to last of an execution, which follow those that are there. last_event_id = first_event_id - 1: a
 * row that holds no event, only records between the events before first_event_id and that one.
 */
void store_batch_add_history(struct store_batch *batch, int shard, int64_t execution_id, int64_t first_event_id,
                             int64_t last_event_id, const char *body, size_t bytes);
/*
 * Puts a document. expected_version: 0 it must not exist yet; n > 0 it must be at that version;
 * -1 whatever. Where that does not hold the document is left alone, the rest of the batch is
 * committed, and *ret_conflict (which must live until the commit is over) becomes true.
 */
void store_batch_put_document(struct store_batch *batch, const char *kind, const char *key, const char *body,
                              int64_t expected_version, bool *ret_conflict);
void store_batch_delete_document(struct store_batch *batch, const char *kind, const char *key);
/* The same, but only where the document is still at that version; else nothing is said. */
void store_batch_delete_document_at(struct store_batch *batch, const char *kind, const char *key, int64_t version);
/* A document that is not there yet, with the version that it had elsewhere; ERR_EXISTS fails the batch. */
void store_batch_restore_document(struct store_batch *batch, const char *kind, const char *key, const char *body,
                                  int64_t version);
/* Removes an execution with its history if it is closed and stopped before the moment; else leaves it, and says
 * nothing. */
void store_batch_remove_execution(struct store_batch *batch, int shard, int64_t execution_id, int64_t before_ms);
/*
 * Takes a request out of the inbox and leaves the reply (NULL: none) for whoever asked: a node, which is woken, or NULL
 * (store_inbox_put). A request that is not there any more gets none.
 */
void store_batch_reply(struct store_batch *batch, int64_t request_seq, const char *asker, const char *reply);
/* Notes that what the request wants is in this batch: who reads it again has only the reply to make. */
void store_batch_mark_request(struct store_batch *batch, int64_t request_seq);
/* A request for whoever owns the shard, under a number of the asker's own. */
void store_batch_put_request(struct store_batch *batch, int shard, const char *asker, int64_t number, const char *body);
/* Removes such a request and its reply, whichever is there. */
void store_batch_drop_request(struct store_batch *batch, int shard, const char *asker, int64_t number);
/* Tells all other nodes something once the batch is on disk (store_changes); a topic is one word,
 * the text has at most STORE_HINT_BYTES and no line break. */
void store_batch_hint(struct store_batch *batch, const char *topic, const char *text);
/* Names a shard whose epoch the commit must prove, with the epoch that the node holds. */
void store_batch_prove(struct store_batch *batch, int shard, int64_t epoch);

int store_commit(struct store *store, struct store_batch *batch, struct err *err);

/* --- reading ----------------------------------------------------------------------------------- */

/*
 * A callback that gives back something else than 0 stops the reading; the call then returns it when it is negative
 * (an error), else 0. It may read again.
 */
typedef int store_execution_fn(void *context, const struct store_execution *execution);

/* ERR_NOT_FOUND when there is none; else the callback is called once. */
int store_execution_by_arn(struct store *store, const char *arn, store_execution_fn *fn, void *context,
                           struct err *err);
/* An execution that came from another store (store_adopt) is found whatever shard is named. */
int store_execution_by_id(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                          struct err *err);

struct store_key {
    int shard;
    int64_t id;
};
/*
 * Says that the executions of these numbers are read next, by store_execution_by_id() and store_history() from their
 * start: PostgreSQL is asked for them together. What was read is kept until the next call (no keys: ends it), so
 * nobody may write to them until then.
 */
void store_prefetch(struct store *store, const struct store_key *keys, size_t count);

struct store_execution_query {
    const char *machine;     /* or NULL */
    const char *map_run;     /* or NULL */
    int status;              /* an execution_status, or -1 for all */
    int redriven;            /* 1 only redriven ones, 0 only others, -1 all */
    const char *meta_member; /* with meta_value: only those whose meta has this text ("versionArn" ...); or NULL */
    const char *meta_value;
    int64_t before_started_ms, before_id; /* page: strictly older than this pair; 0, 0 for the newest */
    int limit;                            /* 0: all */
};
/* Newest start first. */
int store_executions(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                     void *context, struct err *err);
/* Open executions of the shards that must be in memory now: wake_ms <= now_ms. */
int store_executions_due(struct store *store, const int *shards, size_t count, int64_t now_ms, store_execution_fn *fn,
                         void *context, struct err *err);
/* Earliest wake_ms after now_ms of the shards' open executions, STORE_WAKE_NEVER when there is none. */
int store_next_wake(struct store *store, const int *shards, size_t count, int64_t now_ms, int64_t *ret_wake_ms,
                    struct err *err);
/* The highest number of an execution of the shards, 0: none. Whoever takes a shard numbers his own above it. */
int store_last_id(struct store *store, const int *shards, size_t count, int64_t *ret_id, struct err *err);
/* -1: that could not be read. */
int64_t store_count_open(struct store *store);

typedef int store_history_fn(void *context, int64_t first_event_id, int64_t last_event_id, const char *body,
                             size_t bytes);
/* Rows in order that hold events with ids >= from_event_id (0: all), or records behind them. */
int store_history(struct store *store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn,
                  void *context, struct err *err);
/* Only the first or the last row. */
int store_history_edge(struct store *store, int shard, int64_t execution_id, bool last, store_history_fn *fn,
                       void *context, struct err *err);

typedef int store_document_fn(void *context, const char *key, const char *body, int64_t version);
int store_document(struct store *store, const char *kind, const char *key, store_document_fn *fn, void *context,
                   struct err *err);
/* Keys that start with `prefix`, after `after` (NULL: from the first), ascending (or descending), at most `limit` (0:
 * all). */
int store_documents(struct store *store, const char *kind, const char *prefix, const char *after, bool descending,
                    int limit, store_document_fn *fn, void *context, struct err *err);

/* --- what others did ----------------------------------------------------------------------------- */

/*
 * A number that changes when another process has written to the store since the last call (cheap). SQLite: anything;
 * PostgreSQL: requests, replies, documents and leases.
 */
int64_t store_change_counter(struct store *store);
/*
 * A descriptor that becomes readable when the change counter will change, and stays so until store_changes(); -1 where
 * one has to poll (a database that is away). The counter may take another one into use: ask again after each look at
 * it.
 */
int store_notify_fd(struct store *store);
/*
 * This process is a node: replies that are addressed to it are looked out for. From now on no call waits long for a
 * PostgreSQL that is away or hangs, neither the reading side's, which are made on the node's loop (2 s, then ERR_BUSY
 * at once until it is back), nor store_commit() (10 s, then an error that leaves open whether it is carried out).
 */
void store_listen(struct store *store, const char *node);

struct store_changes {
    bool documents;                         /* somebody else's */
    bool owners;                            /* nodes came, went or gave shards back */
    bool replies;                           /* to the node that listens */
    bool soon;                              /* somebody is writing what cannot be seen yet: look again */
    bool requests;                          /* for some shard */
    uint64_t shards[STORE_SHARDS_MAX / 64]; /* which, a bit each */
};
typedef void store_hint_fn(void *context, const char *topic, const char *text);
/*
 * What has happened since the last call; everything, where that cannot be known: at first, on SQLite, after a lost
 * connection. Hints of other nodes go to the callback.
 */
void store_changes(struct store *store, struct store_changes *ret_changes, store_hint_fn *fn, void *context);

/* --- nodes and leases ------------------------------------------------------------------------------ */

/* Whether several nodes may run executions at once (PostgreSQL), each some of the shards. */
bool store_is_shared(const struct store *store);
/* How long a node counts as alive after it renewed; it should do so three times in that time. */
int store_lease_ms(const struct store *store);

struct store_node {
    const char *name;
    const char *info;    /* JSON object: what the node tells about itself */
    int64_t seen_ms_ago; /* when it last renewed */
    bool alive;
};
struct store_lease {
    int shard;
    int64_t epoch;
    const char *node; /* who holds it; "": nobody */
};
/* Each may be NULL. Nodes first, by name; then leases, by shard. */
struct store_view {
    int (*node)(void *context, const struct store_node *node);
    int (*lease)(void *context, const struct store_lease *lease);
    void *context;
};
int store_nodes(struct store *store, const struct store_view *view, struct err *err);
/* What waits on a shard for its owner. */
struct store_lag {
    int shard;
    int64_t overdue_ms; /* how long ago the first of its open executions had to be in memory; 0: none had */
    int64_t requests;   /* in the inbox */
};
typedef int store_lag_fn(void *context, const struct store_lag *lag);
/* Of the shards where something waits, in their order. For people who ask: it reads the index of all open
 * executions. */
int store_lags(struct store *store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err);
/*
 * The node lives for lease_ms from now on; gives back what store_nodes() gives. `announce` wakes the others: the node
 * is new, or its info has changed. One statement. ERR_BUSY on SQLite: another process runs the executions.
 */
int store_renew(struct store *store, const char *node, const char *info, int64_t lease_ms, bool announce,
                const struct store_view *view, struct err *err);
/*
 * Takes those of the shards whose leases are free, a dead node's, or the node's own. seen: their epochs as a view
 * showed them; a lease that has another one by now is left alone (NULL: taken whatever it has). So a take whose answer
 * does not come, and that is carried out later, changes nothing that was taken since. ret_epochs: 0 where it was not.
 */
int store_lease_take(struct store *store, const char *node, const int *shards, const int64_t *seen, size_t count,
                     int64_t *ret_epochs, struct err *err);
/* Gives leases back, those that are still the node's, and wakes the others. */
int store_lease_release(struct store *store, const char *node, const int *shards, const int64_t *epochs, size_t count,
                        struct err *err);
/* The node is gone: its leases, its row, its requests (but not those to stop an execution) and the replies to them. Wakes
 * the others. */
int store_leave(struct store *store, const char *node, struct err *err);
/* Removes what is of no use any more: nodes long dead, their requests, replies that nobody came for. Once a minute. */
int store_tidy(struct store *store, struct err *err);

/* --- requests ---------------------------------------------------------------------------------------- */

struct store_request {
    int shard;
    int64_t seq;
    const char *asker; /* a node; NULL: a process that looks for the reply itself (store_inbox_reply) */
    int64_t number;    /* the asker's */
    bool carried_out;  /* only the reply is missing (store_batch_mark_request) */
    const char *body;  /* NULL: one of those that are known is not there any more */
};
typedef int store_request_fn(void *context, const struct store_request *request);
/* Requests of the shards, in order, without those whose numbers are known already; and which of these are gone. */
int store_requests(struct store *store, const int *shards, size_t count, const int64_t *known, size_t known_count,
                   store_request_fn *fn, void *context, struct err *err);

typedef int store_reply_fn(void *context, int shard, int64_t number, const char *body);
/* All replies to a node's requests. They stay until store_batch_drop_request(). */
int store_replies(struct store *store, const char *asker, store_reply_fn *fn, void *context, struct err *err);

/* A request of a process that is no node. Writing is a transaction of its own; safe from any process. */
int store_inbox_put(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err);
typedef int store_inbox_fn(void *context, int64_t seq, const char *body);
/* The reply, which is taken out of the store; ERR_NOT_FOUND while there is none. */
int store_inbox_reply(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err);
/* Takes back a request that was not answered yet (whoever asked gives up). */
int store_inbox_cancel(struct store *store, int64_t seq, struct err *err);

/* --- upkeep -------------------------------------------------------------------------------------- */

/* The machine (as in the rows of executions) that comes after `after` (NULL: the first), on the heap; NULL: no more. */
int store_next_machine(struct store *store, const char *after, char **ret_machine, struct err *err);

struct store_old_query {
    const char *machine;
    int64_t before_started_ms;          /* started earlier than this */
    int64_t after_started_ms, after_id; /* page: strictly newer than this pair; 0, 0 for the oldest */
    int limit;
};
/* Oldest start first, open and closed ones alike, so that one page costs what its limit says. */
int store_executions_old(struct store *store, const struct store_old_query *query, store_execution_fn *fn,
                         void *context, struct err *err);

/* Sizes and settings for `info` and /metrics, as a JSON object text on the heap. */
char *store_info(struct store *store);

/*
 * --- moving: everything that a store holds, read in order and put into another one ------------------
 *
 * A store that is being filled, or whose content was moved away, is marked: store_open() refuses it, so that no
 * half of a store and no second life of an execution is ever run. What this section calls is given marked stores
 * too: store_open_marked().
 */

enum store_mark {
    STORE_UNMARKED,
    STORE_FILLING, /* a move into it has begun */
    STORE_FILLED,  /* all is there; the source is not marked yet */
    STORE_MOVED    /* its content lives elsewhere now */
};
int store_open_marked(const char *url, struct store **ret_store, enum store_mark *ret_mark, char *ret_move,
                      struct err *err);
enum { STORE_MOVE_BYTES = 33 }; /* room for the name of a move: 32 hexadecimal digits */
int store_set_mark(struct store *store, enum store_mark mark, const char *move, struct err *err);

/*
 * Executions of a shard with numbers above `after_id`, in the order of their numbers, at most `limit`; after each of
 * them the rows of its history in order (history_fn NULL: without). Rows are read one by one however long they are:
 * the callbacks must not read from this store.
 */
int store_scan(struct store *store, int shard, int64_t after_id, int limit, store_execution_fn *fn,
               store_history_fn *history_fn, void *context, struct err *err);
typedef int store_any_document_fn(void *context, const char *kind, const char *key, const char *body, int64_t version);
/* Documents of all kinds after that one (NULL, NULL: from the first), in order, at most `limit`. */
int store_scan_documents(struct store *store, const char *after_kind, const char *after_key, int limit,
                         store_any_document_fn *fn, void *context, struct err *err);

struct store_totals {
    int64_t executions, open_executions, history_rows, history_bytes, documents, requests;
    int64_t last_id; /* the highest number of an execution, 0: none */
};
/* Counts everything. Reads the whole store. */
int store_totals(struct store *store, struct store_totals *ret_totals, struct err *err);
/* Empties the store of executions, histories and documents. */
int store_clear(struct store *store, struct err *err);
/* Takes on the secret of the source, and that executions with numbers up to last_id have come from it. */
int store_adopt(struct store *store, const struct store *source, int64_t last_id, struct err *err);
/* Whether the execution may have come from elsewhere: its number does not tell its shard. */
bool store_is_adopted(const struct store *store, int64_t execution_id);
#endif
