/* history.c - `history`: the events of an execution, those that are there or all as they come. */
#include "config.h"

#include "orchestrator/history_reader.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/names.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/dataflow/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TICK_MS = 100, DETAIL_CHARS = 160 };

struct printer {
    const struct options *options;
    enum output_format format;
    int64_t since_ms, left;    /* left: how many more to print */
    struct json_object *array; /* -o json: everything at the end */
};

/* An input is shown as it was given, be it on many lines: here on one. NULL: as it is; heap. */
static char *data_line(const char *member, struct json_object *value)
{
    AUTO_JSON struct json_object *data = NULL;
    const char *text = json_object_get_string(value);

    if (strcmp(member, "input") != 0 || strchr(text, '\n') == NULL || json_parse(text, strlen(text), &data, NULL) != 0)
        return NULL;
    return json_text(data);
}

/* What people read of an event: name, error, resource, size of a Map, and the data. */
static void add_details(struct buf *line, struct json_object *event)
{
    static const char *const members[] = {"name",  "resourceType", "resource",   "index", "length",
                                          "error", "cause",        "workerName", "input", "output"};
    struct json_object *details = history_details(event);

    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct json_object *value = NULL;
        if (!details || !json_member(details, members[i], &value) || !value)
            continue;
        char *data = data_line(members[i], value);
        const char *text = data ? data : json_object_get_string(value);
        size_t bytes = strcspn(text, "\n");
        bool cut = text[bytes] || bytes > DETAIL_CHARS;
        if (bytes > DETAIL_CHARS)
            for (bytes = DETAIL_CHARS; bytes && ((unsigned char)text[bytes] & 0xc0) == 0x80; bytes--)
                continue; /* never inside a character */
        if (line->bytes)
            buf_add_text(line, "  ");
        if (i)
            buf_printf(line, "%s=", members[i]);
        buf_add(line, text, bytes);
        if (cut)
            buf_add_text(line, "...");
        free(data);
    }
}

static void print_row(struct json_object *event)
{
    char time[OUTPUT_TIME_BYTES];
    AUTO_BUF details = BUF_INIT;

    output_time((double)history_time_ms(event) / 1000, time);
    add_details(&details, event);
    printf("%5lld  %s  %-28s  %s\n", (long long)json_member_int(event, "id", 0), time, json_member_text(event, "type"),
           buf_text(&details));
}

static bool is_wanted(const struct printer *printer, struct json_object *event)
{
    const struct option_values *types = &printer->options->given[OPT_EVENT_TYPE];
    const char *type = json_member_text(event, "type");

    if (history_time_ms(event) < printer->since_ms)
        return false;
    for (size_t i = 0; i < types->count; i++)
        if (!strcmp(types->list[i], type))
            return true;
    return !types->count;
}

static bool on_event(void *context, struct json_object *event)
{
    struct printer *printer = context;

    if (!is_wanted(printer, event))
        return true;
    switch (printer->format) {
    case OUTPUT_TABLE:
        print_row(event);
        break;
    case OUTPUT_JSON:
        json_append(printer->array, json_object_get(event));
        break;
    case OUTPUT_JSONL:
        output_json(event, false);
        break;
    case OUTPUT_IDS:
        printf("%lld\n", (long long)json_member_int(event, "id", 0));
        break;
    }
    return --printer->left > 0;
}

static int follow(struct client *client, struct history_reader *reader, struct printer *printer)
{
    const struct options *options = printer->options;
    struct client_error error = CLIENT_ERROR_INIT;

    for (;;) {
        if (history_read(reader, client, on_event, printer, &error))
            return api_fail(options, &error);
        fflush(stdout);
        if (!options_has(options, OPT_FOLLOW) || reader->ended || printer->left <= 0)
            return EXIT_OK;
        if (!client_wait(client, reader->execution_arn, TICK_MS))
            return EXIT_INTERRUPTED;
    }
}

static int print_history(struct client *client, struct printer *printer)
{
    struct history_reader reader = {.reverse = options_has(printer->options, OPT_REVERSE)};
    struct client_error error = CLIENT_ERROR_INIT;
    char *arn = NULL;

    if (names_execution(client, printer->options->arguments[0], &arn, &error))
        return api_fail(printer->options, &error);
    reader.execution_arn = arn;
    if (printer->format == OUTPUT_TABLE)
        printf("%5s  %-24s  %-28s  %s\n", "ID", "TIME", "TYPE", "DETAILS");
    if (printer->format == OUTPUT_JSON)
        printer->array = json_object_new_array();
    int code = follow(client, &reader, printer);
    if (printer->array && code == EXIT_OK)
        output_json(printer->array, true);
    json_object_put(printer->array);
    history_reader_release(&reader);
    free(arn);
    return code;
}

/* An RFC 3339 time, or how long ago: 90s, 5m, 2h, 1d. */
static bool read_since(const char *text, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    char *end;
    double number = strtod(text, &end);

    if (end > text && *end && !end[1] && number >= 0 && number < 1e9) {
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
            if (units[i].unit != *end)
                continue;
            *ret_ms = (int64_t)time(NULL) * 1000 - (int64_t)(number * (double)units[i].ms);
            return true;
        }
    }
    return timestamp_parse_ms(text, strlen(text), ret_ms);
}

int cmd_history(const struct options *options)
{
    struct printer printer = {.options = options};
    const char *since = options_text(options, OPT_SINCE);
    struct err err = {0};
    int code = EXIT_OK;

    if (!output_format(options, &printer.format))
        return EXIT_USAGE;
    if (since && !read_since(since, &printer.since_ms))
        return command_usage(options, "--since: expected 2024-08-18T17:33:00Z, or 90s, 5m, 2h, 1d; found \"%s\"",
                             since);
    if (options_int(options, OPT_HISTORY_ROWS, 1, INT64_MAX, INT64_MAX, &printer.left, &err))
        return command_usage(options, "%s", err.message);
    if (options_has(options, OPT_FOLLOW) && options_has(options, OPT_REVERSE))
        return command_usage(options, "--follow and --reverse exclude each other");
    struct client *client = api_open(options, &code);
    if (client)
        code = print_history(client, &printer);
    client_close(client);
    return code;
}
