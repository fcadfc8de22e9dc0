/*
 * What an engine does about commits that get lost, and about those of which nobody knows: whatever is told to somebody
 * rests on what is in the store, and whatever is there goes on.
 */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/executor/peer.h"
#include "runtime/service/inbox.h"
#include "runtime/service/service.h"
#include "runtime/task/connector.h"
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

/* --- tasks that end when the test says so --------------------------------------------------------------------- */

enum { TASKS_MAX = 8 };

struct hands {
    struct connector connector;
    struct task *tasks[TASKS_MAX]; /* at work */
    int started;
    bool has_started; /* since it was last false */
    char token[256];  /* of the last one */
};

static bool hands_accepts(struct connector *connector, const struct task *task)
{
    (void)connector, (void)task;
    return true;
}

static void hands_start(struct connector *connector, struct task *task)
{
    struct hands *hands = (struct hands *)connector;
    int place = 0;
    while (hands->tasks[place])
        place++;
    hands->tasks[place] = task;
    hands->started++;
    hands->has_started = true;
    snprintf(hands->token, sizeof hands->token, "%s", task->task_token ? task->task_token : "");
}

static void hands_cancel(struct connector *connector, struct task *task)
{
    struct hands *hands = (struct hands *)connector;
    for (int i = 0; i < TASKS_MAX; i++)
        if (hands->tasks[i] == task)
            hands->tasks[i] = NULL;
}

static void hands_close(struct connector *connector, int grace_ms)
{
    (void)connector, (void)grace_ms;
}

static const struct connector_ops hands_ops = {
    .name = "hands", .accepts = hands_accepts, .start = hands_start, .cancel = hands_cancel, .close = hands_close};

/* Of a task that is at work. */
static void report(struct hands *hands, enum task_report_kind kind)
{
    int place = 0;
    while (hands->tasks[place] == NULL)
        place++;
    struct task *task = hands->tasks[place];
    hands->tasks[place] = NULL;
    struct task_report report = {.kind = kind, .error = kind == TASK_FAILED ? "Bad" : NULL, .handed_over = true};
    task->report(task, &report);
}

static void open_with(struct fixture *f, struct hands *hands)
{
    hands->connector.ops = &hands_ops;
    f->connector = &hands->connector;
    open_engine(f, false);
}

#define WORK                                                                                                           \
    "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Task\","                                                         \
    "\"Resource\":\"arn:aws:lambda:us-east-1:123456789012:function:work\",\"End\":true}}}"

#define ASK                                                                                                            \
    "{\"StartAt\":\"Q\",\"States\":{\"Q\":{\"Type\":\"Task\","                                                         \
    "\"Resource\":\"arn:aws:states:::lambda:invoke.waitForTaskToken\","                                                \
    "\"Parameters\":{\"FunctionName\":\"work\",\"Payload\":{\"token.$\":\"$$.Task.Token\"}},\"Next\":\"W\"},"          \
    "\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,\"End\":true}}}"

#define SHORT "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}"

static bool is_struck(struct fixture *f)
{
    for (int i = 0; i < 1000 && !store_fault_struck(f->store); i++) {
        struct timeval pause = {0, 10000};
        event_base_loopexit(f->base, &pause);
        event_base_loop(f->base, EVLOOP_ONCE);
    }
    return store_fault_struck(f->store);
}

/* Until a commit is written and its answer held back. */
static void wait_held(struct fixture *f)
{
    while (!store_fault_held(f->store))
        event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void turn(struct fixture *f, int times)
{
    for (int i = 0; i < times; i++)
        event_base_loop(f->base, EVLOOP_NONBLOCK);
}

/* All that was done before is on disk. */
static void settle(struct fixture *f)
{
    struct answer answer = {0};
    engine_on_commit(f->engine, on_done, &answer);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, 0);
    turn(f, 3);
}

/* Somebody else has the shard, as after a pause of this process. Before it was looked for, this one knows nothing. */
static void lose_shard(struct fixture *f)
{
    struct store *other;
    int64_t epoch = 0;
    assert_int_equal(store_open(f->url, &other, NULL), 0);
    assert_int_equal(store_lease_take(other, peer_self(f->engine), (const int[]){0}, 1, &epoch, NULL), 0);
    assert_int_not_equal(epoch, 0);
    store_close(other);
}

static void look_for_shards(struct fixture *f)
{
    AUTO_JSON struct json_object *yes = json_object_new_boolean(true);
    peer_set_info(f->engine, "look", yes);
}

/* --- tasks ---------------------------------------------------------------------------------------------------- */

/* What was at work when the process ended is started again by a commit that holds no event of it. */
static void a_task_is_taken_up_though_the_commit_before_it_is_lost(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    close_engine(f);

    hands = (struct hands){0};
    open_with(f, &hands);
    store_fault_arm_commit(f->store, 1, ERR_BUSY, false);
    assert_true(is_struck(f));
    assert_true(comes_true(f, &hands.has_started));
    report(&hands, TASK_SUCCEEDED);
    struct ending again = {0};
    assert_int_equal(engine_watch(f->engine, EXECUTION_ARN("one"), on_ended, &again), 0);
    assert_true(comes_true(f, &again.over));
    assert_int_equal(again.status, EXECUTION_SUCCEEDED);
    close_engine(f);
}

/* The commit is written, and before that is known here the execution leaves memory with its shard. */
static void a_task_that_is_taken_up_may_be_lost_with_its_shard(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    close_engine(f);

    hands = (struct hands){0};
    open_with(f, &hands);
    store_fault_hold(f->store);
    wait_held(f);
    lose_shard(f);
    look_for_shards(f);
    turn(f, 10);
    store_fault_let_go(f->store);
    assert_true(comes_true(f, &hands.has_started)); /* the shard is free, and was taken again */
    assert_int_equal(hands.started, 1);
    close_engine(f);
}

/* --- what is told --------------------------------------------------------------------------------------------- */

/* Why a commit of many failed says nothing about one of them. */
static void a_lost_commit_refuses_nobody(void **state)
{
    struct fixture *f = *state;
    static const enum err_code codes[] = {ERR_EXISTS, ERR_NOT_FOUND, ERR_INVALID};
    char key[65];
    struct ending ending = {0};
    open_engine(f, false);
    put_definition(f, SHORT, key);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct answer answer;
        store_fault_arm_commit(f->store, 1, codes[i], false);
        begin_start(f, key, "one", "{}", &answer, &ending);
        wait_for_answer(f, &answer);
        assert_int_equal(answer.code, ERR_BUSY);
    }
    close_engine(f);
}

/* The end is in the store, and nobody says so. */
static void who_waits_for_an_end_learns_of_it_though_its_commit_counts_as_lost(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    store_fault_arm_commit(f->store, 1, ERR_BUSY, true);
    report(&hands, TASK_SUCCEEDED);
    assert_true(comes_true(f, &ending.over));
    assert_int_equal(ending.status, EXECUTION_SUCCEEDED);
    close_engine(f);
}

static void complete(struct fixture *f, const char *token, struct answer *answer)
{
    *answer = (struct answer){0};
    engine_complete_token(f->engine, token, TOKEN_SUCCESS, NULL, NULL, NULL, on_done, answer);
}

/* The first answer may still be lost, so the second cannot be told that it is too late. */
static void an_answer_is_too_late_only_after_one_that_is_durable(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    struct answer first, second, third;
    open_with(f, &hands);
    start(f, ASK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    report(&hands, TASK_SUBMITTED);
    settle(f);

    store_fault_arm_commit(f->store, 1, ERR_BUSY, false);
    store_fault_hold(f->store);
    complete(f, hands.token, &first);
    wait_held(f);
    complete(f, hands.token, &second);
    turn(f, 10);
    assert_false(second.given);
    store_fault_let_go(f->store);
    wait_for_answer(f, &first);
    wait_for_answer(f, &second);
    assert_int_equal(first.code, ERR_BUSY);
    assert_int_equal(second.code, ERR_BUSY);

    complete(f, hands.token, &third);
    wait_for_answer(f, &third);
    assert_int_equal(third.code, 0);
    complete(f, hands.token, &third);
    wait_for_answer(f, &third);
    assert_int_equal(third.code, ERR_NOT_FOUND);
    close_engine(f);
}

/* The same of an execution that was redriven already. */
static void a_redrive_is_refused_only_after_one_that_is_durable(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    struct answer first = {0}, second = {0}, third = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    report(&hands, TASK_FAILED);
    assert_true(comes_true(f, &ending.over));

    store_fault_arm_commit(f->store, 1, ERR_BUSY, false);
    store_fault_hold(f->store);
    engine_redrive(f->engine, EXECUTION_ARN("one"), on_done, &first);
    wait_held(f);
    engine_redrive(f->engine, EXECUTION_ARN("one"), on_done, &second);
    turn(f, 10);
    assert_false(second.given);
    store_fault_let_go(f->store);
    wait_for_answer(f, &first);
    wait_for_answer(f, &second);
    assert_int_equal(first.code, ERR_BUSY);
    assert_int_equal(second.code, ERR_BUSY);
    engine_redrive(f->engine, EXECUTION_ARN("one"), on_done, &third);
    wait_for_answer(f, &third);
    assert_int_equal(third.code, 0);
    close_engine(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_is_taken_up_though_the_commit_before_it_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_that_is_taken_up_may_be_lost_with_its_shard, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_commit_refuses_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waits_for_an_end_learns_of_it_though_its_commit_counts_as_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_too_late_only_after_one_that_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_redrive_is_refused_only_after_one_that_is_durable, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
