/* token.c - SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat (reference/api.md section 6). */
#include "asl/base/err.h"
#include "runtime/service/service_priv.h"

#include <string.h>

static void token_done(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    switch (code) {
    case 0:
        call_succeed(call, NULL);
        break;
    case ERR_INVALID:
        call_fail(call, "InvalidToken", "Invalid Token: 'Invalid token'");
        break;
    case ERR_NOT_FOUND:
        if (call->again)
            call_succeed(call, NULL);
        else
            call_fail(call, "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
        break;
    default:
        call_fail_internal(call, code, err);
    }
}

/* The node that runs the execution is asked; a token that is none is refused here. */
static bool forward(struct service_call *call)
{
    int shard = engine_token_shard(call->service->engine, call_text(call, "taskToken"));
    bool forwarded = shard >= 0 && call_forward(call, shard, NULL);
    call->carries_out = !forwarded;
    return forwarded;
}

void send_task_success(struct service_call *call)
{
    const char *text = call_text(call, "output");
    AUTO_JSON struct json_object *output = NULL;
    if (json_parse(text, strlen(text), &output, NULL) < 0) {
        call_fail(call, "InvalidOutput", "Invalid Output: 'Invalid JSON in the output'");
        return;
    }
    if (forward(call))
        return;
    engine_complete_token(call->service->engine, call_text(call, "taskToken"), TOKEN_SUCCESS, output, NULL, NULL,
                          token_done, call);
}

void send_task_failure(struct service_call *call)
{
    if (forward(call))
        return;
    engine_complete_token(call->service->engine, call_text(call, "taskToken"), TOKEN_FAILURE, NULL,
                          call_text(call, "error"), call_text(call, "cause"), token_done, call);
}

void send_task_heartbeat(struct service_call *call)
{
    if (forward(call))
        return;
    engine_complete_token(call->service->engine, call_text(call, "taskToken"), TOKEN_HEARTBEAT, NULL, NULL, NULL,
                          token_done, call);
}
