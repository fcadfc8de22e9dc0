/* States.Array and the six functions that work on arrays. */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/intrinsics_priv.h"

#include <stdlib.h>
#include <string.h>

static bool is_array(struct json_object *value)
{
    return json_object_is_type(value, json_type_array);
}

/* States.Array(value ...) */
int intrinsic_array(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    *ret_value = json_object_new_array();
    for (size_t i = 0; i < frame->count; i++)
        json_append(*ret_value, json_object_get(frame->values[i]));
    return 0;
}

/* States.ArrayLength(array) */
int intrinsic_array_length(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (frame->count != 1 || !is_array(frame->values[0]))
        return -1;
    *ret_value = json_object_new_int64((int64_t)json_object_array_length(frame->values[0]));
    return 0;
}

/* States.ArrayContains(array, value) */
int intrinsic_array_contains(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (frame->count != 2 || !is_array(frame->values[0]))
        return -1;
    size_t count = json_object_array_length(frame->values[0]);
    bool found = false;
    for (size_t i = 0; i < count && !found; i++)
        found = json_same(json_object_array_get_idx(frame->values[0], i), frame->values[1]);
    *ret_value = json_object_new_boolean(found);
    return 0;
}

/* States.ArrayGetItem(array, index): an empty array gives null, any other must have the item. */
int intrinsic_array_get_item(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    int64_t index;
    if (frame->count != 2 || !is_array(frame->values[0]) || !intrinsic_integer(frame->values[1], &index))
        return -1;
    int64_t count = (int64_t)json_object_array_length(frame->values[0]);
    if (count && (index < 0 || index >= count))
        return -1;
    *ret_value = count ? json_object_get(json_object_array_get_idx(frame->values[0], (size_t)index)) : NULL;
    return 0;
}

/* States.ArrayPartition(array, size) */
int intrinsic_array_partition(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    int64_t size;
    if (frame->count != 2 || !is_array(frame->values[0]) || !intrinsic_integer(frame->values[1], &size) || size < 1)
        return -1;
    size_t count = json_object_array_length(frame->values[0]);
    struct json_object *chunks = json_object_new_array(), *chunk = NULL;
    for (size_t i = 0; i < count; i++) {
        if (i % (uint64_t)size == 0) {
            chunk = json_object_new_array();
            json_append(chunks, chunk);
        }
        json_append(chunk, json_object_get(json_object_array_get_idx(frame->values[0], i)));
    }
    *ret_value = chunks;
    return 0;
}

/* States.ArrayRange(first, last, step): last is included when a step hits it. */
int intrinsic_array_range(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    int64_t first, last, step;
    if (frame->count != 3 || !intrinsic_integer(frame->values[0], &first) ||
        !intrinsic_integer(frame->values[1], &last) || !intrinsic_integer(frame->values[2], &step) || step == 0)
        return -1;
    if (first > INT32_MAX || first < INT32_MIN || last > INT32_MAX || last < INT32_MIN)
        return -1;
    if (step > 0 ? last < first : last > first) {
        *ret_value = json_object_new_array();
        return 0;
    }
    int64_t count = (last - first) / step + 1;
    if (count > LIMIT_ARRAY_RANGE)
        return -1;
    struct json_object *range = json_object_new_array();
    for (int64_t i = 0; i < count; i++)
        json_append(range, json_object_new_int64(first + i * step));
    *ret_value = range;
    return 0;
}

/* Object.hashCode() of the Java value that AWS holds the JSON value in. */
static uint32_t java_hash(struct json_object *value)
{
    uint32_t hash = 0;
    uint64_t bits;
    switch (json_object_get_type(value)) {
    case json_type_null:
        return 0;
    case json_type_boolean:
        return json_object_get_boolean(value) ? 1231 : 1237;
    case json_type_int: {
        int64_t number = json_object_get_int64(value);
        bits = (uint64_t)number;
        return number == (int32_t)number ? (uint32_t)bits : (uint32_t)(bits ^ bits >> 32);
    }
    case json_type_double: {
        double number = json_object_get_double(value);
        memcpy(&bits, &number, sizeof bits);
        return (uint32_t)(bits ^ bits >> 32);
    }
    case json_type_string: {
        const char *text = json_object_get_string(value);
        for (int i = 0; i < json_object_get_string_len(value); i++) /* exact for ASCII: bytes are its UTF-16 units */
            hash = hash * 31 + (unsigned char)text[i];
        return hash;
    }
    case json_type_array:
        hash = 1;
        for (size_t i = 0; i < json_object_array_length(value); i++)
            hash = hash * 31 + java_hash(json_object_array_get_idx(value, i));
        return hash;
    case json_type_object: {
        json_object_object_foreach (value, name, member) {
            uint32_t name_hash = 0;
            for (const char *c = name; *c; c++)
                name_hash = name_hash * 31 + (unsigned char)*c;
            hash += name_hash ^ java_hash(member);
        }
        return hash;
    }
    }
    return hash;
}

struct unique {
    struct json_object *value;
    uint32_t hash;
    size_t next; /* in the same bucket, plus one; 0: the last */
};

static size_t table_size(size_t count)
{
    size_t size = 16;
    while (size * 3 / 4 < count + 1)
        size *= 2;
    return size;
}

/*
 * States.ArrayUnique(array): in the order of a java.util.HashSet that was made from the array: by
 * bucket, and within a bucket as they came.
 */
int intrinsic_array_unique(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (frame->count != 1 || !is_array(frame->values[0]))
        return -1;
    size_t count = json_object_array_length(frame->values[0]), size = table_size(count);
    struct unique *items = mem_zalloc((count + 1) * sizeof *items);
    size_t *heads = mem_zalloc(size * sizeof *heads);
    for (size_t i = 0; i < count; i++) {
        struct json_object *value = json_object_array_get_idx(frame->values[0], i);
        uint32_t hash = java_hash(value);
        hash ^= hash >> 16;
        size_t *link = &heads[hash & (size - 1)];
        while (*link && !(items[*link - 1].hash == hash && json_same(items[*link - 1].value, value)))
            link = &items[*link - 1].next;
        if (*link)
            continue;
        items[i] = (struct unique){.value = value, .hash = hash};
        *link = i + 1;
    }
    struct json_object *list = json_object_new_array();
    for (size_t bucket = 0; bucket < size; bucket++)
        for (size_t i = heads[bucket]; i; i = items[i - 1].next)
            json_append(list, json_object_get(items[i - 1].value));
    free(heads);
    free(items);
    *ret_value = list;
    return 0;
}
