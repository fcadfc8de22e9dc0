/* fn_number.c - functions of numbers and their aggregates. */
#include "asl/jsonata/native.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED __attribute__((unused))

struct value fn_sum(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return VALUE_UNDEFINED;
    double total = 0;
    size_t items = array_count(args[0]);
    for (size_t i = 0; i < items; i++)
        total += number_of(array_at(args[0], i));
    return value_double(total);
}

struct value fn_count(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    return value_double(is_undefined(args[0]) ? 0 : (double)array_count(args[0]));
}

/* The largest of an array of numbers, or with sign -1 the smallest. NaN wins as in JavaScript. */
static struct value extreme(struct value items, double sign)
{
    if (is_undefined(items) || array_count(items) == 0)
        return VALUE_UNDEFINED;
    double best = -INFINITY;
    size_t count = array_count(items);
    for (size_t i = 0; i < count; i++) {
        double number = sign * number_of(array_at(items, i));
        if (isnan(number))
            return value_double(NAN);
        if (number > best)
            best = number;
    }
    return value_double(sign * best);
}

struct value fn_max(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    return extreme(args[0], 1);
}

struct value fn_min(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    return extreme(args[0], -1);
}

struct value fn_average(struct eval *e, const struct value *args, size_t count)
{
    if (is_undefined(args[0]) || array_count(args[0]) == 0)
        return VALUE_UNDEFINED;
    return value_double(number_of(fn_sum(e, args, count)) / (double)array_count(args[0]));
}

/* Whether a text is a decimal number, and nothing but one: -?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)? */
static bool is_decimal(struct text text)
{
    size_t at = 0;
    const char *s = text.data;
    if (at < text.bytes && s[at] == '-')
        at++;
    size_t digits = at;
    while (at < text.bytes && s[at] >= '0' && s[at] <= '9')
        at++;
    if (at == digits)
        return false;
    if (at + 1 < text.bytes && s[at] == '.' && s[at + 1] >= '0' && s[at + 1] <= '9') {
        at++;
        while (at < text.bytes && s[at] >= '0' && s[at] <= '9')
            at++;
    }
    if (at < text.bytes && (s[at] == 'e' || s[at] == 'E')) {
        at++;
        if (at < text.bytes && (s[at] == '-' || s[at] == '+'))
            at++;
        digits = at;
        while (at < text.bytes && s[at] >= '0' && s[at] <= '9')
            at++;
        if (at == digits)
            return false;
    }
    return at == text.bytes;
}

/* 0x, 0o and 0b. */
static bool parse_radix(struct text text, double *ret_number)
{
    if (text.bytes < 3 || text.data[0] != '0')
        return false;
    char letter = text.data[1] | 0x20;
    int radix = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (radix == 0)
        return false;
    double number = 0;
    for (size_t i = 2; i < text.bytes; i++) {
        char c = text.data[i];
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : 99;
        if (digit >= radix)
            return false;
        number = number * radix + digit;
    }
    *ret_number = number;
    return true;
}

static double parse_text(struct eval *e, struct text text)
{
    char small[64];
    char *copy = text.bytes < sizeof small ? small : eval_alloc(e, text.bytes + 1);
    memcpy(copy, text.data, text.bytes);
    copy[text.bytes] = '\0';
    return strtod(copy, NULL);
}

struct value fn_number(struct eval *e, const struct value *args, size_t count UNUSED)
{
    struct value v = args[0];
    if (is_undefined(v) || v.type == V_NUMBER)
        return v;
    if (v.type == V_BOOLEAN)
        return value_double(v.as.boolean ? 1 : 0);
    if (v.type == V_STRING) {
        struct text text = text_of(v);
        double number;
        if (is_decimal(text)) {
            number = parse_text(e, text);
            if (isfinite(number))
                return value_double(number);
        } else if (parse_radix(text, &number)) {
            return value_double(number);
        }
    }
    struct failure failure = {.code = "D3030", .position = -1, .value = v, .index = 1};
    fail_failure(e, failure);
}

struct value fn_abs(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    if (args[0].exact && args[0].as.integer != INT64_MIN)
        return value_integer(llabs(args[0].as.integer));
    return value_double(fabs(number_of(args[0])));
}

struct value fn_floor(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    return is_undefined(args[0]) || args[0].exact ? args[0] : value_double(floor(args[0].as.number));
}

struct value fn_ceil(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    return is_undefined(args[0]) || args[0].exact ? args[0] : value_double(ceil(args[0].as.number));
}

/* Moves the decimal point in the text of a number, where no rounding can happen. */
static double shift_decimal(double number, double places)
{
    char text[32], shifted[64];
    number_format_exact(number, text);
    double exponent = places;
    char *e = strchr(text, 'e');
    if (e) {
        exponent += atof(e + 1);
        *e = '\0';
    }
    if (fabs(exponent) > 100000)
        exponent = exponent > 0 ? 100000 : -100000;
    snprintf(shifted, sizeof shifted, "%se%d", text, (int)exponent);
    return strtod(shifted, NULL);
}

/* To the nearest, halves to even. */
double number_round(double number, double precision)
{
    if (!isfinite(number))
        return number;
    if (precision != 0)
        number = shift_decimal(number, precision);
    double result = floor(number + 0.5);
    if (fabs(number) >= 4503599627370496.0)
        result = number;
    else if (result - number > 0.5)
        result -= 1; /* number + 0.5 was rounded up */
    if (fabs(result - number) == 0.5 && fabs(fmod(result, 2)) == 1)
        result -= 1;
    if (precision != 0 && isfinite(result))
        result = shift_decimal(result, -precision);
    return result == 0 ? 0 : result;
}

struct value fn_round(struct eval *e UNUSED, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || args[0].exact)
        return args[0];
    double precision = is_undefined(args[1]) ? 0 : trunc(number_of(args[1]));
    return value_double(number_round(number_of(args[0]), isfinite(precision) ? precision : 0));
}

struct value fn_sqrt(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    if (number_of(args[0]) < 0) {
        struct failure failure = {.code = "D3060", .position = -1, .value = args[0], .index = 1};
        fail_failure(e, failure);
    }
    return value_double(sqrt(number_of(args[0])));
}

struct value fn_power(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    double result = is_undefined(args[1]) ? NAN : pow(number_of(args[0]), number_of(args[1]));
    if (!isfinite(result)) {
        struct failure failure = {.code = "D3061", .position = -1, .value = args[0], .exponent = args[1], .index = 1};
        fail_failure(e, failure);
    }
    return value_double(result);
}

/* Digits of the fraction are few enough to be exact: a double has 1074 binary ones at most. */
static struct value format_radix(struct eval *e, double number, int radix)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char text[1100];
    size_t at = sizeof text;
    bool negative = number < 0;
    number = fabs(number);
    do {
        text[--at] = digits[(int)fmod(number, radix)];
        number = trunc(number / radix);
    } while (number > 0 && at > 1);
    if (negative)
        text[--at] = '-';
    return text_copy(e, text + at, sizeof text - at);
}

struct value fn_formatBase(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    double number = number_round(number_of(args[0]), 0);
    double radix = is_undefined(args[1]) ? 10 : number_round(number_of(args[1]), 0);
    if (!(radix >= 2 && radix <= 36))
        fail_value(e, "D3100", value_double(radix));
    char text[32];
    if (radix == 10 || !isfinite(number))
        return text_copy(e, text, number_format_exact(number, text));
    return format_radix(e, number, (int)radix);
}

struct value fn_millis(struct eval *e, const struct value *args UNUSED, size_t count UNUSED)
{
    return value_double((double)e->env->now_ms);
}
