/*
 * value.h - the values of an evaluation: sixteen bytes, passed by value.
 *
 * Shapes    a value is undefined, null, a boolean, a number, a string, an array, an object or a
 *           function. Strings, arrays and objects of the input are not copied: the value points to
 *           the json_object it came from (`json` is set). What an evaluation makes itself lives in
 *           struct array and struct object. Everybody else reads both kinds through the functions
 *           below and need not care.
 * Numbers   doubles; an integer beyond 2^53 keeps its exact value (`exact` is set, `as.integer`).
 * Sequences an array of the language and a sequence of path results differ by flags of struct
 *           array only; `eval()` is the one place that unwraps sequences of one.
 * Memory    everything lives in the arena of the evaluation.
 */
#ifndef ASL_JSONATA_VALUE_H
#define ASL_JSONATA_VALUE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eval;
struct function;

enum value_type {
    V_UNDEFINED,
    V_NULL,
    V_BOOLEAN,
    V_NUMBER,
    V_STRING,
    V_ARRAY,
    V_OBJECT,
    V_FUNCTION,
    V_UNSET, /* a variable nothing was bound to yet: never seen outside of frames */
    V_TUPLE, /* an item of a tuple stream */
    V_TAIL,  /* a pending tail call: seen only by the trampoline in apply.c */
};

struct value {
    uint8_t type;
    bool json;      /* as.source holds the string, array or object */
    bool exact;     /* as.integer holds the number */
    uint32_t bytes; /* of a string that is not json */
    union {
        bool boolean;
        double number;
        int64_t integer;
        const char *text;
        struct json_object *source;
        struct array *array;
        struct object *object;
        struct function *function;
        const struct tuple *tuple;
    } as;
};

/* The text of a string: not NUL-terminated. */
struct text {
    const char *data;
    size_t bytes;
};

struct array {
    struct value *items;
    uint32_t count;
    uint32_t capacity;
    bool sequence;       /* made by a path: a single item stands for itself */
    bool keep_singleton; /* ... unless the expression said [] */
    bool cons;           /* written as [ ... ] in a path: is not flattened */
    bool outer_wrapper;  /* holds the input when that is an array */
    bool tuple_stream;   /* the items are V_TUPLE */
};

struct member {
    struct value key; /* a string */
    struct value value;
};

struct object {
    struct member *members;
    uint32_t count;
    uint32_t capacity;
    uint32_t *index; /* open addressing, 1 + position; only for many members */
    uint32_t index_size;
};

/* What is bound beside the context in a tuple stream: @ and # variables and ancestors for %. */
struct binding {
    const struct binding *next;
    uint32_t name;
    struct value value;
};

struct tuple {
    struct value context;
    const struct binding *bindings;
};

#define VALUE_UNDEFINED ((struct value){.type = V_UNDEFINED})
#define VALUE_NULL ((struct value){.type = V_NULL})

static inline struct value value_boolean(bool truth)
{
    return (struct value){.type = V_BOOLEAN, .as.boolean = truth};
}

static inline struct value value_double(double number)
{
    return (struct value){.type = V_NUMBER, .as.number = number};
}

static inline struct value value_text(const char *text, size_t bytes)
{
    return (struct value){.type = V_STRING, .bytes = (uint32_t)bytes, .as.text = text};
}

static inline struct value value_array(struct array *array)
{
    return (struct value){.type = V_ARRAY, .as.array = array};
}

static inline struct value value_object(struct object *object)
{
    return (struct value){.type = V_OBJECT, .as.object = object};
}

static inline struct value value_function(struct function *function)
{
    return (struct value){.type = V_FUNCTION, .as.function = function};
}

static inline bool is_undefined(struct value v)
{
    return v.type == V_UNDEFINED;
}

static inline double number_of(struct value v)
{
    return v.exact ? (double)v.as.integer : v.as.number;
}

static inline struct text text_of(struct value v)
{
    if (v.json)
        return (struct text){json_object_get_string(v.as.source), (size_t)json_object_get_string_len(v.as.source)};
    return (struct text){v.as.text, v.bytes};
}

/* The flags of an array; NULL for one of the input, which has none. */
static inline struct array *array_of(struct value v)
{
    return v.type == V_ARRAY && !v.json ? v.as.array : NULL;
}

static inline bool is_sequence(struct value v)
{
    return v.type == V_ARRAY && !v.json && v.as.array->sequence;
}

static inline bool is_tuple_stream(struct value v)
{
    return v.type == V_ARRAY && !v.json && v.as.array->tuple_stream;
}

/* An integer: exact beyond 2^53, a double below. */
struct value value_integer(int64_t integer);
struct value value_of_json(struct json_object *source);

static inline size_t array_count(struct value v)
{
    return v.json ? json_object_array_length(v.as.source) : v.as.array->count;
}

static inline struct value array_at(struct value v, size_t i)
{
    return v.json ? value_of_json(json_object_array_get_idx(v.as.source, i)) : v.as.array->items[i];
}

/* An empty array, an empty sequence, a sequence of one. */
struct array *array_new(struct eval *e, size_t capacity);
struct array *sequence_new(struct eval *e);
struct value sequence_of(struct eval *e, struct value item);
/* Adds an item as it is; adds all items of an array. */
void array_push(struct eval *e, struct array *array, struct value item);
void array_push_all(struct eval *e, struct array *array, struct value items);
/* JSONata's append: a new plain array, or the other value where one is undefined. */
struct value array_append(struct eval *e, struct value a, struct value b);

struct object *object_new(struct eval *e, size_t capacity);
/* Sets or replaces a member; the key is a string. */
void object_set(struct eval *e, struct object *object, struct value key, struct value value);
/* Adds a member whose key is known to be new. */
void object_add(struct eval *e, struct object *object, struct value key, struct value value);
/* Nothing happens where there is no such member; the others keep their order. */
void object_delete(struct object *object, struct text key);
/* Of an object that the evaluation has made; NULL when there is none. */
struct member *object_find(const struct object *object, struct text key);
/* Members of an object value of either kind. */
size_t object_count(struct value v);
/* The member of an object value; false when there is none. */
bool object_get(struct value object, struct text key, struct value *ret_value);

/* Walks the members of an object value in order. */
struct member_walk {
    struct value object;
    size_t position;
    struct lh_entry *entry;
};
struct member_walk object_walk(struct value object);
bool object_next(struct member_walk *walk, struct value *ret_key, struct value *ret_value);

/* A string of its own in the arena. */
struct value text_copy(struct eval *e, const char *text, size_t bytes);

static inline bool text_same(struct text a, struct text b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || __builtin_memcmp(a.data, b.data, a.bytes) == 0);
}

/* -1, 0 or 1 by code point. */
int text_compare(struct text a, struct text b);

/* The === of the reference: containers are the same only when they are one and the same. */
bool value_identical(struct value a, struct value b);
/* The = of the language. */
bool value_equal(struct eval *e, struct value a, struct value b);
/* The Boolean a value casts to; undefined is false. Numbers that are not finite raise D1001. */
bool value_truth(struct eval *e, struct value v);
/* What JavaScript's if takes for true. */
bool js_truth(struct value v);
/* Whether v is a number that can be calculated with; infinity raises D1001. */
bool value_numeric(struct eval *e, struct value v);

#endif
