#include "asl/jsonata/result.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <json-c/linkhash.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 1000, SMALL_TABLE = 16, NODE_BYTES = 16, RESULT_FACTOR = 4 };

static int convert(struct eval *e, struct value v, int depth, struct json_object **ret_value);

/* Step Functions prints doubles beyond the long range as Java does: 9.223372036854776E18. */
static struct json_object *large_double(double number)
{
    char text[40], *exponent;
    json_format_double(number, text);
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    exponent = strchr(text, 'e');
    int power = atoi(exponent + 1);
    snprintf(exponent, sizeof text - (size_t)(exponent - text), "E%d", power);
    return json_object_new_double_s(number, text);
}

static struct json_object *convert_number(const struct eval *e, struct value v)
{
    bool states = e->dialect == JSONATA_STATES;
    if (v.exact && states)
        return json_object_new_int64(v.as.integer);
    double number = number_of(v);
    if (!isfinite(number)) {
        if (!states)
            return NULL;
        return json_object_new_string(isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
    }
    if (number == trunc(number) && fabs(number) <= 9007199254740992.0)
        return json_object_new_int64((int64_t)number);
    if (states && number == trunc(number) && fabs(number) < 9223372036854775808.0)
        return json_object_new_int64((int64_t)number);
    if (states && fabs(number) >= 9223372036854775808.0)
        return large_double(number);
    return json_object_new_double(number);
}

/* Whether a number of the input was written as it would be printed again. */
static bool number_is_canonical(struct json_object *number)
{
    if (!json_object_is_type(number, json_type_double))
        return true;
    const char *written = json_object_get_userdata(number);
    if (written == NULL)
        return false;
    char text[32];
    json_format_double(json_object_get_double(number), text);
    return strcmp(written, text) == 0;
}

static bool is_canonical(struct json_object *source)
{
    switch (json_object_get_type(source)) {
    case json_type_double:
        return number_is_canonical(source);
    case json_type_array: {
        size_t count = json_object_array_length(source);
        for (size_t i = 0; i < count; i++)
            if (!is_canonical(json_object_array_get_idx(source, i)))
                return false;
        return true;
    }
    case json_type_object: {
        json_object_object_foreach (source, name, member) {
            (void)name;
            if (!is_canonical(member))
                return false;
        }
        return true;
    }
    default:
        return true;
    }
}

/* A part of the input: itself, or a copy with other spellings of its numbers. */
static struct json_object *share(const struct eval *e, struct json_object *source)
{
    if (is_canonical(source))
        return json_object_get(source);
    if (json_object_is_type(source, json_type_double))
        return convert_number(e, value_double(json_object_get_double(source)));
    if (json_object_is_type(source, json_type_array)) {
        size_t count = json_object_array_length(source);
        struct json_object *copy = json_object_new_array_ext((int)count);
        for (size_t i = 0; i < count; i++)
            json_append(copy, share(e, json_object_array_get_idx(source, i)));
        return copy;
    }
    struct json_object *copy = json_object_new_object();
    json_object_object_foreach (source, name, member) {
        json_add(copy, name, share(e, member));
    }
    return copy;
}

static int convert_array(struct eval *e, struct value v, int depth, struct json_object **ret_value)
{
    const struct array *array = v.as.array;
    if (array->outer_wrapper && array->count)
        return convert(e, array->items[0], depth, ret_value);
    struct json_object *copy = json_object_new_array_ext(array->count ? (int)array->count : 1);
    for (uint32_t i = 0; i < array->count; i++) {
        struct json_object *item;
        int result = convert(e, array->items[i], depth + 1, &item);
        if (result != 0) {
            json_object_put(copy);
            return result;
        }
        json_append(copy, item);
    }
    *ret_value = copy;
    return 0;
}

/* json-c starts every object with room for 16 members; most results have a few. */
static struct json_object *object_of_size(uint32_t count)
{
    struct json_object *object = json_object_new_object();
    if (object == NULL)
        abort();
    if (count * 2 < SMALL_TABLE)
        lh_table_resize(json_object_get_object(object), (int)(count ? (count - 1) * 3 / 2 + 2 : 1));
    return object;
}

static int convert_object(struct eval *e, struct value v, int depth, struct json_object **ret_value)
{
    const struct object *object = v.as.object;
    struct json_object *copy = object_of_size(object->count);
    for (uint32_t i = 0; i < object->count; i++) {
        struct text key = text_of(object->members[i].key);
        struct json_object *member;
        int result = convert(e, object->members[i].value, depth + 1, &member);
        if (result != 0) {
            json_object_put(copy);
            return result;
        }
        char small[64];
        char *name = key.bytes < sizeof small ? small : mem_alloc(key.bytes + 1);
        memcpy(name, key.data, key.bytes);
        name[key.bytes] = '\0';
        bool cut = memchr(name, '\0', key.bytes) != NULL; /* json-c's keys end at a NUL: two may become one */
        if (json_object_object_add_ex(copy, name, member, cut ? 0 : JSON_C_OBJECT_ADD_KEY_IS_NEW) != 0)
            abort();
        if (name != small)
            free(name);
    }
    *ret_value = copy;
    return 0;
}

static int convert(struct eval *e, struct value v, int depth, struct json_object **ret_value)
{
    if (depth > DEPTH_MAX)
        return ERR_LIMIT;
    e->converted += NODE_BYTES + (v.type == V_STRING && !v.json ? v.bytes : 0);
    if (e->charge_max && e->converted / RESULT_FACTOR > e->charge_max)
        return ERR_FULL;
    if ((++e->ticks & 255) == 0 && eval_time_is_over(e))
        return ERR_BUSY;
    switch (v.type) {
    case V_BOOLEAN:
        *ret_value = json_object_new_boolean(v.as.boolean);
        return 0;
    case V_NUMBER:
        *ret_value = convert_number(e, v);
        return 0;
    case V_STRING: {
        struct text text = text_of(v);
        *ret_value = v.json ? json_object_get(v.as.source) : json_object_new_string_len(text.data, (int)text.bytes);
        return 0;
    }
    case V_ARRAY:
        if (!v.json)
            return convert_array(e, v, depth, ret_value);
        *ret_value = share(e, v.as.source);
        return 0;
    case V_OBJECT:
        if (!v.json)
            return convert_object(e, v, depth, ret_value);
        *ret_value = share(e, v.as.source);
        return 0;
    case V_FUNCTION:
        *ret_value = json_object_new_string("");
        return 0;
    default:
        *ret_value = NULL;
        return 0;
    }
}

int result_to_json(struct eval *e, struct value v, struct json_object **ret_value)
{
    return convert(e, v, 0, ret_value);
}
