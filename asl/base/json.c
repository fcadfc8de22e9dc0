#include "asl/base/json.h"

#include "asl/base/limits.h"
#include "asl/base/mem.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_release(struct json_object **value)
{
    json_object_put(*value);
    *value = NULL;
}

struct json_object *json_take(struct json_object **value)
{
    struct json_object *taken = *value;
    *value = NULL;
    return taken;
}

static const char hex_digits[] = "0123456789abcdef";

/* What follows the backslash for a byte, 'u' for a \u escape, 0 for none. */
static const char escapes[256] = {
    [0] = 'u',  [1] = 'u',  [2] = 'u',  [3] = 'u',  [4] = 'u',  [5] = 'u',   [6] = 'u',     [7] = 'u',  [8] = 'b',
    [9] = 't',  [10] = 'n', [11] = 'u', [12] = 'f', [13] = 'r', [14] = 'u',  [15] = 'u',    [16] = 'u', [17] = 'u',
    [18] = 'u', [19] = 'u', [20] = 'u', [21] = 'u', [22] = 'u', [23] = 'u',  [24] = 'u',    [25] = 'u', [26] = 'u',
    [27] = 'u', [28] = 'u', [29] = 'u', [30] = 'u', [31] = 'u', ['"'] = '"', ['\\'] = '\\',
};

void json_write_string(struct buf *out, const char *text, size_t bytes)
{
    char *at = buf_reserve(out, bytes * 6 + 2);
    *at++ = '"';
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape = escapes[c];
        if (escape == 0) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '\\';
        *at++ = escape;
        if (escape == 'u') {
            *at++ = '0';
            *at++ = '0';
            *at++ = hex_digits[c >> 4];
            *at++ = hex_digits[c & 15];
        }
    }
    *at++ = '"';
    *at = '\0';
    out->bytes = (size_t)(at - out->data);
}

size_t json_format_double(double number, char text[32])
{
    if (number == 0)
        return (size_t)snprintf(text, 32, "0");
    char digits[32];
    /* 15 digits of a normal number always read back, and trailing zeros go below; a subnormal has fewer */
    for (int precision = fabs(number) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision - 1, number);
        if (strtod(digits, NULL) == number)
            break;
    }
    /* digits is now d.ddde[+-]xx: take it apart and lay it out as ECMAScript Number::toString does */
    char mantissa[24] = "";
    int count = 0;
    const char *at = digits;
    bool negative = *at == '-';
    if (negative)
        at++;
    for (; *at && *at != 'e'; at++)
        if (*at != '.')
            mantissa[count++] = *at;
    int exponent = atoi(at + 1);
    while (count > 1 && mantissa[count - 1] == '0')
        count--;
    mantissa[count] = '\0';
    char *out = text;
    if (negative)
        *out++ = '-';
    if (exponent >= 21 || exponent < -6) {
        *out++ = mantissa[0];
        if (count > 1) {
            *out++ = '.';
            out = memcpy(out, mantissa + 1, (size_t)count - 1);
            out += count - 1;
        }
        out += snprintf(out, 8, "e%+d", exponent);
    } else if (exponent < 0) {
        *out++ = '0';
        *out++ = '.';
        for (int i = -1; i > exponent; i--)
            *out++ = '0';
        out = memcpy(out, mantissa, (size_t)count);
        out += count;
    } else {
        for (int i = 0; i <= exponent; i++)
            *out++ = i < count ? mantissa[i] : '0';
        if (count > exponent + 1) {
            *out++ = '.';
            for (int i = exponent + 1; i < count; i++)
                *out++ = mantissa[i];
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

/* A double that was parsed prints as it was written, as long as that is JSON. */
static void write_double(struct buf *out, struct json_object *value)
{
    const char *written = json_object_get_userdata(value);
    if (written) {
        buf_add_text(out, written);
        return;
    }
    double number = json_object_get_double(value);
    char text[32];
    if (isfinite(number))
        buf_add(out, text, json_format_double(number, text));
    else
        buf_add_text(out, isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
}

void json_write(struct buf *out, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        buf_add(out, "null", 4);
        break;
    case json_type_boolean:
        buf_add_text(out, json_object_get_boolean(value) ? "true" : "false");
        break;
    case json_type_int: {
        int64_t number = json_object_get_int64(value);
        uint64_t large = number == INT64_MAX ? json_object_get_uint64(value) : 0;
        if (large > INT64_MAX)
            buf_printf(out, "%llu", (unsigned long long)large);
        else
            buf_add_int(out, number);
        break;
    }
    case json_type_double:
        write_double(out, value);
        break;
    case json_type_string:
        json_write_string(out, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        break;
    case json_type_array: {
        size_t count = json_object_array_length(value);
        buf_add_char(out, '[');
        for (size_t i = 0; i < count; i++) {
            if (i)
                buf_add_char(out, ',');
            json_write(out, json_object_array_get_idx(value, i));
        }
        buf_add_char(out, ']');
        break;
    }
    case json_type_object: {
        bool first = true;
        buf_add_char(out, '{');
        json_object_object_foreach (value, name, member) {
            if (!first)
                buf_add_char(out, ',');
            first = false;
            json_write_string(out, name, strlen(name));
            buf_add_char(out, ':');
            json_write(out, member);
        }
        buf_add_char(out, '}');
        break;
    }
    }
}

char *json_text(struct json_object *value)
{
    struct buf out = BUF_INIT;
    json_write(&out, value);
    return buf_take(&out);
}

static size_t string_size(const char *text, size_t bytes)
{
    size_t size = bytes + 2;
    for (size_t i = 0; i < bytes; i++) {
        char escape = escapes[(unsigned char)text[i]];
        if (escape)
            size += escape == 'u' ? 5 : 1;
    }
    return size;
}

static size_t size_below(struct json_object *value, size_t limit, int depth)
{
    size_t size = 0;
    if (depth == LIMIT_JSON_DEPTH)
        return limit + 1;
    switch (json_object_get_type(value)) {
    case json_type_null:
        return 4;
    case json_type_boolean:
        return json_object_get_boolean(value) ? 4 : 5;
    case json_type_int: {
        int64_t number = json_object_get_int64(value);
        size = number < 0 ? 2 : 1;
        while (number /= 10)
            size++;
        return size;
    }
    case json_type_double: {
        const char *written = json_object_get_userdata(value);
        char text[32];
        return written ? strlen(written) : json_format_double(json_object_get_double(value), text);
    }
    case json_type_string:
        return string_size(json_object_get_string(value), (size_t)json_object_get_string_len(value));
    case json_type_array: {
        size_t count = json_object_array_length(value);
        size = count ? count + 1 : 2;
        for (size_t i = 0; i < count && size <= limit; i++)
            size += size_below(json_object_array_get_idx(value, i), limit - size, depth + 1);
        return size;
    }
    case json_type_object: {
        size = json_object_object_length(value) ? 1 : 2;
        json_object_object_foreach (value, name, member) {
            size += string_size(name, strlen(name)) + 2;
            if (size > limit)
                break;
            size += size_below(member, limit - size, depth + 1);
        }
        return size;
    }
    }
    return size;
}

size_t json_size(struct json_object *value, size_t limit)
{
    return size_below(value, limit < SIZE_MAX ? limit : SIZE_MAX - 1, 0);
}

struct json_object *json_new_float(double number)
{
    char text[32];
    if (number != trunc(number) || fabs(number) >= 1e15)
        return json_object_new_double(number);
    snprintf(text, sizeof text, "%.1f", number);
    return json_object_new_double_s(number, text);
}

void json_add(struct json_object *object, const char *name, struct json_object *value)
{
    if (json_object_object_add(object, name, value) != 0)
        abort();
}

void json_add_text(struct json_object *object, const char *name, const char *text)
{
    json_add(object, name, text ? json_object_new_string(text) : NULL);
}

void json_add_int(struct json_object *object, const char *name, int64_t number)
{
    json_add(object, name, json_object_new_int64(number));
}

void json_add_bool(struct json_object *object, const char *name, bool truth)
{
    json_add(object, name, json_object_new_boolean(truth));
}

void json_append(struct json_object *array, struct json_object *value)
{
    if (json_object_array_add(array, value) != 0)
        abort();
}

bool json_member(struct json_object *object, const char *name, struct json_object **ret_value)
{
    return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, ret_value);
}

const char *json_member_text(struct json_object *object, const char *name)
{
    struct json_object *value;
    if (!json_member(object, name, &value) || !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

int64_t json_member_int(struct json_object *object, const char *name, int64_t otherwise)
{
    struct json_object *value;
    if (!json_member(object, name, &value) || !json_object_is_type(value, json_type_int))
        return otherwise;
    return json_object_get_int64(value);
}

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

bool json_same(struct json_object *a, struct json_object *b)
{
    if (a == b)
        return true;
    enum json_type type = json_object_get_type(a);
    if (is_number(a) && is_number(b)) {
        if (type == json_type_int && json_object_is_type(b, json_type_int))
            return json_object_get_int64(a) == json_object_get_int64(b);
        return json_object_get_double(a) == json_object_get_double(b);
    }
    if (type != json_object_get_type(b))
        return false;
    switch (type) {
    case json_type_array: {
        size_t count = json_object_array_length(a);
        if (count != json_object_array_length(b))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!json_same(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
                return false;
        return true;
    }
    case json_type_object: {
        if (json_object_object_length(a) != json_object_object_length(b))
            return false;
        json_object_object_foreach (a, name, mine) {
            struct json_object *theirs;
            if (!json_object_object_get_ex(b, name, &theirs) || !json_same(mine, theirs))
                return false;
        }
        return true;
    }
    default:
        return json_object_equal(a, b);
    }
}

struct json_object *json_shallow_copy(struct json_object *object)
{
    struct json_object *copy = json_object_new_object();
    if (json_object_is_type(object, json_type_object)) {
        json_object_object_foreach (object, name, member) {
            json_add(copy, name, json_object_get(member));
        }
    }
    return copy;
}
