#include "asl/dataflow/dataflow.h"

#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/dataflow/choice.h"
#include "asl/dataflow/dataflow_priv.h"
#include "asl/dataflow/template.h"
#include "asl/jsonpath/jsonpath.h"

static bool does_work(const struct state *state)
{
    return state->type == STATE_TASK || state->type == STATE_PARALLEL || state->type == STATE_MAP;
}

void dataflow_inspect(const struct asl_env *env, const char *name, struct json_object *value)
{
    if (env->inspection)
        json_add(env->inspection, name, json_object_get(value));
}

int dataflow_invalid_path(const struct jsonpath *path, const struct jsonpath_miss *miss, struct asl_failure *failure)
{
    return asl_failure_runtime(failure, "Invalid path '%s' : %s", jsonpath_text(path), miss->text);
}

/* InputPath or OutputPath applied to `value`. */
static int apply_path(const struct path_field *field, struct json_object *value, struct asl_env *env,
                      struct json_object **ret_value, struct asl_failure *failure)
{
    struct jsonpath_miss miss;
    if (field->kind == PATH_WHOLE) {
        *ret_value = json_object_get(value);
        return 0;
    }
    if (field->kind == PATH_NOTHING) {
        *ret_value = json_object_new_object();
        return 0;
    }
    if (value == NULL && jsonpath_root(field->path) == JSONPATH_INPUT)
        return asl_failure_runtime(failure, "Unable to apply Path transformation to null or empty input.");
    if (jsonpath_eval(field->path, value, env, ret_value, &miss) == 0)
        return 0;
    return dataflow_invalid_path(field->path, &miss, failure);
}

int dataflow_effective_input(const struct state *state, struct asl_env *env, struct json_object **ret_effective,
                             struct asl_failure *failure)
{
    return apply_path(&state->input_path, env->input, env, ret_effective, failure);
}

int dataflow_input(const struct state *state, struct asl_env *env, struct json_object **ret_effective,
                   struct asl_failure *failure)
{
    if (dataflow_effective_input(state, env, ret_effective, failure) != 0)
        return -1;
    bool shown = !state->jsonata && state->type != STATE_PARALLEL && !(state->type == STATE_PASS && state->has_result);
    if (shown)
        dataflow_inspect(env, "afterInputPath", *ret_effective);
    return 0;
}

/* Whether the arguments are the members of a request: a function or an activity takes any value. */
static bool calls_service(const struct state *state)
{
    return state->type == STATE_TASK && state->resource.kind == RESOURCE_SERVICE;
}

int dataflow_arguments(const struct state *state, struct asl_env *env, struct json_object *effective,
                       struct json_object **ret_arguments, struct asl_failure *failure)
{
    bool literal = state->type == STATE_PASS && state->has_result; /* Result wins over Parameters */
    if (state->arguments && !literal) {
        AUTO_JSON struct json_object *arguments = NULL;
        if (template_eval(state->arguments, effective, env, &arguments, failure) != 0)
            return -1;
        if (state->jsonata && calls_service(state) && !json_object_is_type(arguments, json_type_object))
            return template_mismatch(state->arguments, "object", arguments, failure);
        *ret_arguments = json_take(&arguments);
    } else {
        *ret_arguments = json_object_get(effective);
    }
    if (state->jsonata && state->type == STATE_TASK)
        dataflow_inspect(env, "afterArguments", *ret_arguments);
    else if (!state->jsonata && state->type != STATE_PARALLEL && !literal)
        dataflow_inspect(env, "afterParameters", *ret_arguments);
    return 0;
}

/* ResultPath of a state or a catcher: where `result` goes in the raw input. */
static int apply_result_path(const struct path_field *field, struct asl_env *env, struct json_object *result,
                             struct json_object **ret_value, struct asl_failure *failure)
{
    struct jsonpath_miss miss;
    switch (field->kind) {
    case PATH_WHOLE:
        *ret_value = json_object_get(result);
        return 0;
    case PATH_NOTHING:
        *ret_value = json_object_get(env->input);
        return 0;
    case PATH_SOME:
        if (jsonpath_put(field->path, env->input, result, ret_value, &miss) == 0)
            return 0;
        return asl_failure_set(failure, "States.ResultPathMatchFailure", false, "%s", miss.text);
    }
    return -1;
}

/* Bytes of the variables that stay beside those that are assigned now. */
static size_t other_variables_size(const struct asl_env *env, struct json_object *assigned)
{
    size_t size = 0;
    for (const struct asl_variables *scope = env->variables; scope; scope = scope->outer) {
        if (scope->values == NULL)
            continue;
        json_object_object_foreach (scope->values, name, value) {
            if (!json_member(assigned, name, NULL))
                size += json_size(value, LIMIT_VARIABLES_BYTES);
        }
    }
    return size;
}

/*
 * Assign, or NULL where nothing is assigned. What one state assigns is no larger than a payload, and
 * all variables together have a limit too.
 */
static int assign(const struct template *template, struct json_object *input, struct asl_env *env,
                  struct json_object **ret_assigned, struct asl_failure *failure)
{
    static const char cause[] =
        "The variables that the state assigns exceed the maximum number of bytes service limit.";
    AUTO_JSON struct json_object *assigned = NULL;
    *ret_assigned = NULL;
    if (template == NULL)
        return 0;
    if (template_eval(template, input, env, &assigned, failure) != 0)
        return -1;
    if (!json_object_is_type(assigned, json_type_object) || json_object_object_length(assigned) == 0)
        return 0;
    size_t size = json_size(assigned, LIMIT_PAYLOAD_BYTES);
    if (size > LIMIT_PAYLOAD_BYTES || size + other_variables_size(env, assigned) > LIMIT_VARIABLES_BYTES)
        return asl_failure_set(failure, "States.DataLimitExceeded", true, "%s", cause);
    *ret_assigned = json_take(&assigned);
    return 0;
}

/* ResultSelector, ResultPath, OutputPath. */
static int jsonpath_output(const struct state *state, struct asl_env *env, struct json_object *result,
                           struct json_object **ret_output, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *selected = NULL, *placed = NULL;
    bool shown = does_work(state) || state->type == STATE_PASS;
    if (state->type == STATE_TASK || (state->type == STATE_PASS && state->has_result))
        dataflow_inspect(env, "result", result);
    if (state->result_selector == NULL)
        selected = json_object_get(result);
    else if (template_eval(state->result_selector, result, env, &selected, failure) != 0)
        return -1;
    if (shown)
        dataflow_inspect(env, "afterResultSelector", selected);
    if (!shown)
        placed = json_object_get(result); /* Wait, Succeed: the effective input goes on */
    else if (apply_result_path(&state->result_path, env, selected, &placed, failure) != 0)
        return -1;
    if (shown)
        dataflow_inspect(env, "afterResultPath", placed);
    return apply_path(&state->output_path, placed, env, ret_output, failure);
}

/* Output; its default is the result of states that do work, the input of all others. */
static int jsonata_output(const struct state *state, struct asl_env *env, struct json_object *result,
                          struct json_object **ret_output, struct asl_failure *failure)
{
    if (state->type == STATE_TASK)
        dataflow_inspect(env, "result", result);
    if (state->output)
        return template_eval(state->output, env->input, env, ret_output, failure);
    *ret_output = json_object_get(does_work(state) ? result : env->input);
    return 0;
}

int dataflow_output(const struct state *state, struct asl_env *env, struct json_object *effective,
                    struct json_object *result, struct json_object **ret_output, struct json_object **ret_assigned,
                    struct asl_failure *failure)
{
    AUTO_JSON struct json_object *output = NULL;
    (void)effective; /* the result says it all */
    if (does_work(state)) {
        env->result = result;
        env->has_result = true;
    }
    int error = state->jsonata ? jsonata_output(state, env, result, &output, failure)
                               : jsonpath_output(state, env, result, &output, failure);
    if (error == 0)
        error = assign(state->assign, result, env, ret_assigned, failure);
    if (error == 0)
        *ret_output = json_take(&output);
    return error;
}

int dataflow_catch(const struct state *state, size_t index, struct asl_env *env, struct json_object **ret_output,
                   struct json_object **ret_assigned, struct asl_failure *failure)
{
    const struct catcher *catcher = &state->catch[index];
    AUTO_JSON struct json_object *output = NULL;
    int error = 0;
    env->has_error_output = true;
    env->has_result = false;
    if (!state->jsonata)
        error = apply_result_path(&catcher->result_path, env, env->error_output, &output, failure);
    else if (catcher->output)
        error = template_eval(catcher->output, env->input, env, &output, failure);
    else
        output = json_object_get(env->error_output);
    if (error == 0)
        error = assign(catcher->assign, env->error_output, env, ret_assigned, failure);
    if (error == 0)
        *ret_output = json_take(&output);
    return error;
}

int dataflow_choice(const struct state *state, struct asl_env *env, struct state **ret_next,
                    struct json_object **ret_output, struct json_object **ret_assigned, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *effective = NULL, *output = NULL;
    const struct choice_rule *rule;
    if (dataflow_input(state, env, &effective, failure) != 0 ||
        choice_select(state->choices, state->choice_count, effective, env, &rule, failure) != 0)
        return -1;
    struct state *next = rule ? rule->next : state->default_state;
    const struct template *output_template = rule ? rule->output : state->output;
    if (next == NULL)
        return asl_failure_runtime(failure,
                                   "Failed to transition out of the state. The state does not point to a next state.");
    int error = output_template ? template_eval(output_template, effective, env, &output, failure)
                                : apply_path(&state->output_path, effective, env, &output, failure);
    if (error == 0)
        error = assign(rule ? rule->assign : state->assign, effective, env, ret_assigned, failure);
    if (error == 0) {
        *ret_output = json_take(&output);
        *ret_next = next;
    }
    return error;
}
