/* eval_group.c - object constructors, grouping and order-by. */
#include "asl/jsonata/code.h"
#include "asl/jsonata/eval.h"

#include <string.h>

/* The items that share a key, in the order of their appearance. */
struct bucket {
    struct value data;   /* the only item ... */
    struct array *items; /* ... or all of them */
    uint32_t pair;
};

_Noreturn static void fail_key(struct eval *e, const char *code, const struct code *group, struct value key)
{
    struct failure failure = {.position = group->position, .value = key};
    memcpy(failure.code, code, strlen(code) + 1);
    fail_failure(e, failure);
}

static void bucket_add(struct eval *e, struct bucket *bucket, struct value item)
{
    if (bucket->items == NULL) {
        bucket->items = array_new(e, 0);
        if (bucket->data.type == V_ARRAY)
            array_push_all(e, bucket->items, bucket->data);
        else if (!is_undefined(bucket->data))
            array_push(e, bucket->items, bucket->data);
        bucket->data = value_array(bucket->items);
    }
    if (item.type == V_ARRAY)
        array_push_all(e, bucket->items, item);
    else if (!is_undefined(item))
        array_push(e, bucket->items, item);
}

/* Buckets are found by key through an object whose members hold their numbers. */
struct buckets {
    struct object *keys;
    struct bucket *items;
    size_t capacity;
};

static void group_item(struct eval *e, const struct code *group, struct buckets *buckets, struct value item,
                       struct frame *frame)
{
    for (uint32_t i = 0; i < group->count; i += 2) {
        struct value key = eval(e, group->items[i], tuple_context(item), frame);
        if (is_undefined(key))
            continue;
        if (key.type != V_STRING)
            fail_key(e, "T1003", group, key);
        const struct member *member = object_find(buckets->keys, text_of(key));
        if (member) {
            struct bucket *bucket = &buckets->items[(size_t)member->value.as.number];
            if (bucket->pair != i)
                fail_key(e, "D1009", group, key);
            bucket_add(e, bucket, item);
            continue;
        }
        size_t count = buckets->keys->count;
        if (count == buckets->capacity) {
            size_t capacity = count ? count * 2 : 8;
            struct bucket *grown = eval_alloc(e, capacity * sizeof *grown);
            if (count)
                memcpy(grown, buckets->items, count * sizeof *grown);
            buckets->items = grown;
            buckets->capacity = capacity;
        }
        buckets->items[count] = (struct bucket){.data = item, .pair = i};
        object_add(e, buckets->keys, key, value_double((double)count));
    }
}

/* Many tuples of one key become one: each variable the array of its values. */
static struct value reduce_tuples(struct eval *e, struct value tuples)
{
    if (tuples.type != V_ARRAY)
        return tuples;
    const struct tuple *first = tuples.as.array->items[0].as.tuple;
    struct value context = first->context;
    const struct binding *bindings = first->bindings;
    for (uint32_t i = 1; i < tuples.as.array->count; i++) {
        const struct tuple *next = tuples.as.array->items[i].as.tuple;
        context = array_append(e, context, next->context);
    }
    struct binding *reduced = NULL;
    for (const struct binding *b = bindings; b; b = b->next) {
        const struct binding *seen = bindings;
        while (seen->name != b->name)
            seen = seen->next;
        if (seen != b) /* hidden by a later one */
            continue;
        struct value all = b->value;
        for (uint32_t i = 1; i < tuples.as.array->count; i++) {
            tick(e);
            const struct binding *other = tuples.as.array->items[i].as.tuple->bindings;
            while (other && other->name != b->name)
                other = other->next;
            if (other)
                all = array_append(e, all, other->value);
        }
        struct binding *binding = EVAL_NEW(e, struct binding);
        *binding = (struct binding){reduced, b->name, all};
        reduced = binding;
    }
    struct tuple *tuple = EVAL_NEW(e, struct tuple);
    *tuple = (struct tuple){context, reduced};
    return (struct value){.type = V_TUPLE, .as.tuple = tuple};
}

/* A single item under keys that are known: no grouping to do. */
static struct value construct(struct eval *e, const struct code *group, struct value item, struct frame *frame)
{
    struct object *object = object_new(e, group->count / 2);
    for (uint32_t i = 0; i < group->count; i += 2) {
        struct value v = eval(e, group->items[i + 1], item, frame);
        if (!is_undefined(v))
            object_add(e, object, group->items[i]->constant, v);
    }
    return value_object(object);
}

struct value eval_group(struct eval *e, const struct code *group, bool tuples, struct value input, struct frame *frame)
{
    bool reduce = is_tuple_stream(input);
    size_t count = input.type == V_ARRAY ? array_count(input) : 1;
    if (group->literal_keys && !tuples && count <= 1 && !reduce)
        return construct(e, group,
                         count == 0              ? VALUE_UNDEFINED
                         : input.type == V_ARRAY ? array_at(input, 0)
                                                 : input,
                         frame);
    struct buckets buckets = {.keys = object_new(e, 0)};
    if (count == 0 && !reduce)
        group_item(e, group, &buckets, VALUE_UNDEFINED, frame);
    for (size_t i = 0; i < count; i++) {
        struct value item = input.type == V_ARRAY ? array_at(input, i) : input;
        struct frame *inner = tuples ? tuple_frame(e, item, frame, group->frame_count) : frame;
        group_item(e, group, &buckets, item, inner);
        if (inner != frame)
            frame_release(e, inner);
    }
    struct object *object = object_new(e, buckets.keys->count);
    for (uint32_t i = 0; i < buckets.keys->count; i++) {
        const struct bucket *bucket = &buckets.items[i];
        struct value data = reduce ? reduce_tuples(e, bucket->data) : bucket->data;
        struct frame *inner = tuples ? tuple_frame(e, data, frame, group->frame_count) : frame;
        struct value v = eval(e, group->items[bucket->pair + 1], tuple_context(data), inner);
        if (inner != frame)
            frame_release(e, inner);
        if (!is_undefined(v))
            object_add(e, object, buckets.keys->members[i].key, v);
    }
    return value_object(object);
}

/* The terms of an order-by, evaluated when they are first compared. */
struct sort {
    const struct code *code;
    struct frame *frame;
    struct value items;
    struct value *terms;
};

static struct value sort_term(struct eval *e, const struct sort *sort, uint32_t item, uint32_t term)
{
    struct value *kept = &sort->terms[(size_t)item * sort->code->count + term];
    if (kept->type != V_UNSET)
        return *kept;
    struct value v = array_at(sort->items, item);
    struct frame *inner = sort->frame;
    if (sort->code->carries)
        inner = tuple_frame(e, v, sort->frame, sort->code->frame_count);
    *kept = eval(e, sort->code->items[term], tuple_context(v), inner);
    if (inner != sort->frame)
        frame_release(e, inner);
    return *kept;
}

static bool sortable(struct value v)
{
    return v.type == V_STRING || v.type == V_NUMBER;
}

_Noreturn static void fail_sort(struct eval *e, const struct sort *sort, const char *code, struct value a,
                                struct value b)
{
    struct failure failure = {.position = sort->code->position, .value = a, .value2 = b};
    memcpy(failure.code, code, strlen(code) + 1);
    fail_failure(e, failure);
}

/* Whether item a goes behind item b. Undefined goes last. */
static bool sorts_behind(struct eval *e, const struct sort *sort, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < sort->code->count; i++) {
        tick(e);
        struct value x = sort_term(e, sort, a, i), y = sort_term(e, sort, b, i);
        if (is_undefined(x) && is_undefined(y))
            continue;
        if (is_undefined(x) || is_undefined(y))
            return is_undefined(x);
        if (!sortable(x) || !sortable(y))
            fail_sort(e, sort, "T2008", sortable(x) ? y : x, VALUE_UNDEFINED);
        if (x.type != y.type)
            fail_sort(e, sort, "T2007", x, y);
        double difference = x.type == V_STRING ? text_compare(text_of(x), text_of(y))
                                               : (number_of(x) > number_of(y)) - (number_of(x) < number_of(y));
        if (difference != 0)
            return sort->code->descending[i] ? difference < 0 : difference > 0;
    }
    return false;
}

/* Stable: halves are sorted and merged, as the reference does. */
static void merge_sort(struct eval *e, const struct sort *sort, uint32_t *order, uint32_t *scratch, uint32_t count)
{
    if (count < 2)
        return;
    uint32_t middle = count / 2, left = 0, right = middle, at = 0;
    merge_sort(e, sort, order, scratch, middle);
    merge_sort(e, sort, order + middle, scratch, count - middle);
    memcpy(scratch, order, count * sizeof *order);
    while (left < middle && right < count)
        order[at++] = sorts_behind(e, sort, scratch[left], scratch[right]) ? scratch[right++] : scratch[left++];
    while (left < middle)
        order[at++] = scratch[left++];
    while (right < count)
        order[at++] = scratch[right++];
}

struct value eval_sort(struct eval *e, const struct code *code, struct value input, struct frame *frame)
{
    size_t count = array_count(input);
    if (count < 2) { /* what a step found is a sequence, what is written [ ... ] an array */
        struct array *flags = array_of(input);
        if (flags && flags->cons && !flags->sequence)
            return input;
        struct array *out = sequence_new(e);
        array_push_all(e, out, input);
        return value_array(out);
    }
    struct sort sort = {code, frame, input, NULL};
    eval_charge(e, count * code->count * sizeof *sort.terms);
    sort.terms = eval_alloc(e, count * code->count * sizeof *sort.terms);
    for (size_t i = 0; i < count * code->count; i++)
        sort.terms[i].type = V_UNSET;
    uint32_t *order = eval_alloc(e, count * sizeof *order), *scratch = eval_alloc(e, count * sizeof *scratch);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    merge_sort(e, &sort, order, scratch, (uint32_t)count);
    struct array *out = array_new(e, count);
    for (size_t i = 0; i < count; i++)
        array_push(e, out, array_at(input, order[i]));
    return value_array(out);
}
