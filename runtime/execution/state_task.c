/*
 * state_task.c - the Task state: an attempt is scheduled, runs outside, and ends with an event of its kind.
 *
 * The three kinds (function, activity, service) differ in their events alone; kinds[] names them.
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/dataflow/dataflow.h"
#include "runtime/execution/execution_priv.h"

#include <stdio.h>
#include <string.h>

static const struct {
    enum event_type scheduled, started, succeeded, failed, timed_out;
} kinds[] = {
    [RESOURCE_FUNCTION] = {EVENT_LAMBDA_SCHEDULED, EVENT_LAMBDA_STARTED, EVENT_LAMBDA_SUCCEEDED, EVENT_LAMBDA_FAILED,
                           EVENT_LAMBDA_TIMED_OUT},
    [RESOURCE_ACTIVITY] = {EVENT_ACTIVITY_SCHEDULED, EVENT_ACTIVITY_STARTED, EVENT_ACTIVITY_SUCCEEDED,
                           EVENT_ACTIVITY_FAILED, EVENT_ACTIVITY_TIMED_OUT},
    [RESOURCE_SERVICE] = {EVENT_TASK_SCHEDULED, EVENT_TASK_STARTED, EVENT_TASK_SUCCEEDED, EVENT_TASK_FAILED,
                          EVENT_TASK_TIMED_OUT},
};

/* resource and resourceType, which every event of a service task carries. */
static struct json_object *service_details(const struct resource *resource)
{
    struct json_object *details = json_object_new_object();
    json_add_text(details, "resourceType", resource->service);
    json_add_text(details, "resource", resource->action);
    return details;
}

static struct event task_event(const struct frame *frame, enum event_type type)
{
    struct event event = event_of(frame, type);
    if (frame->state->resource.kind == RESOURCE_SERVICE)
        event.details = service_details(&frame->state->resource);
    return event;
}

static void schedule(struct execution *x, struct frame *frame, struct json_object *arguments, int64_t timeout_seconds,
                     int64_t heartbeat_seconds, struct json_object *credentials)
{
    const struct resource *resource = &frame->state->resource;
    struct event event = event_with(frame, kinds[resource->kind].scheduled, arguments);
    if (resource->kind == RESOURCE_SERVICE) {
        event.details = service_details(resource);
        json_add_text(event.details, "region", x->identity.region);
    } else {
        event.details = json_object_new_object();
        json_add_text(event.details, "resource", resource->text);
    }
    if (timeout_seconds)
        json_add_int(event.details, "timeoutInSeconds", timeout_seconds);
    if (heartbeat_seconds)
        json_add_int(event.details, "heartbeatInSeconds", heartbeat_seconds);
    const char *role = json_member_text(credentials, "RoleArn");
    if (role) {
        struct json_object *shown = json_object_new_object();
        json_add_text(shown, "roleArn", role);
        json_add(event.details, "taskCredentials", shown);
    }
    if (credentials)
        json_add(event.details, "_credentials", json_object_get(credentials));
    emit(x, event);
}

int work_task(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    const struct state *state = frame->state;
    struct env_owner *owner = env->context_owner;
    char token[LIMIT_TOKEN_CHARS + 1];
    if (state->resource.pattern == PATTERN_CALLBACK) {
        x->inputs->token(x->inputs->owner, x, frame->id, x->next_event_id, token);
        owner->token = token;
    }
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *arguments = NULL;
    AUTO_JSON struct json_object *credentials = NULL;
    int64_t timeout_seconds = 0, heartbeat_seconds = 0;
    int code = 0;
    if (dataflow_input(state, env, &effective, failure) != 0 ||
        dataflow_arguments(state, env, effective, &arguments, failure) != 0 ||
        dataflow_timeouts(state, env, &timeout_seconds, &heartbeat_seconds, failure) != 0 ||
        (state->credentials && dataflow_credentials(state, env, effective, &credentials, failure) != 0))
        code = -1;
    else if (state->resource.kind == RESOURCE_ACTIVITY &&
             !x->inputs->activity_exists(x->inputs->owner, state->resource.text))
        code = asl_failure_runtime(failure, "The activity %s does not exist.", state->resource.text);
    else
        schedule(x, frame, arguments, timeout_seconds, heartbeat_seconds, credentials);
    owner->token = NULL; /* it was this function's */
    return code;
}

void step_task(struct execution *x, struct frame *frame)
{
    if (frame->announced)
        return;
    if (!frame->task_started && frame->state->resource.kind != RESOURCE_ACTIVITY)
        emit(x, task_event(frame, kinds[frame->state->resource.kind].started));
    if (x->full)
        return;
    frame->announced = true;
    command(x, COMMAND_RUN_TASK, frame);
}

static void end_badly(struct execution *x, struct frame *frame, enum event_type type, const char *error,
                      const char *cause, bool heartbeat)
{
    struct event event = task_event(frame, type);
    event_add_error(&event, error, cause);
    if (heartbeat)
        json_add_bool(event.details, "_heartbeat", true);
    if (frame->announced)
        command(x, COMMAND_CANCEL_TASK, frame);
    emit(x, event);
}

void task_time_out(struct execution *x, struct frame *frame)
{
    bool heartbeat = frame->task_timeout_ms == 0 || frame->heartbeat_at_ms < frame->task_timeout_ms;
    heartbeat = heartbeat && frame->heartbeat_at_ms != 0;
    end_badly(x, frame, kinds[frame->state->resource.kind].timed_out, "States.Timeout", NULL, heartbeat);
}

static void succeed(struct execution *x, struct frame *frame, struct json_object *value)
{
    const struct resource *resource = &frame->state->resource;
    enum resource_kind kind = resource->kind;
    if (is_too_large(x, value)) {
        char cause[LIMIT_ARN_CHARS + 128];
        snprintf(
            cause, sizeof cause,
            "The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.",
            kind == RESOURCE_SERVICE ? resource->service : resource->text);
        end_badly(x, frame, kinds[kind].failed, "States.DataLimitExceeded", cause, false);
        return;
    }
    struct event event = task_event(frame, kinds[kind].succeeded);
    event.has_value = true;
    event.same = value == frame->value;
    event.value = json_object_get(value);
    emit(x, event);
}

bool task_stimulus(struct execution *x, struct frame *frame, const struct stimulus *stimulus)
{
    if (frame->phase != PHASE_TASK || frame->task_id != stimulus->task_id)
        return false;
    enum resource_kind kind = frame->state->resource.kind;
    struct event event;
    switch (stimulus->kind) {
    case STIMULUS_TASK_STARTED:
        if (frame->task_started)
            return false;
        event = event_of(frame, EVENT_ACTIVITY_STARTED);
        if (stimulus->worker_name) {
            event.details = json_object_new_object();
            json_add_text(event.details, "workerName", stimulus->worker_name);
        }
        emit(x, event);
        break;
    case STIMULUS_TASK_SUBMITTED:
        if (frame->task_submitted || kind != RESOURCE_SERVICE)
            return false;
        event = task_event(frame, EVENT_TASK_SUBMITTED);
        event.has_value = true;
        event.value = json_object_get(stimulus->value);
        emit(x, event);
        return true;
    case STIMULUS_TASK_SUCCEEDED:
        succeed(x, frame, stimulus->value);
        break;
    case STIMULUS_TASK_FAILED:
        end_badly(x, frame, kinds[kind].failed, stimulus->error, stimulus->cause, false);
        break;
    case STIMULUS_TASK_TIMED_OUT: {
        const char *error = stimulus->error ? stimulus->error : "States.Timeout";
        bool heartbeat = strcmp(error, "States.HeartbeatTimeout") == 0;
        end_badly(x, frame, kinds[kind].timed_out, error, stimulus->cause, heartbeat);
        break;
    }
    case STIMULUS_HEARTBEAT:
        if (frame->heartbeat_ms)
            emit(x, event_of(frame, EVENT_HEARTBEAT));
        return true;
    default:
        return false;
    }
    frame_enqueue(x, frame);
    return true;
}
