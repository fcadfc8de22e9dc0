/* fn_higher.c - functions that take functions. */
#include "asl/jsonata/native.h"

#include <string.h>

#define UNUSED __attribute__((unused))

/* function(item, index, array), as far as it declares them */
static struct value call_with_item(struct eval *e, struct value function, struct value items, size_t i)
{
    struct value args[3] = {array_at(items, i), value_double((double)i), items};
    tick(e);
    return apply_declared(e, function, args, 3);
}

struct value fn_map(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct array *out = sequence_new(e);
    size_t items = array_count(args[0]);
    for (size_t i = 0; i < items; i++) {
        struct value v = call_with_item(e, args[1], args[0], i);
        if (!is_undefined(v))
            array_push(e, out, v);
    }
    return value_array(out);
}

struct value fn_filter(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct array *out = sequence_new(e);
    size_t items = array_count(args[0]);
    for (size_t i = 0; i < items; i++)
        if (value_truth(e, call_with_item(e, args[1], args[0], i)))
            array_push(e, out, array_at(args[0], i));
    return value_array(out);
}

struct value fn_single(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    bool found = false;
    struct value result = VALUE_UNDEFINED;
    size_t items = array_count(args[0]);
    for (size_t i = 0; i < items; i++) {
        if (!is_undefined(args[1]) && !value_truth(e, call_with_item(e, args[1], args[0], i)))
            continue;
        if (found) {
            struct failure failure = {.code = "D3138", .position = -1, .index = (int)i};
            fail_failure(e, failure);
        }
        found = true;
        result = array_at(args[0], i);
    }
    if (!found)
        fail(e, "D3139");
    return result;
}

struct value fn_reduce(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    int arity = function_arity(args[1]);
    if (arity < 2) {
        struct failure failure = {.code = "D3050", .position = -1, .index = 1};
        fail_failure(e, failure);
    }
    size_t items = array_count(args[0]), i = 0;
    struct value result = args[2];
    if (is_undefined(result) && items > 0)
        result = array_at(args[0], i++);
    for (; i < items; i++) {
        struct value next[4] = {result, array_at(args[0], i), value_double((double)i), args[0]};
        tick(e);
        result = apply(e, args[1], next, arity < 4 ? (size_t)arity : 4, VALUE_UNDEFINED);
    }
    return result;
}

struct value fn_each(struct eval *e, const struct value *args, size_t count UNUSED)
{
    struct array *out = sequence_new(e);
    if (args[0].type != V_OBJECT)
        return value_array(out);
    struct member_walk walk = object_walk(args[0]);
    struct value key, value;
    while (object_next(&walk, &key, &value)) {
        struct value next[3] = {value, key, args[0]};
        tick(e);
        struct value v = apply_declared(e, args[1], next, 3);
        if (!is_undefined(v))
            array_push(e, out, v);
    }
    return value_array(out);
}

struct value fn_sift(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (args[0].type != V_OBJECT)
        return VALUE_UNDEFINED;
    struct object *out = object_new(e, 0);
    struct member_walk walk = object_walk(args[0]);
    struct value key, value;
    while (object_next(&walk, &key, &value)) {
        struct value next[3] = {value, key, args[0]};
        tick(e);
        if (value_truth(e, apply_declared(e, args[1], next, 3)))
            object_add(e, out, key, value);
    }
    return out->count ? value_object(out) : VALUE_UNDEFINED;
}

static const char *message_of(struct eval *e, struct value v, const char *otherwise)
{
    if (v.type != V_STRING || text_of(v).bytes == 0)
        return otherwise;
    return text_copy(e, text_of(v).data, text_of(v).bytes).as.text;
}

struct value fn_error(struct eval *e, const struct value *args, size_t count UNUSED)
{
    fail_message(e, "D3137", message_of(e, args[0], "$error() function evaluated"));
}

struct value fn_assert(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (args[0].type != V_BOOLEAN || !args[0].as.boolean)
        fail_message(e, "D3141", message_of(e, args[1], "$assert() statement failed"));
    return VALUE_UNDEFINED;
}
