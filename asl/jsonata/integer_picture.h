/*
 * integer_picture.h - integers written by a picture: digits with grouping, letters, roman, words.
 *
 * Used by $formatInteger and $parseInteger and by the numbers inside of date/time pictures.
 * Source    XPath and XQuery Functions and Operators 3.1, section 4.6 fn:format-integer
 */
#ifndef ASL_JSONATA_INTEGER_PICTURE_H
#define ASL_JSONATA_INTEGER_PICTURE_H

#include "asl/jsonata/runes.h"

enum integer_style { INTEGER_DECIMAL, INTEGER_LETTERS, INTEGER_ROMAN, INTEGER_WORDS, INTEGER_SEQUENCE };
enum letter_case { CASE_LOWER, CASE_UPPER, CASE_TITLE };

struct separator {
    size_t position; /* digits to its right */
    uint32_t character;
};

struct integer_picture {
    enum integer_style style;
    enum letter_case letters;
    bool ordinal;
    uint32_t zero; /* of the digits' family */
    size_t mandatory_digits, optional_digits;
    size_t parse_width;           /* digits to read exactly, 0: as many as there are */
    size_t regular;               /* distance of separators that repeat, 0: as listed */
    struct separator *separators; /* from the right */
    size_t separator_count;
    struct runes token; /* of a sequence, which is not supported */
};

struct integer_picture integer_picture_parse(struct eval *e, struct runes picture);
struct text integer_format(struct eval *e, double number, const struct integer_picture *picture);
/* NaN when the text is no such number. */
double integer_parse(struct eval *e, struct text text, const struct integer_picture *picture);
/* How many bytes at the start of a text belong to such a number: as many as possible, 0 for none. */
size_t integer_match(const struct integer_picture *picture, struct text text);

#endif
