/*
 * progress.h - what an execution has done so far, folded from the events of its history.
 *
 * A state is one node however often it was entered: a loop, or the items of a Map, count up. Names of states
 * are unique in a definition, so the name is the key; the nodes stand in the order in which they were first
 * entered, and states of a Parallel or a Map below it.
 */
#ifndef ORCHESTRATOR_PROGRESS_H
#define ORCHESTRATOR_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

enum progress_state { PROGRESS_RUNNING, PROGRESS_SUCCEEDED, PROGRESS_FAILED, PROGRESS_CAUGHT, PROGRESS_ABORTED };

struct progress_node {
    char *name;
    char *type; /* "Task", "Map" ... */
    int parent; /* index, -1 at the top */
    int depth;
    int64_t visits, running, retries, caught;
    bool failing; /* an attempt failed, and what becomes of it is open */
    bool failed, aborted;
    char *error;                             /* of the last failure, or NULL */
    int64_t started_ms, ended_ms;            /* first entered, last left */
    int64_t items, items_done, items_failed; /* of a Map, -1 before it knows */
    int64_t starts;                          /* of branches or iterations in this visit: more than one is a retry */
};

struct progress {
    struct progress_node *nodes;
    size_t count, capacity;
    struct progress_place { /* by event id: whose event it was */
        int node;
        bool opens; /* what follows is inside the node */
    } * places;
    size_t place_count, place_capacity;
    struct json_object *index;            /* name to number of the node */
    int64_t started_ms, ended_ms, now_ms; /* now: the newest event */
    int64_t retries;                      /* of all nodes */
    enum progress_state state;
    char *error, *cause; /* of the execution */
};

void progress_init(struct progress *progress);
void progress_release(struct progress *progress);
/* One event. Returns the node that it is about (-1: the execution). */
int progress_apply(struct progress *progress, struct json_object *event);
enum progress_state progress_state_of(const struct progress_node *node);
/* The node of a name, or NULL. */
const struct progress_node *progress_find(const struct progress *progress, const char *name);

#endif
