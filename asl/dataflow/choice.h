/*
 * choice.h - the rules of a Choice state, compiled once.
 *
 * Shapes    JSONPath: Variable and one of 39 comparators, And, Or, Not. JSONata: Condition.
 * Promise   a value of another type makes a comparison false, never an error; And and Or stop as
 *           soon as the result is known.
 * Memory    the rules live in the arena of the definition and are read-only.
 * Source    ASL "Choice State"; reference/asl.md section 10.
 */
#ifndef ASL_DATAFLOW_CHOICE_H
#define ASL_DATAFLOW_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct asl_env;
struct asl_failure;
struct choice_test;
struct diagnostics;
struct json_object;
struct state;
struct template;

/* A rule of the top level; state->choices is an array of these. */
struct choice_rule {
    struct choice_test *test; /* what must be true */
    struct state *next;
    struct template *assign; /* NULL: none */
    struct template *output; /* JSONata; NULL: the state input */
};

/* What the compiler of definitions knows. */
struct choice_scope {
    struct arena *arena;
    bool jsonata;            /* the state's query language */
    bool allow_placeholders; /* as in struct template_scope */
    /* The state that a Next names. NULL where there is none; the callee has reported it then. */
    struct state *(*target)(void *context, const char *name, const char *location);
    void *context;
    struct diagnostics *diagnostics;
};

/*
 * Compiles the array `rules` of the Choices field, which stands at `location` ("/States/A/Choices").
 * Checks everything inside it: fields, types, paths, expressions, and adds faults to the
 * diagnostics; then the rules must not be evaluated. `*ret_count` is the number of rules, 0 for
 * anything but an array.
 */
struct choice_rule *choice_compile(const struct choice_scope *scope, struct json_object *rules, const char *location,
                                   size_t *ret_count);

/*
 * Finds the first rule that is true; `input` is what `$` stands for. 0 and the rule (NULL: none is
 * true), or -1 and the failure.
 */
int choice_select(const struct choice_rule *rules, size_t count, struct json_object *input, struct asl_env *env,
                  const struct choice_rule **ret_rule, struct asl_failure *failure);

/* Names of the workflow variables that the rules read (Assign and Output too); once per use. */
void choice_variables(const struct choice_rule *rules, size_t count, void (*report)(void *context, const char *name),
                      void *context);

#endif
