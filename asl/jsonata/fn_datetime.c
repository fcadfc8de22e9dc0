/* fn_datetime.c - times and how they are written. */
#include "asl/jsonata/calendar.h"
#include "asl/jsonata/date_picture.h"
#include "asl/jsonata/native.h"
#include "asl/jsonata/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UNUSED __attribute__((unused))

struct value fn_formatInteger(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text picture = args[1].type == V_STRING ? text_of(args[1]) : (struct text){"", 0};
    struct integer_picture format = integer_picture_parse(e, runes_of(e, picture));
    struct text text = integer_format(e, floor(number_of(args[0])), &format);
    return value_text(text.data, text.bytes);
}

struct value fn_parseInteger(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text picture = args[1].type == V_STRING ? text_of(args[1]) : (struct text){"", 0};
    struct integer_picture format = integer_picture_parse(e, runes_of(e, picture));
    return value_double(integer_parse(e, text_of(args[0]), &format));
}

struct zone {
    double hours, minutes;
};

/* "+hhmm" */
static struct zone parse_zone(struct value v)
{
    if (v.type != V_STRING)
        return (struct zone){0, 0};
    struct text text = text_of(v);
    char number[16] = "";
    memcpy(number, text.data, text.bytes < 15 ? text.bytes : 15);
    double offset = (double)strtol(number, NULL, 10);
    return (struct zone){floor(offset / 100), fmod(offset, 100)};
}

static void add_name(struct eval *e, struct builder *out, const struct date_part *part, double number)
{
    const char *name;
    if (part->component == 'M' || part->component == 'x') {
        name = month_names[(int)number - 1];
    } else if (part->component == 'F') {
        name = day_names[(int)number - 1];
    } else {
        char component = (char)part->component;
        fail_value(e, "D3133", text_copy(e, &component, 1));
    }
    size_t bytes = strlen(name);
    if (part->has_width_max && bytes > part->width_max)
        bytes = part->width_max;
    for (size_t i = 0; i < bytes; i++) {
        char c = name[i];
        if (part->letters == CASE_UPPER && c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        if (part->letters == CASE_LOWER && c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        builder_add_char(out, c);
    }
}

static void add_zone(struct eval *e, struct builder *out, const struct date_part *part, struct zone zone)
{
    double offset = zone.hours * 100 + zone.minutes;
    if (offset == 0 && part->second_modifier == 't') {
        builder_add_char(out, 'Z');
        return;
    }
    if (part->component == 'z')
        builder_add(out, "GMT", 3);
    if (offset >= 0)
        builder_add_char(out, '+');
    size_t digits = part->integer.mandatory_digits;
    if (part->integer.regular || digits == 3 || digits == 4) {
        builder_add_text(out, integer_format(e, offset, &part->integer));
        return;
    }
    if (digits != 1 && digits != 2)
        fail_value(e, "D3134", value_double((double)digits));
    builder_add_text(out, integer_format(e, zone.hours, &part->integer));
    if (zone.minutes != 0) {
        struct integer_picture two = integer_picture_parse(e, runes_of(e, (struct text){"00", 2}));
        builder_add_char(out, ':');
        builder_add_text(out, integer_format(e, zone.minutes, &two));
    }
}

static void add_part(struct eval *e, struct builder *out, const struct date_part *part, const struct moment *moment,
                     struct zone zone)
{
    uint32_t component = part->component;
    if (component < 0x80 && strchr("YMDdFWwXxHhmsf", (int)component)) {
        double number = moment_part(moment, (char)component);
        if (component == 'Y' && part->year_digits >= 0)
            number = fmod(number, pow(10, part->year_digits));
        if (part->names && component != 'f')
            add_name(e, out, part, number);
        else if (part->has_integer)
            builder_add_text(out, integer_format(e, number, &part->integer));
    } else if (component == 'Z' || component == 'z') {
        add_zone(e, out, part, zone);
    } else if (component == 'P') {
        const char *text = part->letters == CASE_UPPER && part->names ? "AMPM" : "ampm";
        builder_add(out, text + (moment_part(moment, 'P') > 0 ? 2 : 0), 2);
    } else if (component == 'C' || component == 'E') {
        builder_add(out, "ISO", 3);
    } else {
        builder_add(out, "undefined", 9);
    }
}

static struct value format_moment(struct eval *e, double millis, struct value picture, struct value zone_text)
{
    static const char iso8601[] = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]";
    struct text text = picture.type == V_STRING ? text_of(picture) : (struct text){iso8601, sizeof iso8601 - 1};
    struct date_picture parsed = date_picture_parse(e, text);
    struct zone zone = parse_zone(zone_text);
    millis += (60 * zone.hours + zone.minutes) * 60000;
    if (!(fabs(millis) <= 8.64e15)) /* JavaScript's dates end here */
        fail_value(e, "D1001", value_double(millis));
    struct moment moment = moment_of(trunc(millis));
    struct builder out = {.e = e};
    for (size_t i = 0; i < parsed.count; i++) {
        if (parsed.parts[i].component == 0)
            builder_add_text(&out, parsed.parts[i].literal);
        else
            add_part(e, &out, &parsed.parts[i], &moment, zone);
    }
    return builder_value(&out);
}

struct value fn_fromMillis(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return is_undefined(args[0]) ? args[0] : format_moment(e, number_of(args[0]), args[1], args[2]);
}

struct value fn_now(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return format_moment(e, (double)e->env->now_ms, args[0], args[1]);
}

/* Reads n digits; -1 when there are fewer. */
static int digits(struct text text, size_t at, size_t n)
{
    int number = 0;
    for (size_t i = 0; i < n; i++) {
        if (at + i >= text.bytes || text.data[at + i] < '0' || text.data[at + i] > '9')
            return -1;
        number = number * 10 + (text.data[at + i] - '0');
    }
    return number;
}

static bool is_at(struct text text, size_t at, char c)
{
    return at < text.bytes && text.data[at] == c;
}

/* YYYY(-MM)?(-DD)?(THH:MM:SS)?(.f+)?(Z|+HH:?MM)? : false when it is none. NaN for days that are not. */
static bool parse_iso8601(struct text text, double *ret_millis)
{
    int year = digits(text, 0, 4), month = 1, day = 1, hour = 0, minute = 0, second = 0, zone = 0;
    size_t at = 4;
    double milli = 0;
    bool has_time = false;
    if (year < 0)
        return false;
    if (is_at(text, at, '-') && digits(text, at + 1, 2) >= 0 && text.data[at + 1] <= '1') {
        month = digits(text, at + 1, 2);
        at += 3;
    }
    if (is_at(text, at, '-') && digits(text, at + 1, 2) >= 0 && text.data[at + 1] <= '3') {
        day = digits(text, at + 1, 2);
        at += 3;
    }
    if (is_at(text, at, 'T') && is_at(text, at + 3, ':') && is_at(text, at + 6, ':')) {
        hour = digits(text, at + 1, 2);
        minute = digits(text, at + 4, 2);
        second = digits(text, at + 7, 2);
        if (hour < 0 || hour > 29 || minute < 0 || minute > 59 || second < 0 || second > 59)
            return false;
        has_time = true;
        at += 9;
    }
    if (is_at(text, at, '.') && digits(text, at + 1, 1) >= 0) {
        double unit = 100;
        for (at++; digits(text, at, 1) >= 0; at++, unit /= 10)
            milli += unit >= 1 ? digits(text, at, 1) * unit : 0;
    }
    if (is_at(text, at, 'Z')) {
        at++;
    } else if (is_at(text, at, '+') || is_at(text, at, '-')) {
        size_t colon = is_at(text, at + 3, ':') ? 1 : 0;
        int hours = digits(text, at + 1, 2), minutes = digits(text, at + 3 + colon, 2);
        if (hours < 0 || hours > 29 || minutes < 0 || minutes > 59)
            return false;
        zone = (hours * 60 + minutes) * (text.data[at] == '-' ? -1 : 1);
        at += 5 + colon;
    }
    if (at != text.bytes)
        return false;
    bool sensible = month >= 1 && month <= 12 && day >= 1 && day <= 31 && (has_time || milli == 0);
    sensible = sensible && (hour < 24 || (hour == 24 && minute == 0 && second == 0 && milli == 0));
    *ret_millis = sensible ? millis_of(year, month, day, hour, minute - zone, second, milli) : NAN;
    return true;
}

/* The components of a time, by letter; NaN where nothing was read. */
struct components {
    double of[128];
};

static bool has(const struct components *c, char component)
{
    return !isnan(c->of[(unsigned char)component]);
}

/* The number of a name of a month, a day or am/pm, spelled exactly so; NaN for any other word. */
static double name_number_of(struct eval *e, const struct date_part *part, struct text word)
{
    static const char *const halves[] = {"am", "AM", "pm", "PM"};
    bool month = part->component == 'M' || part->component == 'x', half = part->component == 'P';
    if (!month && !half && part->component != 'F') {
        char component[4];
        fail_value(e, "D3133", text_copy(e, component, utf8_write(component, part->component)));
    }
    const char *const *names = half ? halves : month ? month_names : day_names;
    int count = half ? 4 : month ? 12 : 7;
    for (int i = 0; i < count; i++) {
        size_t bytes = strlen(names[i]);
        if (!half && part->has_width_max && part->width_max > 0 && bytes > part->width_max)
            bytes = part->width_max;
        if (text_same(word, (struct text){names[i], bytes}))
            return half ? i / 2 : i + 1;
    }
    return NAN;
}

/* Any word will do; one that is no name counts as not given. */
static size_t read_name(struct eval *e, const struct date_part *part, struct text text, double *ret_number)
{
    size_t letters = 0;
    while (letters < text.bytes && ((text.data[letters] | 0x20) >= 'a' && (text.data[letters] | 0x20) <= 'z'))
        letters++;
    *ret_number = name_number_of(e, part, (struct text){text.data, letters});
    return letters;
}

/* [-+]digits, or with a separator [-+]digits:digits; "GMT" before it for z. Minutes from UTC. */
static size_t read_zone(const struct date_part *part, struct text text, double *ret_minutes)
{
    size_t at = 0;
    if (part->component == 'z') {
        if (text.bytes < 3 || strncasecmp(text.data, "GMT", 3) != 0)
            return 0;
        at = 3;
    }
    if (!is_at(text, at, '+') && !is_at(text, at, '-'))
        return 0;
    double sign = text.data[at] == '-' ? -1 : 1;
    size_t start = ++at;
    while (digits(text, at, 1) >= 0)
        at++;
    size_t count = at - start;
    if (count == 0 || count > 9)
        return 0;
    double hours, minutes = 0;
    if (part->integer.regular) {
        char separator[4];
        size_t bytes = utf8_write(separator, part->integer.separators[0].character);
        if (text.bytes - at < bytes || memcmp(text.data + at, separator, bytes) != 0)
            return 0;
        hours = digits(text, start, count);
        at += bytes;
        size_t second = at;
        while (digits(text, at, 1) >= 0)
            at++;
        if (at == second || at - second > 9)
            return 0;
        minutes = digits(text, second, at - second);
    } else if (count <= 2) {
        hours = digits(text, start, count);
    } else {
        hours = digits(text, start, 2);
        minutes = digits(text, start + 2, count - 2);
    }
    *ret_minutes = sign * hours * 60 + minutes;
    return at;
}

static size_t read_number(struct eval *e, const struct date_part *part, struct text text, double *ret_number)
{
    struct integer_picture plain = {.style = INTEGER_DECIMAL, .parse_width = part->integer.parse_width};
    size_t bytes = integer_match(part->component == 'f' ? &plain : &part->integer, text);
    if (bytes == 0)
        return 0;
    if (part->component == 'f') {
        double scale = 100;
        *ret_number = 0;
        for (size_t i = 0; i < bytes && i < 3; i++, scale /= 10)
            *ret_number += (text.data[i] - '0') * scale;
        return bytes;
    }
    if (part->integer.ordinal && part->integer.style == INTEGER_DECIMAL) {
        static const char *const suffixes[] = {"th", "st", "nd", "rd"};
        bool found = false;
        for (size_t i = 0; i < 4; i++)
            found = found || (text.bytes >= bytes + 2 && strncasecmp(text.data + bytes, suffixes[i], 2) == 0);
        if (!found)
            return 0;
        bytes += 2;
    }
    *ret_number = integer_parse(e, (struct text){text.data, bytes}, &part->integer);
    return bytes;
}

/*
 * Reads a text by a picture from `i` on; every part takes as much as it can and gives back what a
 * later one needs, as the regular expression does that the reference makes of a picture.
 */
static bool read_parts(struct eval *e, const struct date_picture *picture, size_t i, struct text text,
                       struct components *c)
{
    tick(e);
    if (i == picture->count)
        return text.bytes == 0;
    const struct date_part *part = &picture->parts[i];
    struct text whole = text;
    for (;;) {
        double number = NAN;
        size_t bytes;
        if (part->component == 0) {
            bytes = part->literal.bytes;
            if (text.bytes < bytes || strncasecmp(text.data, part->literal.data, bytes) != 0)
                return false;
        } else if (part->component == 'Z' || part->component == 'z') {
            bytes = read_zone(part, text, &number);
        } else if (part->has_integer) {
            bytes = read_number(e, part, text, &number);
        } else {
            bytes = read_name(e, part, text, &number);
        }
        if (part->component != 0 && bytes == 0)
            return false;
        struct text rest = {whole.data + bytes, whole.bytes - bytes};
        eval_enter(e);
        bool good = read_parts(e, picture, i + 1, rest, c);
        eval_leave(e);
        if (good && part->component)
            c->of[part->component & 127] = number;
        if (good || part->component == 0 || bytes <= 1)
            return good;
        text.bytes = bytes - 1; /* once more with less */
    }
}

/* Whether what was read belongs to one of the ways to give a date: some of `wanted`, nothing else. */
static bool is_kind(const struct components *c, const char *all, const char *wanted)
{
    bool some = false;
    for (; *all; all++) {
        bool read = has(c, *all) && c->of[(unsigned char)*all] != 0;
        bool fits = strchr(wanted, *all) != NULL;
        if (read && !fits)
            return false;
        some = some || read;
    }
    return some;
}

/* What was not read: on the left the present time, on the right the beginning; gaps are errors. */
static void fill(struct eval *e, struct components *c, const char *order)
{
    struct moment now = moment_of((double)e->env->now_ms);
    bool started = false, ended = false;
    for (; *order; order++) {
        double *value = &c->of[(unsigned char)*order];
        if (!isnan(*value)) {
            if (ended)
                fail(e, "D3136");
            started = true;
        } else if (started) {
            *value = *order == 'M' || *order == 'D' || *order == 'd' ? 1 : 0;
            ended = true;
        } else {
            *value = *order == 'P' ? 0 : moment_part(&now, *order); /* as the reference: the hour is taken as it is */
        }
    }
}

/* Sequences cannot be read, nor names but those of months, days and halves of a day. */
static void check_readable(struct eval *e, const struct date_part *part)
{
    if (part->has_integer && part->integer.style == INTEGER_SEQUENCE && part->component != 'Z' &&
        part->component != 'z')
        integer_parse(e, (struct text){"", 0}, &part->integer);
    if (!part->has_integer && part->component)
        name_number_of(e, part, (struct text){"", 0});
}

static struct value parse_moment(struct eval *e, struct text text, struct text picture_text)
{
    struct date_picture picture = date_picture_parse(e, picture_text);
    for (size_t i = 0; i < picture.count; i++)
        check_readable(e, &picture.parts[i]);
    struct components c;
    for (size_t i = 0; i < 128; i++)
        c.of[i] = NAN;
    if (!read_parts(e, &picture, 0, text, &c))
        return VALUE_UNDEFINED;
    bool any = false;
    for (size_t i = 0; i < picture.count; i++)
        any = any || picture.parts[i].component;
    if (!any)
        return VALUE_UNDEFINED;
    static const char date_parts[] = "YXMxWwdD", time_parts[] = "PHhmsf";
    bool by_month = is_kind(&c, date_parts, "YMD"), by_day = !by_month && is_kind(&c, date_parts, "Yd");
    bool by_month_week = is_kind(&c, date_parts, "Xxw"), by_week = !by_month_week && is_kind(&c, date_parts, "XW");
    bool by_hour = is_kind(&c, time_parts, "Hmsf"), by_half = !by_hour && is_kind(&c, time_parts, "Phmsf");
    char order[16];
    strcpy(order, by_day ? "YD" : by_month_week ? "XxwF" : by_week ? "XWF" : "YMD");
    strcat(order, by_half ? "Phmsf" : "Hmsf");
    fill(e, &c, order);
    if (by_month_week || by_week)
        fail(e, "D3136");
    double month = c.of['M'] > 0 ? c.of['M'] : 1, day = c.of['D'], hour = c.of['H'];
    if (by_day) {
        month = 1;
        day = c.of['d'];
    }
    if (by_half)
        hour = (c.of['h'] == 12 ? 0 : c.of['h']) + (c.of['P'] == 1 ? 12 : 0);
    double zone = has(&c, 'Z') && c.of['Z'] != 0 ? c.of['Z'] : has(&c, 'z') ? c.of['z'] : 0;
    double year = c.of['Y'] >= 0 && c.of['Y'] <= 99 ? 1900 + c.of['Y'] : c.of['Y']; /* as Date.UTC takes it */
    double millis = millis_of(year, month, day, hour, c.of['m'] - zone, c.of['s'], c.of['f']);
    return value_double(fabs(millis) <= 8.64e15 ? millis : NAN);
}

struct value fn_toMillis(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    if (args[1].type == V_STRING)
        return parse_moment(e, text_of(args[0]), text_of(args[1]));
    double millis;
    if (!parse_iso8601(text_of(args[0]), &millis))
        fail_value(e, "D3110", args[0]);
    return value_double(millis);
}
