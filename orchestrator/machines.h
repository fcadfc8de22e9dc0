/*
 * machines.h - definitions in files become state machines.
 */
#ifndef ORCHESTRATOR_MACHINES_H
#define ORCHESTRATOR_MACHINES_H

#include <stdbool.h>

struct buf;
struct client;
struct json_object;
struct options;

/* Whether the argument of `run` and the like is a file: it is there, or it looks like a path. */
bool machines_is_file(const char *argument);
/* The name a file gives its state machine: "a/order.asl.json" gives "order". On the heap. */
char *machines_name_of(const char *path);
/* Reads a definition file; says the error. 0 or the exit code. */
int machines_read(const struct options *options, const char *path, struct buf *text);
/*
 * Makes the state machine, or gives the one that is there this definition when `update` allows it. 0 or the
 * exit code; the answer of CreateStateMachine (or its ARN and the answer of UpdateStateMachine).
 */
int machines_create(struct client *client, const struct options *options, const char *path, const char *name,
                    bool update, struct json_object **ret_answer);
/* UpdateStateMachine with the file's definition; the answer has the ARN as well. */
int machines_update(struct client *client, const struct options *options, const char *path, const char *name,
                    struct json_object **ret_answer);

#endif
