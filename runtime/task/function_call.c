#include "config.h"

#include "runtime/task/functions_priv.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { QUOTED_BYTES_MAX = 300 }; /* of what a handler wrote, in a message */

/* --- a call's way ----------------------------------------------------------------------------- */

struct call *call_queue(struct function *function, struct task *task, struct json_object *payload)
{
    struct functions *all = function->all;
    struct call *call = TAILQ_FIRST(&all->spare);
    if (call)
        TAILQ_REMOVE(&all->spare, call, link);
    else
        call = NEW(struct call);
    *call = (struct call){.task = task, .function = function, .payload = payload};
    TAILQ_INSERT_TAIL(&function->queue, call, link);
    task->connector_data = call;
    return call;
}

void call_take(struct call *call, void *place)
{
    struct function *function = call->function;
    TAILQ_REMOVE(&function->queue, call, link);
    TAILQ_INSERT_TAIL(&function->at_work, call, link);
    call->place = place;
    call->started_ms = functions_now_ms(function->all);
    if (function->timeout && !event_pending(function->timeout, EV_TIMEOUT, NULL)) {
        int64_t ms = function->settings.timeout_ms;
        struct timeval wait = {ms / 1000, (ms % 1000) * 1000};
        event_add(function->timeout, &wait);
    }
}

void call_drop(struct call *call)
{
    struct function *function = call->function;
    TAILQ_REMOVE(call->place ? &function->at_work : &function->queue, call, link);
    call->task->connector_data = NULL;
    json_release(&call->payload);
    TAILQ_INSERT_HEAD(&function->all->spare, call, link);
}

int64_t call_deadline_ms(const struct call *call)
{
    int64_t own_ms = call->function->settings.timeout_ms;
    if (own_ms > 0)
        own_ms += functions_now_ms(call->function->all);
    int64_t task_ms = call->task->deadline_ms;
    if (own_ms == 0 || (task_ms > 0 && task_ms < own_ms))
        return task_ms;
    return own_ms;
}

/* --- success ---------------------------------------------------------------------------------- */

/* splitmix64: request ids need to be different, not secret. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void write_request_id(struct functions *all, char text[37])
{
    uint64_t a = next_random(&all->random[0]), b = next_random(&all->random[1]);
    snprintf(text, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(0x8000 | (b >> 48 & 0x3fff)), (unsigned long long)(b & 0xffffffffffffu));
}

/* What lambda:invoke makes of a payload, which it takes over. [integrations.md section 2] */
static struct json_object *invoke_answer(struct functions *all, struct json_object *payload)
{
    char request_id[37];
    write_request_id(all, request_id);
    struct json_object *answer = json_object_new_object(), *metadata = json_object_new_object();
    json_add_text(metadata, "RequestId", request_id);
    json_add_text(answer, "ExecutedVersion", "$LATEST");
    json_add(answer, "Payload", payload);
    json_add(answer, "SdkHttpMetadata", json_object_get(all->http_metadata));
    json_add(answer, "SdkResponseMetadata", metadata);
    json_add_int(answer, "StatusCode", 200);
    return answer;
}

void call_answered(struct call *call, const char *text, size_t bytes)
{
    struct functions *all = call->function->all;
    AUTO_JSON struct json_object *result = NULL;
    struct err err;
    if (bytes > all->options.output_bytes_max) {
        call_broke(call, "Function.ResponseSizeTooLarge", "returned %zu bytes, at most %zu are allowed", bytes,
                   all->options.output_bytes_max);
        return;
    }
    if (json_parse(text, bytes, &result, &err) != 0) {
        call_broke(call, "Runtime.InvalidResponse", "returned what is not JSON: %s in \"%.*s\"", err.message,
                   (int)(bytes < QUOTED_BYTES_MAX ? bytes : QUOTED_BYTES_MAX), text);
        return;
    }
    struct task *task = call->task;
    if (task->resource->kind == RESOURCE_SERVICE)
        result = invoke_answer(all, result);
    bool waits = task->resource->pattern == PATTERN_CALLBACK;
    call_drop(call);
    enum task_report_kind kind = waits ? TASK_SUBMITTED : TASK_SUCCEEDED;
    task->report(task, &(struct task_report){.kind = kind, .output = result, .handed_over = waits});
}

/* --- failures --------------------------------------------------------------------------------- */

static void fail(struct call *call, const char *error, const char *cause)
{
    struct task *task = call->task;
    call_drop(call);
    task->report(task, &(struct task_report){.kind = TASK_FAILED, .error = error, .cause = cause});
}

void call_failed(struct call *call, const char *text, size_t bytes)
{
    AUTO_JSON struct json_object *payload = NULL;
    AUTO_BUF cause = BUF_INIT;
    struct err err;
    if (json_parse(text, bytes, &payload, &err) != 0) {
        call_broke(call, "Runtime.InvalidResponse", "returned an error that is not JSON: %s in \"%.*s\"", err.message,
                   (int)(bytes < QUOTED_BYTES_MAX ? bytes : QUOTED_BYTES_MAX), text);
        return;
    }
    const char *error = json_member_text(payload, "errorType");
    if (error == NULL || error[0] == '\0') {
        error = "Lambda.Unknown";
        buf_add_text(&cause, "The cause could not be determined because Lambda did not return an error type. "
                             "Returned payload: ");
    }
    json_write(&cause, payload);
    fail(call, error, buf_text(&cause));
}

/* The length of the UTF-8 character at text, 0 where there is none. */
static size_t character_bytes(const unsigned char *text, size_t bytes)
{
    unsigned char c = text[0];
    size_t length = c < 0x80                ? 1
                    : c >= 0xc2 && c < 0xe0 ? 2
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xf0 && c < 0xf5 ? 4
                                            : 0;
    if (length == 0 || length > bytes)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] >= 0xa0) || (c == 0xf0 && text[1] < 0x90) ||
        (c == 0xf4 && text[1] >= 0x90))
        return 0;
    return length;
}

/* A message may quote what a handler wrote, and that may be anything: what is no UTF-8 becomes U+FFFD. */
static void add_readable(struct buf *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        size_t length = character_bytes((const unsigned char *)text + i, bytes - i);
        if (length > 0)
            buf_add(out, text + i, length);
        else
            buf_add_text(out, "\xef\xbf\xbd");
        i += length > 0 ? length : 1;
    }
}

void call_broke(struct call *call, const char *error_type, const char *format, ...)
{
    AUTO_BUF raw = BUF_INIT;
    AUTO_BUF message = BUF_INIT;
    AUTO_BUF cause = BUF_INIT;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    vsnprintf(buf_reserve(&raw, (size_t)length), (size_t)length + 1, format, again);
    va_end(again);
    raw.bytes = (size_t)length;
    buf_printf(&message, "%s ", call->function->name);
    add_readable(&message, raw.data, raw.bytes);

    buf_add_text(&cause, "{\"errorMessage\":");
    json_write_string(&cause, message.data, message.bytes);
    buf_printf(&cause, ",\"errorType\":\"%s\"}", error_type);
    fail(call, "Lambda.Unknown", cause.data);
}

void call_timed_out(struct call *call)
{
    struct functions *all = call->function->all;
    char request_id[37];
    write_request_id(all, request_id);
    char *cause = mem_printf("RequestId: %s Error: Task timed out after %.2f seconds", request_id,
                             (double)call->function->settings.timeout_ms / 1000);
    fail(call, "Sandbox.Timedout", cause);
    free(cause);
}

/* --- texts ------------------------------------------------------------------------------------ */

void describe_exit(struct buf *out, int status, const char *last_words)
{
    if (WIFSIGNALED(status))
        buf_printf(out, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        buf_printf(out, "ended with status %d", WEXITSTATUS(status));
    if (last_words[0])
        buf_printf(out, ": %s", last_words);
}

/* The part of an ARN with that number, counted from 0; "" where there is none. */
static int arn_part(const char *arn, int number, const char **ret_text)
{
    const char *at = arn ? arn : "";
    for (; number > 0 && *at; number--) {
        at += strcspn(at, ":");
        at += *at == ':';
    }
    *ret_text = at;
    return (int)strcspn(at, ":");
}

char *describe_missing(struct functions *all, const struct task *task, const char *name, const char *hint)
{
    char request_id[37];
    const char *region, *account;
    write_request_id(all, request_id);
    int region_bytes = arn_part(task->execution_arn, 3, &region);
    int account_bytes = arn_part(task->execution_arn, 4, &account);
    AUTO_BUF text = BUF_INIT;
    struct buf readable = BUF_INIT; /* a name from an input may be cut inside a character */
    buf_printf(&text,
               "Function not found: arn:aws:lambda:%.*s:%.*s:function:%.100s:$LATEST (Service: AWSLambda; Status "
               "Code: 404; Error Code: ResourceNotFoundException; Request ID: %s; Proxy: null): %s",
               region_bytes, region, account_bytes, account, name, request_id, hint);
    add_readable(&readable, text.data, text.bytes);
    return buf_take(&readable);
}
