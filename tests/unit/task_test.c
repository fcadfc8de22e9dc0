/* task_test.c - the answers of handlers taken apart, mocked tasks, services that are waited for. */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/answer.h"
#include "runtime/task/callback.h"
#include "runtime/task/mock.h"
#include "tests/unit/task_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- answers ------------------------------------------------------------------------------------- */

static void answers_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line, *id, *result, *error;
        bool complete;
    } cases[] = {
        {"{\"id\":\"1\",\"result\":{\"a\":\"}\\\"]\"}}", "1", "{\"a\":\"}\\\"]\"}", NULL, true},
        {" { \"result\" : [1, [2]] , \"id\" : \"12\" } \r", "12", "[1, [2]]", NULL, true},
        {"{\"id\":3,\"error\":{\"errorType\":\"X\"}}", "3", NULL, "{\"errorType\":\"X\"}", true},
        {"{\"id\":\"1\",\"other\":{\"id\":\"2\"},\"result\":null}", "1", "null", NULL, true},
        {"{\"id\":\"1\",\"result\":\"\\\\\"}", "1", "\"\\\\\"", NULL, true},
        {"{\"id\":\"1\",\"result\":{", "1", NULL, NULL, false},
        {"{\"id\":\"1\",\"result\":1} x", "1", "1", NULL, false},
        {"{\"id\":\"1\",\"result\":}", "1", NULL, NULL, false},
        {"{\"id\":\"1\",\"result\":\"", "1", NULL, NULL, false},
        {"{\"id\":\"1", NULL, NULL, NULL, false},
        {"{}", NULL, NULL, NULL, false},
        {"{", NULL, NULL, NULL, false},
        {"", NULL, NULL, NULL, false},
        {"[1]", NULL, NULL, NULL, false},
        {"null", NULL, NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t bytes = strlen(cases[i].line);
        char *line = mem_alloc(bytes ? bytes : 1); /* no NUL behind it: reading on would be seen */
        memcpy(line, cases[i].line, bytes);
        struct answer answer;
        assert_int_equal(answer_parse(line, bytes, &answer), cases[i].complete);
        const char *const expected[] = {cases[i].id, cases[i].result, cases[i].error};
        const struct slice found[] = {answer.id, answer.result, answer.error};
        for (int k = 0; k < 3; k++) {
            if (expected[k] == NULL) {
                assert_null(found[k].text);
                continue;
            }
            assert_int_equal(found[k].bytes, strlen(expected[k]));
            assert_memory_equal(found[k].text, expected[k], found[k].bytes);
        }
        free(line);
    }
}

/* --- mock and callback ----------------------------------------------------------------------------- */

static const char mock_file[] =
    "{\"StateMachines\":{\"machine\":{\"TestCases\":{\"Happy\":{\"Work\":\"three\"}}}},"
    "\"MockedResponses\":{\"three\":{\"0\":{\"Return\":{\"n\":1}},"
    "\"1-2\":{\"Throw\":{\"Error\":\"Bad\",\"Cause\":\"why\"}},"
    "\"3\":{\"Throw\":{\"Error\":\"States.Timeout\"}},\"4\":{\"Return\":null},\"6\":{\"Throw\":{}},"
    "\"7\":{\"Return\":{\"StatusCode\":200,\"Payload\":[7]}},"
    "\"8\":{\"Throw\":{\"Error\":\"Batch.BatchException\"}},\"9\":{\"Throw\":{\"Error\":\"States.TaskFailed\"}}}}}";

static void mocked_responses_are_counted(void **state)
{
    struct bench *bench = *state;
    struct resource resource = {.kind = RESOURCE_SERVICE, .service = "dynamodb", .operation = "putItem", .text = ""};
    struct resource job = {
        .kind = RESOURCE_SERVICE, .pattern = PATTERN_SYNC, .service = "batch", .operation = "submitJob", .text = ""};
    struct resource function = function_resource("charge");
    char *path = bench_path(bench, "mock.json");
    struct err err;
    bench_write(bench, "mock.json", mock_file, 0644);
    assert_int_equal(mock_open(bench->base, path, &bench->connector, &err), 0);
    free(path);
    assert_true(mock_has_case(bench->connector, "machine", "Happy"));
    assert_false(mock_has_case(bench->connector, "machine", "happy"));
    assert_false(mock_has_case(bench->connector, "other", "Happy"));
    const struct resource *const resources[] = {&resource, &resource, &resource, &resource, &resource, &resource,
                                                &resource, &job,      &function, &resource, &job,      &job};
    static const int invocations[] = {0, 1, 2, 3, 4, 5, 6, 0, 7, 7, 8, 9};
    enum { CALLS = sizeof invocations / sizeof *invocations };
    for (int i = 0; i < CALLS; i++) {
        struct item *item = &bench->items[bench->count++];
        item->task = (struct task){.resource = resources[i],
                                   .state_name = "Work",
                                   .machine_name = "machine",
                                   .report = bench_report,
                                   .owner = bench,
                                   .invocation = invocations[i]};
        assert_false(bench->connector->ops->accepts(bench->connector, &item->task));
        item->task.test_case = "Happy";
        assert_true(bench->connector->ops->accepts(bench->connector, &item->task));
        bench->connector->ops->start(bench->connector, &item->task);
        assert_int_equal(item->reports, 0);
    }
    bench_wait(bench, CALLS);
    const struct item *items = bench->items;
    assert_output(&items[0], "{\"n\":1}");
    assert_failure(&items[1], "Bad", "why");
    assert_failure(&items[2], "Bad", "why");
    assert_int_equal(items[3].kind, TASK_TIMED_OUT);
    assert_string_equal(items[3].error, "States.Timeout");
    assert_output(&items[4], "null");
    assert_failure(&items[5], "States.Runtime", "does not cover invocation 5");
    assert_int_equal(items[6].kind, TASK_FAILED);
    assert_null(items[6].error);
    assert_output(&items[7], "{\"n\":1}");
    assert_int_equal(items[0].submitted, 0);
    assert_int_equal(items[7].submitted, 1);
    assert_output(&items[8], "[7]"); /* a function's result written as the answer of lambda:invoke */
    assert_output(&items[9], "{\"StatusCode\":200,\"Payload\":[7]}");
    assert_int_equal(items[10].submitted, 0); /* the service refused */
    assert_int_equal(items[11].submitted, 1); /* the job failed */
}

static void a_wrong_mock_file_is_refused(void **state)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{", ""},
        {"{\"MockedResponses\":{}}", ""},
        {"{\"StateMachines\":{\"m\":{}},\"MockedResponses\":{}}", ": /StateMachines/m"},
        {"{\"StateMachines\":{\"m\":{\"TestCases\":{\"c\":{\"S\":\"r\"}}}},\"MockedResponses\":{}}",
         ": /StateMachines/m/TestCases/c/S"},
        {"{\"StateMachines\":{},\"MockedResponses\":{\"r\":{\"x\":{\"Return\":1}}}}", ": /MockedResponses/r/x"},
        {"{\"StateMachines\":{},\"MockedResponses\":{\"r\":{\"2-1\":{\"Return\":1}}}}", ": /MockedResponses/r/2-1"},
        {"{\"StateMachines\":{},\"MockedResponses\":{\"r\":{\"0-2\":{\"Return\":1},\"2\":{\"Return\":1}}}}",
         ": /MockedResponses/r/2"},
        {"{\"StateMachines\":{},\"MockedResponses\":{\"r\":{\"0\":{}}}}", ": /MockedResponses/r/0"},
        {"{\"StateMachines\":{},\"MockedResponses\":{\"r\":{\"0\":{\"Return\":1,\"Throw\":{\"Error\":\"E\"}}}}}",
         ": /MockedResponses/r/0"},
        {"{\"StateMachines\":{},\"MockedResponses\":{\"r\":{\"0\":{\"Throw\":{\"Cause\":1}}}}}",
         ": /MockedResponses/r/0"},
    };
    struct bench *bench = *state;
    char *path = bench_path(bench, "mock.json");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct connector *connector = NULL;
        bench_write(bench, "mock.json", cases[i].text, 0644);
        assert_int_equal(mock_open(bench->base, path, &connector, &err), ERR_INVALID);
        assert_null(connector);
        assert_memory_equal(err.where, path, strlen(path));
        assert_string_equal(err.where + strlen(path), cases[i].where);
    }
    assert_int_equal(mock_open(bench->base, "/nonexistent/mock.json", &bench->connector, NULL), ERR_NOT_FOUND);
    free(path);
}

static void a_service_with_a_token_is_taken_as_submitted(void **state)
{
    struct bench *bench = *state;
    struct resource wait = {.kind = RESOURCE_SERVICE,
                            .pattern = PATTERN_CALLBACK,
                            .service = "sqs",
                            .operation = "sendMessage",
                            .text = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"};
    struct resource plain = {.kind = RESOURCE_SERVICE,
                             .service = "dynamodb",
                             .operation = "putItem",
                             .text = "arn:aws:states:::dynamodb:putItem"};
    bench->connector = callback_open(bench->base);
    struct item *item = bench_start(bench, &wait, "{\"QueueUrl\":\"u\",\"MessageBody\":{\"a\":1}}");
    struct item *gone = bench_start(bench, &wait, "{}");
    bench->connector->ops->cancel(bench->connector, &gone->task);
    struct item *failed = bench_run(bench, &plain, "{}");
    assert_int_equal(item->submitted, 1);
    assert_false(item->ended);
    /* md5 of {"a":1} */
    assert_non_null(strstr(item->submitted_output, "\"MD5OfMessageBody\":\"bb6cb5c68df4652941caf652a366f2d8\""));
    assert_int_equal(gone->reports, 0);
    assert_failure(failed, "States.Runtime", "'arn:aws:states:::dynamodb:putItem'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_taken_apart),
        cmocka_unit_test_setup_teardown(mocked_responses_are_counted, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_mock_file_is_refused, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_service_with_a_token_is_taken_as_submitted, bench_setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
