/*
 * engine_fixture.h - an engine on an SQLite store of its own, around which faults can be made (runtime/store/fault.h).
 */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include "runtime/executor/engine.h"
#include "runtime/store/fault.h"
#include "runtime/store/store.h"

#include <stdbool.h>

struct connector;
struct event_base;

#define EXECUTION_ARN(name) "arn:aws:states:us-east-1:123456789012:execution:m:" name

struct fixture {
    char path[64], url[80];
    struct event_base *base;
    struct store *inner, *store; /* the one that works, and one around it that fails when a test says so */
    struct engine *engine;
    struct connector *connector; /* of the tasks, or NULL; the engine closes it */
};

/* Of cmocka: makes the folder, and removes it with the store. */
int setup(void **state);
int teardown(void **state);
void open_engine(struct fixture *f, bool virtual_clock);
void close_engine(struct fixture *f);

struct ending {
    bool over;
    enum execution_status status;
    char output[4096];
    char error[256], cause[1024];
};
void on_ended(void *context, const struct engine_outcome *outcome);

struct answer {
    bool given;
    int code;
};
void on_done(void *context, int code, const struct err *err);

/* Stores the definition and gives back its key. */
void put_definition(struct fixture *f, const char *text, char key[65]);
/* Asks for a start of EXECUTION_ARN(name), and does not wait for the answer. */
void begin_start(struct fixture *f, const char *definition_key, const char *name, const char *input,
                 struct answer *answer, struct ending *ending);
/* The same with a definition, until it is acknowledged. */
void start(struct fixture *f, const char *definition, const char *name, const char *input, struct ending *ending);
void wait_for_answer(struct fixture *f, const struct answer *answer);
void wait_for(struct fixture *f, const struct ending *ending);
/* Turns the loop until the flag is true, for ten seconds at most: whether it is. */
bool comes_true(struct fixture *f, const bool *flag);

#endif
