/* eval_transform.c - the transform operator: a copy of an object with some of it changed. */
#include "asl/jsonata/code.h"
#include "asl/jsonata/native.h"

static void update_members(struct eval *e, const struct code *code, struct value target, struct value update)
{
    if (is_undefined(update))
        return;
    if (update.type != V_OBJECT) {
        struct failure failure = {.code = "T2011", .position = code->position, .value = update};
        fail_failure(e, failure);
    }
    if (target.type != V_OBJECT || target.json)
        return;
    /* a copy: a member that held the object itself would make a circle */
    struct member_walk walk = object_walk(fn_clone(e, &update, 1));
    struct value key, value;
    while (object_next(&walk, &key, &value))
        object_set(e, target.as.object, key, value);
}

static void delete_members(struct eval *e, const struct code *code, struct value target, struct value names)
{
    if (is_undefined(names))
        return;
    bool array = names.type == V_ARRAY;
    size_t count = array ? array_count(names) : 1;
    for (size_t i = 0; i < count; i++) {
        if ((array ? array_at(names, i) : names).type != V_STRING) {
            struct failure failure = {.code = "T2012", .position = code->position, .value = names};
            fail_failure(e, failure);
        }
    }
    for (size_t i = 0; i < count && target.type == V_OBJECT && !target.json; i++)
        object_delete(target.as.object, text_of(array ? array_at(names, i) : names));
}

struct value eval_transform(struct eval *e, const struct function *transform, struct value subject)
{
    const struct code *code = transform->code;
    if (is_undefined(subject))
        return subject;
    if (subject.type != V_OBJECT && subject.type != V_ARRAY) {
        struct failure failure = {.code = "T0410", .position = -1, .value = subject, .index = 1};
        fail_failure(e, failure);
    }
    struct value cloner = eval(e, code->clone, VALUE_UNDEFINED, transform->frame);
    if (cloner.type != V_FUNCTION)
        fail_at(e, "T2013", code->position, NULL);
    struct value copy = apply(e, cloner, &subject, 1, VALUE_UNDEFINED);
    struct value matches = eval(e, code->a, copy, transform->frame);
    if (is_undefined(matches))
        return copy;
    bool array = matches.type == V_ARRAY;
    size_t count = array ? array_count(matches) : 1;
    for (size_t i = 0; i < count; i++) {
        struct value match = array ? array_at(matches, i) : matches;
        update_members(e, code->b, match, eval(e, code->b, match, transform->frame));
        if (code->c)
            delete_members(e, code->c, match, eval(e, code->c, match, transform->frame));
    }
    return copy;
}
