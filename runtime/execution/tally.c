#include "config.h"

#include "runtime/execution/tally.h"

#include "runtime/execution/execution_priv.h"

static const double seconds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 900, 3600, 21600, 86400};

void tally_init(struct tally *tally)
{
    *tally = (struct tally){0};
    for (size_t i = 0; i < TALLY_KINDS; i++) {
        tally->tasks[i].run = HISTOGRAM(seconds);
        tally->tasks[i].schedule = HISTOGRAM(seconds);
        tally->tasks[i].overall = HISTOGRAM(seconds);
    }
}

static void took(struct histogram *histogram, int64_t from_ms, int64_t to_ms)
{
    histogram_add(histogram, to_ms > from_ms ? (double)(to_ms - from_ms) / 1000 : 0);
}

static void started(struct tally_tasks *tasks, const struct frame *frame, const struct event *event)
{
    took(&tasks->schedule, frame->task_scheduled_ms, event->at_ms);
}

static void ended(struct tally_tasks *tasks, const struct frame *frame, const struct event *event)
{
    if (frame->task_started_ms)
        took(&tasks->run, frame->task_started_ms, event->at_ms);
    took(&tasks->overall, frame->task_scheduled_ms, event->at_ms);
}

static void timed_out(struct tally_tasks *tasks, const struct frame *frame, const struct event *event)
{
    tasks->heartbeats_missed += frame->heartbeat_missed;
    ended(tasks, frame, event);
}

void tally_event(struct tally *tally, const struct frame *frame, const struct event *event)
{
    tally->counts[event->type]++;
    switch (event->type) {
    case EVENT_ACTIVITY_STARTED:
        started(&tally->tasks[TALLY_ACTIVITY], frame, event);
        break;
    case EVENT_LAMBDA_STARTED:
        started(&tally->tasks[TALLY_LAMBDA], frame, event);
        break;
    case EVENT_TASK_STARTED:
        started(&tally->tasks[TALLY_SERVICE], frame, event);
        break;
    case EVENT_ACTIVITY_SUCCEEDED:
    case EVENT_ACTIVITY_FAILED:
        ended(&tally->tasks[TALLY_ACTIVITY], frame, event);
        break;
    case EVENT_LAMBDA_SUCCEEDED:
    case EVENT_LAMBDA_FAILED:
        ended(&tally->tasks[TALLY_LAMBDA], frame, event);
        break;
    case EVENT_TASK_SUCCEEDED:
    case EVENT_TASK_FAILED:
        ended(&tally->tasks[TALLY_SERVICE], frame, event);
        break;
    case EVENT_ACTIVITY_TIMED_OUT:
        timed_out(&tally->tasks[TALLY_ACTIVITY], frame, event);
        break;
    case EVENT_LAMBDA_TIMED_OUT:
        timed_out(&tally->tasks[TALLY_LAMBDA], frame, event);
        break;
    case EVENT_TASK_TIMED_OUT:
        timed_out(&tally->tasks[TALLY_SERVICE], frame, event);
        break;
    default:
        break;
    }
}
