/*
 * forward.c - operations on executions that another node runs (runtime/executor/peer.h).
 *
 * What is forwarded may be carried out more than once: a start has a name, a stop of what has stopped changes nothing,
 * a token completes its task once. An answer that does not come in time is an error that clients try again, never a
 * yes.
 */
#include "asl/base/err.h"
#include "runtime/executor/peer.h"
#include "runtime/service/service_priv.h"

enum { FORWARD_MS = 15000 };

static void on_answer(void *context, int code, struct json_object *answer, const struct err *err)
{
    struct service_call *call = context;
    call->waiting = NULL;
    call->cancel = NULL;
    if (code == 0)
        call_answer(call, answer);
    else if (code == ERR_BUSY)
        call_fail(call, "ServiceUnavailable", "%s", err->message);
    else
        call_fail_internal(call, code, err);
}

static void on_cancel(struct service_call *call)
{
    peer_cancel(call->service->engine, call->waiting);
}

bool call_forward(struct service_call *call, int shard, struct json_object *input)
{
    struct engine *engine = call->service->engine;
    if (engine_owns_shard(engine, shard))
        return false;
    call->waiting =
        peer_ask(engine, shard, call->operation->name, input ? input : call->input, FORWARD_MS, on_answer, call);
    call->cancel = on_cancel;
    return true;
}

bool call_forward_arn(struct service_call *call, const char *execution_arn)
{
    return call_forward(call, store_shard_of(call->service->store, execution_arn), NULL);
}
