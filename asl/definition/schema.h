/*
 * schema.h - the faults that every part of the compiler reports, in AWS's wording.
 *
 * The errors are SCHEMA_VALIDATION_FAILED at a location as in diagnostic.h. What AWS reports at the
 * object around gets its exact place besides.
 */
#ifndef ASL_DEFINITION_SCHEMA_H
#define ASL_DEFINITION_SCHEMA_H

#include "asl/definition/diagnostic.h"

#include <json-c/json.h>
#include <stdbool.h>

struct arena;
struct jsonpath;

#define SCHEMA "SCHEMA_VALIDATION_FAILED"

/* A fault at a value, which is shown. */
struct diagnostic *schema_fault(struct diagnostics *diagnostics, const char *location, struct json_object *value,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether the value is of this type; a fault where it is not. */
bool schema_expect(struct diagnostics *diagnostics, const char *location, struct json_object *value,
                   enum json_type type);

/* Compiles a path; `reference`: one that leads to one value. NULL with a fault. */
struct jsonpath *schema_path(struct diagnostics *diagnostics, const char *location, struct json_object *value,
                             bool reference, struct arena *arena);

/* The object at the location has no such field; `suggestion` is a name that is near, or NULL. */
void schema_unsupported(struct diagnostics *diagnostics, const char *location, const char *name,
                        struct json_object *value, const char *suggestion);
/* It has it in the other query language only; `jsonata` is the one it is in. */
void schema_language(struct diagnostics *diagnostics, const char *location, const char *name, bool jsonata);

/* What a deployment tool fills in stands there: a warning, as the value is not checked. */
void schema_placeholder(struct diagnostics *diagnostics, const char *location, struct json_object *value);

#endif
