/*
 * signature.h - what a function takes: "<s-nn?:s>".
 *
 * Shapes    a letter a parameter: s n b l o a f j x or a choice (sf); "-" takes the context when the
 *           argument is missing, "?" may be missing, "+" one or more; <...> behind a or f names what
 *           is inside. What is returned is not checked.
 * Memory    in the arena given to signature_parse().
 * Source    https://docs.jsonata.org/programming "Function signatures"
 */
#ifndef ASL_JSONATA_SIGNATURE_H
#define ASL_JSONATA_SIGNATURE_H

#include "asl/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eval;
struct value;

struct parameter {
    uint16_t symbols; /* bits of what matches */
    bool array;       /* a single value becomes an array */
    bool context, optional, many;
    char subtype;      /* of an array's items, 0: any */
    bool long_subtype; /* more than a letter: matches arrays only */
};

struct signature {
    size_t count;
    struct parameter parameters[];
};

/* NULL with the code and the place of what is wrong. */
struct signature *signature_parse(struct arena *arena, const char *text, size_t bytes, const char **ret_code,
                                  size_t *ret_offset);

/*
 * Checks the arguments and writes what the function gets to ret_args, which has room for `capacity`
 * values; returns how many. Errors leave by fail().
 */
size_t signature_validate(struct eval *e, const struct signature *signature, const struct value *args, size_t count,
                          struct value context, struct value *ret_args, size_t capacity);

#endif
