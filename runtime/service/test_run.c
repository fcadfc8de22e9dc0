/*
 * test_run.c - the data flow of one state for TestState: the work itself is mocked or done elsewhere.
 *
 *   test_run ─▶ input, arguments ─▶ mocked? ─▶ test_task_succeeded ─▶ output       SUCCEEDED
 *                                      │            └─ a field fails ─┐
 *                                      └─────────▶ test_task_failed ◀─┘ ─▶ retriers, catchers
 *                                                                        RETRIABLE, CAUGHT_ERROR, FAILED
 */
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/dataflow.h"
#include "asl/dataflow/template.h"
#include "runtime/executor/item_reader.h"
#include "runtime/service/test_state.h"

#include <stdlib.h>
#include <string.h>

/* --- failures ------------------------------------------------------------------------------------------------ */

static struct json_object *error_details(struct test *test)
{
    struct json_object *details = NULL;
    if (!json_member(test->inspection, "errorDetails", &details)) {
        details = json_object_new_object();
        json_add(test->inspection, "errorDetails", details);
    }
    return details;
}

/* The retrier that takes the error: true when it has attempts left. */
static bool retried(struct test *test)
{
    const struct state *state = test->state;
    for (size_t i = 0; i < state->retry_count; i++) {
        const struct retrier *retrier = &state->retry[i];
        if (!dataflow_error_matches(retrier->errors, retrier->error_count, test->error))
            continue;
        struct json_object *details = error_details(test);
        json_add_int(details, "retryIndex", (int64_t)i);
        if (test->retry_count >= retrier->max_attempts)
            return false;
        int64_t delay_ms = dataflow_retry_delay_ms(retrier, test->retry_count + 1, &test->env);
        json_add_int(details, "retryBackoffIntervalSeconds", delay_ms / 1000);
        test->status = "RETRIABLE";
        return true;
    }
    return false;
}

static void set_failure(struct test *test, const char *error, const char *cause)
{
    free(test->error);
    free(test->cause);
    test->error = mem_strdup(error);
    test->cause = mem_strdup(cause);
    test->status = "FAILED";
}

static void try_catch(struct test *test)
{
    const struct state *state = test->state;
    for (size_t i = 0; i < state->catch_count; i++) {
        if (!dataflow_error_matches(state->catch[i].errors, state->catch[i].error_count, test->error))
            continue;
        struct asl_failure failure = ASL_FAILURE_INIT;
        AUTO_JSON struct json_object *error_output = json_object_new_object();
        json_add_text(error_output, "Error", test->error);
        json_add_text(error_output, "Cause", test->cause);
        json_add_int(error_details(test), "catchIndex", (int64_t)i);
        test->env.error_output = error_output;
        if (dataflow_catch(state, i, &test->env, &test->output, &test->assigned, &failure) == 0) {
            test->has_output = true;
            test->next = state->catch[i].next;
            test->status = "CAUGHT_ERROR";
        } else {
            set_failure(test, failure.error, failure.cause);
        }
        asl_failure_release(&failure);
        return;
    }
}

void test_task_failed(struct test *test, const char *error, const char *cause)
{
    set_failure(test, error, cause);
    if (!retried(test))
        try_catch(test);
}

/* A field could not be evaluated. In a history the cause would name the state and its event; here it stands alone. */
static void failed(struct test *test, struct asl_failure *failure)
{
    test_task_failed(test, failure->error, failure->cause);
    asl_failure_release(failure);
}

/* --- the ways through a state ---------------------------------------------------------------------------------- */

void test_task_succeeded(struct test *test, struct json_object *result)
{
    struct asl_failure failure = ASL_FAILURE_INIT;
    if (dataflow_output(test->state, &test->env, test->effective, result, &test->output, &test->assigned, &failure) !=
        0) {
        failed(test, &failure);
        return;
    }
    test->status = "SUCCEEDED";
    test->has_output = true;
    test->next = test->state->next;
}

static int run_choice(struct test *test, struct asl_failure *failure)
{
    struct state *next;
    if (dataflow_input(test->state, &test->env, &test->effective, failure) != 0 ||
        dataflow_choice(test->state, &test->env, &next, &test->output, &test->assigned, failure) != 0)
        return -1;
    test->status = "SUCCEEDED";
    test->has_output = true;
    test->next = next;
    return 0;
}

static int run_fail(struct test *test, struct asl_failure *failure)
{
    if (dataflow_input(test->state, &test->env, &test->effective, failure) != 0 ||
        dataflow_fail(test->state, &test->env, &test->error, &test->cause, failure) != 0)
        return -1;
    test->status = "FAILED";
    return 0;
}

/* Pass, Wait, Succeed; a Wait is checked, not waited for. */
static int run_plain(struct test *test, struct asl_failure *failure)
{
    const struct state *state = test->state;
    int64_t until_ms;
    if (dataflow_input(state, &test->env, &test->effective, failure) != 0)
        return -1;
    if (state->type == STATE_WAIT && dataflow_wait_until(state, &test->env, test->env.now_ms, &until_ms, failure) != 0)
        return -1;
    if (state->type == STATE_PASS &&
        dataflow_arguments(state, &test->env, test->effective, &test->arguments, failure) != 0)
        return -1;
    struct json_object *result = state->has_result           ? state->result
                                 : state->type == STATE_PASS ? test->arguments
                                                             : test->effective;
    test_task_succeeded(test, result);
    return 0;
}

/* The input of each iteration: each sees its own item in the context object. */
static int select_inputs(struct test *test, struct json_object *items, bool keyed, struct json_object **ret_inputs,
                         struct asl_failure *failure)
{
    AUTO_JSON struct json_object *inputs = json_object_new_array();
    struct json_object *whole = test->env.context;
    int code = 0;
    for (size_t i = 0; code == 0 && i < json_object_array_length(items); i++) {
        struct json_object *map = json_object_new_object();
        json_add(map, "Item", dataflow_map_item((int64_t)i, json_object_array_get_idx(items, i), keyed));
        AUTO_JSON struct json_object *context = json_shallow_copy(test->context);
        json_add(context, "Map", map);
        test->env.context = context;
        struct json_object *input;
        code = dataflow_map_item_input(test->state, &test->env, test->effective, json_object_array_get_idx(items, i),
                                       &input, failure);
        if (code == 0)
            json_append(inputs, input);
    }
    test->env.context = whole;
    if (code == 0)
        *ret_inputs = json_take(&inputs);
    return code;
}

static int inspect_batches(struct test *test, struct json_object *inputs, struct asl_failure *failure)
{
    const struct item_batcher *batcher = test->state->item_batcher;
    AUTO_JSON struct json_object *shared = NULL;
    bool has_items_max, has_bytes_max;
    int64_t items_max, bytes_max;
    if (dataflow_map_batch_size(test->state, &batcher->max_items_per_batch, "MaxItemsPerBatch", &test->env,
                                &has_items_max, &items_max, failure) != 0 ||
        dataflow_map_batch_size(test->state, &batcher->max_input_bytes_per_batch, "MaxInputBytesPerBatch", &test->env,
                                &has_bytes_max, &bytes_max, failure) != 0 ||
        (batcher->batch_input &&
         template_eval(batcher->batch_input, test->effective, &test->env, &shared, failure) != 0))
        return -1;
    json_add(test->inspection, "afterItemBatcher",
             dataflow_map_batches(inputs, has_items_max ? items_max : INT64_MAX,
                                  has_bytes_max ? bytes_max : LIMIT_PAYLOAD_BYTES,
                                  batcher->batch_input ? &shared : NULL));
    return 0;
}

/* What becomes of the items, for the eyes of the caller. */
static int inspect_items(struct test *test, struct json_object *items, bool keyed, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *inputs = NULL;
    if (test->state->item_selector == NULL)
        inputs = json_object_get(items);
    else if (select_inputs(test, items, keyed, &inputs, failure) != 0)
        return -1;
    else
        json_add(test->inspection, "afterItemSelector", json_object_get(inputs));
    return test->state->item_batcher ? inspect_batches(test, inputs, failure) : 0;
}

/* Items of a reader are those of the data that were given, or of the input as if they had been read. NULL: none. */
static int find_items(struct test *test, struct json_object **ret_items, bool *ret_keyed, struct asl_failure *failure)
{
    const struct state *state = test->state;
    const struct item_reader *reader = state->item_reader;
    bool given;
    int64_t items_max = INT64_MIN; /* none given */
    if (reader == NULL || (test->reader_data == NULL && state->items_path.kind == PATH_SOME))
        return dataflow_map_items(state, &test->env, test->effective, ret_items, ret_keyed, failure);
    if (test->reader_data == NULL)
        return 0;
    if (dataflow_number(state, &reader->max_items, &test->env, &given, &items_max, failure) != 0 ||
        item_reader_parse(reader, test->reader_data, items_max, ret_items, failure) != 0)
        return -1;
    if (json_member_text(reader->config, "ItemsPointer"))
        json_add(test->inspection, "afterItemsPointer", json_object_get(*ret_items));
    return 0;
}

static bool exceeds_tolerance(const struct test *test, size_t item_count, int64_t count, double percentage)
{
    double failed_percentage = item_count ? 100.0 * (double)test->iteration_failures / (double)item_count : 0;
    return (count >= 0 && test->iteration_failures > count) || (percentage >= 0 && failed_percentage > percentage);
}

static int run_map(struct test *test, struct asl_failure *failure)
{
    const struct state *state = test->state;
    AUTO_JSON struct json_object *items = NULL;
    int64_t concurrency, count;
    double percentage;
    bool keyed = false;
    if (dataflow_input(state, &test->env, &test->effective, failure) != 0 ||
        find_items(test, &items, &keyed, failure) != 0)
        return -1;
    size_t item_count = items ? json_object_array_length(items) : 0;
    if (items && test->iteration_failures > (int64_t)item_count) {
        test->refusal = "Map iteration failure count must be less than or equal to the number of Map iterations";
        return 0;
    }
    if (dataflow_map_max_concurrency(state, &test->env, &concurrency, failure) != 0 ||
        dataflow_map_tolerated(state, &test->env, &count, &percentage, failure) != 0 ||
        (items && inspect_items(test, items, keyed, failure) != 0))
        return -1;
    if (!test->mock.has_result)
        test_task_failed(test, test->mock.error, test->mock.cause);
    else if (test->iteration_failures > 0 && exceeds_tolerance(test, item_count, count, percentage))
        test_task_failed(test, "States.ExceedToleratedFailureThreshold",
                         "The specified tolerated failure threshold was exceeded");
    else
        test_task_succeeded(test, test->mock.result);
    return 0;
}

/* Task and Parallel. */
static int run_work(struct test *test, struct asl_failure *failure)
{
    const struct state *state = test->state;
    int64_t timeout_s, heartbeat_s;
    if (dataflow_input(state, &test->env, &test->effective, failure) != 0 ||
        dataflow_arguments(state, &test->env, test->effective, &test->arguments, failure) != 0)
        return -1;
    if (state->type == STATE_TASK && dataflow_timeouts(state, &test->env, &timeout_s, &heartbeat_s, failure) != 0)
        return -1;
    if (test->mock.has_result)
        test_task_succeeded(test, test->mock.result);
    else if (test->mock.given)
        test_task_failed(test, test->mock.error, test->mock.cause);
    return 0;
}

bool test_run(struct test *test)
{
    struct asl_failure failure = ASL_FAILURE_INIT;
    int code = 0;
    switch (test->state->type) {
    case STATE_CHOICE:
        code = run_choice(test, &failure);
        break;
    case STATE_FAIL:
        code = run_fail(test, &failure);
        break;
    case STATE_PASS:
    case STATE_WAIT:
    case STATE_SUCCEED:
        code = run_plain(test, &failure);
        break;
    case STATE_MAP:
        code = run_map(test, &failure);
        break;
    case STATE_TASK:
    case STATE_PARALLEL:
        code = run_work(test, &failure);
        break;
    }
    if (code != 0)
        failed(test, &failure);
    return test->status != NULL;
}
