#include "asl/env.h"

#include "asl/base/json.h"

struct json_object *asl_env_context(struct asl_env *env)
{
    if (env->context == NULL && env->make_context)
        env->context = env->make_context(env->context_owner);
    return env->context;
}

void asl_env_release(struct asl_env *env)
{
    json_release(&env->context);
}

bool asl_env_variable(const struct asl_env *env, const char *name, struct json_object **ret_value)
{
    for (const struct asl_variables *scope = env->variables; scope; scope = scope->outer)
        if (json_member(scope->values, name, ret_value))
            return true;
    return false;
}
