/*
 * env.h - what the expressions of one state may look at.
 *
 * The core fills one of these for each evaluation; nothing in asl/ knows where the values come from.
 * All values are borrowed for the time of the call.
 */
#ifndef ASL_ENV_H
#define ASL_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* Workflow variables: one object of name to value per States block, inner before outer. */
struct asl_variables {
    struct json_object *values; /* object, or NULL when none are set */
    const struct asl_variables *outer;
};

struct asl_env {
    struct json_object *input;        /* raw state input: $states.input; `$` where a field says so */
    struct json_object *result;       /* $states.result */
    struct json_object *error_output; /* {"Error","Cause"}: $states.errorOutput */
    bool has_result;
    bool has_error_output;
    /* The context object is made only when an expression looks at it: the callback is called at most
       once per env and its value kept in `context`. */
    struct json_object *(*make_context)(void *owner); /* returns a new reference */
    void *context_owner;
    struct json_object *context; /* owned by the env once made; asl_env_release() drops it */
    const struct asl_variables *variables;
    int64_t now_ms;
    void (*random)(void *owner, void *bytes, size_t count);
    void *random_owner;
    /* Where TestState wants the steps in between ("afterInputPath" ...): an object, or NULL. */
    struct json_object *inspection;
};

/* The context object (borrowed), made on first use. */
struct json_object *asl_env_context(struct asl_env *env);
/* Drops what the env made (the context). */
void asl_env_release(struct asl_env *env);
/* Looks a variable up through the scopes; borrowed. */
bool asl_env_variable(const struct asl_env *env, const char *name, struct json_object **ret_value);

#endif
