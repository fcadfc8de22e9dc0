/*
 * redrive.c - RedriveExecution (reference/api.md section 5).
 *
 * A request that is repeated with its clientToken within 15 minutes gets the answer of the first one. The tokens
 * are kept in memory, the last ones of all executions: after a restart a repeated request finds the
 * execution running and is refused, so nothing is redriven twice.
 */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/execution.h"

#include <stdlib.h>
#include <string.h>

static const int64_t token_ms_max = 15 * 60 * 1000;

static const struct redrive_token *find_token(struct service *service, const char *arn, const char *token)
{
    int64_t since_ms = engine_now_ms(service->engine) - token_ms_max;
    for (size_t i = 0; token && i < REDRIVE_TOKENS; i++) {
        const struct redrive_token *kept = &service->redrive_tokens[i];
        if (kept->arn && kept->redriven_ms >= since_ms && strcmp(kept->arn, arn) == 0 &&
            strcmp(kept->token, token) == 0)
            return kept;
    }
    return NULL;
}

static void keep_token(struct service *service, const char *arn, const char *token, int64_t redriven_ms)
{
    struct redrive_token *kept = &service->redrive_tokens[service->redrive_token_next++ % REDRIVE_TOKENS];
    free(kept->arn);
    free(kept->token);
    *kept = (struct redrive_token){.arn = mem_strdup(arn), .token = mem_strdup(token), .redriven_ms = redriven_ms};
}

static void succeed(struct service_call *call, int64_t redriven_ms)
{
    struct json_object *output = json_object_new_object();
    json_add(output, "redriveDate", api_time(redriven_ms));
    call_succeed(call, output);
}

static int note_redrive(void *context, const struct store_execution *execution)
{
    *(int64_t *)context = execution->redriven_ms;
    return 0;
}

/* It is redriven already, and may have failed again since. */
static void answer_again(struct service_call *call)
{
    int64_t redriven_ms = 0;
    if (execution_read(call, note_redrive, &redriven_ms))
        succeed(call, redriven_ms);
}

static void redrive_done(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    const char *arn = call_text(call, "executionArn");
    if (code == ERR_NOT_FOUND) {
        execution_fail_missing(call, arn);
    } else if (code == ERR_INVALID) {
        call_fail(call, "ExecutionNotRedrivable", "%s", err->message);
    } else if (code < 0) {
        call_fail_internal(call, code, err);
    } else {
        int64_t now_ms = engine_now_ms(call->service->engine);
        if (call_text(call, "clientToken"))
            keep_token(call->service, arn, call_text(call, "clientToken"), now_ms);
        succeed(call, now_ms);
    }
}

void redrive_execution(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "executionArn", ANY_EXECUTION, &arn))
        return;
    const char *text = call_text(call, "executionArn");
    if (call_forward_arn(call, text))
        return;
    if (call->again) {
        answer_again(call);
        return;
    }
    const struct redrive_token *earlier = find_token(call->service, text, call_text(call, "clientToken"));
    if (earlier)
        succeed(call, earlier->redriven_ms);
    else if (engine_redrive(call->service->engine, text, redrive_done, call))
        call_carried_out(call);
}
