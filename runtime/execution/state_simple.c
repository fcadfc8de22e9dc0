/*
 * state_simple.c - the states that need nothing from outside: Pass, Choice, Succeed, Fail, and Wait, which
 * needs only time.
 */
#include "asl/base/json.h"
#include "asl/dataflow/dataflow.h"
#include "runtime/execution/execution_priv.h"

#include <stdlib.h>

/* The result through ResultPath and OutputPath or Output, Assign; then the exit. */
static int finish(struct execution *x, struct frame *frame, struct asl_env *env, struct json_object *effective,
                  struct json_object *result, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *output = NULL;
    AUTO_JSON struct json_object *assigned = NULL;
    if (dataflow_output(frame->state, env, effective, result, &output, &assigned, failure) != 0)
        return -1;
    if (fits_payload(x, frame, output, frame->state->name))
        exit_state(x, frame, output, assigned, frame->state->next);
    return 0;
}

int work_pass(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    const struct state *state = frame->state;
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *result = NULL;
    if (dataflow_input(state, env, &effective, failure) != 0 ||
        (!state->has_result && dataflow_arguments(state, env, effective, &result, failure) != 0))
        return -1;
    return finish(x, frame, env, effective, state->has_result ? state->result : result, failure);
}

int work_succeed(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *effective = NULL;
    if (dataflow_input(frame->state, env, &effective, failure) != 0)
        return -1;
    return finish(x, frame, env, effective, effective, failure);
}

int work_choice(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    struct state *next = NULL;
    AUTO_JSON struct json_object *output = NULL;
    AUTO_JSON struct json_object *assigned = NULL;
    if (dataflow_choice(frame->state, env, &next, &output, &assigned, failure) != 0)
        return -1;
    if (fits_payload(x, frame, output, frame->state->name))
        exit_state(x, frame, output, assigned, next);
    return 0;
}

int work_fail(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    char *error = NULL, *cause = NULL;
    int code = dataflow_fail(frame->state, env, &error, &cause, failure);
    if (code == 0)
        fail_frame(x, frame, error, cause);
    free(error);
    free(cause);
    return code;
}

int work_wait(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    int64_t until_ms;
    if (dataflow_wait_until(frame->state, env, frame->entered_ms, &until_ms, failure) != 0)
        return -1;
    struct event event = event_of(frame, EVENT_WAIT_SET);
    double scale = x->settings.wait_time_scale;
    if (scale != 1 && until_ms > frame->entered_ms)
        until_ms = frame->entered_ms + (int64_t)((double)(until_ms - frame->entered_ms) * scale);
    event.until_ms = until_ms;
    emit(x, event);
    return 0;
}

void step_result(struct execution *x, struct frame *frame)
{
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *result = NULL;
    int code;
    if (frame->state->type == STATE_WAIT) {
        code = dataflow_input(frame->state, &env, &effective, &failure);
        if (code == 0)
            code = finish(x, frame, &env, effective, effective, &failure);
    } else {
        result = json_object_get(frame->value);
        env.result = result;
        env.has_result = true;
        code = finish(x, frame, &env, effective, result, &failure);
    }
    if (code != 0)
        fail_state(x, frame, &failure);
    asl_env_release(&env);
}
