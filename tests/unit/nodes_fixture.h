/*
 * nodes_fixture.h - several nodes in one process, on the empty PostgreSQL store that TEST_STORE names.
 *
 * Each node has a store, an engine, a service and a loop of its own; one thread turns the loops in turn. A node that
 * sleeps is one whose process was paused, or died: its loop is not turned, while a commit that it has handed over is
 * still being written by its writer thread, as it would be by the database.
 *
 * Waiting is for conditions, not for times: NODES_WAIT() turns the loops until one holds, and fails the test when it
 * does not within NODES_WAIT_MS.
 */
#ifndef TESTS_UNIT_NODES_FIXTURE_H
#define TESTS_UNIT_NODES_FIXTURE_H

#include "asl/base/err.h"
#include "tests/unit/store_fixture.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct event;
struct event_base;
struct service;
struct service_inbox;

enum { NODES_MAX = 3, NODES_WAIT_MS = 20000 };

struct node {
    struct event_base *base; /* NULL: the node is not there */
    struct event *pulse;     /* bounds how long a turn of the loop waits */
    struct store *store;
    struct engine *engine;
    struct service *service;
    struct service_inbox *inbox;
    bool sleeps;
};

struct nodes {
    struct store_fixture *fixture;
    struct node node[NODES_MAX];
    void *holder; /* a PGconn that holds a lock, or NULL */
};

/* Whether TEST_STORE names a PostgreSQL; says so where it does not: the test is skipped. */
bool nodes_can_be_tested(void);
/* cmocka's setup and teardown: *state is a struct nodes without any node. */
int nodes_setup(void **state);
int nodes_teardown(void **state);

/* Makes a node that joins the others. */
struct node *nodes_join(struct nodes *nodes, int which);
/* It leaves as a process does that is told to stop. */
void nodes_leave(struct node *node);
/* Turns each loop that is awake once: waits for a millisecond at most where nothing happens. */
void nodes_turn(struct nodes *nodes);
/* A monotonic clock. */
int64_t nodes_clock_ms(void);
/* One that fails the test: for NODES_WAIT(). */
void nodes_waited_in_vain(const char *condition, const char *file, int line);

#define NODES_WAIT(nodes, condition)                                                                                   \
    do {                                                                                                               \
        int64_t until_ms_ = nodes_clock_ms() + NODES_WAIT_MS;                                                          \
        while (!(condition)) {                                                                                         \
            if (nodes_clock_ms() > until_ms_)                                                                          \
                nodes_waited_in_vain(#condition, __FILE__, __LINE__);                                                  \
            nodes_turn(nodes);                                                                                         \
        }                                                                                                              \
    } while (0)

/* How many shards a node may answer for. */
int nodes_owned(const struct node *node);
/* Whether of the nodes that are awake each shard is owned by exactly one, and none has more than its share. */
bool nodes_are_balanced(const struct nodes *nodes);

/* --- the database ---------------------------------------------------------------------------------------------- */

/* What a query of one number gives. */
int64_t nodes_sql(const struct nodes *nodes, const char *query, ...) ERR_PRINTF(2, 3);
/* The database takes the node for dead from now on, and says so to the others; the node does not know. */
void nodes_bury(struct nodes *nodes, const struct node *node);
/* Commits of the node wait, before they have proved anything, until nodes_let_go(). */
void nodes_hold_commits(struct nodes *nodes, const struct node *node);
void nodes_let_go(struct nodes *nodes);
/* Whether a commit waits for that. */
bool nodes_commit_is_held(const struct nodes *nodes);

#endif
