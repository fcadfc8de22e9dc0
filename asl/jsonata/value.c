#include "asl/jsonata/value.h"

#include "asl/jsonata/eval.h"

#include <json-c/linkhash.h>
#include <math.h>
#include <string.h>

enum { ITEM_CHARGE = 12, MEMBER_CHARGE = 24, INDEX_MIN = 9, INTEGER_BITS = 53 };

struct value value_integer(int64_t integer)
{
    const int64_t most = (int64_t)1 << INTEGER_BITS;
    if (integer >= -most && integer <= most)
        return value_double((double)integer);
    return (struct value){.type = V_NUMBER, .exact = true, .as.integer = integer};
}

struct value value_of_json(struct json_object *source)
{
    switch (json_object_get_type(source)) {
    case json_type_null:
        return VALUE_NULL;
    case json_type_boolean:
        return value_boolean(json_object_get_boolean(source));
    case json_type_int: {
        int64_t integer = json_object_get_int64(source);
        if (integer == INT64_MAX && json_object_get_uint64(source) > INT64_MAX)
            return value_double((double)json_object_get_uint64(source));
        return value_integer(integer);
    }
    case json_type_double:
        return value_double(json_object_get_double(source));
    case json_type_string:
        return (struct value){.type = V_STRING, .json = true, .as.source = source};
    case json_type_array:
        return (struct value){.type = V_ARRAY, .json = true, .as.source = source};
    case json_type_object:
        return (struct value){.type = V_OBJECT, .json = true, .as.source = source};
    }
    return VALUE_NULL;
}

struct array *array_new(struct eval *e, size_t capacity)
{
    struct array *array = EVAL_NEW(e, struct array);
    if (capacity) {
        eval_charge(e, capacity * ITEM_CHARGE);
        array->items = eval_alloc(e, capacity * sizeof *array->items);
        array->capacity = (uint32_t)capacity;
    }
    return array;
}

struct array *sequence_new(struct eval *e)
{
    struct array *array = EVAL_NEW(e, struct array);
    array->sequence = true;
    return array;
}

struct value sequence_of(struct eval *e, struct value item)
{
    struct array *array = sequence_new(e);
    array_push(e, array, item);
    return value_array(array);
}

static void array_grow(struct eval *e, struct array *array, size_t need)
{
    size_t capacity = array->capacity < 8 ? 10 : array->capacity + array->capacity / 2;
    if (capacity < need)
        capacity = need;
    if (capacity > UINT32_MAX / sizeof *array->items)
        fail_memory(e);
    eval_charge(e, capacity * ITEM_CHARGE);
    struct value *items = eval_alloc(e, capacity * sizeof *items);
    if (array->count)
        memcpy(items, array->items, array->count * sizeof *items);
    e->charged -= array->capacity * (size_t)ITEM_CHARGE; /* what was outgrown costs nothing any more */
    array->items = items;
    array->capacity = (uint32_t)capacity;
}

void array_push(struct eval *e, struct array *array, struct value item)
{
    if (array->count == array->capacity)
        array_grow(e, array, array->count + (size_t)1);
    array->items[array->count++] = item;
}

void array_push_all(struct eval *e, struct array *array, struct value items)
{
    size_t count = array_count(items);
    if (count == 0)
        return;
    if (array->capacity - array->count < count)
        array_grow(e, array, array->count + count);
    if (!items.json) {
        memcpy(array->items + array->count, items.as.array->items, count * sizeof *array->items);
    } else {
        for (size_t i = 0; i < count; i++)
            array->items[array->count + i] = array_at(items, i);
    }
    array->count += (uint32_t)count;
}

struct value array_append(struct eval *e, struct value a, struct value b)
{
    if (is_undefined(a))
        return b;
    if (is_undefined(b))
        return a;
    size_t count_a = a.type == V_ARRAY ? array_count(a) : 1, count_b = b.type == V_ARRAY ? array_count(b) : 1;
    struct array *array = array_new(e, count_a + count_b);
    if (a.type == V_ARRAY)
        array_push_all(e, array, a);
    else
        array_push(e, array, a);
    if (b.type == V_ARRAY)
        array_push_all(e, array, b);
    else
        array_push(e, array, b);
    return value_array(array);
}

struct object *object_new(struct eval *e, size_t capacity)
{
    struct object *object = EVAL_NEW(e, struct object);
    if (capacity) {
        eval_charge(e, capacity * MEMBER_CHARGE);
        object->members = eval_alloc(e, capacity * sizeof *object->members);
        object->capacity = (uint32_t)capacity;
    }
    return object;
}

static uint32_t hash_text(struct text text)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < text.bytes; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 16777619u;
    return hash;
}

static void index_insert(struct object *object, uint32_t position)
{
    uint32_t at = hash_text(text_of(object->members[position].key)) & (object->index_size - 1);
    while (object->index[at])
        at = (at + 1) & (object->index_size - 1);
    object->index[at] = position + 1;
}

static void index_build(struct eval *e, struct object *object)
{
    uint32_t size = 32;
    while (size < object->capacity * 2)
        size *= 2;
    object->index = eval_alloc_zeroed(e, size * sizeof *object->index);
    object->index_size = size;
    for (uint32_t i = 0; i < object->count; i++)
        index_insert(object, i);
}

struct member *object_find(const struct object *object, struct text key)
{
    if (object->index) {
        uint32_t at = hash_text(key) & (object->index_size - 1);
        for (; object->index[at]; at = (at + 1) & (object->index_size - 1)) {
            struct member *member = &object->members[object->index[at] - 1];
            if (text_same(text_of(member->key), key))
                return member;
        }
        return NULL;
    }
    for (uint32_t i = 0; i < object->count; i++)
        if (text_same(text_of(object->members[i].key), key))
            return &object->members[i];
    return NULL;
}

void object_add(struct eval *e, struct object *object, struct value key, struct value value)
{
    if (object->count == object->capacity) {
        size_t capacity = object->capacity ? object->capacity * (size_t)2 : 4;
        if (capacity > UINT32_MAX / sizeof *object->members)
            fail_memory(e);
        eval_charge(e, (capacity - object->capacity) * MEMBER_CHARGE);
        struct member *members = eval_alloc(e, capacity * sizeof *members);
        if (object->count)
            memcpy(members, object->members, object->count * sizeof *members);
        object->members = members;
        object->capacity = (uint32_t)capacity;
        object->index = NULL;
    }
    object->members[object->count++] = (struct member){key, value};
    if (object->index)
        index_insert(object, object->count - 1);
    else if (object->count >= INDEX_MIN)
        index_build(e, object);
}

void object_set(struct eval *e, struct object *object, struct value key, struct value value)
{
    struct member *member = object_find(object, text_of(key));
    if (member)
        member->value = value;
    else
        object_add(e, object, key, value);
}

void object_delete(struct object *object, struct text key)
{
    struct member *member = object_find(object, key);
    if (member == NULL)
        return;
    size_t behind = (size_t)(object->members + object->count - member - 1);
    memmove(member, member + 1, behind * sizeof *member);
    object->count--;
    object->index = NULL; /* deletions are rare: the next addition makes a new one */
}

size_t object_count(struct value v)
{
    return v.json ? (size_t)json_object_object_length(v.as.source) : v.as.object->count;
}

bool object_get(struct value object, struct text key, struct value *ret_value)
{
    if (!object.json) {
        const struct member *member = object_find(object.as.object, key);
        if (member == NULL)
            return false;
        *ret_value = member->value;
        return true;
    }
    if (memchr(key.data, '\0', key.bytes))
        return false;
    char name[256];
    if (key.bytes < sizeof name) {
        memcpy(name, key.data, key.bytes);
        name[key.bytes] = '\0';
        struct json_object *member;
        if (!json_object_object_get_ex(object.as.source, name, &member))
            return false;
        *ret_value = value_of_json(member);
        return true;
    }
    json_object_object_foreach (object.as.source, long_name, member) {
        if (strlen(long_name) == key.bytes && memcmp(long_name, key.data, key.bytes) == 0) {
            *ret_value = value_of_json(member);
            return true;
        }
    }
    return false;
}

struct member_walk object_walk(struct value object)
{
    struct member_walk walk = {.object = object};
    if (object.json)
        walk.entry = lh_table_head(json_object_get_object(object.as.source));
    return walk;
}

bool object_next(struct member_walk *walk, struct value *ret_key, struct value *ret_value)
{
    if (walk->object.json) {
        if (walk->entry == NULL)
            return false;
        const char *key = lh_entry_k(walk->entry);
        *ret_key = value_text(key, strlen(key));
        *ret_value = value_of_json((struct json_object *)lh_entry_v(walk->entry));
        walk->entry = lh_entry_next(walk->entry);
        return true;
    }
    if (walk->position >= walk->object.as.object->count)
        return false;
    const struct member *member = &walk->object.as.object->members[walk->position++];
    *ret_key = member->key;
    *ret_value = member->value;
    return true;
}

struct value text_copy(struct eval *e, const char *text, size_t bytes)
{
    eval_charge(e, bytes);
    char *copy = eval_alloc(e, bytes + 1);
    if (bytes)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return value_text(copy, bytes);
}

int text_compare(struct text a, struct text b)
{
    size_t bytes = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = bytes ? memcmp(a.data, b.data, bytes) : 0;
    if (order == 0)
        return (a.bytes > b.bytes) - (a.bytes < b.bytes);
    return order < 0 ? -1 : 1;
}

static bool number_equal(struct value a, struct value b)
{
    if (a.exact && b.exact)
        return a.as.integer == b.as.integer;
    return number_of(a) == number_of(b);
}

bool value_identical(struct value a, struct value b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case V_BOOLEAN:
        return a.as.boolean == b.as.boolean;
    case V_NUMBER:
        return number_equal(a, b);
    case V_STRING:
        return text_same(text_of(a), text_of(b));
    case V_ARRAY:
    case V_OBJECT:
        return a.json == b.json && (a.json              ? a.as.source == b.as.source
                                    : a.type == V_ARRAY ? a.as.array == b.as.array
                                                        : a.as.object == b.as.object);
    case V_FUNCTION:
        return a.as.function == b.as.function;
    default:
        return true;
    }
}

static bool arrays_equal(struct eval *e, struct value a, struct value b)
{
    size_t count = array_count(a);
    if (count != array_count(b))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!value_equal(e, array_at(a, i), array_at(b, i)))
            return false;
    return true;
}

static bool objects_equal(struct eval *e, struct value a, struct value b)
{
    if (object_count(a) != object_count(b))
        return false;
    struct member_walk walk = object_walk(a);
    struct value key, mine, theirs;
    while (object_next(&walk, &key, &mine))
        if (!object_get(b, text_of(key), &theirs) || !value_equal(e, mine, theirs))
            return false;
    return true;
}

bool value_equal(struct eval *e, struct value a, struct value b)
{
    tick(e);
    if (value_identical(a, b))
        return true;
    if (a.type != b.type || (a.type != V_ARRAY && a.type != V_OBJECT))
        return false;
    eval_enter(e);
    bool equal = a.type == V_ARRAY ? arrays_equal(e, a, b) : objects_equal(e, a, b);
    eval_leave(e);
    return equal;
}

bool value_numeric(struct eval *e, struct value v)
{
    if (v.type != V_NUMBER || (!v.exact && isnan(v.as.number)))
        return false;
    if (!v.exact && isinf(v.as.number))
        fail_value(e, "D1001", v);
    return true;
}

static bool array_truth(struct eval *e, struct value v)
{
    bool truth = false;
    eval_enter(e);
    size_t count = array_count(v);
    for (size_t i = 0; i < count; i++) {
        tick(e);
        if (value_truth(e, array_at(v, i)))
            truth = true;
    }
    eval_leave(e);
    return truth;
}

bool value_truth(struct eval *e, struct value v)
{
    switch (v.type) {
    case V_BOOLEAN:
        return v.as.boolean;
    case V_NUMBER:
        return value_numeric(e, v) && number_of(v) != 0;
    case V_STRING:
        return text_of(v).bytes > 0;
    case V_ARRAY:
        return array_truth(e, v);
    case V_OBJECT:
        return object_count(v) > 0;
    default:
        return false;
    }
}

bool js_truth(struct value v)
{
    switch (v.type) {
    case V_UNDEFINED:
    case V_NULL:
        return false;
    case V_BOOLEAN:
        return v.as.boolean;
    case V_NUMBER:
        return number_of(v) != 0 && !isnan(number_of(v));
    case V_STRING:
        return text_of(v).bytes > 0;
    default:
        return true;
    }
}
