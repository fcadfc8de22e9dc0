/* The graph that a definition becomes, resources, documents; what is said about faults: tests/cases/definition. */
#include "asl/base/arena.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"
#include "asl/dataflow/choice.h"
#include "asl/definition/definition.h"
#include "asl/definition/jackson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Single quotes stand for double ones. */
static struct machine *compile_with(const char *quoted, struct definition_options options)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct machine *machine = NULL;
    char *text = mem_strdup(quoted);
    for (char *at = text; (at = strchr(at, '\'')); at++)
        *at = '"';
    definition_compile(text, strlen(text), options, &machine, &diagnostics);
    free(text);
    if (diagnostics.error_count)
        fail_msg("%s", diagnostics.list[0].message);
    diagnostics_release(&diagnostics);
    return machine;
}

static struct machine *compile(const char *quoted)
{
    return compile_with(quoted, (struct definition_options){0});
}

static struct state *state_of(const struct machine *machine, const char *name)
{
    for (uint32_t i = 0; i < machine->state_count; i++)
        if (strcmp(machine->states[i]->name, name) == 0)
            return machine->states[i];
    return NULL;
}

static void test_blocks(void **unused)
{
    (void)unused;
    struct machine *machine = compile("{'StartAt': 'P', 'TimeoutSeconds': 7, 'States': {"
                                      "'Z': {'Type': 'Succeed'},"
                                      "'P': {'Type': 'Parallel', 'Branches': ["
                                      "  {'StartAt': 'A', 'States': {'A': {'Type': 'Pass', 'End': true}}},"
                                      "  {'StartAt': 'B', 'States': {'B': {'Type': 'Pass', 'End': true}}}],"
                                      "  'Next': 'Z'}}}");
    struct state *parallel = state_of(machine, "P"), *last = state_of(machine, "Z"), *inner = state_of(machine, "B");
    assert_int_equal(machine->timeout_seconds, 7);
    assert_int_equal(machine->state_count, 4);
    for (uint32_t i = 0; i < machine->state_count; i++)
        assert_int_equal(machine->states[i]->index, i);
    assert_ptr_equal(machine->scope->start, parallel);
    assert_null(machine->scope->owner);
    assert_ptr_equal(parallel->next, last);
    assert_int_equal(parallel->scope_count, 2);
    assert_ptr_equal(parallel->scopes[1]->start, inner);
    assert_ptr_equal(parallel->scopes[1]->owner, parallel);
    assert_ptr_equal(parallel->scopes[1]->outer, machine->scope);
    assert_ptr_equal(inner->scope, parallel->scopes[1]);
    assert_null(inner->next);
    assert_ptr_equal(scope_state(machine->scope, "Z"), last);
    assert_null(scope_state(machine->scope, "B"));
    definition_unref(machine);
}

static void test_handlers(void **unused)
{
    (void)unused;
    struct machine *machine =
        compile("{'StartAt': 'T', 'States': {'T': {'Type': 'Task', 'Resource': 'arn:aws:states:::lambda:invoke',"
                " 'Retry': [{'ErrorEquals': ['A', 'B']}, {'ErrorEquals': ['States.ALL'], 'IntervalSeconds': 2,"
                "   'MaxAttempts': 0, 'BackoffRate': 1.5, 'MaxDelaySeconds': 9, 'JitterStrategy': 'FULL'}],"
                " 'Catch': [{'ErrorEquals': ['C'], 'Next': 'E', 'ResultPath': '$.e'},"
                "   {'ErrorEquals': ['States.ALL'], 'Next': 'E', 'ResultPath': null}],"
                " 'End': true}, 'E': {'Type': 'Fail'}}}");
    struct state *task = state_of(machine, "T");
    assert_int_equal(task->retry_count, 2);
    assert_int_equal(task->retry[0].error_count, 2);
    assert_string_equal(task->retry[0].errors[1], "B");
    assert_int_equal(task->retry[0].interval_seconds, 1);
    assert_int_equal(task->retry[0].max_attempts, 3);
    assert_true(task->retry[0].backoff_rate == 2.0);
    assert_int_equal(task->retry[0].max_delay_seconds, 0);
    assert_false(task->retry[0].full_jitter);
    assert_int_equal(task->retry[1].interval_seconds, 2);
    assert_int_equal(task->retry[1].max_attempts, 0);
    assert_true(task->retry[1].backoff_rate == 1.5);
    assert_int_equal(task->retry[1].max_delay_seconds, 9);
    assert_true(task->retry[1].full_jitter);
    assert_int_equal(task->catch_count, 2);
    assert_ptr_equal(task->catch[0].next, state_of(machine, "E"));
    assert_int_equal(task->catch[0].result_path.kind, PATH_SOME);
    assert_int_equal(task->catch[1].result_path.kind, PATH_NOTHING);
    definition_unref(machine);
}

static void test_fields(void **unused)
{
    (void)unused;
    struct machine *machine = compile(
        "{'StartAt': 'A', 'States': {"
        "'A': {'Type': 'Pass', 'InputPath': '$', 'OutputPath': null, 'ResultPath': '$.x', 'Result': null, 'Next': 'B'},"
        "'B': {'Type': 'Task', 'Resource': 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',"
        "      'Parameters': {'a': 1}, 'TimeoutSeconds': 60, 'HeartbeatSecondsPath': '$.h', 'Next': 'C'},"
        "'C': {'Type': 'Wait', 'Timestamp': '2024-08-18T17:33:00Z', 'Next': 'D'},"
        "'D': {'Type': 'Choice', 'Choices': [{'Variable': '$.a', 'IsNull': true, 'Next': 'A'}], 'Default': 'E'},"
        "'E': {'Type': 'Fail', 'Error': 'X', 'CausePath': '$.c'}}}");
    struct state *pass = state_of(machine, "A"), *task = state_of(machine, "B");
    assert_int_equal(pass->input_path.kind, PATH_WHOLE);
    assert_int_equal(pass->output_path.kind, PATH_NOTHING);
    assert_int_equal(pass->result_path.kind, PATH_SOME);
    assert_true(pass->has_result);
    assert_null(pass->result);
    assert_int_equal(task->resource.pattern, PATTERN_CALLBACK);
    assert_non_null(task->arguments);
    assert_int_equal(task->timeout_seconds.kind, NUMBER_LITERAL);
    assert_true(task->timeout_seconds.literal == 60);
    assert_int_equal(task->heartbeat_seconds.kind, NUMBER_PATH);
    assert_string_equal(task->heartbeat_seconds.name, "HeartbeatSecondsPath");
    assert_int_equal(state_of(machine, "C")->seconds.kind, NUMBER_NONE);
    assert_string_equal(state_of(machine, "C")->timestamp.literal, "2024-08-18T17:33:00Z");
    assert_int_equal(state_of(machine, "D")->choice_count, 1);
    assert_ptr_equal(state_of(machine, "D")->choices[0].next, pass);
    assert_ptr_equal(state_of(machine, "D")->default_state, state_of(machine, "E"));
    assert_string_equal(state_of(machine, "E")->error.literal, "X");
    assert_int_equal(state_of(machine, "E")->cause.kind, NUMBER_EXPRESSION);
    definition_unref(machine);
}

static void test_distributed_map(void **unused)
{
    (void)unused;
    struct machine *machine =
        compile("{'StartAt': 'M', 'States': {'M': {'Type': 'Map', 'QueryLanguage': 'JSONata', 'Items': '{% [1, 2] %}',"
                " 'ItemReader': {'Resource': 'arn:aws:states:::s3:getObject', 'Arguments': {'Bucket': 'b'},"
                "   'ReaderConfig': {'InputType': 'JSON', 'MaxItems': 5}},"
                " 'ItemBatcher': {'MaxItemsPerBatch': '{% 3 %}', 'BatchInput': {'x': 1}},"
                " 'ItemProcessor': {'ProcessorConfig': {'Mode': 'DISTRIBUTED', 'ExecutionType': 'EXPRESS'},"
                "   'StartAt': 'I', 'States': {'I': {'Type': 'Succeed'}}},"
                " 'ResultWriter': {'WriterConfig': {'OutputType': 'JSON'}},"
                " 'ToleratedFailurePercentage': 2.5, 'End': true}}}");
    struct state *map = state_of(machine, "M");
    assert_true(map->jsonata);
    assert_false(state_of(machine, "I")->jsonata);
    assert_true(map->distributed);
    assert_true(map->express_children);
    assert_string_equal(map->label, "M");
    assert_non_null(map->items);
    assert_int_equal(map->item_reader->resource.kind, RESOURCE_SERVICE);
    assert_string_equal(json_member_text(map->item_reader->config, "InputType"), "JSON");
    assert_true(map->item_reader->max_items.literal == 5);
    assert_int_equal(map->item_batcher->max_items_per_batch.kind, NUMBER_EXPRESSION);
    assert_int_equal(map->item_batcher->max_input_bytes_per_batch.kind, NUMBER_NONE);
    assert_false(map->result_writer->exports);
    assert_non_null(map->result_writer->config);
    assert_true(map->tolerated_failure_percentage.literal == 2.5);
    definition_unref(machine);
}

static void test_machine_is_counted(void **unused)
{
    (void)unused;
    struct machine *machine = compile("{'StartAt': 'A', 'States': {'A': {'Type': 'Succeed'}}}");
    assert_ptr_equal(definition_ref(machine), machine);
    definition_unref(machine);
    assert_string_equal(machine->scope->start->name, "A");
    definition_unref(machine);
    definition_unref(NULL);
}

static void test_single_state(void **unused)
{
    (void)unused;
    struct machine *machine =
        compile_with("{'Type': 'Pass', 'Next': 'Elsewhere'}", (struct definition_options){.single_state = true});
    assert_string_equal(machine->scope->start->next->name, "Elsewhere");
    definition_unref(machine);
}

static void test_resources(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *service, *action, *operation;
        enum resource_kind kind;
        enum resource_pattern pattern;
        bool known;
    } rows[] = {
        {"arn:aws:states:::sqs:sendMessage", "sqs", "sendMessage", "sendMessage", RESOURCE_SERVICE,
         PATTERN_REQUEST_RESPONSE, true},
        {"arn:aws:states:::states:startExecution.sync:2", "states", "startExecution.sync:2", "startExecution",
         RESOURCE_SERVICE, PATTERN_SYNC_2, true},
        {"arn:aws-us-gov:states:::batch:submitJob.sync", "batch", "submitJob.sync", "submitJob", RESOURCE_SERVICE,
         PATTERN_SYNC, true},
        {"arn:aws:states:::aws-sdk:s3:putObject", "aws-sdk:s3", "putObject", "putObject", RESOURCE_SERVICE,
         PATTERN_REQUEST_RESPONSE, true},
        {"arn:aws:states:::dynamodb:query", "dynamodb", "query", "query", RESOURCE_SERVICE, PATTERN_REQUEST_RESPONSE,
         false},
        {"arn:aws:states:::sqs:sendMessage.sync", "sqs", "sendMessage.sync", "sendMessage", RESOURCE_SERVICE,
         PATTERN_SYNC, false},
        {"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST", "lambda", "invoke", "invoke", RESOURCE_FUNCTION,
         PATTERN_REQUEST_RESPONSE, true},
        {"arn:aws:states:us-east-1:123456789012:activity:a", "activity", "a", "a", RESOURCE_ACTIVITY,
         PATTERN_REQUEST_RESPONSE, true},
    };
    static const char *const wrong[] = {
        "",
        "lambda",
        "arn:aws:lambda:us-east-1:123456789012:function:",
        "arn:aws:lambda:us-east-1:123456789012:function:f:",
        "arn:aws:lambda:us-east-1:123456789012:layer:f",
        "arn:aws:states:::sqs",
        "arn:aws:states:::sqs:sendMessage.async",
        "arn:aws:states:::aws-sdk:s3:putObject.sync",
        "arn:aws:states:::activity:a",
        "arn:aws:sqs:us-east-1:123456789012:queue",
    };
    struct arena *arena = arena_new(0);
    struct resource resource;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(resource_parse(arena, rows[i].text, &resource));
        assert_string_equal(resource.text, rows[i].text);
        assert_string_equal(resource.service, rows[i].service);
        assert_string_equal(resource.action, rows[i].action);
        assert_string_equal(resource.operation, rows[i].operation);
        assert_int_equal(resource.kind, rows[i].kind);
        assert_int_equal(resource.pattern, rows[i].pattern);
        assert_int_equal(resource_is_known(&resource), rows[i].known);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (resource_parse(arena, wrong[i], &resource))
            fail_msg("\"%s\" was taken for a resource", wrong[i]);
    arena_free(arena);
}

static void test_documents(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *json, *error;
    } rows[] = {
        {"[1, 2.50]", "[1,2.50]", NULL},
        {"a: 1\nb: [x, ~, true, 1.5, '2', 007a]\n", "{\"a\":1,\"b\":[\"x\",null,true,1.5,\"2\",\"007a\"]}", NULL},
        {"a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}", NULL},
        {"# empty\n", "null", NULL},
        {"{\"a\": 1,}", NULL,
         "line 1 column 10: Unexpected character ('}' (code 125)): was expecting double-quote to "
         "start field name"},
        {"a: [1\n", NULL, "line 2 column 1: did not find expected ',' or ']'"},
        {"a: 1\n--- \nb: 2\n", NULL, "line 3 column 1: there is more than one document in the text"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        struct json_object *value = NULL;
        int code = definition_parse_document(rows[i].text, strlen(rows[i].text), &value, &err);
        if (rows[i].error) {
            assert_int_equal(code, ERR_INVALID);
            assert_string_equal(err.message, rows[i].error);
            continue;
        }
        assert_int_equal(code, 0);
        char *json = json_text(value);
        assert_string_equal(json, rows[i].json);
        free(json);
        json_object_put(value);
    }
}

static void test_jackson_shows_a_long_text_in_part(void **unused)
{
    (void)unused;
    char text[700];
    memset(text, 'x', sizeof text);
    char *source = jackson_source(text, sizeof text, 1, 2);
    assert_non_null(strstr(source, "x\"[truncated 200 chars]; line: 1, column: 2]"));
    free(source);
}

static void test_suggestions(void **unused)
{
    (void)unused;
    static const struct {
        const char *given, *best;
    } rows[] = {
        {"Nxet", "Next"}, {"next", "Next"}, {"Resuorce", "Resource"},  {"Ressource", "Resource"},
        {"x", NULL},      {"Bill", NULL},   {"ResourceArnName", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct suggest suggest = suggest_begin(rows[i].given);
        suggest_offer(&suggest, "Next");
        suggest_offer(&suggest, "Resource");
        suggest_offer(&suggest, "A");
        if (rows[i].best)
            assert_string_equal(suggest.best, rows[i].best);
        else
            assert_null(suggest.best);
    }
}

/* Of a machine with this label: what CreateStateMachine answers, up to the definition. */
static char *refusal_of(const char *label)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    char *text =
        mem_printf("{\"StartAt\": \"M\", \"States\": {\"M\": {\"Type\": \"Map\", \"End\": true, \"Label\": \"%s\","
                   "\"ItemProcessor\": {\"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\", \"ExecutionType\": "
                   "\"STANDARD\"}, \"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\", \"End\": true}}}}}}",
                   label);
    char *end = mem_printf(" in definition '%s'.", text);
    definition_compile(text, strlen(text), (struct definition_options){0}, NULL, &diagnostics);
    char *refusal = NULL;
    if (diagnostics.error_count) {
        refusal = diagnostics_refusal(&diagnostics, text);
        char *found = strstr(refusal, end);
        assert_non_null(found);
        assert_string_equal(found, end);
        *found = '\0';
        assert_string_equal(diagnostics.list[0].code, "INVALID_LABEL_NAME");
    }
    free(end);
    free(text);
    diagnostics_release(&diagnostics);
    return refusal;
}

static void test_labels(void **unused)
{
    (void)unused;
    static const struct {
        const char *label, *refusal; /* NULL: it is good */
    } rows[] = {
        {"", "Error=ValueError Args=['Label cannot be empty']"},
        {"1234567890123456789012345678901234567890", NULL},
        {"12345678901234567890123456789012345678901", "Error=ValueError Args=['Label cannot exceed 40 characters']"},
        {"\303\244234567890123456789012345678901234567890", NULL},
        {"it's", NULL},
        {"a b?", "Error=ValueError Args=[\"Label contains invalid character: ' '\"]"},
        {"a?b c", "Error=ValueError Args=[\"Label contains invalid character: '?'\"]"},
        {"a\\\\", "Error=ValueError Args=[\"Label contains invalid character: '\\\\\\\\'\"]"},
        {"a\\\"", "Error=ValueError Args=['Label contains invalid character: \\'\"\\'']"},
        {"a\\t", "Error=ValueError Args=[\"Label contains invalid character: '\\\\t'\"]"},
        {"a\\b", "Error=ValueError Args=[\"Label contains invalid character: '\\\\x08'\"]"},
        {"a\\u0000b", "Error=ValueError Args=[\"Label contains invalid character: '\\\\x00'\"]"},
        {"a\\u007f", "Error=ValueError Args=[\"Label contains invalid character: '\\\\x7f'\"]"},
        {"a\\u0085", "Error=ValueError Args=[\"Label contains invalid character: '\\\\x85'\"]"},
        {"a\\u00a1", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *refusal = refusal_of(rows[i].label);
        if (rows[i].refusal)
            assert_string_equal(refusal, rows[i].refusal);
        else
            assert_null(refusal);
        free(refusal);
    }
}

/* A fault that is recorded as an exception comes alone; after another it is one of them. */
static void test_refusals(void **unused)
{
    (void)unused;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    diagnostics_add(&diagnostics, DIAGNOSTIC_WARNING, "W", "/W", "w");
    diagnostics_add(&diagnostics, DIAGNOSTIC_ERROR, "A", "/A", "a");
    diagnostics_add(&diagnostics, DIAGNOSTIC_ERROR, "B", NULL, "b")->exception = mem_strdup("Error=B");
    char *refusal = diagnostics_refusal(&diagnostics, "{}");
    assert_string_equal(refusal, "Invalid State Machine Definition: 'A: a at /A, B: b at null'");
    free(refusal);
    diagnostics.list[1].exception = mem_strdup("Error=A");
    refusal = diagnostics_refusal(&diagnostics, "{}");
    assert_string_equal(refusal, "Error=A in definition '{}'.");
    free(refusal);
    diagnostics_release(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_handlers),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_distributed_map),
        cmocka_unit_test(test_machine_is_counted),
        cmocka_unit_test(test_single_state),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_jackson_shows_a_long_text_in_part),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
