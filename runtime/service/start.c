/* start.c - StartExecution and StartSyncExecution (reference/api.md section 5). */
#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/service/execution.h"
#include "runtime/service/machine.h"
#include "runtime/task/mock.h"
#include "runtime/uuid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- starting ----------------------------------------------------------------------------------------- */

/* What a StartExecution or StartSyncExecution names, resolved. */
struct starting {
    struct json_object *machine;
    struct json_object *revision; /* the machine or one of its versions; borrowed */
    struct json_object *input;
    char *machine_arn, *version_arn, *alias_arn, *arn;
    char name[LIMIT_NAME_CHARS * 4 + 1];
    bool is_named; /* by who starts it */
    const char *test_case;
    struct arn given;
};

static void starting_release(struct starting *starting)
{
    json_object_put(starting->machine);
    json_object_put(starting->input);
    free(starting->machine_arn);
    free(starting->version_arn);
    free(starting->alias_arn);
    free(starting->arn);
}

/* Finds the revision that the qualifier of the ARN stands for. */
static bool resolve_revision(struct service_call *call, struct starting *starting)
{
    const char *qualifier = starting->given.qualifier;
    char drawn[24];
    starting->revision = starting->machine;
    if (qualifier == NULL)
        return true;
    if (!arn_is_version(qualifier)) {
        struct json_object *alias = machine_alias(starting->machine, qualifier, NULL);
        if (alias == NULL) {
            machine_fail_missing(call, &starting->given);
            return false;
        }
        starting->alias_arn = mem_printf("%s:%s", starting->machine_arn, qualifier);
        snprintf(drawn, sizeof drawn, "%" PRId64, machine_alias_draw(alias));
        qualifier = drawn;
    }
    starting->version_arn = mem_printf("%s:%s", starting->machine_arn, qualifier);
    starting->revision = machine_version(starting->machine, qualifier, NULL);
    if (starting->revision == NULL)
        machine_fail_missing(call, &starting->given);
    return starting->revision != NULL;
}

/* A case of the mock file, after `#`; an empty one is none. */
static bool resolve_test_case(struct service_call *call, struct starting *starting)
{
    const char *test_case = starting->given.test_case;
    struct connector *mock = call->service->options.mock;
    if (test_case == NULL || *test_case == '\0')
        return true;
    if (mock == NULL || !mock_has_case(mock, starting->given.machine, test_case)) {
        call_fail(call, "InvalidArn", "Invalid Arn: 'The mock file has no test case %s for %s'", test_case,
                  starting->given.machine);
        return false;
    }
    starting->test_case = test_case;
    return true;
}

static bool resolve(struct service_call *call, struct starting *starting)
{
    *starting = (struct starting){0};
    const char *name = call_text(call, "name");
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &starting->given))
        return false;
    if (starting->given.label) {
        machine_fail_labelled(call);
        return false;
    }
    starting->is_named = name != NULL;
    if (name)
        snprintf(starting->name, sizeof starting->name, "%s", name);
    if (machine_look(call, &starting->given, &starting->machine) && (name == NULL || call_name(call, name))) {
        starting->machine_arn = machine_arn(call->service, starting->machine);
        if (resolve_revision(call, starting) && resolve_test_case(call, starting) &&
            execution_read_input(call, &starting->input))
            return true;
    }
    starting_release(starting);
    return false;
}

static void name_express(struct service_call *call, struct starting *starting)
{
    char uuid[UUID_BYTES];
    if (starting->name[0] == '\0')
        uuid_of_time(engine_now_ms(call->service->engine), starting->name);
    uuid_random(uuid);
    const char *parts[] = {"express:", starting->given.machine, ":", starting->name, ":", uuid, NULL};
    starting->arn = service_arn_of(call->service, parts);
}

/* A name that we choose is one of an execution that will be ours, which saves asking another node. */
static void name_standard(struct service_call *call, struct starting *starting)
{
    enum { TRIES = 500 };
    struct engine *engine = call->service->engine;
    const char *parts[] = {"execution:", starting->given.machine, ":", starting->name, NULL};
    bool chosen = !starting->is_named;
    for (int i = 0; i < TRIES; i++) {
        if (chosen)
            uuid_of_time(engine_now_ms(engine), starting->name);
        free(starting->arn);
        starting->arn = service_arn_of(call->service, parts);
        if (!chosen || engine_owns(engine, starting->arn) || !engine_owns_any(engine))
            break;
    }
}

/* True: another node starts it. It is told the name, so that it is the same start however often it is asked. */
static bool forward(struct service_call *call, const struct starting *starting)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    json_object_object_foreach (call->input, member, value) {
        json_add(input, member, json_object_get(value));
    }
    json_add_text(input, "name", starting->name);
    return call_forward(call, store_shard_of(call->service->store, starting->arn), input);
}

static void start(struct service_call *call, struct starting *starting, engine_done_fn *done, engine_ended_fn *ended)
{
    bool express = machine_is_express(starting->machine);
    if (express)
        name_express(call, starting);
    else
        name_standard(call, starting);
    if (!express && !engine_owns(call->service->engine, starting->arn) && forward(call, starting))
        return;
    free(call->text);
    call->text = mem_strdup(starting->arn);
    struct json_object *logging = NULL;
    AUTO_BUF written = BUF_INIT;
    const char *input = call_text(call, "input");
    json_write(&written, starting->input);
    json_member(starting->revision, "loggingConfiguration", &logging);
    struct engine_start request = {.arn = starting->arn,
                                   .name = starting->name,
                                   .machine_arn = starting->machine_arn,
                                   .machine_name = starting->given.machine,
                                   .definition_key = json_member_text(starting->revision, "definitionKey"),
                                   .role_arn = json_member_text(starting->revision, "roleArn"),
                                   .version_arn = starting->version_arn,
                                   .alias_arn = starting->alias_arn,
                                   .trace_header = call_text(call, "traceHeader"),
                                   .test_case = starting->test_case,
                                   .started_by = call_text(call, START_STARTED_BY),
                                   .logging = logging,
                                   .input = starting->input,
                                   .input_text = input && strcmp(input, buf_text(&written)) != 0 ? input : NULL,
                                   .express = express,
                                   .is_new = !starting->is_named};
    /* the engine may answer before it returns, which ends the call: nothing of it may be touched afterwards */
    int code = engine_start(call->service->engine, &request, &call->moment_ms, done, call, ended, call);
    if (code == 0 && !express)
        call_carried_out(call);
}

/* --- StartExecution -------------------------------------------------------------------------------------- */

static void started_answer(struct service_call *call, int64_t started_ms)
{
    AUTO_BUF out = BUF_INIT;
    buf_add_text(&out, "{\"executionArn\":");
    json_write_string(&out, call->text, strlen(call->text));
    buf_add_text(&out, ",\"startDate\":");
    api_write_time(&out, started_ms);
    buf_add_char(&out, '}');
    call_succeed_text(call, &out);
}

/*
 * The name is taken: the same start over again, while that one runs, is answered like the first; that of the same task
 * always.
 */
struct earlier {
    struct service_call *call;
    bool same;
    int64_t started_ms;
    int code;
    struct err err;
};

static int compare_earlier(void *context, const struct store_execution *execution)
{
    struct earlier *earlier = context;
    earlier->started_ms = execution->started_ms;
    earlier->same = execution_is_of_task(earlier->call, execution);
    if (earlier->same || execution->status != EXECUTION_RUNNING)
        return 0;
    char *input = NULL, *output = NULL, *error = NULL, *cause = NULL;
    const char *given = call_text(earlier->call, "input");
    AUTO_JSON struct json_object *ours = NULL;
    AUTO_JSON struct json_object *theirs = NULL;
    if (given == NULL)
        given = "{}";
    earlier->code =
        engine_describe(earlier->call->service->engine, execution, &input, &output, &error, &cause, &earlier->err);
    if (earlier->code == 0 && input && json_parse(input, strlen(input), &theirs, NULL) == 0 &&
        json_parse(given, strlen(given), &ours, NULL) == 0)
        earlier->same = json_same(ours, theirs);
    free(input);
    free(output);
    free(error);
    free(cause);
    return 0;
}

/* The commit that held the earlier start is over: it is in the store now, or was lost. */
static void start_again(void *context, int code, const struct err *err)
{
    if (code != 0)
        call_fail_internal(context, code, err);
    else
        start_execution(context);
}

static void start_done(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    if (code == 0) {
        started_answer(call, call->moment_ms);
        return;
    }
    if (code != ERR_EXISTS) {
        call_fail_internal(call, code, err);
        return;
    }
    struct earlier earlier = {.call = call};
    code = store_execution_by_arn(call->service->store, call->text, compare_earlier, &earlier, &earlier.err);
    if (code == 0)
        code = earlier.code;
    if (code == ERR_NOT_FOUND)
        engine_on_commit(call->service->engine, start_again, call);
    else if (code != 0)
        call_fail_internal(call, code, &earlier.err);
    else if (earlier.same || call->again)
        started_answer(call, earlier.started_ms);
    else
        call_fail(call, "ExecutionAlreadyExists", "Execution Already Exists: '%s'", call->text);
}

void start_execution(struct service_call *call)
{
    struct starting starting;
    if (!resolve(call, &starting))
        return;
    start(call, &starting, start_done, NULL);
    starting_release(&starting);
}

/* --- StartSyncExecution ------------------------------------------------------------------------------------ */

static void sync_started(void *context, int code, const struct err *err)
{
    if (code < 0)
        call_fail_internal(context, code, err);
}

/* Billed in steps of 100 ms; the memory is a figure that clients want to see, not a measurement. */
static void write_billing(struct buf *out, int64_t duration_ms)
{
    int64_t steps = duration_ms <= 0 ? 1 : (duration_ms + 99) / 100;
    buf_add_text(out, ",\"billingDetails\":{\"billedDurationInMilliseconds\":");
    buf_add_int(out, steps * 100);
    buf_add_text(out, ",\"billedMemoryUsedInMB\":64}");
}

/* The input or output as a member, and whether it is there. */
static void write_payload(struct buf *out, const char *name, const char *text, bool included)
{
    if (included)
        api_write_text(out, name, text);
    buf_add_text(out, ",\"");
    buf_add_text(out, name);
    buf_add_text(out, included ? "Details\":{\"included\":true}" : "Details\":{\"included\":false}");
}

/* "arn:aws:states:REGION:ACCOUNT:express:MACHINE:NAME:UUID" of this server: its machine's ARN and its name. */
static void write_machine_and_name(struct buf *out, const struct service *service, const char *arn)
{
    struct arn parsed;
    if (arn_parse(arn, &parsed, NULL) != 0)
        return;
    char *machine = service_arn_of(service, (const char *const[]){"stateMachine:", parsed.machine, NULL});
    api_write_text(out, "stateMachineArn", machine);
    api_write_text(out, "name", parsed.name);
    free(machine);
}

static void sync_ended(void *context, const struct engine_outcome *outcome)
{
    struct service_call *call = context;
    bool included = call_wants_data(call);
    const char *input = call_text(call, "input");
    AUTO_BUF out = BUF_INIT;
    buf_add_text(&out, "{\"executionArn\":");
    json_write_string(&out, call->text, strlen(call->text));
    write_machine_and_name(&out, call->service, call->text);
    buf_add_text(&out, ",\"startDate\":");
    api_write_time(&out, outcome->started_ms);
    buf_add_text(&out, ",\"stopDate\":");
    api_write_time(&out, outcome->stopped_ms);
    api_write_text(&out, "status", execution_status_name(outcome->status));
    write_payload(&out, "input", input ? input : "{}", included);
    if (outcome->status == EXECUTION_SUCCEEDED) {
        AUTO_BUF output = BUF_INIT;
        json_write(&output, outcome->output);
        write_payload(&out, "output", output.data, included);
    }
    api_write_text(&out, "error", outcome->error);
    api_write_text(&out, "cause", outcome->cause);
    api_write_text(&out, "traceHeader", call_text(call, "traceHeader"));
    write_billing(&out, outcome->stopped_ms - outcome->started_ms);
    buf_add_char(&out, '}');
    call_succeed_text(call, &out);
}

static void sync_cancelled(struct service_call *call)
{
    engine_forget(call->service->engine, call->text, call);
}

void start_sync_execution(struct service_call *call)
{
    struct starting starting;
    if (!resolve(call, &starting))
        return;
    if (!machine_is_express(starting.machine)) {
        call_fail(call, "StateMachineTypeNotSupported",
                  "This operation is not supported by this type of state machine");
    } else {
        call->cancel = sync_cancelled;
        start(call, &starting, sync_started, sync_ended);
    }
    starting_release(&starting);
}
