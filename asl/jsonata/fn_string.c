/* fn_string.c - functions of strings. Lengths and positions count code points. */
#include "asl/jsonata/native.h"
#include "asl/jsonata/regex.h"
#include "asl/jsonata/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED __attribute__((unused))

struct value fn_string(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return value_to_string(e, args[0], args[1].type == V_BOOLEAN && args[1].as.boolean);
}

struct value fn_length(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text text = text_of(args[0]);
    return value_double((double)utf8_count(text.data, text.bytes));
}

/* The part of a text between two positions, as Array.prototype.slice counts them. */
static struct value slice(struct text text, double start, double end)
{
    double length = (double)utf8_count(text.data, text.bytes);
    start = trunc(start);
    end = trunc(end);
    if (start < 0)
        start = start + length < 0 ? 0 : start + length;
    if (end < 0)
        end = end + length < 0 ? 0 : end + length;
    if (start > length)
        start = length;
    if (end > length)
        end = length;
    if (!(start < end))
        return value_text("", 0);
    size_t first = utf8_offset(text.data, text.bytes, (size_t)start);
    size_t bytes = utf8_offset(text.data + first, text.bytes - first, (size_t)(end - start));
    return value_text(text.data + first, bytes);
}

struct value fn_substring(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text text = text_of(args[0]);
    double length = (double)utf8_count(text.data, text.bytes);
    double start = is_undefined(args[1]) ? 0 : number_of(args[1]);
    if (length + start < 0)
        start = 0;
    if (is_undefined(args[2]))
        return slice(text, start, INFINITY);
    double wanted = number_of(args[2]);
    if (wanted <= 0)
        return value_text("", 0);
    return slice(text, start, start >= 0 ? start + wanted : length + start + wanted);
}

static const char *find(struct text text, struct text part)
{
    if (part.bytes == 0)
        return text.data;
    return memmem(text.data, text.bytes, part.data, part.bytes);
}

struct value fn_substringBefore(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || is_undefined(args[1]))
        return args[0];
    struct text text = text_of(args[0]);
    const char *found = find(text, text_of(args[1]));
    return found ? value_text(text.data, (size_t)(found - text.data)) : args[0];
}

struct value fn_substringAfter(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || is_undefined(args[1]))
        return args[0];
    struct text text = text_of(args[0]), part = text_of(args[1]);
    const char *found = find(text, part);
    if (found == NULL)
        return args[0];
    size_t offset = (size_t)(found - text.data) + part.bytes;
    return value_text(text.data + offset, text.bytes - offset);
}

static struct value map_case(struct eval *e, struct value v, bool upper)
{
    if (is_undefined(v))
        return v;
    struct text text = text_of(v);
    struct builder out = {.e = e};
    builder_reserve(&out, text.bytes);
    for (size_t at = 0; at < text.bytes;) {
        uint32_t code_point, mapped[CASE_EXPANSION_MAX];
        at += utf8_read(text.data + at, text.bytes - at, &code_point);
        size_t count = upper ? unicode_upper(code_point, mapped) : unicode_lower(code_point, mapped);
        for (size_t i = 0; i < count; i++) {
            if (mapped[i] < 0x80)
                builder_add_char(&out, (char)mapped[i]);
            else
                builder_add_code_point(&out, mapped[i]);
        }
    }
    return builder_value(&out);
}

struct value fn_lowercase(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return map_case(e, args[0], false);
}

struct value fn_uppercase(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return map_case(e, args[0], true);
}

struct value fn_trim(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text text = text_of(args[0]);
    struct builder out = {.e = e};
    builder_reserve(&out, text.bytes);
    bool space = false;
    for (size_t i = 0; i < text.bytes; i++) {
        char c = text.data[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            space = out.bytes > 0;
            continue;
        }
        if (space)
            builder_add_char(&out, ' ');
        space = false;
        builder_add_char(&out, c);
    }
    return builder_value(&out);
}

struct value fn_pad(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text text = text_of(args[0]), with = {" ", 1};
    if (args[2].type == V_STRING && text_of(args[2]).bytes > 0)
        with = text_of(args[2]);
    double width = is_undefined(args[1]) ? 0 : trunc(number_of(args[1]));
    double missing = fabs(width) - (double)utf8_count(text.data, text.bytes);
    if (!(missing > 0))
        return args[0];
    if (missing > INT32_MAX)
        fail_memory(e);
    struct builder out = {.e = e};
    if (width > 0)
        builder_add_text(&out, text);
    size_t at = 0;
    for (size_t n = 0; n < (size_t)missing; n++) {
        tick(e);
        size_t bytes = utf8_bytes((unsigned char)with.data[at]);
        if (bytes > with.bytes - at)
            bytes = with.bytes - at;
        builder_add(&out, with.data + at, bytes);
        at = at + bytes < with.bytes ? at + bytes : 0;
    }
    if (width < 0)
        builder_add_text(&out, text);
    return builder_value(&out);
}

struct value fn_join(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct builder out = {.e = e};
    size_t items = array_count(args[0]);
    for (size_t i = 0; i < items; i++) {
        tick(e);
        if (i && !is_undefined(args[1]))
            builder_add_text(&out, text_of(args[1]));
        builder_add_text(&out, text_of(array_at(args[0], i)));
    }
    return builder_value(&out);
}

struct value fn_contains(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || is_undefined(args[1]))
        return VALUE_UNDEFINED;
    struct text text = text_of(args[0]);
    if (args[1].type == V_STRING)
        return value_boolean(find(text, text_of(args[1])) != NULL);
    struct matcher matcher = {.e = e, .function = args[1], .subject = text};
    return value_boolean(matcher_next(&matcher));
}

/* A limit that must not be negative; INFINITY without one. */
static double limit_of(struct eval *e, struct value limit, const char *code, int index)
{
    if (is_undefined(limit))
        return INFINITY;
    if (number_of(limit) < 0) {
        struct failure failure = {.position = -1, .value = limit, .index = index};
        memcpy(failure.code, code, strlen(code) + 1);
        fail_failure(e, failure);
    }
    return number_of(limit);
}

struct value fn_match(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    double limit = limit_of(e, args[2], "D3040", 3);
    struct array *out = sequence_new(e);
    struct matcher matcher = {.e = e, .function = args[1], .subject = text_of(args[0])};
    while (out->count < limit && matcher_next(&matcher)) {
        struct object *match = object_new(e, 3);
        object_add(e, match, value_text("match", 5), value_text(matcher.match.text.data, matcher.match.text.bytes));
        object_add(e, match, value_text("index", 5), value_double(match_position(&matcher, matcher.match.start)));
        object_add(e, match, value_text("groups", 6), matcher.match.groups);
        array_push(e, out, value_object(match));
    }
    return value_array(out);
}

/* A text split into its code points. */
static void split_characters(struct eval *e, struct array *out, struct text text, double limit)
{
    for (size_t at = 0; at < text.bytes && out->count < limit;) {
        size_t bytes = utf8_bytes((unsigned char)text.data[at]);
        if (bytes > text.bytes - at)
            bytes = text.bytes - at;
        array_push(e, out, value_text(text.data + at, bytes));
        at += bytes;
    }
}

static void split_text(struct eval *e, struct array *out, struct text text, struct text separator, double limit)
{
    while (out->count < limit) {
        tick(e);
        const char *found = memmem(text.data, text.bytes, separator.data, separator.bytes);
        if (found == NULL) {
            array_push(e, out, value_text(text.data, text.bytes));
            return;
        }
        size_t bytes = (size_t)(found - text.data);
        array_push(e, out, value_text(text.data, bytes));
        text.data = found + separator.bytes;
        text.bytes -= bytes + separator.bytes;
    }
}

static struct text between(struct text text, size_t start, size_t end)
{
    if (start > end) { /* as substring() does */
        size_t swap = start;
        start = end;
        end = swap;
    }
    return (struct text){text.data + start, end - start};
}

struct value fn_split(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    double limit = limit_of(e, args[2], "D3020", 3);
    struct array *out = array_new(e, 0);
    struct text text = text_of(args[0]);
    if (args[1].type == V_STRING) {
        limit = trunc(limit);
        if (text_of(args[1]).bytes == 0)
            split_characters(e, out, text, limit);
        else
            split_text(e, out, text, text_of(args[1]), limit);
        return value_array(out);
    }
    if (is_undefined(args[1])) {
        if (limit > 0)
            array_push(e, out, args[0]);
        return value_array(out);
    }
    struct matcher matcher = {.e = e, .function = args[1], .subject = text};
    size_t start = 0;
    while (out->count < limit && matcher_next(&matcher)) {
        struct text part = between(text, start, matcher.match.start);
        array_push(e, out, value_text(part.data, part.bytes));
        start = matcher.match.end;
    }
    if (out->count < limit)
        array_push(e, out, value_text(text.data + start, text.bytes - start));
    return value_array(out);
}

/* How many digits of a group number follow a "$" at most: as many as the number of groups has. */
static size_t group_digits(size_t groups)
{
    size_t digits = 1;
    for (; groups >= 10; groups /= 10)
        digits++;
    return digits;
}

/* The number that up to `digits` digits spell, or -1; *ret_used says how many were there. */
static long read_number(struct text text, size_t at, size_t digits, size_t *ret_used)
{
    long number = 0;
    size_t n = 0;
    while (n < digits && at + n < text.bytes && text.data[at + n] >= '0' && text.data[at + n] <= '9')
        number = number * 10 + (text.data[at + n++] - '0');
    *ret_used = n;
    return n ? number : -1;
}

/* $$ is a dollar, $0 the match, $1 ... its groups: of several digits as many as name a group. */
static void add_replacement(struct builder *out, struct text replacement, const struct match *match)
{
    size_t groups = array_count(match->groups);
    size_t digits = group_digits(groups);
    for (size_t at = 0; at < replacement.bytes;) {
        const char *dollar = memchr(replacement.data + at, '$', replacement.bytes - at);
        size_t end = dollar ? (size_t)(dollar - replacement.data) : replacement.bytes;
        builder_add(out, replacement.data + at, end - at);
        if (dollar == NULL)
            return;
        at = end + 1;
        char next = at < replacement.bytes ? replacement.data[at] : '\0';
        if (next == '$' || next == '0') {
            builder_add(out, next == '$' ? "$" : match->text.data, next == '$' ? 1 : match->text.bytes);
            at++;
            continue;
        }
        size_t used;
        long index = read_number(replacement, at, digits, &used);
        if (digits > 1 && index > (long)groups)
            index = read_number(replacement, at, digits - 1, &used);
        if (index < 0) {
            builder_add_char(out, '$');
            continue;
        }
        if (index >= 1 && index <= (long)groups) {
            struct value group = array_at(match->groups, (size_t)index - 1);
            if (group.type == V_STRING)
                builder_add_text(out, text_of(group));
        }
        at += group_digits((size_t)index);
    }
}

/* What the function that replaces a match gets to see. */
static struct value match_object(struct eval *e, const struct matcher *matcher)
{
    const struct match *match = &matcher->match;
    struct object *object = object_new(e, 4);
    object_add(e, object, value_text("match", 5), value_text(match->text.data, match->text.bytes));
    object_add(e, object, value_text("start", 5), value_double(match_position(matcher, match->start)));
    object_add(e, object, value_text("end", 3), value_double(match_position(matcher, match->end)));
    object_add(e, object, value_text("groups", 6), match->groups);
    return value_object(object);
}

static struct value replace_text(struct eval *e, struct text text, struct text pattern, struct text replacement,
                                 double limit)
{
    struct builder out = {.e = e};
    for (double n = 0; n < limit; n++) {
        tick(e);
        const char *found = memmem(text.data, text.bytes, pattern.data, pattern.bytes);
        if (found == NULL)
            break;
        size_t bytes = (size_t)(found - text.data);
        builder_add(&out, text.data, bytes);
        builder_add_text(&out, replacement);
        text.data = found + pattern.bytes;
        text.bytes -= bytes + pattern.bytes;
    }
    builder_add_text(&out, text);
    return builder_value(&out);
}

struct value fn_replace(struct eval *e, const struct value *args, size_t count UNUSED)
{
    struct value pattern = args[1], replacement = args[2];
    if (is_undefined(args[0]))
        return args[0];
    if (pattern.type == V_STRING && text_of(pattern).bytes == 0) {
        struct failure failure = {.code = "D3010", .position = -1, .value = pattern, .index = 2};
        fail_failure(e, failure);
    }
    double limit = limit_of(e, args[3], "D3011", 4);
    struct text text = text_of(args[0]);
    if (!(limit > 0) || is_undefined(pattern))
        return args[0];
    if (pattern.type == V_STRING) {
        struct text with = replacement.type == V_STRING ? text_of(replacement) : (struct text){"", 0};
        return replace_text(e, text, text_of(pattern), with, limit);
    }
    struct matcher matcher = {.e = e, .function = pattern, .subject = text};
    struct builder out = {.e = e};
    size_t position = 0;
    for (double n = 0; n < limit && matcher_next(&matcher); n++) {
        builder_add_text(&out, between(text, position, matcher.match.start));
        if (replacement.type == V_STRING) {
            add_replacement(&out, text_of(replacement), &matcher.match);
        } else {
            struct value match = match_object(e, &matcher);
            struct value with = apply(e, replacement, &match, 1, VALUE_UNDEFINED);
            if (with.type != V_STRING)
                fail_value(e, "D3012", with);
            builder_add_text(&out, text_of(with));
        }
        position = matcher.match.start + matcher.match.text.bytes;
        if (position > text.bytes)
            position = text.bytes;
    }
    builder_add(&out, text.data + position, text.bytes - position);
    return builder_value(&out);
}
