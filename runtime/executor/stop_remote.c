/*
 * stop_remote.c - stopping an execution that another node runs: a nested one, or one of a machine that is deleted; and
 * stopping one for certain, as a child of what has just ended.
 *
 * Its owner is asked for StopExecution, which changes nothing when it is done twice. The request is in the commit that
 * is filling: it is there when what led to it is, and stays until it is answered.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 1000, TRIES_MAX = 1000 };

struct stopping {
    struct engine *engine;
    struct stopping *next, **at; /* in engine->stoppings */
    int shard;
    struct json_object *input;
    struct event *again; /* not NULL: it is asked for until it is done */
    int tries;
    engine_done_fn *done;
    void *context;
};

static void stopping_free(struct stopping *stopping)
{
    *stopping->at = stopping->next;
    if (stopping->next)
        stopping->next->at = stopping->at;
    if (stopping->again)
        event_free(stopping->again);
    json_object_put(stopping->input);
    free(stopping);
}

static void ask(struct stopping *stopping);

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

/*
 * What the owner could not do just now is asked for again in the commit that takes the answer away, so that at any moment
 * somebody is asked; where there is no such answer, or the trouble is deeper, after a while.
 */
static bool tries_again(struct stopping *stopping, int code, bool is_answered)
{
    if (stopping->again == NULL || code == 0 || code == ERR_NOT_FOUND || code == ERR_INVALID ||
        stopping->tries++ == TRIES_MAX)
        return false;
    struct timeval pause = {AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000};
    if (is_answered && code == ERR_BUSY)
        ask(stopping);
    else
        event_add(stopping->again, &pause);
    return true;
}

static void on_answer(void *context, int code, struct json_object *answer, const struct err *err)
{
    struct stopping *stopping = context;
    struct err refused;
    bool is_answered = code == 0;
    code = read_answer(code, answer, &refused);
    if (is_answered)
        err = &refused;
    if (code != 0)
        engine_log(stopping->engine, 2, "could not stop an execution: %s", err->message);
    if (tries_again(stopping, code, is_answered))
        return;
    if (stopping->done)
        stopping->done(stopping->context, code, code ? err : NULL);
    stopping_free(stopping);
}

static void ask(struct stopping *stopping)
{
    peer_ask(stopping->engine, stopping->shard, "StopExecution", stopping->input, 0, on_answer, stopping);
}

static void on_again(int fd, short what, void *context)
{
    (void)fd, (void)what;
    ask(context);
}

static struct stopping *stopping_new(struct engine *engine, const char *arn)
{
    struct stopping *stopping = NEW(struct stopping);
    stopping->engine = engine;
    stopping->shard = store_shard_of(engine->store, arn);
    stopping->input = json_object_new_object();
    json_add_text(stopping->input, "executionArn", arn);
    stopping->at = &engine->stoppings;
    stopping->next = engine->stoppings;
    if (stopping->next)
        stopping->next->at = &stopping->next;
    engine->stoppings = stopping;
    return stopping;
}

void stop_remote(struct engine *engine, const char *arn, const char *error, const char *cause, engine_done_fn *done,
                 void *context)
{
    struct stopping *stopping = stopping_new(engine, arn);
    stopping->done = done;
    stopping->context = context;
    if (error)
        json_add_text(stopping->input, "error", error);
    if (cause)
        json_add_text(stopping->input, "cause", cause);
    ask(stopping);
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
    struct stopping *stopping = stopping_new(engine, arn);
    stopping->again = evtimer_new(engine->base, on_again, stopping);
    ask(stopping);
}

void stop_remote_close(struct engine *engine)
{
    while (engine->stoppings)
        stopping_free(engine->stoppings);
}
