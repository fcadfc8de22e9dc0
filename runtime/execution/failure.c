/*
 * failure.c - what happens to an error: retrier, catcher, the frame above, the end.
 *
 * Source    ASL "Errors"; reference/asl.md section 12; the order of the events reference/history.md section 3.
 */
#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/dataflow/dataflow.h"
#include "runtime/execution/execution_priv.h"

#include <stdlib.h>
#include <string.h>

static void cancel_work(struct execution *x)
{
    for (uint32_t i = 0; i < x->frame_count; i++) {
        struct frame *frame = x->frames[i];
        if (frame == NULL || !frame->announced)
            continue;
        if (frame->phase == PHASE_TASK)
            command(x, COMMAND_CANCEL_TASK, frame);
        else if (frame->phase == PHASE_MAP_RUN)
            command(x, COMMAND_STOP_MAP_RUN, frame);
    }
}

void end_execution(struct execution *x, enum event_type ending, int64_t previous_id, struct json_object *output,
                   const char *error, const char *cause)
{
    struct event event = {.type = ending, .previous_id = previous_id};
    if (ending == EVENT_EXECUTION_SUCCEEDED) {
        event.has_value = true; /* written again although it is the last exit's: a description reads only this */
        event.value = json_object_get(output);
    } else {
        event_add_error(&event, error, cause);
    }
    cancel_work(x);
    emit(x, event);
    command(x, COMMAND_ENDED, NULL);
}

void fail_frame(struct execution *x, struct frame *frame, const char *error, const char *cause)
{
    struct event event = event_of(frame, EVENT_STATE_FAILED);
    event_add_error(&event, error, cause);
    emit(x, event);
}

bool is_too_large(const struct execution *x, struct json_object *value)
{
    size_t limit = x->settings.payload_bytes_max;
    if (limit == SIZE_MAX)
        limit--; /* any size, but not any depth */
    return json_size(value, limit) > limit;
}

bool fits_payload(struct execution *x, struct frame *frame, struct json_object *value, const char *what)
{
    bool joined = frame->state->type == STATE_MAP || frame->state->type == STATE_PARALLEL;
    if ((value == frame->value && !joined) || !is_too_large(x, value))
        return true;
    char *cause = mem_printf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes "
                             "service limit.",
                             what);
    fail_frame(x, frame, "States.DataLimitExceeded", cause);
    free(cause);
    return false;
}

/* The cause as it is shown, with the prefix that names the state. */
static char *full_cause(const struct frame *frame, const struct asl_failure *failure)
{
    if (!failure->in_state || failure->cause == NULL)
        return mem_strdup(failure->cause);
    return mem_printf("An error occurred while executing the state '%s' (entered at the event id #%lld). %s",
                      frame->state->name, (long long)frame->entered_id, failure->cause);
}

/*
 * JSONata: an EvaluationFailed event, whose previousEventId is recorded as the one of the state's own
 * entry, for a Wait's Timestamp as the entry itself. `final`: the catcher's own expression failed; it follows what
 * the catcher took.
 */
static void fail_evaluation(struct execution *x, struct frame *frame, const struct asl_failure *failure,
                            const char *cause, bool final)
{
    struct event event = event_of(frame, EVENT_EVALUATION_FAILED);
    bool timestamp = frame->state->type == STATE_WAIT && frame->phase == PHASE_WORK;
    if (!timestamp && !final && frame->retry_count == 0)
        event.previous_id = frame->entered_previous_id;
    if (final)
        event.previous_id = frame->failing_id;
    event_add_error(&event, failure->error, cause);
    if (failure->location)
        json_add_text(event.details, "location", failure->location);
    json_add_text(event.details, "state", frame->state->name);
    if (final)
        json_add_bool(event.details, "_final", true);
    emit(x, event);
}

/* The exit of a Parallel or Map follows what its Succeeded follows, but a failure follows the Succeeded itself. */
static int64_t last_shown(const struct frame *frame)
{
    bool joins = frame->state->type == STATE_PARALLEL || frame->state->type == STATE_MAP;
    return joins && frame->phase == PHASE_RESULT ? frame->joined_id : frame->last_event_id;
}

static void take_failure(struct execution *x, struct frame *frame, struct asl_failure *failure, bool final)
{
    char *cause = full_cause(frame, failure);
    if (strcmp(failure->error, "States.QueryEvaluationError") == 0)
        fail_evaluation(x, frame, failure, cause, final);
    else if (strcmp(failure->error, "States.Runtime") == 0)
        /* nobody may catch it: it ends the execution from whatever depth */
        end_execution(x, EVENT_EXECUTION_FAILED, last_shown(frame), NULL, failure->error, cause);
    else
        fail_frame(x, frame, failure->error, cause);
    free(cause);
    asl_failure_release(failure);
}

void fail_state(struct execution *x, struct frame *frame, struct asl_failure *failure)
{
    take_failure(x, frame, failure, false);
}

/* --- aborting what runs beside a failed child ------------------------------------------------- */

static void emit_abort(struct execution *x, struct frame *frame, enum event_type type, int64_t failing_id)
{
    struct event event = event_of(frame, type);
    event.previous_id = failing_id;
    emit(x, event);
}

static void close_iteration(struct execution *x, struct frame *child, enum event_type type, int64_t failing_id)
{
    if (child->closed || child->parent->state->type != STATE_MAP)
        return;
    struct event event = event_of(child, type);
    event.state = child->parent->state;
    event.number = child->slot;
    event.previous_id = failing_id;
    emit(x, event);
}

static void abort_children(struct execution *x, struct frame *frame, int64_t failing_id);

/* The event that says a state was cut off, where AWS writes one; the failing Task gets it too. */
static void abort_state(struct execution *x, struct frame *frame, int64_t failing_id)
{
    if (frame->aborted || frame->phase == PHASE_ENTER || frame->phase == PHASE_ENDED)
        return;
    switch (frame->state->type) {
    case STATE_TASK:
        if (frame->announced)
            command(x, COMMAND_CANCEL_TASK, frame);
        emit_abort(x, frame, EVENT_TASK_ABORTED, failing_id);
        break;
    case STATE_WAIT:
        if (frame->phase == PHASE_WAIT)
            emit_abort(x, frame, EVENT_WAIT_ABORTED, failing_id);
        break;
    case STATE_PARALLEL:
    case STATE_MAP:
        if (frame->phase == PHASE_FAILED)
            break;
        abort_children(x, frame, failing_id);
        if (frame->phase == PHASE_MAP_RUN && frame->announced) {
            command(x, COMMAND_STOP_MAP_RUN, frame);
            emit_abort(x, frame, EVENT_MAP_RUN_ABORTED, failing_id);
        }
        emit_abort(x, frame, frame->state->type == STATE_MAP ? EVENT_MAP_ABORTED : EVENT_PARALLEL_ABORTED, failing_id);
        break;
    default:
        break;
    }
}

static void abort_children(struct execution *x, struct frame *frame, int64_t failing_id)
{
    struct children *children = frame->children;
    if (children == NULL)
        return;
    uint32_t failed = children->failed_slot;
    if (failed != NEVER_SLOT && children->frames[failed]) {
        close_iteration(x, children->frames[failed], EVENT_ITERATION_FAILED, failing_id);
        abort_state(x, children->frames[failed], failing_id);
    }
    for (uint32_t i = 0; i < children->started; i++) {
        struct frame *child = children->frames[i];
        if (child == NULL || i == failed)
            continue;
        close_iteration(x, child, EVENT_ITERATION_ABORTED, failing_id);
        abort_state(x, child, failing_id);
    }
}

/* --- retrier, catcher, the frame above ---------------------------------------------------------- */

static bool names(const char **errors, size_t count, const struct frame *frame)
{
    const char *error = frame->error ? frame->error : "";
    return dataflow_error_matches(errors, count, error) ||
           (frame->heartbeat_missed && dataflow_error_matches(errors, count, "States.HeartbeatTimeout"));
}

/* Only the first retrier that names the error counts. */
static bool retry(struct execution *x, struct frame *frame)
{
    const struct state *state = frame->state;
    for (size_t i = 0; i < state->retry_count; i++) {
        const struct retrier *retrier = &state->retry[i];
        if (!names(retrier->errors, retrier->error_count, frame))
            continue;
        int64_t used = frame->retrier_counts ? frame->retrier_counts[i] : 0;
        if (used >= retrier->max_attempts)
            return false;
        struct env_owner owner;
        struct asl_env env;
        frame_env(x, frame, &owner, &env);
        struct event event = event_of(frame, EVENT_RETRY_SET);
        event.number = (int64_t)i;
        event.until_ms = x->inputs->now_ms + dataflow_retry_delay_ms(retrier, used + 1, &env);
        asl_env_release(&env);
        emit(x, event);
        return true;
    }
    return false;
}

/* MapStateFailed, ParallelStateFailed: only once no retrier takes the error. */
static void show_failed(struct execution *x, struct frame *frame)
{
    enum state_type type = frame->state->type;
    if (type != STATE_MAP && type != STATE_PARALLEL)
        return;
    emit(x, event_of(frame, type == STATE_MAP ? EVENT_MAP_FAILED : EVENT_PARALLEL_FAILED));
}

static struct json_object *error_output(const struct frame *frame)
{
    struct json_object *output = json_object_new_object();
    json_add_text(output, "Error", frame->error);
    json_add_text(output, "Cause", frame->cause);
    return output;
}

static bool catch_error(struct execution *x, struct frame *frame, size_t index)
{
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    AUTO_JSON struct json_object *error = error_output(frame);
    env.error_output = error;
    env.has_error_output = true;
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *output = NULL;
    AUTO_JSON struct json_object *assigned = NULL;
    bool caught = dataflow_catch(frame->state, index, &env, &output, &assigned, &failure) == 0;
    if (caught)
        exit_state(x, frame, output, assigned, frame->state->catch[index].next);
    else
        take_failure(x, frame, &failure, true);
    asl_env_release(&env);
    return caught;
}

static void hand_up(struct execution *x, struct frame *frame)
{
    if (frame->parent == NULL) {
        end_execution(x, EVENT_EXECUTION_FAILED, frame->last_event_id, NULL, frame->error, frame->cause);
        return;
    }
    struct event event = event_of(frame, EVENT_CHILD_FAILED);
    event_add_error(&event, frame->error, frame->cause);
    emit(x, event);
}

static bool is_uncatchable(const struct frame *frame)
{
    return frame->final || (frame->error && strcmp(frame->error, "States.Runtime") == 0);
}

void step_failed(struct execution *x, struct frame *frame)
{
    abort_children(x, frame, frame->failing_id);
    if (x->full)
        return;
    const struct state *state = frame->state;
    bool uncatchable = is_uncatchable(frame);
    if (!uncatchable && !frame->failed_shown && retry(x, frame))
        return;
    if (!frame->failed_shown || frame->final)
        show_failed(x, frame);
    for (size_t i = 0; !uncatchable && i < state->catch_count && !x->full; i++) {
        if (names(state->catch[i].errors, state->catch[i].error_count, frame)) {
            catch_error(x, frame, i);
            return;
        }
    }
    if (!x->full)
        hand_up(x, frame);
}
