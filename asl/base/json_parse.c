/*
 * json_parse.c - text to a json-c tree, exactly as RFC 8259 has it.
 *
 * json-c's own tokener takes more than JSON even when it is told to be strict (single quotes around member
 * names, control characters in strings, NaN, 1., -01) and cuts integers beyond 64 bits.
 *
 * Grammar, each function's first line is its rule; white space may stand around every token.
 */
#include "asl/base/json.h"

#include "asl/base/err.h"
#include "asl/base/limits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct parser {
    const char *at;
    const char *end;
    const char *start;
    int depth, depth_max;
    const char *expected; /* what should stand at `at`: set by the function that fails */
    struct buf scratch;   /* strings being read: a stack, as the names of open members stay on it */
};

static bool parse_value(struct parser *p, struct json_object **ret_value);

static bool fail(struct parser *p, const char *expected)
{
    p->expected = expected;
    return false;
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

/* Takes the character when it is the next one. */
static bool take(struct parser *p, char c)
{
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool is_digit(const struct parser *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static void skip_digits(struct parser *p)
{
    while (is_digit(p))
        p->at++;
}

/* number = [ "-" ] ( "0" / digit1-9 *digit ) [ "." 1*digit ] [ ( "e" / "E" ) [ "+" / "-" ] 1*digit ] */
static bool parse_number(struct parser *p, struct json_object **ret_value)
{
    const char *first = p->at;
    bool whole = true;
    take(p, '-');
    if (!is_digit(p))
        return fail(p, "a digit");
    if (!take(p, '0'))
        skip_digits(p);
    else if (is_digit(p))
        return fail(p, "no digit after a leading zero");
    if (take(p, '.')) {
        whole = false;
        if (!is_digit(p))
            return fail(p, "a digit after the decimal point");
        skip_digits(p);
    }
    if (take(p, 'e') || take(p, 'E')) {
        whole = false;
        if (!take(p, '+'))
            take(p, '-');
        if (!is_digit(p))
            return fail(p, "a digit of the exponent");
        skip_digits(p);
    }
    size_t mark = p->scratch.bytes;
    buf_add(&p->scratch, first, (size_t)(p->at - first));
    p->scratch.bytes = mark;
    const char *text = p->scratch.data + mark;
    if (whole) {
        errno = 0;
        long long integer = strtoll(text, NULL, 10);
        if (errno == 0) {
            *ret_value = json_object_new_int64(integer);
            return true;
        }
    }
    double number = strtod(text, NULL);
    if (isinf(number)) {
        p->at = first;
        return fail(p, "a number that a double can hold");
    }
    *ret_value = json_object_new_double_s(number, text);
    return true;
}

/* 4hexdigit */
static bool parse_hex(struct parser *p, unsigned *ret_unit)
{
    unsigned unit = 0;
    for (int i = 0; i < 4; i++) {
        int c = p->at < p->end ? (unsigned char)*p->at : 0;
        if (c >= '0' && c <= '9')
            unit = unit * 16 + (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            unit = unit * 16 + (unsigned)((c | 32) - 'a' + 10);
        else
            return fail(p, "four hexadecimal digits");
        p->at++;
    }
    *ret_unit = unit;
    return true;
}

static void add_utf8(struct buf *out, unsigned c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
        return;
    }
    char bytes[4];
    size_t count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = count; i-- > 1; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes[0] = (char)(lead[count] | c);
    buf_add(out, bytes, count);
}

/* escape = "\" ( %x22 / "\" / "/" / "b" / "f" / "n" / "r" / "t" / "u" 4hexdigit ): what follows the backslash */
static bool parse_escape(struct parser *p)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (take(p, 'u')) {
        unsigned unit, low;
        if (!parse_hex(p, &unit))
            return false;
        if (unit >= 0xd800 && unit < 0xdc00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u') {
            const char *back = p->at;
            p->at += 2;
            if (!parse_hex(p, &low))
                return false;
            if (low >= 0xdc00 && low < 0xe000)
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            else
                p->at = back;
        }
        /* half of a pair has no UTF-8 form */
        add_utf8(&p->scratch, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
        return true;
    }
    const char *name = p->at < p->end && *p->at ? strchr(names, *p->at) : NULL;
    if (name == NULL)
        return fail(p, "one of \" \\ / b f n r t u after the backslash");
    buf_add_char(&p->scratch, values[name - names]);
    p->at++;
    return true;
}

/* Steps over one character of two to four bytes (RFC 3629 section 4: no overlong forms, no surrogates). */
static bool skip_utf8(struct parser *p)
{
    const unsigned char *at = (const unsigned char *)p->at;
    size_t left = (size_t)(p->end - p->at);
    size_t count = at[0] >= 0xc2 && at[0] <= 0xdf   ? 2
                   : (at[0] & 0xf0) == 0xe0         ? 3
                   : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                    : 0;
    if (count == 0 || left < count)
        return fail(p, "valid UTF-8");
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] > 0x8f))
        return fail(p, "valid UTF-8");
    for (size_t i = 1; i < count; i++)
        if ((at[i] & 0xc0) != 0x80)
            return fail(p, "valid UTF-8");
    p->at += count;
    return true;
}

/* string = %x22 *( %x20-21 / %x23-5B / %x5D-10FFFF / escape ) %x22: what follows the first quote, onto the scratch */
static bool parse_string(struct parser *p)
{
    buf_reserve(&p->scratch, 0)[0] = '\0';
    for (;;) {
        const char *plain = p->at;
        while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20)
            if ((unsigned char)*p->at < 0x80)
                p->at++;
            else if (!skip_utf8(p))
                return false;
        if (p->at > plain)
            buf_add(&p->scratch, plain, (size_t)(p->at - plain));
        if (p->at == p->end)
            return fail(p, "the closing quote of a string");
        if (take(p, '"'))
            return true;
        if (!take(p, '\\'))
            return fail(p, "no control character in a string");
        if (!parse_escape(p))
            return false;
    }
}

/* array = "[" [ value *( "," value ) ] "]" */
static bool parse_array(struct parser *p, struct json_object **ret_value)
{
    AUTO_JSON struct json_object *array = json_object_new_array();
    p->at++;
    skip_space(p);
    if (!take(p, ']'))
        for (;;) {
            struct json_object *item = NULL;
            if (!parse_value(p, &item))
                return false;
            json_append(array, item);
            if (take(p, ']'))
                break;
            if (!take(p, ','))
                return fail(p, "\",\" or \"]\"");
        }
    *ret_value = json_take(&array);
    return true;
}

/* object = "{" [ string ":" value *( "," string ":" value ) ] "}", of equal names the last value is taken */
static bool parse_object(struct parser *p, struct json_object **ret_value)
{
    AUTO_JSON struct json_object *object = json_object_new_object();
    p->at++;
    skip_space(p);
    if (!take(p, '}'))
        for (;;) {
            skip_space(p);
            if (!take(p, '"'))
                return fail(p, "a member name in double quotes");
            size_t name = p->scratch.bytes;
            if (!parse_string(p))
                return false;
            if (strlen(p->scratch.data + name) != p->scratch.bytes - name)
                return fail(p, "a member name without U+0000");
            buf_add_char(&p->scratch, '\0');
            skip_space(p);
            if (!take(p, ':'))
                return fail(p, "\":\" after a member name");
            struct json_object *value = NULL;
            if (!parse_value(p, &value))
                return false;
            json_add(object, p->scratch.data + name, value);
            p->scratch.bytes = name;
            if (take(p, '}'))
                break;
            if (!take(p, ','))
                return fail(p, "\",\" or \"}\"");
        }
    *ret_value = json_take(&object);
    return true;
}

static bool parse_word(struct parser *p, const char *word)
{
    size_t bytes = strlen(word);
    if ((size_t)(p->end - p->at) < bytes || memcmp(p->at, word, bytes) != 0)
        return fail(p, "a value");
    p->at += bytes;
    return true;
}

/* value = false / null / true / object / array / number / string */
static bool parse_value(struct parser *p, struct json_object **ret_value)
{
    bool done;
    size_t mark = p->scratch.bytes;
    skip_space(p);
    if (p->depth == p->depth_max)
        return fail(p, "no deeper nesting");
    p->depth++;
    switch (p->at < p->end ? *p->at : '\0') {
    case '{':
        done = parse_object(p, ret_value);
        break;
    case '[':
        done = parse_array(p, ret_value);
        break;
    case '"':
        p->at++;
        done = parse_string(p);
        if (done)
            *ret_value = json_object_new_string_len(p->scratch.data + mark, (int)(p->scratch.bytes - mark));
        break;
    case 't':
        done = parse_word(p, "true");
        if (done)
            *ret_value = json_object_new_boolean(true);
        break;
    case 'f':
        done = parse_word(p, "false");
        if (done)
            *ret_value = json_object_new_boolean(false);
        break;
    case 'n':
        done = parse_word(p, "null");
        if (done)
            *ret_value = NULL;
        break;
    default:
        done = p->at < p->end && (*p->at == '-' || is_digit(p)) ? parse_number(p, ret_value) : fail(p, "a value");
    }
    p->depth--;
    p->scratch.bytes = mark;
    if (done)
        skip_space(p);
    return done;
}

/* Line and column, both from 1. */
static void locate(const struct parser *p, int *ret_line, int *ret_column)
{
    *ret_line = 1;
    *ret_column = 1;
    for (const char *c = p->start; c < p->at; c++) {
        ++*ret_column;
        if (*c == '\n') {
            ++*ret_line;
            *ret_column = 1;
        }
    }
}

static int parse(const char *text, size_t bytes, int depth_max, struct json_object **ret_value, struct err *err)
{
    if (bytes > INT32_MAX)
        return err_set(err, ERR_LIMIT, "a JSON document of %zu bytes is too long", bytes);
    struct parser p = {.at = text, .start = text, .end = text + bytes, .depth_max = depth_max, .scratch = BUF_INIT};
    AUTO_JSON struct json_object *value = NULL;
    bool done = parse_value(&p, &value);
    if (done && p.at < p.end)
        done = fail(&p, "nothing after the value");
    buf_release(&p.scratch);
    if (done) {
        *ret_value = json_take(&value);
        return 0;
    }
    int line, column;
    locate(&p, &line, &column);
    return err_set(err, ERR_INVALID, "line %d column %d: expected %s%s", line, column, p.expected,
                   p.at == p.end ? ", found the end of the text" : "");
}

int json_parse(const char *text, size_t bytes, struct json_object **ret_value, struct err *err)
{
    return parse(text, bytes, LIMIT_JSON_DEPTH, ret_value, err);
}

int json_parse_stored(const char *text, size_t bytes, struct json_object **ret_value, struct err *err)
{
    return parse(text, bytes, LIMIT_STORED_DEPTH, ret_value, err);
}
