/*
 * stop_remote.c - stopping an execution that another node runs: a nested one, or one of a machine that is deleted; and
 * stopping one for certain, as a child of what has just ended.
 *
 * Its owner is asked for StopExecution, which changes nothing when it is done twice. The request is in the commit that
 * is filling: it is there exactly when what led to it is, and stays until it is done, also when we are gone.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"

#include <stdlib.h>
#include <string.h>

struct stopping {
    struct engine *engine;
    struct stopping *next, **at; /* in engine->stoppings */
    engine_done_fn *done;        /* or NULL */
    void *context;
};

static void stopping_free(struct stopping *stopping)
{
    *stopping->at = stopping->next;
    if (stopping->next)
        stopping->next->at = stopping->at;
    free(stopping);
}

/* 0, or what the owner answered, or why there is no answer. */
static int read_answer(int code, struct json_object *answer, struct err *err)
{
    const char *error = code == 0 ? json_member_text(answer, "error") : NULL;
    const char *message = json_member_text(answer, "message");
    if (error == NULL)
        return code;
    if (strcmp(error, "ServiceUnavailable") == 0)
        code = ERR_BUSY;
    else if (strcmp(error, "InternalFailure") == 0)
        code = ERR_IO;
    else
        code = strcmp(error, "ExecutionDoesNotExist") == 0 ? ERR_NOT_FOUND : ERR_INVALID;
    return err_set(err, (enum err_code)code, "%s", message ? message : error);
}

static void on_answer(void *context, int code, struct json_object *answer, const struct err *err)
{
    struct stopping *stopping = context;
    struct err refused;
    bool is_answered = code == 0;
    code = read_answer(code, answer, &refused);
    if (is_answered)
        err = &refused;
    if (code != 0 && code != ERR_NOT_FOUND)
        engine_log(stopping->engine, 2, "could not stop an execution: %s", err->message);
    if (stopping->done)
        stopping->done(stopping->context, code, code ? err : NULL);
    stopping_free(stopping);
}

static void ask(struct engine *engine, const char *arn, struct json_object *input, engine_done_fn *done, void *context)
{
    struct stopping *stopping = NEW(struct stopping);
    *stopping = (struct stopping){engine, engine->stoppings, &engine->stoppings, done, context};
    if (stopping->next)
        stopping->next->at = &stopping->next;
    engine->stoppings = stopping;
    peer_ask(engine, store_shard_of(engine->store, arn), "StopExecution", input, 0, on_answer, stopping);
}

static struct json_object *input_of(const char *arn)
{
    struct json_object *input = json_object_new_object();
    json_add_text(input, "executionArn", arn);
    return input;
}

void stop_remote(struct engine *engine, const char *arn, const char *error, const char *cause, engine_done_fn *done,
                 void *context)
{
    AUTO_JSON struct json_object *input = input_of(arn);
    if (error)
        json_add_text(input, "error", error);
    if (cause)
        json_add_text(input, "cause", cause);
    ask(engine, arn, input, done, context);
}

void engine_ask_to_stop(struct engine *engine, const char *arn, struct json_object *input)
{
    ask(engine, arn, input, NULL, NULL);
}

void engine_stop_surely(struct engine *engine, const char *arn)
{
    struct err err;
    if (run_load(engine, arn, &err)) {
        engine_stop(engine, arn, NULL, NULL, NULL, NULL);
        return;
    }
    if (err.code == ERR_NOT_FOUND || err.code == ERR_CORRUPT)
        return;
    AUTO_JSON struct json_object *input = input_of(arn);
    ask(engine, arn, input, NULL, NULL);
}

void stop_remote_close(struct engine *engine)
{
    while (engine->stoppings)
        stopping_free(engine->stoppings);
}
