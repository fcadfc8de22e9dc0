/*
 * diagnostic.h - what is wrong with a definition: all of it, in one pass.
 *
 * Shapes    a location is the API's form ("/States/A/Choices[0]/Next": `/` before members, [i] for
 *           indexes), from which JSON pointer, line and column are derived when they are shown.
 * Memory    everything is owned by the struct diagnostics.
 * Source    ValidateStateMachineDefinition; reference/api.md section 8.
 */
#ifndef ASL_DEFINITION_DIAGNOSTIC_H
#define ASL_DEFINITION_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>

enum diagnostic_severity { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

struct diagnostic {
    enum diagnostic_severity severity;
    const char *code;  /* "SCHEMA_VALIDATION_FAILED" ...: static text */
    char *message;     /* AWS's wording where it is known */
    char *location;    /* NULL: none */
    char *found;       /* the value or name that was found, shortened; NULL: nothing to show */
    char *expected;    /* what belongs there; NULL */
    char *suggestion;  /* "did you mean 'Next'?"; NULL */
    int line, column;  /* from 1; 0 unknown */
};

struct diagnostics {
    struct diagnostic *list;
    size_t count;
    size_t capacity;
    size_t error_count;
};

#define DIAGNOSTICS_INIT {NULL, 0, 0, 0}

void diagnostics_release(struct diagnostics *diagnostics);
/* Adds one and returns it, so that found, expected and suggestion (heap texts) can be set. */
struct diagnostic *diagnostics_add(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                                   const char *code, const char *location, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
