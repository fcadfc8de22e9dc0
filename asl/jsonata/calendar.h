/* calendar.h - the parts of a moment in time, UTC, in the proleptic Gregorian calendar. */
#ifndef ASL_JSONATA_CALENDAR_H
#define ASL_JSONATA_CALENDAR_H

#include <stdint.h>

struct moment {
    int64_t millis; /* since 1970 */
    int64_t year;
    int month, day; /* from 1 */
    int hour, minute, second, milli;
    int weekday; /* Monday is 1 */
};

struct moment moment_of(double millis);
/* Milliseconds of a date; the month may be out of range, days and times too: they carry over. */
double millis_of(double year, double month, double day, double hour, double minute, double second, double milli);

/* The part a component specifier asks for: Y M D d F W w X x H h m s f, as a number. */
double moment_part(const struct moment *moment, char component);

extern const char *const month_names[12];
extern const char *const day_names[7];

#endif
