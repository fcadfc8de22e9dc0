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

static void carried_out(void *context)
{
    call_carried_out(context);
}

/* The node that runs the execution is asked; a token that is none is refused here. */
static void complete(struct service_call *call, enum token_action action, struct json_object *output)
{
    struct engine *engine = call->service->engine;
    const char *token = call_text(call, "taskToken");
    int shard = engine_token_shard(engine, token);
    if (shard >= 0 && call_forward(call, shard, NULL))
        return;
    if (call->again) {
        call_succeed(call, NULL);
        return;
    }
    engine_complete_token(engine, &(struct engine_completion){.token = token,
                                                              .action = action,
                                                              .output = output,
                                                              .error = call_text(call, "error"),
                                                              .cause = call_text(call, "cause"),
                                                              .done = token_done,
                                                              .carried_out = carried_out,
                                                              .context = call});
}

void send_task_success(struct service_call *call)
{
    const char *text = call_text(call, "output");
    AUTO_JSON struct json_object *output = NULL;
    if (json_parse(text, strlen(text), &output, NULL) < 0)
        call_fail(call, "InvalidOutput", "Invalid Output: 'Invalid JSON in the output'");
    else
        complete(call, TOKEN_SUCCESS, output);
}

void send_task_failure(struct service_call *call)
{
    complete(call, TOKEN_FAILURE, NULL);
}

void send_task_heartbeat(struct service_call *call)
{
    complete(call, TOKEN_HEARTBEAT, NULL);
}
