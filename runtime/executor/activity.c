/*
 * activity.c - tasks that workers come for: a queue and a line of pollers for each activity.
 *
 * A task goes to the poller that waited longest; where nobody polls here, other nodes are told (activity_peers.c). The
 * poller is answered once ActivityStarted is on disk; if it has gone by then, the next one gets the task. When the
 * process is about to end, those that wait are answered without a task; those that were given one, here or by another
 * node that they asked, get it all the same: it has been started, and nobody else would ever come to have it.
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/executor/activity_priv.h"
#include "runtime/executor/engine_priv.h"

#include <stdlib.h>
#include <string.h>

struct activity *activity_of(struct engine *engine, const char *arn)
{
    void *found = NULL;
    if (lh_table_lookup_ex(engine->activities, arn, &found))
        return found;
    struct activity *activity = NEW(struct activity);
    activity->engine = engine;
    activity->arn = mem_strdup(arn);
    activity->last_offer = &activity->first_offer;
    activity->last_poll = &activity->first_poll;
    lh_table_insert(engine->activities, activity->arn, activity);
    return activity;
}

/* --- offers ------------------------------------------------------------------------------------------------ */

static void offer_free(struct offer *offer)
{
    free(offer->token);
    free(offer->input);
    free(offer);
}

static void add_offer(struct activity *activity, struct offer *offer)
{
    *activity->last_offer = offer;
    activity->last_offer = &offer->next;
    activity->offer_count++;
    activity_match(activity);
    if (activity->offer_count)
        activity_peers_offer(activity);
}

/* False: the task is over, or somebody has it. */
static bool start_offer(const struct offer *offer, const char *worker_name, char **ret_token, char **ret_input)
{
    struct run *run = offer->run;
    struct execution_task task;
    if (!execution_task(run->execution, offer->frame, offer->task_id, &task) || task.started)
        return false;
    struct engine *engine = run->engine;
    *ret_token = mem_alloc(LIMIT_TOKEN_CHARS + 1);
    token_make(engine, &(struct token){run->shard, run->id, task.frame, task.task_id}, *ret_token);
    *ret_input = json_text(task.input);
    run_deliver(run, &(struct stimulus){.kind = STIMULUS_TASK_STARTED,
                                        .frame = task.frame,
                                        .task_id = task.task_id,
                                        .worker_name = worker_name});
    return true;
}

/* Of one that was started: its execution is ours, and does not wait for it any more. */
static bool is_over(struct engine *engine, const char *text)
{
    struct token token;
    struct execution_task task;
    struct err err;
    if (!token_read(engine, text, &token) || !owner_holds(engine, token.shard))
        return false;
    struct run *run = run_load_id(engine, token.shard, token.id, &err);
    if (run == NULL)
        return err.code == ERR_NOT_FOUND;
    bool over = !execution_task(run->execution, token.frame, token.task_id, &task);
    run_settle(run);
    return over;
}

enum activity_start activity_start_first(struct activity *activity, const char *worker_name, char **ret_token,
                                         char **ret_input)
{
    enum activity_start start = ACTIVITY_NONE;
    while (start == ACTIVITY_NONE && activity->first_offer) {
        struct offer *offer = activity->first_offer;
        activity->first_offer = offer->next;
        if (activity->first_offer == NULL)
            activity->last_offer = &activity->first_offer;
        activity->offer_count--;
        if (offer->run && start_offer(offer, worker_name, ret_token, ret_input)) {
            start = ACTIVITY_STARTS;
        } else if (offer->run == NULL && !is_over(activity->engine, offer->token)) {
            start = ACTIVITY_STARTED;
            *ret_token = offer->token;
            *ret_input = offer->input;
            offer->token = offer->input = NULL;
        }
        offer_free(offer);
    }
    return start;
}

void activity_offer(struct run *run, uint32_t frame, int64_t task_id, const char *activity_arn)
{
    struct offer *offer = NEW(struct offer);
    offer->run = run;
    offer->frame = frame;
    offer->task_id = task_id;
    add_offer(activity_of(run->engine, activity_arn), offer);
}

void activity_hand_on(struct activity *activity, char *token, char *input)
{
    struct offer *offer = NEW(struct offer);
    offer->token = token;
    offer->input = input;
    add_offer(activity, offer);
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
                activity->offer_count--;
                offer_free(offer);
            } else {
                at = &offer->next;
            }
        }
        activity->last_offer = &activity->first_offer;
        while (*activity->last_offer)
            activity->last_offer = &(*activity->last_offer)->next;
    }
}

/* --- polls -------------------------------------------------------------------------------------------------- */

static void poll_free(struct activity_poll *poll)
{
    free(poll->worker_name);
    free(poll->token);
    free(poll->input);
    free(poll);
}

struct activity_poll *activity_unpark(struct activity *activity)
{
    struct activity_poll *poll = activity->first_poll;
    if (poll == NULL)
        return NULL;
    activity->first_poll = poll->next;
    if (activity->first_poll == NULL)
        activity->last_poll = &activity->first_poll;
    activity->parked_count--;
    poll->next = NULL;
    return poll;
}

void activity_park_first(struct activity_poll *poll)
{
    struct activity *activity = poll->activity;
    poll->next = activity->first_poll;
    activity->first_poll = poll;
    if (poll->next == NULL)
        activity->last_poll = &poll->next;
    activity->parked_count++;
}

static void on_started(void *context, int code, const struct err *err)
{
    (void)err;
    struct activity_poll *poll = context;
    bool good = code == 0 || poll->started;
    if (poll->fn) {
        poll->fn(poll->context, good ? poll->token : NULL, good ? poll->input : NULL);
    } else if (good) {
        activity_hand_on(poll->activity, poll->token, poll->input);
        poll->token = poll->input = NULL;
    }
    poll_free(poll);
}

void activity_match(struct activity *activity)
{
    while (activity->first_offer && activity->first_poll) {
        struct activity_poll *poll = activity->first_poll;
        enum activity_start start = activity_start_first(activity, poll->worker_name, &poll->token, &poll->input);
        if (start == ACTIVITY_NONE)
            return;
        activity_unpark(activity);
        activity->poll_count--;
        poll->given = true;
        poll->started = start == ACTIVITY_STARTED;
        engine_on_commit(activity->engine, on_started, poll);
    }
}

void activity_answer(struct activity_poll *poll, const char *token, const char *input)
{
    poll->activity->poll_count--;
    poll->fn(poll->context, token, input);
    poll_free(poll);
}

void activity_drain(struct engine *engine)
{
    struct lh_entry *entry;
    lh_foreach(engine->activities, entry)
    {
        struct activity *activity = (struct activity *)lh_entry_v(entry);
        for (struct activity_poll *poll; (poll = activity_unpark(activity)) != NULL;)
            activity_answer(poll, NULL, NULL);
    }
}

struct activity_poll *engine_poll_activity(struct engine *engine, const char *activity_arn, const char *worker_name,
                                           activity_task_fn *fn, void *context)
{
    if (engine->draining) {
        fn(context, NULL, NULL);
        return NULL;
    }
    struct activity *activity = activity_of(engine, activity_arn);
    struct activity_poll *poll = NEW(struct activity_poll);
    poll->activity = activity;
    poll->worker_name = mem_strdup(worker_name);
    poll->fn = fn;
    poll->context = context;
    *activity->last_poll = poll;
    activity->last_poll = &poll->next;
    activity->parked_count++;
    activity->poll_count++;
    activity_match(activity);
    if (activity->parked_count)
        activity_peers_poll(activity);
    return poll;
}

static void leave_line(struct activity_poll *poll)
{
    struct activity *activity = poll->activity;
    struct activity_poll **at = &activity->first_poll;
    while (*at != poll)
        at = &(*at)->next;
    *at = poll->next;
    if (activity->last_poll == &poll->next)
        activity->last_poll = at;
    activity->parked_count--;
}

void engine_poll_cancel(struct engine *engine, struct activity_poll *poll)
{
    (void)engine;
    if (poll->given) { /* on_started() frees it */
        poll->fn = NULL;
        return;
    }
    if (poll->claim)
        activity_peers_forget(poll);
    else
        leave_line(poll);
    poll->activity->poll_count--;
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
            offer_free(activity->first_offer);
            activity->first_offer = next;
        }
        for (struct activity_poll *poll; (poll = activity_unpark(activity)) != NULL;)
            poll_free(poll);
        activity_peers_release(activity);
        free(activity->arn);
        free(activity);
    }
    lh_table_free(engine->activities);
}
