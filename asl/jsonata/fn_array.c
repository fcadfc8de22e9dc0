/* fn_array.c - functions of arrays and their order. */
#include "asl/jsonata/native.h"

#include <math.h>
#include <string.h>

#define UNUSED __attribute__((unused))

struct value fn_append(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return array_append(e, args[0], args[1]);
}

struct value fn_exists(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    return value_boolean(!is_undefined(args[0]));
}

struct value fn_boolean(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return is_undefined(args[0]) ? args[0] : value_boolean(value_truth(e, args[0]));
}

struct value fn_not(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return is_undefined(args[0]) ? args[0] : value_boolean(!value_truth(e, args[0]));
}

struct value fn_type(struct eval *e, const struct value *args, size_t count UNUSED)
{
    static const char *const names[] = {
        [V_NULL] = "null",   [V_BOOLEAN] = "boolean", [V_NUMBER] = "number",     [V_STRING] = "string",
        [V_ARRAY] = "array", [V_OBJECT] = "object",   [V_FUNCTION] = "function",
    };
    if (is_undefined(args[0]))
        return args[0];
    if (args[0].type == V_NUMBER)
        value_numeric(e, args[0]);
    const char *name = names[args[0].type];
    return value_text(name, strlen(name));
}

struct value fn_reverse(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || array_count(args[0]) <= 1)
        return args[0];
    size_t items = array_count(args[0]);
    struct array *out = array_new(e, items);
    for (size_t i = items; i-- > 0;)
        array_push(e, out, array_at(args[0], i));
    return value_array(out);
}

struct value fn_shuffle(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || array_count(args[0]) <= 1)
        return args[0];
    struct array *out = array_new(e, array_count(args[0]));
    array_push_all(e, out, args[0]);
    for (uint32_t i = out->count; i-- > 1;) {
        uint32_t j = (uint32_t)(eval_random(e) * (i + 1.0));
        struct value swap = out->items[i];
        out->items[i] = out->items[j];
        out->items[j] = swap;
    }
    return value_array(out);
}

struct value fn_zip(struct eval *e, const struct value *args, size_t count)
{
    size_t length = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t items = args[i].type == V_ARRAY ? array_count(args[i]) : 0;
        length = items < length ? items : length;
    }
    struct array *out = array_new(e, 0);
    for (size_t n = 0; count > 0 && n < length; n++) {
        struct array *tuple = array_new(e, count);
        for (size_t i = 0; i < count; i++)
            array_push(e, tuple, array_at(args[i], n));
        array_push(e, out, value_array(tuple));
    }
    return value_array(out);
}

static bool seen_before(struct eval *e, const struct array *seen, struct value v)
{
    for (uint32_t i = 0; i < seen->count; i++) {
        tick(e);
        if (value_equal(e, v, seen->items[i]))
            return true;
    }
    return false;
}

struct value fn_distinct(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (args[0].type != V_ARRAY || array_count(args[0]) <= 1)
        return args[0];
    struct array *out = is_sequence(args[0]) ? sequence_new(e) : array_new(e, 0);
    struct object *strings = object_new(e, 0); /* most lists are of strings: those are looked up */
    size_t items = array_count(args[0]);
    for (size_t i = 0; i < items; i++) {
        struct value v = array_at(args[0], i);
        tick(e);
        bool seen;
        if (v.type == V_STRING) {
            seen = object_find(strings, text_of(v)) != NULL;
            if (!seen)
                object_add(e, strings, v, VALUE_NULL);
        } else {
            seen = seen_before(e, out, v);
        }
        if (!seen)
            array_push(e, out, v);
    }
    return value_array(out);
}

/* What orders an array: values themselves, or a function that says whether a goes behind b. */
struct order {
    struct value function;
};

static bool goes_behind(struct eval *e, const struct order *order, struct value a, struct value b)
{
    tick(e);
    if (order->function.type == V_FUNCTION) {
        struct value args[2] = {a, b};
        return js_truth(apply(e, order->function, args, 2, VALUE_UNDEFINED));
    }
    if (a.type == V_STRING)
        return text_compare(text_of(a), text_of(b)) > 0;
    if (a.exact && b.exact)
        return a.as.integer > b.as.integer;
    return number_of(a) > number_of(b);
}

static void merge_sort(struct eval *e, const struct order *order, struct value *items, struct value *scratch,
                       size_t count)
{
    if (count < 2)
        return;
    size_t middle = count / 2, left = 0, right = middle, at = 0;
    merge_sort(e, order, items, scratch, middle);
    merge_sort(e, order, items + middle, scratch + middle, count - middle);
    memcpy(scratch, items, count * sizeof *items);
    while (left < middle && right < count)
        items[at++] = goes_behind(e, order, scratch[left], scratch[right]) ? scratch[right++] : scratch[left++];
    while (left < middle)
        items[at++] = scratch[left++];
    while (right < count)
        items[at++] = scratch[right++];
}

static bool all_of(struct eval *e, struct value items, enum value_type type)
{
    size_t count = array_count(items);
    for (size_t i = 0; i < count; i++) {
        struct value v = array_at(items, i);
        if (v.type != type || (type == V_NUMBER && !value_numeric(e, v)))
            return false;
    }
    return true;
}

struct value fn_sort(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || array_count(args[0]) <= 1)
        return args[0];
    if (is_undefined(args[1]) && !all_of(e, args[0], V_NUMBER) && !all_of(e, args[0], V_STRING)) {
        struct failure failure = {.code = "D3070", .position = -1, .index = 1};
        fail_failure(e, failure);
    }
    size_t items = array_count(args[0]);
    struct array *out = array_new(e, items);
    array_push_all(e, out, args[0]);
    struct order order = {args[1]};
    merge_sort(e, &order, out->items, eval_alloc(e, items * sizeof *out->items), items);
    return value_array(out);
}
