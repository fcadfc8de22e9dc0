#include "config.h"

#include "orchestrator/history_reader.h"

#include "orchestrator/client.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_EVENTS = 1000 };

/* The type where it is one that ends an execution (static text), else NULL. */
static const char *find_end(const char *type)
{
    static const char *const ends[] = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut",
                                       "ExecutionAborted"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (!strcmp(ends[i], type))
            return ends[i];
    return NULL;
}

struct json_object *history_details(struct json_object *event)
{
    static const char suffix[] = "EventDetails";

    json_object_object_foreach (event, name, value) {
        size_t bytes = strlen(name);
        if (bytes > sizeof(suffix) && !strcmp(name + bytes - sizeof(suffix) + 1, suffix))
            return value;
    }
    return NULL;
}

int64_t history_time_ms(struct json_object *event)
{
    struct json_object *time = NULL;
    json_member(event, "timestamp", &time);
    return (int64_t)llround(json_object_get_double(time) * 1000);
}

/* False: the reader's user has had enough. */
static bool hand_out(struct history_reader *reader, struct json_object *event, history_event_fn *fn, void *context)
{
    int64_t id = json_member_int(event, "id", 0);
    const char *type = json_member_text(event, "type");
    const char *end = type ? find_end(type) : NULL;

    /* The last page is read again and again while it grows. */
    if (reader->last_id && (reader->reverse ? id >= reader->last_id : id <= reader->last_id))
        return true;
    reader->last_id = id;
    if (end)
        reader->ended = end;
    else if (type && !strcmp(type, "ExecutionRedriven") && !reader->reverse)
        reader->ended = NULL;
    return fn(context, event);
}

int history_read(struct history_reader *reader, struct client *client, history_event_fn *fn, void *context,
                 struct client_error *error)
{
    for (;;) {
        AUTO_JSON struct json_object *input = json_object_new_object();
        AUTO_JSON struct json_object *page = NULL;
        struct json_object *events = NULL;
        int result;

        json_add_text(input, "executionArn", reader->execution_arn);
        json_add_int(input, "maxResults", PAGE_EVENTS);
        json_add_bool(input, "reverseOrder", reader->reverse);
        json_add_bool(input, "includeExecutionData", !reader->without_data);
        if (reader->token)
            json_add_text(input, "nextToken", reader->token);
        if ((result = client_call(client, "GetExecutionHistory", input, &page, error)))
            return result;
        json_member(page, "events", &events);
        for (size_t i = 0; events && i < json_object_array_length(events); i++)
            if (!hand_out(reader, json_object_array_get_idx(events, i), fn, context))
                return 0;
        const char *token = json_member_text(page, "nextToken");
        if (!token)
            return 0;
        free(reader->token);
        reader->token = mem_strdup(token);
    }
}

void history_reader_release(struct history_reader *reader)
{
    free(reader->token);
    reader->token = NULL;
}
