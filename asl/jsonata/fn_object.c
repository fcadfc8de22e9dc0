/* fn_object.c - functions of objects. */
#include "asl/jsonata/native.h"

#include <string.h>

#define UNUSED __attribute__((unused))

static void collect_keys(struct eval *e, struct value v, struct object *keys)
{
    tick(e);
    if (v.type == V_ARRAY) {
        eval_enter(e);
        size_t count = array_count(v);
        for (size_t i = 0; i < count; i++)
            collect_keys(e, array_at(v, i), keys);
        eval_leave(e);
    } else if (v.type == V_OBJECT) {
        struct member_walk walk = object_walk(v);
        struct value key, value;
        while (object_next(&walk, &key, &value))
            object_set(e, keys, key, VALUE_NULL);
    }
}

struct value fn_keys(struct eval *e, const struct value *args, size_t count UNUSED)
{
    struct object *keys = object_new(e, 0);
    collect_keys(e, args[0], keys);
    struct array *out = sequence_new(e);
    for (uint32_t i = 0; i < keys->count; i++)
        array_push(e, out, keys->members[i].key);
    return value_array(out);
}

struct value fn_lookup(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return args[1].type == V_STRING ? lookup(e, args[0], text_of(args[1])) : VALUE_UNDEFINED;
}

static void spread(struct eval *e, struct value v, struct array *out)
{
    tick(e);
    if (v.type == V_ARRAY) {
        eval_enter(e);
        size_t count = array_count(v);
        for (size_t i = 0; i < count; i++)
            spread(e, array_at(v, i), out);
        eval_leave(e);
    } else if (v.type == V_OBJECT) {
        struct member_walk walk = object_walk(v);
        struct value key, value;
        while (object_next(&walk, &key, &value)) {
            struct object *single = object_new(e, 1);
            object_add(e, single, key, value);
            array_push(e, out, value_object(single));
        }
    } else {
        array_push(e, out, v);
    }
}

struct value fn_spread(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (args[0].type != V_ARRAY && args[0].type != V_OBJECT)
        return args[0];
    struct array *out = sequence_new(e);
    spread(e, args[0], out);
    out->sequence = args[0].type == V_OBJECT || array_count(args[0]) == 0; /* appending makes a plain array */
    return value_array(out);
}

struct value fn_merge(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct object *out = object_new(e, 0);
    size_t items = array_count(args[0]);
    for (size_t i = 0; i < items; i++) {
        struct value item = array_at(args[0], i);
        if (item.type != V_OBJECT)
            continue;
        struct member_walk walk = object_walk(item);
        struct value key, value;
        while (object_next(&walk, &key, &value)) {
            tick(e);
            object_set(e, out, key, value);
        }
    }
    return value_object(out);
}

/* A copy that may be changed: all of it, since the language never changes what it was given. */
static struct value deep_copy(struct eval *e, struct value v)
{
    tick(e);
    if (v.type == V_FUNCTION)
        return value_text("", 0);
    if (v.type != V_ARRAY && v.type != V_OBJECT)
        return v;
    struct array *flags = array_of(v);
    if (flags && flags->outer_wrapper && flags->count)
        v = flags->items[0];
    eval_enter(e);
    struct value copy;
    if (v.type == V_ARRAY) {
        size_t count = array_count(v);
        copy = value_array(array_new(e, count));
        for (size_t i = 0; i < count; i++)
            array_push(e, copy.as.array, deep_copy(e, array_at(v, i)));
    } else {
        copy = value_object(object_new(e, object_count(v)));
        struct member_walk walk = object_walk(v);
        struct value key, value;
        while (object_next(&walk, &key, &value))
            object_add(e, copy.as.object, key, deep_copy(e, value));
    }
    eval_leave(e);
    return copy;
}

struct value fn_clone(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return is_undefined(args[0]) ? args[0] : deep_copy(e, args[0]);
}
