/*
 * stop_remote.c - stopping an execution that another node runs: a nested one, or one of a machine that is deleted.
 *
 * Its owner is asked for StopExecution, which changes nothing when it is done twice.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"

#include <stdlib.h>
#include <string.h>

struct stopping {
    struct engine *engine;
    engine_done_fn *done;
    void *context;
};

static void on_answer(void *context, int code, struct json_object *answer, const struct err *err)
{
    struct stopping *stopping = context;
    const char *error = code == 0 ? json_member_text(answer, "error") : NULL;
    const char *message = json_member_text(answer, "message");
    struct err refused;
    if (error) {
        code = strcmp(error, "ExecutionDoesNotExist") == 0 ? ERR_NOT_FOUND : ERR_BUSY;
        err_set(&refused, (enum err_code)code, "%s", message ? message : error);
        err = &refused;
    }
    if (code != 0)
        engine_log(stopping->engine, 2, "could not stop an execution on another node: %s", err->message);
    if (stopping->done)
        stopping->done(stopping->context, code, code ? err : NULL);
    free(stopping);
}

void stop_remote(struct engine *engine, const char *arn, const char *error, const char *cause, engine_done_fn *done,
                 void *context)
{
    struct stopping *stopping = NEW(struct stopping);
    AUTO_JSON struct json_object *input = json_object_new_object();
    *stopping = (struct stopping){engine, done, context};
    json_add_text(input, "executionArn", arn);
    if (error)
        json_add_text(input, "error", error);
    if (cause)
        json_add_text(input, "cause", cause);
    peer_ask(engine, store_shard_of(engine->store, arn), "StopExecution", input, 0, on_answer, stopping);
}
