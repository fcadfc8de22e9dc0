#include "asl/jsonata/calendar.h"

#include <math.h>

const char *const month_names[12] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
const char *const day_names[7] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

static const double DAY = 86400000.0;

/* Days since 1970-01-01; years begin in March here, so that leap days come last. */
static double days_of(double year, double month, double day)
{
    year += floor((month - 1) / 12);
    month = fmod(month - 1, 12);
    if (month < 0)
        month += 12;
    month += 1;
    if (month <= 2)
        year -= 1;
    double era = floor(year / 400), of_era = year - era * 400;
    double of_year = floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5);
    return era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + of_year - 719468 + day - 1;
}

double millis_of(double year, double month, double day, double hour, double minute, double second, double milli)
{
    return days_of(year, month, day) * DAY + hour * 3600000 + minute * 60000 + second * 1000 + milli;
}

struct moment moment_of(double millis)
{
    struct moment m = {.millis = (int64_t)millis};
    double days = floor(millis / DAY), rest = millis - days * DAY;
    m.hour = (int)(rest / 3600000);
    m.minute = (int)(rest / 60000) % 60;
    m.second = (int)(rest / 1000) % 60;
    m.milli = (int)rest % 1000;
    int64_t day = (int64_t)days;
    m.weekday = (int)(((day + 3) % 7 + 7) % 7) + 1;
    int64_t shifted = day + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097, of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    m.day = (int)(of_year - (153 * month + 2) / 5 + 1);
    m.month = (int)(month < 10 ? month + 3 : month - 9);
    m.year = year + era * 400 + (m.month <= 2);
    return m;
}

/* The Monday the first week of a month starts with: the week that holds its first Thursday (ISO 8601). */
static double first_week(double year, double month)
{
    double first = millis_of(year, month, 1, 0, 0, 0, 0);
    double weekday = moment_of(first).weekday;
    return weekday > 4 ? first + (8 - weekday) * DAY : first - (weekday - 1) * DAY;
}

static double weeks_between(double start, double end)
{
    return (end - start) / (DAY * 7) + 1;
}

/* Weeks of a year or of a month (`months` 12 or 1 to the next one). */
static double week_of(const struct moment *m, double month, double months, double most)
{
    double today = millis_of((double)m->year, m->month, m->day, 0, 0, 0, 0), year = (double)m->year;
    double week = weeks_between(first_week(year, month), today);
    if (week > most && today >= first_week(year, month + months))
        week = 1;
    else if (week < 1)
        week = weeks_between(first_week(year, month - months), today);
    return floor(week);
}

double moment_part(const struct moment *m, char component)
{
    double year = (double)m->year, now = (double)m->millis;
    switch (component) {
    case 'Y':
        return year;
    case 'M':
        return m->month;
    case 'D':
        return m->day;
    case 'd':
        return (millis_of(year, m->month, m->day, 0, 0, 0, 0) - millis_of(year, 1, 1, 0, 0, 0, 0)) / DAY + 1;
    case 'F':
        return m->weekday;
    case 'W':
        return week_of(m, 1, 12, 52);
    case 'w':
        return week_of(m, m->month, 1, 4);
    case 'X':
        return now < first_week(year, 1) ? year - 1 : now >= first_week(year + 1, 1) ? year + 1 : year;
    case 'x':
        if (now < first_week(year, m->month))
            return m->month == 1 ? 12 : m->month - 1;
        return now >= first_week(year, m->month + 1) ? m->month % 12 + 1 : m->month;
    case 'H':
        return m->hour;
    case 'h':
        return m->hour % 12 ? m->hour % 12 : 12;
    case 'P':
        return m->hour >= 12;
    case 'm':
        return m->minute;
    case 's':
        return m->second;
    default:
        return m->milli;
    }
}
