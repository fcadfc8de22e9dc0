/*
 * node_view.h - nodes and leases as one look at the store found them.
 *
 * A picture, not a proof: what it says was true at the last renewal. Dead nodes are not in it, and a shard whose lease
 * is theirs counts as nobody's.
 */
#ifndef RUNTIME_EXECUTOR_NODE_VIEW_H
#define RUNTIME_EXECUTOR_NODE_VIEW_H

#include <stddef.h>
#include <stdint.h>

struct engine;
struct json_object;
struct store_view;

#define NODE_LEAVING "leaving" /* in the info of a node that is about to end */

struct seen_node {
    char *name, *text;
    struct json_object *info; /* the text, an object; empty when it is none */
    int shards;               /* how many it owns */
    int turn;                 /* the shard that node_view_shard_of() gave last */
};

struct node_view {
    struct seen_node *nodes; /* the live ones, by name */
    size_t count, capacity;
    int *owners;     /* by shard: of a live node its place in `nodes`; -1 */
    int64_t *seen;   /* by shard: the epoch of its lease */
    int64_t *epochs; /* the same where the lease is in our name; else 0 */
    int rank;        /* our own place; -1 */
    struct engine *engine;
};

/* Empty: no node is seen, and no shard is anybody's. */
void node_view_init(struct node_view *view, struct engine *engine);
void node_view_release(struct node_view *view);
/* What fills an empty view, for store_renew() and store_nodes(). */
struct store_view node_view_filler(struct node_view *view);

/* Its place in `nodes`; -1: it is not alive. */
int node_view_find(const struct node_view *view, const char *name);
/* The live node that owns the shard, NULL when nobody does; borrowed from the view. */
const char *node_view_owner(const struct node_view *view, int shard);
/* A shard that the named node owns, another one each time, in turn; -1: it is not alive or owns none. */
int node_view_shard_of(struct node_view *view, const char *name);
/* How many shards each node should have at most. Those that are about to end want none. */
int node_view_share(const struct node_view *view);

#endif
