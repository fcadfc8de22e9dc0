#include "config.h"

#include "runtime/task/mock.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/deferred.h"
#include "runtime/task/service_answer.h"
#include "runtime/task/text_file.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOCK_FILE_BYTES_MAX = 64 * 1024 * 1024 };

struct mock {
    struct connector connector;
    struct deferred deferred;
    struct json_object *file;
};

/* --- the file --------------------------------------------------------------------------------- */

/* "3" or "1-4": the invocations a response is for, both ends included. */
static bool read_range(const char *text, int64_t *ret_first, int64_t *ret_last)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *ret_first = *ret_last = strtoll(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        *ret_last = strtoll(end + 1, &end, 10);
    return *end == '\0' && *ret_first <= *ret_last;
}

static int check_throw(struct json_object *thrown, struct err *err)
{
    if (!json_object_is_type(thrown, json_type_object))
        return err_set(err, ERR_INVALID, "\"Throw\" is an object with \"Error\" and \"Cause\"");
    /* both may be missing: a task token can be answered with neither */
    static const char *const members[] = {"Error", "Cause"};
    struct json_object *text;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_member(thrown, members[i], &text) && !json_object_is_type(text, json_type_string))
            return err_set(err, ERR_INVALID, "\"%s\" is a text", members[i]);
    return 0;
}

/* One numbered response: exactly one of Return and Throw. */
static int check_numbered(struct json_object *numbered, struct err *err)
{
    struct json_object *thrown, *returned;
    bool throws = json_member(numbered, "Throw", &thrown), returns = json_member(numbered, "Return", &returned);
    if (throws == returns)
        return err_set(err, ERR_INVALID, "a response has either \"Return\" or \"Throw\"");
    return throws ? check_throw(thrown, err) : 0;
}

/* Two responses for the same invocation: which one is meant? */
static bool overlaps(struct json_object *response, const char *range)
{
    int64_t first, last, other_first, other_last;
    read_range(range, &first, &last);
    json_object_object_foreach (response, other, numbered) {
        (void)numbered;
        if (strcmp(other, range) == 0)
            return false; /* those before it are enough */
        if (read_range(other, &other_first, &other_last) && first <= other_last && other_first <= last)
            return true;
    }
    return false;
}

static int check_response(const char *name, struct json_object *response, struct err *err)
{
    if (!json_object_is_type(response, json_type_object)) {
        err_set(err, ERR_INVALID, "a mocked response is an object: an invocation and its response each");
        err_at(err, "/MockedResponses/%s", name);
        return ERR_INVALID;
    }
    json_object_object_foreach (response, range, numbered) {
        int64_t first, last;
        int code = 0;
        if (!read_range(range, &first, &last))
            code =
                err_set(err, ERR_INVALID, "\"%s\" is not the number of an invocation, such as \"0\" or \"1-3\"", range);
        else if (overlaps(response, range))
            code = err_set(err, ERR_INVALID, "\"%s\" covers an invocation that has a response already", range);
        else
            code = check_numbered(numbered, err);
        if (code != 0) {
            err_at(err, "/MockedResponses/%s/%s", name, range);
            return code;
        }
    }
    return 0;
}

static int check_test_case(struct json_object *responses, const char *machine, const char *name,
                           struct json_object *states, struct err *err)
{
    if (!json_object_is_type(states, json_type_object)) {
        err_set(err, ERR_INVALID, "a test case is an object: a state and the name of its response each");
        err_at(err, "/StateMachines/%s/TestCases/%s", machine, name);
        return ERR_INVALID;
    }
    json_object_object_foreach (states, state, response) {
        const char *text = json_object_is_type(response, json_type_string) ? json_object_get_string(response) : NULL;
        if (text && json_object_object_get_ex(responses, text, NULL))
            continue;
        if (text)
            err_set(err, ERR_INVALID, "there is no mocked response \"%s\"", text);
        else
            err_set(err, ERR_INVALID, "the response of a state is the name of a mocked response");
        err_at(err, "/StateMachines/%s/TestCases/%s/%s", machine, name, state);
        return ERR_INVALID;
    }
    return 0;
}

static int section(struct json_object *file, const char *name, struct json_object **ret_section, struct err *err)
{
    if (!json_member(file, name, ret_section) || !json_object_is_type(*ret_section, json_type_object))
        return err_set(err, ERR_INVALID, "a mock file has an object \"%s\"", name);
    return 0;
}

static int check_file(struct json_object *file, struct err *err)
{
    struct json_object *machines, *responses, *cases;
    int code = section(file, "StateMachines", &machines, err);
    if (code == 0)
        code = section(file, "MockedResponses", &responses, err);
    if (code != 0)
        return code;
    json_object_object_foreach (responses, response_name, response) {
        code = check_response(response_name, response, err);
        if (code != 0)
            return code;
    }
    json_object_object_foreach (machines, machine_name, machine) {
        if (section(machine, "TestCases", &cases, NULL) != 0) {
            err_set(err, ERR_INVALID, "a state machine of a mock file has an object \"TestCases\"");
            err_at(err, "/StateMachines/%s", machine_name);
            return ERR_INVALID;
        }
        json_object_object_foreach (cases, case_name, states) {
            code = check_test_case(responses, machine_name, case_name, states, err);
            if (code != 0)
                return code;
        }
    }
    return 0;
}

/* --- looking up ------------------------------------------------------------------------------- */

static bool find_case(const struct mock *mock, const char *machine, const char *test_case,
                      struct json_object **ret_states)
{
    struct json_object *at;
    return machine && test_case && json_member(mock->file, "StateMachines", &at) && json_member(at, machine, &at) &&
           json_member(at, "TestCases", &at) && json_member(at, test_case, ret_states);
}

bool mock_has_case(struct connector *connector, const char *machine_name, const char *test_case)
{
    struct json_object *states;
    return find_case((struct mock *)connector, machine_name, test_case, &states);
}

static bool find_response(const struct mock *mock, const struct task *task, struct json_object **ret_response)
{
    struct json_object *states, *responses;
    if (!find_case(mock, task->machine_name, task->test_case, &states))
        return false;
    const char *name = json_member_text(states, task->state_name);
    return name && json_member(mock->file, "MockedResponses", &responses) && json_member(responses, name, ret_response);
}

/* The response that covers an invocation, or NULL. */
static struct json_object *find_numbered(struct json_object *response, int64_t invocation)
{
    int64_t first, last;
    json_object_object_foreach (response, range, numbered) {
        if (read_range(range, &first, &last) && first <= invocation && invocation <= last)
            return numbered;
    }
    return NULL;
}

/* --- the connector ---------------------------------------------------------------------------- */

static bool mock_accepts(struct connector *connector, const struct task *task)
{
    struct json_object *response;
    return find_response((struct mock *)connector, task, &response);
}

static void fail_uncovered(struct mock *mock, struct task *task)
{
    char *cause = mem_printf("The mocked response of the state '%s' in the test case '%s' does not cover invocation "
                             "%lld",
                             task->state_name, task->test_case, (long long)task->invocation);
    deferred_add(&mock->deferred, task,
                 &(struct task_report){.kind = TASK_FAILED, .error = "States.Runtime", .cause = cause});
    free(cause);
}

/* A job or a callback is first submitted; its own answer is not what was mocked. */
static void report_submitted(struct mock *mock, struct task *task)
{
    AUTO_JSON struct json_object *answer = service_answer(task->resource, task->input, task->idempotency_token);
    deferred_add(&mock->deferred, task, &(struct task_report){.kind = TASK_SUBMITTED, .output = answer});
}

/* What stands in front of the errors of a service: "SQS" ... */
static const char *error_prefix(const struct resource *resource)
{
    const char *service = resource->service;
    if (strncmp(service, "aws-sdk:", 8) == 0)
        service += 8;
    return strcmp(service, "states") == 0 ? "StepFunctions" : strcmp(service, "events") == 0 ? "EventBridge" : service;
}

/* Whether the service itself refused: then a job or a callback was never submitted. */
static bool refused(const struct task *task, struct json_object *numbered)
{
    struct json_object *thrown = NULL;
    json_member(numbered, "Throw", &thrown);
    const char *error = json_member_text(thrown, "Error");
    const char *prefix = error_prefix(task->resource);
    size_t bytes = strlen(prefix);
    return error && strncasecmp(error, prefix, bytes) == 0 && error[bytes] == '.';
}

static bool is_timeout(const char *error)
{
    return error && (strcmp(error, "States.Timeout") == 0 || strcmp(error, "States.HeartbeatTimeout") == 0);
}

/* A function's result; the mock may be written as the answer of lambda:invoke, {"StatusCode", "Payload"}. */
static struct json_object *function_result(const struct task *task, struct json_object *returned)
{
    struct json_object *payload, *status;
    bool invoked = task->resource->kind == RESOURCE_FUNCTION && json_member(returned, "Payload", &payload) &&
                   json_member(returned, "StatusCode", &status);
    return invoked ? payload : returned;
}

static void mock_start(struct connector *connector, struct task *task)
{
    struct mock *mock = (struct mock *)connector;
    struct json_object *response = NULL, *thrown, *returned = NULL;
    find_response(mock, task, &response);
    struct json_object *numbered = find_numbered(response, task->invocation);
    if (numbered == NULL) {
        fail_uncovered(mock, task);
        return;
    }
    if (task->resource->kind == RESOURCE_SERVICE && task->resource->pattern != PATTERN_REQUEST_RESPONSE &&
        !refused(task, numbered))
        report_submitted(mock, task);
    struct task_report report = {.kind = TASK_SUCCEEDED};
    if (json_member(numbered, "Throw", &thrown)) {
        report.error = json_member_text(thrown, "Error");
        report.cause = json_member_text(thrown, "Cause");
        report.kind = is_timeout(report.error) ? TASK_TIMED_OUT : TASK_FAILED;
    } else {
        json_member(numbered, "Return", &returned);
        report.output = function_result(task, returned);
    }
    deferred_add(&mock->deferred, task, &report);
}

static void mock_cancel(struct connector *connector, struct task *task)
{
    deferred_cancel(&((struct mock *)connector)->deferred, task);
}

static void mock_close(struct connector *connector, int grace_ms)
{
    (void)grace_ms;
    struct mock *mock = (struct mock *)connector;
    deferred_release(&mock->deferred);
    json_object_put(mock->file);
    free(mock);
}

static const struct connector_ops mock_ops = {
    .name = "mock", .accepts = mock_accepts, .start = mock_start, .cancel = mock_cancel, .close = mock_close};

int mock_open(struct event_base *base, const char *path, struct connector **ret_connector, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    AUTO_JSON struct json_object *file = NULL;
    struct err fault = {0};
    int code = text_file_read(path, MOCK_FILE_BYTES_MAX, &text, err);
    if (code != 0)
        return code;
    code = json_parse(buf_text(&text), text.bytes, &file, &fault);
    if (code == 0)
        code = check_file(file, &fault);
    if (code != 0) {
        err_set(err, code, "%s", fault.message);
        err_at(err, "%s%s%s", path, fault.where[0] ? ": " : "", fault.where);
        return code;
    }
    struct mock *mock = NEW(struct mock);
    mock->connector.ops = &mock_ops;
    mock->file = json_take(&file);
    deferred_init(&mock->deferred, base);
    *ret_connector = &mock->connector;
    return 0;
}
