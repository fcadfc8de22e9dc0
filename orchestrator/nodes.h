/*
 * nodes.h - the nodes of a store as `orchestrator nodes` shows them.
 *
 * Shapes    {nodes: [{node, state: "alive", "gone" (its shards are taken by others) or "free" (the shards of nobody),
 *           seenSecondsAgo, info, shards, lateSeconds, requests, leases: [{shard, epoch, lateSeconds?, requests?}]}]}.
 *           lateSeconds: how long ago the first of its executions had to be in memory that is not; requests: those that
 *           wait for an answer.
 */
#ifndef ORCHESTRATOR_NODES_H
#define ORCHESTRATOR_NODES_H

#include <stdint.h>

struct err;
struct json_object;
struct store;

int nodes_list(struct store *store, int64_t now_ms, struct json_object *output, struct err *err);

#endif
