/*
 * fn_format_number.c - $formatNumber: numbers by a picture like "#,##0.00;(#)".
 *
 * Source    XPath and XQuery Functions and Operators 3.1, section 4.7 fn:format-number; the checks and
 *           the order in which they overrule each other are the reference's.
 */
#include "asl/jsonata/native.h"
#include "asl/jsonata/runes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define UNUSED __attribute__((unused))

/* The characters a picture is made of; options replace them. */
struct symbols {
    uint32_t decimal, grouping, exponent, percent, per_mille, zero, digit, pattern;
    struct text minus, exponent_text, decimal_text, grouping_text;
};

enum { POSITIONS_MAX = 64 };

struct subpicture {
    struct runes all, prefix, active, suffix, mantissa, exponent, integer, fraction;
    bool has_exponent;
    size_t grouping[POSITIONS_MAX], grouping_count; /* digits to the right of each separator */
    size_t fraction_grouping[POSITIONS_MAX], fraction_grouping_count;
    size_t regular;
    size_t integer_min, scaling, fraction_min, fraction_max, exponent_min;
};

static struct text option(struct value options, const char *name, const char *otherwise)
{
    struct value v;
    if (options.type == V_OBJECT && object_get(options, (struct text){name, strlen(name)}, &v) && v.type == V_STRING &&
        text_of(v).bytes > 0)
        return text_of(v);
    return (struct text){otherwise, strlen(otherwise)};
}

static uint32_t symbol(struct eval *e, struct value options, const char *name, const char *otherwise)
{
    return runes_of(e, option(options, name, otherwise)).data[0];
}

static struct symbols read_symbols(struct eval *e, struct value options)
{
    return (struct symbols){
        .decimal = symbol(e, options, "decimal-separator", "."),
        .grouping = symbol(e, options, "grouping-separator", ","),
        .exponent = symbol(e, options, "exponent-separator", "e"),
        .percent = symbol(e, options, "percent", "%"),
        .per_mille = symbol(e, options, "per-mille", "\xE2\x80\xB0"),
        .zero = symbol(e, options, "zero-digit", "0"),
        .digit = symbol(e, options, "digit", "#"),
        .pattern = symbol(e, options, "pattern-separator", ";"),
        .minus = option(options, "minus-sign", "-"),
        .exponent_text = option(options, "exponent-separator", "e"),
        .decimal_text = option(options, "decimal-separator", "."),
        .grouping_text = option(options, "grouping-separator", ","),
    };
}

static bool is_family(const struct symbols *s, uint32_t c)
{
    return c >= s->zero && c < s->zero + 10;
}

static bool is_active(const struct symbols *s, uint32_t c)
{
    return is_family(s, c) || c == s->decimal || c == s->exponent || c == s->grouping || c == s->digit ||
           c == s->pattern;
}

static struct subpicture split_parts(const struct symbols *s, struct runes all)
{
    struct subpicture p = {.all = all};
    size_t first = 0, last = all.count;
    while (first < all.count && (!is_active(s, all.data[first]) || all.data[first] == s->exponent))
        first++;
    while (last > 0 && (!is_active(s, all.data[last - 1]) || all.data[last - 1] == s->exponent))
        last--;
    if (first == all.count) /* nothing active at all */
        first = 0, last = all.count;
    p.prefix = runes_part(all, 0, first);
    p.suffix = runes_part(all, last, all.count);
    p.active = runes_part(all, first, last);
    ptrdiff_t exponent = runes_find(all, s->exponent, first);
    if (exponent < 0 || (size_t)exponent > last) {
        p.mantissa = p.active;
    } else {
        size_t at = (size_t)exponent - first; /* of the active part */
        p.mantissa = runes_part(p.active, 0, at);
        p.exponent = runes_part(p.active, at + 1, p.active.count);
        p.has_exponent = true;
    }
    ptrdiff_t decimal = runes_find(p.mantissa, s->decimal, 0);
    if (decimal < 0) {
        p.integer = p.mantissa;
        p.fraction = p.suffix;
    } else {
        p.integer = runes_part(p.mantissa, 0, (size_t)decimal);
        p.fraction = runes_part(p.mantissa, (size_t)decimal + 1, p.mantissa.count);
    }
    return p;
}

static size_t count_family(const struct symbols *s, struct runes runes)
{
    size_t count = 0;
    for (size_t i = 0; i < runes.count; i++)
        count += is_family(s, runes.data[i]);
    return count;
}

static size_t count_digits(const struct symbols *s, struct runes runes)
{
    size_t count = 0;
    for (size_t i = 0; i < runes.count; i++)
        count += is_family(s, runes.data[i]) || runes.data[i] == s->digit;
    return count;
}

static bool twice(struct runes runes, uint32_t c)
{
    return runes_find(runes, c, 0) != runes_find_last(runes, c);
}

static bool char_at(struct runes runes, ptrdiff_t at, uint32_t c)
{
    return at >= 0 && (size_t)at < runes.count && runes.data[at] == c;
}

/* The code of what is wrong, or NULL; of several faults the last one counts. */
static const char *fault_of(const struct symbols *s, const struct subpicture *p)
{
    const char *fault = NULL;
    ptrdiff_t decimal = runes_find(p->all, s->decimal, 0);
    bool percent = runes_find(p->all, s->percent, 0) >= 0, per_mille = runes_find(p->all, s->per_mille, 0) >= 0;
    if (twice(p->all, s->decimal))
        fault = "D3081";
    if (twice(p->all, s->percent))
        fault = "D3082";
    if (twice(p->all, s->per_mille))
        fault = "D3083";
    if (percent && per_mille)
        fault = "D3084";
    if (count_digits(s, p->mantissa) == 0)
        fault = "D3085";
    for (size_t i = 0; i < p->active.count; i++)
        if (!is_active(s, p->active.data[i]))
            fault = "D3086";
    if (decimal >= 0) {
        if (char_at(p->all, decimal - 1, s->grouping) || char_at(p->all, decimal + 1, s->grouping))
            fault = "D3087";
    } else if (char_at(p->integer, (ptrdiff_t)p->integer.count - 1, s->grouping)) {
        fault = "D3088";
    }
    for (size_t i = 0; i + 1 < p->all.count; i++)
        if (p->all.data[i] == s->grouping && p->all.data[i + 1] == s->grouping)
            fault = "D3089";
    ptrdiff_t optional = runes_find(p->integer, s->digit, 0);
    if (optional >= 0 && count_family(s, runes_part(p->integer, 0, (size_t)optional)) > 0)
        fault = "D3090";
    optional = runes_find_last(p->fraction, s->digit);
    if (optional >= 0 && count_family(s, runes_part(p->fraction, (size_t)optional, p->fraction.count)) > 0)
        fault = "D3091";
    if (p->has_exponent && p->exponent.count > 0 && (percent || per_mille))
        fault = "D3092";
    if (p->has_exponent && (p->exponent.count == 0 || count_family(s, p->exponent) < p->exponent.count))
        fault = "D3093";
    return fault;
}

/* For each separator the digits between it and the decimal point. */
static size_t grouping_positions(const struct symbols *s, struct runes part, bool to_left, size_t *positions)
{
    size_t count = 0;
    for (size_t i = 0; i < part.count && count < POSITIONS_MAX; i++)
        if (part.data[i] == s->grouping)
            positions[count++] = count_digits(s, to_left ? runes_part(part, 0, i) : runes_part(part, i, part.count));
    return count;
}

static size_t gcd(size_t a, size_t b)
{
    return b == 0 ? a : gcd(b, a % b);
}

static size_t regular_distance(const size_t *positions, size_t count)
{
    if (count == 0)
        return 0;
    size_t factor = positions[0];
    for (size_t i = 1; i < count; i++)
        factor = gcd(factor, positions[i]);
    for (size_t n = 1; n <= count; n++) {
        size_t i = 0;
        while (i < count && positions[i] != n * factor)
            i++;
        if (i == count)
            return 0;
    }
    return factor;
}

static void analyse(const struct symbols *s, struct subpicture *p)
{
    p->grouping_count = grouping_positions(s, p->integer, false, p->grouping);
    p->regular = regular_distance(p->grouping, p->grouping_count);
    p->fraction_grouping_count = grouping_positions(s, p->fraction, true, p->fraction_grouping);
    p->integer_min = p->scaling = count_family(s, p->integer);
    p->fraction_min = count_family(s, p->fraction);
    p->fraction_max = count_digits(s, p->fraction);
    if (p->integer_min == 0 && p->fraction_max == 0) {
        if (p->has_exponent)
            p->fraction_min = p->fraction_max = 1;
        else
            p->integer_min = 1;
    }
    if (p->has_exponent && p->integer_min == 0 && runes_find(p->integer, s->digit, 0) >= 0)
        p->integer_min = 1;
    if (p->integer_min == 0 && p->fraction_min == 0)
        p->fraction_min = 1;
    if (p->has_exponent)
        p->exponent_min = count_family(s, p->exponent);
}

static void add_digit(struct builder *out, const struct symbols *s, char digit)
{
    builder_add_code_point(out, s->zero + (uint32_t)(digit - '0'));
}

static bool separator_at(const struct subpicture *p, size_t right)
{
    if (p->regular)
        return right % p->regular == 0;
    for (size_t i = 0; i < p->grouping_count; i++)
        if (p->grouping[i] == right)
            return true;
    return false;
}

/* Integer and fraction digits with their separators. */
static void add_mantissa(struct builder *out, const struct symbols *s, const struct subpicture *p, double number)
{
    char text[512];
    int decimals = (int)(p->fraction_max < 100 ? p->fraction_max : 100);
    snprintf(text, sizeof text, "%.*f", decimals, fabs(number));
    char *point = strchr(text, '.');
    size_t integers = point ? (size_t)(point - text) : strlen(text);
    const char *fraction = point ? point + 1 : "", *integer = text;
    size_t fractions = strlen(fraction);
    for (; integers > 0 && *integer == '0'; integer++)
        integers--;
    while (fractions > 0 && fraction[fractions - 1] == '0')
        fractions--;
    size_t zeros = p->integer_min > integers ? p->integer_min - integers : 0;
    for (size_t i = 0, all = zeros + integers; i < all; i++) {
        if (i > 0 && separator_at(p, all - i))
            builder_add_text(out, s->grouping_text);
        add_digit(out, s, i < zeros ? '0' : integer[i - zeros]);
    }
    size_t places = fractions > p->fraction_min ? fractions : p->fraction_min;
    if (places == 0 || runes_find(p->all, s->decimal, 0) < 0)
        return;
    builder_add_text(out, s->decimal_text);
    for (size_t i = 0; i < places; i++) {
        for (size_t g = 0; g < p->fraction_grouping_count; g++)
            if (p->fraction_grouping[g] == i && i > 0)
                builder_add_text(out, s->grouping_text);
        add_digit(out, s, i < fractions ? fraction[i] : '0');
    }
}

static void add_exponent(struct builder *out, const struct symbols *s, const struct subpicture *p, int exponent)
{
    char text[16];
    snprintf(text, sizeof text, "%0*d", (int)(p->exponent_min < 12 ? p->exponent_min : 12),
             exponent < 0 ? -exponent : exponent);
    builder_add_text(out, s->exponent_text);
    if (exponent < 0)
        builder_add_text(out, s->minus);
    for (const char *digit = text; *digit; digit++)
        add_digit(out, s, *digit);
}

/* Moves the point until the mantissa has as many integer digits as the picture. */
static double scale(double number, size_t digits, int *ret_exponent)
{
    double most = pow(10, (double)digits), least = pow(10, (double)digits - 1);
    *ret_exponent = 0;
    while (number != 0 && fabs(number) < least) {
        number *= 10;
        --*ret_exponent;
    }
    while (isfinite(number) && fabs(number) > most) {
        number /= 10;
        ++*ret_exponent;
    }
    return number;
}

struct value fn_formatNumber(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    double number = number_of(args[0]);
    struct symbols s = read_symbols(e, args[2]);
    struct runes picture = runes_of(e, args[1].type == V_STRING ? text_of(args[1]) : (struct text){"", 0});
    struct subpicture parts[2];
    ptrdiff_t divide = runes_find(picture, s.pattern, 0);
    if (divide >= 0 && runes_find(picture, s.pattern, (size_t)divide + 1) >= 0)
        fail(e, "D3080");
    size_t pictures = divide < 0 ? 1 : 2;
    parts[0] = split_parts(&s, divide < 0 ? picture : runes_part(picture, 0, (size_t)divide));
    if (divide >= 0)
        parts[1] = split_parts(&s, runes_part(picture, (size_t)divide + 1, picture.count));
    for (size_t i = 0; i < pictures; i++) {
        const char *fault = fault_of(&s, &parts[i]);
        if (fault)
            fail(e, fault);
    }
    bool negative = !(number >= 0);
    struct subpicture *p = &parts[negative && pictures == 2 ? 1 : 0];
    analyse(&s, p);
    if (runes_find(p->all, s.percent, 0) >= 0)
        number *= 100;
    else if (runes_find(p->all, s.per_mille, 0) >= 0)
        number *= 1000;
    int exponent = 0;
    if (p->exponent_min > 0)
        number = scale(number, p->scaling, &exponent);
    number = number_round(number, (double)p->fraction_max);
    struct builder out = {.e = e};
    if (negative && pictures == 1)
        builder_add_text(&out, s.minus);
    builder_add_text(&out, runes_text(e, p->prefix));
    add_mantissa(&out, &s, p, number);
    if (p->exponent_min > 0)
        add_exponent(&out, &s, p, exponent);
    builder_add_text(&out, runes_text(e, p->suffix));
    return builder_value(&out);
}
