/*
 * jsonata.h - JSONata expressions: compiled once, evaluated many times.
 *
 * Shapes    an expression is UTF-8 text without the {% %} delimiters; positions count code points
 *           from 0. As in the reference implementation an error names the end of the token it is about.
 * Promise   a compiled expression is read-only and may be evaluated any number of times; an
 *           evaluation ends within its bounds (steps of time, depth, memory) whatever the input.
 *           No I/O, no randomness and no time of its own: both come in through struct jsonata_env;
 *           only time_ms is measured on the monotonic clock.
 * Memory    jsonata_compile() gives an expression to jsonata_free(). Results are the caller's.
 * Source    https://docs.jsonata.org, the 2.x reference behaviour; in workflows the rules of AWS
 *           Step Functions ("Transforming data with JSONata").
 */
#ifndef ASL_JSONATA_JSONATA_H
#define ASL_JSONATA_JSONATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;
struct jsonata;

struct jsonata_error {
    char code[8];                /* "S0202", "T2001" ...; of a limit U1001, empty in JSONATA_STATES */
    int position;                /* code points from the start of the expression, -1 unknown */
    char *message;               /* the reference's text with values filled in; heap */
    char *token;                 /* the token in question or NULL; heap */
    struct json_object *details; /* further members of the reference's error (value, index ...), or NULL */
};
void jsonata_error_release(struct jsonata_error *error);

/* Who asks: AWS leaves out $eval and adds $partition, $range, $hash, $random, $uuid, $parse. */
enum jsonata_dialect { JSONATA_STANDARD, JSONATA_STATES };

/* 0, or ERR_INVALID with the (first) fault. */
int jsonata_compile(const char *text, size_t bytes, enum jsonata_dialect dialect, struct jsonata **ret_expression,
                    struct jsonata_error *error);
void jsonata_free(struct jsonata *expression);

/*
 * Faults that only the Step Functions dialect knows (reference/api.md section 8): a bare name or `$`
 * at the top level, `$$`, `$states.result` or `$states.errorOutput` where they do not exist. Calls
 * back once per distinct fault with its text ("Reference to 'phone' at the top level is not
 * supported.") and the position.
 */
struct jsonata_states_scope {
    bool has_result;
    bool has_error_output;
};
void jsonata_check_states(const struct jsonata *expression, struct jsonata_states_scope scope,
                          void (*report)(void *context, const char *message, int position), void *context);

/* Names of the variables ($name) that are used but not bound inside the expression; calls back once each. */
void jsonata_free_variables(const struct jsonata *expression, void (*report)(void *context, const char *name),
                            void *context);

struct jsonata_limits {
    int time_ms;         /* 0: none */
    int depth;           /* nesting of evaluation; 0: the built-in maximum */
    size_t memory_bytes; /* of values made by one evaluation; 0: none */
};

struct jsonata_env {
    bool has_input; /* false: the input is undefined */
    struct json_object *input;
    /* Finds $name: returns true and a borrowed value, or false for undefined. NULL: no variables. */
    bool (*lookup)(void *context, const char *name, struct json_object **ret_value);
    void *lookup_context;
    int64_t now_ms;                                           /* for $now and $millis: constant per evaluation */
    void (*random)(void *context, void *bytes, size_t count); /* for $random, $uuid, $shuffle */
    void *random_context;
    struct jsonata_limits limits;
};

/*
 * Evaluates. 0 with *ret_defined false for "nothing"; ERR_INVALID with the error for a JSONata error
 * (limits included). A function as the result gives ERR_UNSUPPORTED in JSONATA_STATES; in
 * JSONATA_STANDARD it shows as the reference's JSON form would (undefined or "").
 */
int jsonata_evaluate(const struct jsonata *expression, const struct jsonata_env *env, bool *ret_defined,
                     struct json_object **ret_value, struct jsonata_error *error);

#endif
