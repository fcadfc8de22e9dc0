/*
 * nodes_test.c - what several nodes of one PostgreSQL promise together: each shard has one owner, what arrives at the
 * wrong node is done by the right one, and of a node that was taken for dead nothing is written any more.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/peer.h"
#include "runtime/store/store.h"
#include "tests/unit/nodes_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARNS "arn:aws:states:us-east-1:123456789012:"

#define PASS "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"
#define CALLBACK_STATE                                                                                                 \
    "{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage.waitForTaskToken\",\"Parameters\":"            \
    "{\"QueueUrl\":\"q\",\"MessageBody\":{\"t.$\":\"$$.Task.Token\"}},\"End\":true}"
#define CALLBACK "{\"StartAt\":\"W\",\"States\":{\"W\":" CALLBACK_STATE "}}"
#define WORK                                                                                                           \
    "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Task\",\"Resource\":\"" ARNS "activity:work\",\"End\":true}}}"
#define PARENT                                                                                                         \
    "{\"StartAt\":\"N\",\"States\":{\"N\":{\"Type\":\"Task\",\"Resource\":"                                            \
    "\"arn:aws:states:::states:startExecution.sync:2\",\"Parameters\":{\"StateMachineArn\":\"" ARNS                    \
    "stateMachine:callback\",\"Name.$\":\"$.child\"},\"OutputPath\":\"$.Output\",\"End\":true}}}"
#define MAP                                                                                                            \
    "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"Label\":\"m\",\"End\":true,\"ItemProcessor\":{"          \
    "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"W\",\"States\":{"     \
    "\"W\":" CALLBACK_STATE "}}}}}"

/* An execution of a machine, by a name that lies on a shard of some node. */
struct started {
    char name[64], arn[256];
};

static struct started name_on(const struct node *node, const char *machine)
{
    struct started started;
    nodes_name_on(node, machine, started.name);
    snprintf(started.arn, sizeof started.arn, ARNS "execution:%s:%s", machine, started.name);
    return started;
}

#define START "{\"stateMachineArn\":\"" ARNS "stateMachine:%s\",\"name\":\"%s\",\"input\":\"%s\"}"

/* Starts an execution whose shard is the owner's by asking a node. */
static struct started start(struct nodes *nodes, struct node *asked, const struct node *owner, const char *machine,
                            const char *input)
{
    struct started started = name_on(owner, machine);
    struct answer answer;
    nodes_call(nodes, asked, &answer, "StartExecution", START, machine, started.name, input);
    assert_string_equal(answer.error, "");
    assert_string_equal(json_member_text(answer.output, "executionArn"), started.arn);
    answer_release(&answer);
    return started;
}

/* What the call is answered: "" or the error. */
static void assert_answer(struct nodes *nodes, struct node *node, const char *expected_error, const char *operation,
                          const char *member, const char *value, const char *more)
{
    struct answer answer;
    nodes_call(nodes, node, &answer, operation, "{\"%s\":\"%s\"%s}", member, value, more);
    assert_string_equal(answer.error, expected_error);
    answer_release(&answer);
}

static void complete(struct nodes *nodes, struct node *node, const char *token, const char *more)
{
    assert_answer(nodes, node, "", "SendTaskSuccess", "taskToken", token, more);
}

static void assert_end(struct nodes *nodes, struct node *node, const char *arn, const char *expected)
{
    char *end = nodes_end(nodes, node, arn);
    assert_string_equal(end, expected);
    free(end);
}

/* Two nodes that have shared the shards out, and the machines that the tests run. */
static void begin(struct nodes *nodes, struct node **ret_a, struct node **ret_b)
{
    *ret_a = nodes_join(nodes, 0);
    *ret_b = nodes_join(nodes, 1);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    nodes_create_machine(nodes, *ret_a, "pass", PASS);
    nodes_create_machine(nodes, *ret_a, "callback", CALLBACK);
}

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
    begin(nodes, &a, &b);
    struct started started = start(nodes, a, a, "callback", "1");
    char *token = nodes_token(nodes, b, started.arn);
    int64_t began_ms = nodes_clock_ms();
    nodes_leave(a);
    complete(nodes, b, token, ",\"output\":\"7\"");
    assert_end(nodes, b, started.arn, "7");
    assert_true(nodes_clock_ms() - began_ms < store_lease_ms(b->store));
    free(token);
}

/* --- the wrong node -------------------------------------------------------------------------------------------- */

static void a_start_reaches_the_owner(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer answer;
    begin(nodes, &a, &b);
    struct started started = start(nodes, b, a, "pass", "1");
    assert_end(nodes, b, started.arn, "1");
    assert_end(nodes, a, started.arn, "1");
    nodes_call(nodes, b, &answer, "StartExecution", START, "pass", started.name, "2");
    assert_string_equal(answer.error, "ExecutionAlreadyExists");
    answer_release(&answer);

    struct started waiting = start(nodes, b, a, "callback", "1");
    nodes_call(nodes, b, &answer, "StartExecution", START, "callback", waiting.name, "1"); /* the same again */
    assert_string_equal(answer.error, "");
    answer_release(&answer);
    assert_answer(nodes, b, "", "StopExecution", "executionArn", waiting.arn, ",\"error\":\"Why\"");
    assert_end(nodes, b, waiting.arn, "ABORTED");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 2);
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox"), 0);
}

static void a_token_reaches_the_owner(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    begin(nodes, &a, &b);
    struct started started = start(nodes, a, a, "callback", "1");
    char *token = nodes_token(nodes, b, started.arn);
    assert_answer(nodes, b, "", "SendTaskHeartbeat", "taskToken", token, "");
    complete(nodes, b, token, ",\"output\":\"[7]\"");
    assert_end(nodes, a, started.arn, "[7]");
    assert_answer(nodes, b, "TaskTimedOut", "SendTaskSuccess", "taskToken", token, ",\"output\":\"8\"");
    assert_answer(nodes, a, "TaskTimedOut", "SendTaskSuccess", "taskToken", token, ",\"output\":\"8\"");
    free(token);

    struct started failing = start(nodes, a, a, "callback", "1");
    token = nodes_token(nodes, b, failing.arn);
    assert_answer(nodes, b, "", "SendTaskFailure", "taskToken", token, ",\"error\":\"Why\"");
    assert_end(nodes, b, failing.arn, "FAILED");
    free(token);
}

#define POLL "{\"activityArn\":\"" ARNS "activity:work\",\"workerName\":\"w\"}"

static void work_on(struct nodes *nodes, struct node *node, struct answer *polled, const char *input)
{
    NODES_WAIT(nodes, polled->given);
    assert_string_equal(polled->error, "");
    assert_string_equal(json_member_text(polled->output, "input"), input);
    complete(nodes, node, json_member_text(polled->output, "taskToken"), ",\"output\":\"7\"");
    answer_release(polled);
}

/* The worker comes first, or the task does. */
static void an_activity_is_polled_at_another_node(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer polled;
    begin(nodes, &a, &b);
    assert_answer(nodes, a, "", "CreateActivity", "name", "work", "");
    nodes_create_machine(nodes, a, "work", WORK);
    nodes_ask(b, &polled, "GetActivityTask", POLL);
    struct started first = start(nodes, a, a, "work", "1");
    work_on(nodes, b, &polled, "1");
    assert_end(nodes, a, first.arn, "7");

    struct started second = start(nodes, a, a, "work", "2"), third = start(nodes, a, a, "work", "3");
    struct answer other;
    nodes_ask(b, &polled, "GetActivityTask", POLL);
    nodes_ask(b, &other, "GetActivityTask", POLL);
    work_on(nodes, b, &polled, "2");
    work_on(nodes, a, &other, "3");
    assert_end(nodes, b, second.arn, "7");
    assert_end(nodes, b, third.arn, "7");
}

/* --- death ----------------------------------------------------------------------------------------------------- */

/* By the clock alone: nobody says that the node is dead, its lease runs out. */
static void the_shards_of_the_dead_are_taken_over(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    begin(nodes, &a, &b);
    struct started started = start(nodes, a, a, "callback", "1");
    char *token = nodes_token(nodes, b, started.arn);
    int shards = store_shards(b->store);
    a->sleeps = true;
    NODES_WAIT(nodes, nodes_owned(b) == shards);
    assert_false(engine_owns(a->engine, started.arn)); /* it answers nothing from what it remembers */

    a->sleeps = false;
    complete(nodes, a, token, ",\"output\":\"7\"");
    assert_end(nodes, a, started.arn, "7");
    free(token);
}

/* Who was asked for something waits for whoever will be the owner. */
static void a_request_to_the_dead_is_answered_by_the_next(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer answer;
    begin(nodes, &a, &b);
    struct started started = name_on(a, "pass");
    a->sleeps = true;
    nodes_ask(b, &answer, "StartExecution", START, "pass", started.name, "1");
    NODES_WAIT(nodes, nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox") == 1);
    nodes_bury(nodes, a);
    NODES_WAIT(nodes, answer.given);
    assert_string_equal(answer.error, "");
    answer_release(&answer);
    assert_end(nodes, b, started.arn, "1");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.inbox"), 0);
}

/* The other one, which has all of its shards now, can do what was not done. */
static void assert_is_new(struct nodes *nodes, struct node *node, const struct started *started)
{
    struct answer answer;
    nodes_call(nodes, node, &answer, "StartExecution", START, "pass", started->name, "2");
    assert_string_equal(answer.error, "");
    answer_release(&answer);
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
    begin(nodes, &a, &b);
    for (int looks_first = 0; looks_first < 2; looks_first++) {
        AUTO_JSON struct json_object *yes = json_object_new_boolean(true);
        struct answer answer;
        struct started started = name_on(a, "pass");
        if (looks_first)
            peer_set_info(a->engine, "look", yes);
        nodes_ask(a, &answer, "StartExecution", START, "pass", started.name, "1");
        a->sleeps = true;
        nodes_bury(nodes, a);
        NODES_WAIT(nodes, nodes_owned(b) == store_shards(b->store));
        assert_true(engine_owns(a->engine, started.arn));
        assert_false(answer.given);

        a->sleeps = false;
        NODES_WAIT(nodes, answer.given);
        assert_string_equal(answer.error, "ServiceUnavailable");
        answer_release(&answer);
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
    begin(nodes, &a, &b);
    struct started first = name_on(a, "pass"), second = name_on(a, "pass");
    nodes_hold_commits(nodes, a);
    nodes_ask(a, &written, "StartExecution", START, "pass", first.name, "1");
    NODES_WAIT(nodes, nodes_commit_is_held(nodes));
    nodes_ask(a, &filling, "StartExecution", START, "pass", second.name, "1");
    a->sleeps = true;
    nodes_bury(nodes, a);
    NODES_WAIT(nodes, nodes_owned(b) == store_shards(b->store));
    nodes_let_go(nodes);
    assert_is_new(nodes, b, &first);
    assert_is_new(nodes, b, &second);

    a->sleeps = false;
    NODES_WAIT(nodes, written.given && filling.given);
    assert_string_equal(written.error, "ServiceUnavailable");
    assert_string_equal(filling.error, "ServiceUnavailable");
    answer_release(&written);
    answer_release(&filling);
    assert_end(nodes, a, first.arn, "2");
    assert_end(nodes, a, second.arn, "2");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 2);

    NODES_WAIT(nodes, nodes_are_balanced(nodes)); /* and it takes part again */
    assert_end(nodes, b, start(nodes, a, a, "pass", "3").arn, "3");
}

/* --- children -------------------------------------------------------------------------------------------------- */

/* The child has a name that lies on the other node's shard; the parent is told of its end, also when it has moved. */
static void a_nested_execution_runs_elsewhere(void **state)
{
    struct nodes *nodes = *state;
    struct node *a, *b;
    begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "parent", PARENT);
    for (int child_moves = 0; child_moves < 2; child_moves++) {
        struct started child = name_on(b, "callback");
        char input[128];
        snprintf(input, sizeof input, "{\\\"child\\\":\\\"%s\\\"}", child.name);
        struct started parent = start(nodes, a, a, "parent", input);
        char *token = nodes_token(nodes, a, child.arn);
        if (child_moves)
            nodes_leave(b);
        complete(nodes, a, token, ",\"output\":\"[7]\"");
        assert_end(nodes, a, parent.arn, "[7]");
        free(token);
    }
}

/* The node that runs a distributed Map dies when one of its children has ended: the next one goes on with the others.
 */
static void a_map_run_is_taken_over_with_its_children(void **state)
{
    enum { CHILDREN = 3 };
    struct nodes *nodes = *state;
    struct node *a, *b;
    struct answer listed, children;
    begin(nodes, &a, &b);
    nodes_create_machine(nodes, a, "map", MAP);
    struct started parent = start(nodes, a, a, "map", "[10,20,30]");
    NODES_WAIT(nodes,
               nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution WHERE map_run IS NOT NULL") == CHILDREN);
    nodes_call(nodes, b, &listed, "ListMapRuns", "{\"executionArn\":\"%s\"}", parent.arn);
    struct json_object *runs, *executions;
    json_member(listed.output, "mapRuns", &runs);
    nodes_call(nodes, b, &children, "ListExecutions", "{\"mapRunArn\":\"%s\"}",
               json_member_text(json_object_array_get_idx(runs, 0), "mapRunArn"));
    json_member(children.output, "executions", &executions);
    assert_int_equal(json_object_array_length(executions), CHILDREN);
    for (size_t i = 0; i < CHILDREN; i++) {
        const char *arn = json_member_text(json_object_array_get_idx(executions, i), "executionArn");
        char *token = nodes_token(nodes, b, arn);
        complete(nodes, b, token, ",\"output\":\"7\"");
        free(token);
        if (i > 0)
            continue;
        a->sleeps = true;
        nodes_bury(nodes, a);
        NODES_WAIT(nodes, nodes_owned(b) == store_shards(b->store));
    }
    assert_end(nodes, b, parent.arn, "[7,7,7]");
    assert_int_equal(nodes_sql(nodes, "SELECT count(*) FROM orchestrator.execution"), 1 + CHILDREN);
    answer_release(&listed);
    answer_release(&children);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, nodes_setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shards_are_shared_out),
        TEST(who_leaves_hands_over),
        TEST(a_start_reaches_the_owner),
        TEST(a_token_reaches_the_owner),
        TEST(an_activity_is_polled_at_another_node),
        TEST(the_shards_of_the_dead_are_taken_over),
        TEST(a_request_to_the_dead_is_answered_by_the_next),
        TEST(what_fills_when_a_shard_is_lost_is_refused),
        TEST(what_is_written_when_a_shard_is_lost_is_refused),
        TEST(a_nested_execution_runs_elsewhere),
        TEST(a_map_run_is_taken_over_with_its_children),
    };
    const char *url = getenv("TEST_STORE");
    if (url == NULL || strncmp(url, "postgres", 8) != 0) {
        printf("skipped: TEST_STORE names no PostgreSQL, nodes_test.sh starts one\n");
        return 77;
    }
    return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
