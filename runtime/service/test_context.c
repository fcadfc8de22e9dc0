/* test_context.c - the context object of a TestState call: what the caller gives, completed. */
#include "asl/base/mem.h"
#include "asl/dataflow/timestamp.h"
#include "runtime/service/test_state.h"
#include "runtime/uuid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field_type { TEXT_FIELD, NUMBER_FIELD, ANY_FIELD };

static const struct {
    const char *part;
    const char *name;
    enum field_type type;
} fields[] = {
    {"Execution", "Id", TEXT_FIELD},
    {"Execution", "Input", ANY_FIELD},
    {"Execution", "Name", TEXT_FIELD},
    {"Execution", "RoleArn", TEXT_FIELD},
    {"Execution", "StartTime", TEXT_FIELD},
    {"Execution", "RedriveCount", NUMBER_FIELD},
    {"Execution", "RedriveTime", TEXT_FIELD},
    {"State", "EnteredTime", TEXT_FIELD},
    {"State", "Name", TEXT_FIELD},
    {"State", "RetryCount", NUMBER_FIELD},
    {"StateMachine", "Id", TEXT_FIELD},
    {"StateMachine", "Name", TEXT_FIELD},
    {"Task", "Token", TEXT_FIELD},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static bool refuse(struct test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct test *test, const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    call_fail(test->call, "ValidationException", "Invalid Context object provided: %s", what);
    return false;
}

static bool waits_for_token(const struct state *state)
{
    return state->type == STATE_TASK &&
           (state->resource.kind == RESOURCE_ACTIVITY || state->resource.pattern != PATTERN_REQUEST_RESPONSE);
}

static bool check_field(struct test *test, const char *part, const char *name, struct json_object *value)
{
    enum json_type type = json_object_get_type(value);
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].part, part) != 0 || strcmp(fields[i].name, name) != 0)
            continue;
        if (fields[i].type == TEXT_FIELD && type != json_type_string)
            return refuse(test, "%s.%s must be a string", part, name);
        if (fields[i].type == NUMBER_FIELD && type != json_type_int)
            return refuse(test, "%s.%s must be a number", part, name);
        return true;
    }
    return refuse(test, "Field '%s' is not allowed", name);
}

static bool check_part(struct test *test, const char *part, struct json_object *value)
{
    bool known = false;
    for (size_t i = 0; i < FIELDS; i++)
        known |= strcmp(fields[i].part, part) == 0;
    if (strcmp(part, "Map") == 0)
        return refuse(test, "'Map' field is not supported when mocking a Context object");
    if (!known)
        return refuse(test, "Field '%s' is not allowed", part);
    if (!json_object_is_type(value, json_type_object))
        return refuse(test, "%s must be an object", part);
    if (strcmp(part, "Task") == 0 && !waits_for_token(test->state))
        return refuse(test, "Context object contains 'Task' when state is not a Task state with a '.sync' or "
                            "'.waitForTaskToken' service integration pattern");
    json_object_object_foreach (value, name, member) {
        if (!check_field(test, part, name, member))
            return false;
    }
    return true;
}

static struct json_object *execution_part(struct test *test, const char *machine, const char *now)
{
    char name[37];
    uuid_random(name);
    char *id = service_arn(test->call->service, "express:%s:%s", machine, name);
    struct json_object *part = json_object_new_object();
    json_add_text(part, "Id", id);
    json_add(part, "Input", json_object_get(test->input));
    json_add_text(part, "Name", name);
    json_add_text(part, "RoleArn", call_text(test->call, "roleArn"));
    json_add_text(part, "StartTime", now);
    free(id);
    return part;
}

static struct json_object *machine_part(struct test *test, const char *machine)
{
    char *id = service_arn(test->call->service, "stateMachine:%s", machine);
    struct json_object *part = json_object_new_object();
    json_add_text(part, "Id", id);
    json_add_text(part, "Name", machine);
    free(id);
    return part;
}

static struct json_object *state_part(struct test *test, const char *now)
{
    enum state_type type = test->state->type;
    struct json_object *part = json_object_new_object();
    json_add_text(part, "EnteredTime", now);
    json_add_text(part, "Name", "StateName"); /* whatever the state is called, as recorded */
    if (type == STATE_TASK || type == STATE_MAP || type == STATE_PARALLEL)
        json_add_int(part, "RetryCount", test->retry_count);
    return part;
}

/* The Map that the state is an iteration's, or NULL. */
static const struct state *map_around(const struct state *state)
{
    const struct scope *scope = state->scope;
    while (scope->owner && scope->owner->type != STATE_MAP)
        scope = scope->outer;
    return scope->owner;
}

/* The first iteration, whose item the input is. */
static struct json_object *map_part(struct test *test, const struct state *map)
{
    struct json_object *item = json_object_new_object(), *part = json_object_new_object();
    json_add_int(item, "Index", 0);
    json_add(item, "Value", json_object_get(test->input));
    if (map->distributed)
        json_add_text(item, "Source", "STATE_DATA");
    json_add(part, "Item", item);
    return part;
}

/* The parts that the caller does not give, of an execution that never was. */
static struct json_object *made_up(struct test *test)
{
    char machine[37], now[TIMESTAMP_TEXT_BYTES];
    uuid_random(machine);
    timestamp_format(test->env.now_ms, now);
    struct json_object *context = json_object_new_object();
    json_add(context, "Execution", execution_part(test, machine, now));
    json_add(context, "StateMachine", machine_part(test, machine));
    json_add(context, "State", state_part(test, now));
    const struct state *map = map_around(test->state);
    if (map)
        json_add(context, "Map", map_part(test, map));
    if (waits_for_token(test->state)) {
        char token[37];
        uuid_random(token);
        struct json_object *part = json_object_new_object();
        json_add_text(part, "Token", token);
        json_add(context, "Task", part);
    }
    return context;
}

bool test_make_context(struct test *test, const char *text)
{
    test->context = made_up(test);
    if (text == NULL)
        return true;
    if (!test->mock.given) {
        call_fail(test->call, "ValidationException",
                  "TestState does not support Context when a mock is not specified.");
        return false;
    }
    AUTO_JSON struct json_object *given = NULL;
    if (json_parse(text, strlen(text), &given, NULL) < 0 || !json_object_is_type(given, json_type_object))
        return refuse(test, "Context must be a valid JSON object");
    json_object_object_foreach (given, part, value) {
        if (!check_part(test, part, value))
            return false;
        json_add(test->context, part, json_object_get(value));
    }
    return true;
}
