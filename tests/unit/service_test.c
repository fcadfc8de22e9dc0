/* The operations of the API below HTTP: ARNs, the checks of inputs, and changes that meet. */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/service/arn.h"
#include "runtime/service/model.h"
#include "runtime/service/service.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- ARNs ---------------------------------------------------------------------------------------------- */

#define STATES "arn:aws:states:us-east-1:123456789012:"

static void arns_are_taken_apart(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        enum arn_kind kind;
        const char *machine, *label, *qualifier, *name, *uuid, *test_case;
    } cases[] = {
        {STATES "stateMachine:m", ARN_MACHINE, "m", NULL, NULL, NULL, NULL, NULL},
        {STATES "stateMachine:m:7", ARN_MACHINE, "m", NULL, "7", NULL, NULL, NULL},
        {STATES "stateMachine:m/l", ARN_MACHINE, "m", "l", NULL, NULL, NULL, NULL},
        {STATES "stateMachine:m:live#Case", ARN_MACHINE, "m", NULL, "live", NULL, NULL, "Case"},
        {STATES "execution:m:e", ARN_EXECUTION, "m", NULL, NULL, "e", NULL, NULL},
        {STATES "execution:m/l:e", ARN_EXECUTION, "m", "l", NULL, "e", NULL, NULL},
        {STATES "express:m:e:u", ARN_EXPRESS, "m", NULL, NULL, "e", "u", NULL},
        {STATES "activity:a", ARN_ACTIVITY, NULL, NULL, NULL, "a", NULL, NULL},
        {STATES "mapRun:m/l:u", ARN_MAP_RUN, "m", "l", NULL, NULL, "u", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arn arn;
        struct err err = {0};
        assert_int_equal(arn_parse(cases[i].text, &arn, &err), 0);
        assert_int_equal(arn.kind, cases[i].kind);
        const char *found[] = {arn.machine, arn.label, arn.qualifier, arn.name, arn.uuid, arn.test_case};
        const char *expected[] = {cases[i].machine, cases[i].label, cases[i].qualifier,
                                  cases[i].name,    cases[i].uuid,  cases[i].test_case};
        for (size_t k = 0; k < sizeof found / sizeof *found; k++) {
            if (expected[k])
                assert_string_equal(found[k], expected[k]);
            else
                assert_null(found[k]);
        }
    }
}

static void bad_arns_are_refused(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"",
                                        "nonsense",
                                        "arn:",
                                        "arn:aws:sqs:r:a:queue:x",
                                        "arn:aws:states:r:a",
                                        STATES "queue:x",
                                        STATES "stateMachine:",
                                        STATES "stateMachine:m:1:2",
                                        STATES "stateMachine:m:",
                                        STATES "execution:m",
                                        STATES "express:m:e",
                                        STATES "activity:a:b",
                                        STATES "execution:m:e#c"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arn arn;
        struct err err = {0};
        assert_int_equal(arn_parse(texts[i], &arn, &err), ERR_INVALID);
    }
    struct arn arn;
    struct err err = {0};
    char *large = mem_alloc(ARN_BYTES_MAX + 1);
    memset(large, 'x', ARN_BYTES_MAX);
    large[ARN_BYTES_MAX] = '\0';
    assert_int_equal(arn_parse(large, &arn, &err), ERR_INVALID);
    free(large);
}

static void names(void **unused)
{
    (void)unused;
    static const char *const good[] = {"a", "A-b_c.1", "(x)+!'=@", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    static const char *const bad[] = {"",  "a b", "a/b", "a:b",      "a#b",          "a\x7F", "a\xC2\x85",
                                      "*", "a\t", "\"",  "\xC2\xA0", "\xEF\xBF\xBF", "~"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(arn_name_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(arn_name_valid(bad[i], strlen(bad[i])));
}

/* --- the model -------------------------------------------------------------------------------------------- */

static void inputs_are_checked(void **unused)
{
    (void)unused;
    static const struct {
        const char *operation, *input;
        enum model_verdict verdict;
        const char *message;
    } cases[] = {
        {"ListStateMachines", "{}", MODEL_OK, NULL},
        {"ListStateMachines", "{\"unknown\":1,\"maxResults\":null}", MODEL_OK, NULL},
        {"ListStateMachines", "{\"maxResults\":1001}", MODEL_VIOLATED,
         "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have "
         "value less than or equal to 1000"},
        {"ListStateMachines", "{\"maxResults\":\"1\"}", MODEL_MALFORMED, "maxResults must be an integer"},
        {"ListStateMachines", "[]", MODEL_MALFORMED, "the input must be a JSON object"},
        {"DescribeActivity", "{}", MODEL_VIOLATED,
         "1 validation error detected: Value null at 'activityArn' failed to satisfy constraint: Member must not be "
         "null"},
        {"CreateStateMachineAlias",
         "{\"name\":\"12\",\"routingConfiguration\":[{\"stateMachineVersionArn\":\"a\",\"weight\":101}]}",
         MODEL_VIOLATED,
         "2 validation errors detected: Value '12' at 'name' failed to satisfy constraint: Member must satisfy regular "
         "expression pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$; Value '101' at "
         "'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or "
         "equal to 100"},
        {"CreateStateMachineAlias", "{\"name\":\"a\",\"routingConfiguration\":[]}", MODEL_VIOLATED,
         "1 validation error detected: Value '[]' at 'routingConfiguration' failed to satisfy constraint: Member must "
         "have length greater than or equal to 1"},
        {"ListExecutions", "{\"statusFilter\":\"running\"}", MODEL_VIOLATED,
         "1 validation error detected: Value 'running' at 'statusFilter' failed to satisfy constraint: Member must "
         "satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]"},
        {"SendTaskFailure", "{\"taskToken\":\"\"}", MODEL_VIOLATED,
         "1 validation error detected: Value '' at 'taskToken' failed to satisfy constraint: Member must have length "
         "greater than or equal to 1"},
        {"CreateActivity", "{\"name\":\"a\",\"tags\":[null]}", MODEL_VIOLATED,
         "1 validation error detected: Value null at 'tags.1.member' failed to satisfy constraint: Member must not be "
         "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_JSON struct json_object *input = NULL;
        assert_int_equal(json_parse(cases[i].input, strlen(cases[i].input), &input, NULL), 0);
        char *message = NULL;
        assert_int_equal(
            model_check(model_operation_find(cases[i].operation)->shape, input, LIMIT_PAYLOAD_BYTES, &message),
            cases[i].verdict);
        if (cases[i].message)
            assert_string_equal(message, cases[i].message);
        else
            assert_null(message);
        free(message);
    }
    assert_null(model_operation_find("NoSuchOperation"));
}

static void lengths_are_counted_like_java(void **unused)
{
    (void)unused;
    assert_int_equal(model_text_length("a\xC3\xA4\xE2\x82\xAC", 6), 3);
    assert_int_equal(model_text_length("\xF0\x9F\x98\x80", 4), 2);
}

static void every_operation_has_a_model(void **unused)
{
    (void)unused;
    assert_int_equal(model_operation_count, 37);
    for (size_t i = 0; i < model_operation_count; i++)
        assert_int_not_equal(service_access_of(model_operations[i].name), SERVICE_UNKNOWN);
    assert_int_equal(service_access_of("NoSuchOperation"), SERVICE_UNKNOWN);
}

/* --- a service on a store ------------------------------------------------------------------------------- */

struct fixture {
    char folder[64];
    struct event_base *base;
    struct store *store;
    struct engine *engine;
    struct service *service;
};

static int open_service(void **state)
{
    struct fixture *f = NEW(struct fixture);
    struct err err = {0};
    strcpy(f->folder, "/tmp/service_test.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    char *url = mem_printf("sqlite:%s/store.db", f->folder);
    f->base = event_base_new();
    assert_int_equal(store_open(url, &f->store, &err), 0);
    free(url);
    struct engine_options options = {.base = f->base,
                                     .store = f->store,
                                     .region = "us-east-1",
                                     .account = "123456789012",
                                     .node = "test",
                                     .virtual_clock = true};
    assert_int_equal(engine_open(&options, &f->engine, &err), 0);
    assert_int_equal(engine_take_ownership(f->engine, &err), 0);
    assert_int_equal(service_open(&(struct service_options){.engine = f->engine}, &f->service, &err), 0);
    *state = f;
    return 0;
}

static int close_service(void **state)
{
    struct fixture *f = *state;
    service_close(f->service);
    engine_close(f->engine, 0);
    store_close(f->store);
    event_base_free(f->base);
    char *command = mem_printf("rm -rf '%s'", f->folder);
    int code = system(command);
    free(command);
    free(f);
    return code;
}

/* An answer, kept. */
struct answer {
    bool there;
    char *error;
    struct json_object *output;
};

static void keep(void *context, const struct service_answer *given)
{
    struct answer *answer = context;
    answer->there = true;
    answer->error = mem_strdup(given->error);
    if (given->output_text)
        json_parse(given->output_text, given->output_bytes, &answer->output, NULL);
    else
        answer->output = json_object_get(given->output);
}

static void release(struct answer *answer)
{
    free(answer->error);
    json_object_put(answer->output);
}

static struct service_call *begin(struct fixture *f, const char *operation, const char *input, struct answer *answer)
{
    AUTO_JSON struct json_object *value = NULL;
    *answer = (struct answer){0};
    assert_int_equal(json_parse(input, strlen(input), &value, NULL), 0);
    return service_call(f->service, operation, value, keep, answer);
}

static void await(struct fixture *f, const struct answer *answer)
{
    while (!answer->there)
        event_base_loop(f->base, EVLOOP_ONCE);
}

static struct answer call(struct fixture *f, const char *operation, const char *input)
{
    struct answer answer;
    begin(f, operation, input, &answer);
    await(f, &answer);
    return answer;
}

#define CREATE                                                                                                         \
    "{\"name\":\"m\",\"roleArn\":\"arn:aws:iam::123456789012:role/r\",\"definition\":"                                 \
    "\"{\\\"StartAt\\\":\\\"A\\\",\\\"States\\\":{\\\"A\\\":{\\\"Type\\\":\\\"Pass\\\",\\\"End\\\":true}}}\"}"

/* Changes of one machine that meet in one commit all take effect, one after the other. */
static void changes_that_meet(void **state)
{
    enum { CALLS = 8 };
    struct fixture *f = *state;
    struct answer created = call(f, "CreateStateMachine", CREATE);
    assert_null(created.error);
    struct answer answers[CALLS];
    for (int i = 0; i < CALLS; i++) {
        char *input = mem_printf("{\"stateMachineArn\":\"" STATES
                                 "stateMachine:m\",\"roleArn\":\"arn:aws:iam::123456789012:role/r%d\",\"publish\":"
                                 "true}",
                                 i);
        begin(f, "UpdateStateMachine", input, &answers[i]);
        free(input);
    }
    bool seen[CALLS + 1] = {false};
    for (int i = 0; i < CALLS; i++) {
        await(f, &answers[i]);
        assert_null(answers[i].error);
        const char *arn = json_member_text(answers[i].output, "stateMachineVersionArn");
        int number = atoi(strrchr(arn, ':') + 1);
        assert_in_range(number, 1, CALLS);
        assert_false(seen[number]);
        seen[number] = true;
        release(&answers[i]);
    }
    struct answer listed = call(f, "ListStateMachineVersions", "{\"stateMachineArn\":\"" STATES "stateMachine:m\"}");
    struct json_object *versions;
    assert_true(json_member(listed.output, "stateMachineVersions", &versions));
    assert_int_equal(json_object_array_length(versions), CALLS);
    release(&listed);
    release(&created);
}

static void page_tokens_are_bound_to_their_listing(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        char *input = mem_printf("{\"name\":\"a%d\"}", i);
        struct answer created = call(f, "CreateActivity", input);
        assert_null(created.error);
        release(&created);
        free(input);
    }
    struct answer page = call(f, "ListActivities", "{\"maxResults\":2}");
    const char *token = json_member_text(page.output, "nextToken");
    assert_non_null(token);
    char *with_token = mem_printf("{\"maxResults\":2,\"nextToken\":\"%s\"}", token);
    struct answer next = call(f, "ListActivities", with_token);
    struct json_object *items;
    assert_true(json_member(next.output, "activities", &items));
    assert_int_equal(json_object_array_length(items), 1);
    assert_null(json_member_text(next.output, "nextToken"));
    struct answer elsewhere = call(f, "ListStateMachines", with_token);
    assert_string_equal(elsewhere.error, "InvalidToken");
    char *changed = mem_strdup(with_token);
    changed[strlen(changed) / 2] ^= 1;
    struct answer forged = call(f, "ListActivities", changed);
    assert_string_equal(forged.error, "InvalidToken");
    release(&page);
    release(&next);
    release(&elsewhere);
    release(&forged);
    free(with_token);
    free(changed);
}

/* A poll that is cancelled answers nobody and leaves nothing behind. */
static void polls_can_be_cancelled(void **state)
{
    struct fixture *f = *state;
    struct answer created = call(f, "CreateActivity", "{\"name\":\"polled\"}");
    struct answer polled;
    struct service_call *poll = begin(f, "GetActivityTask", "{\"activityArn\":\"" STATES "activity:polled\"}", &polled);
    assert_non_null(poll);
    assert_int_equal(engine_poll_count(f->engine, STATES "activity:polled"), 1);
    service_cancel(f->service, poll);
    assert_int_equal(engine_poll_count(f->engine, STATES "activity:polled"), 0);
    assert_false(polled.there);
    release(&created);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arns_are_taken_apart),
        cmocka_unit_test(bad_arns_are_refused),
        cmocka_unit_test(names),
        cmocka_unit_test(inputs_are_checked),
        cmocka_unit_test(lengths_are_counted_like_java),
        cmocka_unit_test(every_operation_has_a_model),
        cmocka_unit_test_setup_teardown(changes_that_meet, open_service, close_service),
        cmocka_unit_test_setup_teardown(page_tokens_are_bound_to_their_listing, open_service, close_service),
        cmocka_unit_test_setup_teardown(polls_can_be_cancelled, open_service, close_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
