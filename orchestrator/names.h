/*
 * names.h - what people type for state machines, executions and activities, as ARNs.
 *
 * Shapes    an ARN stays what it is. State machine: NAME, NAME:VERSION or NAME:ALIAS. Execution:
 *           MACHINE:NAME, NAME, @latest, MACHINE:@latest. Activity: NAME.
 * Memory    ret_arn is heap text.
 */
#ifndef ORCHESTRATOR_NAMES_H
#define ORCHESTRATOR_NAMES_H

struct client;
struct client_error;
struct json_object;

char *names_machine(struct client *client, const char *name);
char *names_activity(struct client *client, const char *name);
int names_execution(struct client *client, const char *name, char **ret_arn, struct client_error *error);

/* Members of all pages of a listing, at most `limit`, as an array. */
int names_list(struct client *client, const char *operation, struct json_object *input, const char *member, int limit,
               struct json_object **ret_list, struct client_error *error);
/* Executions of one machine (an ARN) or, NULL, of all: the newest first. status may be NULL. */
int names_executions(struct client *client, const char *machine_arn, const char *status, int limit,
                     struct json_object **ret_list, struct client_error *error);

#endif
