/* execution.c - StopExecution, DescribeExecution, ListExecutions (reference/api.md section 5). */
#include "runtime/service/execution.h"

#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/jackson.h"
#include "runtime/service/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void execution_fail_missing(struct service_call *call, const char *arn)
{
    call_fail(call, "ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn);
}

bool execution_is_of_task(const struct service_call *call, const struct store_execution *execution)
{
    const char *task = call_text(call, START_STARTED_BY);
    AUTO_JSON struct json_object *meta = NULL;
    if (task == NULL || json_parse(execution->meta, strlen(execution->meta), &meta, NULL) != 0)
        return false;
    const char *starter = json_member_text(meta, "startedBy");
    return starter && strcmp(task, starter) == 0;
}

bool execution_read(struct service_call *call, store_execution_fn *fn, void *context)
{
    struct arn arn;
    struct err err = {0};
    if (!call_arn(call, "executionArn", ANY_EXECUTION, &arn))
        return false;
    const char *text = call_text(call, "executionArn");
    int code = store_execution_by_arn(call->service->store, text, fn, context, &err);
    if (code == ERR_NOT_FOUND)
        execution_fail_missing(call, text);
    else if (code < 0)
        call_fail_internal(call, code, &err);
    return code == 0;
}

void execution_add_payload(struct json_object *output, const char *member, const char *text, bool included)
{
    char details[32];
    snprintf(details, sizeof details, "%sDetails", member);
    if (included)
        json_add_text(output, member, text);
    struct json_object *included_value = json_object_new_object();
    json_add_bool(included_value, "included", included);
    json_add(output, details, included_value);
}

bool execution_read_input(struct service_call *call, struct json_object **ret_input)
{
    const char *text = call_text(call, "input");
    if (text == NULL)
        text = "{}";
    size_t bytes = strlen(text);
    if (bytes == 0) {
        call_fail(call, "InvalidExecutionInput", "Invalid State Machine Execution Input: 'Invalid execution input.'");
        return false;
    }
    if (json_parse(text, bytes, ret_input, NULL) == 0)
        return true;
    struct jackson_fault fault = {0};
    jackson_scan(text, bytes, NULL, NULL, &fault);
    call_fail(call, "InvalidExecutionInput", "Invalid State Machine Execution Input: '%s'",
              fault.message ? fault.message : "Invalid execution input.");
    jackson_fault_release(&fault);
    return false;
}

/* --- StopExecution ------------------------------------------------------------------------ */

static int note_stop(void *context, const struct store_execution *execution)
{
    int64_t *stopped_ms = context;
    *stopped_ms = execution->stopped_ms;
    return 0;
}

static void stop_done(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    int64_t stopped_ms = 0;
    if (code == ERR_NOT_FOUND) {
        execution_fail_missing(call, call_text(call, "executionArn"));
        return;
    }
    if (code < 0) {
        call_fail_internal(call, code, err);
        return;
    }
    if (!execution_read(call, note_stop, &stopped_ms))
        return;
    struct json_object *output = json_object_new_object();
    json_add(output, "stopDate", api_time(stopped_ms ? stopped_ms : engine_now_ms(call->service->engine)));
    call_succeed(call, output);
}

static void stop(struct service_call *call)
{
    call_carried_out(call); /* should there be nothing to stop, the refusal is in the same commit */
    engine_stop(call->service->engine, call_text(call, "executionArn"), call_text(call, "error"),
                call_text(call, "cause"), stop_done, call);
}

struct owned {
    const struct service_call *call;
    bool of_task;
};

static int note_owned(void *context, const struct store_execution *execution)
{
    struct owned *owned = context;
    owned->of_task = execution_is_of_task(owned->call, execution);
    return 0;
}

/* A start that was on its way is in the store now, or never will be. */
static void stop_if_owned(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    struct owned owned = {.call = call};
    if (code != 0)
        call_fail_internal(call, code, err);
    else if (!execution_read(call, note_owned, &owned))
        return;
    else if (owned.of_task)
        stop(call);
    else
        execution_fail_missing(call, call_text(call, "executionArn"));
}

void stop_execution(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "executionArn", ANY_EXECUTION, &arn) || call_forward_arn(call, call_text(call, "executionArn")))
        return;
    if (call->again) /* it may have been redriven since */
        stop_done(call, 0, NULL);
    else if (call_text(call, START_STARTED_BY))
        engine_on_commit(call->service->engine, stop_if_owned, call);
    else
        stop(call);
}

/* --- DescribeExecution, DescribeStateMachineForExecution --------------------------------------------------- */

static void add_text_if(struct json_object *output, const char *name, const char *text)
{
    if (text)
        json_add_text(output, name, text);
}

static void add_redrive_status(struct json_object *output, const struct store_execution *execution)
{
    bool ended_well = execution->status == EXECUTION_RUNNING || execution->status == EXECUTION_SUCCEEDED;
    json_add_int(output, "redriveCount", execution->redrive_count);
    if (execution->redriven_ms)
        json_add(output, "redriveDate", api_time(execution->redriven_ms));
    if (ended_well) {
        char *reason = mem_printf("Execution is %s and cannot be redriven", execution_status_name(execution->status));
        json_add_text(output, "redriveStatus", "NOT_REDRIVABLE");
        json_add_text(output, "redriveStatusReason", reason);
        free(reason);
    } else {
        json_add_text(output, "redriveStatus", execution->map_run ? "REDRIVABLE_BY_MAP_RUN" : "REDRIVABLE");
    }
}

/* What ListExecutions and DescribeExecution show alike. */
static struct json_object *summary(const struct store_execution *execution, struct json_object *meta)
{
    struct json_object *output = json_object_new_object();
    json_add_text(output, "executionArn", execution->arn);
    json_add_text(output, "stateMachineArn", execution->machine);
    add_text_if(output, "name", json_member_text(meta, "name"));
    json_add_text(output, "status", execution_status_name(execution->status));
    json_add(output, "startDate", api_time(execution->started_ms));
    if (execution->stopped_ms)
        json_add(output, "stopDate", api_time(execution->stopped_ms));
    add_text_if(output, "stateMachineVersionArn", json_member_text(meta, "stateMachineVersionArn"));
    add_text_if(output, "stateMachineAliasArn", json_member_text(meta, "stateMachineAliasArn"));
    return output;
}

static struct json_object *parse_meta(const struct store_execution *execution)
{
    struct json_object *meta = NULL;
    if (json_parse(execution->meta, strlen(execution->meta), &meta, NULL) < 0)
        return json_object_new_object();
    return meta;
}

struct describing {
    struct service_call *call;
    struct json_object *output;
    int code;
    struct err err;
};

static int describe(void *context, const struct store_execution *execution)
{
    struct describing *describing = context;
    char *input = NULL, *output_text = NULL, *error = NULL, *cause = NULL;
    AUTO_JSON struct json_object *meta = parse_meta(execution);
    describing->code = engine_describe(describing->call->service->engine, execution, &input, &output_text, &error,
                                       &cause, &describing->err);
    if (describing->code < 0)
        return 0;
    bool included = call_wants_data(describing->call);
    struct json_object *output = summary(execution, meta);
    add_text_if(output, "mapRunArn", execution->map_run);
    execution_add_payload(output, "input", input, included);
    if (output_text)
        execution_add_payload(output, "output", output_text, included);
    if (execution->status != EXECUTION_TIMED_OUT) { /* whose States.Timeout is told by the history alone */
        add_text_if(output, "error", error);
        add_text_if(output, "cause", cause);
    }
    add_text_if(output, "traceHeader", json_member_text(meta, "traceHeader"));
    add_redrive_status(output, execution);
    free(input);
    free(output_text);
    free(error);
    free(cause);
    describing->output = output;
    return 0;
}

static void describing_answer(struct service_call *call, struct describing *describing)
{
    if (describing->code < 0)
        call_fail_internal(call, describing->code, &describing->err);
    else
        call_succeed(call, describing->output);
}

void describe_execution(struct service_call *call)
{
    struct describing describing = {.call = call};
    if (execution_read(call, describe, &describing))
        describing_answer(call, &describing);
}

static int describe_machine(void *context, const struct store_execution *execution)
{
    struct describing *describing = context;
    struct service *service = describing->call->service;
    AUTO_JSON struct json_object *meta = parse_meta(execution);
    AUTO_JSON struct json_object *machine = NULL;
    AUTO_JSON struct json_object *revision = NULL;
    struct arn arn;
    if (arn_parse(execution->machine, &arn, &describing->err) < 0)
        return 0;
    /* the record says how it is configured; the execution says what it runs, and does so after a deletion too */
    record_read(service, "machine", arn.machine, &machine, NULL, NULL);
    const char *key = json_member_text(meta, "definition");
    char *text = key ? definition_text(service, key) : NULL;
    struct json_object *output = json_object_new_object();
    json_add_text(output, "stateMachineArn", execution->machine);
    json_add_text(output, "name", arn.machine);
    json_add_text(output, "definition", !call_wants_data(describing->call) ? "{}" : text ? text : "");
    free(text);
    add_text_if(output, "roleArn", json_member_text(meta, "roleArn"));
    json_add(output, "updateDate",
             api_time(machine ? json_member_int(machine, "updatedMs", 0) : execution->started_ms));
    if (machine) {
        revision_add_configuration(output, machine);
        add_text_if(output, "revisionId", json_member_text(machine, "revisionId"));
    }
    add_text_if(output, "mapRunArn", execution->map_run);
    add_text_if(output, "label", arn.label);
    revision = json_object_new_object();
    add_text_if(revision, "definitionKey", key);
    if (key && call_wants_data(describing->call))
        revision_add_variables(service, output, revision);
    describing->output = output;
    return 0;
}

void describe_state_machine_for_execution(struct service_call *call)
{
    struct describing describing = {.call = call};
    if (execution_read(call, describe_machine, &describing))
        describing_answer(call, &describing);
}

/* --- ListExecutions -------------------------------------------------------------------------------------------- */

struct listing {
    struct json_object *items;
    int limit;
    bool more, of_map_run;
    int64_t last_started_ms, last_id;
};

static int list_execution(void *context, const struct store_execution *execution)
{
    struct listing *listing = context;
    if ((int)json_object_array_length(listing->items) == listing->limit) {
        listing->more = true;
        return 1;
    }
    AUTO_JSON struct json_object *meta = parse_meta(execution);
    struct json_object *item = summary(execution, meta);
    json_add_int(item, "redriveCount", execution->redrive_count);
    if (execution->redriven_ms)
        json_add(item, "redriveDate", api_time(execution->redriven_ms));
    if (listing->of_map_run) {
        add_text_if(item, "mapRunArn", execution->map_run);
        json_add_int(item, "itemCount", json_member_int(meta, "itemCount", 1));
    }
    json_append(listing->items, item);
    listing->last_started_ms = execution->started_ms;
    listing->last_id = execution->id;
    return 0;
}

/* Fills the part of the query that the ARN gives; false: the call has failed. */
static bool query_by_machine(struct service_call *call, struct store_execution_query *query, char **ret_machine,
                             struct arn *arn)
{
    AUTO_JSON struct json_object *machine = NULL;
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, arn) || !machine_read(call, arn, &machine, NULL))
        return false;
    if (machine_is_express(machine)) {
        call_fail(call, "StateMachineTypeNotSupported",
                  "This operation is not supported by this type of state machine");
        return false;
    }
    *ret_machine = arn->label ? service_arn(call->service, "stateMachine:%s/%s", arn->machine, arn->label)
                              : machine_arn(call->service, machine);
    query->machine = *ret_machine;
    if (arn->qualifier) {
        query->meta_member = arn_is_version(arn->qualifier) ? "stateMachineVersionArn" : "stateMachineAliasArn";
        query->meta_value = call_text(call, "stateMachineArn");
    }
    return true;
}

/* The Map Run whose children are listed; false: the call has failed. */
static bool check_map_run(struct service_call *call)
{
    struct arn arn;
    struct err err = {0};
    AUTO_JSON struct json_object *run = NULL;
    const char *text = call_text(call, "mapRunArn");
    if (!call_arn(call, "mapRunArn", ANY_MAP_RUN, &arn))
        return false;
    int code = record_read(call->service, "maprun", text, &run, NULL, &err);
    if (code == ERR_NOT_FOUND)
        call_fail_with(call, "ResourceNotFound", "resourceName", text, "Resource not found: '%s'", text);
    else if (code < 0)
        call_fail_internal(call, code, &err);
    return code == 0;
}

static void list_by_query(struct service_call *call, struct store_execution_query *query, const char *scope)
{
    char *position;
    if (!call_page_position(call, scope, &position))
        return;
    if (position)
        sscanf(position, "%" SCNd64 " %" SCNd64, &query->before_started_ms, &query->before_id);
    free(position);
    struct listing listing = {
        .items = json_object_new_array(), .limit = call_page_size(call), .of_map_run = query->map_run != NULL};
    query->limit = listing.limit + 1;
    struct err err = {0};
    int code = store_executions(call->service->store, query, list_execution, &listing, &err);
    struct json_object *output = json_object_new_object();
    json_add(output, "executions", listing.items);
    if (listing.more) {
        char next[64];
        snprintf(next, sizeof next, "%" PRId64 " %" PRId64, listing.last_started_ms, listing.last_id);
        page_add_token(call, output, scope, next);
    }
    if (code < 0) {
        json_object_put(output);
        call_fail_internal(call, code, &err);
    } else {
        call_succeed(call, output);
    }
}

void list_executions(struct service_call *call)
{
    const char *machine_text = call_text(call, "stateMachineArn");
    const char *map_run = call_text(call, "mapRunArn");
    const char *status = call_text(call, "statusFilter");
    const char *redriven = call_text(call, "redriveFilter");
    if ((machine_text == NULL) == (map_run == NULL)) {
        call_fail_with(call, "ValidationException", "reason", "MISSING_REQUIRED_PARAMETER",
                       "Exactly one of stateMachineArn and mapRunArn must be specified.");
        return;
    }
    if (machine_text && (redriven || (status && strcmp(status, "PENDING_REDRIVE") == 0))) {
        call_fail(call, "ValidationException", "%s",
                  redriven ? "redriveFilter needs mapRunArn." : "The statusFilter PENDING_REDRIVE needs mapRunArn.");
        return;
    }
    struct store_execution_query query = {
        .map_run = map_run,
        .status = execution_status_find(status),
        .redriven = redriven == NULL ? -1 : strcmp(redriven, "REDRIVEN") == 0,
    };
    char *machine = NULL;
    struct arn arn;
    if (map_run ? check_map_run(call) : query_by_machine(call, &query, &machine, &arn)) {
        char *scope =
            mem_printf("%s %s %s", map_run ? map_run : machine_text, status ? status : "", redriven ? redriven : "");
        list_by_query(call, &query, scope);
        free(scope);
    }
    free(machine);
}
