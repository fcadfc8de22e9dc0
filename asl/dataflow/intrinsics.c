#include "asl/dataflow/intrinsics.h"

#include "asl/base/arena.h"
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"
#include "asl/dataflow/intrinsics_priv.h"
#include "asl/env.h"
#include "asl/failure.h"
#include "asl/jsonpath/jsonpath.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    intrinsic_function *function;
} functions[] = {
#define INTRINSIC(name, function) {name, intrinsic_##function},
#include "asl/dataflow/intrinsics.def"
#undef INTRINSIC
};

/* ---- reading ---- */

struct reader {
    struct arena *arena;
    const char *text, *at, *end;
    int depth;
    struct err *err;
};

static int expected(struct reader *in, const char *what)
{
    return err_set(in->err, ERR_INVALID, "column %d: expected %s", (int)(in->at - in->text) + 1, what);
}

static void skip_blanks(struct reader *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

static bool accept(struct reader *in, const char *word)
{
    size_t bytes = strlen(word);
    if ((size_t)(in->end - in->at) < bytes || memcmp(in->at, word, bytes) != 0)
        return false;
    in->at += bytes;
    return true;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* text = "'" *(character / "\'" / "\{" / "\}" / "\\") "'" */
static int read_text(struct reader *in, struct argument *argument)
{
    AUTO_BUF text = BUF_INIT;
    const char *first = ++in->at;
    while (in->at < in->end && *in->at != '\'') {
        if (*in->at == '\\') {
            in->at++;
            if (in->at == in->end || !is_one_of(*in->at, "'{}\\"))
                return expected(in, "one of ' { } \\ after a backslash");
        }
        buf_add_char(&text, *in->at++);
    }
    if (in->at == in->end)
        return expected(in, "the closing quote");
    argument->quoted = first;
    argument->quoted_bytes = (size_t)(in->at - first);
    in->at++;
    AUTO_JSON struct json_object *value = json_object_new_string_len(buf_text(&text), (int)text.bytes);
    argument->literal = arena_keep(in->arena, value);
    return 0;
}

/* number: JSON's, and generously ".5" and "+1" */
static int read_number(struct reader *in, struct argument *argument)
{
    size_t bytes = 0, room = (size_t)(in->end - in->at);
    while (bytes < room && is_one_of(in->at[bytes], "+-.0123456789eE"))
        bytes++;
    char text[64];
    if (bytes == 0 || bytes >= sizeof text)
        return expected(in, "a text in single quotes, a number, a path or a call");
    memcpy(text, in->at, bytes);
    text[bytes] = '\0';
    char *end;
    double number = strtod(text, &end);
    if (*end != '\0')
        return expected(in, "a number");
    AUTO_JSON struct json_object *value = NULL;
    if (json_parse(text, bytes, &value, NULL) != 0) /* keeps the digits of a number that is JSON's */
        value = number == floor(number) && fabs(number) < 1e15 ? json_object_new_int64((int64_t)number)
                                                               : json_object_new_double(number);
    argument->literal = arena_keep(in->arena, value);
    in->at += bytes;
    return 0;
}

/* The bytes of a path up to the comma or bracket that ends the argument. */
static size_t path_bytes(const struct reader *in)
{
    int depth = 0;
    char quote = 0;
    const char *c;
    for (c = in->at; c < in->end; c++) {
        if (quote) {
            if (*c == '\\' && c + 1 < in->end)
                c++;
            else if (*c == quote)
                quote = 0;
        } else if (depth && (*c == '\'' || *c == '"')) {
            quote = *c;
        } else if (*c == '[' || *c == '(') {
            depth++;
        } else if (*c == ']' || *c == ')') {
            if (depth-- == 0)
                break;
        } else if (depth == 0 && (*c == ',' || *c == ' ' || *c == '\t' || *c == '\n' || *c == '\r')) {
            break;
        }
    }
    return (size_t)(c - in->at);
}

static int read_call(struct reader *in, struct intrinsic **ret_call);

/* argument = text / number / "true" / "false" / "null" / path / call */
static int read_argument(struct reader *in, struct argument *argument)
{
    argument->kind = ARGUMENT_LITERAL;
    if (in->at < in->end && *in->at == '\'')
        return read_text(in, argument);
    if (in->at < in->end && *in->at == '$') {
        size_t bytes = path_bytes(in);
        argument->kind = ARGUMENT_PATH;
        struct err err;
        if (jsonpath_compile(in->arena, in->at, bytes, &argument->path, &err) != 0)
            return err_set(in->err, ERR_INVALID, "in the path '%.*s': %s", (int)bytes, in->at, err.message);
        in->at += bytes;
        return 0;
    }
    if ((size_t)(in->end - in->at) > 7 && memcmp(in->at, "States.", 7) == 0) {
        struct intrinsic *call = NULL;
        argument->kind = ARGUMENT_CALL;
        int error = read_call(in, &call);
        argument->call = call;
        return error;
    }
    bool yes = accept(in, "true");
    if (yes || accept(in, "false")) {
        AUTO_JSON struct json_object *value = json_object_new_boolean(yes);
        argument->literal = arena_keep(in->arena, value);
        return 0;
    }
    return accept(in, "null") ? 0 : read_number(in, argument);
}

/* arguments = "(" [argument *("," argument)] ")" */
static int read_arguments(struct reader *in, struct intrinsic *call)
{
    struct argument *list = NULL;
    size_t capacity = 0;
    int error = accept(in, "(") ? 0 : expected(in, "\"(\"");
    skip_blanks(in);
    while (error == 0 && !accept(in, ")")) {
        if (call->argument_count && !accept(in, ",")) {
            error = expected(in, "\",\" or \")\"");
            break;
        }
        skip_blanks(in);
        list = mem_grow(list, &capacity, call->argument_count + 1, sizeof *list);
        struct argument *argument = &list[call->argument_count++];
        *argument = (struct argument){0};
        error = read_argument(in, argument);
        skip_blanks(in);
    }
    if (error == 0 && call->argument_count) {
        call->arguments = ARENA_ARRAY(in->arena, struct argument, call->argument_count);
        memcpy(call->arguments, list, call->argument_count * sizeof *list);
    }
    free(list);
    return error;
}

/* `bytes` is the length of the name that stands here. */
static int unknown_function(struct reader *in, size_t bytes)
{
    char *name = mem_strndup(in->at, bytes);
    struct suggest suggest = suggest_begin(name);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        suggest_offer(&suggest, functions[i].name);
    int code = expected(in, "the name of an intrinsic function");
    if (suggest.best)
        err_hint(in->err, "did you mean '%s'?", suggest.best);
    free(name);
    return code;
}

/* call = name arguments */
static int read_call(struct reader *in, struct intrinsic **ret_call)
{
    if (++in->depth > LIMIT_INTRINSIC_DEPTH)
        return err_set(in->err, ERR_LIMIT, "intrinsic functions are nested deeper than %d", LIMIT_INTRINSIC_DEPTH);
    const char *first = in->at;
    size_t bytes = 0;
    while (first + bytes < in->end && first[bytes] != '(')
        bytes++;
    struct intrinsic *call = ARENA_NEW(in->arena, struct intrinsic);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == bytes && memcmp(functions[i].name, first, bytes) == 0) {
            call->name = functions[i].name;
            call->function = functions[i].function;
        }
    if (call->name == NULL)
        return unknown_function(in, bytes);
    in->at += bytes;
    int error = read_arguments(in, call);
    if (error)
        return error;
    call->text = arena_strndup(in->arena, first, (size_t)(in->at - first));
    in->depth--;
    *ret_call = call;
    return 0;
}

int intrinsic_compile(struct arena *arena, const char *text, size_t bytes, struct intrinsic **ret_call, struct err *err)
{
    text = arena_strndup(arena, text, bytes); /* quoted texts point into it */
    struct reader in = {.arena = arena, .text = text, .at = text, .end = text + bytes, .err = err};
    struct intrinsic *call = NULL;
    int error = read_call(&in, &call);
    if (error)
        return error;
    skip_blanks(&in);
    if (in.at != in.end)
        return expected(&in, "the end of the call");
    *ret_call = call;
    return 0;
}

/* ---- calling ---- */

int intrinsic_fail(const struct intrinsic_frame *frame, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return asl_failure_runtime(frame->failure, "There was an error while evaluating the intrinsic function: %s. %s",
                               frame->whole, text);
}

static int missing(const struct intrinsic_frame *frame, const struct jsonpath *path, struct json_object *input,
                   const struct jsonpath_miss *miss)
{
    if (miss->kind == JSONPATH_NO_ARRAY)
        return asl_failure_runtime(frame->failure, "%s", miss->text);
    char *json = json_text(input);
    asl_failure_runtime(frame->failure,
                        "The function '%s' had the following error: The JsonPath argument for the field '%s' could "
                        "not be found in the input '%s'",
                        frame->whole, jsonpath_text(path), json);
    free(json);
    return -1;
}

static int invoke(const struct intrinsic *call, struct json_object *input, struct asl_env *env, const char *whole,
                  struct json_object **ret_value, struct asl_failure *failure);

/* The value of an argument: a new reference. */
static int argument_value(const struct argument *argument, const struct intrinsic_frame *frame,
                          struct json_object *input, struct json_object **ret_value)
{
    struct jsonpath_miss miss;
    switch (argument->kind) {
    case ARGUMENT_LITERAL:
        *ret_value = json_object_get(argument->literal);
        return 0;
    case ARGUMENT_PATH:
        if (jsonpath_eval(argument->path, input, frame->env, ret_value, &miss) == 0)
            return 0;
        if (miss.kind != JSONPATH_PAST_END)
            return missing(frame, argument->path, input, &miss);
        *ret_value = NULL;
        return 0;
    case ARGUMENT_CALL:
        return invoke(argument->call, input, frame->env, frame->whole, ret_value, frame->failure);
    }
    return -1;
}

enum { FEW = 8 };

static int invoke(const struct intrinsic *call, struct json_object *input, struct asl_env *env, const char *whole,
                  struct json_object **ret_value, struct asl_failure *failure)
{
    struct json_object *few[FEW];
    struct intrinsic_frame frame = {.call = call, .values = few, .env = env, .whole = whole, .failure = failure};
    int error = 0;
    if (call->argument_count > FEW)
        frame.values = mem_alloc(call->argument_count * sizeof *frame.values);
    while (error == 0 && frame.count < call->argument_count) {
        error = argument_value(&call->arguments[frame.count], &frame, input, &frame.values[frame.count]);
        frame.count += error == 0;
    }
    if (error == 0) {
        error = call->function(&frame, ret_value);
        if (error && failure->error == NULL)
            intrinsic_fail(&frame, "Invalid arguments in %s", call->name);
    }
    while (frame.count)
        json_object_put(frame.values[--frame.count]);
    if (frame.values != few)
        free(frame.values);
    return error;
}

int intrinsic_eval(const struct intrinsic *call, struct json_object *input, struct asl_env *env,
                   struct json_object **ret_value, struct asl_failure *failure)
{
    asl_failure_release(failure);
    return invoke(call, input, env, call->text, ret_value, failure);
}

void intrinsic_variables(const struct intrinsic *call, void (*report)(void *context, const char *name), void *context)
{
    for (size_t i = 0; i < call->argument_count; i++) {
        const struct argument *argument = &call->arguments[i];
        if (argument->kind == ARGUMENT_CALL)
            intrinsic_variables(argument->call, report, context);
        else if (argument->kind == ARGUMENT_PATH && jsonpath_root(argument->path) == JSONPATH_VARIABLE)
            report(context, jsonpath_variable(argument->path));
    }
}

bool intrinsic_integer(struct json_object *value, int64_t *ret_number)
{
    if (json_object_is_type(value, json_type_int)) {
        *ret_number = json_object_get_int64(value);
        return true;
    }
    double number = json_object_is_type(value, json_type_double) ? json_object_get_double(value) : NAN;
    if (!(fabs(number) < 9007199254740992.0))
        return false;
    *ret_number = (int64_t)number;
    return true;
}
