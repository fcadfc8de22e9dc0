/*
 * timestamp.h - moments as the language writes them.
 *
 * Shapes    text is the RFC 3339 profile of ISO 8601: capital `T`, seconds always there, an optional
 *           fraction, capital `Z` or a numeric offset ("2024-08-18T17:33:00+02:00"). Nothing else.
 * Units     ms since 1970-01-01T00:00:00Z, negative before; years 0000 to 9999.
 * Source    ASL "Timestamps"; RFC 3339 section 5.6.
 */
#ifndef ASL_DATAFLOW_TIMESTAMP_H
#define ASL_DATAFLOW_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole seconds since 1970 (rounded down) and what is left of the second. */
struct timestamp {
    int64_t seconds;
    int32_t nanoseconds;
};

enum { TIMESTAMP_TEXT_BYTES = 32 };

/* False where the text is no timestamp. Digits past the nanosecond are cut. */
bool timestamp_parse(const char *text, size_t bytes, struct timestamp *ret_timestamp);
/* The same, rounded down to ms. */
bool timestamp_parse_ms(const char *text, size_t bytes, int64_t *ret_ms);

/* Negative, 0 or positive: a is before, at or after b. */
int timestamp_compare(struct timestamp a, struct timestamp b);

/*
 * "2024-08-18T17:33:00.120Z"; a fraction of zero is left out, as the context object shows it. Returns
 * the length. Moments outside the years 0000 to 9999 are moved to the nearest end.
 */
size_t timestamp_format(int64_t ms, char text[TIMESTAMP_TEXT_BYTES]);

#endif
