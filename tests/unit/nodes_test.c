/*
 * nodes_test.c - what several nodes of one PostgreSQL do together: each shard has one owner, and what arrives at the
 * wrong node is done by the right one.
 */
#include "asl/base/json.h"
#include "runtime/executor/engine.h"
#include "runtime/store/store_priv.h"
#include "tests/unit/nodes_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORK                                                                                                           \
    "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Task\",\"Resource\":\"" ARNS "activity:work\",\"End\":true}}}"
#define PARENT                                                                                                         \
    "{\"StartAt\":\"N\",\"States\":{\"N\":{\"Type\":\"Task\",\"Resource\":"                                            \
    "\"arn:aws:states:::states:startExecution.sync:2\",\"Parameters\":{\"StateMachineArn\":\"" ARNS                    \
    "stateMachine:callback\",\"Name.$\":\"$.child\"},\"OutputPath\":\"$.Output\",\"End\":true}}}"

/* --- shards ---------------------------------------------------------------------------------------------------- */

static void shards_are_shared_out(void **state)
{
    struct nodes *nodes = *state;
    int shards = store_shards(nodes->fixture->store);
    struct node *a = nodes_join(nodes, 0);
    assert_int_equal(nodes_owned(a), shards);
    struct node *b = nodes_join(nodes, 1);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    assert_int_equal(nodes_owned(a), shards / 2);
    struct node *c = nodes_join(nodes, 2);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    assert_true(nodes_owned(c) > 0);

    int64_t began_ms = nodes_clock_ms();
    nodes_leave(a);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    assert_int_equal(nodes_owned(b), shards / 2);
    assert_int_equal(nodes_owned(c), shards / 2);
    assert_true(nodes_clock_ms() - began_ms < store_lease_ms(c->store)); /* nobody waited for a lease to end */
}

/* Who stops hands its executions over; where they wait for a callback nothing of them is lost. */
static void who_leaves_hands_over(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    struct started started = nodes_start(nodes, a, a, "callback", "1");
    char *token = nodes_token(nodes, b, started.arn);
    int64_t began_ms = nodes_clock_ms();
    nodes_leave(a);
    assert_call(nodes, b, "", "SendTaskSuccess", SUCCESS, token, "7");
    assert_end(nodes, b, started.arn, "7");
    assert_true(nodes_clock_ms() - began_ms < store_lease_ms(b->store));
    free(token);
}

/* --- the wrong node -------------------------------------------------------------------------------------------- */

static void a_start_reaches_the_owner(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    struct started started = nodes_start(nodes, b, a, "pass", "1");
    assert_end(nodes, b, started.arn, "1");
    assert_end(nodes, a, started.arn, "1");
    assert_call(nodes, b, "ExecutionAlreadyExists", "StartExecution", START, "pass", started.name, "2");

    struct started waiting = nodes_start(nodes, b, a, "callback", "1");
    assert_call(nodes, b, "", "StartExecution", START, "callback", waiting.name, "1"); /* the same again */
    assert_call(nodes, b, "", "StopExecution", "{\"executionArn\":\"%s\"}", waiting.arn);
    assert_end(nodes, b, waiting.arn, "ABORTED");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 2);
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox"), 0);
}

static void a_token_reaches_the_owner(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    struct started started = nodes_start(nodes, a, a, "callback", "1");
    char *token = nodes_token(nodes, b, started.arn);
    assert_call(nodes, b, "", "SendTaskHeartbeat", "{\"taskToken\":\"%s\"}", token);
    assert_call(nodes, b, "", "SendTaskSuccess", SUCCESS, token, "[7]");
    assert_end(nodes, a, started.arn, "[7]");
    assert_call(nodes, b, "TaskTimedOut", "SendTaskSuccess", SUCCESS, token, "8");
    assert_call(nodes, a, "TaskTimedOut", "SendTaskSuccess", SUCCESS, token, "8");
    free(token);

    struct started failing = nodes_start(nodes, a, a, "callback", "1");
    token = nodes_token(nodes, b, failing.arn);
    assert_call(nodes, b, "", "SendTaskFailure", "{\"taskToken\":\"%s\",\"error\":\"Why\"}", token);
    assert_end(nodes, b, failing.arn, "FAILED");
    free(token);
}

#define POLL "{\"activityArn\":\"" ARNS "activity:work\",\"workerName\":\"w\"}"

static void work_on(struct nodes *nodes, struct node *node, struct answer *polled, const char *input)
{
    NODES_WAIT(nodes, polled->given);
    assert_string_equal(polled->error, "");
    assert_string_equal(json_member_text(polled->output, "input"), input);
    assert_call(nodes, node, "", "SendTaskSuccess", SUCCESS, json_member_text(polled->output, "taskToken"), "7");
    answer_release(polled);
}

/* The worker comes first, or the task does. */
static void an_activity_is_polled_at_another_node(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer polled, other;
    nodes_begin(nodes, &a, &b);
    assert_call(nodes, a, "", "CreateActivity", "{\"name\":\"work\"}");
    nodes_create_machine(nodes, a, "work", WORK);
    nodes_ask(b, &polled, "GetActivityTask", POLL);
    struct started first = nodes_start(nodes, a, a, "work", "1");
    work_on(nodes, b, &polled, "1");
    assert_end(nodes, a, first.arn, "7");

    struct started second = nodes_start(nodes, a, a, "work", "2"), third = nodes_start(nodes, a, a, "work", "3");
    nodes_ask(b, &polled, "GetActivityTask", POLL);
    nodes_ask(b, &other, "GetActivityTask", POLL);
    work_on(nodes, b, &polled, "2");
    work_on(nodes, a, &other, "3");
    assert_end(nodes, b, second.arn, "7");
    assert_end(nodes, b, third.arn, "7");
}

/* The node of the worker has claimed the task, and the owner dies before that is written: another owner, one start. */
static void a_claim_outlives_the_owner(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer polled;
    nodes_begin(nodes, &a, &b);
    assert_call(nodes, a, "", "CreateActivity", "{\"name\":\"work\"}");
    nodes_create_machine(nodes, a, "work", WORK);
    struct started started = nodes_start(nodes, a, a, "work", "1");
    nodes_hold_commits(nodes, a);
    nodes_ask(b, &polled, "GetActivityTask", POLL);
    NODES_WAIT(nodes, nodes_commit_is_held(nodes));
    a->sleeps = true;
    nodes_bury(nodes, a);
    NODES_WAIT(nodes, nodes_owned(b) == store_shards(b->store));
    nodes_let_go(nodes);
    work_on(nodes, b, &polled, "1");
    assert_end(nodes, b, started.arn, "7");
    a->sleeps = false;
    NODES_WAIT(nodes, nodes_owned(a) == 0);
    assert_end(nodes, a, started.arn, "7");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.events WHERE type = 'ActivityStarted'"), 1);
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox"), 0);
}

/* --- children -------------------------------------------------------------------------------------------------- */

/* From now on the parent waits for the end of its child. */
static void wait_for_submission(struct nodes *nodes, const struct started *parent)
{
    NODES_WAIT(nodes,
               nodes_sql(nodes, "SELECT count(*) FROM orchestrator.events WHERE type = 'TaskSubmitted' AND arn = '%s'",
                         parent->arn) == 1);
}

/* The child has a name that lies on the other node's shard; the parent is told of its end, also when either has moved.
 */
static void a_nested_execution_runs_elsewhere(void **state)
{
    enum { NOBODY, CHILD, PARENT_OF_IT, MOVES };
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "parent", PARENT);
    for (int moves = NOBODY; moves < MOVES; moves++) {
        struct started child = nodes_name_on(b, "callback");
        char input[128];
        snprintf(input, sizeof input, "{\\\"child\\\":\\\"%s\\\"}", child.name);
        struct started parent = nodes_start(nodes, a, a, "parent", input);
        char *token = nodes_token(nodes, a, child.arn);
        wait_for_submission(nodes, &parent);
        if (moves == CHILD)
            nodes_leave(b);
        if (moves == PARENT_OF_IT)
            nodes_leave(a);
        struct node *left = moves == PARENT_OF_IT ? b : a;
        assert_call(nodes, left, "", "SendTaskSuccess", SUCCESS, token, "[7]");
        assert_end(nodes, left, parent.arn, "[7]");
        free(token);
        if (moves == CHILD) {
            nodes_join(nodes, 1);
            NODES_WAIT(nodes, nodes_are_balanced(nodes));
        }
    }
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 2 * MOVES);
}

/* A node that stops gives the shard of the child away at once, and that of the parent when its task has ended. */
static void a_child_leaves_before_its_parent(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "parent", PARENT);
    struct started child = nodes_name_on(a, "callback");
    char input[128];
    snprintf(input, sizeof input, "{\\\"child\\\":\\\"%s\\\"}", child.name);
    struct started parent = nodes_start(nodes, a, a, "parent", input);
    char *token = nodes_token(nodes, a, child.arn);
    wait_for_submission(nodes, &parent);
    engine_drain(a->engine);
    NODES_WAIT(nodes, engine_owns(b->engine, child.arn));
    assert_true(engine_owns(a->engine, parent.arn));
    assert_call(nodes, b, "", "SendTaskSuccess", SUCCESS, token, "[7]");
    assert_end(nodes, b, parent.arn, "[7]");
    NODES_WAIT(nodes, nodes_owned(b) == store_shards(b->store));
    free(token);
}

/* Who stops the parent stops the child, wherever that is. */
static void a_nested_execution_is_stopped_elsewhere(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    nodes_begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "parent", PARENT);
    struct started child = nodes_name_on(b, "callback");
    char input[128];
    snprintf(input, sizeof input, "{\\\"child\\\":\\\"%s\\\"}", child.name);
    struct started parent = nodes_start(nodes, b, a, "parent", input);
    wait_for_submission(nodes, &parent);
    assert_call(nodes, b, "", "StopExecution", "{\"executionArn\":\"%s\"}", parent.arn);
    assert_end(nodes, b, parent.arn, "ABORTED");
    assert_end(nodes, a, child.arn, "ABORTED");
}

/*
 * Who takes a parent over asks for its child again. Here the stop of both comes before the answer, since the child's node
 * sleeps, and then the parent's node leaves as well: only the store can know by then that the child is to be stopped.
 */
static void a_child_is_stopped_though_its_parents_node_leaves(void **state)
{
    enum { PARENTS = 12 };
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct started child[PARENTS], parent[PARENTS];
    int stopped = 0;
    nodes_begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "parent", PARENT);
    struct node *c = nodes_join(nodes, 2);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    for (int i = 0; i < PARENTS; i++) {
        char input[128];
        child[i] = nodes_name_on(b, "callback");
        snprintf(input, sizeof input, "{\\\"child\\\":\\\"%.63s\\\"}", child[i].name);
        parent[i] = nodes_start(nodes, a, a, "parent", input);
        wait_for_submission(nodes, &parent[i]);
    }
    b->sleeps = true;
    int before = nodes_owned(c);
    nodes_leave(a);
    NODES_WAIT(nodes, nodes_owned(c) > before);
    for (int i = 0; i < PARENTS; i++) {
        if (!engine_owns(c->engine, parent[i].arn))
            continue;
        assert_call(nodes, c, "", "StopExecution", "{\"executionArn\":\"%s\"}", parent[i].arn);
        child[stopped++] = child[i];
    }
    assert_true(stopped > 0);
    nodes_leave(c);
    b->sleeps = false;
    for (int i = 0; i < stopped; i++)
        assert_end(nodes, b, child[i].arn, "ABORTED");
}

#define MAP                                                                                                            \
    "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"Label\":\"m\",\"End\":true,\"ItemProcessor\":{"          \
    "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"P\",\"States\":{"     \
    "\"P\":{\"Type\":\"Pass\",\"End\":true}}}}}}"

/*
 * Children of a map run that came from a store with other shards keep the names that they had there, which lie anywhere
 * here: they are started as soon as this node has their shards.
 */
static void a_moved_map_run_waits_for_the_shards_of_its_children(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    const struct store source = {.shards = 1};
    assert_int_equal(store_adopt(nodes->fixture->store, &source, INT64_MAX, NULL), 0); /* as all did that start here */
    nodes_begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "map", MAP);
    struct started parent = nodes_start(nodes, a, a, "map", "[1,2,3,4,5,6,7,8,9]");
    NODES_WAIT(nodes, nodes_sql(nodes, "SELECT count(*) FROM orchestrator.events WHERE type = 'MapRunStarted'") == 1);
    nodes_leave(b);
    assert_end(nodes, a, parent.arn, "[1,2,3,4,5,6,7,8,9]");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 1 + 9);
    assert_true(nodes_sql(nodes, "SELECT count(DISTINCT shard) FROM orchestrator.execution") > 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, nodes_setup, nodes_calls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shards_are_shared_out),
        TEST(who_leaves_hands_over),
        TEST(a_start_reaches_the_owner),
        TEST(a_token_reaches_the_owner),
        TEST(an_activity_is_polled_at_another_node),
        TEST(a_claim_outlives_the_owner),
        TEST(a_nested_execution_runs_elsewhere),
        TEST(a_child_leaves_before_its_parent),
        TEST(a_nested_execution_is_stopped_elsewhere),
        TEST(a_child_is_stopped_though_its_parents_node_leaves),
        TEST(a_moved_map_run_waits_for_the_shards_of_its_children),
    };
    if (!nodes_can_be_tested())
        return 77;
    return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
