/* nodes_calls.c - see nodes_calls.h. */
#include "tests/unit/nodes_calls.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/service/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- calls ----------------------------------------------------------------------------------------------------- */

/* Calls that were not answered yet. */
static struct asked {
    struct asked *next;
    struct answer *answer; /* NULL: nobody waits for it */
} * calls;

static void keep(void *context, const struct service_answer *given)
{
    struct asked *asked = context;
    struct answer *answer = asked->answer;
    struct asked **at = &calls;
    while (*at != asked)
        at = &(*at)->next;
    *at = asked->next;
    free(asked);
    if (answer == NULL)
        return;
    answer->given = true;
    snprintf(answer->error, sizeof answer->error, "%s", given->error ? given->error : "");
    if (given->output_text)
        json_parse(given->output_text, given->output_bytes, &answer->output, NULL);
    else
        answer->output = json_object_get(given->output);
}

static void ask(struct node *node, struct answer *answer, const char *operation, const char *format, va_list arguments)
{
    AUTO_JSON struct json_object *input = NULL;
    struct err err = {0};
    char text[4096];
    vsnprintf(text, sizeof text, format, arguments);
    if (json_parse(text, strlen(text), &input, &err) != 0)
        fail_msg("%s: %s", text, err.message);
    *answer = (struct answer){0};
    struct asked *asked = NEW(struct asked);
    *asked = (struct asked){.next = calls, .answer = answer};
    calls = asked;
    service_call(node->service, operation, input, keep, asked);
}

int nodes_calls_teardown(void **state)
{
    for (struct asked *asked = calls; asked; asked = asked->next)
        asked->answer = NULL;
    int code = nodes_teardown(state);
    while (calls) { /* the service that was asked is closed */
        struct asked *asked = calls;
        calls = asked->next;
        free(asked);
    }
    return code;
}

void nodes_ask(struct node *node, struct answer *answer, const char *operation, const char *input, ...)
{
    va_list arguments;
    va_start(arguments, input);
    ask(node, answer, operation, input, arguments);
    va_end(arguments);
}

void nodes_call(struct nodes *nodes, struct node *node, struct answer *answer, const char *operation, const char *input,
                ...)
{
    va_list arguments;
    va_start(arguments, input);
    ask(node, answer, operation, input, arguments);
    va_end(arguments);
    NODES_WAIT(nodes, answer->given);
}

void answer_release(struct answer *answer)
{
    json_object_put(answer->output);
    *answer = (struct answer){0};
}

void assert_answer(struct nodes *nodes, struct answer *answer, const char *expected_error)
{
    NODES_WAIT(nodes, answer->given);
    assert_string_equal(answer->error, expected_error);
    answer_release(answer);
}

void assert_call(struct nodes *nodes, struct node *node, const char *expected_error, const char *operation,
                 const char *input, ...)
{
    struct answer answer;
    va_list arguments;
    va_start(arguments, input);
    ask(node, &answer, operation, input, arguments);
    va_end(arguments);
    assert_answer(nodes, &answer, expected_error);
}

/* --- executions ------------------------------------------------------------------------------------------------ */

#define PASS "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"
#define CALLBACK "{\"StartAt\":\"W\",\"States\":{\"W\":" CALLBACK_STATE "}}"

void nodes_create_machine(struct nodes *nodes, struct node *node, const char *name, const char *definition)
{
    struct answer answer;
    AUTO_JSON struct json_object *text = json_object_new_string(definition);
    nodes_call(nodes, node, &answer, "CreateStateMachine",
               "{\"name\":\"%s\",\"roleArn\":\"arn:aws:iam::123456789012:role/r\",\"definition\":%s}", name,
               json_object_to_json_string(text));
    assert_string_equal(answer.error, "");
    answer_release(&answer);
}

void nodes_begin(struct nodes *nodes, struct node **ret_a, struct node **ret_b)
{
    *ret_a = nodes_join(nodes, 0);
    *ret_b = nodes_join(nodes, 1);
    NODES_WAIT(nodes, nodes_are_balanced(nodes));
    nodes_create_machine(nodes, *ret_a, "pass", PASS);
    nodes_create_machine(nodes, *ret_a, "callback", CALLBACK);
}

struct started nodes_name_on(const struct node *owner, const char *machine)
{
    static int count;
    struct started started;
    do {
        snprintf(started.name, sizeof started.name, "x%d", ++count);
        snprintf(started.arn, sizeof started.arn, ARNS "execution:%s:%s", machine, started.name);
    } while (!engine_owns(owner->engine, started.arn));
    return started;
}

struct started nodes_start(struct nodes *nodes, struct node *asked, const struct node *owner, const char *machine,
                           const char *input)
{
    struct started started = nodes_name_on(owner, machine);
    struct answer answer;
    nodes_call(nodes, asked, &answer, "StartExecution", START, machine, started.name, input);
    assert_string_equal(answer.error, "");
    assert_string_equal(json_member_text(answer.output, "executionArn"), started.arn);
    answer_release(&answer);
    return started;
}

struct wanted {
    const char *arn;
    char *token;
};

static void note_token(void *context, const struct engine_waiting *waiting)
{
    struct wanted *wanted = context;
    if (wanted->token == NULL && strcmp(waiting->execution_arn, wanted->arn) == 0)
        wanted->token = mem_strdup(waiting->token);
}

static char *find_token(struct node *node, const char *arn)
{
    struct wanted wanted = {.arn = arn};
    assert_int_equal(engine_list_waiting(node->engine, note_token, &wanted, NULL), 0);
    return wanted.token;
}

char *nodes_token(struct nodes *nodes, struct node *node, const char *execution_arn)
{
    char *token = NULL;
    NODES_WAIT(nodes, (token = find_token(node, execution_arn)) != NULL);
    return token;
}

/* Its output or status; NULL while it runs. */
static char *find_end(struct nodes *nodes, struct node *node, const char *arn)
{
    struct answer answer;
    nodes_call(nodes, node, &answer, "DescribeExecution", "{\"executionArn\":\"%s\"}", arn);
    assert_string_equal(answer.error, "");
    const char *status = json_member_text(answer.output, "status");
    const char *output = json_member_text(answer.output, "output");
    char *end = strcmp(status, "RUNNING") == 0 ? NULL : mem_strdup(output ? output : status);
    answer_release(&answer);
    return end;
}

void assert_end(struct nodes *nodes, struct node *node, const char *execution_arn, const char *expected)
{
    char *end = NULL;
    NODES_WAIT(nodes, (end = find_end(nodes, node, execution_arn)) != NULL);
    assert_string_equal(end, expected);
    free(end);
}
