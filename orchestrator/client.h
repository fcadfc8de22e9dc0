/*
 * client.h - the operations of the API, wherever they are carried out.
 *
 * One function, three transports behind it:
 *   own       this process owns the store and runs the engine (made the moment something is to be changed)
 *   inbox     another live process owns the store: the request goes through the store, the reply comes back
 *   endpoint  a server is asked over HTTP
 * What only reads is read from the store in this process, whoever owns it.
 *
 * Memory    ret_output is the caller's reference.
 */
#ifndef ORCHESTRATOR_CLIENT_H
#define ORCHESTRATOR_CLIENT_H

#include "asl/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct client;
struct json_object;
struct node;
struct options;

struct client_options {
    const struct options *options;
    const char *definition_path; /* see node.h; or NULL */
    bool virtual_clock;
    bool stays; /* until executions have ended: their tasks are done here when the store is ours */
};

struct client_error {
    char name[128]; /* of the API: "ExecutionDoesNotExist"; empty: err says what went wrong on the way */
    char *message;  /* heap */
    struct err err;
};
#define CLIENT_ERROR_INIT                                                                                              \
    {                                                                                                                  \
        .name = "", .message = NULL                                                                                    \
    }
void client_error_release(struct client_error *error);

int client_open(const struct client_options *options, struct client **ret_client, struct err *err);
/* Ends what this process runs; executions go on with the next owner. NULL is allowed. */
void client_close(struct client *client);

/* Carries out an operation, of AWS's or of own.h; 0, ERR_INVALID for an error of the API, or what else went wrong. The
 * input is borrowed. */
int client_call(struct client *client, const char *operation, struct json_object *input,
                struct json_object **ret_output, struct client_error *error);

/*
 * Lets time pass while an execution runs: at most `ms`, less when it has ended or something happened that
 * may interest. Takes the store over where its owner has gone. False: we were interrupted.
 */
bool client_wait(struct client *client, const char *execution_arn, int ms);

/* The node behind it, NULL where a server is asked. */
struct node *client_node(struct client *client);
/* For ARNs: those of the options, else of the server, else the default ones. */
const char *client_region(struct client *client);
const char *client_account(struct client *client);
/* Whether the options name a server rather than a store. */
bool client_is_remote(const struct options *options);

/* --- http ------------------------------------------------------------------------------------------------ */

struct client_http;
/* The options name who vouches for the server, the credentials and the region they are for. */
int client_http_open(const struct options *options, const char *url, struct client_http **ret_http, struct err *err);
void client_http_close(struct client_http *http);
int client_http_call(struct client_http *http, const char *operation, struct json_object *input,
                     struct json_object **ret_output, struct client_error *error);
/* False: interrupted. SIGINT and SIGTERM end a call or the waiting, not the process. */
bool client_http_wait(struct client_http *http, int ms);
/* The server's clock in its last answer, seconds since 1970; 0: it said none. */
int64_t client_http_date_s(const struct client_http *http);

/* Takes an API error of the form {"error" or "__type", "message"} apart; returns ERR_INVALID. */
int client_error_set(struct client_error *error, const char *name, const char *message);

#endif
