/*
 * peer.h - the other nodes of the store: who they are, what they own, and requests between them.
 *
 * Nodes     every process that runs executions of a store is a node. What is told here about nodes and shards is as of
 *           the last tick (about a second ago): good for choosing where to send something, never a proof; what is
 *           sent to a shard reaches its owner, whoever that has become.
 *           On SQLite there is one node with one shard, and all of this works there too.
 * Requests  peer_ask() leaves a request in the store's inbox, in the commit that is filling; so it costs no transaction
 *           of its own, and it is lost exactly when that commit is. The owner of the shard is woken by a notification
 *           (a slow poll is the net under it), reads it, and leaves its answer for the asker in the commit that the
 *           answer's effects are part of, or a later one.
 * Promise   a request is durable until it is answered, withdrawn, or its asker is gone: a new owner of the shard reads
 *           it again. So it is carried out at least once, and operations that are sent this way must be idempotent or
 *           carry a name or token. The callback of peer_ask() is called exactly once, never after peer_cancel(),
 *           never before peer_ask() has returned. An answer is removed from the store in the commit that is filling
 *           when the callback runs: what the callback puts into that commit, and the removal, are written
 *           together or not at all. After a failed commit the asker must ask again.
 * Names     operations that begin with "~" go to the handler that is registered for them; all others are the API's
 *           and go to the handler that is registered under NULL (the service's).
 * Calling   on the loop thread. Callbacks may call any function of this header.
 * Memory    JSON values that are passed in are borrowed for the time of the call, and referenced as needed; those that
 *           callbacks are given are borrowed too: json_object_get() what is to be kept, and do not change it.
 */
#ifndef RUNTIME_EXECUTOR_PEER_H
#define RUNTIME_EXECUTOR_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct err;
struct json_object;

/* --- nodes ------------------------------------------------------------------------------------------------- */

struct peer_node {
    const char *name;         /* unique: no two processes ever have the same */
    struct json_object *info; /* what it says about itself, an object */
    int shards;               /* how many it owns */
    int shard;                /* one of those: where requests for this very node are sent; -1: it owns none */
    bool is_self;
};
typedef void peer_node_fn(void *context, const struct peer_node *node);
/* The live nodes, ourselves among them when we have joined, in the order of their names. */
void peer_nodes(struct engine *engine, peer_node_fn *fn, void *context);
/* The name of this node. */
const char *peer_self(const struct engine *engine);
/* A shard that the named node owns; -1: it is not alive or owns none. Another one each time, in turn. */
int peer_shard_of(struct engine *engine, const char *node);
/* A member of what this node tells about itself; the others see it within a second. NULL takes it away. */
void peer_set_info(struct engine *engine, const char *member, struct json_object *value);

/* What happens to nodes and shards. Each function may be NULL. */
struct peer_events {
    void (*node_joined)(void *context, const char *node); /* or its info has changed */
    void (*node_gone)(void *context, const char *node);   /* it left, died, or was paused for too long */
    /* The owner as the last tick saw it: NULL nobody, peer_self() ourselves. Called after it is true. */
    void (*shard_moved)(void *context, int shard, const char *owner);
    void *context;
};
/* The struct is copied. Nobody is told about what was there before. */
void peer_watch_nodes(struct engine *engine, const struct peer_events *events);

/* --- asking ------------------------------------------------------------------------------------------------ */

struct peer_call;
/*
 * code 0: `answer` is what the owner gave (an API operation: {"output"} or {"error", "message", "output"}).
 * Negative: ERR_BUSY not answered within the time (it may still be carried out), ERR_IO and others: the request could
 * not be written, or that is not known.
 */
typedef void peer_answer_fn(void *context, int code, struct json_object *answer, const struct err *err);

/* Asks the owner of a shard. timeout_ms 0: for ever. */
struct peer_call *peer_ask(struct engine *engine, int shard, const char *operation, struct json_object *input,
                           int64_t timeout_ms, peer_answer_fn *fn, void *context);
/* No callback any more. The request is withdrawn; where it is at work its handler is told (peer_on_cancel). */
void peer_cancel(struct engine *engine, struct peer_call *call);

/* --- answering --------------------------------------------------------------------------------------------- */

struct peer_request;
/* Called for each request; then exactly one peer_reply(), at once or later, unless it is cancelled before. */
typedef void peer_handler_fn(void *context, struct peer_request *request, struct json_object *input);
/* operation NULL: of the API. */
void peer_register(struct engine *engine, const char *operation, peer_handler_fn *fn, void *context);

/*
 * Told when an answer is of no use any more: the asker withdrew the request or is gone, the shard is not ours any
 * more (then its new owner reads the request again), or the engine halts. The request is gone afterwards.
 */
typedef void peer_cancelled_fn(void *context, struct peer_request *request);
void peer_on_cancel(struct peer_request *request, peer_cancelled_fn *fn, void *context);
const char *peer_operation(const struct peer_request *request);
const char *peer_asker(const struct peer_request *request); /* a node's name; NULL: the command line */
int peer_shard(const struct peer_request *request);
/* Unique in the store, the same for whoever reads it again. */
int64_t peer_number(const struct peer_request *request);
/*
 * What the request wants is in the commit that is filling, its answer will be in a later one: whoever reads the request
 * again, because this process died in between, is told so by peer_was_carried_out().
 */
void peer_carried_out(struct peer_request *request);
bool peer_was_carried_out(const struct peer_request *request);
/*
 * Ends the request: a negative code gives the asker that code and `json` as {"message"} (or NULL), 0 gives it the
 * answer. The answer is written in the commit that is filling.
 */
void peer_reply(struct peer_request *request, int code, struct json_object *json);
/* The same with an answer (code 0) that is JSON text already. */
void peer_reply_text(struct peer_request *request, const char *text);

/* --- hints ------------------------------------------------------------------------------------------------- */

/*
 * A short text to all other live nodes, when the commit that is filling is on disk: not durable, lost when a node is
 * not listening, at most once. `topic` is a word; the text has at most PEER_HINT_BYTES and no
 * line break. Cheap, but it is a notification
 * (PostgreSQL lets one commit at a time send): not for every task.
 */
enum { PEER_HINT_BYTES = 1000 };
void peer_hint(struct engine *engine, const char *topic, const char *text);
typedef void peer_hint_fn(void *context, const char *text);
void peer_on_hint(struct engine *engine, const char *topic, peer_hint_fn *fn, void *context);

#endif
