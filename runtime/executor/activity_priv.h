/*
 * activity_priv.h - what activity.c (the lines of this node) and activity_peers.c (the other nodes) share.
 */
#ifndef RUNTIME_EXECUTOR_ACTIVITY_PRIV_H
#define RUNTIME_EXECUTOR_ACTIVITY_PRIV_H

#include "runtime/executor/engine.h"

#include <stdint.h>

struct claim;
struct run;

/* A task that waits for a worker. */
struct offer {
    struct offer *next;
    struct run *run; /* NULL: it was started for a worker who had gone; then only these two are left to be given */
    char *token, *input;
    uint32_t frame;
    int64_t task_id;
};

/*
 *   PARKED ──a task here──▶ GIVEN ──start on disk──▶ answered
 *     │ ▲                                               ▲
 *     ▼ └─none there─┐                                  │
 *   CLAIMING ────────┴──a task of another node──────────┘
 *
 * The node drains: who is parked, or would be, is answered that there is none.
 */
struct activity_poll {
    struct activity_poll *next; /* PARKED: in line */
    struct activity *activity;
    struct claim *claim; /* CLAIMING */
    bool given;          /* GIVEN */
    bool started;        /* GIVEN: the start is on disk already */
    char *worker_name;
    activity_task_fn *fn; /* NULL: cancelled while the start was being written */
    void *context;
    char *token, *input; /* GIVEN */
};

/* A node with workers for an activity. */
struct wanter {
    char *node;
    int64_t until_ms; /* it says so again before that, or has them no more */
};

/* A node with tasks of an activity. */
struct source {
    char *node;
    int shard;       /* to ask */
    int64_t serial;  /* of its last hint */
    size_t claiming; /* polls that ask it now */
};

struct activity {
    struct engine *engine;
    char *arn;
    struct offer *first_offer, **last_offer;
    size_t offer_count;
    struct activity_poll *first_poll, **last_poll;
    size_t parked_count, poll_count; /* in line; with those that claim */

    struct wanter *wanters;
    size_t wanter_count, wanter_capacity, wanter_turn;
    struct source *sources;
    size_t source_count, source_capacity;
    int64_t announced_ms; /* when the others were told last that we have workers; 0: never */
    int64_t serial;       /* of our last hint about tasks */
    size_t unhinted;      /* offers that nobody was told of */
    bool in_turn;         /* it is in line for a hint */
    struct activity *next_in_turn;
};

/* --- activity.c ------------------------------------------------------------------------------- */

struct activity *activity_of(struct engine *engine, const char *arn);
/* Takes the task that waited longest and starts it for this worker. Texts from the heap. */
enum activity_start {
    ACTIVITY_NONE,   /* no task waits */
    ACTIVITY_STARTS, /* with the commit that is filling */
    ACTIVITY_STARTED /* before, for a worker who has gone */
};
enum activity_start activity_start_first(struct activity *activity, const char *worker_name, char **ret_token,
                                         char **ret_input);
/* A started task that lost its worker is given to the next one. Takes the texts over. */
void activity_hand_on(struct activity *activity, char *token, char *input);
/* The poll that waited longest, out of the line; NULL: none. */
struct activity_poll *activity_unpark(struct activity *activity);
/* Back to the head of the line. */
void activity_park_first(struct activity_poll *poll);
/* Brings tasks and polls together until one of the two lines is empty. */
void activity_match(struct activity *activity);
/* Answers a poll that is in no line with a task that another node has started (NULL: with none), and frees it. */
void activity_answer(struct activity_poll *poll, const char *token, const char *input);

/* --- activity_peers.c -------------------------------------------------------------------------- */

/* A poll was parked. */
void activity_peers_poll(struct activity *activity);
/* A task waits, and no poll does. */
void activity_peers_offer(struct activity *activity);
/* The poll does not wait any more; what it claimed goes to the next one. */
void activity_peers_forget(struct activity_poll *poll);
/* Frees what this file keeps in an activity. */
void activity_peers_release(struct activity *activity);

#endif
