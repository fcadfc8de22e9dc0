/*
 * apply.c - the fold: the only place that changes an execution.
 *
 * Everything here follows from the event and the graph alone; nothing is evaluated, nothing is asked of the
 * outside. So the stored history, folded from its first event, is the execution.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "runtime/execution/execution_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct frame *frame_of(const struct execution *x, uint32_t id)
{
    return id < x->frame_count ? x->frames[id] : NULL;
}

void frame_enqueue(struct execution *x, struct frame *frame)
{
    if (frame->queued || x->inputs == NULL) /* a replay only folds; execution_resume() queues what is left */
        return;
    frame->queued = true;
    if (x->queue_head > 64 && x->queue_head * 2 > x->queue_count) {
        x->queue_count -= x->queue_head;
        memmove(x->queue, x->queue + x->queue_head, x->queue_count * sizeof(struct frame *));
        x->queue_head = 0;
    }
    x->queue = mem_grow(x->queue, &x->queue_capacity, x->queue_count + 1, sizeof(struct frame *));
    x->queue[x->queue_count++] = frame;
}

static void set_json(struct json_object **field, struct json_object *value)
{
    struct json_object *old = *field;
    *field = json_object_get(value);
    json_object_put(old);
}

static void set_text(char **field, const char *text)
{
    free(*field);
    *field = mem_strdup(text);
}

static struct frame *add_frame(struct execution *x, struct frame *parent, uint32_t slot, const struct scope *scope,
                               struct json_object *value)
{
    struct frame *frame = NEW(struct frame);
    frame->id = x->frame_count;
    frame->slot = slot;
    frame->parent = parent;
    frame->scope = scope;
    frame->state = scope->start;
    frame->value = json_object_get(value);
    frame->variables.outer = parent ? &parent->variables : NULL;
    x->frames = mem_grow(x->frames, &x->frame_capacity, x->frame_count + 1, sizeof(struct frame *));
    x->frames[x->frame_count++] = frame;
    frame_enqueue(x, frame);
    return frame;
}

static void free_frame(struct execution *x, struct frame *frame);

static void free_children(struct execution *x, struct frame *frame)
{
    struct children *children = frame->children;
    if (children == NULL)
        return;
    for (uint32_t i = 0; i < children->count; i++) {
        if (children->frames[i])
            free_frame(x, children->frames[i]);
        json_object_put(children->results[i]);
    }
    json_object_put(children->items);
    free(children->frames);
    free(children->results);
    free(children);
    frame->children = NULL;
}

static void end_task(struct frame *frame)
{
    frame->task_id = 0;
    frame->task_started = frame->task_submitted = frame->announced = false;
    frame->task_timeout_ms = frame->heartbeat_at_ms = frame->heartbeat_ms = 0;
    json_release(&frame->task_input);
    json_release(&frame->credentials);
    json_release(&frame->map_run);
}

static void free_frame(struct execution *x, struct frame *frame)
{
    free_children(x, frame);
    end_task(frame);
    if (frame->queued)
        for (size_t i = x->queue_head; i < x->queue_count; i++)
            if (x->queue[i] == frame)
                x->queue[i] = NULL;
    x->frames[frame->id] = NULL;
    json_object_put(frame->input);
    json_object_put(frame->value);
    json_object_put(frame->variables.values);
    free(frame->retrier_counts);
    free(frame->error);
    free(frame->cause);
    free(frame);
}

void frames_release(struct execution *x)
{
    if (x->frame_count && x->frames[0])
        free_frame(x, x->frames[0]);
}

static void enter(struct frame *frame, const struct event *event)
{
    frame->state = event->state;
    frame->entered_id = event->id;
    frame->entered_previous_id = event->previous_id;
    frame->entered_ms = event->at_ms;
    frame->retry_count = 0;
    free(frame->retrier_counts);
    frame->retrier_counts = NULL;
    frame->final = frame->heartbeat_missed = frame->failed_shown = false;
    set_text(&frame->error, NULL);
    set_text(&frame->cause, NULL);
    set_json(&frame->input, event->value);
    frame->phase = PHASE_WORK;
}

static void assign(struct frame *frame, struct json_object *assigned)
{
    struct json_object *values = json_shallow_copy(frame->variables.values);
    json_object_object_foreach (assigned, name, value) {
        json_add(values, name, json_object_get(value));
    }
    json_object_put(frame->variables.values);
    frame->variables.values = values;
}

/* The child's result is in; the frame itself is gone after this. */
static void end_child(struct execution *x, struct frame *child, int64_t last_event_id)
{
    struct frame *parent = child->parent;
    struct children *children = parent->children;
    children->results[child->slot] = json_object_get(child->value);
    children->frames[child->slot] = NULL;
    children->ended++;
    children->live--;
    children->last_event_id = child->last_event_id;
    parent->last_event_id = last_event_id;
    frame_enqueue(x, parent);
    free_frame(x, child);
}

static void exit_frame_state(struct execution *x, struct frame *frame, const struct event *event)
{
    free_children(x, frame);
    end_task(frame);
    if (event->assigned)
        assign(frame, event->assigned);
    frame->state = event->next ? event->next : frame->state;
    frame->phase = event->next ? PHASE_ENTER : PHASE_ENDED;
    json_release(&frame->input);
    if (frame->phase == PHASE_ENDED && frame->parent && frame->parent->state->type == STATE_PARALLEL)
        end_child(x, frame, event->id);
}

static void schedule(struct execution *x, struct frame *frame, const struct event *event)
{
    frame->phase = PHASE_TASK;
    frame->task_id = event->id;
    frame->task_started = frame->task_submitted = frame->announced = false;
    frame->task_scheduled_ms = event->at_ms;
    frame->task_started_ms = 0;
    if (x->scheduled_counts == NULL)
        x->scheduled_counts = mem_zalloc(x->machine->state_count * sizeof *x->scheduled_counts);
    frame->task_invocation = x->scheduled_counts[frame->state->index]++;
    set_json(&frame->task_input, event->value);
    struct json_object *credentials = NULL;
    json_member(event->details, "_credentials", &credentials);
    set_json(&frame->credentials, credentials);
    int64_t timeout_s = json_member_int(event->details, "timeoutInSeconds", 0);
    int64_t heartbeat_s = json_member_int(event->details, "heartbeatInSeconds", 0);
    frame->task_timeout_ms = timeout_s ? event->at_ms + timeout_s * 1000 : 0;
    frame->heartbeat_ms = heartbeat_s * 1000;
    frame->heartbeat_at_ms = heartbeat_s ? event->at_ms + frame->heartbeat_ms : 0;
    timers_add(x, frame->id, frame_due_ms(frame));
}

/* Where the state's current attempt ends badly. */
static void fail(struct frame *frame, const struct event *event)
{
    end_task(frame);
    frame->phase = PHASE_FAILED;
    frame->failing_id = event->id ? event->id : event->previous_id;
    struct json_object *flag;
    frame->final = json_member(event->details, "_final", &flag);
    frame->heartbeat_missed = json_member(event->details, "_heartbeat", &flag);
    set_text(&frame->error, json_member_text(event->details, "error"));
    set_text(&frame->cause, json_member_text(event->details, "cause"));
}

static struct children *begin_children(struct execution *x, struct frame *frame, uint32_t count)
{
    free_children(x, frame);
    struct children *children = NEW(struct children);
    children->count = count;
    children->frames = mem_zalloc(count * sizeof(struct frame *));
    children->results = mem_zalloc(count * sizeof(struct json_object *));
    children->failed_slot = NEVER_SLOT;
    frame->children = children;
    frame->phase = PHASE_CHILDREN;
    return children;
}

static void start_child(struct execution *x, struct frame *frame, const struct scope *scope, struct json_object *value,
                        int64_t last_event_id)
{
    struct children *children = frame->children;
    uint32_t slot = children->started++;
    struct frame *child = add_frame(x, frame, slot, scope, value);
    child->last_event_id = last_event_id;
    children->frames[slot] = child;
    children->live++;
}

static void start_parallel(struct execution *x, struct frame *frame, const struct event *event)
{
    frame->last_event_id = event->id;
    begin_children(x, frame, (uint32_t)frame->state->scope_count);
    for (size_t i = 0; i < frame->state->scope_count; i++)
        start_child(x, frame, frame->state->scopes[i], event->value, event->id);
}

static void start_map(struct execution *x, struct frame *frame, const struct event *event)
{
    frame->last_event_id = event->id;
    if (frame->state->distributed) {
        frame->phase = PHASE_MAP_RUN;
        set_json(&frame->task_input, event->value);
        return;
    }
    struct children *children = begin_children(x, frame, (uint32_t)json_object_array_length(event->value));
    children->items = json_object_get(event->value);
    children->last_event_id = event->id;
    children->max_concurrency = json_member_int(event->details, "_maxConcurrency", 0);
    children->keyed = json_member_int(event->details, "_keyed", 0) != 0;
}

static void start_map_run(struct frame *frame, const struct event *event)
{
    frame->last_event_id = event->id;
    frame->task_id = event->id;
    set_json(&frame->map_run, event->details);
}

static void fail_child(struct execution *x, struct frame *child, const struct event *event)
{
    struct frame *parent = child->parent;
    parent->children->failed_slot = child->slot;
    parent->last_event_id = event->previous_id;
    fail(parent, event);
    frame_enqueue(x, parent);
}

/* The children's results become the raw result: a redrive of what fails after this has no children to go on with. */
static void succeed_children(struct execution *x, struct frame *frame)
{
    struct children *children = frame->children;
    struct json_object *results = json_object_new_array_ext((int)children->count);
    for (uint32_t i = 0; i < children->count; i++) {
        json_append(results, children->results[i]);
        children->results[i] = NULL;
    }
    free_children(x, frame);
    json_object_put(frame->value);
    frame->value = results;
    frame->phase = PHASE_RESULT;
}

static void set_retry(struct execution *x, struct frame *frame, const struct event *event)
{
    if (frame->retrier_counts == NULL)
        frame->retrier_counts = mem_zalloc(frame->state->retry_count * sizeof(int64_t));
    frame->retrier_counts[event->number]++;
    frame->retry_count++;
    frame->until_ms = event->until_ms;
    frame->phase = PHASE_RETRY;
    timers_add(x, frame->id, frame->until_ms);
}

static void end(struct execution *x, const struct event *event)
{
    x->phase = EXECUTION_CLOSED;
    x->ending = event->type;
    x->stopped_ms = event->at_ms;
    set_json(&x->output, event->type == EVENT_EXECUTION_SUCCEEDED ? event->value : NULL);
    set_text(&x->error, json_member_text(event->details, "error"));
    set_text(&x->cause, json_member_text(event->details, "cause"));
}

static void start(struct execution *x, const struct event *event)
{
    x->phase = EXECUTION_OPEN;
    x->started_ms = event->at_ms;
    set_json(&x->input, event->value);
    int64_t seconds = x->machine->timeout_seconds;
    int64_t most = x->settings.timeout_seconds_max;
    if (most && (seconds == 0 || most < seconds))
        seconds = most;
    x->timeout_at_ms = seconds ? event->at_ms + seconds * 1000 : 0;
    if (seconds)
        timers_add(x, EXECUTION_TIMER, x->timeout_at_ms);
    add_frame(x, NULL, 0, x->machine->scope, event->value);
}

/* A frame that had not ended starts its state again; what had ended stays (RedriveExecution). */
static void reopen_frame(struct execution *x, struct frame *frame)
{
    frame->closed = frame->aborted = frame->final = frame->failed_shown = false;
    frame->retry_count = 0;
    free(frame->retrier_counts);
    frame->retrier_counts = NULL;
    set_text(&frame->error, NULL);
    set_text(&frame->cause, NULL);
    if (frame->children) {
        frame->children->failed_slot = NEVER_SLOT;
        frame->phase = PHASE_CHILDREN;
        for (uint32_t i = 0; i < frame->children->count; i++)
            if (frame->children->frames[i])
                reopen_frame(x, frame->children->frames[i]);
    } else if (frame->phase != PHASE_ENTER && frame->phase != PHASE_RESULT) {
        end_task(frame);
        frame->phase = frame->state->type == STATE_FAIL ? PHASE_ENTER : PHASE_WORK;
        json_object_put(frame->value);
        frame->value = json_object_get(frame->input);
    }
    frame_enqueue(x, frame);
}

static void redrive(struct execution *x, const struct event *event)
{
    x->phase = EXECUTION_OPEN;
    x->stopped_ms = 0;
    x->redriven_ms = event->at_ms;
    x->redrive_count = event->number;
    json_release(&x->output);
    json_release(&x->context_execution);
    json_release(&x->context_machine);
    set_text(&x->error, NULL);
    set_text(&x->cause, NULL);
    if (x->machine->timeout_seconds) {
        x->timeout_at_ms = event->at_ms + x->machine->timeout_seconds * 1000;
        timers_add(x, EXECUTION_TIMER, x->timeout_at_ms);
    }
    reopen_frame(x, x->frames[0]);
}

void execution_apply(struct execution *x, const struct event *event)
{
    if (event->id)
        x->next_event_id = event->id + 1;
    struct frame *frame = frame_of(x, event->frame);
    assert(frame || event->type <= EVENT_EXECUTION_REDRIVEN);
    enum event_type type = event->type;
    if (event_is_entered(type)) {
        enter(frame, event);
        set_json(&frame->value, event->value);
        frame->last_event_id = event->id;
        return;
    }
    if (event_is_exited(type)) {
        set_json(&frame->value, event->value);
        frame->last_event_id = event->id;
        exit_frame_state(x, frame, event);
        return;
    }
    switch (type) {
    case EVENT_EXECUTION_STARTED:
        start(x, event);
        break;
    case EVENT_EXECUTION_SUCCEEDED:
    case EVENT_EXECUTION_FAILED:
    case EVENT_EXECUTION_ABORTED:
    case EVENT_EXECUTION_TIMED_OUT:
        end(x, event);
        break;
    case EVENT_EXECUTION_REDRIVEN:
        redrive(x, event);
        break;
    case EVENT_TASK_SCHEDULED:
    case EVENT_ACTIVITY_SCHEDULED:
    case EVENT_LAMBDA_SCHEDULED:
        frame->last_event_id = event->id;
        set_json(&frame->value, event->value);
        schedule(x, frame, event);
        break;
    case EVENT_TASK_STARTED:
    case EVENT_ACTIVITY_STARTED:
    case EVENT_LAMBDA_STARTED:
        frame->last_event_id = event->id;
        frame->task_started = true;
        frame->task_started_ms = event->at_ms;
        if (type == EVENT_ACTIVITY_STARTED && frame->heartbeat_ms) {
            frame->heartbeat_at_ms = event->at_ms + frame->heartbeat_ms;
            timers_add(x, frame->id, frame_due_ms(frame));
        }
        break;
    case EVENT_TASK_SUBMITTED:
        frame->last_event_id = event->id;
        frame->task_submitted = true;
        set_json(&frame->value, event->value);
        break;
    case EVENT_TASK_SUCCEEDED:
    case EVENT_ACTIVITY_SUCCEEDED:
    case EVENT_LAMBDA_SUCCEEDED:
        frame->last_event_id = event->id;
        set_json(&frame->value, event->value);
        end_task(frame);
        frame->phase = PHASE_RESULT;
        break;
    case EVENT_TASK_FAILED:
    case EVENT_TASK_TIMED_OUT:
    case EVENT_TASK_START_FAILED:
    case EVENT_TASK_SUBMIT_FAILED:
    case EVENT_ACTIVITY_FAILED:
    case EVENT_ACTIVITY_SCHEDULE_FAILED:
    case EVENT_ACTIVITY_TIMED_OUT:
    case EVENT_LAMBDA_FAILED:
    case EVENT_LAMBDA_SCHEDULE_FAILED:
    case EVENT_LAMBDA_START_FAILED:
    case EVENT_LAMBDA_TIMED_OUT:
    case EVENT_EVALUATION_FAILED:
        frame->last_event_id = event->id;
        fail(frame, event);
        break;
    case EVENT_STATE_FAILED:
        fail(frame, event);
        break;
    case EVENT_CHILD_FAILED:
        fail_child(x, frame, event);
        break;
    case EVENT_TASK_ABORTED:
    case EVENT_WAIT_ABORTED:
    case EVENT_PARALLEL_ABORTED:
    case EVENT_MAP_ABORTED:
    case EVENT_MAP_RUN_ABORTED:
        frame->aborted = true;
        end_task(frame);
        break;
    case EVENT_PARALLEL_STARTED:
        start_parallel(x, frame, event);
        break;
    case EVENT_MAP_STARTED:
        start_map(x, frame, event);
        break;
    case EVENT_ITERATION_STARTED:
        start_child(x, frame, frame->state->scopes[0], event->value, event->id);
        break;
    case EVENT_ITERATION_SUCCEEDED:
        end_child(x, frame, event->id);
        break;
    case EVENT_ITERATION_FAILED:
    case EVENT_ITERATION_ABORTED:
        frame->closed = true;
        break;
    case EVENT_PARALLEL_SUCCEEDED:
    case EVENT_MAP_SUCCEEDED:
        frame->joined_id = event->id;
        if (frame->phase == PHASE_CHILDREN)
            succeed_children(x, frame);
        break;
    case EVENT_PARALLEL_FAILED:
    case EVENT_MAP_FAILED:
        frame->last_event_id = event->id;
        frame->failed_shown = true; /* the children stay until the exit: a redrive goes on with those that ended well */
        break;
    case EVENT_MAP_RUN_STARTED:
        start_map_run(frame, event);
        break;
    case EVENT_MAP_RUN_SUCCEEDED:
        if (!x->machine->extended)
            frame->last_event_id = event->id;
        set_json(&frame->value, event->value);
        frame->phase = PHASE_RESULT;
        end_task(frame);
        break;
    case EVENT_MAP_RUN_FAILED:
        frame->last_event_id = event->id;
        fail(frame, event);
        break;
    case EVENT_MAP_RUN_REDRIVEN:
        frame->last_event_id = event->id;
        break;
    case EVENT_WAIT_SET:
        frame->phase = PHASE_WAIT;
        frame->until_ms = event->until_ms;
        timers_add(x, frame->id, frame->until_ms);
        break;
    case EVENT_RETRY_SET:
        set_retry(x, frame, event);
        break;
    case EVENT_HEARTBEAT:
        frame->heartbeat_at_ms = event->at_ms + frame->heartbeat_ms;
        timers_add(x, frame->id, frame_due_ms(frame));
        break;
    default:
        break;
    }
}
