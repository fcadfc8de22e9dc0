/*
 * task_bench.h - a bench for connectors: a folder of handlers, a real loop, tasks whose reports are written down.
 *
 * Memory    everything belongs to the bench; bench_teardown() closes its connector, frees the rest and removes the folder.
 */
#ifndef TESTS_UNIT_TASK_BENCH_H
#define TESTS_UNIT_TASK_BENCH_H

#include "asl/base/buf.h"
#include "runtime/task/connector.h"

#include <sys/types.h>

enum { TASKS_MAX = 128, PATIENCE_MS = 20000 };

struct item {
    struct task task;
    int reports;
    int submitted;
    bool ended;
    enum task_report_kind kind;
    char *output; /* of the last report */
    char *submitted_output;
    char *error;
    char *cause;
};

struct bench {
    char folder[64];
    struct event_base *base;
    struct connector *connector;
    struct item items[TASKS_MAX];
    int count;
    int ended;
    struct item *cancel_next; /* cancelled from inside the next report */
    struct buf log;
};

/* cmocka's setup and teardown: *state is a struct bench without a connector. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* A Lambda function of this name. */
struct resource function_resource(const char *name);
/* Monotonic. */
int64_t bench_now_ms(void);

/* A name in the bench's folder; on the heap. */
char *bench_path(struct bench *bench, const char *name);
void bench_write(struct bench *bench, const char *name, const char *text, mode_t mode);
/* An executable. */
void bench_write_handler(struct bench *bench, const char *name, const char *text);

/* The report of every task; items are tasks. */
void bench_report(struct task *task, const struct task_report *report);
/* Starts a task with the bench's connector. */
struct item *bench_start(struct bench *bench, const struct resource *resource, const char *input);
/* Lets the loop go round for so long. */
void bench_turn(struct bench *bench, int ms);
/* Until so many tasks have ended in all, or the test fails. */
void bench_wait(struct bench *bench, int ended);
/* Starts a task and waits for its end. */
struct item *bench_run(struct bench *bench, const struct resource *resource, const char *input);

void assert_output(const struct item *item, const char *output);
void assert_failure(const struct item *item, const char *error, const char *part_of_cause);

#endif
