#include "asl/jsonata/date_picture.h"

#include "asl/jsonata/text.h"

#include <math.h>
#include <string.h>

static const char *default_presentation(uint32_t component)
{
    switch (component) {
    case 'Y':
    case 'M':
    case 'D':
    case 'd':
    case 'W':
    case 'w':
    case 'X':
    case 'x':
    case 'H':
    case 'h':
    case 'f':
        return "1";
    case 'F':
    case 'P':
    case 'C':
    case 'E':
        return "n";
    case 'm':
    case 's':
        return "01";
    case 'Z':
    case 'z':
        return "01:01";
    default:
        return NULL;
    }
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0xFEFF || c == 0x2028 || c == 0x2029;
}

/* "]]" stands for "]". */
static void add_literal(struct eval *e, struct date_picture *picture, struct runes runes)
{
    if (runes.count == 0)
        return;
    struct builder b = {.e = e};
    for (size_t i = 0; i < runes.count; i++) {
        builder_add_code_point(&b, runes.data[i]);
        if (runes.data[i] == ']' && i + 1 < runes.count && runes.data[i + 1] == ']')
            i++;
    }
    picture->parts[picture->count++] = (struct date_part){.literal = text_of(builder_value(&b))};
}

/* A width: "*" and anything that is no number give none. */
static bool read_width(struct runes runes, size_t *ret_width)
{
    size_t width = 0, n = 0;
    while (n < runes.count && n < 9 && runes.data[n] >= '0' && runes.data[n] <= '9')
        width = width * 10 + (runes.data[n++] - '0');
    *ret_width = width;
    return n > 0;
}

static void set_integer(struct eval *e, struct date_picture *picture, struct date_part *part, struct runes pattern,
                        bool has_min, size_t min)
{
    if (part->second_modifier) {
        struct runes longer = {eval_alloc(e, (pattern.count + 2) * sizeof *longer.data), pattern.count + 2};
        memcpy(longer.data, pattern.data, pattern.count * sizeof *longer.data);
        longer.data[pattern.count] = ';';
        longer.data[pattern.count + 1] = (unsigned char)part->second_modifier;
        pattern = longer;
    }
    part->integer = integer_picture_parse(e, pattern);
    part->has_integer = true;
    if (has_min && part->integer.mandatory_digits < min)
        part->integer.mandatory_digits = min;
    if (part->component == 'Y') {
        size_t digits = part->integer.mandatory_digits + part->integer.optional_digits;
        part->year_digits = part->integer.style == INTEGER_DECIMAL && digits >= 2 ? (int)digits : -1;
        if (part->has_width_max) {
            part->year_digits = (int)part->width_max;
            part->integer.mandatory_digits = part->width_max;
        }
    }
    /* numbers side by side: the first takes exactly its digits when it is read */
    struct date_part *before = picture->count ? &picture->parts[picture->count - 1] : NULL;
    if (before && before->has_integer)
        before->integer.parse_width = before->integer.mandatory_digits;
}

_Noreturn static void fail_component(struct eval *e, uint32_t component)
{
    char text[4];
    fail_value(e, "D3132", text_copy(e, text, component ? utf8_write(text, component) : 0));
}

/* component presentation? second-modifier? ("," min ("-" max)?)? */
static void add_marker(struct eval *e, struct date_picture *picture, struct runes marker)
{
    struct date_part part = {.component = marker.count ? marker.data[0] : 0, .year_digits = -1};
    if (part.component == 0) /* nothing, or a NUL: 0 stands for literals here */
        fail_component(e, 0);
    ptrdiff_t comma = runes_find_last(marker, ',');
    struct runes presentation = runes_part(marker, 1, comma < 0 ? marker.count : (size_t)comma);
    bool has_min = false;
    size_t min = 0;
    if (comma >= 0) {
        struct runes width = runes_part(marker, (size_t)comma + 1, marker.count);
        ptrdiff_t dash = runes_find(width, '-', 0);
        has_min = read_width(dash < 0 ? width : runes_part(width, 0, (size_t)dash), &min);
        if (dash >= 0)
            part.has_width_max = read_width(runes_part(width, (size_t)dash + 1, width.count), &part.width_max);
    }
    if (presentation.count > 1) {
        uint32_t last = presentation.data[presentation.count - 1];
        if (last < 0x80 && last && strchr("atco", (int)last)) {
            part.second_modifier = (char)last;
            presentation.count--;
        }
    } else if (presentation.count == 0) {
        const char *text = default_presentation(part.component);
        if (text == NULL)
            fail_component(e, part.component);
        presentation = runes_of(e, (struct text){text, strlen(text)});
    }
    if (presentation.data[0] == 'n' || presentation.data[0] == 'N') {
        part.names = true;
        bool title = presentation.count > 1 && presentation.data[1] == 'n';
        part.letters = presentation.data[0] == 'n' ? CASE_LOWER : title ? CASE_TITLE : CASE_UPPER;
    } else if (part.component < 0x80 && part.component && strchr("YMDdFWwXxHhmsf", (int)part.component)) {
        set_integer(e, picture, &part, presentation, has_min, min);
    }
    if (part.component == 'Z' || part.component == 'z') {
        part.integer = integer_picture_parse(e, presentation);
        part.has_integer = true;
    }
    picture->parts[picture->count++] = part;
}

static struct runes without_space(struct eval *e, struct runes runes)
{
    struct runes out = {eval_alloc(e, (runes.count + 1) * sizeof *out.data), 0};
    for (size_t i = 0; i < runes.count; i++)
        if (!is_space(runes.data[i]))
            out.data[out.count++] = runes.data[i];
    return out;
}

struct date_picture date_picture_parse(struct eval *e, struct text text)
{
    struct runes runes = runes_of(e, text);
    struct date_picture picture = {eval_alloc(e, (runes.count + 2) * sizeof *picture.parts), 0};
    size_t start = 0, at = 0;
    while (at < runes.count) {
        if (runes.data[at] != '[') {
            at++;
            continue;
        }
        add_literal(e, &picture, runes_part(runes, start, at));
        if (at + 1 < runes.count && runes.data[at + 1] == '[') {
            add_literal(e, &picture, runes_part(runes, at, at + 1));
            at += 2;
            start = at;
            continue;
        }
        ptrdiff_t end = runes_find(runes, ']', at);
        if (end < 0)
            fail(e, "D3135");
        add_marker(e, &picture, without_space(e, runes_part(runes, at + 1, (size_t)end)));
        at = start = (size_t)end + 1;
    }
    add_literal(e, &picture, runes_part(runes, start, at));
    return picture;
}
