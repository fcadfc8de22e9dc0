/* test_state.c - TestState: reads and checks the input, runs the state, answers. */
#include "runtime/service/test_state.h"
#include "runtime/service/execution.h"
#include "runtime/uuid.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static void test_release(void *waiting)
{
    struct test *test = waiting;
    definition_unref(test->machine);
    json_object_put(test->input);
    json_object_put(test->mock.result);
    json_object_put(test->variables.values);
    json_object_put(test->context);
    json_object_put(test->inspection);
    json_object_put(test->effective);
    json_object_put(test->arguments);
    json_object_put(test->output);
    json_object_put(test->assigned);
    asl_env_release(&test->env);
    free(test->error);
    free(test->cause);
    free(test);
}

/* --- input ------------------------------------------------------------------------------------------------------- */

static bool refuse(struct test *test, const char *message)
{
    call_fail(test->call, "ValidationException", "%s", message);
    return false;
}

/* The definition is one state, or a state machine one of whose states is named. */
static bool read_definition(struct test *test)
{
    const char *text = call_text(test->call, "definition");
    const char *name = call_text(test->call, "stateName");
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct definition_options options = {.single_state = name == NULL};
    if (definition_compile(text, strlen(text), options, &test->machine, &diagnostics) < 0) {
        char *refusal = diagnostics_refusal(&diagnostics, text);
        call_fail(test->call, "InvalidDefinition", "%s", refusal);
        free(refusal);
    }
    diagnostics_release(&diagnostics);
    if (test->machine == NULL)
        return false;
    if (name == NULL)
        test->state = test->machine->scope->start;
    for (uint32_t i = 0; name && i < test->machine->state_count; i++)
        if (strcmp(test->machine->states[i]->name, name) == 0)
            test->state = test->machine->states[i];
    return test->state ? true : refuse(test, "State not found in definition");
}

static bool read_json(struct test *test, const char *member, const char *otherwise, const char *fault,
                      struct json_object **ret_value)
{
    const char *text = call_text(test->call, member);
    if (text == NULL)
        text = otherwise;
    if (text == NULL || json_parse(text, strlen(text), ret_value, NULL) == 0)
        return true;
    return refuse(test, fault);
}

static bool read_input(struct test *test)
{
    if (!execution_read_input(test->call, &test->input) ||
        !read_json(test, "variables", NULL, "Variables must be a valid JSON object", &test->variables.values))
        return false;
    if (test->variables.values && !json_object_is_type(test->variables.values, json_type_object))
        return refuse(test, "Variables must be a valid JSON object");
    return true;
}

static void read_configuration(struct test *test)
{
    struct json_object *configuration = NULL;
    json_member(test->call->input, "stateConfiguration", &configuration);
    test->retry_count = json_member_int(configuration, "retrierRetryCount", 0);
    test->iteration_failures = json_member_int(configuration, "mapIterationFailureCount", -1);
    test->reader_data = json_member_text(configuration, "mapItemReaderData");
}

/* What can only be said once mock and state are known. */
static bool check_possible(struct test *test)
{
    const struct state *state = test->state;
    if (test->mock.given)
        return true;
    if (state->type == STATE_MAP || state->type == STATE_PARALLEL) {
        call_fail(test->call, "InvalidDefinition",
                  "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, "
                  "Pass, Succeed, Fail, Choice]");
        return false;
    }
    if (state->type != STATE_TASK)
        return true;
    if (call_text(test->call, "roleArn") == NULL)
        return refuse(test, "RoleArn must be specified when testing a Task state");
    if (state->resource.kind == RESOURCE_ACTIVITY || state->resource.pattern != PATTERN_REQUEST_RESPONSE)
        return refuse(test, "A mock must be specified when testing an activity or a '.sync' or '.waitForTaskToken' "
                            "service integration.");
    return true;
}

static void draw_random(void *owner, void *bytes, size_t count)
{
    (void)owner;
    if (RAND_bytes(bytes, (int)count) != 1)
        abort();
}

static struct json_object *give_context(void *owner)
{
    const struct test *test = owner;
    return json_object_get(test->context);
}

static void make_env(struct test *test)
{
    test->inspection = json_object_new_object();
    test->env = (struct asl_env){
        .input = test->input,
        .make_context = give_context,
        .context_owner = test,
        .variables = &test->variables,
        .now_ms = engine_now_ms(test->call->service->engine),
        .random = draw_random,
        .inspection = test->inspection,
    };
}

/* --- answer ------------------------------------------------------------------------------------------------------- */

static void add_json_text(struct json_object *output, const char *name, struct json_object *value)
{
    char *text = json_text(value);
    json_add_text(output, name, text);
    free(text);
}

/* Those that were given, and what the state assigned. */
static struct json_object *variables_after(const struct test *test)
{
    struct json_object *variables =
        test->variables.values ? json_shallow_copy(test->variables.values) : json_object_new_object();
    if (test->assigned) {
        json_object_object_foreach (test->assigned, name, value) {
            json_add(variables, name, json_object_get(value));
        }
    }
    return variables;
}

/* Everything in between as JSON text; numbers and the error's details as they are. */
static struct json_object *inspection_answer(struct test *test)
{
    static const char *const plain[] = {"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage",
                                        "errorDetails"};
    struct json_object *answer = json_object_new_object();
    add_json_text(answer, "input", test->input);
    json_object_object_foreach (test->inspection, name, value) {
        bool as_it_is = false;
        for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
            as_it_is |= strcmp(plain[i], name) == 0;
        if (as_it_is)
            json_add(answer, name, json_object_get(value));
        else
            add_json_text(answer, name, value);
    }
    AUTO_JSON struct json_object *variables = variables_after(test);
    if (json_object_object_length(variables))
        add_json_text(answer, "variables", variables);
    return answer;
}

static void answer(struct test *test)
{
    const char *level = call_text(test->call, "inspectionLevel");
    struct json_object *output = json_object_new_object();
    json_add_text(output, "status", test->status);
    if (test->has_output)
        add_json_text(output, "output", test->output);
    if (test->next)
        json_add_text(output, "nextState", test->next->name);
    if (test->error)
        json_add_text(output, "error", test->error);
    if (test->cause)
        json_add_text(output, "cause", test->cause);
    if (level && strcmp(level, "INFO") != 0)
        json_add(output, "inspectionData", inspection_answer(test));
    call_succeed(test->call, output);
}

/* --- a task without a mock: run by an Express execution made for it --------------------------------------------- */

static void task_ended(void *context, const struct engine_outcome *outcome)
{
    struct test *test = context;
    if (outcome->status == EXECUTION_SUCCEEDED)
        test_task_succeeded(test, outcome->output);
    else
        test_task_failed(test, outcome->error, outcome->cause);
    answer(test);
}

static void task_started(void *context, int code, const struct err *err)
{
    struct test *test = context;
    if (code < 0)
        call_fail_internal(test->call, code, err);
}

static void task_cancelled(struct service_call *call)
{
    engine_forget(call->service->engine, call->text, call->waiting);
}

/* The definition of a machine with nothing but the task, whose arguments are the machine's input. */
static char *task_definition(const struct test *test)
{
    AUTO_JSON struct json_object *state = json_object_new_object();
    json_add_text(state, "Type", "Task");
    json_add_text(state, "Resource", test->state->resource.text);
    json_add_text(state, "Arguments", "{% $states.input %}");
    json_add_bool(state, "End", true);
    AUTO_JSON struct json_object *states = json_object_new_object();
    json_add(states, "StateName", json_object_get(state));
    AUTO_JSON struct json_object *machine = json_object_new_object();
    json_add_text(machine, "QueryLanguage", "JSONata");
    json_add_text(machine, "StartAt", "StateName");
    json_add(machine, "States", json_object_get(states));
    return json_text(machine);
}

static void start_task(struct service_call *call)
{
    struct test *test = call->waiting;
    char *definition = task_definition(test);
    char key[65], uuid[37];
    engine_definition_key(definition, strlen(definition), true, key);
    free(definition);
    uuid_random(uuid);
    free(call->text);
    call->text = service_arn(call->service, "express:TestState:%s:%s", uuid, uuid);
    call->cancel = task_cancelled;
    char *machine_arn = service_arn(call->service, "stateMachine:TestState");
    engine_start(call->service->engine,
                 &(struct engine_start){.arn = call->text,
                                        .name = uuid,
                                        .machine_arn = machine_arn,
                                        .machine_name = "TestState",
                                        .definition_key = key,
                                        .role_arn = call_text(call, "roleArn"),
                                        .input = test->arguments,
                                        .express = true},
                 &call->moment_ms, task_started, test, task_ended, test);
    free(machine_arn);
}

static void run_task(struct test *test)
{
    char key[65];
    char *definition = task_definition(test);
    if (definition_accept(test->call, definition, true, key))
        call_commit(test->call, start_task);
    free(definition);
}

void test_state(struct service_call *call)
{
    struct test *test = NEW(struct test);
    test->call = call;
    call->waiting = test;
    call->release = test_release;
    read_configuration(test);
    if (!read_definition(test) || !test_read_mock(test) || !check_possible(test) || !read_input(test))
        return;
    make_env(test);
    if (!test_make_context(test, call_text(call, "context")))
        return;
    bool done = test_run(test);
    if (test->refusal)
        refuse(test, test->refusal);
    else if (done)
        answer(test);
    else
        run_task(test);
}
