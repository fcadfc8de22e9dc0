/* The engine on a real SQLite store: start, wait, callback, stop, restart. */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/peer.h"
#include "runtime/store/fault.h"
#include "tests/unit/engine_fixture.h"

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

#define SHORT "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}"

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

/* --- pages of histories ---------------------------------------------------------------------------------------- */

#define ROWS                                                                                                           \
    "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"ItemProcessor\":{\"StartAt\":\"W\",\"States\":{"         \
    "\"W\":{\"Type\":\"Wait\",\"SecondsPath\":\"$.n\",\"Next\":\"P\"},\"P\":{\"Type\":\"Parallel\",\"Branches\":["     \
    "{\"StartAt\":\"F\",\"States\":{\"F\":{\"Type\":\"Pass\",\"End\":true}}},"                                         \
    "{\"StartAt\":\"G\",\"States\":{\"G\":{\"Type\":\"Pass\",\"Result\":\"x}\\\"{\",\"End\":true}}}],\"End\":true}}}," \
    "\"Next\":\"E\"},\"E\":{\"Type\":\"Pass\",\"End\":true}}}"

struct pages {
    struct fixture *f;
    struct history_page page;
    struct buf text;
    int64_t last;
    bool more;
};

static int read_page(void *context, const struct store_execution *row)
{
    struct pages *pages = context;
    buf_clear(&pages->text);
    assert_int_equal(
        engine_history(pages->f->engine, row, &pages->page, &pages->text, &pages->last, &pages->more, NULL), 0);
    return 0;
}

static struct json_object *page_of(struct pages *pages, int64_t after, int limit, bool reverse)
{
    struct json_object *events = NULL;
    pages->page = (struct history_page){.after = after, .limit = limit, .reverse = reverse};
    store_execution_by_arn(pages->f->store, "arn:aws:states:us-east-1:123456789012:execution:m:pages", read_page, pages,
                           NULL);
    assert_int_equal(json_parse(pages->text.data, pages->text.bytes, &events, NULL), 0);
    return events;
}

/* The page is what stands there in the whole history. */
static void compare_page(struct pages *pages, struct json_object *whole, int64_t after, int limit, bool reverse)
{
    AUTO_JSON struct json_object *events = page_of(pages, after, limit, reverse);
    int64_t total = (int64_t)json_object_array_length(whole);
    int64_t first = !reverse ? after + 1 : after ? after - 1 : total;
    int64_t there = reverse ? first : total - after;
    int64_t count = there < 0 ? 0 : there < limit ? there : limit;
    assert_int_equal(json_object_array_length(events), count);
    for (int64_t i = 0; i < count; i++) {
        int64_t id = reverse ? first - i : first + i;
        assert_true(
            json_same(json_object_array_get_idx(events, (size_t)i), json_object_array_get_idx(whole, (size_t)id - 1)));
    }
    assert_int_equal(pages->more, there > limit);
    if (count)
        assert_int_equal(pages->last, reverse ? first - count + 1 : first + count - 1);
}

/* What ROWS wants. */
static void add_items(struct buf *input)
{
    for (int i = 0; i < 150; i++)
        buf_printf(input, "%s{\"n\":%d,\"text\":\"[{\\\"%d\\\\\"}", i ? "," : "[", i % 7 + 1, i);
    buf_add_char(input, ']');
}

/* Page after page in both directions, from anywhere, and the same page again: marks make no difference. */
static void pages_of_a_history_are_pieces_of_it(void **state)
{
    struct fixture *f = *state;
    open_engine(f, true);
    AUTO_BUF input = BUF_INIT;
    add_items(&input);
    struct ending ending = {0};
    start(f, ROWS, "pages", input.data, &ending);
    wait_for(f, &ending);
    assert_int_equal(ending.status, EXECUTION_SUCCEEDED);
    struct pages pages = {.f = f, .text = BUF_INIT};
    AUTO_JSON struct json_object *whole = page_of(&pages, 0, 100000, false);
    int64_t total = (int64_t)json_object_array_length(whole);
    assert_true(total > 1500);

    close_engine(f); /* without the marks that were made by now */
    open_engine(f, true);
    static const int limits[] = {1000, 1, 97, 512};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (int64_t after = 0; after <= total; after += limits[i]) {
            compare_page(&pages, whole, after, limits[i], false);
            compare_page(&pages, whole, total + 1 - after, limits[i], true);
        }
    srand(7);
    for (int i = 0; i < 500; i++) {
        int64_t after = rand() % (total + 10);
        int limit = rand() % 300 + 1;
        bool reverse = rand() % 2;
        if (reverse && after > total)
            after = 0;
        compare_page(&pages, whole, after, limit, reverse);
    }
    buf_release(&pages.text);
    close_engine(f);
}

/* The commit that fills holds a start when it is found out that somebody else has taken over the shard. */
static void a_start_on_a_lost_shard_is_not_acknowledged(void **state)
{
    struct fixture *f = *state;
    char key[65];
    open_engine(f, false);
    put_definition(f, SHORT, key);
    struct store *other;
    int64_t epoch = 0;
    assert_int_equal(store_open(f->url, &other, NULL), 0);
    assert_int_equal(store_lease_take(other, peer_self(f->engine), (const int[]){0}, NULL, 1, &epoch, NULL), 0);
    assert_int_not_equal(epoch, 0);
    store_close(other);

    AUTO_JSON struct json_object *yes = json_object_new_boolean(true);
    peer_set_info(f->engine, "look", yes); /* before the commit is handed over */
    struct answer answer;
    struct ending ending = {0};
    begin_start(f, key, "lost", "{}", &answer, &ending);
    assert_false(answer.given);
    wait_for_answer(f, &answer);
    assert_int_not_equal(answer.code, 0);

    struct store_totals totals;
    assert_int_equal(store_totals(f->inner, &totals, NULL), 0);
    assert_int_equal(totals.executions, 0);
    assert_int_equal(totals.history_rows, 0);
    close_engine(f);
}

static void a_lost_commit_takes_the_one_that_fills_with_it(void **state)
{
    struct fixture *f = *state;
    char key[65], rows_key[65];
    open_engine(f, false);
    put_definition(f, SHORT, key);
    put_definition(f, ROWS, rows_key);
    AUTO_BUF input = BUF_INIT;
    add_items(&input);

    struct answer first, second;
    struct ending first_ending = {0}, second_ending = {0};
    begin_start(f, key, "first", "{}", &first, &first_ending);
    store_fault_arm(f->store, 1);
    event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK); /* hands it over; its end waits for the next turn */
    while (!store_fault_struck(f->store))
        usleep(100);
    /* of so many events that rows of it are in the batch before it is handed over */
    begin_start(f, rows_key, "second", input.data, &second, &second_ending);
    assert_false(first.given);
    wait_for_answer(f, &first);
    wait_for_answer(f, &second);
    assert_int_not_equal(first.code, 0);
    assert_int_not_equal(second.code, 0);
    struct store_totals totals;
    assert_int_equal(store_totals(f->inner, &totals, NULL), 0);
    assert_int_equal(totals.executions, 0);
    assert_int_equal(totals.history_rows, 0);

    begin_start(f, rows_key, "second", input.data, &second, &second_ending);
    wait_for_answer(f, &second);
    assert_int_equal(second.code, 0);
    wait_for(f, &second_ending);
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
        cmocka_unit_test_setup_teardown(pages_of_a_history_are_pieces_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_start_on_a_lost_shard_is_not_acknowledged, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_commit_takes_the_one_that_fills_with_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
