/*
 * api.h - what most commands do: open a client, call an operation, print the answer or the error.
 */
#ifndef ORCHESTRATOR_API_H
#define ORCHESTRATOR_API_H

#include "orchestrator/output.h"

struct buf;
struct client;
struct client_error;
struct client_options;
struct json_object;
struct options;

/* NULL where that was not possible: the error has been said, *ret_code is the exit code. */
struct client *api_open(const struct options *options, int *ret_code);
struct client *api_open_with(const struct client_options *client_options, int *ret_code);
/* For commands that print an answer: what --output names is read first. */
struct client *api_open_output(const struct options *options, enum output_format *ret_format, int *ret_code);

/* Says what went wrong and returns the exit code; releases the error. */
int api_fail(const struct options *options, struct client_error *error);

/* The operation on the client; says the error. 0 or the exit code. */
int api_call(struct client *client, const struct options *options, const char *operation, struct json_object *input,
             struct json_object **ret_output);
/* A whole command: calls an operation that takes no input and prints the list in its answer. 0 or the exit code. */
int api_list(const struct options *options, const char *operation, const char *member,
             const struct output_column *columns, size_t column_count, const char *id_member);

/* The API's text of an option that is JSON (--input); adds it to the object, `otherwise` where it is not given (NULL:
 * leaves it out). 0 or the exit code. */
int api_add_json(const struct options *options, int option, struct json_object *object, const char *member,
                 const char *otherwise);
/* Adds the text of an option as a member where it is given. */
void api_add_option(const struct options *options, int option, struct json_object *object, const char *member);

#endif
