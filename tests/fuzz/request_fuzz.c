/*
 * API requests as a client might send them: lines of an operation's name, a blank and a body. Whatever they
 * hold, each gets exactly one answer, and none gets an internal failure.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/service/service.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 8, TURNS_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct event_base *base;
static struct service *service;

/* One engine for all inputs: what they leave behind is there for the next ones. */
static void open_once(void)
{
    static struct store *store;
    static struct engine *engine;
    struct err err = {0};
    char folder[] = "/tmp/request_fuzz.XXXXXX";
    if (service)
        return;
    if (mkdtemp(folder) == NULL)
        abort();
    char *url = mem_printf("sqlite:%s/store.db", folder);
    base = event_base_new();
    struct engine_options options = {
        .base = base, .region = "us-east-1", .account = "123456789012", .node = "fuzz", .virtual_clock = true};
    if (store_open(url, &store, &err) != 0)
        abort();
    options.store = store;
    if (engine_open(&options, &engine, &err) != 0 || engine_take_ownership(engine, &err) != 0 ||
        service_open(&(struct service_options){.engine = engine}, &service, &err) != 0)
        abort();
    free(url);
}

static void answered(void *context, const struct service_answer *answer)
{
    bool *there = context;
    if (*there || (answer->error && strcmp(answer->error, "InternalFailure") == 0))
        abort();
    *there = true;
}

static void request(const char *line, size_t bytes)
{
    AUTO_JSON struct json_object *input = NULL;
    const char *blank = memchr(line, ' ', bytes);
    if (blank == NULL || json_parse(blank + 1, bytes - (size_t)(blank + 1 - line), &input, NULL) != 0)
        return;
    char *operation = mem_strndup(line, (size_t)(blank - line));
    bool there = false;
    struct service_call *call = service_call(service, operation, input, answered, &there);
    for (int i = 0; i < TURNS_MAX && !there; i++) {
        event_base_loopexit(base, &(struct timeval){.tv_usec = 1000});
        event_base_loop(base, EVLOOP_ONCE);
    }
    if (!there)
        service_cancel(service, call);
    free(operation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *at = (const char *)data;
    const char *end = at + bytes;
    open_once();
    for (int i = 0; i < REQUESTS_MAX && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL)
            newline = end;
        request(at, (size_t)(newline - at));
        at = newline + 1;
    }
    return 0;
}
