/*
 * apply.c - calls of functions.
 *
 * A function of the language whose last act is a call does not make it but hands it to the loop in
 * apply(): calls in tail position take no stack, however many there are.
 */
#include "asl/jsonata/code.h"
#include "asl/jsonata/native.h"
#include "asl/jsonata/regex.h"
#include "asl/jsonata/signature.h"

#include <string.h>

enum { ARGS_ON_STACK = 8 };

int function_arity(struct value v)
{
    const struct function *function = v.as.function;
    switch (function->kind) {
    case FUNCTION_NATIVE:
        return function->native->arity;
    case FUNCTION_LAMBDA:
        return (int)function->code->count;
    case FUNCTION_PARTIAL: {
        int holes = 0;
        for (uint32_t i = 0; i < function->arg_count; i++)
            holes += function->args[i].type == V_UNSET;
        return holes;
    }
    case FUNCTION_REGEX:
        return 2;
    case FUNCTION_NEXT_MATCH:
        return 0;
    case FUNCTION_CHAIN:
    case FUNCTION_TRANSFORM:
        return 1;
    }
    return 0;
}

static struct value call_native(struct eval *e, const struct function *function, const struct value *args, size_t count,
                                struct value context)
{
    const struct native *native = function->native;
    size_t capacity = count > NATIVE_ARGS ? count : NATIVE_ARGS;
    struct value small[ARGS_ON_STACK];
    struct value *checked = capacity <= ARGS_ON_STACK ? small : eval_alloc(e, capacity * sizeof *checked);
    size_t given = count;
    if (function->signature)
        given = signature_validate(e, function->signature, args, count, context, checked, capacity);
    else if (count)
        memcpy(checked, args, count * sizeof *checked);
    for (size_t i = given; i < NATIVE_ARGS; i++)
        checked[i] = VALUE_UNDEFINED;
    e->eval_input = context;
    if (native_is_eval(native))
        return eval_expression(e, checked, function->code->scope, function->frame);
    return native->call(e, checked, given);
}

/* Runs the body in a frame of its own, which `ret_frame` gets when a tail call still needs it. */
static struct value call_lambda(struct eval *e, const struct function *function, const struct value *args, size_t count,
                                struct value context, struct frame **ret_frame)
{
    const struct code *code = function->code;
    struct value small[ARGS_ON_STACK];
    if (function->signature) {
        size_t capacity = count + code->count;
        struct value *checked = capacity <= ARGS_ON_STACK ? small : eval_alloc(e, (capacity + 1) * sizeof *checked);
        count = signature_validate(e, function->signature, args, count, context, checked, capacity);
        args = checked;
    }
    struct frame *frame = frame_new(e, function->frame, code->frame_count);
    for (uint32_t i = 0; i < code->count; i++)
        frame->slots[code->parameters[i]] = i < count ? args[i] : VALUE_UNDEFINED;
    struct value result = eval(e, code->a, function->context, frame);
    if (result.type == V_TAIL)
        *ret_frame = frame;
    else
        frame_release(e, frame);
    return result;
}

static struct value call_partial(struct eval *e, const struct function *function, const struct value *args,
                                 size_t count, struct value context)
{
    struct value *all = eval_alloc(e, (function->arg_count + 1) * sizeof *all);
    size_t next = 0;
    for (uint32_t i = 0; i < function->arg_count; i++) {
        all[i] = function->args[i];
        if (all[i].type == V_UNSET)
            all[i] = next < count ? args[next++] : VALUE_UNDEFINED;
    }
    return apply(e, value_function(function->first), all, function->arg_count, context);
}

static struct value call_once(struct eval *e, struct value callee, const struct value *args, size_t count,
                              struct value context, struct frame **ret_frame)
{
    if (callee.type != V_FUNCTION)
        fail(e, "T1006");
    struct function *function = callee.as.function;
    switch (function->kind) {
    case FUNCTION_NATIVE:
        return call_native(e, function, args, count, context);
    case FUNCTION_LAMBDA:
        return call_lambda(e, function, args, count, context, ret_frame);
    case FUNCTION_PARTIAL:
        return call_partial(e, function, args, count, context);
    case FUNCTION_CHAIN: {
        struct value between = apply(e, value_function(function->first), args, count ? 1 : 0, VALUE_UNDEFINED);
        return apply(e, value_function(function->second), &between, 1, VALUE_UNDEFINED);
    }
    case FUNCTION_TRANSFORM:
        return eval_transform(e, function, count ? args[0] : VALUE_UNDEFINED);
    case FUNCTION_REGEX:
    case FUNCTION_NEXT_MATCH:
        return regex_apply(e, function, args, count);
    }
    return VALUE_UNDEFINED;
}

/* The blocks around a tail call and the function it was in are done once its arguments are known. */
static void release_frames(struct eval *e, struct frame *from, const struct frame *last)
{
    while (from) {
        struct frame *outer = from->parent;
        bool done = from == last;
        frame_release(e, from);
        if (done)
            return;
        from = outer;
    }
}

static struct value *evaluate_args(struct eval *e, const struct code *call, const struct value *piped,
                                   struct value input, struct frame *frame, struct value *small, size_t *ret_count)
{
    size_t before = piped ? 1 : 0, count = call->count + before;
    struct value *args = count <= ARGS_ON_STACK ? small : eval_alloc(e, count * sizeof *args);
    if (piped)
        args[0] = *piped;
    for (uint32_t i = 0; i < call->count; i++)
        args[before + i] = eval(e, call->items[i], input, frame);
    *ret_count = count;
    return args;
}

static struct value trampoline(struct eval *e, struct value result, struct frame *made_in, struct value context)
{
    struct call call = {e->calls, CALL_APPLY, -1, NULL};
    while (result.type == V_TAIL) {
        struct tail_call tail = e->tail;
        struct value callee = eval(e, tail.call->a, tail.input, tail.frame);
        struct value small[ARGS_ON_STACK];
        size_t count;
        struct value *args = evaluate_args(e, tail.call, NULL, tail.input, tail.frame, small, &count);
        release_frames(e, tail.frame, made_in);
        call.position = tail.call->a->position;
        call.token = tail.call->name;
        e->calls = &call;
        result = call_once(e, callee, args, count, context, &made_in);
        e->calls = call.outer;
    }
    return result;
}

struct value apply(struct eval *e, struct value function, const struct value *args, size_t count, struct value context)
{
    struct frame *made_in = NULL;
    eval_enter_call(e);
    struct value result = call_once(e, function, args, count, context, &made_in);
    if (result.type == V_TAIL)
        result = trampoline(e, result, made_in, context);
    return result;
}

struct value apply_declared(struct eval *e, struct value function, const struct value *args, size_t count)
{
    size_t arity = (size_t)function_arity(function);
    if (count > 1 && arity < count)
        count = arity > 1 ? arity : 1;
    return apply(e, function, args, count, VALUE_UNDEFINED);
}

struct value eval_call(struct eval *e, const struct code *call, const struct value *piped, struct value input,
                       struct frame *frame)
{
    struct value callee = eval(e, call->a, input, frame);
    if (is_undefined(callee) && call->b && js_truth(eval(e, call->b, input, frame)))
        fail_at(e, "T1005", call->position, call->name);
    struct value small[ARGS_ON_STACK];
    size_t count;
    struct value *args = evaluate_args(e, call, piped, input, frame, small, &count);
    struct call site = {e->calls, CALL_SITE, call->position, call->name};
    struct call applied = {&site, CALL_APPLY, call->position, call->name};
    e->calls = callee.type == V_FUNCTION ? &applied : &site;
    struct frame *made_in = NULL;
    struct value result = call_once(e, callee, args, count, input, &made_in);
    if (result.type == V_TAIL) {
        e->calls = &site;
        result = trampoline(e, result, made_in, input);
    }
    e->calls = site.outer;
    return result;
}

struct value eval_partial(struct eval *e, const struct code *call, struct value input, struct frame *frame)
{
    struct value *args = eval_alloc(e, (call->count + 1) * sizeof *args);
    for (uint32_t i = 0; i < call->count; i++) {
        if (call->items[i]->op == CODE_HOLE)
            args[i].type = V_UNSET;
        else
            args[i] = eval(e, call->items[i], input, frame);
    }
    struct value callee = eval(e, call->a, input, frame);
    if (callee.type != V_FUNCTION) {
        bool forgot = is_undefined(callee) && call->b && js_truth(eval(e, call->b, input, frame));
        fail_at(e, forgot ? "T1007" : "T1008", call->position, call->name);
    }
    struct function *partial = function_new(e, FUNCTION_PARTIAL);
    partial->first = callee.as.function;
    partial->args = args;
    partial->arg_count = call->count;
    return value_function(partial);
}
