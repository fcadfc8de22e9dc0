/* Single fields that are written down, referenced or computed: times, limits, texts, items. */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/dataflow.h"
#include "asl/dataflow/dataflow_priv.h"
#include "asl/dataflow/template.h"
#include "asl/dataflow/timestamp.h"
#include "asl/jsonpath/jsonpath.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

/* A value in a sentence: texts bare, all else as JSON. From the heap. */
static char *shown(struct json_object *value)
{
    if (json_object_is_type(value, json_type_string))
        return mem_strdup(json_object_get_string(value));
    return json_text(value);
}

/* States.QueryEvaluationError at a field of a JSONata state. */
static int fail_field(struct asl_failure *failure, const char *field, const char *text, struct json_object *value)
{
    char *found = shown(value);
    asl_failure_set(failure, "States.QueryEvaluationError", true, text, field, found);
    failure->location = mem_strdup(field);
    free(found);
    return -1;
}

/* ---- numbers ---- */

enum number_shape { SHAPE_INTEGER, SHAPE_FLOAT };

static int eval_number_path(const struct state *state, const struct number_field *field, struct asl_env *env,
                            struct json_object **ret_value, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *effective = NULL;
    struct jsonpath_miss miss;
    if (dataflow_effective_input(state, env, &effective, failure) != 0)
        return -1;
    if (jsonpath_eval(field->path, effective, env, ret_value, &miss) != 0)
        return dataflow_invalid_path(field->path, &miss, failure);
    return 0;
}

/* The number that the text of a field found by a path is: AWS takes "1" for 1. */
static bool text_number(struct json_object *value, enum number_shape shape, double *ret_number)
{
    const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
    const char *allowed = shape == SHAPE_FLOAT ? "+-0123456789.eE" : "+-0123456789";
    char *end;
    double number = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || strspn(text, allowed) != strlen(text))
        return false;
    *ret_number = number;
    return true;
}

static int check_number(const struct number_field *field, enum number_shape shape, struct json_object *value,
                        double *ret_number, struct asl_failure *failure)
{
    bool whole = json_object_is_type(value, json_type_int);
    bool computed = field->kind == NUMBER_EXPRESSION;
    double number = json_object_get_double(value);
    if (is_number(value) && (whole || shape == SHAPE_FLOAT || (computed && number == trunc(number)))) {
        *ret_number = number;
        return 0;
    }
    if (!computed && text_number(value, shape, ret_number))
        return 0;
    if (computed && !is_number(value))
        return template_mismatch(field->expression, "number", value, failure);
    if (computed)
        return fail_field(failure, field->name, "The %s field cannot be parsed as an integer: %s", value);
    char *found = shown(value);
    asl_failure_runtime(failure, "The %s field refers to value \"%s\" which is not a valid %s: %s", field->name, found,
                        shape == SHAPE_FLOAT ? "float" : "integer", jsonpath_text(field->path));
    free(found);
    return -1;
}

static int eval_number(const struct state *state, const struct number_field *field, enum number_shape shape,
                       struct asl_env *env, bool *ret_given, double *ret_number, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *value = NULL;
    int error = 0;
    *ret_given = field->kind != NUMBER_NONE;
    switch (field->kind) {
    case NUMBER_NONE:
        return 0;
    case NUMBER_LITERAL:
        *ret_number = field->literal;
        return 0;
    case NUMBER_PATH:
        error = eval_number_path(state, field, env, &value, failure);
        break;
    case NUMBER_EXPRESSION:
        error = template_eval(field->expression, env->input, env, &value, failure);
        break;
    }
    return error ? error : check_number(field, shape, value, ret_number, failure);
}

int dataflow_number(const struct state *state, const struct number_field *field, struct asl_env *env, bool *ret_given,
                    int64_t *ret_number, struct asl_failure *failure)
{
    static const double most = 9.2e18; /* a little less than what an int64_t holds */
    double number = 0;
    if (eval_number(state, field, SHAPE_INTEGER, env, ret_given, &number, failure) != 0)
        return -1;
    if (*ret_given)
        *ret_number = number > most ? INT64_MAX : number < -most ? -INT64_MAX : (int64_t)number;
    return 0;
}

int dataflow_fraction(const struct state *state, const struct number_field *field, struct asl_env *env, bool *ret_given,
                      double *ret_number, struct asl_failure *failure)
{
    return eval_number(state, field, SHAPE_FLOAT, env, ret_given, ret_number, failure);
}

/* TimeoutSeconds or HeartbeatSeconds: 0 where not set. */
static int eval_seconds(const struct state *state, const struct number_field *field, const char *name,
                        struct asl_env *env, int64_t *ret_seconds, struct asl_failure *failure)
{
    bool given;
    double seconds = 0;
    if (eval_number(state, field, SHAPE_INTEGER, env, &given, &seconds, failure) != 0)
        return -1;
    if (seconds >= 0 && seconds <= LIMIT_SECONDS) {
        *ret_seconds = (int64_t)seconds;
        return 0;
    }
    asl_failure_set(failure, state->jsonata ? "States.QueryEvaluationError" : "States.Runtime", true,
                    "%s must be between 0 and %d but was: %.0f", name, LIMIT_SECONDS, seconds);
    if (state->jsonata)
        failure->location = mem_strdup(name);
    return -1;
}

int dataflow_timeouts(const struct state *state, struct asl_env *env, int64_t *ret_timeout_seconds,
                      int64_t *ret_heartbeat_seconds, struct asl_failure *failure)
{
    if (eval_seconds(state, &state->timeout_seconds, "TimeoutSeconds", env, ret_timeout_seconds, failure) != 0)
        return -1;
    return eval_seconds(state, &state->heartbeat_seconds, "HeartbeatSeconds", env, ret_heartbeat_seconds, failure);
}

/* ---- Wait ---- */

/* SecondsPath and TimestampPath have sentences of their own for what they find. */
static int eval_wait_path(const struct state *state, const struct jsonpath *path, const char *name, struct asl_env *env,
                          struct json_object **ret_value, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *effective = NULL, *value = NULL;
    if (dataflow_effective_input(state, env, &effective, failure) != 0)
        return -1;
    if (jsonpath_eval(path, effective, env, &value, NULL) != 0 || value == NULL)
        return asl_failure_runtime(failure, "The %s parameter does not reference an input value: %s", name,
                                   jsonpath_text(path));
    *ret_value = json_take(&value);
    return 0;
}

static int fail_wait_path(const char *format, const struct jsonpath *path, struct json_object *value,
                          struct asl_failure *failure)
{
    char *found = shown(value);
    asl_failure_runtime(failure, "%s: %s == %s", format, jsonpath_text(path), found);
    free(found);
    return -1;
}

static int wait_seconds(const struct state *state, struct asl_env *env, double *ret_seconds,
                        struct asl_failure *failure)
{
    const struct number_field *field = &state->seconds;
    AUTO_JSON struct json_object *value = NULL;
    bool given;
    if (field->kind != NUMBER_PATH) {
        if (eval_number(state, field, SHAPE_INTEGER, env, &given, ret_seconds, failure) != 0)
            return -1;
        if (*ret_seconds >= 0 && *ret_seconds <= LIMIT_SECONDS)
            return 0;
        asl_failure_set(failure, "States.QueryEvaluationError", true, "Seconds must be between 0 and %d but was: %.0f",
                        LIMIT_SECONDS, *ret_seconds);
        failure->location = mem_strdup("Seconds");
        return -1;
    }
    if (eval_wait_path(state, field->path, "SecondsPath", env, &value, failure) != 0)
        return -1;
    if (json_object_is_type(value, json_type_int))
        *ret_seconds = (double)json_object_get_int64(value);
    else if (!text_number(value, SHAPE_INTEGER, ret_seconds))
        return fail_wait_path("The SecondsPath parameter cannot be parsed as a long value", field->path, value,
                              failure);
    if (*ret_seconds < 0)
        return fail_wait_path("The SecondsPath parameter references a negative value", field->path, value, failure);
    return 0;
}

/* The text of Timestamp or TimestampPath as a moment. */
static int wait_timestamp(const struct state *state, struct asl_env *env, int64_t *ret_ms, struct asl_failure *failure)
{
    static const char invalid[] =
        "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string";
    const struct text_field *field = &state->timestamp;
    AUTO_JSON struct json_object *value = NULL;
    if (field->kind == NUMBER_LITERAL) {
        value = json_object_new_string(field->literal);
    } else if (field->kind == NUMBER_PATH) {
        if (eval_wait_path(state, field->path, "TimestampPath", env, &value, failure) != 0)
            return -1;
    } else if (template_eval(field->expression, env->input, env, &value, failure) != 0) {
        return -1;
    }
    bool is_text = json_object_is_type(value, json_type_string);
    if (is_text && timestamp_parse_ms(json_object_get_string(value), (size_t)json_object_get_string_len(value), ret_ms))
        return 0;
    if (field->kind == NUMBER_PATH)
        return fail_wait_path(invalid, field->path, value, failure);
    if (!is_text)
        return template_mismatch(field->expression, "string", value, failure);
    return fail_field(failure, "Timestamp",
                      "The %s field cannot be parsed as an ISO-8601 extended offset date-time format string: %s",
                      value);
}

int dataflow_wait_until(const struct state *state, struct asl_env *env, int64_t entered_ms, int64_t *ret_until_ms,
                        struct asl_failure *failure)
{
    int64_t until_ms = entered_ms;
    double seconds = 0;
    if (state->seconds.kind == NUMBER_NONE) {
        if (wait_timestamp(state, env, &until_ms, failure) != 0)
            return -1;
        seconds = (double)(until_ms - entered_ms) / 1000;
    } else if (wait_seconds(state, env, &seconds, failure) != 0) {
        return -1;
    }
    if (seconds > LIMIT_WAIT_SECONDS)
        return asl_failure_runtime(failure, "Wait state delay is too long.");
    *ret_until_ms = state->seconds.kind == NUMBER_NONE ? until_ms : entered_ms + (int64_t)seconds * 1000;
    return 0;
}

/* ---- Fail ---- */

/* Error or Cause: a text from the heap, NULL where it is not set. */
static int eval_text(const struct text_field *field, struct asl_env *env, char **ret_text, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *value = NULL;
    *ret_text = NULL;
    if (field->kind == NUMBER_NONE)
        return 0;
    if (field->kind == NUMBER_LITERAL) {
        *ret_text = mem_strdup(field->literal);
        return 0;
    }
    if (template_eval(field->expression, env->input, env, &value, failure) != 0)
        return -1;
    if (json_object_is_type(value, json_type_string)) {
        *ret_text = mem_strdup(json_object_get_string(value));
        return 0;
    }
    size_t bytes = strlen(field->name);
    if (bytes < 4 || strcmp(field->name + bytes - 4, "Path") != 0)
        return template_mismatch(field->expression, "string", value, failure);
    char *found = shown(value);
    asl_failure_runtime(failure, "The %s parameter does not reference a string: %s", field->name, found);
    free(found);
    return -1;
}

int dataflow_fail(const struct state *state, struct asl_env *env, char **ret_error, char **ret_cause,
                  struct asl_failure *failure)
{
    char *error = NULL;
    if (!state->jsonata)
        dataflow_inspect(env, "afterInputPath", env->input);
    if (eval_text(&state->error, env, &error, failure) != 0)
        return -1;
    if (eval_text(&state->cause, env, ret_cause, failure) != 0) {
        free(error);
        return -1;
    }
    *ret_error = error;
    return 0;
}

/* ---- Task ---- */

int dataflow_credentials(const struct state *state, struct asl_env *env, struct json_object *effective,
                         struct json_object **ret_credentials, struct asl_failure *failure)
{
    *ret_credentials = NULL;
    return state->credentials ? template_eval(state->credentials, effective, env, ret_credentials, failure) : 0;
}
