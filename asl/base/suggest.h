/*
 * suggest.h - which known name somebody meant who wrote one that is unknown.
 *
 * Offer the candidates one by one; the best stays. A name is near enough when few letters are
 * wrong, missing, too many or swapped (one in three, at most three), whatever their case.
 */
#ifndef ASL_BASE_SUGGEST_H
#define ASL_BASE_SUGGEST_H

#include <stddef.h>

struct suggest {
    const char *given;
    const char *best; /* borrowed from the candidates; NULL: none is near */
    size_t distance;
};

struct suggest suggest_begin(const char *given);
void suggest_offer(struct suggest *suggest, const char *candidate);

#endif
