/*
 * nodes_calls.h - what tests of several nodes ask of them: calls of the API at a chosen node, and executions whose
 * names lie on a chosen node's shards.
 *
 * What waits turns the loops of all nodes that are awake, and fails the test after NODES_WAIT_MS.
 */
#ifndef TESTS_UNIT_NODES_CALLS_H
#define TESTS_UNIT_NODES_CALLS_H

#include "tests/unit/nodes_fixture.h"

#include <stdbool.h>

struct json_object;

/* nodes_teardown() after a test that may have failed while it waited: what is answered now goes nowhere. */
int nodes_calls_teardown(void **state);

#define ARNS "arn:aws:states:us-east-1:123456789012:"

struct answer {
    bool given;
    char error[64]; /* "": success */
    struct json_object *output;
};
/* Asks; the input is JSON with arguments as of printf. The answer must live until it is given. */
void nodes_ask(struct node *node, struct answer *answer, const char *operation, const char *input, ...)
    ERR_PRINTF(4, 5);
/* The same, and waits for the answer. */
void nodes_call(struct nodes *nodes, struct node *node, struct answer *answer, const char *operation, const char *input,
                ...) ERR_PRINTF(5, 6);
void answer_release(struct answer *answer);
/* Waits for an answer and compares it: "" or the error. */
void assert_answer(struct nodes *nodes, struct answer *answer, const char *expected_error);
/* Calls, and compares. */
void assert_call(struct nodes *nodes, struct node *node, const char *expected_error, const char *operation,
                 const char *input, ...) ERR_PRINTF(5, 6);

/* The state of a machine that waits for a callback. */
#define CALLBACK_STATE                                                                                                 \
    "{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage.waitForTaskToken\",\"Parameters\":"            \
    "{\"QueueUrl\":\"q\",\"MessageBody\":{\"t.$\":\"$$.Task.Token\"}},\"End\":true}"
void nodes_create_machine(struct nodes *nodes, struct node *node, const char *name, const char *definition);
/* Two nodes that have shared the shards out, and the machines "pass" and "callback". */
void nodes_begin(struct nodes *nodes, struct node **ret_a, struct node **ret_b);

/* An execution, by a name that lies on a shard of some node. */
struct started {
    char name[64], arn[256];
};
/* A new name. */
struct started nodes_name_on(const struct node *owner, const char *machine);
/* The input of StartExecution: machine, name, and input as it stands inside a string. */
#define START "{\"stateMachineArn\":\"" ARNS "stateMachine:%s\",\"name\":\"%s\",\"input\":\"%s\"}"
/* Starts one whose shard is the owner's by asking a node. */
struct started nodes_start(struct nodes *nodes, struct node *asked, const struct node *owner, const char *machine,
                           const char *input);
/* The token that an execution waits for; waits until there is one. Heap. */
char *nodes_token(struct nodes *nodes, struct node *node, const char *execution_arn);
/* The input of SendTaskSuccess: token, and output as it stands inside a string. */
#define SUCCESS "{\"taskToken\":\"%s\",\"output\":\"%s\"}"
/* Waits until the execution has ended, as this node tells: with this output, or with this status. */
void assert_end(struct nodes *nodes, struct node *node, const char *execution_arn, const char *expected);

#endif
