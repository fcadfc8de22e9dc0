/* play.c - plays a flow: stimuli in, events kept, and after each step what must hold of every execution. */
#include "tests/flow/play_priv.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "asl/definition/graph.h"
#include "runtime/execution/event_codec.h"
#include "runtime/execution/history_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t START_MS = 1704067200000; /* 2024-01-01T00:00:00Z */

void play_complain(struct play *p, const char *format, ...)
{
    if (p->failed)
        return;
    p->failed = true;
    fprintf(stderr, "%s:%d: %s%s: ", p->file->path, p->step ? p->step->line : p->flow->line, p->flow->title, p->what);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* --- what the core asks from outside ---------------------------------------------------------- */

static void same_random(void *owner, void *bytes, size_t count)
{
    memset(bytes, ((struct play *)owner)->flow->random_byte, count);
}

static void plain_token(void *owner, const struct execution *x, uint32_t frame, int64_t task_id, char *ret_token)
{
    (void)owner, (void)x;
    snprintf(ret_token, LIMIT_TOKEN_CHARS + 1, "token-%u-%lld", frame, (long long)task_id);
}

static bool knows_activity(void *owner, const char *arn)
{
    (void)arn;
    return !((struct play *)owner)->flow->no_activities;
}

static struct execution *make_execution(const struct flow *flow)
{
    static const struct execution_identity identity = {
        .arn = "arn:aws:states:us-east-1:123456789012:execution:flow:run",
        .name = "run",
        .machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:flow",
        .machine_name = "flow",
        .role_arn = "arn:aws:iam::123456789012:role/flow",
        .region = "us-east-1",
        .account = "123456789012",
    };
    return execution_new(flow->machine, &identity, &flow->settings);
}

static struct play make_play(const struct flow_file *file, const struct flow *flow, const char *what)
{
    return (struct play){
        .file = file,
        .flow = flow,
        .what = what,
        .x = make_execution(flow),
        .inputs = {.now_ms = START_MS, .random = same_random, .token = plain_token, .activity_exists = knows_activity},
        .clock_after = mem_zalloc((flow->step_count + 1) * sizeof(int64_t)),
    };
}

static void release_play(struct play *p)
{
    for (size_t i = 0; i < p->stored_count; i++) {
        free(p->stored[i].row);
        free(p->stored[i].dump);
        json_object_put(p->stored[i].value);
    }
    for (size_t i = 0; i < p->over_count; i++)
        free(p->over_states[i]);
    free(p->over_states);
    free(p->over);
    free(p->running);
    free(p->stored);
    free(p->clock_after);
    outbox_release(&p->outbox);
    execution_free(p->x);
}

/* --- tasks: what was asked for is what is at work ---------------------------------------------- */

static struct running *find_running(struct play *p, uint32_t frame, int64_t task_id)
{
    for (size_t i = 0; i < p->running_count; i++)
        if (p->running[i].frame == frame && p->running[i].task_id == task_id)
            return &p->running[i];
    return NULL;
}

static void drop_running(struct play *p, struct running *task)
{
    if (task)
        *task = p->running[--p->running_count];
}

static void note_over(struct play *p, const struct running *task, const char *state)
{
    p->over = mem_grow(p->over, &p->over_capacity, p->over_count + 1, sizeof *p->over);
    p->over_states = mem_grow(p->over_states, &p->over_states_capacity, p->over_count + 1, sizeof *p->over_states);
    p->over[p->over_count] = *task;
    p->over_states[p->over_count++] = mem_strdup(state);
}

static void take_commands(struct play *p)
{
    for (size_t i = 0; i < p->outbox.command_count; i++) {
        const struct command *command = &p->outbox.commands[i];
        struct running *task = find_running(p, command->frame, command->task_id);
        switch (command->kind) {
        case COMMAND_RUN_TASK:
        case COMMAND_START_MAP_RUN:
            if (task)
                play_complain(p, "task %lld was asked for twice", (long long)command->task_id);
            p->running = mem_grow(p->running, &p->running_capacity, p->running_count + 1, sizeof *p->running);
            p->running[p->running_count++] = (struct running){command->frame, command->task_id};
            break;
        case COMMAND_CANCEL_TASK:
        case COMMAND_STOP_MAP_RUN:
            drop_running(p, task);
            break;
        case COMMAND_ENDED:
            if (execution_phase(p->x) != EXECUTION_CLOSED)
                play_complain(p, "said to be over while it runs");
        }
    }
}

static void list_task(void *context, const struct execution_task *task)
{
    struct task_list *tasks = context;
    tasks->list = mem_grow(tasks->list, &tasks->capacity, tasks->count + 1, sizeof *tasks->list);
    tasks->list[tasks->count++] = *task;
}

struct task_list play_tasks(struct play *p)
{
    struct task_list tasks = {0};
    execution_tasks(p->x, list_task, &tasks);
    return tasks;
}

static void check_tasks(struct play *p)
{
    struct task_list tasks = play_tasks(p);
    for (size_t i = 0; i < tasks.count; i++)
        if (find_running(p, tasks.list[i].frame, tasks.list[i].task_id) == NULL)
            play_complain(p, "the task of %s is at work but was not asked for", tasks.list[i].state->name);
    for (size_t i = 0; i < p->running_count; i++) {
        struct execution_task task;
        struct execution_map_run map_run;
        struct running *running = &p->running[i];
        if (!execution_task(p->x, running->frame, running->task_id, &task) &&
            !execution_map_run(p->x, running->frame, running->task_id, &map_run))
            play_complain(p, "task %lld is over but was not cancelled", (long long)running->task_id);
    }
    free(tasks.list);
}

/* --- events ------------------------------------------------------------------------------------ */

int64_t play_last_id(const struct play *p)
{
    for (size_t i = p->stored_count; i-- > 0;)
        if (p->stored[i].id)
            return p->stored[i].id;
    return 0;
}

static void store_event(struct play *p, const struct event *event)
{
    if (event->id && event->id != play_last_id(p) + 1)
        play_complain(p, "event %lld follows event %lld", (long long)event->id, (long long)play_last_id(p));
    if (event->id && (event->previous_id >= event->id || event->previous_id < 0))
        play_complain(p, "event %lld says that it follows %lld", (long long)event->id, (long long)event->previous_id);
    if (event->at_ms != p->inputs.now_ms)
        play_complain(p, "event %lld has the wrong time", (long long)event->id);
    struct buf row = BUF_INIT;
    event_encode(&row, event, 1);
    event_encode_end(&row);
    p->stored = mem_grow(p->stored, &p->stored_capacity, p->stored_count + 1, sizeof *p->stored);
    p->stored[p->stored_count++] = (struct stored){
        .row = buf_take(&row),
        .step = p->step_index,
        .id = event->id,
        .previous_id = event->previous_id,
        .at_ms = event->at_ms,
        .type = event->type,
        .state = event->state,
        .has_value = event->has_value,
        .value = json_object_get(event->value),
    };
}

/* What the executor does after advance: store, then carry out. */
static void commit(struct play *p)
{
    for (size_t i = 0; i < p->outbox.event_count; i++)
        store_event(p, &p->outbox.events[i]);
    take_commands(p);
    if (p->outbox.event_count)
        p->stored[p->stored_count - 1].dump = execution_dump(p->x);
    outbox_clear(&p->outbox);
    check_tasks(p);
}

static bool advance(struct play *p, const struct stimulus *stimulus)
{
    p->inputs.owner = p;
    bool meant = execution_advance(p->x, stimulus, &p->inputs, &p->outbox);
    commit(p);
    return meant;
}

static void run_until(struct play *p, int64_t target_ms)
{
    static const struct stimulus timer = {.kind = STIMULUS_TIMER};
    int64_t due;
    while (!p->failed && (due = execution_next_due(p->x)) <= target_ms) {
        if (due > p->inputs.now_ms)
            p->inputs.now_ms = due;
        advance(p, &timer);
        if (execution_next_due(p->x) == due && due < p->inputs.now_ms)
            play_complain(p, "a timer fires without an end");
    }
    if (target_ms > p->inputs.now_ms)
        p->inputs.now_ms = target_ms;
}

/* --- steps -------------------------------------------------------------------------------------- */

bool play_find_task(struct play *p, const struct step *step, struct running *ret_task)
{
    unsigned nth = step->nth;
    bool found = false;
    if (step->map_run) {
        for (size_t i = 0; i < p->running_count && !found; i++) {
            struct execution_map_run run;
            if (execution_map_run(p->x, p->running[i].frame, p->running[i].task_id, &run) &&
                strcmp(run.state->name, step->state) == 0 && nth-- == 0) {
                *ret_task = p->running[i];
                found = true;
            }
        }
    } else {
        struct task_list tasks = play_tasks(p);
        for (size_t i = 0; i < tasks.count && !found; i++) {
            if (strcmp(tasks.list[i].state->name, step->state) == 0 && nth-- == 0) {
                *ret_task = (struct running){tasks.list[i].frame, tasks.list[i].task_id};
                found = true;
            }
        }
        free(tasks.list);
    }
    if (!found)
        play_complain(p, "no task of %s is at work", step->state);
    return found;
}

static bool ends_task(enum stimulus_kind kind)
{
    return kind == STIMULUS_TASK_SUCCEEDED || kind == STIMULUS_TASK_FAILED || kind == STIMULUS_TASK_TIMED_OUT ||
           kind == STIMULUS_MAP_RUN_ENDED;
}

static void play_stimulus(struct play *p, const struct step *step)
{
    struct stimulus stimulus = {
        .kind = step->stimulus,
        .value = step->value,
        .error = step->error,
        .cause = step->cause,
        .worker_name = step->words,
    };
    if (step->state) {
        struct running task;
        if (!play_find_task(p, step, &task))
            return;
        stimulus.frame = task.frame;
        stimulus.task_id = task.task_id;
        if (ends_task(step->stimulus)) {
            note_over(p, &task, step->state);
            drop_running(p, find_running(p, task.frame, task.task_id));
        }
    }
    if (!advance(p, &stimulus))
        play_complain(p, "nothing came of it");
}

static void play_stale(struct play *p, const struct step *step)
{
    for (size_t i = 0; i < p->over_count; i++) {
        if (strcmp(p->over_states[i], step->state) != 0)
            continue;
        size_t before = p->stored_count;
        const struct stimulus stimulus = {
            .kind = STIMULUS_TASK_SUCCEEDED, .frame = p->over[i].frame, .task_id = p->over[i].task_id};
        if (advance(p, &stimulus) || p->stored_count != before)
            play_complain(p, "a task that is over was taken for one at work");
        return;
    }
    play_complain(p, "no task of %s is over", step->state);
}

/* Frames that go on side by side may do so in another order after a crash. */
static bool depends_on_order(const struct step *step)
{
    return step->kind == STEP_EXPECT && (step->expectation == EXPECT_EVENTS || step->expectation == EXPECT_PREVIOUS);
}

static void play_steps(struct play *p, size_t from, bool after_crash)
{
    for (size_t i = from; i < p->flow->step_count && !p->failed; i++) {
        const struct step *step = &p->flow->steps[i];
        p->step = step;
        p->step_index = i;
        if (after_crash && depends_on_order(step))
            continue;
        switch (step->kind) {
        case STEP_STIMULUS:
            play_stimulus(p, step);
            break;
        case STEP_STALE:
            if (!after_crash) /* what was over before the crash is not remembered here */
                play_stale(p, step);
            break;
        case STEP_ADVANCE:
            run_until(p, p->inputs.now_ms + step->number);
            break;
        case STEP_EXPECT:
            play_expect(p, step);
        }
        p->clock_after[i] = p->inputs.now_ms;
    }
    p->step = NULL;
}

/* --- the fold, the view, the crash --------------------------------------------------------------- */

static bool replay(struct play *p, struct execution *x, const struct stored *event)
{
    struct err err = {0};
    if (event_replay(x, event->row, strlen(event->row), &err) == 0)
        return true;
    play_complain(p, "a stored event is not understood: %s: %s", err.message, event->row);
    return false;
}

/* After every commit: the fold of what is stored is the execution that lives. */
static void check_fold(struct play *p)
{
    struct execution *x = make_execution(p->flow);
    for (size_t i = 0; i < p->stored_count && replay(p, x, &p->stored[i]); i++) {
        if (p->stored[i].dump == NULL)
            continue;
        char *folded = execution_dump(x);
        if (strcmp(folded, p->stored[i].dump) != 0)
            play_complain(p, "the fold up to event %lld differs; live:\n%sfolded:\n%s", (long long)p->stored[i].id,
                          p->stored[i].dump, folded);
        free(folded);
    }
    execution_free(x);
}

struct view_check {
    struct play *play;
    size_t at;
};

static int check_shown(void *context, const struct shown_event *shown)
{
    struct view_check *check = context;
    struct play *p = check->play;
    while (check->at < p->stored_count && p->stored[check->at].id == 0)
        check->at++;
    const struct stored *event = check->at < p->stored_count ? &p->stored[check->at++] : NULL;
    if (event == NULL || shown->id != event->id || shown->type != event->type ||
        shown->previous_id != event->previous_id || shown->at_ms != event->at_ms)
        play_complain(p, "the history shows event %lld wrongly", (long long)shown->id);
    else if (event->has_value && event_value_name(event->type) && !json_same(shown->value, event->value))
        play_complain(p, "the history shows a wrong payload in event %lld", (long long)shown->id);
    return p->failed;
}

/* What GetExecutionHistory would show is what happened. */
static void check_view(struct play *p)
{
    struct history_view *view = history_view_new();
    struct view_check check = {.play = p};
    for (size_t i = 0; i < p->stored_count && !p->failed; i++) {
        struct err err = {0};
        if (history_view_row(view, p->stored[i].row, strlen(p->stored[i].row), 0, check_shown, &check, &err) < 0)
            play_complain(p, "the history cannot be shown: %s", err.message);
    }
    history_view_free(view);
}

static char *all_types(const struct play *p)
{
    AUTO_BUF types = BUF_INIT;
    for (size_t i = 0; i < p->stored_count; i++)
        buf_printf(&types, "%s ", event_type_name(p->stored[i].type));
    return play_sorted(buf_text(&types));
}

/* Inside a commit other events may follow: of two tasks that time out together, one is enough to go on. */
static void compare_endings(struct play *live, struct play *crashed, bool same_events)
{
    struct execution *a = live->x, *b = crashed->x;
    const char *error_a = execution_error(a), *error_b = execution_error(b);
    if (execution_phase(a) != execution_phase(b) || execution_ending(a) != execution_ending(b))
        play_complain(crashed, "it ends otherwise: %s", event_type_name(execution_ending(b)));
    if (!json_same(execution_output(a), execution_output(b)))
        play_complain(crashed, "it ends with another output");
    if ((error_a == NULL) != (error_b == NULL) || (error_a && strcmp(error_a, error_b) != 0))
        play_complain(crashed, "it ends with another error: %s", error_b ? error_b : "none");
    if (execution_stopped_ms(a) != execution_stopped_ms(b))
        play_complain(crashed, "it ends at another time");
    if (!same_events)
        return;
    char *types_a = all_types(live), *types_b = all_types(crashed);
    if (strcmp(types_a, types_b) != 0)
        play_complain(crashed, "other events:\n%s\ninstead of:\n%s", types_b, types_a);
    free(types_a);
    free(types_b);
}

/* The engine dies when `count` events are stored, comes back at the same moment and goes on. */
static bool crash_at(struct play *live, size_t count)
{
    char what[64];
    const struct stored *last = &live->stored[count - 1];
    snprintf(what, sizeof what, " after a crash at stored event %zu", count);
    struct play p = make_play(live->file, live->flow, what);
    p.inputs.owner = &p;
    p.inputs.now_ms = last->at_ms;
    p.step_index = last->step;
    p.step = &live->flow->steps[last->step];
    for (size_t i = 0; i < count && replay(&p, p.x, &live->stored[i]); i++) {
        const struct stored *event = &live->stored[i];
        p.stored = mem_grow(p.stored, &p.stored_capacity, p.stored_count + 1, sizeof *p.stored);
        p.stored[p.stored_count] = *event;
        p.stored[p.stored_count].row = mem_strdup(event->row);
        p.stored[p.stored_count].dump = NULL;
        json_object_get(p.stored[p.stored_count++].value);
    }
    if (!p.failed) {
        execution_resume(p.x, &p.inputs, &p.outbox);
        if (last->dump && p.outbox.event_count && execution_next_due(p.x) > p.inputs.now_ms)
            play_complain(&p, "nothing was left to do, and %zu events came", p.outbox.event_count);
        commit(&p);
        run_until(&p, live->clock_after[last->step]);
        play_steps(&p, last->step + 1, true);
    }
    if (!p.failed)
        compare_endings(live, &p, last->dump != NULL);
    bool good = !p.failed;
    release_play(&p);
    return good;
}

bool flow_play(const struct flow_file *file, const struct flow *flow)
{
    struct play p = make_play(file, flow, "");
    p.inputs.owner = &p;
    play_steps(&p, 0, false);
    if (!p.failed)
        check_fold(&p);
    if (!p.failed)
        check_view(&p);
    bool good = !p.failed;
    for (size_t i = 1; good && flow->crash_every && i <= p.stored_count; i += (size_t)flow->crash_every)
        good = crash_at(&p, i);
    release_play(&p);
    return good;
}
