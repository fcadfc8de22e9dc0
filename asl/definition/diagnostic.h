/*
 * diagnostic.h - what is wrong with a definition: all of it, in one pass.
 *
 * Shapes    a location is the API's form ("/States/A/Choices[0]/Next": `/` before members, [i] for
 *           indexes), from which JSON pointer, line and column are derived when they are shown.
 *           AWS's locations are sometimes coarse (a field that a state does not have is reported at
 *           the state); `place` then says where exactly.
 * Memory    everything is owned by the struct diagnostics.
 * Source    ValidateStateMachineDefinition; reference/api.md section 8.
 */
#ifndef ASL_DEFINITION_DIAGNOSTIC_H
#define ASL_DEFINITION_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

enum diagnostic_severity { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

struct diagnostic {
    enum diagnostic_severity severity;
    const char *code; /* "SCHEMA_VALIDATION_FAILED" ...: static text */
    char *message;    /* AWS's wording where it is known */
    char *plain;      /* the same for people, where AWS's wording is poor; NULL: as message */
    char *location;   /* NULL: none */
    char *place;      /* the exact location where `location` is coarser; NULL: as location */
    char *found;      /* the value or name that was found, shortened; NULL: nothing to show */
    int found_column; /* where in `found` the fault is, in characters from 1; 0: nowhere in particular */
    char *expected;   /* what belongs there; NULL */
    char *suggestion; /* "did you mean 'Next'?"; NULL */
    char *exception;  /* what CreateStateMachine says in its place when it comes first; NULL: says it like all */
    int line, column; /* from 1; 0 unknown */
};

struct diagnostics {
    struct diagnostic *list;
    size_t count;
    size_t capacity;
    size_t error_count;
};

#define DIAGNOSTICS_INIT                                                                                               \
    {                                                                                                                  \
        NULL, 0, 0, 0                                                                                                  \
    }

void diagnostics_release(struct diagnostics *diagnostics);
/* Adds one and returns it, so that found, expected and suggestion (heap texts) can be set. */
struct diagnostic *diagnostics_add(struct diagnostics *diagnostics, enum diagnostic_severity severity, const char *code,
                                   const char *location, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Moves all of `from` to the end of `to`. */
void diagnostics_append(struct diagnostics *to, struct diagnostics *from);

/* Brings them into the order of the text, for people; definition_locate() goes before. */
void diagnostics_sort(struct diagnostics *diagnostics);

/* Sets `found` to the compact text of a value, shortened; returns the diagnostic. */
struct diagnostic *diagnostic_found(struct diagnostic *diagnostic, struct json_object *value);
/* Sets `suggestion` to "did you mean 'NAME'?"; nothing where the name is NULL. */
void diagnostic_suggest(struct diagnostic *diagnostic, const char *name);

/* The errors (at most 100) as InvalidDefinition words them: "CODE: message at location, CODE: ..."; from the heap. */
char *diagnostics_aws_text(const struct diagnostics *diagnostics);

/*
 * The whole message of an InvalidDefinition about this definition; from the heap. It is all the errors, or, where the
 * first one is recorded to be answered as an exception, that one alone.
 */
char *diagnostics_refusal(const struct diagnostics *diagnostics, const char *definition);

/*
 * The answer of ValidateStateMachineDefinition: {result, diagnostics, truncated}. Warnings are left
 * out unless asked for; at most `limit` entries (0: 100).
 */
struct json_object *diagnostics_answer(const struct diagnostics *diagnostics, bool with_warnings, size_t limit);

/* A location of the API's form as an RFC 6901 JSON pointer; from the heap. Names that hold `/` or `[` are
 * taken apart. */
char *diagnostic_pointer(const struct diagnostic *diagnostic);

#endif
