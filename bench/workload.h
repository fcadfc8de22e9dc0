/*
 * workload.h - what the in-process benchmarks run: a definition, how often, and how many at once.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

struct workload {
    const char *name; /* the definition is bench/workloads/DEFINITION.asl.json */
    const char *definition;
    int executions;
    int in_flight;    /* executions at work at once: a new one starts when one ends */
    int units;        /* what is counted, in one execution */
    const char *unit; /* "transition", "step", "item" ... */
    bool express;
    bool stays_open; /* nothing ends: measure when all wait */
    int wait_ms;     /* lateness against this is measured */
    int items;       /* length of $.items of the input */
};

/* NULL when there is none of that name. */
const struct workload *workload_find(const char *name);
void workload_print_names(void);
/* The input of execution number i: the order document of 200 bytes, with what the workload adds. Owned. */
struct json_object *workload_input(const struct workload *workload, int i);

#endif
