/* execution.c - starting, stopping, describing and listing executions (reference/api.md section 5). */
#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/jackson.h"
#include "runtime/service/machine.h"
#include "runtime/task/mock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail_missing(struct service_call *call, const char *arn)
{
    call_fail(call, "ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn);
}

/* --- starting ----------------------------------------------------------------------------------------- */

/* What a StartExecution or StartSyncExecution names, resolved. */
struct starting {
    struct json_object *machine;
    struct json_object *revision; /* the machine or one of its versions; borrowed */
    struct json_object *input;
    char *machine_arn, *version_arn, *alias_arn, *arn;
    char name[LIMIT_NAME_CHARS * 4 + 1];
    const char *test_case;
    struct arn given;
};

static void starting_release(struct starting *starting)
{
    json_object_put(starting->machine);
    json_object_put(starting->input);
    free(starting->machine_arn);
    free(starting->version_arn);
    free(starting->alias_arn);
    free(starting->arn);
}

static bool parse_input(struct service_call *call, struct json_object **ret_input)
{
    const char *text = call_text(call, "input");
    if (text == NULL)
        text = "{}";
    size_t bytes = strlen(text);
    if (bytes > LIMIT_PAYLOAD_BYTES) {
        call_fail(call, "InvalidExecutionInput", "Invalid State Machine Execution Input: 'Input exceeds %d bytes.'",
                  LIMIT_PAYLOAD_BYTES);
        return false;
    }
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

/* Finds the revision that the qualifier of the ARN stands for. */
static bool resolve_revision(struct service_call *call, struct starting *starting)
{
    const char *qualifier = starting->given.qualifier;
    char drawn[24];
    starting->revision = starting->machine;
    if (qualifier == NULL)
        return true;
    if (!arn_is_version(qualifier)) {
        struct json_object *alias = machine_alias(starting->machine, qualifier, NULL);
        if (alias == NULL) {
            machine_fail_missing(call, &starting->given);
            return false;
        }
        starting->alias_arn = mem_printf("%s:%s", starting->machine_arn, qualifier);
        snprintf(drawn, sizeof drawn, "%" PRId64, machine_alias_draw(alias));
        qualifier = drawn;
    }
    starting->version_arn = mem_printf("%s:%s", starting->machine_arn, qualifier);
    starting->revision = machine_version(starting->machine, qualifier, NULL);
    if (starting->revision == NULL)
        machine_fail_missing(call, &starting->given);
    return starting->revision != NULL;
}

/* A case of the mock file, after `#`; an empty one is none. */
static bool resolve_test_case(struct service_call *call, struct starting *starting)
{
    const char *test_case = starting->given.test_case;
    struct connector *mock = call->service->options.mock;
    if (test_case == NULL || *test_case == '\0')
        return true;
    if (mock == NULL || !mock_has_case(mock, starting->given.machine, test_case)) {
        call_fail(call, "InvalidArn", "Invalid Arn: 'The mock file has no test case %s for %s'", test_case,
                  starting->given.machine);
        return false;
    }
    starting->test_case = test_case;
    return true;
}

static bool resolve(struct service_call *call, struct starting *starting)
{
    *starting = (struct starting){0};
    const char *name = call_text(call, "name");
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &starting->given) || (name && !call_name(call, name)))
        return false;
    if (starting->given.label) {
        call_fail_with(call, "ValidationException", "reason", "API_DOES_NOT_SUPPORT_LABELED_ARNS",
                       "This API does not support labelled ARNs.");
        return false;
    }
    if (name)
        snprintf(starting->name, sizeof starting->name, "%s", name);
    else
        service_uuid_of(engine_now_ms(call->service->engine), starting->name);
    if (machine_read(call, &starting->given, &starting->machine, NULL)) {
        starting->machine_arn = machine_arn(call->service, starting->machine);
        if (resolve_revision(call, starting) && resolve_test_case(call, starting) &&
            parse_input(call, &starting->input))
            return true;
    }
    starting_release(starting);
    return false;
}

static void start(struct service_call *call, struct starting *starting, engine_done_fn *done, engine_ended_fn *ended)
{
    bool express = machine_is_express(starting->machine);
    if (express) {
        char uuid[37];
        service_uuid(uuid);
        starting->arn = service_arn(call->service, "express:%s:%s:%s", starting->given.machine, starting->name, uuid);
    } else {
        starting->arn = service_arn(call->service, "execution:%s:%s", starting->given.machine, starting->name);
    }
    free(call->text);
    call->text = mem_strdup(starting->arn);
    struct engine_start request = {.arn = starting->arn,
                                   .name = starting->name,
                                   .machine_arn = starting->machine_arn,
                                   .machine_name = starting->given.machine,
                                   .definition_key = json_member_text(starting->revision, "definitionKey"),
                                   .role_arn = json_member_text(starting->revision, "roleArn"),
                                   .version_arn = starting->version_arn,
                                   .alias_arn = starting->alias_arn,
                                   .trace_header = call_text(call, "traceHeader"),
                                   .test_case = starting->test_case,
                                   .input = starting->input,
                                   .express = express};
    /* the engine may answer before it returns, which ends the call: nothing of it may be touched afterwards */
    engine_start(call->service->engine, &request, &call->moment_ms, done, call, ended, call);
}

/* --- StartExecution -------------------------------------------------------------------------------------- */

static void started_answer(struct service_call *call, int64_t started_ms)
{
    struct json_object *output = json_object_new_object();
    json_add_text(output, "executionArn", call->text);
    json_add(output, "startDate", api_time(started_ms));
    call_succeed(call, output);
}

/* The name is taken: the same start over again, while that one runs, is answered like the first. */
struct earlier {
    struct service_call *call;
    bool same;
    int64_t started_ms;
};

static int compare_earlier(void *context, const struct store_execution *execution)
{
    struct earlier *earlier = context;
    earlier->started_ms = execution->started_ms;
    if (execution->status != EXECUTION_RUNNING)
        return 0;
    char *input = NULL, *output = NULL, *error = NULL, *cause = NULL;
    const char *given = call_text(earlier->call, "input");
    AUTO_JSON struct json_object *ours = NULL;
    AUTO_JSON struct json_object *theirs = NULL;
    if (given == NULL)
        given = "{}";
    if (engine_describe(earlier->call->service->engine, execution, &input, &output, &error, &cause, NULL) == 0 &&
        input && json_parse(input, strlen(input), &theirs, NULL) == 0 &&
        json_parse(given, strlen(given), &ours, NULL) == 0)
        earlier->same = json_same(ours, theirs);
    free(input);
    free(output);
    free(error);
    free(cause);
    return 0;
}

static void start_done(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    if (code == 0) {
        started_answer(call, call->moment_ms);
        return;
    }
    if (code != ERR_EXISTS) {
        call_fail_internal(call, code, err);
        return;
    }
    struct earlier earlier = {.call = call};
    store_execution_by_arn(call->service->store, call->text, compare_earlier, &earlier, NULL);
    if (earlier.same)
        started_answer(call, earlier.started_ms);
    else
        call_fail(call, "ExecutionAlreadyExists", "Execution Already Exists: '%s'", call->text);
}

void start_execution(struct service_call *call)
{
    struct starting starting;
    if (!resolve(call, &starting))
        return;
    start(call, &starting, start_done, NULL);
    starting_release(&starting);
}

/* --- StartSyncExecution ------------------------------------------------------------------------------------ */

static void sync_started(void *context, int code, const struct err *err)
{
    if (code < 0)
        call_fail_internal(context, code, err);
}

static void add_payload(struct json_object *output, const char *member, const char *text, bool included)
{
    char details[32];
    snprintf(details, sizeof details, "%sDetails", member);
    if (included)
        json_add_text(output, member, text);
    struct json_object *included_value = json_object_new_object();
    json_add_bool(included_value, "included", included);
    json_add(output, details, included_value);
}

/* Billed in steps of 100 ms; the memory is a figure that clients want to see, not a measurement. */
static struct json_object *billing(int64_t duration_ms)
{
    struct json_object *details = json_object_new_object();
    int64_t steps = duration_ms <= 0 ? 1 : (duration_ms + 99) / 100;
    json_add_int(details, "billedDurationInMilliseconds", steps * 100);
    json_add_int(details, "billedMemoryUsedInMB", 64);
    return details;
}

static bool with_data(const struct service_call *call)
{
    const char *included = call_text(call, "includedData");
    return included == NULL || strcmp(included, "METADATA_ONLY") != 0;
}

static void sync_ended(void *context, const struct engine_outcome *outcome)
{
    struct service_call *call = context;
    bool included = with_data(call);
    struct arn arn;
    struct json_object *output = json_object_new_object();
    json_add_text(output, "executionArn", call->text);
    if (arn_parse(call->text, &arn, NULL) == 0) {
        char *machine = service_arn(call->service, "stateMachine:%s", arn.machine);
        json_add_text(output, "stateMachineArn", machine);
        free(machine);
        json_add_text(output, "name", arn.name);
    }
    json_add(output, "startDate", api_time(outcome->started_ms));
    json_add(output, "stopDate", api_time(outcome->stopped_ms));
    json_add_text(output, "status", execution_status_name(outcome->status));
    const char *input = call_text(call, "input");
    add_payload(output, "input", input ? input : "{}", included);
    if (outcome->status == EXECUTION_SUCCEEDED) {
        char *text = json_text(outcome->output);
        add_payload(output, "output", text, included);
        free(text);
    }
    if (outcome->error)
        json_add_text(output, "error", outcome->error);
    if (outcome->cause)
        json_add_text(output, "cause", outcome->cause);
    if (call_text(call, "traceHeader"))
        json_add_text(output, "traceHeader", call_text(call, "traceHeader"));
    json_add(output, "billingDetails", billing(outcome->stopped_ms - outcome->started_ms));
    call_succeed(call, output);
}

static void sync_cancelled(struct service_call *call)
{
    engine_forget(call->service->engine, call->text, call);
}

void start_sync_execution(struct service_call *call)
{
    struct starting starting;
    if (!resolve(call, &starting))
        return;
    if (!machine_is_express(starting.machine)) {
        call_fail(call, "StateMachineTypeNotSupported",
                  "This operation is not supported by this type of state machine");
    } else {
        call->cancel = sync_cancelled;
        start(call, &starting, sync_started, sync_ended);
    }
    starting_release(&starting);
}

/* --- StopExecution, RedriveExecution ------------------------------------------------------------------------ */

/* Reads one execution; `fn` is called with it. False: the call has failed. */
static bool read_execution(struct service_call *call, store_execution_fn *fn, void *context)
{
    struct arn arn;
    struct err err = {0};
    if (!call_arn(call, "executionArn", ANY_EXECUTION, &arn))
        return false;
    const char *text = call_text(call, "executionArn");
    int code = store_execution_by_arn(call->service->store, text, fn, context, &err);
    if (code == ERR_NOT_FOUND)
        fail_missing(call, text);
    else if (code < 0)
        call_fail_internal(call, code, &err);
    return code == 0;
}

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
        fail_missing(call, call_text(call, "executionArn"));
        return;
    }
    if (code < 0) {
        call_fail_internal(call, code, err);
        return;
    }
    if (!read_execution(call, note_stop, &stopped_ms))
        return;
    struct json_object *output = json_object_new_object();
    json_add(output, "stopDate", api_time(stopped_ms ? stopped_ms : engine_now_ms(call->service->engine)));
    call_succeed(call, output);
}

void stop_execution(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "executionArn", ANY_EXECUTION, &arn))
        return;
    engine_stop(call->service->engine, call_text(call, "executionArn"), call_text(call, "error"),
                call_text(call, "cause"), stop_done, call);
}

static void redrive_done(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    if (code == ERR_NOT_FOUND) {
        fail_missing(call, call_text(call, "executionArn"));
    } else if (code == ERR_INVALID) {
        call_fail(call, "ExecutionNotRedrivable", "%s", err->message);
    } else if (code < 0) {
        call_fail_internal(call, code, err);
    } else {
        struct json_object *output = json_object_new_object();
        json_add(output, "redriveDate", api_time(engine_now_ms(call->service->engine)));
        call_succeed(call, output);
    }
}

void redrive_execution(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "executionArn", ANY_EXECUTION, &arn))
        return;
    engine_redrive(call->service->engine, call_text(call, "executionArn"), redrive_done, call);
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
    add_text_if(output, "mapRunArn", execution->map_run);
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
    bool included = with_data(describing->call);
    struct json_object *output = summary(execution, meta);
    add_payload(output, "input", input, included);
    if (output_text)
        add_payload(output, "output", output_text, included);
    add_text_if(output, "error", error);
    add_text_if(output, "cause", cause);
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
    if (read_execution(call, describe, &describing))
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
    if (with_data(describing->call))
        json_add_text(output, "definition", text ? text : "");
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
    if (key && with_data(describing->call))
        revision_add_variables(service, output, revision);
    describing->output = output;
    return 0;
}

void describe_state_machine_for_execution(struct service_call *call)
{
    struct describing describing = {.call = call};
    if (read_execution(call, describe_machine, &describing))
        describing_answer(call, &describing);
}

/* --- ListExecutions -------------------------------------------------------------------------------------------- */

struct listing {
    struct json_object *items;
    int limit;
    bool more;
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
    json_append(listing->items, item);
    listing->last_started_ms = execution->started_ms;
    listing->last_id = execution->id;
    return 0;
}

static int status_of(const char *name)
{
    for (int status = EXECUTION_RUNNING; name && status <= EXECUTION_PENDING_REDRIVE; status++)
        if (strcmp(name, execution_status_name((enum execution_status)status)) == 0)
            return status;
    return -1;
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
    struct listing listing = {.items = json_object_new_array(), .limit = call_page_size(call)};
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
    struct store_execution_query query = {
        .map_run = map_run,
        .status = status_of(status),
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

/* --- GetExecutionHistory ------------------------------------------------------------------------------------------ */

struct reading_history {
    struct service_call *call;
    struct history_page page;
    struct buf text;
    int64_t last;
    bool more;
    int code;
    struct err err;
};

static int read_history(void *context, const struct store_execution *execution)
{
    struct reading_history *reading = context;
    reading->code = engine_history(reading->call->service->engine, execution, &reading->page, &reading->text,
                                   &reading->last, &reading->more, &reading->err);
    return 0;
}

void get_execution_history(struct service_call *call)
{
    struct reading_history reading = {
        .call = call,
        .text = BUF_INIT,
        .page = {.limit = call_page_size(call),
                 .reverse = call_flag(call, "reverseOrder", false),
                 .without_data = !call_flag(call, "includeExecutionData", true)},
    };
    char *scope = mem_printf("%s %d", call_text(call, "executionArn"), reading.page.reverse);
    char *position = NULL;
    struct arn arn;
    if (call_arn(call, "executionArn", ANY_EXECUTION, &arn) && call_page_position(call, scope, &position)) {
        reading.page.after = position ? strtoll(position, NULL, 10) : 0;
        buf_add_text(&reading.text, "{\"events\":");
        if (!read_execution(call, read_history, &reading)) {
            /* it has failed */
        } else if (reading.code < 0) {
            call_fail_internal(call, reading.code, &reading.err);
        } else {
            if (reading.more) {
                char next[24];
                snprintf(next, sizeof next, "%" PRId64, reading.last);
                char *token = page_token(call, scope, next);
                buf_printf(&reading.text, ",\"nextToken\":\"%s\"", token);
                free(token);
            }
            buf_add_char(&reading.text, '}');
            call_succeed_text(call, &reading.text);
        }
    }
    buf_release(&reading.text);
    free(position);
    free(scope);
}
