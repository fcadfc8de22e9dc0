/*
 * advance.c - a stimulus comes in, the frames go on as far as they can.
 *
 * The loop is in run(): a queue of frames that can go on, each stepped by its phase until it waits or ends
 * (the phases are drawn in execution_priv.h).
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "runtime/execution/execution_priv.h"

#include <stdio.h>
#include <stdlib.h>

static struct execution_identity copy_identity(const struct execution_identity *from)
{
    return (struct execution_identity){
        .arn = mem_strdup(from->arn),
        .name = mem_strdup(from->name),
        .machine_arn = mem_strdup(from->machine_arn),
        .machine_name = mem_strdup(from->machine_name),
        .role_arn = mem_strdup(from->role_arn),
        .version_arn = mem_strdup(from->version_arn),
        .alias_arn = mem_strdup(from->alias_arn),
        .region = mem_strdup(from->region),
        .account = mem_strdup(from->account),
    };
}

static void release_identity(struct execution_identity *identity)
{
    free((char *)identity->arn);
    free((char *)identity->name);
    free((char *)identity->machine_arn);
    free((char *)identity->machine_name);
    free((char *)identity->role_arn);
    free((char *)identity->version_arn);
    free((char *)identity->alias_arn);
    free((char *)identity->region);
    free((char *)identity->account);
}

struct execution *execution_new(struct machine *machine, const struct execution_identity *identity,
                                const struct execution_settings *settings)
{
    struct execution *x = NEW(struct execution);
    x->machine = definition_ref(machine);
    x->identity = copy_identity(identity);
    x->settings = *settings;
    x->next_event_id = 1;
    return x;
}

void execution_free(struct execution *x)
{
    if (x == NULL)
        return;
    frames_release(x);
    free(x->frames);
    free(x->timers);
    free(x->scheduled_counts);
    free(x->queue);
    free(x->error);
    free(x->cause);
    json_object_put(x->input);
    json_object_put(x->output);
    json_object_put(x->context_execution);
    json_object_put(x->context_machine);
    release_identity(&x->identity);
    definition_unref(x->machine);
    free(x);
}

static enum event_type entered_type(enum state_type type)
{
    static const enum event_type types[] = {
        [STATE_TASK] = EVENT_TASK_ENTERED,         [STATE_PASS] = EVENT_PASS_ENTERED,
        [STATE_CHOICE] = EVENT_CHOICE_ENTERED,     [STATE_WAIT] = EVENT_WAIT_ENTERED,
        [STATE_SUCCEED] = EVENT_SUCCEED_ENTERED,   [STATE_FAIL] = EVENT_FAIL_ENTERED,
        [STATE_PARALLEL] = EVENT_PARALLEL_ENTERED, [STATE_MAP] = EVENT_MAP_ENTERED,
    };
    return types[type];
}

static void enter_state(struct execution *x, struct frame *frame)
{
    emit(x, event_with(frame, entered_type(frame->state->type), frame->value));
}

void exit_state(struct execution *x, struct frame *frame, struct json_object *output, struct json_object *assigned,
                const struct state *next)
{
    struct event event =
        event_with(frame, entered_type(frame->state->type) - EVENT_TASK_ENTERED + EVENT_TASK_EXITED, output);
    event.assigned = json_object_get(assigned);
    event.next = next;
    emit(x, event);
}

static void work(struct execution *x, struct frame *frame)
{
    static work_fn *const works[] = {
        [STATE_TASK] = work_task,         [STATE_PASS] = work_pass,       [STATE_CHOICE] = work_choice,
        [STATE_WAIT] = work_wait,         [STATE_SUCCEED] = work_succeed, [STATE_FAIL] = work_fail,
        [STATE_PARALLEL] = work_parallel, [STATE_MAP] = work_map,
    };
    struct asl_failure failure = ASL_FAILURE_INIT;
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    if (works[frame->state->type](x, frame, &env, &failure) != 0)
        fail_state(x, frame, &failure);
    asl_env_release(&env);
}

/* A frame whose scope has come to its end: the execution's, or an iteration's (a branch's end is in its last exit). */
static void step_ended(struct execution *x, struct frame *frame)
{
    if (frame->parent == NULL) {
        end_execution(x, EVENT_EXECUTION_SUCCEEDED, frame->last_event_id, frame->value, NULL, NULL);
        return;
    }
    struct event event = event_of(frame, EVENT_ITERATION_SUCCEEDED);
    event.state = frame->parent->state;
    event.number = frame->slot;
    emit(x, event);
}

/* One step; false when the frame waits. The frame may be gone afterwards. */
static bool step(struct execution *x, struct frame *frame)
{
    switch (frame->phase) {
    case PHASE_ENTER:
        enter_state(x, frame);
        return true;
    case PHASE_WORK:
        work(x, frame);
        return true;
    case PHASE_TASK:
        step_task(x, frame);
        return false;
    case PHASE_WAIT:
        if (frame->until_ms > x->inputs->now_ms)
            return false;
        step_result(x, frame);
        return true;
    case PHASE_RETRY:
        if (frame->until_ms > x->inputs->now_ms)
            return false;
        work(x, frame);
        return true;
    case PHASE_CHILDREN:
        step_children(x, frame);
        return frame->phase != PHASE_CHILDREN;
    case PHASE_MAP_RUN:
        if (!frame->announced) {
            frame->announced = true;
            command(x, COMMAND_START_MAP_RUN, frame);
        }
        return false;
    case PHASE_RESULT:
        step_result(x, frame);
        return true;
    case PHASE_FAILED:
        step_failed(x, frame);
        return true;
    case PHASE_ENDED:
        step_ended(x, frame);
        return false;
    }
    return false;
}

/* Beside or below a child that failed nothing goes on: step_failed() of the frame above aborts it. */
static bool is_cut_off(const struct frame *frame)
{
    if (frame->aborted)
        return true;
    for (const struct frame *above = frame->parent; above; above = above->parent)
        if (above->phase == PHASE_FAILED || above->aborted)
            return true;
    return false;
}

static void run(struct execution *x)
{
    while (x->phase == EXECUTION_OPEN && x->queue_head < x->queue_count) {
        struct frame *frame = x->queue[x->queue_head++];
        if (frame == NULL)
            continue;
        frame->queued = false;
        uint32_t id = frame->id;
        while (x->phase == EXECUTION_OPEN && !x->full && frame_of(x, id) == frame && !is_cut_off(frame) &&
               step(x, frame))
            ;
        if (x->full && x->phase == EXECUTION_OPEN) {
            char cause[96];
            snprintf(cause, sizeof cause, "The execution reached the maximum number of history events (%lld).",
                     (long long)x->settings.history_events_max);
            end_execution(x, EVENT_EXECUTION_FAILED, x->next_event_id - 1, NULL, "States.Runtime", cause);
        }
    }
    if (x->phase != EXECUTION_OPEN || x->queue_head == x->queue_count)
        x->queue_head = x->queue_count = 0;
}

static void start(struct execution *x, const struct stimulus *stimulus)
{
    struct event event = {.type = EVENT_EXECUTION_STARTED, .has_value = true};
    event.value = json_object_get(stimulus->value);
    event.details = json_object_new_object();
    json_add_text(event.details, "roleArn", x->identity.role_arn);
    if (x->identity.version_arn)
        json_add_text(event.details, "stateMachineVersionArn", x->identity.version_arn);
    if (x->identity.alias_arn)
        json_add_text(event.details, "stateMachineAliasArn", x->identity.alias_arn);
    if (stimulus->text)
        json_add_text(event.details, EVENT_INPUT_TEXT, stimulus->text);
    emit(x, event);
}

/* Timed-out tasks first get their events, all of them, and only then are their errors followed up. */
static void fire_timers(struct execution *x)
{
    uint32_t id;
    while (timers_take_due(x, x->inputs->now_ms, &id)) {
        if (id == EXECUTION_TIMER) {
            end_execution(x, EVENT_EXECUTION_TIMED_OUT, 0, NULL, "States.Timeout", NULL);
            return;
        }
        struct frame *frame = frame_of(x, id);
        if (frame->phase == PHASE_TASK)
            task_time_out(x, frame);
        frame_enqueue(x, frame);
    }
}

/*
 * MapStateSucceeded follows MapRunSucceeded. MapStateExited follows the same event, or MapRunStarted: recordings have
 * the former before August 2024 and the latter since November 2024. A machine that uses what the language got in
 * between goes on as the newer ones do, the others as the older ones (see the fold of MapRunSucceeded).
 */
static bool end_map_run(struct execution *x, struct frame *frame, const struct stimulus *stimulus)
{
    if (frame->phase != PHASE_MAP_RUN || frame->task_id != stimulus->task_id)
        return false;
    if (stimulus->error) {
        struct event event = event_of(frame, EVENT_MAP_RUN_FAILED);
        event_add_error(&event, stimulus->error, stimulus->cause);
        emit(x, event);
    } else {
        struct event succeeded = event_of(frame, EVENT_MAP_SUCCEEDED);
        succeeded.previous_id = x->next_event_id;
        emit(x, event_with(frame, EVENT_MAP_RUN_SUCCEEDED, stimulus->value));
        emit(x, succeeded);
    }
    frame_enqueue(x, frame);
    return true;
}

static bool redrive(struct execution *x)
{
    if (x->phase != EXECUTION_CLOSED || x->ending == EVENT_EXECUTION_SUCCEEDED)
        return false;
    struct event event = {.type = EVENT_EXECUTION_REDRIVEN, .previous_id = x->next_event_id - 1};
    event.number = x->redrive_count + 1;
    emit(x, event);
    return true;
}

static bool take(struct execution *x, const struct stimulus *stimulus)
{
    if (stimulus->kind == STIMULUS_START) {
        if (x->phase != EXECUTION_NEW)
            return false;
        start(x, stimulus);
        return true;
    }
    if (stimulus->kind == STIMULUS_REDRIVE)
        return redrive(x);
    if (x->phase != EXECUTION_OPEN)
        return false;
    struct frame *frame;
    switch (stimulus->kind) {
    case STIMULUS_TIMER:
        fire_timers(x);
        return true;
    case STIMULUS_STOP:
        end_execution(x, EVENT_EXECUTION_ABORTED, 0, NULL, stimulus->error, stimulus->cause);
        return true;
    case STIMULUS_ABORT:
        end_execution(x, EVENT_EXECUTION_FAILED, x->next_event_id - 1, NULL, stimulus->error, stimulus->cause);
        return true;
    case STIMULUS_MAP_RUN_ENDED:
        frame = frame_of(x, stimulus->frame);
        return frame && end_map_run(x, frame, stimulus);
    default:
        frame = frame_of(x, stimulus->frame);
        return frame && !frame->aborted && task_stimulus(x, frame, stimulus);
    }
}

bool execution_advance(struct execution *x, const struct stimulus *stimulus, const struct inputs *inputs,
                       struct outbox *outbox)
{
    x->inputs = inputs;
    x->outbox = outbox;
    bool meant = take(x, stimulus);
    if (meant)
        run(x);
    x->inputs = NULL;
    x->outbox = NULL;
    return meant;
}

void execution_resume(struct execution *x, const struct inputs *inputs, struct outbox *outbox)
{
    if (x->phase != EXECUTION_OPEN)
        return;
    x->inputs = inputs;
    x->outbox = outbox;
    for (uint32_t i = 0; i < x->frame_count; i++)
        if (x->frames[i])
            frame_enqueue(x, x->frames[i]);
    run(x);
    x->inputs = NULL;
    x->outbox = NULL;
}
