/*
 * node.h - this process as one that runs executions: store, engine, connectors and operations together.
 *
 * A node that only reads needs no more than node_open(). To change something, it first has to own the
 * store: node_own(). While it does, it also answers what other processes leave in the store's inbox.
 */
#ifndef ORCHESTRATOR_NODE_H
#define ORCHESTRATOR_NODE_H

#include <stdbool.h>

struct engine;
struct err;
struct event_base;
struct json_object;
struct options;
struct retention;
struct service;
struct service_inbox;
struct store;

struct node_options {
    const struct options *options; /* the command's; options that it does not take have their defaults */
    const char *definition_path;   /* handlers may lie in `functions` beside it; or NULL */
    bool virtual_clock;
    const struct retention *retention; /* see engine.h; or NULL */
    bool parks_tasks;                  /* this process does not stay: tasks are left for the one that will */
    void (*log)(void *context, int level, const char *message); /* or NULL */
    void *log_context;
};

/* Where the lines go that handlers write to their standard error. */
typedef void node_function_log_fn(void *context, const char *function, const char *line);

struct node {
    struct event_base *base;
    struct store *store;
    struct engine *engine;
    struct service *service;
    struct service_inbox *inbox; /* NULL as long as it does not own the store */
    char *name;                  /* of this process in the leases */
    char *functions_beside;
    bool virtual_clock;
    node_function_log_fn *function_log; /* NULL: to our standard error as they are; may be set at any time */
    void *function_log_context;
};

int node_open(const struct node_options *options, struct node **ret_node, struct err *err);
/* ERR_BUSY: another process runs this store. */
int node_own(struct node *node, struct err *err);
/* The same beside other nodes where the store allows it (PostgreSQL); then it may own nothing yet. */
int node_join(struct node *node, struct err *err);
bool node_owns(const struct node *node);
/* Ends tasks within grace_ms and gives the store back. NULL is allowed. */
void node_close(struct node *node, int grace_ms);

/* The store's address of the options, or the user's own file; on the heap. */
char *node_store_url(const struct options *options);
const char *node_region(const struct options *options);
const char *node_account(const struct options *options);

#endif
