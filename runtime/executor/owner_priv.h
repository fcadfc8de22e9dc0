/*
 * owner_priv.h - what the files of ownership share: owner.c (renewing, taking, joining), owner_release.c (losing and
 * giving back), peer_nodes.c (telling others). The states of a shard and the invariants are in owner.c.
 */
#ifndef RUNTIME_EXECUTOR_OWNER_PRIV_H
#define RUNTIME_EXECUTOR_OWNER_PRIV_H

#include "runtime/executor/node_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct err;
struct event;
struct json_object;
struct peer_events;

struct owner {
    struct event *timer, *drain_timer;
    struct node_view view; /* as of the last renewal, and what was taken since */
    struct json_object *info;
    char *info_text;
    bool joined;
    bool announce; /* with the next renewal */
    bool missed;   /* what looked free was not to be had: another node was quicker, or its dead holder had it locked */
    int64_t sure_until_ms, take_from_ms, tidy_ms, drain_until_ms;
    int drains; /* shards that are being given back */
    struct peer_events *listeners;
    size_t listener_count, listener_capacity;
};

/* --- owner_release.c ------------------------------------------------------------------------------------------ */
/* Makes the timer of draining; false: out of memory. */
bool owner_release_open(struct engine *engine);
/* Lets go of what is ours no more by this view. */
void owner_check_lost(struct engine *engine, const struct node_view *view);
/* Begins to give so many shards back, those with the fewest executions in memory first. */
void owner_drain_surplus(struct engine *engine, int surplus);
/* Gives back leases in our name that we do not hold (invariant 6 of owner.c), by the view as of just now. */
int owner_release_strays(struct engine *engine, struct err *err);
/* The process is about to end: shards without a task at work go at once, the others when their tasks have ended. */
void owner_drain_idle(struct engine *engine);

/* --- peer_nodes.c --------------------------------------------------------------------------------------------- */
/* Tells who wants to know what is different in the present view. */
void owner_tell_changes(struct engine *engine, const struct node_view *before);

#endif
