/* runes.h - a text as an array of code points, for pictures, whose characters are taken one by one. */
#ifndef ASL_JSONATA_RUNES_H
#define ASL_JSONATA_RUNES_H

#include "asl/jsonata/eval.h"

#include <string.h>

struct runes {
    uint32_t *data;
    size_t count;
};

struct runes runes_of(struct eval *e, struct text text);
struct text runes_text(struct eval *e, struct runes runes);

static inline struct runes runes_part(struct runes runes, size_t start, size_t end)
{
    if (end > runes.count)
        end = runes.count;
    if (start > end)
        start = end;
    return (struct runes){runes.data + start, end - start};
}

/* The first place of a code point from `start` on, or -1. */
static inline ptrdiff_t runes_find(struct runes runes, uint32_t wanted, size_t start)
{
    for (size_t i = start; i < runes.count; i++)
        if (runes.data[i] == wanted)
            return (ptrdiff_t)i;
    return -1;
}

static inline ptrdiff_t runes_find_last(struct runes runes, uint32_t wanted)
{
    for (size_t i = runes.count; i-- > 0;)
        if (runes.data[i] == wanted)
            return (ptrdiff_t)i;
    return -1;
}

static inline bool runes_spell(struct runes runes, const char *ascii)
{
    size_t i = 0;
    while (i < runes.count && ascii[i] && runes.data[i] == (unsigned char)ascii[i])
        i++;
    return i == runes.count && ascii[i] == '\0';
}

#endif
