/* test_mock.c - the mock of a TestState call: its form, and whether a mocked result fits the API it stands for. */
#include "asl/base/mem.h"
#include "runtime/service/model.h"
#include "runtime/service/test_state.h"

#include <stdlib.h>
#include <string.h>

static bool refuse(struct test *test, const char *message)
{
    call_fail(test->call, "ValidationException", "%s", message);
    return false;
}

static bool can_be_mocked(enum state_type type)
{
    return type == STATE_TASK || type == STATE_MAP || type == STATE_PARALLEL;
}

static bool read_result(struct test *test, const char *text)
{
    const struct state *state = test->state;
    if (json_parse(text, strlen(text), &test->mock.result, NULL) < 0)
        return refuse(test, "Mocked result must be valid JSON");
    test->mock.has_result = true;
    enum json_type type = json_object_get_type(test->mock.result);
    bool writes = state->result_writer && state->result_writer->exports;
    if (state->type == STATE_MAP && writes && type != json_type_object)
        return refuse(test, "Mocked result must be a JSON object.");
    if ((state->type == STATE_PARALLEL || (state->type == STATE_MAP && !writes)) && type != json_type_array)
        return refuse(test, "Mocked result must be an array.");
    if (state->type == STATE_PARALLEL && json_object_array_length(test->mock.result) != state->scope_count)
        return refuse(test, "Mocked result must contain the same number of items as number of Parallel branches.");
    return true;
}

bool test_read_mock(struct test *test)
{
    struct json_object *mock = NULL, *error_output = NULL;
    json_member(test->call->input, "mock", &mock);
    if (mock == NULL) {
        if (test->iteration_failures >= 0)
            return refuse(test, "TestState does not support MapIterationFailureCount when a mock is not specified.");
        return true;
    }
    test->mock.given = true;
    if (!can_be_mocked(test->state->type)) {
        call_fail(test->call, "ValidationException", "State type '%s' is not supported when a mock is specified",
                  state_type_name(test->state->type));
        return false;
    }
    const char *result = json_member_text(mock, "result");
    json_member(mock, "errorOutput", &error_output);
    if ((result == NULL) == (error_output == NULL))
        return refuse(test, "A test mock should have only one of the following fields: [result, errorOutput].");
    if (call_flag(test->call, "revealSecrets", false))
        return refuse(test, "TestState does not support RevealSecrets when a mock is specified.");
    if (result && !read_result(test, result))
        return false;
    test->mock.error = json_member_text(error_output, "error");
    test->mock.cause = json_member_text(error_output, "cause");
    const char *mode = json_member_text(mock, "fieldValidationMode");
    return test_check_mock(test, mode ? mode : "STRICT");
}

/* --- the result against the service's model -------------------------------------------------------------- */

struct checking {
    bool strict;   /* required members must be there */
    bool parsed;   /* Input and Output of the answer are not texts but what the texts hold */
    char *message; /* the first fault, or NULL */
};

static void check_value(struct checking *checking, const struct model_shape *shape, const char *field,
                        struct json_object *value);

static void fault(struct checking *checking, const char *field, const char *what)
{
    if (checking->message == NULL)
        checking->message = mem_printf("Field '%s' %s", field, what);
}

static void check_structure(struct checking *checking, const struct model_shape *shape, struct json_object *value)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        struct json_object *found = NULL;
        bool free_form =
            checking->parsed && (strcmp(member->name, "Input") == 0 || strcmp(member->name, "Output") == 0);
        if (json_member(value, member->name, &found) && found && free_form)
            continue;
        if (found)
            check_value(checking, member->shape, member->name, found);
        else if (checking->strict && member->required && checking->message == NULL)
            checking->message = mem_printf("Required field '%s' is missing", member->name);
    }
}

static void check_text(struct checking *checking, const struct model_shape *shape, const char *field,
                       struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string)) {
        fault(checking, field, "must be a string");
        return;
    }
    const char *text = json_object_get_string(value);
    int64_t length = (int64_t)model_text_length(text, (size_t)json_object_get_string_len(value));
    if (shape->has_min && length < shape->min)
        fault(checking, field, "is smaller than the minimum length");
    if (shape->has_max && length > shape->max)
        fault(checking, field, "is larger than the maximum length");
    bool known = shape->values == NULL;
    for (const char *const *allowed = shape->values; allowed && *allowed; allowed++)
        known |= strcmp(*allowed, text) == 0;
    if (!known)
        fault(checking, field, "is not an expected value");
}

static void check_number(struct checking *checking, const struct model_shape *shape, const char *field,
                         struct json_object *value)
{
    if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double)) {
        fault(checking, field, "must be a number");
        return;
    }
    double number = json_object_get_double(value);
    if (shape->has_min && number < (double)shape->min)
        fault(checking, field, "is less than the minimum value");
    if (shape->has_max && number > (double)shape->max)
        fault(checking, field, "exceeds the maximum value");
}

/* Blobs and timestamps are texts in the states language. */
static void check_value(struct checking *checking, const struct model_shape *shape, const char *field,
                        struct json_object *value)
{
    switch (shape->type) {
    case MODEL_STRUCTURE:
        if (json_object_is_type(value, json_type_object))
            check_structure(checking, shape, value);
        else
            fault(checking, field, "must be an object");
        break;
    case MODEL_MAP:
        if (!json_object_is_type(value, json_type_object)) {
            fault(checking, field, "must be an object");
            break;
        }
        json_object_object_foreach (value, name, member) {
            check_value(checking, shape->element, name, member);
        }
        break;
    case MODEL_LIST:
        if (!json_object_is_type(value, json_type_array)) {
            fault(checking, field, "must be an array");
            break;
        }
        for (size_t i = 0; i < json_object_array_length(value); i++)
            check_value(checking, shape->element, field, json_object_array_get_idx(value, i));
        break;
    case MODEL_STRING:
    case MODEL_BLOB:
    case MODEL_TIMESTAMP:
        check_text(checking, shape, field, value);
        break;
    case MODEL_INTEGER:
    case MODEL_LONG:
    case MODEL_DOUBLE:
        check_number(checking, shape, field, value);
        break;
    case MODEL_BOOLEAN:
        if (!json_object_is_type(value, json_type_boolean))
            fault(checking, field, "must be a boolean");
        break;
    }
}

static int compare_names(const void *name, const void *operation)
{
    return strcmp(name, ((const struct model_operation *)operation)->name);
}

/*
 * The shape of what the task's API call answers; NULL where we have none. A .sync task is mocked with the answer
 * of the call that polls, a .waitForTaskToken task with whatever comes with the token.
 */
static const struct model_shape *answer_shape(const struct resource *resource)
{
    if (resource->kind != RESOURCE_SERVICE || resource->pattern == PATTERN_CALLBACK)
        return NULL;
    const char *service = resource->service;
    const char *operation = resource->operation;
    if (strncmp(service, "aws-sdk:", 8) == 0)
        service += 8;
    bool sync = resource->pattern == PATTERN_SYNC || resource->pattern == PATTERN_SYNC_2;
    if (sync && strcmp(service, "states") == 0)
        operation = "describeExecution";
    else if (resource->pattern != PATTERN_REQUEST_RESPONSE)
        return NULL;
    char *name = mem_printf("%s:%s", service, operation);
    const struct model_operation *found =
        bsearch(name, mock_operations, mock_operation_count, sizeof *mock_operations, compare_names);
    free(name);
    return found ? found->shape : NULL;
}

bool test_check_mock(struct test *test, const char *mode)
{
    const struct model_shape *shape = test->state->type == STATE_TASK ? answer_shape(&test->state->resource) : NULL;
    if (!test->mock.has_result || shape == NULL || strcmp(mode, "NONE") == 0)
        return true;
    struct checking checking = {.strict = strcmp(mode, "STRICT") == 0,
                                .parsed = test->state->resource.pattern == PATTERN_SYNC_2};
    if (json_object_is_type(test->mock.result, json_type_object))
        check_structure(&checking, shape, test->mock.result);
    else
        checking.message = mem_strdup("The result must be an object");
    if (checking.message == NULL)
        return true;
    call_fail(test->call, "ValidationException", "Mock result schema validation error: %s", checking.message);
    free(checking.message);
    return false;
}
