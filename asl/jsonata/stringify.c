/* stringify.c - values to text, as $string and & do, and JSON text to values. */
#include "asl/base/json.h"
#include "asl/jsonata/eval.h"
#include "asl/jsonata/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void builder_reserve(struct builder *b, size_t bytes)
{
    if (b->capacity - b->bytes >= bytes)
        return;
    size_t capacity = b->capacity ? b->capacity * 2 : 0;
    if (capacity < b->bytes + bytes)
        capacity = b->bytes + bytes;
    if (capacity > INT32_MAX)
        fail_memory(b->e);
    eval_charge(b->e, capacity - b->capacity);
    char *data = eval_alloc(b->e, capacity);
    if (b->bytes)
        memcpy(data, b->data, b->bytes);
    b->data = data;
    b->capacity = capacity;
}

static void builder_need(struct builder *b, size_t bytes)
{
    if (b->capacity - b->bytes < bytes)
        builder_reserve(b, bytes < 48 ? 64 : bytes + 16);
}

void builder_add(struct builder *b, const char *text, size_t bytes)
{
    builder_need(b, bytes);
    if (bytes)
        memcpy(b->data + b->bytes, text, bytes);
    b->bytes += bytes;
}

void builder_add_text(struct builder *b, struct text text)
{
    builder_add(b, text.data, text.bytes);
}

void builder_add_char(struct builder *b, char c)
{
    builder_need(b, 1);
    b->data[b->bytes++] = c;
}

void builder_add_code_point(struct builder *b, uint32_t code_point)
{
    char text[4];
    builder_add(b, text, utf8_write(text, code_point));
}

struct value builder_value(struct builder *b)
{
    return value_text(b->data ? b->data : "", b->bytes);
}

size_t number_format_exact(double number, char text[32])
{
    if (number == trunc(number) && fabs(number) < 9007199254740992.0)
        return (size_t)snprintf(text, 32, "%lld", (long long)number);
    if (isnan(number))
        return (size_t)snprintf(text, 32, "NaN");
    if (isinf(number))
        return (size_t)snprintf(text, 32, number > 0 ? "Infinity" : "-Infinity");
    return json_format_double(number, text);
}

size_t number_format(double number, char text[32])
{
    if (number == trunc(number))
        return number_format_exact(number, text);
    char rounded[40];
    snprintf(rounded, sizeof rounded, "%.15g", number);
    return number_format_exact(strtod(rounded, NULL), text);
}

static void add_newline(struct builder *b, int indent)
{
    builder_add_char(b, '\n');
    for (int i = 0; i < indent; i++)
        builder_add(b, "  ", 2);
}

static void add_quoted(struct builder *b, struct text text)
{
    static const char digits[] = "0123456789abcdef";
    builder_add_char(b, '"');
    size_t plain = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool surrogate = c == 0xED && i + 2 < text.bytes && (unsigned char)text.data[i + 1] >= 0xA0;
        if (c >= 0x20 && c != '"' && c != '\\' && !surrogate)
            continue;
        builder_add(b, text.data + plain, i - plain);
        plain = i + (surrogate ? 3 : 1);
        if (surrogate) { /* half a pair has no UTF-8: JSON can only escape it */
            uint32_t unit;
            i += utf8_read(text.data + i, 3, &unit) - 1;
            char escape[6] = {'\\', 'u', 'd', digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};
            builder_add(b, escape, sizeof escape);
            continue;
        }
        static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
        const char *escape = c ? strchr(from, c) : NULL;
        if (escape) {
            builder_add_char(b, '\\');
            builder_add_char(b, to[escape - from]);
        } else {
            char unit[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
            builder_add(b, unit, sizeof unit);
        }
    }
    builder_add(b, text.data + plain, text.bytes - plain);
    builder_add_char(b, '"');
}

static void add_number(struct builder *b, struct value v)
{
    char text[32];
    if (v.exact && b->e->dialect == JSONATA_STATES) {
        int bytes = snprintf(text, sizeof text, "%lld", (long long)v.as.integer);
        builder_add(b, text, (size_t)bytes);
    } else {
        builder_add(b, text, number_format(number_of(v), text));
    }
}

/* Writes JSON; indent -1 for the compact form. */
static void add_json(struct builder *b, struct value v, int indent)
{
    tick(b->e);
    switch (v.type) {
    case V_BOOLEAN:
        builder_add(b, v.as.boolean ? "true" : "false", v.as.boolean ? 4 : 5);
        return;
    case V_NUMBER:
        if (value_numeric(b->e, v))
            add_number(b, v);
        else
            builder_add(b, "null", 4); /* NaN */
        return;
    case V_STRING:
        add_quoted(b, text_of(v));
        return;
    case V_FUNCTION:
        builder_add(b, "\"\"", 2);
        return;
    case V_ARRAY:
    case V_OBJECT:
        break;
    default:
        builder_add(b, "null", 4);
        return;
    }
    eval_enter(b->e);
    int inner = indent < 0 ? -1 : indent + 1;
    bool array = v.type == V_ARRAY;
    size_t count = array ? array_count(v) : object_count(v);
    struct member_walk walk = {.position = 0};
    if (!array)
        walk = object_walk(v);
    builder_add_char(b, array ? '[' : '{');
    for (size_t i = 0; i < count; i++) {
        struct value key, item = VALUE_UNDEFINED;
        if (i)
            builder_add_char(b, ',');
        if (inner >= 0)
            add_newline(b, inner);
        if (array) {
            item = array_at(v, i);
        } else {
            object_next(&walk, &key, &item);
            add_quoted(b, text_of(key));
            builder_add(b, ": ", inner >= 0 ? 2 : 1);
        }
        add_json(b, item, inner);
    }
    if (count && inner >= 0)
        add_newline(b, indent);
    builder_add_char(b, array ? ']' : '}');
    eval_leave(b->e);
}

struct value value_to_string(struct eval *e, struct value v, bool pretty)
{
    if (is_undefined(v) || v.type == V_STRING)
        return v;
    if (v.type == V_FUNCTION)
        return value_text("", 0);
    if (v.type == V_NUMBER && !isfinite(number_of(v)))
        fail_value(e, "D3001", v);
    struct array *flags = array_of(v);
    if (flags && flags->outer_wrapper && flags->count)
        v = flags->items[0];
    struct builder b = {.e = e};
    add_json(&b, v, pretty ? 0 : -1);
    return builder_value(&b);
}
