/*
 * completions.c - answers to tasks whose executions are out of memory.
 *
 * They wait until the loop has read all requests of this turn, so that their executions are read together: a store at
 * the other end of a connection is asked once for all of them, not twice for each. The order among the answers to one
 * execution stays.
 */
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"

#include <event2/event.h>
#include <json-c/json.h>
#include <stdlib.h>

enum { TOGETHER_MAX = 256 };

struct waiting {
    struct waiting *next;
    struct completion completion; /* its texts (but for the token) and its value are ours */
};

struct completions {
    struct waiting *first, **last;
    struct event *turn;
};

static void waiting_free(struct waiting *waiting)
{
    json_object_put(waiting->completion.asked.output);
    free((char *)waiting->completion.asked.error);
    free((char *)waiting->completion.asked.cause);
    free(waiting);
}

static struct waiting *take_first(struct completions *completions)
{
    struct waiting *waiting = completions->first;
    completions->first = waiting->next;
    if (completions->first == NULL)
        completions->last = &completions->first;
    return waiting;
}

static void on_turn(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    struct completions *completions = engine->completions;
    struct store_key keys[TOGETHER_MAX] = {0};
    size_t count = 0;
    for (struct waiting *waiting = completions->first; waiting && count < TOGETHER_MAX; waiting = waiting->next)
        keys[count++] = (struct store_key){waiting->completion.token.shard, waiting->completion.token.id};
    store_prefetch(engine->store, keys, count);
    for (; count > 0; count--) {
        struct waiting *waiting = take_first(completions);
        engine_complete(engine, &waiting->completion);
        waiting_free(waiting);
    }
    store_prefetch(engine->store, NULL, 0);
    if (completions->first)
        event_active(completions->turn, EV_TIMEOUT, 0);
}

void completions_add(struct engine *engine, const struct completion *completion)
{
    struct completions *completions = engine->completions;
    struct waiting *waiting = NEW(struct waiting);
    waiting->completion = *completion;
    struct engine_completion *asked = &waiting->completion.asked;
    asked->token = NULL;
    asked->output = json_object_get(asked->output);
    asked->error = mem_strdup(asked->error);
    asked->cause = mem_strdup(asked->cause);
    *completions->last = waiting;
    completions->last = &waiting->next;
    event_active(completions->turn, EV_TIMEOUT, 0);
}

int completions_open(struct engine *engine, struct err *err)
{
    struct completions *completions = engine->completions = NEW(struct completions);
    completions->last = &completions->first;
    completions->turn = evtimer_new(engine->base, on_turn, engine);
    return completions->turn ? 0 : err_set(err, ERR_IO, "could not make a timer");
}

void completions_close(struct engine *engine)
{
    struct completions *completions = engine->completions;
    struct err err;
    err_set(&err, ERR_BUSY, "the process is stopping");
    while (completions->first) {
        struct waiting *waiting = take_first(completions);
        struct engine_completion *asked = &waiting->completion.asked;
        if (asked->done)
            asked->done(asked->context, ERR_BUSY, &err);
        waiting_free(waiting);
    }
    event_free(completions->turn);
    free(completions);
}
