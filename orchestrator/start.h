/*
 * start.h - starting executions: what `run` and `start` share.
 */
#ifndef ORCHESTRATOR_START_H
#define ORCHESTRATOR_START_H

struct client;
struct json_object;
struct options;

/* What FILE|NAME names: a file's definition becomes a state machine or its new revision. Its name, on the heap. */
int start_machine(struct client *client, const struct options *options, const char *argument, char **ret_name);
/* Starts an execution with the options' name and input. 0 or the exit code; the answer of StartExecution. */
int start_execution_of(struct client *client, const struct options *options, const char *machine,
                       struct json_object **ret_answer);
/* Starts one and follows it to its end; Express machines are run in one call. Returns the exit code. */
int start_and_watch(struct client *client, const struct options *options, const char *machine);

#endif
