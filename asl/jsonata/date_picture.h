/*
 * date_picture.h - the pictures of $fromMillis and $toMillis: "[Y0001]-[M01]-[D01]".
 *
 * Source    XPath and XQuery Functions and Operators 3.1, section 9.8 (XPath date formatting)
 */
#ifndef ASL_JSONATA_DATE_PICTURE_H
#define ASL_JSONATA_DATE_PICTURE_H

#include "asl/jsonata/integer_picture.h"

struct date_part {
    uint32_t component; /* a letter; 0: literal text */
    struct text literal;
    bool names; /* written as a name, in `letters` */
    enum letter_case letters;
    char second_modifier; /* a t c o or 0 */
    bool has_integer;
    struct integer_picture integer;
    bool has_width_max;
    size_t width_max;
    int year_digits; /* of Y: how many are kept, -1 all */
};

struct date_picture {
    struct date_part *parts;
    size_t count;
};

struct date_picture date_picture_parse(struct eval *e, struct text picture);

#endif
