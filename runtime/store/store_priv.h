/*
 * store_priv.h - for those who implement a store (sqlite, postgres, fault), and for batch.c.
 *
 * Shapes    a backend's store begins with a struct store, so that the one is cast to the other. A batch is
 *           some lists, each in the order in which it was filled, and a table that finds the entry of
 *           an execution by its id: what is said twice about one execution in one batch is written once.
 * Calling   store.c checks the arguments and calls through; a wrapper (fault.c) is a backend too.
 */
#ifndef RUNTIME_STORE_STORE_PRIV_H
#define RUNTIME_STORE_STORE_PRIV_H

#include "runtime/store/store.h"

#include "asl/base/arena.h"

enum { STORE_SECRET_BYTES = 32 };

/* In life order; the meaning of each is that of the store_ function of the same name. */
struct store_ops {
    const char *name;
    void (*close)(struct store *store);

    int (*commit)(struct store *store, struct store_batch *batch, struct err *err);

    int (*execution_by_arn)(struct store *store, const char *arn, store_execution_fn *fn, void *context,
                            struct err *err);
    int (*execution_by_id)(struct store *store, int shard, int64_t id, store_execution_fn *fn, void *context,
                           struct err *err);
    void (*prefetch)(struct store *store, const struct store_key *keys, size_t count); /* optional */
    int (*executions)(struct store *store, const struct store_execution_query *query, store_execution_fn *fn,
                      void *context, struct err *err);
    int (*executions_due)(struct store *store, const int *shards, size_t count, int64_t now_ms, store_execution_fn *fn,
                          void *context, struct err *err);
    int (*next_wake)(struct store *store, const int *shards, size_t count, int64_t now_ms, int64_t *ret_wake_ms,
                     struct err *err);
    int (*last_id)(struct store *store, const int *shards, size_t count, int64_t *ret_id, struct err *err);
    int64_t (*count_open)(struct store *store);
    int (*history)(struct store *store, int shard, int64_t execution_id, int64_t from_event_id, store_history_fn *fn,
                   void *context, struct err *err);
    int (*history_edge)(struct store *store, int shard, int64_t execution_id, bool last, store_history_fn *fn,
                        void *context, struct err *err);
    int (*document)(struct store *store, const char *kind, const char *key, store_document_fn *fn, void *context,
                    struct err *err);
    int (*documents)(struct store *store, const char *kind, const char *prefix, const char *after, bool descending,
                     int limit, store_document_fn *fn, void *context, struct err *err);
    int64_t (*change_counter)(struct store *store);
    int (*notify_fd)(struct store *store);                 /* optional */
    void (*listen)(struct store *store, const char *node); /* optional */
    void (*changes)(struct store *store, struct store_changes *ret_changes, store_hint_fn *fn, void *context);

    int (*nodes)(struct store *store, const struct store_view *view, struct err *err);
    int (*lags)(struct store *store, int64_t now_ms, store_lag_fn *fn, void *context, struct err *err);
    int (*renew)(struct store *store, const char *node, const char *info, int64_t lease_ms, bool announce,
                 const struct store_view *view, struct err *err);
    int (*lease_take)(struct store *store, const char *node, const int *shards, const int64_t *seen, size_t count,
                      int64_t *ret_epochs, struct err *err);
    int (*lease_release)(struct store *store, const char *node, const int *shards, const int64_t *epochs, size_t count,
                         struct err *err);
    int (*leave)(struct store *store, const char *node, struct err *err);
    int (*tidy)(struct store *store, struct err *err);
    int (*requests)(struct store *store, const int *shards, size_t count, const int64_t *known, size_t known_count,
                    store_request_fn *fn, void *context, struct err *err);
    int (*replies)(struct store *store, const char *asker, store_reply_fn *fn, void *context, struct err *err);
    int (*inbox_put)(struct store *store, int shard, const char *body, int64_t *ret_seq, struct err *err);
    int (*inbox_reply)(struct store *store, int64_t seq, store_inbox_fn *fn, void *context, struct err *err);
    int (*inbox_cancel)(struct store *store, int64_t seq, struct err *err);

    int (*next_machine)(struct store *store, const char *after, char **ret_machine, struct err *err);
    int (*executions_old)(struct store *store, const struct store_old_query *query, store_execution_fn *fn,
                          void *context, struct err *err);
    char *(*info)(struct store *store);

    int (*get_setting)(struct store *store, const char *name, char **ret_value, struct err *err);  /* NULL: unset */
    int (*set_setting)(struct store *store, const char *name, const char *value, struct err *err); /* NULL: unset */
    int (*set_secret)(struct store *store, const unsigned char *secret, struct err *err);
    int (*scan)(struct store *store, int shard, int64_t after_id, int limit, store_execution_fn *fn,
                store_history_fn *history_fn, void *context, struct err *err);
    int (*scan_documents)(struct store *store, const char *after_kind, const char *after_key, int limit,
                          store_any_document_fn *fn, void *context, struct err *err);
    int (*totals)(struct store *store, struct store_totals *ret_totals, struct err *err);
    int (*clear)(struct store *store, struct err *err);
};

/* Executions with numbers up to last_id, and above the origin's before, come from a store with so many shards. */
struct store_origin {
    int64_t last_id;
    int shards;
};

struct store {
    const struct store_ops *ops;
    int shards;
    struct store_origin *origins; /* of executions that were started in other stores; ascending */
    size_t origin_count;
    int lease_ms;
    bool is_shared;
    unsigned char secret[STORE_SECRET_BYTES];
};

int sqlite_store_open(const char *path, struct store **ret_store, struct err *err);
int postgres_store_open(const char *url, struct store **ret_store, struct err *err);
int postgres_store_exists(const char *url, bool *ret_exists, struct err *err);

/* What a callback's answer means for the call that made it: 0 go on, negative an error, positive enough. */
static inline int store_callback_result(int answer)
{
    return answer < 0 ? answer : 0;
}

/* RUNNING and PENDING_REDRIVE: something may still happen to it. */
static inline bool store_status_open(enum execution_status status)
{
    return status == EXECUTION_RUNNING || status == EXECUTION_PENDING_REDRIVE;
}

/* --- what a batch holds -------------------------------------------------------------------------- */

struct batch_execution {
    struct store_execution row; /* texts only when added */
    bool added;
};

struct batch_history {
    int shard;
    int64_t execution_id;
    int64_t first_event_id;
    int64_t last_event_id;
    const char *body;
    size_t bytes;
};

struct batch_document {
    const char *kind;
    const char *key;
    const char *body;         /* NULL: delete */
    int64_t expected_version; /* of a deletion: -1 whatever */
    int64_t restored_version; /* to be put as it was elsewhere, with this version; 0: no */
    bool *conflict;           /* or NULL */
    bool is_conflict;         /* kept here until the commit has succeeded */
};

struct batch_removal {
    int shard;
    int64_t execution_id;
    int64_t before_ms;
};

struct batch_reply {
    int64_t seq;
    const char *asker; /* or NULL */
    const char *body;  /* or NULL */
};

struct batch_request {
    int shard;
    const char *asker;
    int64_t number;
    const char *body; /* NULL: to be dropped */
};

struct batch_mark {
    int64_t seq;
};

struct batch_hint {
    const char *topic;
    const char *text;
};

struct batch_proof {
    int shard;
    int64_t epoch;
};

#define BATCH_LIST(type)                                                                                               \
    struct {                                                                                                           \
        struct type *items;                                                                                            \
        size_t count;                                                                                                  \
        size_t capacity;                                                                                               \
    }

struct store_batch {
    struct arena *arena; /* texts */
    BATCH_LIST(batch_execution) executions;
    BATCH_LIST(batch_history) history;
    BATCH_LIST(batch_removal) removals;
    BATCH_LIST(batch_document) documents;
    BATCH_LIST(batch_reply) replies;
    BATCH_LIST(batch_mark) marks;
    BATCH_LIST(batch_request) requests; /* to be put or dropped, never both */
    BATCH_LIST(batch_hint) hints;
    BATCH_LIST(batch_proof) proofs; /* one a shard */
    uint32_t *by_id;                /* open addressing: index + 1 into executions, 0 empty */
    size_t by_id_slots;             /* a power of two */
    int64_t attempt;                /* the backend's number of a commit whose outcome it does not know yet; 0: none */
};

/* Tells those who asked which documents were left alone; to be called once the commit has succeeded. */
void store_batch_settle(struct store_batch *batch);

#endif
