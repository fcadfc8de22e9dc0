/* error.c - how evaluations fail: where it was, and what the message says. */
#include "asl/jsonata/eval.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *error_template(const char *code)
{
    static const struct {
        const char *code, *text;
    } texts[] = {
#define X(code, text) {code, text},
#include "asl/jsonata/errors.def"
#undef X
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].code, code) == 0)
            return texts[i].text;
    return NULL;
}

/*
 * Every call on the way out has its say, from the inside out: the call that was applied names its own
 * place (the outermost one wins), a call site fills in what is still missing, and `and` and `or` put
 * themselves in front of whatever their right side threw.
 */
static void locate(struct failure *f, const struct call *call, const struct call *end)
{
    for (; call != end; call = call->outer) {
        switch (call->kind) {
        case CALL_APPLY:
            if (f->token == NULL)
                f->token = call->token;
            if (call->position > 0)
                f->position = call->position;
            break;
        case CALL_SITE:
            if (f->position <= 0)
                f->position = call->position;
            if (f->token == NULL)
                f->token = call->token;
            break;
        case CALL_BOOLEAN:
            f->position = call->position;
            f->token = call->token;
            break;
        }
    }
}

_Noreturn void fail_failure(struct eval *e, struct failure failure)
{
    struct catcher *catcher = e->catcher;
    if (failure.code[0] && failure.code[0] != 'U')
        locate(&failure, e->calls, catcher->calls);
    e->failure = failure;
    e->calls = catcher->calls;
    e->depth = catcher->depth;
    e->catcher = catcher->outer;
    longjmp(catcher->place, 1);
}

static struct failure failure_of(const char *code)
{
    struct failure failure = {.position = -1};
    snprintf(failure.code, sizeof failure.code, "%s", code);
    return failure;
}

_Noreturn void fail(struct eval *e, const char *code)
{
    fail_failure(e, failure_of(code));
}

_Noreturn void fail_at(struct eval *e, const char *code, int position, const char *token)
{
    struct failure failure = failure_of(code);
    failure.position = position;
    failure.token = token;
    fail_failure(e, failure);
}

_Noreturn void fail_value(struct eval *e, const char *code, struct value value)
{
    struct failure failure = failure_of(code);
    failure.value = value;
    fail_failure(e, failure);
}

_Noreturn void fail_message(struct eval *e, const char *code, const char *message)
{
    struct failure failure = failure_of(code);
    failure.message = message;
    fail_failure(e, failure);
}

/* Limits have a code in the reference's test harness, none in Step Functions. */
_Noreturn static void fail_limit(struct eval *e, const char *message)
{
    fail_message(e, e->dialect == JSONATA_STATES ? "" : "U1001", message);
}

_Noreturn void fail_stack(struct eval *e)
{
    fail_limit(e, "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as "
                  "tail-recursive");
}

_Noreturn void fail_memory(struct eval *e)
{
    fail_limit(e, "Expression evaluation memory limit exceeded: Check for excessive memory usage");
}

_Noreturn void fail_time(struct eval *e)
{
    fail_limit(e, "Expression evaluation timeout: Check for infinite loop");
}

/* A value in a message, as JSON; too large ones are cut. */
static void add_json(struct builder *out, struct value value)
{
    if (is_undefined(value)) {
        builder_add(out, "undefined", 9);
        return;
    }
    if (value.type == V_NUMBER && !isfinite(number_of(value))) {
        builder_add(out, "null", 4);
        return;
    }
    if (value.type == V_NUMBER) {
        char text[32];
        builder_add(out, text, number_format_exact(number_of(value), text));
        return;
    }
    if (value.type == V_FUNCTION) {
        builder_add(out, "{}", 2);
        return;
    }
    struct array *wrapper = array_new(out->e, 1);
    array_push(out->e, wrapper, value);
    struct text text = text_of(value_to_string(out->e, value_array(wrapper), false));
    builder_add(out, text.data + 1, text.bytes - 2);
}

static void add_plain(struct builder *out, const char *text)
{
    builder_add(out, text, strlen(text));
}

static void add_field(struct builder *out, const struct failure *f, const char *name, size_t bytes, bool as_json)
{
    const char *plain = NULL;
    struct value value = VALUE_UNDEFINED;
    if (strncmp(name, "token", bytes) == 0)
        plain = f->token;
    else if (strncmp(name, "type", bytes) == 0)
        plain = f->type;
    else if (strncmp(name, "functionName", bytes) == 0)
        plain = f->function_name;
    else if (strncmp(name, "message", bytes) == 0)
        plain = f->message;
    else if (strncmp(name, "index", bytes) == 0)
        value = value_double(f->index);
    else if (strncmp(name, "exp", bytes) == 0)
        value = f->exponent;
    else if (strncmp(name, "value2", bytes) == 0 && bytes == 6)
        value = f->value2;
    else
        value = f->value;
    if (plain && as_json)
        add_json(out, value_text(plain, strlen(plain)));
    else if (plain)
        add_plain(out, plain);
    else
        add_json(out, value);
}

const char *failure_message(struct eval *e, const struct failure *failure)
{
    const char *text = error_template(failure->code);
    if (text == NULL)
        return failure->message ? failure->message : "";
    struct builder out = {.e = e};
    while (*text) {
        if (text[0] != '{' || text[1] != '{') {
            builder_add_char(&out, *text++);
            continue;
        }
        bool plain = text[2] == '{';
        text += plain ? 3 : 2;
        size_t bytes = strcspn(text, "}");
        add_field(&out, failure, text, bytes, !plain);
        text += bytes + (plain ? 3 : 2);
    }
    builder_add_char(&out, '\0');
    return out.data;
}
