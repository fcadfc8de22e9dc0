#include "asl/dataflow/timestamp.h"

static const int64_t year_0000_ms = -62167219200000;
static const int64_t year_9999_ms = 253402300799999;

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; the year starts in March. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *ret_month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Reads `count` digits; a value past the end or another character fails. */
static bool digits(const char **at, const char *end, int count, int *ret_number)
{
    int number = 0;
    if (end - *at < count)
        return false;
    for (int i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        number = number * 10 + (**at - '0');
    }
    *ret_number = number;
    return true;
}

static bool literal(const char **at, const char *end, char c)
{
    if (*at == end || **at != c)
        return false;
    ++*at;
    return true;
}

/* ["." 1*DIGIT]: at least one digit after the dot. */
static bool fraction(const char **at, const char *end, int32_t *ret_nanoseconds)
{
    int32_t nanoseconds = 0, unit = 100000000;
    *ret_nanoseconds = 0;
    if (!literal(at, end, '.'))
        return true;
    const char *first = *at;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at, unit /= 10)
        nanoseconds += unit * (**at - '0');
    *ret_nanoseconds = nanoseconds;
    return *at > first;
}

/* "Z" / ("+" / "-") hour ":" minute */
static bool offset(const char **at, const char *end, int *ret_seconds)
{
    *ret_seconds = 0;
    if (literal(at, end, 'Z'))
        return true;
    int hour, minute, sign = literal(at, end, '-') ? -1 : 1;
    if (sign == 1 && !literal(at, end, '+'))
        return false;
    if (!digits(at, end, 2, &hour) || !literal(at, end, ':') || !digits(at, end, 2, &minute))
        return false;
    *ret_seconds = sign * (hour * 3600 + minute * 60);
    return hour < 24 && minute < 60;
}

bool timestamp_parse(const char *text, size_t bytes, struct timestamp *ret_timestamp)
{
    const char *at = text, *end = text + bytes;
    int year, month, day, hour, minute, second, offset_seconds;
    int32_t nanoseconds;
    if (!digits(&at, end, 4, &year) || !literal(&at, end, '-') || !digits(&at, end, 2, &month) ||
        !literal(&at, end, '-') || !digits(&at, end, 2, &day) || !literal(&at, end, 'T') ||
        !digits(&at, end, 2, &hour) || !literal(&at, end, ':') || !digits(&at, end, 2, &minute) ||
        !literal(&at, end, ':') || !digits(&at, end, 2, &second) || !fraction(&at, end, &nanoseconds) ||
        !offset(&at, end, &offset_seconds) || at != end)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t days = days_from_date(year, month, day);
    ret_timestamp->seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset_seconds;
    ret_timestamp->nanoseconds = nanoseconds;
    return true;
}

bool timestamp_parse_ms(const char *text, size_t bytes, int64_t *ret_ms)
{
    struct timestamp timestamp;
    if (!timestamp_parse(text, bytes, &timestamp))
        return false;
    *ret_ms = timestamp.seconds * 1000 + timestamp.nanoseconds / 1000000;
    return true;
}

int timestamp_compare(struct timestamp a, struct timestamp b)
{
    if (a.seconds != b.seconds)
        return a.seconds < b.seconds ? -1 : 1;
    return (a.nanoseconds > b.nanoseconds) - (a.nanoseconds < b.nanoseconds);
}

/* Writes `count` digits of a number from the right. */
static char *put_digits(char *at, int number, int count)
{
    for (int i = count; i-- > 0; number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + count;
}

size_t timestamp_format(int64_t ms, char text[TIMESTAMP_TEXT_BYTES])
{
    ms = ms < year_0000_ms ? year_0000_ms : ms > year_9999_ms ? year_9999_ms : ms;
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    int fraction_ms = (int)(ms - seconds * 1000);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0);
    int second_of_day = (int)(seconds - days * 86400);
    int year, month, day;
    date_from_days(days, &year, &month, &day);

    char *at = put_digits(text, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, second_of_day / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second_of_day / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second_of_day % 60, 2);
    if (fraction_ms) {
        *at++ = '.';
        at = put_digits(at, fraction_ms, 3);
    }
    *at++ = 'Z';
    *at = '\0';
    return (size_t)(at - text);
}
