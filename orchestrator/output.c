#include "config.h"

#include "orchestrator/output.h"

#include "orchestrator/command.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool output_format(const struct options *options, enum output_format *ret_format)
{
    static const char *const names[] = {"table", "json", "jsonl", "ids"};
    const char *given = options_text_or(options, OPT_OUTPUT, "table");

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(given, names[i]))
            continue;
        *ret_format = (enum output_format)i;
        return true;
    }
    command_usage(options, "--output is table, json, jsonl or ids, not \"%s\"", given);
    return false;
}

void output_json(struct json_object *value, bool pretty)
{
    bool empty = json_object_is_type(value, json_type_array) && !json_object_array_length(value);

    if (pretty && value && !empty) {
        puts(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                       JSON_C_TO_STRING_NOSLASHESCAPE));
        return;
    }
    char *text = json_text(value);
    puts(text);
    free(text);
}

void output_time(double seconds, char text[OUTPUT_TIME_BYTES])
{
    int64_t ms = (int64_t)llround(seconds * 1000);
    time_t whole = (time_t)(ms / 1000);
    struct tm parts;
    char date[24];

    gmtime_r(&whole, &parts);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, OUTPUT_TIME_BYTES, "%s.%03dZ", date, (int)(ms % 1000));
}

void output_duration(int64_t ms, char text[OUTPUT_DURATION_BYTES])
{
    long long s = ms / 1000;

    if (ms < 1000)
        snprintf(text, OUTPUT_DURATION_BYTES, "%lld ms", (long long)(ms < 0 ? 0 : ms));
    else if (s < 60)
        snprintf(text, OUTPUT_DURATION_BYTES, "%.1f s", (double)(ms / 100) / 10);
    else if (s < 3600)
        snprintf(text, OUTPUT_DURATION_BYTES, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, OUTPUT_DURATION_BYTES, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else
        snprintf(text, OUTPUT_DURATION_BYTES, "%lld d %lld h", s / 86400, s % 86400 / 3600);
}

static bool is_moment(const char *member)
{
    size_t bytes = strlen(member);
    return !strcmp(member, "timestamp") || (bytes > 4 && !strcmp(member + bytes - 4, "Date"));
}

/* What a table shows of a member, on the heap. */
static char *cell(const char *member, struct json_object *value)
{
    char time[OUTPUT_TIME_BYTES];

    if (!value)
        return mem_strdup("");
    if (is_moment(member) && !json_object_is_type(value, json_type_string)) {
        output_time(json_object_get_double(value), time);
        return mem_strdup(time);
    }
    if (json_object_is_type(value, json_type_string))
        return mem_strdup(json_object_get_string(value));
    return json_text(value);
}

static void print_id(struct json_object *record, const char *id_member)
{
    const char *id = json_member_text(record, id_member);
    if (id)
        puts(id);
}

static void print_table(struct json_object *list, const struct output_column *columns, size_t column_count)
{
    size_t rows = json_object_array_length(list);
    char **cells = mem_zalloc((rows * column_count + 1) * sizeof(*cells));
    int *widths = mem_zalloc((column_count + 1) * sizeof(*widths));

    for (size_t c = 0; c < column_count; c++)
        widths[c] = (int)strlen(columns[c].title);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < column_count; c++) {
            struct json_object *value = NULL;
            json_member(json_object_array_get_idx(list, r), columns[c].member, &value);
            char *text = cells[r * column_count + c] = cell(columns[c].member, value);
            if ((int)strlen(text) > widths[c])
                widths[c] = (int)strlen(text);
        }
    }
    for (size_t c = 0; c < column_count; c++)
        printf("%-*s%s", c + 1 < column_count ? widths[c] + 2 : 0, columns[c].title, c + 1 < column_count ? "" : "\n");
    for (size_t i = 0; i < rows * column_count; i++) {
        bool last = i % column_count == column_count - 1;
        printf("%-*s%s", last ? 0 : widths[i % column_count] + 2, cells[i], last ? "\n" : "");
        free(cells[i]);
    }
    free(cells);
    free(widths);
}

void output_list(enum output_format format, struct json_object *list, const struct output_column *columns,
                 size_t column_count, const char *id_member)
{
    if (format == OUTPUT_TABLE) {
        print_table(list, columns, column_count);
        return;
    }
    if (format == OUTPUT_JSON) {
        output_json(list, true);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *record = json_object_array_get_idx(list, i);
        if (format == OUTPUT_IDS)
            print_id(record, id_member);
        else
            output_json(record, false);
    }
}

static void print_record(struct json_object *record)
{
    int width = 0;

    json_object_object_foreach (record, name, value) {
        (void)value;
        if ((int)strlen(name) > width)
            width = (int)strlen(name);
    }
    json_object_object_foreach (record, shown, content) {
        char *text = cell(shown, content);
        printf("%-*s  %s\n", width, shown, text);
        free(text);
    }
}

void output_record(enum output_format format, struct json_object *record, const char *id_member)
{
    switch (format) {
    case OUTPUT_TABLE:
        print_record(record);
        break;
    case OUTPUT_JSON:
    case OUTPUT_JSONL:
        output_json(record, format == OUTPUT_JSON);
        break;
    case OUTPUT_IDS:
        print_id(record, id_member);
        break;
    }
}
