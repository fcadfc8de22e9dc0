/* fn_eval.c - $eval: compiles and evaluates text in the middle of an evaluation. */
#include "asl/jsonata/code.h"
#include "asl/jsonata/native.h"
#include "asl/jsonata/regex.h"

#include <stdlib.h>
#include <string.h>

/* What $eval compiles joins a copy of the expression's lists, so the expression stays as it is. */
static struct jsonata *unit_of(struct eval *e)
{
    if (e->unit == NULL) {
        e->unit = EVAL_NEW(e, struct jsonata);
        *e->unit = *e->expression;
        e->unit->arena = e->arena;
        e->unit->regexes = NULL;
    }
    return e->unit;
}

_Noreturn static void fail_eval(struct eval *e, const char *code, const char *message)
{
    struct value text = text_copy(e, message, strlen(message));
    fail_value(e, code, text);
}

static void grow_globals(struct eval *e, uint32_t count)
{
    struct value *globals = eval_alloc(e, count * sizeof *globals);
    memcpy(globals, e->globals, e->global_capacity * sizeof *globals);
    for (uint32_t i = e->global_capacity; i < count; i++)
        globals[i].type = V_UNSET;
    e->globals = globals;
    e->global_capacity = count;
}

/* What was bound at the top of the text is bound where $eval was called. */
static void keep_bindings(struct eval *e, const struct compiled *compiled, const struct frame *made,
                          const struct scope *scope, struct frame *frame)
{
    for (uint32_t i = 0; i < made->count; i++) {
        if (made->slots[i].type == V_UNSET)
            continue;
        size_t bytes;
        const char *name = scope_name(compiled->scope, (int32_t)i, &bytes);
        int32_t slot = scope_slot(scope, name, bytes);
        if (slot >= 0) {
            frame->slots[slot] = made->slots[i];
            continue;
        }
        struct dynamic *dynamic = EVAL_NEW(e, struct dynamic);
        *dynamic = (struct dynamic){e->dynamic, text_copy(e, name, bytes).as.text, made->slots[i]};
        e->dynamic = dynamic;
    }
}

static struct compiled compile_text(struct eval *e, struct text text, const struct scope *scope)
{
    struct jsonata_error error = {.position = -1};
    struct compiled compiled;
    /* in the arena for good: names and constants point into it */
    const char *copy = text_copy(e, text.data, text.bytes).as.text;
    struct jsonata *unit = unit_of(e);
    if (make(unit, copy, text.bytes, scope, &compiled, &error) != 0) {
        struct value message = text_copy(e, error.message, strlen(error.message));
        jsonata_error_release(&error);
        fail_eval(e, "D3120", message.as.text);
    }
    if (unit->global_count > e->global_capacity)
        grow_globals(e, unit->global_count);
    return compiled;
}

struct value eval_expression(struct eval *e, const struct value *args, const struct scope *scope, struct frame *frame)
{
    if (is_undefined(args[0]))
        return args[0];
    struct value input = is_undefined(args[1]) ? e->eval_input : args[1];
    if (!is_undefined(args[1]) && input.type == V_ARRAY && !is_sequence(input)) {
        input = sequence_of(e, input);
        input.as.array->outer_wrapper = true;
    }
    eval_enter(e);
    struct compiled compiled = compile_text(e, text_of(args[0]), scope);
    struct frame *made = frame_new(e, frame, compiled.frame_count);
    made->captured = true;
    struct catcher catcher = {.outer = e->catcher, .calls = e->calls, .depth = e->depth};
    e->catcher = &catcher;
    if (setjmp(catcher.place)) {
        struct failure failure = e->failure;
        if (failure.code[0] == '\0' || failure.code[0] == 'U')
            fail_failure(e, failure); /* limits end everything */
        fail_eval(e, "D3121", failure_message(e, &failure));
    }
    struct value result = eval(e, compiled.code, input, made);
    e->catcher = catcher.outer;
    keep_bindings(e, &compiled, made, scope, frame);
    eval_leave(e);
    return result;
}

/* Only by name: eval_expression() has what is needed. */
struct value fn_eval(struct eval *e, const struct value *args, size_t count)
{
    (void)e, (void)args, (void)count;
    return VALUE_UNDEFINED;
}
