/*
 * history_reader.h - the events of an execution, page by page, and again later what has come since.
 */
#ifndef ORCHESTRATOR_HISTORY_READER_H
#define ORCHESTRATOR_HISTORY_READER_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct client_error;
struct json_object;

struct history_reader {
    const char *execution_arn;
    bool reverse;
    bool without_data;
    char *token;       /* of the page that is being read; NULL: the first */
    int64_t last_id;   /* of the last event that was handed out */
    const char *ended; /* type of the event that ended the execution, static text; NULL: it runs */
};

typedef bool history_event_fn(void *context, struct json_object *event); /* false stops */

/* Hands out every event that is there and was not handed out before. */
int history_read(struct history_reader *reader, struct client *client, history_event_fn *fn, void *context,
                 struct client_error *error);
void history_reader_release(struct history_reader *reader);

/* The *EventDetails of an event (borrowed), NULL where it has none. */
struct json_object *history_details(struct json_object *event);
/* Milliseconds since 1970. */
int64_t history_time_ms(struct json_object *event);

#endif
