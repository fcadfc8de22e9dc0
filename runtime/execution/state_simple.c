/*
 * state_simple.c - the states that need nothing from outside: Pass, Choice, Succeed, Fail, and Wait, which
 * needs only time.
 */
#include "asl/base/json.h"
#include "asl/dataflow/dataflow.h"
#include "runtime/execution/execution_priv.h"

#include <stdlib.h>

/* InputPath, the result through ResultPath and OutputPath or Output, Assign; then the exit. */
static void finish(struct execution *x, struct frame *frame, struct asl_env *env, struct json_object *effective,
                   struct json_object *result)
{
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *output = NULL;
    AUTO_JSON struct json_object *assigned = NULL;
    if (dataflow_output(frame->state, env, effective, result, &output, &assigned, &failure) != 0)
        fail_state(x, frame, &failure);
    else if (fits_payload(x, frame, output, frame->state->name))
        exit_state(x, frame, output, assigned, frame->state->next);
}

void work_pass(struct execution *x, struct frame *frame)
{
    const struct state *state = frame->state;
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *result = NULL;
    if (dataflow_input(state, &env, &effective, &failure) != 0)
        fail_state(x, frame, &failure);
    else if (state->has_result)
        finish(x, frame, &env, effective, state->result);
    else if (dataflow_arguments(state, &env, effective, &result, &failure) != 0)
        fail_state(x, frame, &failure);
    else
        finish(x, frame, &env, effective, result);
    asl_env_release(&env);
}

void work_succeed(struct execution *x, struct frame *frame)
{
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *effective = NULL;
    if (dataflow_input(frame->state, &env, &effective, &failure) != 0)
        fail_state(x, frame, &failure);
    else
        finish(x, frame, &env, effective, effective);
    asl_env_release(&env);
}

void work_choice(struct execution *x, struct frame *frame)
{
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    struct state *next = NULL;
    AUTO_JSON struct json_object *output = NULL;
    AUTO_JSON struct json_object *assigned = NULL;
    if (dataflow_choice(frame->state, &env, &next, &output, &assigned, &failure) != 0)
        fail_state(x, frame, &failure);
    else if (fits_payload(x, frame, output, frame->state->name))
        exit_state(x, frame, output, assigned, next);
    asl_env_release(&env);
}

void work_fail(struct execution *x, struct frame *frame)
{
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    char *error = NULL, *cause = NULL;
    if (dataflow_fail(frame->state, &env, &error, &cause, &failure) != 0)
        fail_state(x, frame, &failure);
    else
        fail_frame(x, frame, error, cause);
    free(error);
    free(cause);
    asl_env_release(&env);
}

void work_wait(struct execution *x, struct frame *frame)
{
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    int64_t until_ms;
    if (dataflow_wait_until(frame->state, &env, frame->entered_ms, &until_ms, &failure) != 0) {
        fail_state(x, frame, &failure);
    } else {
        struct event event = event_of(frame, EVENT_WAIT_SET);
        double scale = x->settings.wait_time_scale;
        if (scale != 1 && until_ms > frame->entered_ms)
            until_ms = frame->entered_ms + (int64_t)((double)(until_ms - frame->entered_ms) * scale);
        event.until_ms = until_ms;
        emit(x, event);
    }
    asl_env_release(&env);
}

void step_result(struct execution *x, struct frame *frame)
{
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *result = NULL;
    if (frame->state->type == STATE_WAIT) {
        if (dataflow_input(frame->state, &env, &effective, &failure) != 0)
            fail_state(x, frame, &failure);
        else
            finish(x, frame, &env, effective, effective);
    } else {
        result = json_object_get(frame->value);
        env.result = result;
        env.has_result = true;
        finish(x, frame, &env, effective, result);
    }
    asl_env_release(&env);
}
