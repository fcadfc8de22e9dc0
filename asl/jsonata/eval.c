/*
 * eval.c - runs code.
 *
 * eval() dispatches on the kind of code and afterwards does what every kind has in common:
 * predicates, grouping, and turning a sequence of one into its item.
 */
#include "asl/jsonata/eval.h"

#include "asl/jsonata/code.h"
#include "asl/jsonata/native.h"

#include <string.h>
#include <time.h>

enum { CHUNK_BYTES_MIN = 2048, CHUNK_BYTES_MAX = 256 * 1024, STACK_BYTES_MAX = 1536 * 1024 };

void *eval_alloc(struct eval *e, size_t bytes)
{
    bytes = bytes ? (bytes + 15) & ~(size_t)15 : 16;
    if (__builtin_expect((size_t)(e->chunk_end - e->chunk) >= bytes, 1)) {
        char *memory = e->chunk;
        e->chunk += bytes;
        return memory;
    }
    size_t chunk = bytes;
    if (bytes < CHUNK_BYTES_MAX / 4) {
        chunk = e->chunk_bytes < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : e->chunk_bytes * 2;
        if (chunk < bytes * 2)
            chunk = bytes * 2;
        if (chunk > CHUNK_BYTES_MAX)
            chunk = CHUNK_BYTES_MAX;
        e->chunk_bytes = chunk;
    }
    char *memory = arena_alloc(e->arena, chunk);
    if (memory == NULL)
        fail_memory(e);
    if (chunk > bytes) {
        e->chunk = memory + bytes;
        e->chunk_end = memory + chunk;
    }
    return memory;
}

void *eval_alloc_zeroed(struct eval *e, size_t bytes)
{
    return memset(eval_alloc(e, bytes), 0, bytes);
}

void eval_charge(struct eval *e, size_t bytes)
{
    e->charged += bytes;
    if (e->charge_max && e->charged > e->charge_max)
        fail_memory(e);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool eval_time_is_over(const struct eval *e)
{
    return e->deadline_ms && monotonic_ms() > e->deadline_ms;
}

void eval_check(struct eval *e)
{
    if (eval_time_is_over(e))
        fail_time(e);
}

void eval_start_clock(struct eval *e, int time_ms)
{
    e->deadline_ms = time_ms > 0 ? monotonic_ms() + time_ms : 0;
}

static inline void enter(struct eval *e)
{
    if (__builtin_expect(++e->depth > e->depth_max, 0))
        fail_stack(e);
    char *here = __builtin_frame_address(0);
    if (__builtin_expect(e->stack_base - here > STACK_BYTES_MAX, 0))
        fail_stack(e);
    tick(e);
}

void eval_enter_call(struct eval *e)
{
    char *here = __builtin_frame_address(0);
    if (e->stack_base - here > STACK_BYTES_MAX)
        fail_stack(e);
}

void eval_enter(struct eval *e)
{
    e->depth++;
    eval_enter_call(e);
}

static uint32_t frame_size_class(uint32_t count)
{
    uint32_t size = 0;
    while (size < FRAME_SIZES && (1u << size) < count)
        size++;
    return size;
}

struct frame *frame_new(struct eval *e, struct frame *parent, uint32_t count)
{
    uint32_t size = frame_size_class(count);
    struct frame *frame;
    if (size < FRAME_SIZES && e->free_frames[size]) {
        frame = e->free_frames[size];
        e->free_frames[size] = frame->parent;
    } else {
        uint32_t slots = size < FRAME_SIZES ? 1u << size : count;
        frame = eval_alloc(e, sizeof *frame + slots * sizeof *frame->slots);
    }
    frame->parent = parent;
    frame->tuple = NULL;
    frame->captured = false;
    frame->count = count;
    for (uint32_t i = 0; i < count; i++)
        frame->slots[i].type = V_UNSET;
    return frame;
}

void frame_release(struct eval *e, struct frame *frame)
{
    uint32_t size = frame_size_class(frame->count);
    if (frame->captured || size >= FRAME_SIZES)
        return;
    frame->parent = e->free_frames[size];
    e->free_frames[size] = frame;
}

/* A function keeps the frame it was made in, and those around it. */
static void capture(struct frame *frame)
{
    for (; frame && !frame->captured; frame = frame->parent)
        frame->captured = true;
}

struct function *function_new(struct eval *e, enum function_kind kind)
{
    struct function *function = EVAL_NEW(e, struct function);
    function->kind = kind;
    return function;
}

struct value value_native(struct eval *e, const struct native *native, const struct signature *signature)
{
    struct function *function = function_new(e, FUNCTION_NATIVE);
    function->native = native;
    function->signature = signature;
    return value_function(function);
}

/* What the caller or the library has under a name; asked for once in an evaluation. */
static struct value find_global(struct eval *e, const struct global *global)
{
    struct json_object *found;
    if (strcmp(global->name, "$") == 0)
        return e->root;
    if (e->env->lookup && e->env->lookup(e->env->lookup_context, global->name, &found))
        return value_of_json(found);
    if (global->native)
        return value_native(e, global->native, global->signature);
    return VALUE_UNDEFINED;
}

static struct value eval_global(struct eval *e, const struct code *code, struct frame *frame)
{
    const struct global *global = code->global;
    for (const struct dynamic *d = e->dynamic; d; d = d->next)
        if (strcmp(d->name, global->name) == 0)
            return d->value;
    struct value *cached = &e->globals[global->number];
    if (cached->type == V_UNSET)
        *cached = find_global(e, global);
    if (cached->type == V_FUNCTION && global->native && native_is_eval(global->native)) {
        struct value here = value_native(e, global->native, global->signature);
        here.as.function->frame = frame; /* what it evaluates sees the variables of this place */
        here.as.function->code = code;
        capture(frame);
        return here;
    }
    return *cached;
}

static const struct binding *find_binding(const struct binding *binding, uint32_t name)
{
    while (binding && binding->name != name)
        binding = binding->next;
    return binding;
}

static struct value eval_variable(struct eval *e, const struct code *code, struct frame *frame)
{
    struct frame *at = frame;
    uint32_t hops = 0;
    for (uint32_t i = 0; i < code->ref_count; i++) {
        const struct ref *ref = &code->refs[i];
        for (; hops < ref->hops; hops++)
            at = at->parent;
        if (ref->slot == REF_TUPLE) {
            const struct binding *binding = find_binding(at->tuple, code->number);
            if (binding)
                return binding->value;
        } else if (at->slots[ref->slot].type != V_UNSET) {
            return at->slots[ref->slot];
        }
    }
    return code->global ? eval_global(e, code, frame) : VALUE_UNDEFINED;
}

/* "$": the input itself when that is an array, which is wrapped for paths. */
static struct value eval_context(struct value input)
{
    if (input.type == V_ARRAY && !input.json && input.as.array->outer_wrapper)
        return input.as.array->count ? input.as.array->items[0] : VALUE_UNDEFINED;
    return input;
}

static struct value eval_parent(const struct code *code, struct frame *frame)
{
    for (; frame; frame = frame->parent) {
        const struct binding *binding = find_binding(frame->tuple, code->number);
        if (binding)
            return binding->value;
    }
    return VALUE_UNDEFINED;
}

static void flatten(struct eval *e, struct value v, struct array *out)
{
    tick(e);
    if (v.type != V_ARRAY) {
        array_push(e, out, v);
        return;
    }
    eval_enter(e);
    size_t count = array_count(v);
    for (size_t i = 0; i < count; i++)
        flatten(e, array_at(v, i), out);
    eval_leave(e);
}

static void add_wildcard(struct eval *e, struct array *out, struct value v)
{
    if (v.type == V_ARRAY) {
        flatten(e, v, out);
        out->sequence = false; /* appending arrays makes a plain array */
    } else {
        array_push(e, out, v);
    }
}

static struct value eval_wildcard(struct eval *e, struct value input)
{
    struct array *out = sequence_new(e);
    struct array *flags = array_of(input);
    if (flags && flags->outer_wrapper && flags->count)
        input = flags->items[0];
    if (input.type == V_OBJECT) {
        struct member_walk walk = object_walk(input);
        struct value key, value;
        while (object_next(&walk, &key, &value))
            add_wildcard(e, out, value);
    } else if (input.type == V_ARRAY) {
        size_t count = array_count(input);
        for (size_t i = 0; i < count; i++)
            add_wildcard(e, out, array_at(input, i));
    }
    return value_array(out);
}

static void descend(struct eval *e, struct value v, struct array *out)
{
    tick(e);
    eval_enter(e);
    if (v.type == V_ARRAY) {
        size_t count = array_count(v);
        for (size_t i = 0; i < count; i++)
            descend(e, array_at(v, i), out);
    } else {
        array_push(e, out, v);
        if (v.type == V_OBJECT) {
            struct member_walk walk = object_walk(v);
            struct value key, value;
            while (object_next(&walk, &key, &value))
                descend(e, value, out);
        }
    }
    eval_leave(e);
}

static struct value eval_descendants(struct eval *e, struct value input)
{
    if (is_undefined(input))
        return input;
    struct array *out = sequence_new(e);
    descend(e, input, out);
    return out->count == 1 ? out->items[0] : value_array(out);
}

/* `and`, `or`: the right side is evaluated only when it decides. */
static struct value eval_boolean(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    struct value left = eval(e, code->a, input, frame);
    struct call call = {e->calls, CALL_BOOLEAN, code->position, operator_text(code->oper)};
    e->calls = &call;
    bool truth = value_truth(e, left);
    if (truth == (code->op == CODE_AND))
        truth = value_truth(e, eval(e, code->b, input, frame));
    e->calls = call.outer;
    return value_boolean(truth);
}

static struct value eval_negate(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    struct value v = eval(e, code->a, input, frame);
    if (is_undefined(v))
        return v;
    if (!value_numeric(e, v)) {
        struct failure failure = {.code = "D1002", .position = code->position, .token = "-", .value = v};
        fail_failure(e, failure);
    }
    if (v.exact && v.as.integer != INT64_MIN)
        return value_integer(-v.as.integer);
    return value_double(-number_of(v));
}

static struct value eval_array(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    struct array *out = array_new(e, 0);
    for (uint32_t i = 0; i < code->count; i++) {
        const struct code *item = code->items[i];
        struct value v = eval(e, item, input, frame);
        if (is_undefined(v))
            continue;
        if (item->nested || v.type != V_ARRAY) {
            array_push(e, out, v);
        } else if (out->count == 0 && !v.json) { /* items are never changed in place: share them */
            out->items = v.as.array->items;
            out->count = out->capacity = v.as.array->count;
        } else {
            array_push_all(e, out, v);
        }
    }
    out->cons = code->cons;
    return value_array(out);
}

static struct value eval_lambda(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    struct function *function = function_new(e, FUNCTION_LAMBDA);
    function->code = code;
    function->frame = frame;
    function->context = input;
    function->signature = code->signature;
    capture(frame);
    return value_function(function);
}

static struct value eval_block(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    struct frame *inner = code->frame_count ? frame_new(e, frame, code->frame_count) : frame;
    struct value result = VALUE_UNDEFINED;
    for (uint32_t i = 0; i < code->count; i++)
        result = eval(e, code->items[i], input, inner);
    if (inner != frame && result.type != V_TAIL)
        frame_release(e, inner);
    return result;
}

static struct value eval_bind(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    struct value v = eval(e, code->a, input, frame);
    struct frame *at = frame;
    for (uint32_t hops = 0; hops < code->refs->hops; hops++)
        at = at->parent;
    at->slots[code->refs->slot] = v;
    return v;
}

/* value ~> function: a call gets the value as its first argument; two functions become one. */
static struct value eval_apply(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    struct value left = eval(e, code->a, input, frame);
    if (code->b->op == CODE_CALL)
        return eval_call(e, code->b, &left, input, frame);
    struct value right = eval(e, code->b, input, frame);
    if (right.type != V_FUNCTION) {
        struct failure failure = {.code = "T2006", .position = code->position, .value = right};
        fail_failure(e, failure);
    }
    if (left.type != V_FUNCTION) {
        struct call site = {e->calls, CALL_SITE, code->position, code->b->name};
        e->calls = &site;
        struct value result = apply(e, right, &left, 1, VALUE_UNDEFINED);
        e->calls = site.outer;
        return result;
    }
    struct function *chain = function_new(e, FUNCTION_CHAIN);
    chain->first = left.as.function;
    chain->second = right.as.function;
    return value_function(chain);
}

static struct value eval_function(struct eval *e, const struct code *code, enum function_kind kind, struct value input,
                                  struct frame *frame)
{
    struct function *function = function_new(e, kind);
    function->code = code;
    function->frame = frame;
    function->context = input;
    capture(frame);
    return value_function(function);
}

static struct value eval_by_op(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    switch (code->op) {
    case CODE_CONSTANT:
        return code->constant;
    case CODE_CONTEXT:
        return eval_context(input);
    case CODE_VARIABLE:
        return eval_variable(e, code, frame);
    case CODE_GLOBAL:
        return eval_global(e, code, frame);
    case CODE_NAME:
        return eval_name(e, input, code);
    case CODE_WILDCARD:
        return eval_wildcard(e, input);
    case CODE_DESCENDANT:
        return eval_descendants(e, input);
    case CODE_PARENT:
        return eval_parent(code, frame);
    case CODE_PATH:
        return eval_path(e, code, input, frame);
    case CODE_OPERATOR: {
        struct value left = eval(e, code->a, input, frame);
        struct value right = eval(e, code->b, input, frame);
        return eval_operator(e, code, left, right);
    }
    case CODE_AND:
    case CODE_OR:
        return eval_boolean(e, code, input, frame);
    case CODE_NEGATE:
        return eval_negate(e, code, input, frame);
    case CODE_ARRAY:
        return eval_array(e, code, input, frame);
    case CODE_OBJECT:
        return eval_group(e, code, false, input, frame);
    case CODE_CALL:
        return eval_call(e, code, NULL, input, frame);
    case CODE_PARTIAL:
        return eval_partial(e, code, input, frame);
    case CODE_LAMBDA:
        return eval_lambda(e, code, input, frame);
    case CODE_CONDITION:
        if (value_truth(e, eval(e, code->a, input, frame)))
            return eval(e, code->b, input, frame);
        return code->c ? eval(e, code->c, input, frame) : VALUE_UNDEFINED;
    case CODE_DEFAULT: {
        struct value left = eval(e, code->a, input, frame);
        return value_truth(e, left) ? left : eval(e, code->b, input, frame);
    }
    case CODE_COALESCE: {
        struct value left = eval(e, code->a, input, frame);
        return is_undefined(left) ? eval(e, code->b, input, frame) : left;
    }
    case CODE_BLOCK:
        return eval_block(e, code, input, frame);
    case CODE_BIND:
        return eval_bind(e, code, input, frame);
    case CODE_APPLY:
        return eval_apply(e, code, input, frame);
    case CODE_TRANSFORM:
        return eval_function(e, code, FUNCTION_TRANSFORM, input, frame);
    case CODE_REGEX:
        return eval_function(e, code, FUNCTION_REGEX, input, frame);
    case CODE_TAIL_CALL:
        e->tail = (struct tail_call){code->a, input, frame};
        return (struct value){.type = V_TAIL};
    case CODE_HOLE:
        return code->a ? eval(e, code->a, input, frame) : VALUE_UNDEFINED;
    case CODE_SORT:
        break;
    }
    return VALUE_UNDEFINED;
}

struct value eval_unwrap(const struct code *code, struct value v)
{
    struct array *sequence = array_of(v);
    if (sequence == NULL || !sequence->sequence || (sequence->tuple_stream && code->stream))
        return v;
    if (sequence->tuple_stream) {
        for (uint32_t i = 0; i < sequence->count; i++)
            sequence->items[i] = tuple_context(sequence->items[i]);
        sequence->tuple_stream = false;
    }
    if (code->keep_array)
        sequence->keep_singleton = true;
    if (sequence->count == 0)
        return VALUE_UNDEFINED;
    return sequence->count == 1 && !sequence->keep_singleton ? sequence->items[0] : v;
}

struct value eval(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    enter(e);
    struct value v = eval_by_op(e, code, input, frame);
    if (!code->finished) {
        for (const struct code_stage *s = code->predicates; s; s = s->next)
            v = eval_filter(e, s, code->tuple && code->op == CODE_BLOCK, v, frame);
        if (code->group && code->op != CODE_PATH)
            v = eval_group(e, code->group, code->tuple && code->op == CODE_BLOCK, v, frame);
    }
    e->depth--;
    return eval_unwrap(code, v);
}
