/*
 * connector.h - how a Task's work is done: one small interface, a file per kind of work.
 *
 * A task is one attempt of a Task state. The executor finds the connector that accepts the task's
 * resource and calls start(); the connector reports back through the task's callbacks, on the loop
 * thread, never from inside start(). A task that is cancelled reports nothing any more.
 *
 * Promise   the engine calls start() only after the event that scheduled the task is committed. After a crash
 *           a task that had not ended is started again with the same idempotency token.
 * Memory    struct task is the executor's; it lives until report() with an ending or cancel() returned.
 *           Values in reports are borrowed (the executor takes its own reference).
 * Source    reference/integrations.md.
 */
#ifndef RUNTIME_TASK_CONNECTOR_H
#define RUNTIME_TASK_CONNECTOR_H

#include "asl/definition/resource.h"

#include <stdbool.h>
#include <stdint.h>

struct connector;
struct err;
struct event_base;
struct json_object;

enum task_report_kind {
    TASK_STARTED,   /* a worker took it (activities); worker_name */
    TASK_SUBMITTED, /* .sync, .waitForTaskToken: the call was accepted; output = its answer */
    TASK_SUCCEEDED, /* output */
    TASK_FAILED,    /* error, cause (each may be NULL) */
    TASK_TIMED_OUT  /* error or NULL for States.Timeout: shows as a ...TimedOut event */
};

struct task_report {
    enum task_report_kind kind;
    struct json_object *output;
    const char *error;
    const char *cause;
    const char *worker_name;
    bool handed_over; /* TASK_SUBMITTED: the connector is done with it; only the token or the outside ends it now */
};

struct task {
    const struct resource *resource;
    struct json_object *input; /* effective input (function, activity) or the evaluated Parameters/Arguments */
    const char *state_name;
    const char *machine_name;
    const char *execution_arn;
    const char *test_case;         /* of a mock file ("#Case" of the machine's ARN), or NULL */
    const char *idempotency_token; /* the same for every start of this attempt */
    const char *task_token;        /* of a .waitForTaskToken or activity task, else NULL */
    const char *role_arn;          /* Credentials, or NULL */
    int64_t attempt;               /* 0 = first, counts retries of this visit */
    int64_t invocation;  /* how often this state was started in this execution before, over all visits and iterations */
    int64_t deadline_ms; /* 0: none */
    void (*report)(struct task *task, const struct task_report *report);
    void *owner;          /* the executor's */
    void *connector_data; /* the connector's */
};

struct connector_ops {
    const char *name;
    /* Whether it does this task; the first that does is taken. */
    bool (*accepts)(struct connector *connector, const struct task *task);
    void (*start)(struct connector *connector, struct task *task);
    /* The result is not wanted here any more: end the work (whole process groups), report nothing. */
    void (*cancel)(struct connector *connector, struct task *task);
    /*
     * The execution leaves memory, and the task is started again, here or elsewhere, under the same idempotency token.
     * Like cancel(), but what was begun outside of this process goes on. NULL: there is nothing like that.
     */
    void (*leave)(struct connector *connector, struct task *task);
    /* Shutdown: ends everything within grace_ms. */
    void (*close)(struct connector *connector, int grace_ms);
};

struct connector {
    const struct connector_ops *ops;
};

#endif
