#include "runtime/service/nested.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/execution.h"
#include "runtime/task/deferred.h"
#include "runtime/uuid.h"

#include <ctype.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AGAIN_S = 1 }; /* pause before the API is asked once more */

struct nested {
    struct connector connector;
    struct service *service;
    struct deferred deferred;
};

/* One such task. The call and the watch know it; it goes when the task has ended or is cancelled. */
struct child {
    struct nested *nested;
    struct task *task;
    struct service_call *call; /* StartExecution on the way */
    struct event *again;       /* asks once more */
    char operation[64];
    struct json_object *request;
    char *arn; /* of the execution that is waited for */
    struct json_object *input;
};

static bool is_sdk(const struct resource *resource)
{
    return strcmp(resource->service, "aws-sdk:sfn") == 0;
}

static bool nested_accepts(struct connector *connector, const struct task *task)
{
    (void)connector;
    const struct resource *resource = task->resource;
    return resource->kind == RESOURCE_SERVICE &&
           (is_sdk(resource) ||
            (strcmp(resource->service, "states") == 0 && strcmp(resource->operation, "startExecution") == 0));
}

static void child_free(struct child *child)
{
    child->task->connector_data = NULL;
    event_free(child->again);
    free(child->arn);
    json_object_put(child->request);
    json_object_put(child->input);
    free(child);
}

static void report(struct child *child, enum task_report_kind kind, struct json_object *output, const char *error,
                   const char *cause, bool handed_over)
{
    deferred_add(&child->nested->deferred, child->task,
                 &(struct task_report){
                     .kind = kind, .output = output, .error = error, .cause = cause, .handed_over = handed_over});
}

/* --- names: the API has lowerCamel, tasks have UpperCamel ------------------------------------------------- */

static struct json_object *with_case(struct json_object *value, int (*change)(int))
{
    if (json_object_is_type(value, json_type_array)) {
        struct json_object *list = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(value); i++)
            json_append(list, with_case(json_object_array_get_idx(value, i), change));
        return list;
    }
    if (!json_object_is_type(value, json_type_object))
        return json_object_get(value);
    struct json_object *object = json_object_new_object();
    json_object_object_foreach (value, name, member) {
        char *changed = mem_strdup(name);
        changed[0] = (char)change((unsigned char)changed[0]);
        json_add(object, changed, with_case(member, change));
        free(changed);
    }
    return object;
}

/* A payload that is not a text is sent as its JSON text; null is the default. */
static void make_text(struct json_object *input, const char *name)
{
    struct json_object *value;
    if (!json_member(input, name, &value) || json_object_is_type(value, json_type_string))
        return;
    if (value == NULL) {
        json_object_object_del(input, name);
        return;
    }
    char *text = json_text(value);
    json_add_text(input, name, text);
    free(text);
}

/*
 * The same attempt gives the same name, on the shard of the execution that it is a task of: so both are run by one
 * node. An Express execution has no shard.
 */
static void add_name(struct nested *nested, const struct task *task, struct json_object *input)
{
    struct arn machine, parent;
    char name[ENGINE_CHILD_NAME_CHARS + 1];
    const char *text = json_member_text(input, "stateMachineArn");
    if (json_member_text(input, "name"))
        return;
    bool known = text && arn_parse(text, &machine, NULL) == 0 && machine.kind == ARN_MACHINE &&
                 arn_parse(task->execution_arn, &parent, NULL) == 0 && parent.kind == ARN_EXECUTION;
    char *prefix = service_arn(nested->service, "execution:%s:", known ? machine.machine : "");
    engine_child_name(nested->service->engine, task->idempotency_token, prefix,
                      known && nested->service->store ? task->execution_arn : NULL, name);
    json_add_text(input, "name", name);
    free(prefix);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static void add_header(struct json_object *all, struct json_object *single, const char *name, const char *value)
{
    struct json_object *list = json_object_new_array();
    json_append(list, json_object_new_string(value));
    json_add(all, name, list);
    json_add_text(single, name, value);
}

/* What the SDK of an optimised integration adds to the answer. */
static void add_metadata(struct json_object *output, size_t body_bytes)
{
    char request_id[37], length[24], date[40];
    uuid_random(request_id);
    snprintf(length, sizeof length, "%zu", body_bytes);
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    struct json_object *all = json_object_new_object(), *single = json_object_new_object();
    add_header(all, single, "connection", "keep-alive");
    add_header(all, single, "Content-Length", length);
    add_header(all, single, "Content-Type", "application/x-amz-json-1.0");
    add_header(all, single, "Date", date);
    add_header(all, single, "x-amzn-RequestId", request_id);
    struct json_object *http = json_object_new_object();
    json_add(http, "AllHttpHeaders", all);
    json_add(http, "HttpHeaders", single);
    json_add_int(http, "HttpStatusCode", 200);
    struct json_object *metadata = json_object_new_object();
    json_add_text(metadata, "RequestId", request_id);
    json_add(output, "SdkHttpMetadata", http);
    json_add(output, "SdkResponseMetadata", metadata);
}

/* "StateMachineDoesNotExist" to the exception's name and the sentence that the SDK makes of it. */
static void report_refusal(struct child *child, const struct service_answer *answer)
{
    bool sdk = is_sdk(child->task->resource);
    size_t bytes = strlen(answer->error);
    bool has_suffix = bytes > 9 && strcmp(answer->error + bytes - 9, "Exception") == 0;
    char request_id[37];
    uuid_random(request_id);
    char *error = mem_printf("%s.%s%s", sdk ? "Sfn" : "StepFunctions", answer->error, has_suffix ? "" : "Exception");
    char *cause = sdk ? mem_printf("%s (Service: Sfn, Status Code: %d, Request ID: %s) (SDK Attempt Count: 1)",
                                   answer->message, answer->http_status, request_id)
                      : mem_printf("%s (Service: AWSStepFunctions; Status Code: %d; Error Code: %s; Request ID: %s; "
                                   "Proxy: null)",
                                   answer->message, answer->http_status, answer->error, request_id);
    report(child, TASK_FAILED, NULL, error, cause, false);
    free(error);
    free(cause);
    child_free(child);
}

static void add_payload(struct json_object *record, const char *name, struct json_object *value, bool parsed)
{
    struct json_object *included = json_object_new_object();
    char details[32];
    json_add_bool(included, "Included", true);
    if (parsed) {
        json_add(record, name, json_object_get(value));
    } else {
        char *text = json_text(value);
        json_add_text(record, name, text);
        free(text);
    }
    snprintf(details, sizeof details, "%sDetails", name);
    json_add(record, details, included);
}

/* The record of the ended child: the result of .sync, or the cause of its failure. */
static void on_ended(void *context, const struct engine_outcome *outcome)
{
    struct child *child = context;
    bool parsed = child->task->resource->pattern == PATTERN_SYNC_2;
    bool good = outcome->status == EXECUTION_SUCCEEDED;
    AUTO_JSON struct json_object *record = json_object_new_object();
    bool shows_error = outcome->status != EXECUTION_TIMED_OUT; /* as DescribeExecution does */
    if (outcome->cause && shows_error)
        json_add_text(record, "Cause", outcome->cause);
    if (outcome->error && shows_error)
        json_add_text(record, "Error", outcome->error);
    json_add_text(record, "ExecutionArn", child->arn);
    add_payload(record, "Input", child->input, parsed && good);
    json_add_text(record, "Name", strrchr(child->arn, ':') + 1);
    if (good)
        add_payload(record, "Output", outcome->output, parsed);
    json_add_int(record, "RedriveCount", 0); /* it was started by this task and has not been redriven since */
    if (good) {
        json_add_text(record, "RedriveStatus", "NOT_REDRIVABLE");
        json_add_text(record, "RedriveStatusReason", "Execution is SUCCEEDED and cannot be redriven");
    } else {
        json_add_text(record, "RedriveStatus", "REDRIVABLE");
    }
    json_add_int(record, "StartDate", outcome->started_ms);
    struct json_object *machine;
    json_member(child->task->input, "StateMachineArn", &machine);
    json_add(record, "StateMachineArn", json_object_get(machine));
    json_add_text(record, "Status", execution_status_name(outcome->status));
    json_add_int(record, "StopDate", outcome->stopped_ms);
    if (good) {
        report(child, TASK_SUCCEEDED, record, NULL, NULL, false);
    } else {
        char *cause = json_text(record);
        report(child, TASK_FAILED, NULL, "States.TaskFailed", cause, false);
        free(cause);
    }
    child_free(child);
}

static void watch(struct child *child)
{
    int code = engine_watch(child->nested->service->engine, child->arn, on_ended, child);
    if (code == ERR_NOT_FOUND) {
        report(child, TASK_FAILED, NULL, "States.TaskFailed", "The started execution cannot be found.", false);
        child_free(child);
    } else if (code != 0) {
        event_add(child->again, &(struct timeval){.tv_sec = AGAIN_S});
    }
}

/* Started: request-response ends here, a callback waits for its token, .sync for the child's end. */
static void follow(struct child *child, struct json_object *output)
{
    AUTO_JSON struct json_object *shown = with_case(output, toupper);
    char *body = json_text(output);
    double seconds = 0;
    struct json_object *started;
    if (json_member(shown, "StartDate", &started))
        seconds = json_object_get_double(started);
    add_metadata(shown, strlen(body));
    free(body);
    if (started)
        json_add_int(shown, "StartDate", (int64_t)(seconds * 1000 + 0.5));
    enum resource_pattern pattern = child->task->resource->pattern;
    if (pattern == PATTERN_REQUEST_RESPONSE || pattern == PATTERN_CALLBACK) {
        bool waits = pattern == PATTERN_CALLBACK;
        report(child, waits ? TASK_SUBMITTED : TASK_SUCCEEDED, shown, NULL, NULL, waits);
        child_free(child);
        return;
    }
    report(child, TASK_SUBMITTED, shown, NULL, NULL, false);
    child->arn = mem_strdup(json_member_text(shown, "ExecutionArn"));
    watch(child);
}

/* Times of the SDK are texts. */
static void sdk_times(struct json_object *output)
{
    json_object_object_foreach (output, name, value) {
        size_t bytes = strlen(name);
        if (bytes < 4 || strcmp(name + bytes - 4, "Date") != 0 || !json_object_is_type(value, json_type_double))
            continue;
        char text[40];
        double seconds = json_object_get_double(value);
        time_t whole = (time_t)seconds;
        struct tm utc;
        size_t at = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&whole, &utc));
        snprintf(text + at, sizeof text - at, ".%03dZ", (int)((seconds - (double)whole) * 1000 + 0.5) % 1000);
        json_object_object_add(output, name, json_object_new_string(text));
    }
}

static void on_answer(void *context, const struct service_answer *answer)
{
    struct child *child = context;
    child->call = NULL;
    /* Nobody knows whether it was done: what has a name is asked for again under that, and fails no task. */
    if (answer->error && (strcmp(answer->error, "ServiceUnavailable") == 0 ||
                          (answer->http_status == 500 && json_member_text(child->request, START_STARTED_BY)))) {
        event_add(child->again, &(struct timeval){.tv_sec = AGAIN_S});
        return;
    }
    if (answer->error) {
        report_refusal(child, answer);
        return;
    }
    AUTO_JSON struct json_object *output = json_object_get(answer->output);
    if (answer->output_text)
        json_parse(answer->output_text, answer->output_bytes, &output, NULL);
    if (!is_sdk(child->task->resource)) {
        follow(child, output);
        return;
    }
    AUTO_JSON struct json_object *shown = with_case(output, toupper);
    if (shown == NULL)
        shown = json_object_new_object();
    sdk_times(shown);
    report(child, TASK_SUCCEEDED, shown, NULL, NULL, false);
    child_free(child);
}

static void ask(struct child *child)
{
    struct service_call *call =
        service_call(child->nested->service, child->operation, child->request, on_answer, child);
    if (call) /* not answered yet: the child is still there */
        child->call = call;
}

static void ask_again(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct child *child = context;
    if (child->arn)
        watch(child);
    else
        ask(child);
}

static void nested_start(struct connector *connector, struct task *task)
{
    struct nested *nested = (struct nested *)connector;
    struct child *child = NEW(struct child);
    child->nested = nested;
    child->task = task;
    task->connector_data = child;
    AUTO_JSON struct json_object *input = with_case(task->input, tolower);
    if (input == NULL)
        input = json_object_new_object();
    make_text(input, "input");
    make_text(input, "output");
    if (strcmp(task->resource->operation, "startExecution") == 0) {
        add_name(nested, task, input);
        json_add_text(input, START_STARTED_BY, task->idempotency_token);
    }
    const char *text = json_member_text(input, "input");
    if (text == NULL || json_parse(text, strlen(text), &child->input, NULL) != 0)
        child->input = json_object_new_object();
    snprintf(child->operation, sizeof child->operation, "%s", task->resource->operation);
    child->operation[0] = (char)toupper((unsigned char)child->operation[0]);
    child->request = json_take(&input);
    child->again = evtimer_new(engine_base(nested->service->engine), ask_again, child);
    ask(child);
}

/* --- stopping the child ------------------------------------------------------------------------------------ */

/*
 * The start was not answered: it is on its way, or was told to be tried again, which says nothing of what became of it.
 * What was asked is withdrawn, and if that comes too late the stop comes behind it: in the same inbox, or after the
 * commit that is filling.
 */
static void stop_unknown(struct nested *nested, const struct child *child)
{
    struct arn machine;
    const char *text = json_member_text(child->request, "stateMachineArn");
    const char *name = json_member_text(child->request, "name");
    if (text == NULL || name == NULL || arn_parse(text, &machine, NULL) != 0 || machine.kind != ARN_MACHINE)
        return; /* such a start is refused */
    AUTO_JSON struct json_object *request = json_object_new_object();
    char *arn = service_arn(nested->service, "execution:%s:%s", machine.machine, name);
    json_add_text(request, "executionArn", arn);
    json_add_text(request, START_STARTED_BY, child->task->idempotency_token);
    engine_ask_to_stop(nested->service->engine, arn, request);
    free(arn);
}

static bool waits_for_end(const struct child *child)
{
    enum resource_pattern pattern = child->task->resource->pattern;
    return !is_sdk(child->task->resource) && (pattern == PATTERN_SYNC || pattern == PATTERN_SYNC_2);
}

static void drop(struct nested *nested, struct task *task, bool stops)
{
    struct child *child = task->connector_data;
    deferred_cancel(&nested->deferred, task);
    if (child == NULL)
        return;
    if (child->call)
        service_cancel(nested->service, child->call);
    if (child->arn)
        engine_forget(nested->service->engine, child->arn, child);
    if (child->arn && stops)
        engine_stop_surely(nested->service->engine, child->arn);
    else if (stops && waits_for_end(child))
        stop_unknown(nested, child);
    child_free(child);
}

static void nested_cancel(struct connector *connector, struct task *task)
{
    drop((struct nested *)connector, task, true);
}

/* The child goes on: it is found again by its name. */
static void nested_leave(struct connector *connector, struct task *task)
{
    drop((struct nested *)connector, task, false);
}

static void nested_close(struct connector *connector, int grace_ms)
{
    (void)grace_ms;
    struct nested *nested = (struct nested *)connector;
    deferred_release(&nested->deferred);
    free(nested);
}

static const struct connector_ops nested_ops = {.name = "nested",
                                                .accepts = nested_accepts,
                                                .start = nested_start,
                                                .cancel = nested_cancel,
                                                .leave = nested_leave,
                                                .close = nested_close};

struct connector *nested_open(struct service *service)
{
    struct nested *nested = NEW(struct nested);
    nested->connector.ops = &nested_ops;
    nested->service = service;
    deferred_init(&nested->deferred, engine_base(service->engine));
    return &nested->connector;
}
