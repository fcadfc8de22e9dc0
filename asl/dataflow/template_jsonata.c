/* The JSONata parts of templates: {% ... %}. */
#include "asl/base/arena.h"
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/template_priv.h"
#include "asl/env.h"
#include "asl/failure.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- compiling ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/*
 * Whether an expression may look at more of $states than the fields that cost nothing. The context
 * object is made only for those that may; to be on the safe side anything but `$states.input`,
 * `.result` and `.errorOutput` counts.
 */
static bool uses_whole_states(const char *text)
{
    static const char *const cheap[] = {"input", "result", "errorOutput"};
    for (const char *at = strstr(text, "$states"); at; at = strstr(at, "$states")) {
        bool is_cheap = false;
        at = skip_blanks(at + 7);
        if (*at != '.')
            return true;
        at = skip_blanks(at + 1);
        size_t bytes = 0;
        while ((at[bytes] >= 'a' && at[bytes] <= 'z') || (at[bytes] >= 'A' && at[bytes] <= 'Z'))
            bytes++;
        for (size_t i = 0; i < sizeof cheap / sizeof *cheap; i++)
            is_cheap = is_cheap || (strlen(cheap[i]) == bytes && memcmp(cheap[i], at, bytes) == 0);
        if (!is_cheap)
            return true;
    }
    return false;
}

static void free_expression(void *expression)
{
    jsonata_free(expression);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Positions are those behind a token; people look at its first character. Both count code points. */
static int column_of(const char *text, int position)
{
    size_t end = 0;
    for (int chars = 0; text[end]; end++)
        if (((unsigned char)text[end] & 0xc0) != 0x80 && chars++ == position)
            break;
    size_t start = end;
    while (start > 0 && is_word(text[start - 1]))
        start--;
    int column = start == end && end > 0 ? 0 : 1;
    for (size_t i = 0; i < start; i++)
        column += ((unsigned char)text[i] & 0xc0) != 0x80;
    return position < 0 ? 0 : column;
}

struct report {
    struct diagnostics *diagnostics;
    const char *location;
    const char *text;
};

static void report_unsupported(void *context, const char *message, int position)
{
    const struct report *r = context;
    struct diagnostic *d =
        diagnostics_add(r->diagnostics, DIAGNOSTIC_ERROR, "UNSUPPORTED_JSONATA_EXPRESSION", r->location, "%s", message);
    d->found = mem_strdup(r->text);
    d->found_column = column_of(r->text, position);
}

void template_compile_jsonata(struct arena *arena, struct template *node, const char *text, size_t bytes,
                              const struct template_scope *scope, const char *location, struct diagnostics *diagnostics)
{
    struct jsonata_error error = {0};
    for (; bytes && is_blank(*text); text++)
        bytes--;
    while (bytes && is_blank(text[bytes - 1]))
        bytes--;
    node->kind = TEMPLATE_JSONATA;
    node->text = arena_strndup(arena, text, bytes);
    node->whole_states = uses_whole_states(node->text);
    if (jsonata_compile(text, bytes, JSONATA_STATES, &node->expression, &error) != 0) {
        struct diagnostic *d = diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, "INVALID_JSONATA_EXPRESSION", location,
                                               "%s", error.message ? error.message : "");
        d->found = mem_strdup(node->text);
        d->found_column = column_of(node->text, error.position);
        jsonata_error_release(&error);
        return;
    }
    arena_defer(arena, free_expression, node->expression);
    struct report r = {diagnostics, location, node->text};
    jsonata_check_states(node->expression, scope->states, report_unsupported, &r);
}

/* ---- evaluating ---- */

static struct json_object *make_states(struct asl_env *env, bool whole)
{
    struct json_object *states = json_object_new_object();
    json_add(states, "input", json_object_get(env->input));
    if (whole)
        json_add(states, "context", json_object_get(asl_env_context(env)));
    if (env->has_result)
        json_add(states, "result", json_object_get(env->result));
    if (env->has_error_output)
        json_add(states, "errorOutput", json_object_get(env->error_output));
    return states;
}

struct lookup {
    struct template_frame *frame;
    bool whole_states;
};

static bool look_up(void *context, const char *name, struct json_object **ret_value)
{
    const struct lookup *l = context;
    struct template_frame *frame = l->frame;
    if (strcmp(name, "states") != 0)
        return asl_env_variable(frame->env, name, ret_value);
    if (frame->states == NULL || (l->whole_states && !frame->states_whole)) {
        json_release(&frame->states);
        frame->states = make_states(frame->env, l->whole_states);
        frame->states_whole = l->whole_states;
    }
    *ret_value = frame->states;
    return true;
}

/* Sets "The JSONata expression 'EXPR' specified for the field 'FIELD' REASON"; a literal is its own. */
static int fail(const struct template *node, struct asl_failure *failure, const char *reason)
{
    if (node->text)
        asl_failure_set(failure, "States.QueryEvaluationError", true,
                        "The JSONata expression '%s' specified for the field '%s' %s", node->text, node->field, reason);
    else
        asl_failure_set(failure, "States.QueryEvaluationError", true, "The value specified for the field '%s' %s",
                        node->field, reason);
    failure->location = mem_strdup(node->field);
    return -1;
}

static int fail_with(const struct template *node, struct asl_failure *failure, struct jsonata_error *error)
{
    AUTO_BUF reason = BUF_INIT;
    buf_add_text(&reason, "threw an error during evaluation");
    if (error->code[0])
        buf_printf(&reason, ". %s: ", error->code);
    else
        buf_add_text(&reason, ": ");
    buf_add_text(&reason, error->message ? error->message : "");
    jsonata_error_release(error);
    return fail(node, failure, buf_text(&reason));
}

int template_eval_jsonata(const struct template *node, struct template_frame *frame, struct json_object **ret_value)
{
    struct asl_env *env = frame->env;
    struct lookup lookup = {frame, node->whole_states};
    struct jsonata_env jsonata = {
        .lookup = look_up,
        .lookup_context = &lookup,
        .now_ms = env->now_ms,
        .random = env->random,
        .random_context = env->random_owner,
        .limits = {LIMIT_JSONATA_MS, LIMIT_JSONATA_DEPTH, LIMIT_JSONATA_BYTES},
    };
    struct jsonata_error error = {0};
    struct json_object *value = NULL;
    bool defined = false;
    int code = jsonata_evaluate(node->expression, &jsonata, &defined, &value, &error);
    if (code == ERR_UNSUPPORTED) {
        jsonata_error_release(&error);
        return fail(node, frame->failure, "returned an unsupported result type.");
    }
    if (code)
        return fail_with(node, frame->failure, &error);
    if (!defined)
        return fail(node, frame->failure, "returned nothing (undefined).");
    *ret_value = value;
    return 0;
}

static const char *type_name(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        return "boolean";
    case json_type_int:
    case json_type_double:
        return "number";
    case json_type_string:
        return "string";
    case json_type_array:
        return "array";
    case json_type_object:
        return "object";
    case json_type_null:
        break;
    }
    return "null";
}

int template_mismatch(const struct template *t, const char *wanted, struct json_object *value,
                      struct asl_failure *failure)
{
    AUTO_BUF reason = BUF_INIT;
    buf_printf(&reason, "returned an unexpected result type. Expected '%s', but was '%s' for value: ", wanted,
               type_name(value));
    json_write(&reason, value);
    return fail(t, failure, buf_text(&reason));
}
