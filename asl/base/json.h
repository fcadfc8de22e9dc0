/*
 * json.h - the few things we add to json-c.
 *
 * Shapes    JSON null is the C NULL. No function signals failure by a NULL value.
 * Ownership arguments are borrowed, `ret_value` is the caller's reference.
 * Threads   json-c's counts are not atomic: a value stays on the thread that made it.
 * Rule      a value that has been handed on is never changed: trees are shared between the input,
 *           the history and the context of an execution. Only fresh objects are added to.
 */
#ifndef ASL_BASE_JSON_H
#define ASL_BASE_JSON_H

#include "asl/base/buf.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define AUTO_JSON __attribute__((cleanup(json_release)))

/* For the cleanup attribute; also drops a reference and sets the variable to NULL. */
void json_release(struct json_object **value);
/* Moves the reference out of a variable. */
struct json_object *json_take(struct json_object **value);

/*
 * Parses one JSON document (RFC 8259: strict, UTF-8, depth up to LIMIT_JSON_DEPTH, nothing after
 * it). A double keeps the digits it was written with. ERR_INVALID with "line 3 column 7: ..."
 */
int json_parse(const char *text, size_t bytes, struct json_object **ret_value, struct err *err);
/* The same for what this program wrote: a history holds values inside of values, deeper than any document. */
int json_parse_stored(const char *text, size_t bytes, struct json_object **ret_value, struct err *err);

/* Writes compact JSON: member order kept, no escapes but those JSON demands. */
void json_write(struct buf *out, struct json_object *value);
/* Writes a JSON string with its quotes. */
void json_write_string(struct buf *out, const char *text, size_t bytes);
/* The compact text of a value, from the heap. */
char *json_text(struct json_object *value);
/*
 * Bytes of the compact text; stops counting and returns more than `limit` (below SIZE_MAX) once it is
 * passed, or where the value is nested deeper than LIMIT_JSON_DEPTH.
 */
size_t json_size(struct json_object *value, size_t limit);

/* Adds a member to a fresh object and takes over `value` whatever happens. */
void json_add(struct json_object *object, const char *name, struct json_object *value);
void json_add_text(struct json_object *object, const char *name, const char *text);
void json_add_int(struct json_object *object, const char *name, int64_t number);
void json_add_bool(struct json_object *object, const char *name, bool truth);
/* Appends to a fresh array and takes over `value`. */
void json_append(struct json_object *array, struct json_object *value);

/* Looks up a member; returns whether it is there (it may be null). Borrowed. */
bool json_member(struct json_object *object, const char *name, struct json_object **ret_value);
/* The text of a string member, or NULL where there is none. Borrowed. */
const char *json_member_text(struct json_object *object, const char *name);
int64_t json_member_int(struct json_object *object, const char *name, int64_t otherwise);

/* A double that shows its kind as Java's do: 1.0 for 1. */
struct json_object *json_new_float(double number);

/* Deep equality as the language sees it: 1 equals 1.0, member order does not matter. */
bool json_same(struct json_object *a, struct json_object *b);
/* A new object that shares all members of `object` (or is empty for anything else). */
struct json_object *json_shallow_copy(struct json_object *object);

/* Shortest text of a double that reads back the same, as JavaScript prints it: 1e21, 0.1, -0 as 0. */
size_t json_format_double(double number, char text[32]);

#endif
