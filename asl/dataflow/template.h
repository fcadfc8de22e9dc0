/*
 * template.h - payload templates of both query languages, compiled once.
 *
 * A template is any JSON value of a definition in which parts are computed: members named `x.$`
 * (JSONPath: a path or an intrinsic call) or strings `{% ... %}` (JSONata). Parts without anything to
 * compute are kept as they are and shared with every result.
 *
 * Memory    lives in the arena of the definition; results are new references.
 * Source    ASL "Payload Template", "Intrinsic Functions"; reference/jsonpath.md sections 3 and 4,
 *           reference/jsonata.md.
 */
#ifndef ASL_DATAFLOW_TEMPLATE_H
#define ASL_DATAFLOW_TEMPLATE_H

#include "asl/definition/diagnostic.h"
#include "asl/jsonata/jsonata.h"

#include <stdbool.h>

struct arena;
struct asl_env;
struct asl_failure;
struct json_object;
struct template;

/* What a template may look at, for checks at compile time. */
struct template_scope {
    bool jsonata;                       /* the state's query language */
    struct jsonata_states_scope states; /* JSONata: which of $states' fields exist here */
    bool allow_placeholders;            /* texts with CloudFormation's ${Name} are not looked into */
};

/*
 * Compiles `value`. `field` is the name of the top field ("Parameters", "Output", "Catch[1]/Output"),
 * which run-time texts name, `location` its place in the definition for diagnostics ("/States/A/Parameters").
 * Faults are added to `diagnostics`; then the result is a template that must not be evaluated.
 */
struct template *template_compile(struct arena *arena, struct json_object *value, const char *field,
                                  struct template_scope scope, const char *location, struct diagnostics *diagnostics);

/*
 * Compiles a single JSONPath-language expression: a path or (where allowed) an intrinsic call, for
 * fields such as ErrorPath or CausePath.
 */
struct template *template_compile_path(struct arena *arena, const char *text, const char *field, bool allow_intrinsic,
                                       const char *location, struct diagnostics *diagnostics);

/* Whether ${Name} or ${Resource.Attribute}, which CloudFormation fills in, stands somewhere in the text. */
bool template_has_placeholder(const char *text);
/* Whether a value is a text of the form {% ... %}. */
bool template_is_jsonata(struct json_object *value);
/* Whether a value is a text with one of the two delimiters where it should have both: template_compile() reports it. */
bool template_is_half_jsonata(struct json_object *value);

/* Nothing in it is computed: its value, borrowed; otherwise returns false. */
bool template_constant(const struct template *t, struct json_object **ret_value);

/*
 * Evaluates. `input` is what `$` stands for in JSONPath (in JSONata $states.input is env->input).
 * 0 and a new reference, or -1 and the failure with AWS's text.
 */
int template_eval(const struct template *t, struct json_object *input, struct asl_env *env,
                  struct json_object **ret_value, struct asl_failure *failure);

/*
 * A JSONata expression whose value is not of the type that its field wants: sets
 * States.QueryEvaluationError with AWS's text and returns -1. `wanted`: "array", "number" ... For a
 * template that is a literal the text speaks of the field alone.
 */
int template_mismatch(const struct template *t, const char *wanted, struct json_object *value,
                      struct asl_failure *failure);

/* Names of the workflow variables that it reads; calls back once per use. */
void template_variables(const struct template *t, void (*report)(void *context, const char *name), void *context);

#endif
