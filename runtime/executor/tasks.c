/*
 * tasks.c - tasks at work: from the core's command to a connector, from its report to a stimulus.
 *
 * A task is started only after the commit of the event that scheduled it (invariant 1), so after a crash it
 * is started again with the same idempotency token. Activities have no connector: activity.c offers them to workers.
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/graph.h"
#include "runtime/executor/engine_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void work_free(struct work *work)
{
    if (work->next)
        work->next->at = work->at;
    *work->at = work->next;
    work->run->engine->tasks_running -= !work->follows;
    json_object_put(work->task.input);
    free((char *)work->task.machine_name);
    free((char *)work->task.role_arn);
    free(work->idempotency_token);
    free(work->token);
    free(work);
}

static enum stimulus_kind stimulus_of(enum task_report_kind kind)
{
    switch (kind) {
    case TASK_STARTED:
        return STIMULUS_TASK_STARTED;
    case TASK_SUBMITTED:
        return STIMULUS_TASK_SUBMITTED;
    case TASK_SUCCEEDED:
        return STIMULUS_TASK_SUCCEEDED;
    case TASK_FAILED:
        return STIMULUS_TASK_FAILED;
    case TASK_TIMED_OUT:
        return STIMULUS_TASK_TIMED_OUT;
    }
    return STIMULUS_TASK_FAILED;
}

static void report(struct task *task, const struct task_report *report)
{
    struct work *work = task->owner;
    struct run *run = work->run;
    struct engine *engine = run->engine;
    struct stimulus stimulus = {
        .kind = stimulus_of(report->kind),
        .frame = work->frame,
        .task_id = work->task_id,
        .value = report->output,
        .error = report->error,
        .cause = report->cause,
        .worker_name = report->worker_name,
    };
    bool over = report->kind >= TASK_SUCCEEDED || (report->kind == TASK_SUBMITTED && report->handed_over);
    /* What waits for a nested execution must not keep that one's own tasks from their places, nor the clock from
     * moving. */
    bool gives_place = over || (report->kind == TASK_SUBMITTED && !work->follows);
    if (over) {
        work_free(work);
    } else if (gives_place) {
        work->follows = true;
        engine->tasks_running--;
    }
    run_deliver(run, &stimulus);
    if (gives_place)
        tasks_advance(engine);
}

static struct connector *connector_for(struct engine *engine, const struct task *task)
{
    for (size_t i = 0; i < engine->connector_count; i++) {
        struct connector *connector = engine->connectors[i];
        if (connector->ops->accepts(connector, task))
            return connector;
    }
    return NULL;
}

static void fail_unsupported(struct run *run, const struct execution_task *wanted)
{
    char cause[LIMIT_ARN_CHARS + 160];
    snprintf(cause, sizeof cause,
             "The resource '%s' has no implementation here: name a local handler or a mock for it.",
             wanted->resource->text);
    run_deliver(run, &(struct stimulus){.kind = STIMULUS_TASK_FAILED,
                                        .frame = wanted->frame,
                                        .task_id = wanted->task_id,
                                        .error = "States.TaskFailed",
                                        .cause = cause});
}

/* The machine's name: the last part of its ARN, for a map run's child that of the parent. */
static char *machine_name(const struct run *run)
{
    const char *colon = run->machine_arn ? strrchr(run->machine_arn, ':') : NULL;
    return colon ? mem_strndup(colon + 1, strcspn(colon + 1, "/")) : mem_strdup("");
}

static void start(struct run *run, const struct execution_task *wanted)
{
    struct engine *engine = run->engine;
    struct work *work = NEW(struct work);
    work->run = run;
    work->frame = wanted->frame;
    work->task_id = wanted->task_id;
    work->idempotency_token = mem_printf("%s:%lld", run->arn, (long long)wanted->task_id);
    if (wanted->resource->pattern == PATTERN_CALLBACK) {
        work->token = mem_alloc(LIMIT_TOKEN_CHARS + 1);
        token_make(engine, &(struct token){run->shard, run->id, wanted->frame, wanted->task_id}, work->token);
    }
    const char *role = json_member_text(wanted->credentials, "RoleArn");
    work->task = (struct task){
        .resource = wanted->resource,
        .input = json_object_get(wanted->input),
        .state_name = wanted->state->name,
        .machine_name = machine_name(run),
        .execution_arn = run->arn,
        .test_case = run->test_case,
        .idempotency_token = work->idempotency_token,
        .task_token = work->token,
        .role_arn = mem_strdup(role),
        .attempt = wanted->retry_count,
        .invocation = wanted->invocation,
        .deadline_ms = wanted->timeout_at_ms == INT64_MAX ? 0 : wanted->timeout_at_ms,
        .report = report,
        .owner = work,
    };
    work->at = &run->works;
    work->next = run->works;
    if (work->next)
        work->next->at = &work->next;
    run->works = work;
    engine->tasks_running++;
    work->connector = connector_for(engine, &work->task);
    if (work->connector == NULL) {
        struct execution_task copy = *wanted;
        work_free(work);
        fail_unsupported(run, &copy);
        return;
    }
    work->connector->ops->start(work->connector, &work->task);
}

static struct work *find(const struct run *run, const struct command *command)
{
    struct work *work = run->works;
    while (work && (work->frame != command->frame || work->task_id != command->task_id))
        work = work->next;
    return work;
}

bool tasks_runs_others(const struct run *run, const struct command *command)
{
    const struct work *work = find(run, command);
    struct execution_task wanted;
    if (work)
        return work->connector->ops->leave;
    if (command->kind != COMMAND_RUN_TASK ||
        !execution_task(run->execution, command->frame, command->task_id, &wanted) ||
        wanted.resource->kind != RESOURCE_SERVICE)
        return false;
    char *machine = machine_name(run);
    struct task task = {.resource = wanted.resource,
                        .input = wanted.input,
                        .state_name = wanted.state->name,
                        .machine_name = machine,
                        .execution_arn = run->arn,
                        .test_case = run->test_case};
    const struct connector *connector = connector_for(run->engine, &task);
    free(machine);
    return connector && connector->ops->leave;
}

static void wait_for_place(struct engine *engine, struct run *run, struct command command)
{
    if (engine->queue_head > 1024 && engine->queue_head * 2 > engine->queue_count) {
        engine->queue_count -= engine->queue_head;
        memmove(engine->queue, engine->queue + engine->queue_head, engine->queue_count * sizeof *engine->queue);
        engine->queue_head = 0;
    }
    engine->queue = mem_grow(engine->queue, &engine->queue_capacity, engine->queue_count + 1, sizeof *engine->queue);
    engine->queue[engine->queue_count++] = (struct pending_command){run, command};
}

static int tasks_max(const struct engine *engine)
{
    return engine->options.tasks_max ? engine->options.tasks_max : ENGINE_TASKS_MAX;
}

static void run_task(struct run *run, struct command command)
{
    struct engine *engine = run->engine;
    struct execution_task wanted;
    if (!execution_task(run->execution, command.frame, command.task_id, &wanted))
        return;
    if (wanted.resource->kind == RESOURCE_ACTIVITY) {
        if (!wanted.started)
            activity_offer(run, command.frame, command.task_id, wanted.resource->text);
        return;
    }
    if (wanted.submitted && wanted.resource->pattern == PATTERN_CALLBACK && run->test_case == NULL)
        return; /* the message is out: only its token is waited for */
    if (engine->tasks_running >= tasks_max(engine) || (engine->draining && !run->express))
        wait_for_place(engine, run, command);
    else
        start(run, &wanted);
}

/* One place is free, but who waited for it may not want it any more: on to the next. */
void tasks_advance(struct engine *engine)
{
    while (!engine->draining && engine->queue_head < engine->queue_count && engine->tasks_running < tasks_max(engine)) {
        struct pending_command next = engine->queue[engine->queue_head++];
        if (engine->queue_head == engine->queue_count)
            engine->queue_head = engine->queue_count = 0;
        if (next.run)
            run_task(next.run, next.command);
    }
}

static void cancel(struct run *run, struct command command)
{
    struct work *work = find(run, &command);
    if (work == NULL)
        return;
    work->connector->ops->cancel(work->connector, &work->task);
    struct engine *engine = run->engine;
    work_free(work);
    tasks_advance(engine);
}

void tasks_carry_out(struct run *run, struct command command)
{
    switch (command.kind) {
    case COMMAND_RUN_TASK:
        run_task(run, command);
        break;
    case COMMAND_CANCEL_TASK:
        activity_withdraw(run, command.frame, command.task_id);
        cancel(run, command);
        break;
    case COMMAND_START_MAP_RUN:
    case COMMAND_STOP_MAP_RUN:
        map_run_carry_out(run, command);
        break;
    case COMMAND_ENDED:
        break;
    }
}

bool tasks_hold(const struct run *run)
{
    return run->works != NULL;
}

void tasks_leave_all(struct run *run)
{
    struct engine *engine = run->engine;
    for (size_t i = engine->queue_head; i < engine->queue_count; i++)
        if (engine->queue[i].run == run)
            engine->queue[i].run = NULL;
    activity_withdraw(run, 0, 0);
    if (run->works && engine->queue_head < engine->queue_count)
        commit_kick(engine); /* places become free: not from in here, where many runs may be on their way out */
    while (run->works) {
        struct work *work = run->works;
        const struct connector_ops *ops = work->connector->ops;
        (ops->leave ? ops->leave : ops->cancel)(work->connector, &work->task);
        work_free(work);
    }
}

void tasks_close(struct engine *engine, int grace_ms)
{
    for (size_t i = 0; i < engine->connector_count; i++)
        engine->connectors[i]->ops->close(engine->connectors[i], grace_ms);
    free(engine->connectors);
    free(engine->queue);
}
