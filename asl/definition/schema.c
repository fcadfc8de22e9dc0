#include "asl/definition/schema.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "asl/jsonpath/jsonpath.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diagnostic *schema_fault(struct diagnostics *diagnostics, const char *location, struct json_object *value,
                                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = mem_vprintf(format, args);
    va_end(args);
    struct diagnostic *diagnostic = diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, SCHEMA, location, "%s", message);
    free(message);
    return diagnostic_found(diagnostic, value);
}

static const char *type_word(enum json_type type)
{
    switch (type) {
    case json_type_string:
        return "STRING";
    case json_type_object:
        return "OBJECT";
    case json_type_array:
        return "ARRAY";
    case json_type_boolean:
        return "BOOLEAN";
    case json_type_null:
        return "NULL";
    default:
        return "NUMBER";
    }
}

bool schema_expect(struct diagnostics *diagnostics, const char *location, struct json_object *value,
                   enum json_type type)
{
    bool fits = json_object_is_type(value, type);
    if (!fits)
        schema_fault(diagnostics, location, value, "Expected value of type [%s]", type_word(type));
    return fits;
}

/* A fault of a path names its column; in front of the value that is shown stands a quote. */
static void mark(struct diagnostic *diagnostic, const struct err *err)
{
    if (sscanf(err->message, "column %d", &diagnostic->found_column) == 1)
        diagnostic->found_column++;
}

/* AWS gives the reason for Reference Paths alone. */
static struct diagnostic *fault_path(struct diagnostics *diagnostics, const char *location, struct json_object *value,
                                     bool reference, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *why = mem_vprintf(format, args);
    va_end(args);
    struct diagnostic *diagnostic;
    if (reference) {
        diagnostic = schema_fault(diagnostics, location, value, "Value is not a Reference Path: %s", why);
    } else {
        diagnostic = schema_fault(diagnostics, location, value, "Value must be a valid JSONPath.");
        diagnostic->plain = mem_printf("Value is not a JSONPath: %s", why);
    }
    free(why);
    return diagnostic;
}

struct jsonpath *schema_path(struct diagnostics *diagnostics, const char *location, struct json_object *value,
                             bool reference, struct arena *arena)
{
    struct jsonpath *path = NULL;
    struct err err;
    if (!schema_expect(diagnostics, location, value, json_type_string))
        return NULL;
    const char *text = json_object_get_string(value);
    if (text[0] != '$')
        fault_path(diagnostics, location, value, reference, "%s didn't start with '$'",
                   reference ? "Reference path" : "Path");
    else if (jsonpath_compile(arena, text, (size_t)json_object_get_string_len(value), &path, &err) != 0)
        mark(fault_path(diagnostics, location, value, reference, "%s", err.message), &err);
    else if (!reference || jsonpath_is_reference(path))
        return path;
    else
        fault_path(diagnostics, location, value, true, "the path may lead to more than one value");
    return NULL;
}

/* The exact place of a member that is reported at its object. */
static void place_at(struct diagnostic *diagnostic, const char *location, const char *name)
{
    diagnostic->place = mem_printf("%s/%s", strcmp(location, "/") == 0 ? "" : location, name);
}

void schema_unsupported(struct diagnostics *diagnostics, const char *location, const char *name,
                        struct json_object *value, const char *suggestion)
{
    struct diagnostic *diagnostic = schema_fault(diagnostics, location, value, "Field '%s' is not supported", name);
    place_at(diagnostic, location, name);
    diagnostic_suggest(diagnostic, suggestion);
}

void schema_language(struct diagnostics *diagnostics, const char *location, const char *name, bool jsonata)
{
    static const char *const names[] = {"JSONPath", "JSONata"};
    struct diagnostic *diagnostic =
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, SCHEMA, location,
                        "The QueryLanguage is set to '%s', but field '%s' is only supported for the '%s' QueryLanguage",
                        names[jsonata], name, names[!jsonata]);
    place_at(diagnostic, location, name);
}

void schema_placeholder(struct diagnostics *diagnostics, const char *location, struct json_object *value)
{
    diagnostic_found(diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, "PLACEHOLDER", location,
                                     "the value is filled in when the machine is deployed: not checked"),
                     value);
}
