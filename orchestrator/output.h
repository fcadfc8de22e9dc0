/*
 * output.h - results as people and programs want them: table, json, jsonl, ids.
 *
 * Shapes    a list is an array of objects; its columns name the members that a table shows. `ids` prints one
 *           member a line. A record is one object; as a table it is a line `name  value` per member.
 */
#ifndef ORCHESTRATOR_OUTPUT_H
#define ORCHESTRATOR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;
struct options;

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_IDS };

/* The format that --output names; false for none of them: usage has been said. */
bool output_format(const struct options *options, enum output_format *ret_format);

struct output_column {
    const char *title;
    const char *member;
};

void output_list(enum output_format format, struct json_object *list, const struct output_column *columns,
                 size_t column_count, const char *id_member);
void output_record(enum output_format format, struct json_object *record, const char *id_member);
/* A value as JSON with a new line, indented where `pretty`. */
void output_json(struct json_object *value, bool pretty);
/* The API's moments (seconds since 1970 with a fraction) as RFC 3339 with milliseconds. */
enum { OUTPUT_TIME_BYTES = 32 };
void output_time(double seconds, char text[OUTPUT_TIME_BYTES]);
/* "340 ms", "12.3 s", "4 min 5 s", "2 h 3 min", "5 d 1 h". */
enum { OUTPUT_DURATION_BYTES = 48 };
void output_duration(int64_t ms, char text[OUTPUT_DURATION_BYTES]);

#endif
