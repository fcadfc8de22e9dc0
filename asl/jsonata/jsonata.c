/* jsonata.c - the public functions: compile, evaluate, free. */
#include "asl/jsonata/jsonata.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/jsonata/code.h"
#include "asl/jsonata/eval.h"
#include "asl/jsonata/regex.h"
#include "asl/jsonata/result.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 20000, ARENA_FACTOR = 8, ARENA_BYTES_SPARE = 1 << 20, EMPTY_CHARGE = 370 };

void jsonata_error_release(struct jsonata_error *error)
{
    free(error->message);
    free(error->token);
    json_object_put(error->details);
    *error = (struct jsonata_error){.position = -1};
}

int jsonata_compile(const char *text, size_t bytes, enum jsonata_dialect dialect, struct jsonata **ret_expression,
                    struct jsonata_error *error)
{
    *error = (struct jsonata_error){.position = -1};
    struct arena *arena = arena_new(0);
    struct jsonata *expression = ARENA_NEW(arena, struct jsonata);
    expression->arena = arena;
    expression->dialect = dialect;
    expression->text = arena_strndup(arena, text, bytes);
    expression->bytes = bytes;
    struct compiled compiled;
    int result = make(expression, expression->text, bytes, NULL, &compiled, error);
    if (result != 0) {
        jsonata_free(expression);
        return result;
    }
    expression->code = compiled.code;
    expression->frame_count = compiled.frame_count;
    *ret_expression = expression;
    return 0;
}

void jsonata_free(struct jsonata *expression)
{
    if (expression == NULL)
        return;
    regex_free_all(expression->regexes);
    arena_free(expression->arena);
}

static void add_known(struct json_object *object, const char *name, const char *text)
{
    if (text)
        json_add_text(object, name, text);
}

/* The message needs the evaluation's memory once more, which may be used up: then the bare text serves. */
static void report(struct eval *e, struct jsonata_error *error)
{
    struct failure failure = e->failure;
    struct catcher catcher = {.calls = NULL};
    const char *volatile message = error_template(failure.code);
    e->catcher = &catcher;
    e->calls = NULL;
    if (setjmp(catcher.place) == 0)
        message = failure_message(e, &failure);
    memcpy(error->code, failure.code, sizeof error->code);
    error->position = failure.position;
    error->token = mem_strdup(failure.token);
    error->message = mem_strdup(message ? message : "");
    error->details = json_object_new_object();
    if (failure.index)
        json_add_int(error->details, "index", failure.index);
    add_known(error->details, "functionName", failure.function_name);
    add_known(error->details, "type", failure.type);
    struct json_object *value;
    if (!is_undefined(failure.value) && result_to_json(e, failure.value, &value) == 0)
        json_add(error->details, "value", value);
    if (!is_undefined(failure.value2) && result_to_json(e, failure.value2, &value) == 0)
        json_add(error->details, "value2", value);
}

static struct value run(struct eval *e, const struct jsonata *expression, const struct jsonata_env *env)
{
    struct value input = env->has_input ? value_of_json(env->input) : VALUE_UNDEFINED;
    e->root = input;
    e->globals = eval_alloc(e, expression->global_count * sizeof *e->globals);
    e->global_capacity = expression->global_count;
    for (uint32_t i = 0; i < expression->global_count; i++)
        e->globals[i].type = V_UNSET;
    if (input.type == V_ARRAY) {
        input = sequence_of(e, input);
        input.as.array->outer_wrapper = true;
    }
    return eval(e, expression->code, input, frame_new(e, NULL, expression->frame_count));
}

static void set_limits(struct eval *e, const struct jsonata_limits *limits)
{
    e->depth_max = limits->depth > 0 && limits->depth < DEPTH_MAX ? limits->depth : DEPTH_MAX;
    e->charge_max = limits->memory_bytes;
    e->charged = EMPTY_CHARGE; /* as measured on AWS: what is left of the memory limit decides to the byte */
    eval_start_clock(e, limits->time_ms);
}

/* Turns the value into what the caller gets; leaves by fail() like an evaluation when that takes too much. */
static int deliver(struct eval *e, struct value v, bool *ret_defined, struct json_object **ret_value)
{
    if (v.type == V_FUNCTION && e->dialect == JSONATA_STATES)
        return ERR_UNSUPPORTED;
    struct json_object *value = NULL;
    bool defined = !is_undefined(v) && v.type != V_FUNCTION;
    int result = defined ? result_to_json(e, v, &value) : 0;
    if (result == ERR_BUSY)
        fail_time(e);
    if (result == ERR_FULL)
        fail_memory(e);
    if (result != 0)
        fail_stack(e);
    *ret_defined = defined;
    *ret_value = value;
    return 0;
}

int jsonata_evaluate(const struct jsonata *expression, const struct jsonata_env *env, bool *ret_defined,
                     struct json_object **ret_value, struct jsonata_error *error)
{
    *error = (struct jsonata_error){.position = -1};
    const struct jsonata_limits *limits = &env->limits;
    size_t arena_bytes = limits->memory_bytes ? limits->memory_bytes * ARENA_FACTOR + ARENA_BYTES_SPARE : 0;
    struct catcher catcher = {.calls = NULL};
    struct eval e = {.expression = expression, .env = env, .dialect = expression->dialect, .catcher = &catcher};
    e.arena = arena_new(arena_bytes);
    e.stack_base = __builtin_frame_address(0);
    e.failure.position = -1;
    set_limits(&e, limits);
    int result;
    if (setjmp(catcher.place) == 0) {
        result = deliver(&e, run(&e, expression, env), ret_defined, ret_value);
    } else {
        report(&e, error);
        result = ERR_INVALID;
    }
    if (e.unit)
        regex_free_all(e.unit->regexes);
    regex_release(&e);
    arena_free(e.arena);
    return result;
}
