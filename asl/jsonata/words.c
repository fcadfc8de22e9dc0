#include "asl/jsonata/words.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static const char *const few[] = {"Zero",     "One",     "Two",     "Three",     "Four",     "Five",    "Six",
                                  "Seven",    "Eight",   "Nine",    "Ten",       "Eleven",   "Twelve",  "Thirteen",
                                  "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"};
static const char *const ordinals[] = {"Zeroth",    "First",     "Second",      "Third",      "Fourth",
                                       "Fifth",     "Sixth",     "Seventh",     "Eighth",     "Ninth",
                                       "Tenth",     "Eleventh",  "Twelfth",     "Thirteenth", "Fourteenth",
                                       "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth"};
static const char *const decades[] = {"Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"};
static const char *const magnitudes[] = {"Thousand", "Million", "Billion", "Trillion"};

enum { MAGNITUDES = sizeof magnitudes / sizeof *magnitudes };

static void add(struct builder *out, const char *text)
{
    builder_add(out, text, strlen(text));
}

static void format_below_hundred(struct builder *out, int number, bool ordinal)
{
    if (number < 20) {
        add(out, ordinal ? ordinals[number] : few[number]);
        return;
    }
    const char *tens = decades[number / 10 - 2];
    if (number % 10 == 0 && ordinal) {
        builder_add(out, tens, strlen(tens) - 1);
        add(out, "ieth");
        return;
    }
    add(out, tens);
    if (number % 10) {
        add(out, "-");
        format_below_hundred(out, number % 10, ordinal);
    }
}

/* `inner`: something larger stands before. */
static void format_part(struct builder *out, double number, bool inner, bool ordinal)
{
    eval_enter(out->e);
    double unit = 100;
    if (number < 100) {
        if (inner)
            add(out, " and ");
        format_below_hundred(out, (int)number, ordinal);
        eval_leave(out->e);
        return;
    }
    if (inner)
        add(out, ", ");
    if (number < 1000) {
        add(out, few[(int)(number / 100)]);
        add(out, " Hundred");
    } else {
        int magnitude = (int)floor(floor(log10(number)) / 3);
        if (magnitude > MAGNITUDES)
            magnitude = MAGNITUDES;
        unit = pow(10, magnitude * 3);
        if (unit > number) { /* log10 was rounded up */
            magnitude--;
            unit /= 1000;
        }
        format_part(out, floor(number / unit), false, false);
        add(out, " ");
        add(out, magnitudes[magnitude - 1]);
    }
    double rest = number - floor(number / unit) * unit;
    if (rest > 0)
        format_part(out, rest, true, ordinal);
    else if (ordinal)
        add(out, "th");
    eval_leave(out->e);
}

void words_format(struct builder *out, double number, bool ordinal)
{
    if (!isfinite(number))
        fail_value(out->e, "D1001", value_double(number));
    format_part(out, number, false, ordinal);
}

static bool spells(struct text text, const char *word, const char *ending)
{
    size_t bytes = strlen(word), more = strlen(ending);
    return text.bytes == bytes + more && strncasecmp(text.data, word, bytes) == 0 &&
           strncasecmp(text.data + bytes, ending, more) == 0;
}

static double word_value(struct text word)
{
    for (int i = 0; i < 20; i++)
        if (spells(word, few[i], "") || spells(word, ordinals[i], ""))
            return i;
    for (int i = 0; i < 8; i++) {
        size_t bytes = strlen(decades[i]) - 1;
        bool is_ordinal = word.bytes == bytes + 4 && strncasecmp(word.data, decades[i], bytes) == 0 &&
                          strncasecmp(word.data + bytes, "ieth", 4) == 0;
        if (spells(word, decades[i], "") || is_ordinal)
            return (i + 2) * 10;
    }
    if (spells(word, "hundred", "") || spells(word, "hundred", "th"))
        return 100;
    for (int i = 0; i < MAGNITUDES; i++)
        if (spells(word, magnitudes[i], "") || spells(word, magnitudes[i], "th"))
            return pow(10, (i + 1) * 3);
    return NAN;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes of what stands between two words: ", ", " and ", a space, a hyphen or a backslash. */
static size_t gap(struct text text, size_t at)
{
    if (text.data[at] == ',' && at + 1 < text.bytes && is_space(text.data[at + 1]))
        return 2;
    if (is_space(text.data[at]) && at + 4 < text.bytes && strncasecmp(text.data + at + 1, "and", 3) == 0 &&
        is_space(text.data[at + 4]))
        return 5;
    return is_space(text.data[at]) || text.data[at] == '-' || text.data[at] == '\\' ? 1 : 0;
}

/* Thousands and more stay apart on a list; what is smaller is added to, or multiplies, the last one. */
double words_parse(struct text text)
{
    double parts[64] = {0};
    size_t count = 1, start = 0;
    for (size_t at = 0; at <= text.bytes; at++) {
        size_t skip = at < text.bytes ? gap(text, at) : 1;
        if (skip == 0)
            continue;
        double value = word_value((struct text){text.data + start, at - start});
        if (isnan(value))
            return NAN;
        if (value >= 100) {
            parts[count - 1] *= value;
        } else if (parts[count - 1] >= 1000 && count < 64) {
            parts[count++] = value;
        } else {
            parts[count - 1] += value;
        }
        start = at + skip;
        at += skip - 1;
    }
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i];
    return total;
}

/* Bytes of the longest word of a number that a text starts with. */
static size_t first_word(struct text text)
{
    size_t letters = 0;
    while (letters < text.bytes && letters < 16 &&
           ((text.data[letters] | 0x20) >= 'a' && (text.data[letters] | 0x20) <= 'z'))
        letters++;
    for (; letters > 0; letters--) {
        struct text word = {text.data, letters};
        if (spells(word, "and", "") || !isnan(word_value(word)))
            break;
    }
    return letters;
}

size_t words_match(struct text text)
{
    size_t at = 0;
    while (at < text.bytes) {
        size_t word = first_word((struct text){text.data + at, text.bytes - at});
        bool space = text.data[at] == ' ' || text.data[at] == ',' || text.data[at] == '-';
        if (word == 0 && !space)
            break;
        at += word ? word : 1;
    }
    return at;
}
