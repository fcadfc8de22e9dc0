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
        call_fail(call, "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
        break;
    default:
        call_fail_internal(call, code, err);
    }
}

void send_task_success(struct service_call *call)
{
    const char *text = call_text(call, "output");
    AUTO_JSON struct json_object *output = NULL;
    if (json_parse(text, strlen(text), &output, NULL) < 0) {
        call_fail(call, "InvalidOutput", "Invalid Output: 'Invalid JSON in the output'");
        return;
    }
    engine_complete_token(call->service->engine, call_text(call, "taskToken"), TOKEN_SUCCESS, output, NULL, NULL,
                          token_done, call);
}

void send_task_failure(struct service_call *call)
{
    engine_complete_token(call->service->engine, call_text(call, "taskToken"), TOKEN_FAILURE, NULL,
                          call_text(call, "error"), call_text(call, "cause"), token_done, call);
}

void send_task_heartbeat(struct service_call *call)
{
    engine_complete_token(call->service->engine, call_text(call, "taskToken"), TOKEN_HEARTBEAT, NULL, NULL, NULL,
                          token_done, call);
}
