/*
 * function_command.c - handlers that are run once per call: the payload on stdin, the result on stdout.
 *
 * Status 0: stdout is the result (nothing at all is null). Any other status is a failure; an object
 * with an errorType or errorMessage on stdout says which, else the last line of stderr does.
 */
#include "config.h"

#include "runtime/task/functions_priv.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 16384, CONTEXT_VARIABLES = 5 };

struct run {
    TAILQ_ENTRY(run) link;
    struct runs *runs;
    struct call *call;
    struct process *process;
    struct event *readable, *writable;
    struct buf in; /* of the handler: what is not written yet starts at sent */
    size_t sent;
    struct buf out;
};

struct runs {
    TAILQ_HEAD(run_list, run) list;
};

static void free_run(struct run *run)
{
    TAILQ_REMOVE(&run->runs->list, run, link);
    run->call->function->processes--;
    event_free(run->readable);
    event_free(run->writable);
    buf_release(&run->in);
    buf_release(&run->out);
    free(run);
}

/* Ends the process, if it is still there. */
static void end_run(struct run *run)
{
    event_del(run->readable);
    event_del(run->writable);
    process_free(run->process);
    free_run(run);
}

/* --- input and output ------------------------------------------------------------------------- */

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct run *run = context;
    ssize_t put = write(fd, run->in.data + run->sent, run->in.bytes - run->sent);
    if (put > 0)
        run->sent += (size_t)put;
    bool again = put < 0 && (errno == EAGAIN || errno == EINTR);
    if (run->sent < run->in.bytes && (put >= 0 || again))
        return;
    event_del(run->writable); /* all written, or it does not want to know */
    process_close_stdin(run->process);
    buf_release(&run->in);
}

/* Whether there may be more. A result that is too long ends the run. */
static bool read_output(struct run *run)
{
    ssize_t got = read(process_stdout(run->process), buf_reserve(&run->out, READ_BYTES), READ_BYTES);
    if (got > 0)
        run->out.bytes += (size_t)got;
    return got > 0 || (got < 0 && errno == EINTR);
}

static bool too_long(const struct run *run)
{
    return run->out.bytes > run->call->function->all->options.output_bytes_max;
}

static void fail_too_long(struct run *run)
{
    struct call *call = run->call;
    end_run(run);
    call_broke(call, "Function.ResponseSizeTooLarge", "wrote more than the %zu bytes a result may have",
               call->function->all->options.output_bytes_max);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct run *run = context;
    if (!read_output(run) && errno != EAGAIN)
        event_del(run->readable);
    if (too_long(run))
        fail_too_long(run);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* An error object a failed command left on stdout. */
static bool is_error_object(const struct buf *out)
{
    AUTO_JSON struct json_object *value = NULL;
    return json_parse(buf_text(out), out->bytes, &value, NULL) == 0 &&
           (json_member_text(value, "errorType") || json_member_text(value, "errorMessage"));
}

static bool is_blank(const struct buf *out)
{
    return strspn(buf_text(out), " \t\r\n") == out->bytes;
}

static void on_exited(void *owner, int status)
{
    struct run *run = owner;
    struct call *call = run->call;
    AUTO_BUF why = BUF_INIT;
    AUTO_BUF out = BUF_INIT;
    while (!too_long(run) && read_output(run))
        ;
    if (too_long(run)) {
        fail_too_long(run);
        return;
    }
    describe_exit(&why, status, process_last_words(run->process));
    out = run->out;
    run->out = (struct buf)BUF_INIT;
    end_run(run);
    if (status == 0 && is_blank(&out))
        call_answered(call, "null", 4);
    else if (status == 0)
        call_answered(call, out.data, out.bytes);
    else if (WIFEXITED(status) && is_error_object(&out))
        call_failed(call, out.data, out.bytes);
    else
        call_broke(call, "Runtime.ExitError", "%s", why.data);
}

/* --- the start -------------------------------------------------------------------------------- */

/* The function's environment and what the line protocol calls "context". The new texts come first. */
static char **make_environment(const struct call *call)
{
    const struct task *task = call->task;
    char **base = call->function->settings.envp;
    size_t count = 0;
    while (base[count])
        count++;
    char **envp = mem_alloc((CONTEXT_VARIABLES + count + 1) * sizeof *envp);
    envp[0] = mem_printf("ORCHESTRATOR_IDEMPOTENCY_TOKEN=%s", task->idempotency_token ? task->idempotency_token : "");
    envp[1] = mem_printf("ORCHESTRATOR_EXECUTION_ARN=%s", task->execution_arn ? task->execution_arn : "");
    envp[2] = mem_printf("ORCHESTRATOR_STATE_NAME=%s", task->state_name ? task->state_name : "");
    envp[3] = mem_printf("ORCHESTRATOR_ATTEMPT=%lld", (long long)task->attempt);
    envp[4] = mem_printf("ORCHESTRATOR_DEADLINE_MS=%lld", (long long)call_deadline_ms(call));
    memcpy(envp + CONTEXT_VARIABLES, base, (count + 1) * sizeof *envp);
    return envp;
}

static void start_run(struct runs *runs, struct call *call)
{
    struct function *function = call->function;
    struct functions *all = function->all;
    struct run *run = NEW(struct run);
    struct err err;
    char **envp = make_environment(call);
    struct process_spec spec = {.name = function->name,
                                .argv = (const char *const *)function->settings.argv,
                                .envp = (const char *const *)envp,
                                .cwd = function->settings.cwd};
    int code = process_start(&all->processes, &spec, on_exited, run, &run->process, &err);
    for (int i = 0; i < CONTEXT_VARIABLES; i++)
        free(envp[i]);
    free(envp);
    call_take(call, run);
    if (code != 0) {
        free(run);
        call_broke(call, "Runtime.InvalidEntrypoint", "could not be started: %s", err.message);
        return;
    }
    run->runs = runs;
    run->call = call;
    json_write(&run->in, call->payload);
    buf_add_char(&run->in, '\n');
    run->readable = event_new(all->base, process_stdout(run->process), EV_READ | EV_PERSIST, on_readable, run);
    run->writable = event_new(all->base, process_stdin(run->process), EV_WRITE | EV_PERSIST, on_writable, run);
    event_add(run->readable, NULL);
    event_add(run->writable, NULL);
    TAILQ_INSERT_TAIL(&runs->list, run, link);
    function->processes++;
}

static void pump(struct function *function)
{
    struct runs *runs = function->pool;
    struct call *call;
    if (runs == NULL) {
        function->pool = runs = NEW(struct runs);
        TAILQ_INIT(&runs->list);
    }
    while ((call = TAILQ_FIRST(&function->queue)) != NULL && function->processes < function->settings.processes &&
           functions_room(function->all, function))
        start_run(runs, call);
}

static void abandon(struct call *call)
{
    end_run(call->place);
}

/* None is idle, and each ends soon enough. */
static bool give_back(struct function *function, bool busy_too)
{
    (void)function;
    (void)busy_too;
    return false;
}

static void release(struct function *function)
{
    struct runs *runs = function->pool;
    struct run *run;
    while (runs && (run = TAILQ_FIRST(&runs->list)) != NULL)
        free_run(run);
    free(runs);
    function->pool = NULL;
}

const struct mode_ops function_command_mode = {
    .pump = pump, .abandon = abandon, .give_back = give_back, .release = release};
