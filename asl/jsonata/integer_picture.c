#include "asl/jsonata/integer_picture.h"

#include "asl/jsonata/text.h"
#include "asl/jsonata/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct runes runes_of(struct eval *e, struct text text)
{
    struct runes runes = {eval_alloc(e, (text.bytes + 1) * sizeof *runes.data), 0};
    for (size_t at = 0; at < text.bytes;)
        at += utf8_read(text.data + at, text.bytes - at, &runes.data[runes.count++]);
    return runes;
}

struct text runes_text(struct eval *e, struct runes runes)
{
    char *text = eval_alloc(e, runes.count * 4 + 1);
    size_t bytes = 0;
    for (size_t i = 0; i < runes.count; i++)
        bytes += utf8_write(text + bytes, runes.data[i]);
    return (struct text){text, bytes};
}

/* The zeros of the decimal digits of the Basic Multilingual Plane. */
static const uint32_t zeros[] = {0x30,   0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6,
                                 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0,
                                 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
                                 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10};

static uint32_t zero_of(uint32_t code_point)
{
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        if (code_point >= zeros[i] && code_point <= zeros[i] + 9)
            return zeros[i];
    return 0;
}

static size_t gcd(size_t a, size_t b)
{
    return b == 0 ? a : gcd(b, a % b);
}

/* The distance of separators that are all alike and evenly spaced, or 0. */
static size_t regular_distance(const struct separator *separators, size_t count)
{
    if (count == 0)
        return 0;
    size_t factor = separators[0].position;
    for (size_t i = 1; i < count; i++) {
        if (separators[i].character != separators[0].character)
            return 0;
        factor = gcd(factor, separators[i].position);
    }
    for (size_t n = 1; n <= count; n++) {
        size_t i = 0;
        while (i < count && separators[i].position != n * factor)
            i++;
        if (i == count)
            return 0;
    }
    return factor;
}

static void parse_digits(struct eval *e, struct runes picture, struct integer_picture *p)
{
    p->separators = eval_alloc(e, (picture.count + 1) * sizeof *p->separators);
    size_t position = 0;
    for (size_t i = picture.count; i-- > 0;) {
        uint32_t c = picture.data[i], zero = zero_of(c);
        if (zero) {
            if (p->zero && p->zero != zero)
                fail(e, "D3131");
            p->zero = zero;
            p->mandatory_digits++;
            position++;
        } else if (c == '#') {
            p->optional_digits++;
            position++;
        } else {
            p->separators[p->separator_count++] = (struct separator){position, c};
        }
    }
    if (p->mandatory_digits == 0) {
        p->style = INTEGER_SEQUENCE;
        p->token = picture;
        return;
    }
    p->regular = regular_distance(p->separators, p->separator_count);
}

struct integer_picture integer_picture_parse(struct eval *e, struct runes picture)
{
    struct integer_picture p = {.style = INTEGER_DECIMAL};
    ptrdiff_t semicolon = runes_find_last(picture, ';');
    struct runes primary = semicolon < 0 ? picture : runes_part(picture, 0, (size_t)semicolon);
    if (semicolon >= 0 && (size_t)semicolon + 1 < picture.count)
        p.ordinal = picture.data[semicolon + 1] == 'o';
    static const struct {
        const char *text;
        enum integer_style style;
        enum letter_case letters;
    } formats[] = {
        {"A", INTEGER_LETTERS, CASE_UPPER}, {"a", INTEGER_LETTERS, CASE_LOWER}, {"I", INTEGER_ROMAN, CASE_UPPER},
        {"i", INTEGER_ROMAN, CASE_LOWER},   {"W", INTEGER_WORDS, CASE_UPPER},   {"Ww", INTEGER_WORDS, CASE_TITLE},
        {"w", INTEGER_WORDS, CASE_LOWER},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (runes_spell(primary, formats[i].text)) {
            p.style = formats[i].style;
            p.letters = formats[i].letters;
            return p;
        }
    }
    parse_digits(e, primary, &p);
    return p;
}

_Noreturn static void fail_sequence(struct eval *e, const struct integer_picture *p)
{
    struct text token = runes_text(e, p->token);
    fail_value(e, "D3130", value_text(token.data, token.bytes));
}

static void change_case(struct builder *b, enum letter_case letters)
{
    for (size_t i = 0; i < b->bytes && letters != CASE_TITLE; i++) {
        char c = b->data[i];
        if (letters == CASE_UPPER && c >= 'a' && c <= 'z')
            b->data[i] = (char)(c - 32);
        if (letters == CASE_LOWER && c >= 'A' && c <= 'Z')
            b->data[i] = (char)(c + 32);
    }
}

static void format_letters(struct builder *b, double number, char first)
{
    char letters[256];
    size_t at = sizeof letters;
    for (; number > 0 && at > 0; number = floor((number - 1) / 26))
        letters[--at] = (char)(first + (int)fmod(number - 1, 26));
    builder_add(b, letters + at, sizeof letters - at);
}

enum { ROMAN_MAX = 10000000 };

static const struct {
    int value;
    const char *text;
} romans[] = {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"},
              {40, "xl"},  {10, "x"},   {9, "ix"},  {5, "v"},    {4, "iv"},  {1, "i"}};

static void format_roman(struct builder *b, double number)
{
    if (number >= ROMAN_MAX) /* a letter for each thousand */
        fail_value(b->e, "D1001", value_double(number));
    for (size_t i = 0; i < sizeof romans / sizeof *romans; i++) {
        for (; number >= romans[i].value; number -= romans[i].value) {
            tick(b->e);
            builder_add(b, romans[i].text, strlen(romans[i].text));
        }
    }
}

/* Puts separators between digits, which come from the left; `digits` is how many there are. */
static void add_grouped(struct builder *b, const struct integer_picture *p, const char *text, size_t digits)
{
    for (size_t i = 0; i < digits; i++) {
        size_t right = digits - i; /* digits from here on */
        if (i > 0 && p->regular && right % p->regular == 0)
            builder_add_code_point(b, p->separators[0].character);
        for (size_t s = p->separator_count; !p->regular && s-- > 0;)
            if (p->separators[s].position == right)
                builder_add_code_point(b, p->separators[s].character);
        if (text[i] >= '0' && text[i] <= '9')
            builder_add_code_point(b, p->zero + (uint32_t)(text[i] - '0'));
        else
            builder_add_char(b, text[i]);
    }
    for (size_t s = p->separator_count; !p->regular && s-- > 0;)
        if (p->separators[s].position == 0)
            builder_add_code_point(b, p->separators[s].character);
}

static void format_decimal(struct builder *b, double number, const struct integer_picture *p)
{
    char plain[32];
    size_t count = number_format_exact(number, plain);
    size_t digits = count < p->mandatory_digits ? p->mandatory_digits : count;
    char *text = eval_alloc(b->e, digits + 1);
    memset(text, '0', digits - count);
    memcpy(text + digits - count, plain, count);
    add_grouped(b, p, text, digits);
    if (!p->ordinal)
        return;
    char last = text[digits - 1];
    bool teen = digits > 1 && text[digits - 2] == '1';
    const char *suffix = teen ? "th" : last == '1' ? "st" : last == '2' ? "nd" : last == '3' ? "rd" : "th";
    builder_add(b, suffix, 2);
}

struct text integer_format(struct eval *e, double number, const struct integer_picture *p)
{
    struct builder b = {.e = e};
    bool negative = number < 0;
    number = fabs(number);
    if (negative)
        builder_add_char(&b, '-');
    switch (p->style) {
    case INTEGER_LETTERS:
        format_letters(&b, number, p->letters == CASE_UPPER ? 'A' : 'a');
        break;
    case INTEGER_ROMAN:
        format_roman(&b, number);
        change_case(&b, p->letters);
        break;
    case INTEGER_WORDS:
        words_format(&b, number, p->ordinal);
        change_case(&b, p->letters);
        break;
    case INTEGER_DECIMAL:
        format_decimal(&b, number, p);
        break;
    case INTEGER_SEQUENCE:
        fail_sequence(e, p);
    }
    return text_of(builder_value(&b));
}

static double parse_letters(struct text text, char first)
{
    double number = 0;
    for (size_t i = 0; i < text.bytes; i++)
        number = number * 26 + (text.data[i] - first + 1);
    return number;
}

static double parse_roman(struct text text)
{
    static const char letters[] = "mdclxvi";
    static const int values[] = {1000, 500, 100, 50, 10, 5, 1};
    double number = 0, most = 1;
    for (size_t i = text.bytes; i-- > 0;) {
        const char *letter = text.data[i] ? strchr(letters, text.data[i] | 0x20) : NULL;
        if (letter == NULL)
            return NAN;
        double value = values[letter - letters];
        if (value < most) {
            number -= value;
        } else {
            most = value;
            number += value;
        }
    }
    return number;
}

static bool is_separator(const struct integer_picture *p, uint32_t c)
{
    if (p->regular)
        return c == ',';
    for (size_t i = 0; i < p->separator_count; i++)
        if (p->separators[i].character == c)
            return true;
    return false;
}

/* As parseInt reads it: what follows the digits does not matter. */
static double parse_decimal(struct eval *e, struct text text, const struct integer_picture *p)
{
    struct runes runes = runes_of(e, text);
    if (p->ordinal)
        runes.count = runes.count > 2 ? runes.count - 2 : 0;
    char *digits = eval_alloc(e, runes.count + 2);
    size_t count = 0;
    for (size_t i = 0; i < runes.count; i++) {
        uint32_t c = runes.data[i];
        if (is_separator(p, c))
            continue;
        c = c - p->zero + '0';
        if (c > 0x7F || ((c < '0' || c > '9') && !(count == 0 && (c == '-' || c == '+' || c == ' '))))
            break;
        digits[count++] = (char)c;
    }
    digits[count] = '\0';
    char *end;
    double number = strtod(digits, &end);
    return end == digits ? NAN : number;
}

double integer_parse(struct eval *e, struct text text, const struct integer_picture *p)
{
    switch (p->style) {
    case INTEGER_LETTERS:
        return parse_letters(text, p->letters == CASE_UPPER ? 'A' : 'a');
    case INTEGER_ROMAN:
        return parse_roman(text);
    case INTEGER_WORDS:
        return words_parse(text);
    case INTEGER_DECIMAL:
        return parse_decimal(e, text, p);
    case INTEGER_SEQUENCE:
        break;
    }
    fail_sequence(e, p);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t integer_match(const struct integer_picture *p, struct text text)
{
    size_t n = 0;
    switch (p->style) {
    case INTEGER_LETTERS:
        while (n < text.bytes && is_letter(text.data[n]))
            n++;
        return n;
    case INTEGER_ROMAN:
        while (n < text.bytes && text.data[n] && strchr("MDCLXVImdclxvi", text.data[n]))
            n++;
        return n;
    case INTEGER_WORDS:
        return words_match(text);
    case INTEGER_DECIMAL:
    case INTEGER_SEQUENCE:
        break;
    }
    while (n < text.bytes && text.data[n] >= '0' && text.data[n] <= '9' && (!p->parse_width || n < p->parse_width))
        n++;
    if (p->parse_width && n < p->parse_width)
        return 0;
    return n;
}
