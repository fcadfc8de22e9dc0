/*
 * activity.c - tasks that workers come for: a queue and a line of pollers for each activity.
 *
 * A task goes to the poller that waited longest. The poller is answered once ActivityStarted is on disk; if
 * the poller has gone by then, its worker is lost and the task's timeout or heartbeat decides.
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"

#include <stdlib.h>
#include <string.h>

struct offer {
    struct offer *next;
    struct run *run;
    uint32_t frame;
    int64_t task_id;
};

struct activity_poll {
    struct activity_poll *next;
    struct activity *activity; /* NULL once it has a task */
    struct engine *engine;
    char *worker_name;
    activity_task_fn *fn; /* NULL: cancelled while the start was being written */
    void *context;
    char *token, *input;
};

struct activity {
    char *arn;
    struct offer *first_offer, **last_offer;
    struct activity_poll *first_poll, **last_poll;
    size_t poll_count;
};

static struct activity *activity_of(struct engine *engine, const char *arn)
{
    void *found = NULL;
    if (lh_table_lookup_ex(engine->activities, arn, &found))
        return found;
    struct activity *activity = NEW(struct activity);
    activity->arn = mem_strdup(arn);
    activity->last_offer = &activity->first_offer;
    activity->last_poll = &activity->first_poll;
    lh_table_insert(engine->activities, activity->arn, activity);
    return activity;
}

static void poll_free(struct activity_poll *poll)
{
    free(poll->worker_name);
    free(poll->token);
    free(poll->input);
    free(poll);
}

static void on_started(void *context, int code, const struct err *err)
{
    (void)err;
    struct activity_poll *poll = context;
    if (poll->fn)
        poll->fn(poll->context, code == 0 ? poll->token : NULL, code == 0 ? poll->input : NULL);
    poll_free(poll);
}

static struct activity_poll *take_poll(struct activity *activity)
{
    struct activity_poll *poll = activity->first_poll;
    activity->first_poll = poll->next;
    if (activity->first_poll == NULL)
        activity->last_poll = &activity->first_poll;
    activity->poll_count--;
    poll->next = NULL;
    poll->activity = NULL;
    return poll;
}

static void give(struct activity_poll *poll, struct run *run, const struct execution_task *task)
{
    struct engine *engine = run->engine;
    poll->token = mem_alloc(LIMIT_TOKEN_CHARS + 1);
    token_make(engine, &(struct token){run->shard, run->id, task->frame, task->task_id}, poll->token);
    poll->input = json_text(task->input);
    run_deliver(run, &(struct stimulus){.kind = STIMULUS_TASK_STARTED,
                                        .frame = task->frame,
                                        .task_id = task->task_id,
                                        .worker_name = poll->worker_name});
    engine_on_commit(engine, on_started, poll);
}

/* Brings tasks and pollers together until one of the two lines is empty. */
static void match(struct activity *activity)
{
    while (activity->first_offer && activity->first_poll) {
        struct offer *offer = activity->first_offer;
        activity->first_offer = offer->next;
        if (activity->first_offer == NULL)
            activity->last_offer = &activity->first_offer;
        struct execution_task task;
        if (execution_task(offer->run->execution, offer->frame, offer->task_id, &task) && !task.started)
            give(take_poll(activity), offer->run, &task);
        free(offer);
    }
}

void activity_offer(struct run *run, uint32_t frame, int64_t task_id, const char *activity_arn)
{
    struct activity *activity = activity_of(run->engine, activity_arn);
    struct offer *offer = NEW(struct offer);
    offer->run = run;
    offer->frame = frame;
    offer->task_id = task_id;
    *activity->last_offer = offer;
    activity->last_offer = &offer->next;
    match(activity);
}

/* task_id 0: all of the run's. */
void activity_withdraw(struct run *run, uint32_t frame, int64_t task_id)
{
    struct lh_entry *entry;
    lh_foreach(run->engine->activities, entry)
    {
        struct activity *activity = (struct activity *)lh_entry_v(entry);
        for (struct offer **at = &activity->first_offer; *at;) {
            struct offer *offer = *at;
            if (offer->run == run && (task_id == 0 || (offer->frame == frame && offer->task_id == task_id))) {
                *at = offer->next;
                free(offer);
            } else {
                at = &offer->next;
            }
        }
        activity->last_offer = &activity->first_offer;
        while (*activity->last_offer)
            activity->last_offer = &(*activity->last_offer)->next;
    }
}

struct activity_poll *engine_poll_activity(struct engine *engine, const char *activity_arn, const char *worker_name,
                                           activity_task_fn *fn, void *context)
{
    struct activity *activity = activity_of(engine, activity_arn);
    struct activity_poll *poll = NEW(struct activity_poll);
    poll->activity = activity;
    poll->engine = engine;
    poll->worker_name = mem_strdup(worker_name);
    poll->fn = fn;
    poll->context = context;
    *activity->last_poll = poll;
    activity->last_poll = &poll->next;
    activity->poll_count++;
    match(activity);
    return poll;
}

void engine_poll_cancel(struct engine *engine, struct activity_poll *poll)
{
    (void)engine;
    struct activity *activity = poll->activity;
    if (activity == NULL) { /* it has a task: on_started() frees it */
        poll->fn = NULL;
        return;
    }
    struct activity_poll **at = &activity->first_poll;
    while (*at != poll)
        at = &(*at)->next;
    *at = poll->next;
    if (activity->last_poll == &poll->next)
        activity->last_poll = at;
    activity->poll_count--;
    poll_free(poll);
}

size_t engine_poll_count(struct engine *engine, const char *activity_arn)
{
    return activity_of(engine, activity_arn)->poll_count;
}

void activity_close(struct engine *engine)
{
    struct lh_entry *entry;
    lh_foreach(engine->activities, entry)
    {
        struct activity *activity = (struct activity *)lh_entry_v(entry);
        while (activity->first_offer) {
            struct offer *next = activity->first_offer->next;
            free(activity->first_offer);
            activity->first_offer = next;
        }
        while (activity->first_poll)
            poll_free(take_poll(activity));
        free(activity->arn);
        free(activity);
    }
    lh_table_free(engine->activities);
}
