#include "config.h"

#include "runtime/task/deferred.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <event2/event.h>
#include <stdlib.h>

struct deferred_report {
    TAILQ_ENTRY(deferred_report) link;
    struct task *task;
    struct task_report report;
    char *error, *cause;
};

static void free_report(struct deferred_report *entry)
{
    json_object_put(entry->report.output);
    free(entry->error);
    free(entry->cause);
    free(entry);
}

enum { REPORTS_A_TURN = 1024 }; /* then others have their turn */

/* Each entry leaves the list before it is reported, for the report may cancel or start others. */
static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct deferred *deferred = context;
    struct deferred_report *entry;
    for (int i = 0; i < REPORTS_A_TURN && (entry = TAILQ_FIRST(&deferred->reports)) != NULL; i++) {
        TAILQ_REMOVE(&deferred->reports, entry, link);
        entry->task->report(entry->task, &entry->report);
        free_report(entry);
    }
    if (!TAILQ_EMPTY(&deferred->reports))
        event_active(deferred->turn, EV_TIMEOUT, 1);
}

void deferred_init(struct deferred *deferred, struct event_base *base)
{
    TAILQ_INIT(&deferred->reports);
    deferred->turn = event_new(base, -1, 0, on_turn, deferred);
}

void deferred_add(struct deferred *deferred, struct task *task, const struct task_report *report)
{
    struct deferred_report *entry = NEW(struct deferred_report);
    *entry = (struct deferred_report){
        .task = task, .report = *report, .error = mem_strdup(report->error), .cause = mem_strdup(report->cause)};
    entry->report.output = json_object_get(report->output);
    entry->report.error = entry->error;
    entry->report.cause = entry->cause;
    TAILQ_INSERT_TAIL(&deferred->reports, entry, link);
    event_active(deferred->turn, EV_TIMEOUT, 1);
}

void deferred_cancel(struct deferred *deferred, const struct task *task)
{
    struct deferred_report *entry = TAILQ_FIRST(&deferred->reports), *next;
    for (; entry; entry = next) {
        next = TAILQ_NEXT(entry, link);
        if (entry->task == task) {
            TAILQ_REMOVE(&deferred->reports, entry, link);
            free_report(entry);
        }
    }
}

void deferred_release(struct deferred *deferred)
{
    struct deferred_report *entry;
    while ((entry = TAILQ_FIRST(&deferred->reports)) != NULL) {
        TAILQ_REMOVE(&deferred->reports, entry, link);
        free_report(entry);
    }
    event_free(deferred->turn);
}
