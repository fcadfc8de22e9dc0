/* The engine on a real SQLite store: start, wait, callback, stop, restart. */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/executor/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char path[64], url[80];
    struct event_base *base;
    struct store *store;
    struct engine *engine;
};

static void log_line(void *context, int level, const char *message)
{
    (void)context;
    if (level > 1)
        print_message("engine: %s\n", message);
}

static void open_engine(struct fixture *f, bool virtual_clock)
{
    struct err err;
    f->base = event_base_new();
    if (store_open(f->url, &f->store, &err) != 0)
        fail_msg("%s", err.message);
    struct engine_options options = {
        .base = f->base, .store = f->store, .virtual_clock = virtual_clock, .log = log_line};
    assert_int_equal(engine_open(&options, &f->engine, &err), 0);
    if (engine_take_ownership(f->engine, &err) != 0)
        fail_msg("%s", err.message);
}

static void close_engine(struct fixture *f)
{
    engine_close(f->engine, 0);
    store_close(f->store);
    event_base_free(f->base);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/engine-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->url, sizeof f->url, "sqlite:%s/h.db", f->path);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"h.db", "h.db-wal", "h.db-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s/%s", f->path, names[i]);
        unlink(name);
    }
    rmdir(f->path);
    free(f);
    return 0;
}

struct ending {
    bool over;
    enum execution_status status;
    char output[4096];
    char error[256], cause[1024];
};

static void on_ended(void *context, const struct engine_outcome *outcome)
{
    struct ending *ending = context;
    ending->over = true;
    ending->status = outcome->status;
    char *text = json_text(outcome->output);
    snprintf(ending->output, sizeof ending->output, "%s", text);
    free(text);
    snprintf(ending->error, sizeof ending->error, "%s", outcome->error ? outcome->error : "");
    snprintf(ending->cause, sizeof ending->cause, "%s", outcome->cause ? outcome->cause : "");
}

struct answer {
    bool given;
    int code;
};

static void on_done(void *context, int code, const struct err *err)
{
    (void)err;
    struct answer *answer = context;
    answer->given = true;
    answer->code = code;
}

static void put_definition(struct fixture *f, const char *text, char key[65])
{
    engine_definition_key(text, strlen(text), false, key);
    struct json_object *document = json_object_new_object();
    json_add_text(document, "definition", text);
    json_add_text(document, "type", "STANDARD");
    char *body = json_text(document);
    json_object_put(document);
    bool conflict = false;
    struct answer answer = {0};
    store_batch_put_document(engine_batch(f->engine), "definition", key, body, -1, &conflict);
    engine_on_commit(f->engine, on_done, &answer);
    while (!answer.given)
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_int_equal(answer.code, 0);
    free(body);
}

static void start(struct fixture *f, const char *definition, const char *name, const char *input, struct ending *ending)
{
    char key[65], arn[256];
    put_definition(f, definition, key);
    snprintf(arn, sizeof arn, "arn:aws:states:us-east-1:123456789012:execution:m:%s", name);
    struct json_object *value;
    assert_int_equal(json_parse(input, strlen(input), &value, NULL), 0);
    struct engine_start start = {
        .arn = arn,
        .name = name,
        .machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        .machine_name = "m",
        .definition_key = key,
        .role_arn = "arn:aws:iam::123456789012:role/r",
        .input = value,
    };
    struct answer answer = {0};
    int64_t started_ms;
    engine_start(f->engine, &start, &started_ms, on_done, &answer, on_ended, ending);
    while (!answer.given)
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_int_equal(answer.code, 0);
    json_object_put(value);
}

static void wait_for(struct fixture *f, const struct ending *ending)
{
    while (!ending->over)
        event_base_loop(f->base, EVLOOP_ONCE);
}

static int print_history(void *context, const struct store_execution *row)
{
    struct fixture *f = context;
    struct history_page page = {.limit = 1000};
    struct buf out = BUF_INIT;
    int64_t last;
    bool more;
    assert_int_equal(engine_history(f->engine, row, &page, &out, &last, &more, NULL), 0);
    if (getenv("SHOW_HISTORY"))
        print_message("%s\n", out.data);
    buf_release(&out);
    return 0;
}

#define PASSES                                                                                                         \
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"B\"},"                                         \
    "\"B\":{\"Type\":\"Wait\",\"Seconds\":3600,\"Next\":\"C\"},"                                                       \
    "\"C\":{\"Type\":\"Map\",\"ItemsPath\":\"$.list\",\"ItemProcessor\":{\"StartAt\":\"D\",\"States\":"                \
    "{\"D\":{\"Type\":\"Pass\",\"Parameters\":{\"n.$\":\"States.MathAdd($, 1)\"},\"End\":true}}},\"Next\":\"E\"},"     \
    "\"E\":{\"Type\":\"Parallel\",\"Branches\":[{\"StartAt\":\"F\",\"States\":{\"F\":{\"Type\":\"Succeed\"}}},"        \
    "{\"StartAt\":\"G\",\"States\":{\"G\":{\"Type\":\"Pass\",\"Result\":7,\"End\":true}}}],\"End\":true}}}"

static void runs_to_the_end_under_the_virtual_clock(void **state)
{
    struct fixture *f = *state;
    open_engine(f, true);
    struct ending ending = {0};
    start(f, PASSES, "one", "{\"list\":[1,2,3]}", &ending);
    wait_for(f, &ending);
    store_execution_by_arn(f->store, "arn:aws:states:us-east-1:123456789012:execution:m:one", print_history, f, NULL);
    assert_string_equal(ending.error, "");
    assert_int_equal(ending.status, EXECUTION_SUCCEEDED);
    assert_string_equal(ending.output, "[[{\"n\":2},{\"n\":3},{\"n\":4}],7]");
    close_engine(f);
}

static void goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    open_engine(f, false);
    struct ending ending = {0};
    start(f, PASSES, "two", "{\"list\":[1]}", &ending);
    assert_false(ending.over);
    close_engine(f);
    open_engine(f, true);
    assert_int_equal(
        engine_watch(f->engine, "arn:aws:states:us-east-1:123456789012:execution:m:two", on_ended, &ending), 0);
    wait_for(f, &ending);
    assert_string_equal(ending.output, "[[{\"n\":2}],7]");
    close_engine(f);
}

static void a_stop_is_durable(void **state)
{
    struct fixture *f = *state;
    open_engine(f, false);
    struct ending ending = {0};
    struct answer answer = {0};
    start(f, PASSES, "three", "{\"list\":[1]}", &ending);
    engine_stop(f->engine, "arn:aws:states:us-east-1:123456789012:execution:m:three", "Why", "because", on_done,
                &answer);
    while (!answer.given)
        event_base_loop(f->base, EVLOOP_ONCE);
    wait_for(f, &ending);
    assert_int_equal(ending.status, EXECUTION_ABORTED);
    assert_string_equal(ending.cause, "because");
    close_engine(f);
}

static void list_nothing(void *context, const struct engine_waiting *waiting)
{
    (void)context, (void)waiting;
}

/* Who looks at a sleeping execution does not take the end away from those who wait for it. */
static void a_look_at_a_sleeper_keeps_its_watchers(void **state)
{
    struct fixture *f = *state;
    open_engine(f, false);
    struct ending ending = {0};
    struct err err;
    start(f, PASSES, "four", "{\"list\":[1]}", &ending);
    event_base_loop(f->base, EVLOOP_NONBLOCK);
    assert_int_equal(engine_list_waiting(f->engine, list_nothing, NULL, &err), 0);
    struct answer answer = {0};
    engine_stop(f->engine, "arn:aws:states:us-east-1:123456789012:execution:m:four", NULL, NULL, on_done, &answer);
    while (!answer.given)
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_true(ending.over);
    assert_int_equal(ending.status, EXECUTION_ABORTED);
    close_engine(f);
}

#define TWO_TASKS                                                                                                      \
    "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Parallel\",\"End\":true,\"Branches\":["                          \
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage\","       \
    "\"Parameters\":{},\"End\":true}}},"                                                                               \
    "{\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage\","       \
    "\"Parameters\":{},\"End\":true}}}]}}}"

/* The first task fails at once and with it the execution, while the second is still to be started. */
static void an_express_execution_may_end_while_its_tasks_start(void **state)
{
    struct fixture *f = *state;
    open_engine(f, false);
    char key[65];
    put_definition(f, TWO_TASKS, key);
    struct ending ending = {0};
    int64_t started_ms;
    struct engine_start start = {
        .arn = "arn:aws:states:us-east-1:123456789012:express:m:e:e",
        .name = "e",
        .machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        .machine_name = "m",
        .definition_key = key,
        .express = true,
    };
    engine_start(f->engine, &start, &started_ms, NULL, NULL, on_ended, &ending);
    assert_true(ending.over);
    assert_int_equal(ending.status, EXECUTION_FAILED);
    assert_string_equal(ending.error, "States.TaskFailed");
    close_engine(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_to_the_end_under_the_virtual_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(goes_on_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_look_at_a_sleeper_keeps_its_watchers, setup, teardown),
        cmocka_unit_test_setup_teardown(an_express_execution_may_end_while_its_tasks_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
