/* functions_test.c - Lambda functions by real handlers: processes in sh, Python and C, on a real loop. */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/functions.h"
#include "tests/unit/task_bench.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void on_log(void *context, const char *function, const char *line)
{
    struct bench *bench = context;
    buf_printf(&bench->log, "%s: %s\n", function, line);
}

static void open_functions(struct bench *bench, const char *configuration, struct functions_options options)
{
    const char *directories[] = {bench->folder};
    struct err err = {0};
    AUTO_JSON struct json_object *functions = NULL;
    if (configuration)
        assert_int_equal(json_parse(configuration, strlen(configuration), &functions, NULL), 0);
    options.directories = directories;
    options.directory_count = 1;
    options.configuration = functions;
    options.log = on_log;
    options.log_context = bench;
    if (functions_open(bench->base, &options, &bench->connector, &err) != 0)
        fail_msg("%s: %s", err.where, err.message);
}

/* The process whose id a handler wrote to a file; waits until it did. */
static pid_t pid_in(struct bench *bench, const char *name)
{
    char *path = bench_path(bench, name);
    int pid = 0;
    for (int64_t until = bench_now_ms() + PATIENCE_MS; pid == 0 && bench_now_ms() < until; bench_turn(bench, 2)) {
        FILE *file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fscanf(file, "%d\n", &pid) != 1)
            pid = 0;
        fclose(file);
    }
    free(path);
    assert_int_not_equal(pid, 0);
    return pid;
}

/* Whether it has ended, waited for on the loop. A zombie that nobody reaps counts as ended. */
static bool has_ended(struct bench *bench, pid_t pid)
{
    for (int64_t until = bench_now_ms() + PATIENCE_MS; bench_now_ms() < until; bench_turn(bench, 2)) {
        char path[32], state = 'Z';
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "r");
        if (file == NULL)
            return true;
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = 'Z';
        fclose(file);
        if (state == 'Z')
            return true;
    }
    return false;
}

static const char python_echo[] = "#!/usr/bin/env python3\n"
                                  "import json, sys\n"
                                  "for line in sys.stdin:\n"
                                  "    call = json.loads(line)\n"
                                  "    print(json.dumps({'id': call['id'], 'result': call}), flush=True)\n";

/* Does what its payload says. */
static const char python_obey[] =
    "#!/usr/bin/env python3\n"
    "import json, os, sys, time\n"
    "for line in sys.stdin:\n"
    "    call = json.loads(line)\n"
    "    p, id = call['payload'], call['id']\n"
    "    out = sys.stdout.buffer\n"
    "    if p == 'die': print('last words', file=sys.stderr); sys.exit(3)\n"
    "    if p == 'kill': os.kill(os.getpid(), 9)\n"
    "    if p == 'close': os.close(1); time.sleep(60)\n"
    "    elif p == 'garbage': out.write(b'hello \\xff world\\n')\n"
    "    elif p == 'utf8': out.write(b'{\"id\":\"%s\",\"result\":\"\\xff\\xfe\"}\\n' % id.encode())\n"
    "    elif p == 'cut': out.write(b'{\"id\":\"%s\",\"result\":{\"a\":\\n' % id.encode())\n"
    "    elif p == 'empty': out.write(b'{\"id\":\"%s\"}\\n' % id.encode())\n"
    "    elif p == 'stranger': out.write(b'{\"id\":\"99999\",\"result\":1}\\n')\n"
    "    elif p == 'large': out.write(b'{\"id\":\"%s\",\"result\":\"' % id.encode() + b'x' * 10000000 + b'\"}\\n')\n"
    "    elif p == 'error': out.write(b'{\"id\":\"%s\",\"error\": "
    "{\"errorType\":\"Bad.Card\",\"errorMessage\":\"no\"}}\\n'"
    " % id.encode())\n"
    "    elif p == 'untyped': out.write(b'{\"id\":\"%s\",\"error\":{\"errorMessage\":\"no\"}}\\n' % id.encode())\n"
    "    else:\n"
    "        if isinstance(p, (int, float)): time.sleep(p)\n"
    "        out.write(json.dumps({'id': id, 'result': [p, os.getpid()]}).encode() + b'\\n')\n"
    "    out.flush()\n";

/* Sleeps as many seconds as the payload says; starts quickly. */
static const char sh_obey[] = "#!/bin/sh\n"
                              "while read -r line; do\n"
                              "    id=${line#*:} payload=${line#*payload\\\":}\n"
                              "    sleep \"${payload%%,*}\"\n"
                              "    echo \"{\\\"id\\\":${id%%,*},\\\"result\\\":${payload%%,*}}\"\n"
                              "done\n";

static void a_line_carries_the_call(void **state)
{
    struct bench *bench = *state;
    struct resource echo = function_resource("echo");
    bench_write_handler(bench, "echo.lines.py", python_echo);
    open_functions(bench, NULL, (struct functions_options){0});
    struct item *item = bench_run(bench, &echo, "{\"a\":[1,null,\"\\u00e9\\n\"]}");
    AUTO_JSON struct json_object *call = NULL;
    struct json_object *payload, *context;
    assert_int_equal(json_parse(item->output, strlen(item->output), &call, NULL), 0);
    assert_string_equal(json_member_text(call, "function"), "echo");
    assert_true(json_member(call, "payload", &payload));
    assert_true(json_same(payload, item->task.input));
    assert_true(json_member(call, "context", &context));
    assert_string_equal(json_member_text(context, "idempotencyToken"), "token-1");
    assert_string_equal(json_member_text(context, "stateName"), "Work");
    assert_string_equal(json_member_text(context, "executionArn"), item->task.execution_arn);
    assert_int_equal(json_member_int(context, "attempt", -1), 0);
    assert_int_equal(json_member_int(context, "deadlineMs", -1), 0);
}

static void a_c_handler_answers_many_calls(void **state)
{
    struct bench *bench = *state;
    struct resource echo = function_resource("echo_handler");
    const char *build = getenv("top_builddir");
    char *configuration = mem_printf(
        "{\"echo_handler\":{\"command\":[\"%s/bench/echo_handler.lines\"],\"mode\":\"lines\"}}", build ? build : ".");
    open_functions(bench, configuration, (struct functions_options){0});
    for (int i = 0; i < TASKS_MAX; i++) {
        char input[32];
        snprintf(input, sizeof input, "{\"n\":%d}", i);
        bench_start(bench, &echo, input);
    }
    bench_wait(bench, TASKS_MAX);
    for (int i = 0; i < TASKS_MAX; i++) {
        char *input = json_text(bench->items[i].task.input);
        assert_output(&bench->items[i], input);
        free(input);
    }
    free(configuration);
}

static void errors_of_the_handler_have_their_names(void **state)
{
    struct bench *bench = *state;
    struct resource obey = function_resource("obey");
    bench_write_handler(bench, "obey.lines.py", python_obey);
    open_functions(bench, NULL, (struct functions_options){0});
    struct item *item = bench_run(bench, &obey, "\"error\"");
    assert_failure(item, "Bad.Card", "{\"errorType\":\"Bad.Card\",\"errorMessage\":\"no\"}");
    item = bench_run(bench, &obey, "\"untyped\"");
    assert_failure(item, "Lambda.Unknown", "did not return an error type. Returned payload: {\"errorMessage\":\"no\"}");
}

static void a_bad_line_is_a_clear_failure_and_the_next_call_works(void **state)
{
    static const struct {
        const char *payload, *type, *message;
    } cases[] = {
        {"\"die\"", "Runtime.ExitError", "obey ended with status 3: last words"},
        {"\"kill\"", "Runtime.ExitError", "obey was ended by signal 9 (Killed)"},
        {"\"close\"", "Runtime.ExitError", "obey closed its standard output"},
        {"\"garbage\"", "Runtime.InvalidResponse", "hello \xef\xbf\xbd world"},
        {"\"utf8\"", "Runtime.InvalidResponse", "returned what is not JSON"},
        {"\"cut\"", "Runtime.InvalidResponse", "wrote an answer that is not JSON"},
        {"\"empty\"", "Runtime.InvalidResponse", "neither"},
        {"\"stranger\"", "Runtime.InvalidResponse", "was not asked"},
        {"\"large\"", "Function.ResponseSizeTooLarge", ""},
    };
    struct bench *bench = *state;
    struct resource obey = function_resource("obey");
    bench_write_handler(bench, "obey.lines.py", python_obey);
    open_functions(bench, NULL, (struct functions_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_JSON struct json_object *cause = NULL;
        struct item *item = bench_run(bench, &obey, cases[i].payload);
        assert_failure(item, "Lambda.Unknown", cases[i].message);
        assert_int_equal(json_parse(item->cause, strlen(item->cause), &cause, NULL), 0);
        assert_string_equal(json_member_text(cause, "errorType"), cases[i].type);
        item = bench_run(bench, &obey, "\"well\"");
        assert_int_equal(item->kind, TASK_SUCCEEDED);
    }
    assert_string_equal(bench->log.data, "obey: last words\n");
}

static void slow_calls_are_worked_at_side_by_side(void **state)
{
    struct bench *bench = *state;
    struct resource obey = function_resource("obey");
    bench_write_handler(bench, "obey.lines.py", python_obey);
    open_functions(bench, NULL, (struct functions_options){0});
    int64_t since = bench_now_ms();
    for (int i = 0; i < 4; i++)
        bench_start(bench, &obey, "1.5");
    bench_wait(bench, 4);
    assert_in_range(bench_now_ms() - since, 1500, 5500); /* one after the other it would be 6000 */
    for (int i = 1; i < 4; i++)
        assert_string_not_equal(bench->items[i].output, bench->items[0].output); /* a process each */
}

static void answers_may_come_in_any_order(void **state)
{
    struct bench *bench = *state;
    struct resource reverse = function_resource("reverse");
    bench_write_handler(
        bench, "reverse.lines",
        "#!/bin/sh\n"
        "id() { echo \"$1\" | sed 's/.*\"id\":\"\\([0-9]*\\)\".*/\\1/'; }\n"
        "read -r a; read -r b; read -r c\n"
        "for line in \"$c\" \"$a\" \"$b\"; do echo \"{\\\"result\\\":$(id \"$line\"), \\\"id\\\":\\\"$(id "
        "\"$line\")\\\"}\"; done\ncat >/dev/null\n");
    bench_write(bench, "reverse.json", "{\"processes\":1}", 0644);
    open_functions(bench, NULL, (struct functions_options){0});
    for (int i = 0; i < 3; i++)
        bench_start(bench, &reverse, "{}");
    bench_wait(bench, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bench->items[i].kind, TASK_SUCCEEDED);
    assert_string_not_equal(bench->items[0].output, bench->items[1].output);
}

static void a_cancelled_call_among_others_is_forgotten(void **state)
{
    struct bench *bench = *state;
    struct resource obey = function_resource("obey");
    bench_write_handler(bench, "obey.lines.py", python_obey);
    bench_write(bench, "obey.json", "{\"processes\":1}", 0644);
    open_functions(bench, NULL, (struct functions_options){0});
    bench_start(bench, &obey, "0.2");
    struct item *cancelled = bench_start(bench, &obey, "0.1");
    bench_start(bench, &obey, "0.1");
    bench_turn(bench, 50);
    bench->connector->ops->cancel(bench->connector, &cancelled->task);
    bench_wait(bench, 2);
    assert_int_equal(cancelled->reports, 0);
    assert_int_equal(bench->items[0].kind, TASK_SUCCEEDED);
    assert_int_equal(bench->items[2].kind, TASK_SUCCEEDED);
    assert_string_equal(strchr(bench->items[0].output, ','), strchr(bench->items[2].output, ',')); /* same process */
}

static void a_report_may_cancel_another_call(void **state)
{
    struct bench *bench = *state;
    struct resource obey = function_resource("obey");
    bench_write_handler(bench, "obey.lines.py", python_obey);
    bench_write(bench, "obey.json", "{\"processes\":1}", 0644);
    open_functions(bench, NULL, (struct functions_options){0});
    bench_start(bench, &obey, "\"die\"");
    bench->cancel_next = bench_start(bench, &obey, "5");
    bench_wait(bench, 1);
    bench_turn(bench, 50);
    assert_int_equal(bench->items[1].reports, 0);
    assert_int_equal(bench_run(bench, &obey, "\"well\"")->kind, TASK_SUCCEEDED);
}

static const char sh_family[] = "#!/bin/sh\n"
                                "sleep 100 &\n"
                                "echo $! >\"$(dirname \"$0\")/child\"\n"
                                "echo $$ >\"$(dirname \"$0\")/head\"\n"
                                "wait\n";

static void cancel_ends_the_whole_group(void **state)
{
    static const char *const names[] = {"family", "family.lines"};
    for (int i = 0; i < 2; i++) {
        struct bench *bench = *state;
        struct resource family = function_resource("family");
        bench_write_handler(bench, names[i], sh_family);
        open_functions(bench, NULL, (struct functions_options){0});
        struct item *item = bench_start(bench, &family, "{}");
        pid_t head = pid_in(bench, "head"), child = pid_in(bench, "child");
        bench->connector->ops->cancel(bench->connector, &item->task);
        assert_true(has_ended(bench, head));
        assert_true(has_ended(bench, child));
        assert_int_equal(item->reports, 0);
        bench_teardown(state);
        bench_setup(state);
    }
}

static void close_ends_the_whole_group(void **state)
{
    struct bench *bench = *state;
    struct resource family = function_resource("family");
    bench_write_handler(
        bench, "family",
        "#!/bin/sh\ntrap '' TERM\nsh -c 'trap \"\" TERM; echo $$ >\"$1\"; while :; do sleep 1; done' sh "
        "\"$(dirname \"$0\")/child\" &\necho $$ >\"$(dirname \"$0\")/head\"\nwhile :; do sleep 1; done\n");
    open_functions(bench, NULL, (struct functions_options){0});
    bench_start(bench, &family, "{}");
    pid_t head = pid_in(bench, "head"), child = pid_in(bench, "child");
    int64_t since = bench_now_ms();
    bench->connector->ops->close(bench->connector, 300);
    bench->connector = NULL;
    assert_in_range(bench_now_ms() - since, 250, 5000);
    assert_true(has_ended(bench, head));
    assert_true(has_ended(bench, child));
}

static void what_a_command_leaves_behind_is_ended(void **state)
{
    struct bench *bench = *state;
    struct resource leave = function_resource("leave");
    bench_write_handler(bench, "leave.sh", "#!/bin/sh\nsleep 100 &\necho $! >\"$(dirname \"$0\")/child\"\necho 1\n");
    open_functions(bench, NULL, (struct functions_options){0});
    assert_output(bench_run(bench, &leave, "{}"), "1");
    assert_true(has_ended(bench, pid_in(bench, "child")));
}

static void a_command_reads_the_payload_and_prints_the_result(void **state)
{
    struct bench *bench = *state;
    struct resource cat = function_resource("cat"), quiet = function_resource("quiet"),
                    show = function_resource("show");
    bench_write_handler(bench, "cat.sh", "#!/bin/sh\necho reading >&2\nexec cat\n");
    bench_write_handler(bench, "quiet", "#!/bin/sh\nexit 0\n");
    bench_write_handler(bench, "show",
                        "#!/bin/sh\nprintf '[\"%s\",\"%s\",\"%s\",\"%s\",\"%s\"]' \"$ORCHESTRATOR_FUNCTION\" "
                        "\"$ORCHESTRATOR_IDEMPOTENCY_TOKEN\" \"$ORCHESTRATOR_STATE_NAME\" "
                        "\"$ORCHESTRATOR_ATTEMPT\" \"$ORCHESTRATOR_DEADLINE_MS\"\n");
    open_functions(bench, NULL, (struct functions_options){0});
    assert_output(bench_run(bench, &cat, "{\"a\":[1,2.50,\"x\"]}"), "{\"a\":[1,2.50,\"x\"]}");
    assert_string_equal(bench->log.data, "cat: reading\n");
    assert_output(bench_run(bench, &quiet, "{}"), "null");
    assert_output(bench_run(bench, &show, "{}"), "[\"show\",\"token-1\",\"Work\",\"0\",\"0\"]");
}

static void a_long_payload_goes_through_a_command(void **state)
{
    struct bench *bench = *state;
    struct resource cat = function_resource("cat"), deaf = function_resource("deaf");
    bench_write_handler(bench, "cat", "#!/bin/sh\nexec cat\n");
    bench_write_handler(bench, "deaf", "#!/bin/sh\necho 7\n");
    open_functions(bench, NULL, (struct functions_options){0});
    char *input = mem_zalloc(1000003);
    memset(input, 'x', 1000002);
    input[0] = input[1000001] = '"';
    assert_output(bench_run(bench, &cat, input), input);
    assert_output(bench_run(bench, &deaf, input), "7");
    free(input);
}

static void failures_of_commands_are_clear(void **state)
{
    static const struct {
        const char *script, *error, *cause;
    } cases[] = {
        {"#!/bin/sh\necho one >&2; echo two >&2; exit 3\n", "Lambda.Unknown", "ended with status 3: two"},
        {"#!/bin/sh\nkill -TERM $$\n", "Lambda.Unknown", "was ended by signal 15 (Terminated)"},
        {"#!/bin/sh\necho '{\"errorType\":\"Out.OfStock\",\"errorMessage\":\"none left\"}'; exit 1\n", "Out.OfStock",
         "none left"},
        {"#!/bin/sh\necho hello world\n", "Lambda.Unknown", "returned what is not JSON"},
        {"#!/bin/sh\nprintf '\"\\377\"'\n", "Lambda.Unknown", "returned what is not JSON"},
        {"#!/bin/sh\nhead -c 10000000 /dev/zero | tr '\\0' 1\n", "Lambda.Unknown", "Function.ResponseSizeTooLarge"},
        {"#!/bin/sh\nexec yes\n", "Lambda.Unknown", "Function.ResponseSizeTooLarge"},
        {"#!/nonexistent/interpreter\n", "Lambda.Unknown", "could not be started"},
    };
    struct bench *bench = *state;
    struct resource bad = function_resource("bad");
    open_functions(bench, NULL, (struct functions_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench_write_handler(bench, "bad", cases[i].script);
        assert_failure(bench_run(bench, &bad, "{}"), cases[i].error, cases[i].cause);
    }
}

static void a_call_that_takes_too_long_is_ended(void **state)
{
    struct bench *bench = *state;
    struct resource family = function_resource("family"), obey = function_resource("obey");
    bench_write_handler(bench, "family", sh_family);
    bench_write(bench, "family.json", "{\"timeout\":1}", 0644);
    bench_write_handler(bench, "obey.lines", sh_obey);
    bench_write(bench, "obey.json", "{\"timeout\":1.5,\"concurrency\":1,\"processes\":2}", 0644);
    open_functions(bench, NULL, (struct functions_options){0});
    struct item *item = bench_run(bench, &family, "{}");
    assert_failure(item, "Sandbox.Timedout", "Task timed out after 1.00 seconds");
    assert_true(has_ended(bench, pid_in(bench, "child")));
    bench_start(bench, &obey, "60");
    bench_start(bench, &obey, "0");
    bench_wait(bench, 3);
    assert_failure(&bench->items[1], "Sandbox.Timedout", "Task timed out after 1.50 seconds");
    assert_int_equal(bench->items[2].kind, TASK_SUCCEEDED);
    assert_int_equal(bench_run(bench, &obey, "0")->kind, TASK_SUCCEEDED);
}

static void no_more_processes_than_allowed(void **state)
{
    struct bench *bench = *state;
    struct resource count = function_resource("count"), idle = function_resource("echo");
    bench_write_handler(bench, "count",
                        "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ntouch running.$$\nls running.* | wc -l\nsleep "
                        "0.05\nrm running.$$\n");
    bench_write_handler(bench, "echo.lines.py", python_echo);
    open_functions(bench, NULL, (struct functions_options){.processes_max = 3});
    assert_int_equal(bench_run(bench, &idle, "1")->kind,
                     TASK_SUCCEEDED); /* its worker is given back when others want to run */
    for (int i = 0; i < 20; i++)
        bench_start(bench, &count, "{}");
    bench_wait(bench, 21);
    int most = 0;
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(bench->items[i].kind, TASK_SUCCEEDED);
        int running = atoi(bench->items[i].output);
        most = running > most ? running : most;
    }
    assert_int_equal(most, 3);
}

static void a_busy_pool_leaves_room_for_others(void **state)
{
    struct bench *bench = *state;
    struct resource obey = function_resource("obey"), quick = function_resource("quick");
    bench_write_handler(bench, "obey.lines.py", python_obey);
    bench_write(bench, "obey.json", "{\"processes\":2,\"concurrency\":1}", 0644);
    bench_write_handler(bench, "quick", "#!/bin/sh\necho 1\n");
    open_functions(bench, NULL, (struct functions_options){.processes_max = 2});
    for (int i = 0; i < 60; i++)
        bench_start(bench, &obey, "0.1");
    bench_turn(bench, 300);
    struct item *item = bench_start(bench, &quick, "{}");
    for (int64_t until = bench_now_ms() + PATIENCE_MS; !item->ended && bench_now_ms() < until;)
        bench_turn(bench, 2);
    assert_output(item, "1");
    assert_true(bench->ended < 50); /* those that wait are not done yet */
    bench_wait(bench, 61);
}

static void a_queued_call_can_be_cancelled(void **state)
{
    struct bench *bench = *state;
    struct resource mark = function_resource("mark");
    bench_write_handler(bench, "mark", "#!/bin/sh\nread -r n\ntouch \"$(dirname \"$0\")/ran.$n\"\nsleep 0.1\n");
    bench_write(bench, "mark.json", "{\"processes\":1}", 0644);
    open_functions(bench, NULL, (struct functions_options){0});
    bench_start(bench, &mark, "1");
    struct item *second = bench_start(bench, &mark, "2");
    bench_turn(bench, 20);
    bench->connector->ops->cancel(bench->connector, &second->task);
    bench_start(bench, &mark, "3");
    bench_wait(bench, 2);
    char *path = bench_path(bench, "ran.2");
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

static void what_is_not_there_is_said_as_aws_says_it(void **state)
{
    struct bench *bench = *state;
    struct resource missing = function_resource("no_such"), plain = function_resource("plain"),
                    settings = function_resource("wrong");
    struct resource invoke = {.kind = RESOURCE_SERVICE, .service = "lambda", .operation = "invoke", .text = ""};
    bench_write(bench, "plain.py", "#!/usr/bin/env python3\n", 0644);
    bench_write(bench, "wrong.json", "{\"processes\":0,\"command\":[\"true\"]}", 0644);
    open_functions(bench, NULL, (struct functions_options){0});
    static const char text[] =
        "Function not found: arn:aws:lambda:eu-west-1:111122223333:function:no_such:$LATEST "
        "(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: ";
    assert_failure(bench_run(bench, &missing, "{}"), "Lambda.ResourceNotFoundException", text);
    assert_failure(bench_run(bench, &invoke, "{\"FunctionName\":\"no_such\"}"), "Lambda.ResourceNotFoundException",
                   text);
    assert_failure(bench_run(bench, &invoke, "{\"FunctionName\":\"../../bin/sh\"}"), "Lambda.ResourceNotFoundException",
                   "cannot be the name of a function");
    assert_failure(bench_run(bench, &invoke, "{\"Payload\":1}"), "States.Runtime", "FunctionName");
    assert_failure(bench_run(bench, &plain, "{}"), "Lambda.Unknown", "is not executable; chmod +x ");
    assert_failure(bench_run(bench, &settings, "{}"), "Lambda.Unknown", "/wrong/processes: ");
}

static void a_later_directory_may_have_what_is_executable(void **state)
{
    struct bench *bench = *state;
    struct resource source = function_resource("source"), only_source = function_resource("only");
    char *built = bench_path(bench, "built");
    assert_int_equal(mkdir(built, 0755), 0);
    bench_write(bench, "source.py", "not this one", 0644);
    bench_write(bench, "only.c", "int main(void);", 0644);
    bench_write_handler(bench, "built/source.lines",
                        "#!/bin/sh\nexec sed 's/^.*\"id\":\\(\"[0-9]*\"\\).*$/{\"id\":\\1,"
                        "\"result\":7}/;' --unbuffered\n");
    struct err err = {0};
    const char *directories[] = {bench->folder, built};
    struct functions_options options = {.directories = directories, .directory_count = 2};
    assert_int_equal(functions_open(bench->base, &options, &bench->connector, &err), 0);
    assert_output(bench_run(bench, &source, "{}"), "7");
    assert_failure(bench_run(bench, &only_source, "{}"), "Lambda.ResourceNotFoundException", "no executable \"only\"");
    free(built);
}

static void invoke_wraps_the_payload(void **state)
{
    struct bench *bench = *state;
    struct resource invoke = {.kind = RESOURCE_SERVICE, .service = "lambda", .operation = "invoke", .text = ""};
    bench_write_handler(bench, "cat", "#!/bin/sh\nexec cat\n");
    open_functions(bench, NULL, (struct functions_options){0});
    static const char *const names[] = {"cat", "cat:$LATEST", "123456789012:function:cat",
                                        "arn:aws:lambda:us-east-1:123456789012:function:cat:7"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        AUTO_JSON struct json_object *answer = NULL;
        struct json_object *payload = NULL, *metadata;
        char *input = mem_printf("{\"FunctionName\":\"%s\",\"Payload\":{\"a\":1}}", names[i]);
        struct item *item = bench_run(bench, &invoke, input);
        assert_int_equal(item->kind, TASK_SUCCEEDED);
        assert_int_equal(json_parse(item->output, strlen(item->output), &answer, NULL), 0);
        assert_int_equal(json_member_int(answer, "StatusCode", 0), 200);
        assert_string_equal(json_member_text(answer, "ExecutedVersion"), "$LATEST");
        assert_true(json_member(answer, "Payload", &payload));
        assert_int_equal(json_member_int(payload, "a", 0), 1);
        assert_true(json_member(answer, "SdkResponseMetadata", &metadata));
        assert_int_equal(strlen(json_member_text(metadata, "RequestId")), 36);
        assert_true(json_member(answer, "SdkHttpMetadata", &metadata));
        free(input);
    }
    assert_failure(bench_run(bench, &invoke, "{\"FunctionName\":\"cat\",\"InvocationType\":\"Event\"}"),
                   "States.Runtime", "Event");
}

static void invoke_with_a_token_is_submitted(void **state)
{
    struct bench *bench = *state;
    struct resource invoke = {
        .kind = RESOURCE_SERVICE, .pattern = PATTERN_CALLBACK, .service = "lambda", .operation = "invoke", .text = ""};
    bench_write_handler(bench, "cat", "#!/bin/sh\nexec cat\n");
    open_functions(bench, NULL, (struct functions_options){0});
    struct item *item = bench_start(bench, &invoke, "{\"FunctionName\":\"cat\",\"Payload\":{\"token\":\"t\"}}");
    for (int64_t until = bench_now_ms() + PATIENCE_MS; item->submitted == 0 && bench_now_ms() < until;)
        bench_turn(bench, 2);
    assert_int_equal(item->submitted, 1);
    assert_false(item->ended);
    assert_non_null(strstr(item->submitted_output, "\"Payload\":{\"token\":\"t\"}"));
    bench->connector->ops->cancel(bench->connector, &item->task); /* the token came: nothing is left to end */
}

static void a_wrong_configuration_is_refused(void **state)
{
    static const struct {
        const char *configuration, *where;
    } cases[] = {
        {"[]", ""},
        {"{\"a b\":{\"command\":[\"x\"]}}", ""},
        {"{\"a\":{}}", "/a/command"},
        {"{\"a\":{\"command\":\"python3 x.py\"}}", "/a/command"},
        {"{\"a\":{\"command\":[\"x\",1]}}", "/a/command"},
        {"{\"a\":{\"command\":[\"x\"],\"mode\":\"line\"}}", "/a/mode"},
        {"{\"a\":{\"command\":[\"x\"],\"processes\":0}}", "/a/processes"},
        {"{\"a\":{\"command\":[\"x\"],\"concurrency\":\"many\"}}", "/a/concurrency"},
        {"{\"a\":{\"command\":[\"x\"],\"timeout\":-1}}", "/a/timeout"},
        {"{\"a\":{\"command\":[\"x\"],\"env\":{\"A\":null}}}", "/a/env"},
        {"{\"a\":{\"command\":[\"x\"],\"cwd\":\"\"}}", "/a/cwd"},
        {"{\"a\":{\"command\":[\"x\"],\"workers\":2}}", "/a/workers"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_JSON struct json_object *functions = NULL;
        struct connector *connector = NULL;
        struct err err = {0};
        assert_int_equal(json_parse(cases[i].configuration, strlen(cases[i].configuration), &functions, NULL), 0);
        struct functions_options options = {.configuration = functions};
        assert_int_equal(functions_open(bench->base, &options, &connector, &err), ERR_INVALID);
        assert_string_equal(err.where, cases[i].where);
        assert_null(connector);
    }
    const char *directories[] = {"/nonexistent/functions"};
    struct functions_options options = {.directories = directories, .directory_count = 1};
    struct connector *connector = NULL;
    assert_int_equal(functions_open(bench->base, &options, &connector, NULL), ERR_NOT_FOUND);
}

static void settings_reach_the_process(void **state)
{
    struct bench *bench = *state;
    struct resource show = function_resource("show");
    open_functions(
        bench,
        "{\"show\":{\"command\":[\"sh\",\"-c\",\"printf '\\\"%s %s %s\\\"' \\\"$A\\\" \\\"$PWD\\\" \\\"$1\\\"\",\"sh\","
        "\"$HOME; x\"],\"env\":{\"A\":\"one\"},\"cwd\":\"/\"}}",
        (struct functions_options){0});
    assert_output(bench_run(bench, &show, "{}"), "\"one / $HOME; x\""); /* no shell of ours looks at the words */
}

static void a_child_inherits_nothing_but_its_pipes(void **state)
{
    struct bench *bench = *state;
    struct resource look = function_resource("look");
    int leaked = dup(1); /* not close-on-exec, as a library may leave one */
    bench_write_handler(bench, "look",
                        "#!/usr/bin/env python3\nimport os, signal\n"
                        "open_ones = [f for f in os.listdir('/proc/self/fd') if int(f) > 2]\n"
                        "print(len(open_ones) - 1)\n"
                        "import sys; sys.exit(signal.getsignal(signal.SIGTERM) != signal.SIG_DFL)\n");
    open_functions(bench, NULL, (struct functions_options){0});
    assert_output(bench_run(bench, &look, "{}"), "0");
    close(leaked);
}

/* What a node tells others that it has: configured, settings, executables; not what cannot run. */
static void the_names_of_all_functions(void **state)
{
    struct bench *bench = *state;
    bench_write_handler(bench, "charge.lines.py", "#!/bin/sh\n");
    bench_write_handler(bench, "ship", "#!/bin/sh\n");
    bench_write(bench, "set.json", "{\"command\":[\"true\"]}", 0644);
    bench_write(bench, "wrong.json", "{\"command\":[]}", 0644);
    bench_write(bench, "plain.py", "", 0644);
    bench_write_handler(bench, "source.c", "");
    bench_write_handler(bench, "no name", "");
    open_functions(bench, "{\"made\":{\"command\":[\"true\"]}}", (struct functions_options){0});
    AUTO_JSON struct json_object *names = functions_names(bench->connector);
    char *text = json_text(names);
    assert_string_equal(text, "[\"charge\",\"made\",\"set\",\"ship\"]");
    free(text);
    assert_true(functions_has(bench->connector, "charge"));
    assert_false(functions_has(bench->connector, "plain"));
    bench_write_handler(bench, "plain.sh", "#!/bin/sh\n");
    assert_true(functions_has(bench->connector, "plain"));
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_carries_the_call, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_c_handler_answers_many_calls, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(errors_of_the_handler_have_their_names, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_bad_line_is_a_clear_failure_and_the_next_call_works, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(slow_calls_are_worked_at_side_by_side, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(answers_may_come_in_any_order, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_call_among_others_is_forgotten, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_report_may_cancel_another_call, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(cancel_ends_the_whole_group, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(close_ends_the_whole_group, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_a_command_leaves_behind_is_ended, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_command_reads_the_payload_and_prints_the_result, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_long_payload_goes_through_a_command, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(failures_of_commands_are_clear, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_call_that_takes_too_long_is_ended, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(no_more_processes_than_allowed, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_busy_pool_leaves_room_for_others, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_queued_call_can_be_cancelled, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_said_as_aws_says_it, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_later_directory_may_have_what_is_executable, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(invoke_wraps_the_payload, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(invoke_with_a_token_is_submitted, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_configuration_is_refused, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(settings_reach_the_process, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_child_inherits_nothing_but_its_pipes, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(the_names_of_all_functions, bench_setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
