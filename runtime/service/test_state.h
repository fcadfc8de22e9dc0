/*
 * test_state.h - TestState: one state, run alone. For the files of the operation only.
 *
 *   test_state.c    reads and checks the input, answers
 *   test_context.c  the context object that the state sees
 *   test_mock.c     the mock, and whether a mocked result fits the API it stands for
 *   test_run.c      the data flow of the state, its retriers and catchers
 *
 * Source    reference/api.md section 7.
 */
#ifndef RUNTIME_SERVICE_TEST_STATE_H
#define RUNTIME_SERVICE_TEST_STATE_H

#include "asl/definition/definition.h"
#include "asl/env.h"
#include "asl/failure.h"
#include "runtime/service/service_priv.h"

struct test_mock {
    bool given;
    struct json_object *result; /* with has_result */
    bool has_result;
    const char *error, *cause; /* without it */
};

struct test {
    struct service_call *call;
    struct machine *machine;
    const struct state *state;
    struct json_object *input;
    struct test_mock mock;
    const char *reader_data;    /* mapItemReaderData: what an ItemReader would read, or NULL */
    int64_t retry_count;        /* attempts used up already */
    int64_t iteration_failures; /* -1: not given */

    struct asl_variables variables;
    struct json_object *context;
    struct json_object *inspection;
    struct asl_env env;
    struct json_object *effective, *arguments;

    /* what came out */
    const char *refusal; /* the call cannot be answered: why; or NULL */
    const char *status;  /* "SUCCEEDED" ... */
    struct json_object *output;
    bool has_output;
    struct json_object *assigned; /* name to value, or NULL */
    const struct state *next;
    char *error, *cause;
};

/* Each false: the call has failed. */
bool test_read_mock(struct test *test);
bool test_check_mock(struct test *test, const char *mode);
bool test_make_context(struct test *test, const char *text);

/*
 * Runs the state as far as it goes without outside work: false when a task has to be run with test->arguments. A
 * refusal makes the call fail.
 */
bool test_run(struct test *test);
/* Goes on with what the task gave. */
void test_task_succeeded(struct test *test, struct json_object *result);
void test_task_failed(struct test *test, const char *error, const char *cause);

#endif
