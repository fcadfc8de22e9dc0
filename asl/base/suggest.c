#include "asl/base/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { SUGGEST_BYTES_MAX = 96, SUGGEST_DISTANCE_MAX = 3 };

static int lower(const char *text, size_t at)
{
    return tolower((unsigned char)text[at]);
}

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau's distance (neighbours swapped count once), letters compared without case. */
static size_t distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    size_t rows[3][SUGGEST_BYTES_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_bytes; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_bytes; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            size_t change = lower(a, i - 1) == lower(b, j - 1) ? 0 : 1;
            row[j] = min_of(min_of(last[j] + 1, row[j - 1] + 1), last[j - 1] + change);
            if (i > 1 && j > 1 && lower(a, i - 1) == lower(b, j - 2) && lower(a, i - 2) == lower(b, j - 1))
                row[j] = min_of(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_bytes];
}

struct suggest suggest_begin(const char *given)
{
    size_t allowed = strlen(given) / 3;
    if (allowed < 1)
        allowed = 1;
    if (allowed > SUGGEST_DISTANCE_MAX)
        allowed = SUGGEST_DISTANCE_MAX;
    return (struct suggest){.given = given, .best = NULL, .distance = allowed + 1};
}

void suggest_offer(struct suggest *suggest, const char *candidate)
{
    size_t given_bytes = strlen(suggest->given), candidate_bytes = strlen(candidate);
    if (given_bytes > SUGGEST_BYTES_MAX || candidate_bytes > SUGGEST_BYTES_MAX || candidate_bytes == 0)
        return;
    size_t apart = given_bytes > candidate_bytes ? given_bytes - candidate_bytes : candidate_bytes - given_bytes;
    if (apart >= suggest->distance)
        return;
    size_t steps = distance(suggest->given, given_bytes, candidate, candidate_bytes);
    if (steps < suggest->distance && steps * 2 < candidate_bytes) {
        suggest->distance = steps;
        suggest->best = candidate;
    }
}
