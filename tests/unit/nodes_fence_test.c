/*
 * nodes_fence_test.c - a node dies or is taken for dead: the others go on where it was, and of what it does when it
 * wakes up nothing is written and nothing is acknowledged.
 */
#include "asl/base/json.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/peer.h"
#include "runtime/store/store.h"
#include "tests/unit/nodes_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WAIT "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":1,\"End\":true}}}"
#define MAP                                                                                                            \
    "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"Label\":\"m\",\"End\":true,\"ItemProcessor\":{"          \
    "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"W\",\"States\":{"     \
    "\"W\":" CALLBACK_STATE "}}}}}"

/* The first one sleeps, and the second takes all that it had; the first one does not know. */
static void take_over(struct nodes *nodes, struct node *dead, const struct node *heir)
{
    dead->sleeps = true;
    nodes_bury(nodes, dead);
    NODES_WAIT(nodes, nodes_owned(heir) == store_shards(heir->store));
}

/* By the clock alone: nobody says that the node is dead, its lease runs out. */
static void the_shards_of_the_dead_are_taken_over(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    struct started started = nodes_start(nodes, a, a, "callback", "1");
    char *token = nodes_token(nodes, b, started.arn);
    a->sleeps = true;
    NODES_WAIT(nodes, nodes_owned(b) == store_shards(b->store));
    assert_false(engine_owns(a->engine, started.arn)); /* it answers nothing from what it remembers */

    a->sleeps = false;
    assert_call(nodes, a, "", "SendTaskSuccess", SUCCESS, token, "7");
    assert_end(nodes, a, started.arn, "7");
    free(token);
}

static void the_dead_ones_shards_are_shared_out(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    struct node *c = nodes_join(nodes, 2);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    a->sleeps = true;
    nodes_bury(nodes, a);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    assert_int_equal(nodes_owned(b), store_shards(b->store) / 2);
    assert_int_equal(nodes_owned(c), store_shards(c->store) / 2);
}

/* --- what others asked of it ------------------------------------------------------------------------------------- */

/* Who was asked for something waits for whoever will be the owner. */
static void a_request_to_the_dead_is_answered_by_the_next(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer answer;
    nodes_begin(nodes, &a, &b);
    struct started started = nodes_name_on(a, "pass");
    a->sleeps = true;
    nodes_ask(b, &answer, "StartExecution", START, "pass", started.name, "1");
    NODES_WAIT(nodes, nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox") == 1);
    nodes_bury(nodes, a);
    assert_answer(nodes, &answer, "");
    assert_end(nodes, b, started.arn, "1");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox"), 0);
}

/* It had begun, and its commit was under way: that fails, and the next owner begins anew. */
static void a_request_at_work_is_done_by_the_next(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer answer;
    nodes_begin(nodes, &a, &b);
    struct started started = nodes_name_on(a, "pass");
    nodes_hold_commits(nodes, a);
    nodes_ask(b, &answer, "StartExecution", START, "pass", started.name, "1");
    NODES_WAIT(nodes, nodes_commit_is_held(nodes));
    take_over(nodes, a, b);
    nodes_let_go(nodes);
    assert_answer(nodes, &answer, "");
    assert_end(nodes, b, started.arn, "1");
    a->sleeps = false;
    NODES_WAIT(nodes, nodes_owned(a) == 0);
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 1);
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox"), 0);
    NODES_WAIT(nodes, nodes_sql(nodes, "SELECT count(*) FROM orchestrator.reply") == 0);
}

/* --- what it writes ---------------------------------------------------------------------------------------------- */

/* The other one, which has all of its shards now, can do what was not done. */
static void assert_is_new(struct nodes *nodes, struct node *node, const struct started *started)
{
    assert_call(nodes, node, "", "StartExecution", START, "pass", started->name, "2");
    assert_end(nodes, node, started->arn, "2");
}

/*
 * It believes that its lease is good. Whether it first looks at the leases, which takes its executions out of memory,
 * or first writes its commit: the start is in no commit that succeeds, and is not acknowledged.
 */
static void what_fills_when_a_shard_is_lost_is_refused(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    for (int looks_first = 0; looks_first < 2; looks_first++) {
        AUTO_JSON struct json_object *yes = json_object_new_boolean(true);
        struct answer answer;
        struct started started = nodes_name_on(a, "pass");
        if (looks_first)
            peer_set_info(a->engine, "look", yes);
        nodes_ask(a, &answer, "StartExecution", START, "pass", started.name, "1");
        take_over(nodes, a, b);
        assert_true(engine_owns(a->engine, started.arn));
        assert_false(answer.given);

        a->sleeps = false;
        assert_answer(nodes, &answer, "ServiceUnavailable");
        assert_is_new(nodes, b, &started);
        NODES_WAIT(nodes, nodes_are_balanced(nodes));
    }
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 2);
}

/* The commit that is under way when the shards are lost fails, and the one behind it does. */
static void what_is_written_when_a_shard_is_lost_is_refused(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer written, filling;
    nodes_begin(nodes, &a, &b);
    struct started first = nodes_name_on(a, "pass"), second = nodes_name_on(a, "pass");
    nodes_hold_commits(nodes, a);
    nodes_ask(a, &written, "StartExecution", START, "pass", first.name, "1");
    NODES_WAIT(nodes, nodes_commit_is_held(nodes));
    nodes_ask(a, &filling, "StartExecution", START, "pass", second.name, "1");
    take_over(nodes, a, b);
    nodes_let_go(nodes);
    assert_is_new(nodes, b, &first);
    assert_is_new(nodes, b, &second);

    a->sleeps = false;
    assert_answer(nodes, &written, "ServiceUnavailable");
    assert_answer(nodes, &filling, "ServiceUnavailable");
    assert_end(nodes, a, first.arn, "2");
    assert_end(nodes, a, second.arn, "2");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 2);

    NODES_WAIT(nodes, nodes_are_balanced(nodes)); /* and it takes part again */
    assert_end(nodes, b, nodes_start(nodes, a, a, "pass", "3").arn, "3");
}

/* Two nodes complete the same task, one of them with a lease that is none any more. */
static void a_task_is_completed_once(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer answer;
    nodes_begin(nodes, &a, &b);
    struct started started = nodes_start(nodes, a, a, "callback", "1");
    char *token = nodes_token(nodes, b, started.arn);
    nodes_hold_commits(nodes, a);
    nodes_ask(a, &answer, "SendTaskSuccess", SUCCESS, token, "1");
    NODES_WAIT(nodes, nodes_commit_is_held(nodes));
    take_over(nodes, a, b);
    nodes_let_go(nodes);
    assert_call(nodes, b, "", "SendTaskSuccess", SUCCESS, token, "2");
    a->sleeps = false;
    assert_answer(nodes, &answer, "ServiceUnavailable");
    assert_call(nodes, a, "TaskTimedOut", "SendTaskSuccess", SUCCESS, token, "1"); /* as the client tries again */
    assert_end(nodes, a, started.arn, "2");
    free(token);
}

/* --- what goes on by itself -------------------------------------------------------------------------------------- */

/* The timer is due at both. */
static void a_timer_fires_once(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "wait", WAIT);
    struct started started = nodes_start(nodes, a, a, "wait", "1");
    take_over(nodes, a, b);
    assert_end(nodes, b, started.arn, "1");
    a->sleeps = false;
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    assert_end(nodes, a, started.arn, "1");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.events WHERE type = 'WaitStateExited'"), 1);
    assert_int_equal(nodes_sql(nodes, "SELECT max(id) - count(*) FROM orchestrator.events"), 0);
}

/* The node that runs a distributed Map dies when one of its children has ended: the next one goes on with the others.
 */
static void a_map_run_is_taken_over_with_its_children(void **state)
{
    enum { CHILDREN = 3 };
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer listed, children;
    struct json_object *runs, *executions;
    nodes_begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "map", MAP);
    struct started parent = nodes_start(nodes, a, a, "map", "[10,20,30]");
    NODES_WAIT(nodes,
               nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution WHERE map_run IS NOT NULL") == CHILDREN);
    nodes_call(nodes, b, &listed, "ListMapRuns", "{\"executionArn\":\"%s\"}", parent.arn);
    json_member(listed.output, "mapRuns", &runs);
    nodes_call(nodes, b, &children, "ListExecutions", "{\"mapRunArn\":\"%s\"}",
               json_member_text(json_object_array_get_idx(runs, 0), "mapRunArn"));
    json_member(children.output, "executions", &executions);
    assert_int_equal(json_object_array_length(executions), CHILDREN);
    for (size_t i = 0; i < CHILDREN; i++) {
        const char *arn = json_member_text(json_object_array_get_idx(executions, i), "executionArn");
        char *token = nodes_token(nodes, b, arn);
        assert_call(nodes, b, "", "SendTaskSuccess", SUCCESS, token, "7");
        free(token);
        if (i == 0)
            take_over(nodes, a, b);
    }
    assert_end(nodes, b, parent.arn, "[7,7,7]");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 1 + CHILDREN);
    answer_release(&listed);
    answer_release(&children);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, nodes_setup, nodes_calls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_shards_of_the_dead_are_taken_over),
        TEST(the_dead_ones_shards_are_shared_out),
        TEST(a_request_to_the_dead_is_answered_by_the_next),
        TEST(a_request_at_work_is_done_by_the_next),
        TEST(what_fills_when_a_shard_is_lost_is_refused),
        TEST(what_is_written_when_a_shard_is_lost_is_refused),
        TEST(a_task_is_completed_once),
        TEST(a_timer_fires_once),
        TEST(a_map_run_is_taken_over_with_its_children),
    };
    if (!nodes_can_be_tested())
        return 77;
    return cmocka_run_group_tests_name("nodes_fence", tests, NULL, NULL);
}
