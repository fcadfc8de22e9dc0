#include "tests/unit/engine_fixture.h"

#include "asl/base/err.h"
#include "asl/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void log_line(void *context, int level, const char *message)
{
    (void)context;
    if (level > 1)
        print_message("engine: %s\n", message);
}

void open_engine(struct fixture *f, bool virtual_clock)
{
    struct err err;
    f->base = event_base_new();
    if (store_open(f->url, &f->inner, &err) != 0)
        fail_msg("%s", err.message);
    f->store = store_fault_new(f->inner, 0);
    struct engine_options options = {
        .base = f->base, .store = f->store, .virtual_clock = virtual_clock, .log = log_line};
    assert_int_equal(engine_open(&options, &f->engine, &err), 0);
    if (f->connector)
        engine_add_connector(f->engine, f->connector);
    if (engine_take_ownership(f->engine, &err) != 0)
        fail_msg("%s", err.message);
}

void close_engine(struct fixture *f)
{
    engine_close(f->engine, 0);
    store_close(f->store);
    event_base_free(f->base);
}

int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/engine-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->url, sizeof f->url, "sqlite:%s/h.db", f->path);
    *state = f;
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"h.db", "h.db-wal", "h.db-shm", "h.db-owner"};
    for (size_t i = 0; i < 4; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s/%s", f->path, names[i]);
        unlink(name);
    }
    rmdir(f->path);
    free(f);
    return 0;
}

void on_ended(void *context, const struct engine_outcome *outcome)
{
    struct ending *ending = context;
    ending->over = true;
    ending->status = outcome->status;
    char *text = json_text(outcome->output);
    snprintf(ending->output, sizeof ending->output, "%s", text);
    free(text);
    snprintf(ending->error, sizeof ending->error, "%s", outcome->error ? outcome->error : "");
    snprintf(ending->cause, sizeof ending->cause, "%s", outcome->cause ? outcome->cause : "");
}

void on_done(void *context, int code, const struct err *err)
{
    (void)err;
    struct answer *answer = context;
    answer->given = true;
    answer->code = code;
}

void put_definition(struct fixture *f, const char *text, char key[65])
{
    engine_definition_key(text, strlen(text), false, key);
    struct json_object *document = json_object_new_object();
    json_add_text(document, "definition", text);
    json_add_text(document, "type", "STANDARD");
    char *body = json_text(document);
    json_object_put(document);
    bool conflict = false;
    struct answer answer = {0};
    store_batch_put_document(engine_batch(f->engine), "definition", key, body, -1, &conflict);
    engine_on_commit(f->engine, on_done, &answer);
    while (!answer.given)
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_int_equal(answer.code, 0);
    free(body);
}

void begin_start(struct fixture *f, const char *definition_key, const char *name, const char *input,
                 struct answer *answer, struct ending *ending)
{
    char arn[256];
    snprintf(arn, sizeof arn, "arn:aws:states:us-east-1:123456789012:execution:m:%s", name);
    struct json_object *value;
    assert_int_equal(json_parse(input, strlen(input), &value, NULL), 0);
    struct engine_start start = {
        .arn = arn,
        .name = name,
        .machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        .machine_name = "m",
        .definition_key = definition_key,
        .role_arn = "arn:aws:iam::123456789012:role/r",
        .input = value,
    };
    int64_t started_ms;
    *answer = (struct answer){0};
    engine_start(f->engine, &start, &started_ms, on_done, answer, on_ended, ending);
    json_object_put(value);
}

void wait_for_answer(struct fixture *f, const struct answer *answer)
{
    while (!answer->given)
        event_base_loop(f->base, EVLOOP_ONCE);
}

void start(struct fixture *f, const char *definition, const char *name, const char *input, struct ending *ending)
{
    char key[65];
    struct answer answer;
    put_definition(f, definition, key);
    begin_start(f, key, name, input, &answer, ending);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, 0);
}

void wait_for(struct fixture *f, const struct ending *ending)
{
    while (!ending->over)
        event_base_loop(f->base, EVLOOP_ONCE);
}

bool comes_true(struct fixture *f, const bool *flag)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    time_t until = now.tv_sec + 10;
    while (!*flag && now.tv_sec < until) {
        struct timeval pause = {0, 50000};
        event_base_loopexit(f->base, &pause);
        event_base_loop(f->base, EVLOOP_ONCE);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return *flag;
}
