/*
 * watch.h - starts an execution or follows one to its end: what `run` and `start --wait` share.
 */
#ifndef ORCHESTRATOR_WATCH_H
#define ORCHESTRATOR_WATCH_H

#include <stdbool.h>

struct client;
struct json_object;
struct options;

/*
 * Shows the execution's progress on standard error until it has ended, then prints its output on standard
 * output, or its error on standard error. Returns the exit code.
 */
int watch_execution(struct client *client, const struct options *options, const char *execution_arn, bool quiet);
/* Prints what an ended execution (the answer of DescribeExecution or StartSyncExecution) came to. */
int watch_outcome(const struct options *options, struct json_object *execution);

#endif
