/*
 * logging.c - what a state machine's loggingConfiguration asks for: its executions' events as lines of JSON.
 *
 * A line has the shape of the records that Step Functions gives to CloudWatch Logs (reference/history.md section 6).
 * It is made with the event and goes with the commit that holds it: what was not committed is not logged.
 */
#include "runtime/executor/engine_priv.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/graph.h"
#include "runtime/execution/history_view.h"
#include "runtime/executor/log_files.h"

#include <stdlib.h>
#include <string.h>

static const char *group_arn(struct json_object *configuration)
{
    struct json_object *destinations = NULL, *group = NULL;

    json_member(configuration, "destinations", &destinations);
    if (!json_object_is_type(destinations, json_type_array) || !json_object_array_length(destinations))
        return NULL;
    json_member(json_object_array_get_idx(destinations, 0), "cloudWatchLogsLogGroup", &group);
    return json_member_text(group, "logGroupArn");
}

static enum log_level level_of(struct json_object *configuration)
{
    static const char *const names[] = {[LOG_FATAL] = "FATAL", [LOG_ERROR] = "ERROR", [LOG_ALL] = "ALL"};
    const char *level = json_member_text(configuration, "level");

    for (enum log_level i = LOG_FATAL; level && i <= LOG_ALL; i++)
        if (!strcmp(names[i], level))
            return i;
    return LOG_OFF;
}

bool logging_is_on(struct json_object *configuration)
{
    return level_of(configuration) != LOG_OFF;
}

void logging_begin(struct run *run, struct json_object *configuration)
{
    struct engine *engine = run->engine;
    const char *arn = group_arn(configuration);
    struct json_object *include = NULL;

    if (!engine->log_files || !arn || !logging_is_on(configuration))
        return;
    json_member(configuration, "includeExecutionData", &include);
    run->log_group = log_files_group(engine->log_files, arn);
    run->log_level = level_of(configuration);
    run->log_data = json_object_get_boolean(include);
}

static bool ends_with(const char *text, const char *end)
{
    size_t bytes = strlen(text), end_bytes = strlen(end);
    return bytes >= end_bytes && !strcmp(text + bytes - end_bytes, end);
}

/* The table "Log levels for Step Functions execution events" of AWS's guide. */
static bool is_wanted(enum log_level level, enum event_type type)
{
    const char *name = event_type_name(type);
    bool bad = ends_with(name, "Failed") || ends_with(name, "Aborted") || ends_with(name, "TimedOut");

    switch (level) {
    case LOG_ALL:
        return true;
    case LOG_ERROR:
        return bad || type == EVENT_FAIL_ENTERED;
    case LOG_FATAL:
        return bad && !strncmp(name, "Execution", strlen("Execution"));
    default:
        return false;
    }
}

static void write_line(struct buf *out, const struct run *run, const struct event *event)
{
    const struct shown_event shown = {
        .id = event->id,
        .previous_id = event->previous_id,
        .at_ms = event->at_ms,
        .type = event->type,
        .name = event->state ? event->state->name : NULL,
        .has_value = event->has_value,
        .value = event->value,
        .assigned = event->assigned,
        .details = event->details,
        .number = event->number,
    };

    shown_event_write_record(out, &shown, run->log_data, run->arn, execution_redrive_count(run->execution));
    buf_add_char(out, '\n');
}

static struct buf *lines_of(struct commit *commit, struct log_group *group)
{
    for (size_t i = 0; i < commit->log_count; i++)
        if (commit->logs[i].group == group)
            return &commit->logs[i].lines;
    commit->logs = mem_grow(commit->logs, &commit->log_capacity, commit->log_count + 1, sizeof *commit->logs);
    commit->logs[commit->log_count] = (struct commit_log){.group = group};
    return &commit->logs[commit->log_count++].lines;
}

void logging_take(struct run *run, const struct outbox *outbox)
{
    struct buf at_once = BUF_INIT;

    if (!run->log_group)
        return;
    struct buf *out = run->express ? &at_once : lines_of(run->engine->filling, run->log_group);
    for (size_t i = 0; i < outbox->event_count; i++)
        if (outbox->events[i].id && is_wanted(run->log_level, outbox->events[i].type))
            write_line(out, run, &outbox->events[i]);
    if (at_once.bytes)
        log_files_add(run->engine->log_files, run->log_group, at_once.data, at_once.bytes);
    buf_release(&at_once);
}

void logging_committed(struct engine *engine, struct commit *commit)
{
    for (size_t i = 0; i < commit->log_count; i++)
        if (commit->logs[i].lines.bytes)
            log_files_add(engine->log_files, commit->logs[i].group, commit->logs[i].lines.data,
                          commit->logs[i].lines.bytes);
    logging_drop(commit);
}

void logging_drop(struct commit *commit)
{
    for (size_t i = 0; i < commit->log_count; i++)
        buf_release(&commit->logs[i].lines);
    commit->log_count = 0;
}
