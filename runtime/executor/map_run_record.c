/*
 * map_run_record.c - what is told of a distributed Map: its record, and its result.
 *
 * The record is the document "maprun" under the run's ARN, written with the commits (DescribeMapRun reads it): at the
 * beginning, at the end, and while children end RECORD_EVERY_MS after the first of them.
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/timestamp.h"
#include "runtime/executor/map_run_priv.h"
#include "runtime/executor/result_writer.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_EVERY_MS = 200 };

/* --- the record -------------------------------------------------------------------------------------------- */

struct counts {
    int64_t pending, running, succeeded, failed, timed_out, aborted, total;
};

static void count_child(struct counts *counts, const struct child *child, int64_t weight)
{
    counts->total += weight;
    if (!child->started && !child->over)
        counts->pending += weight;
    else if (!child->over)
        counts->running += weight;
    else if (child->status == EXECUTION_SUCCEEDED)
        counts->succeeded += weight;
    else if (child->status == EXECUTION_TIMED_OUT)
        counts->timed_out += weight;
    else if (child->status == EXECUTION_ABORTED)
        counts->aborted += weight;
    else
        counts->failed += weight;
}

static struct json_object *counts_json(const struct counts *counts)
{
    struct json_object *object = json_object_new_object();
    json_add_int(object, "pending", counts->pending);
    json_add_int(object, "running", counts->running);
    json_add_int(object, "succeeded", counts->succeeded);
    json_add_int(object, "failed", counts->failed);
    json_add_int(object, "timedOut", counts->timed_out);
    json_add_int(object, "aborted", counts->aborted);
    json_add_int(object, "total", counts->total);
    json_add_int(object, "resultsWritten", counts->succeeded);
    return object;
}

void map_run_write_record(struct map_run *m)
{
    struct engine *engine = m->parent->engine;
    struct counts items = {0}, executions = {0};
    for (size_t i = 0; i < m->count; i++) {
        count_child(&items, &m->children[i], (int64_t)m->children[i].items);
        count_child(&executions, &m->children[i], 1);
    }
    AUTO_JSON struct json_object *record = json_object_new_object();
    json_add_text(record, "mapRunArn", m->arn);
    json_add_text(record, "executionArn", m->parent_arn);
    json_add_text(record, "status", m->status);
    json_add_int(record, "startedMs", m->started_ms);
    if (strcmp(m->status, "RUNNING") != 0)
        json_add_int(record, "stoppedMs", engine_now_ms(engine));
    json_add_int(record, "maxConcurrency", m->max_concurrency);
    json_add_int(record, "toleratedFailureCount", m->tolerated_count < 0 ? 0 : m->tolerated_count);
    json_add(record, "toleratedFailurePercentage",
             json_object_new_double(m->tolerated_percentage < 0 ? 0 : m->tolerated_percentage));
    json_add(record, "itemCounts", counts_json(&items));
    json_add(record, "executionCounts", counts_json(&executions));
    if (m->updated)
        json_add(record, "updated", json_object_get(m->updated));
    char *body = json_text(record);
    static bool never; /* an unconditional put has no conflict */
    store_batch_prove(engine_batch(engine), m->parent->shard, engine->epochs[m->parent->shard]);
    store_batch_put_document(engine_batch(engine), "maprun", m->arn, body, -1, &never);
    commit_kick(engine);
    free(body);
}

static int take_record(void *context, const char *key, const char *body, int64_t version)
{
    struct map_run *m = context;
    AUTO_JSON struct json_object *record = NULL;
    struct json_object *updated = NULL, *percentage = NULL;
    (void)key, (void)version;
    m->resumed = true;
    if (json_parse(body, strlen(body), &record, NULL) != 0)
        return 0;
    m->started_ms = json_member_int(record, "startedMs", m->started_ms);
    if (!json_member(record, "updated", &updated) || updated == NULL)
        return 0;
    m->updated = json_object_get(updated);
    m->max_concurrency = json_member_int(updated, "maxConcurrency", m->max_concurrency);
    m->tolerated_count = json_member_int(updated, "toleratedFailureCount", m->tolerated_count);
    if (json_member(updated, "toleratedFailurePercentage", &percentage))
        m->tolerated_percentage = json_object_get_double(percentage);
    return 0;
}

int map_run_read_record(struct map_run *m)
{
    int code = store_document(m->parent->engine->store, "maprun", m->arn, take_record, m, NULL);
    return code == ERR_NOT_FOUND ? 0 : code;
}

void map_run_note_progress(struct map_run *m)
{
    if (event_pending(m->tick, EV_TIMEOUT, NULL))
        return;
    struct timeval delay = {0, RECORD_EVERY_MS * 1000};
    event_add(m->tick, &delay);
}

/* --- the result -------------------------------------------------------------------------------------------- */

static void add_moment(struct json_object *record, const char *name, int64_t ms)
{
    char text[TIMESTAMP_TEXT_BYTES];
    timestamp_format(ms, text);
    json_add_text(record, name, text);
}

/* What did not succeed is run again when its Map Run is redriven. */
static void add_redrive(struct json_object *record, const struct child *child)
{
    bool fails = child->over && child->status != EXECUTION_SUCCEEDED;
    json_add_int(record, "RedriveCount", 0);
    json_add_text(record, "RedriveStatus", fails ? "REDRIVABLE_BY_MAP_RUN" : "NOT_REDRIVABLE");
    if (child->over && !fails)
        json_add_text(record, "RedriveStatusReason", "Execution is SUCCEEDED and cannot be redriven");
}

static struct json_object *child_record(const struct map_run *m, const struct child *child)
{
    struct json_object *record = json_object_new_object();
    struct json_object *included = json_object_new_object();
    json_add_bool(included, "Included", true);
    json_add_text(record, "ExecutionArn", child->arn);
    char *input = json_text(child->input);
    json_add_text(record, "Input", input);
    free(input);
    json_add(record, "InputDetails", json_object_get(included));
    json_add_text(record, "Name", strrchr(child->arn, ':') + 1);
    if (child->over && child->status == EXECUTION_SUCCEEDED) {
        char *output = json_text(child->output);
        json_add_text(record, "Output", output);
        free(output);
        json_add(record, "OutputDetails", json_object_get(included));
    }
    json_object_put(included);
    if (child->error)
        json_add_text(record, "Error", child->error);
    if (child->cause)
        json_add_text(record, "Cause", child->cause);
    add_redrive(record, child);
    if (child->started)
        add_moment(record, "StartDate", child->started_ms);
    char machine[LIMIT_ARN_CHARS * 2];
    snprintf(machine, sizeof machine, "%s/%s", m->parent->machine_arn, m->label);
    json_add_text(record, "StateMachineArn", machine);
    json_add_text(record, "Status", child->over ? execution_status_name(child->status) : "PENDING");
    if (child->over)
        add_moment(record, "StopDate", child->stopped_ms);
    return record;
}

static bool all_succeeded(const struct map_run *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->children[i].over || m->children[i].status != EXECUTION_SUCCEEDED)
            return false;
    return true;
}

static struct json_object *outputs_of(const struct map_run *m)
{
    struct json_object *outputs = json_object_new_array_ext((int)m->count);
    for (size_t i = 0; i < m->count; i++)
        json_append(outputs, json_object_get(m->children[i].output));
    return outputs;
}

int map_run_make_result(struct map_run *m, struct json_object **ret_result)
{
    if (!m->exports && m->writer_config == NULL && all_succeeded(m)) { /* what COMPACT gives, without detours */
        *ret_result = outputs_of(m);
        return 0;
    }
    AUTO_JSON struct json_object *records = json_object_new_array_ext((int)m->count);
    for (size_t i = 0; i < m->count; i++)
        json_append(records, child_record(m, &m->children[i]));
    struct json_object *arguments = NULL;
    if (!m->exports) {
        *ret_result = result_writer_transform(m->writer_config, "COMPACT", records);
        return 0;
    }
    json_member(m->settled, "_writer", &arguments);
    return result_writer_write(m->parent->engine->options.buckets, m->arn, m->writer_config, arguments, records,
                               ret_result, &m->failure);
}
