/*
 * query.c - looking at an execution from outside, and printing all of it.
 */
#include "asl/base/json.h"
#include "runtime/execution/execution_priv.h"

enum execution_phase execution_phase(const struct execution *x)
{
    return x->phase;
}

enum event_type execution_ending(const struct execution *x)
{
    return x->ending;
}

struct json_object *execution_output(const struct execution *x)
{
    return x->output;
}

const char *execution_error(const struct execution *x)
{
    return x->error;
}

const char *execution_cause(const struct execution *x)
{
    return x->cause;
}

int64_t execution_started_ms(const struct execution *x)
{
    return x->started_ms;
}

int64_t execution_stopped_ms(const struct execution *x)
{
    return x->stopped_ms;
}

int64_t execution_last_event_id(const struct execution *x)
{
    return x->next_event_id - 1;
}

int64_t execution_redrive_count(const struct execution *x)
{
    return x->redrive_count;
}

const char *execution_arn(const struct execution *x)
{
    return x->identity.arn;
}

struct machine *execution_machine(const struct execution *x)
{
    return x->machine;
}

static bool waits_far_away(const struct frame *frame)
{
    switch (frame->phase) {
    case PHASE_WAIT:
    case PHASE_CHILDREN:
        return true;
    case PHASE_TASK:
        return frame->task_submitted && frame->state->resource.pattern == PATTERN_CALLBACK;
    default:
        return false;
    }
}

bool execution_is_dormant(const struct execution *x)
{
    for (uint32_t i = 0; i < x->frame_count; i++)
        if (x->frames[i] && !waits_far_away(x->frames[i]))
            return false;
    return x->phase == EXECUTION_OPEN;
}

static void describe_task(const struct frame *frame, struct execution_task *ret_task)
{
    *ret_task = (struct execution_task){
        .frame = frame->id,
        .task_id = frame->task_id,
        .resource = &frame->state->resource,
        .state = frame->state,
        .input = frame->task_input,
        .credentials = frame->credentials,
        .scheduled_ms = frame->task_scheduled_ms,
        .timeout_at_ms = frame_due_ms(frame),
        .retry_count = frame->retry_count,
        .invocation = frame->task_invocation,
        .started = frame->task_started,
        .submitted = frame->task_submitted,
    };
}

bool execution_task(const struct execution *x, uint32_t id, int64_t task_id, struct execution_task *ret_task)
{
    const struct frame *frame = frame_of(x, id);
    if (x->phase != EXECUTION_OPEN || frame == NULL || frame->phase != PHASE_TASK || frame->task_id != task_id)
        return false;
    describe_task(frame, ret_task);
    return true;
}

void execution_tasks(const struct execution *x, void (*fn)(void *context, const struct execution_task *task),
                     void *context)
{
    if (x->phase != EXECUTION_OPEN)
        return;
    for (uint32_t i = 0; i < x->frame_count; i++) {
        const struct frame *frame = x->frames[i];
        if (frame == NULL || frame->phase != PHASE_TASK || frame->aborted)
            continue;
        struct execution_task task;
        describe_task(frame, &task);
        fn(context, &task);
    }
}

bool execution_map_run(const struct execution *x, uint32_t id, int64_t task_id, struct execution_map_run *ret_map_run)
{
    const struct frame *frame = frame_of(x, id);
    if (x->phase != EXECUTION_OPEN || frame == NULL || frame->phase != PHASE_MAP_RUN || frame->task_id != task_id)
        return false;
    *ret_map_run = (struct execution_map_run){
        .state = frame->state,
        .arn = json_member_text(frame->map_run, "mapRunArn"),
        .items = frame->task_input,
        .settled = frame->map_run,
    };
    return true;
}

static void dump_value(struct buf *out, const char *name, struct json_object *value)
{
    buf_printf(out, " %s=", name);
    json_write(out, value);
}

static void dump_frame(struct buf *out, const struct frame *f)
{
    buf_printf(out, "frame %u slot %u state %s phase %d last %lld joined %lld entered %lld/%lld at %lld", f->id,
               f->slot, f->state->name, f->phase, (long long)f->last_event_id, (long long)f->joined_id,
               (long long)f->entered_id, (long long)f->entered_previous_id, (long long)f->entered_ms);
    buf_printf(out, " retries %lld until %lld task %lld%s%s timeout %lld heartbeat %lld%s%s%s error %s cause %s",
               (long long)f->retry_count, (long long)f->until_ms, (long long)f->task_id,
               f->task_started ? " started" : "", f->task_submitted ? " submitted" : "", (long long)f->task_timeout_ms,
               (long long)f->heartbeat_at_ms, f->closed ? " closed" : "", f->aborted ? " aborted" : "",
               f->failed_shown ? " failed" : "", f->error ? f->error : "-", f->cause ? f->cause : "-");
    dump_value(out, "input", f->input);
    dump_value(out, "value", f->value);
    dump_value(out, "task_input", f->task_input);
    dump_value(out, "variables", f->variables.values);
    for (size_t i = 0; f->retrier_counts && i < f->state->retry_count; i++)
        buf_printf(out, " retrier%zu=%lld", i, (long long)f->retrier_counts[i]);
    if (f->children) {
        buf_printf(out, " children %u/%u/%u/%u failed %u", f->children->count, f->children->started, f->children->ended,
                   f->children->live, f->children->failed_slot);
        for (uint32_t i = 0; i < f->children->count; i++)
            dump_value(out, "result", f->children->results[i]);
    }
    buf_add_char(out, '\n');
}

char *execution_dump(const struct execution *x)
{
    struct buf out = BUF_INIT;
    buf_printf(
        &out,
        "execution phase %d ending %d next %lld started %lld stopped %lld redrives %lld timeout %lld error %s cause %s",
        x->phase, x->ending, (long long)x->next_event_id, (long long)x->started_ms, (long long)x->stopped_ms,
        (long long)x->redrive_count, (long long)x->timeout_at_ms, x->error ? x->error : "-", x->cause ? x->cause : "-");
    dump_value(&out, "output", x->output);
    buf_add_char(&out, '\n');
    for (uint32_t i = 0; i < x->frame_count; i++)
        if (x->frames[i])
            dump_frame(&out, x->frames[i]);
    return buf_take(&out);
}
