/*
 * map_run.c - DescribeMapRun, ListMapRuns, UpdateMapRun (reference/api.md "Map Runs").
 *
 * A Map Run is a document of kind "maprun" under its ARN, written by the engine: {mapRunArn, executionArn, status,
 * startedMs, stoppedMs, maxConcurrency, toleratedFailurePercentage, toleratedFailureCount, itemCounts,
 * executionCounts, redriveCount, redrivenMs}.
 */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/machine.h"

#include <stdlib.h>
#include <string.h>

static bool read_map_run(struct service_call *call, struct json_object **ret_run)
{
    struct arn arn;
    struct err err = {0};
    if (!call_arn(call, "mapRunArn", ANY_MAP_RUN, &arn))
        return false;
    const char *text = call_text(call, "mapRunArn");
    int code = record_read(call->service, "maprun", text, ret_run, NULL, &err);
    if (code == ERR_NOT_FOUND)
        call_fail_with(call, "ResourceNotFound", "resourceName", text, "Resource not found: '%s'", text);
    else if (code < 0)
        call_fail_internal(call, code, &err);
    return code == 0;
}

static void add_times(struct json_object *output, struct json_object *run)
{
    json_add(output, "startDate", api_time(json_member_int(run, "startedMs", 0)));
    if (json_member_int(run, "stoppedMs", 0))
        json_add(output, "stopDate", api_time(json_member_int(run, "stoppedMs", 0)));
}

void describe_map_run(struct service_call *call)
{
    static const char *const copied[] = {"mapRunArn",      "executionArn",          "status",
                                         "maxConcurrency", "toleratedFailureCount", "itemCounts",
                                         "executionCounts"};
    AUTO_JSON struct json_object *run = NULL;
    if (!read_map_run(call, &run))
        return;
    struct json_object *output = json_object_new_object();
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        struct json_object *value;
        if (json_member(run, copied[i], &value))
            json_add(output, copied[i], json_object_get(value));
    }
    struct json_object *percentage;
    if (json_member(run, "toleratedFailurePercentage", &percentage))
        json_add(output, "toleratedFailurePercentage", api_float(json_object_get_double(percentage)));
    add_times(output, run);
    if (json_member_int(run, "redriveCount", 0)) {
        json_add_int(output, "redriveCount", json_member_int(run, "redriveCount", 0));
        json_add(output, "redriveDate", api_time(json_member_int(run, "redrivenMs", 0)));
    }
    call_succeed(call, output);
}

/* --- ListMapRuns: the runs whose parent is an execution ---------------------------------------------------- */

struct listing {
    struct json_object *items;
    struct service *service;
    const char *execution_arn;
    int limit;
    bool more;
    char *last;
};

static int list_run(void *context, const char *key, const char *body, int64_t version)
{
    struct listing *listing = context;
    (void)version;
    AUTO_JSON struct json_object *run = NULL;
    if (json_parse(body, strlen(body), &run, NULL) < 0)
        return 0;
    const char *parent = json_member_text(run, "executionArn");
    if (parent == NULL || strcmp(parent, listing->execution_arn) != 0)
        return 0;
    if ((int)json_object_array_length(listing->items) == listing->limit) {
        listing->more = true;
        return 1;
    }
    struct json_object *item = json_object_new_object();
    json_add_text(item, "executionArn", parent);
    json_add_text(item, "mapRunArn", key);
    struct arn arn;
    if (arn_parse(key, &arn, NULL) == 0) {
        char *machine = service_arn(listing->service, "stateMachine:%s/%s", arn.machine, arn.label ? arn.label : "");
        json_add_text(item, "stateMachineArn", machine);
        free(machine);
    }
    add_times(item, run);
    json_append(listing->items, item);
    free(listing->last);
    listing->last = mem_strdup(key);
    return 0;
}

static int exists(void *context, const struct store_execution *execution)
{
    (void)context;
    (void)execution;
    return 0;
}

void list_map_runs(struct service_call *call)
{
    struct arn arn;
    struct err err = {0};
    char *position;
    const char *execution_arn = call_text(call, "executionArn");
    if (!call_arn(call, "executionArn", ANY_EXECUTION, &arn))
        return;
    int code = store_execution_by_arn(call->service->store, execution_arn, exists, NULL, &err);
    if (code == ERR_NOT_FOUND) {
        call_fail(call, "ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", execution_arn);
        return;
    }
    if (!call_page_position(call, execution_arn, &position))
        return;
    struct listing listing = {.items = json_object_new_array(),
                              .execution_arn = execution_arn,
                              .service = call->service,
                              .limit = call_page_size(call)};
    char *prefix = service_arn(call->service, "mapRun:%s/", arn.machine);
    code = store_documents(call->service->store, "maprun", prefix, position, false, 0, list_run, &listing, &err);
    struct json_object *output = json_object_new_object();
    json_add(output, "mapRuns", listing.items);
    if (listing.more)
        page_add_token(call, output, execution_arn, listing.last);
    if (code < 0) {
        json_object_put(output);
        call_fail_internal(call, code, &err);
    } else {
        call_succeed(call, output);
    }
    free(prefix);
    free(listing.last);
    free(position);
}

static void fail_completed(struct service_call *call)
{
    call_fail_with(call, "ValidationException", "reason", "CANNOT_UPDATE_COMPLETED_MAP_RUN",
                   "A Map Run that is not running cannot be updated.");
}

static int note_status(void *context, const struct store_execution *execution)
{
    *(enum execution_status *)context = execution->status;
    return 0;
}

/* It runs, says its record, and is not at work here: it is about to be, unless its execution has ended. */
static void fail_not_at_work(struct service_call *call, const char *execution_arn)
{
    enum execution_status status = EXECUTION_RUNNING;
    int code = store_execution_by_arn(call->service->store, execution_arn, note_status, &status, NULL);
    if (code == ERR_NOT_FOUND || (code == 0 && status != EXECUTION_RUNNING))
        fail_completed(call);
    else
        call_fail(call, "ServiceUnavailable", "The Map Run is being taken up.");
}

void update_map_run(struct service_call *call)
{
    static const char *const changed[] = {"maxConcurrency", "toleratedFailurePercentage", "toleratedFailureCount"};
    AUTO_JSON struct json_object *run = NULL;
    if (call->again) {
        call_succeed(call, NULL);
        return;
    }
    if (!read_map_run(call, &run))
        return;
    if (strcmp(json_member_text(run, "status"), "RUNNING") != 0) {
        fail_completed(call);
        return;
    }
    size_t given = 0;
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        struct json_object *value = NULL;
        given += json_member(call->input, changed[i], &value) && value;
    }
    if (given == 0) {
        call_fail_with(
            call, "ValidationException", "reason", "MISSING_REQUIRED_PARAMETER",
            "At least one of maxConcurrency, toleratedFailurePercentage and toleratedFailureCount is needed.");
        return;
    }
    if (call_forward_arn(call, json_member_text(run, "executionArn")))
        return;
    struct json_object *percentage = NULL;
    json_member(call->input, "toleratedFailurePercentage", &percentage);
    if (engine_update_map_run(call->service->engine, call_text(call, "mapRunArn"), call_int(call, "maxConcurrency", -1),
                              call_int(call, "toleratedFailureCount", -1),
                              percentage ? json_object_get_double(percentage) : -1) != 0) {
        fail_not_at_work(call, json_member_text(run, "executionArn"));
        return;
    }
    call_carried_out(call);
    call_commit_and_succeed(call, NULL);
}
