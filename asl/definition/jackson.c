#include "asl/definition/jackson.h"

#include "asl/base/buf.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_EXPECTED "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

enum { SOURCE_BYTES_MAX = 500 };

struct container {
    bool array;
    size_t offset;
};

struct scanner {
    const char *text;
    size_t bytes;
    size_t at;
    jackson_visit *visit;
    void *context;
    struct jackson_fault *fault;
    bool newer; /* the words of Jackson 2.16 and later: see jackson_newer_fault() */
    struct container open[LIMIT_JSON_DEPTH];
    size_t depth;
};

void jackson_fault_release(struct jackson_fault *fault)
{
    free(fault->message);
    *fault = (struct jackson_fault){0};
}

void text_position_advance(struct text_position *position, const char *text, size_t offset)
{
    for (; position->offset < offset; position->offset++) {
        unsigned char byte = (unsigned char)text[position->offset];
        if (byte == '\n') {
            position->line++;
            position->column = 1;
        } else if ((byte & 0xc0) != 0x80) {
            position->column += byte >= 0xf0 ? 2 : 1;
        }
    }
}

static struct text_position locate(const char *text, size_t offset)
{
    struct text_position position = {0, 1, 1};
    text_position_advance(&position, text, offset);
    return position;
}

char *jackson_source(const char *text, size_t bytes, int line, int column)
{
    struct buf out = BUF_INIT;
    size_t shown = bytes;
    if (shown > SOURCE_BYTES_MAX) {
        shown = SOURCE_BYTES_MAX;
        while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
            shown--;
    }
    buf_add_text(&out, "[Source: (String)\"");
    buf_add(&out, text, shown);
    buf_add_char(&out, '"');
    if (shown < bytes)
        buf_printf(&out, "[truncated %zu chars]", bytes - shown);
    buf_printf(&out, "; line: %d, column: %d]", line, column);
    return buf_take(&out);
}

static char *newer_source(int line, int column)
{
    return mem_printf("[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, "
                      "column: %d]",
                      line, column);
}

/* Where the innermost container that is open starts. */
static char *start_of_container(const struct scanner *s)
{
    struct text_position start = locate(s->text, s->open[s->depth - 1].offset);
    return s->newer ? newer_source(start.line, start.column)
                    : jackson_source(s->text, s->bytes, start.line, start.column);
}

/* Sets the fault, which Jackson places at `offset`; returns false. */
__attribute__((format(printf, 3, 4))) static bool fail(struct scanner *s, size_t offset, const char *format, ...)
{
    if (s->fault == NULL)
        return false;
    va_list args;
    va_start(args, format);
    char *message = mem_vprintf(format, args);
    va_end(args);
    struct text_position position = locate(s->text, offset);
    *s->fault = (struct jackson_fault){.message = message, .line = position.line, .column = position.column};
    return false;
}

/* The code point at hand and its bytes; a byte that starts none counts for itself. */
static size_t code_point(const struct scanner *s, unsigned *ret_code)
{
    const unsigned char *at = (const unsigned char *)s->text + s->at;
    size_t left = s->bytes - s->at;
    size_t bytes = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc0 ? 2 : 1;
    if (bytes > left)
        bytes = 1;
    unsigned code = bytes == 1 ? *at : *at & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++)
        code = code << 6 | (at[i] & 0x3f);
    *ret_code = code;
    return bytes;
}

/* "'x' (code 120)": how Jackson shows a character. */
static size_t describe(const struct scanner *s, char text[48])
{
    unsigned code;
    size_t bytes = code_point(s, &code);
    if (code < 0x20 || code == 0x7f)
        snprintf(text, 48, "(CTRL-CHAR, code %u)", code);
    else if (code > 0xff)
        snprintf(text, 48, "'%.*s' (code %u / 0x%x)", (int)bytes, s->text + s->at, code, code);
    else
        snprintf(text, 48, "'%.*s' (code %u)", (int)bytes, s->text + s->at, code);
    return bytes;
}

static bool unexpected(struct scanner *s, const char *expected)
{
    char shown[48];
    size_t bytes = describe(s, shown);
    return fail(s, s->newer ? s->at : s->at + bytes, "Unexpected character (%s): %s", shown, expected);
}

static bool unexpected_in_number(struct scanner *s, const char *expected)
{
    char shown[48];
    if (s->at == s->bytes)
        return fail(s, s->at, "Unexpected end-of-input in numeric value: %s", expected);
    size_t bytes = describe(s, shown);
    return fail(s, s->newer ? s->at : s->at + bytes, "Unexpected character (%s) in numeric value: %s", shown, expected);
}

/* The text ended inside of something. */
static bool ended(struct scanner *s)
{
    if (s->depth == 0)
        return fail(s, s->at, "No content to map due to end-of-input");
    const struct container *open = &s->open[s->depth - 1];
    char *source = start_of_container(s);
    fail(s, s->at, "Unexpected end-of-input: expected close marker for %s (start marker at %s)",
         open->array ? "Array" : "Object", source);
    free(source);
    return false;
}

static bool mismatched(struct scanner *s)
{
    char found = s->text[s->at];
    char wanted = found == ']' ? '}' : ']';
    if (s->depth == 0)
        return fail(s, s->at + 1,
                    "Unexpected close marker '%c': expected '%c' (for root starting at [line: 1, column: 0])", found,
                    wanted);
    const struct container *open = &s->open[s->depth - 1];
    char *source = start_of_container(s);
    fail(s, s->at + 1, "Unexpected close marker '%c': expected '%c' (for %s starting at %s)", found, wanted,
         open->array ? "Array" : "Object", source);
    free(source);
    return false;
}

static void report(struct scanner *s, enum jackson_token token, size_t offset)
{
    if (s->visit)
        s->visit(s->context, token, offset, s->at - offset);
}

static void skip_space(struct scanner *s)
{
    while (s->at < s->bytes && strchr(" \t\r\n", s->text[s->at]) && s->text[s->at] != '\0')
        s->at++;
}

static bool is_digit(const struct scanner *s)
{
    return s->at < s->bytes && s->text[s->at] >= '0' && s->text[s->at] <= '9';
}

static void skip_digits(struct scanner *s)
{
    while (is_digit(s))
        s->at++;
}

static bool is_next(const struct scanner *s, char c)
{
    return s->at < s->bytes && s->text[s->at] == c;
}

/* escape = '\' ( one of "\/bfnrt | 'u' 4 hex digits ); stands behind the backslash */
static bool scan_escape(struct scanner *s)
{
    if (s->at == s->bytes)
        return fail(s, s->at, "Unexpected end-of-input in character escape sequence");
    char c = s->text[s->at];
    if (c == 'u') {
        s->at++;
        for (int i = 0; i < 4; i++, s->at++) {
            if (s->at == s->bytes)
                return fail(s, s->at, "Unexpected end-of-input in character escape sequence");
            if (!strchr("0123456789abcdefABCDEF", s->text[s->at]) || s->text[s->at] == '\0')
                return unexpected(s, "expected a hex-digit for character escape sequence");
        }
        return true;
    }
    if (c == '\0' || !strchr("\"\\/bfnrt", c)) {
        char shown[48];
        size_t bytes = describe(s, shown);
        return fail(s, s->at + bytes, "Unrecognized character escape %s", shown);
    }
    s->at++;
    return true;
}

/* string = '"' *char '"'; stands at the first quote */
static bool scan_string(struct scanner *s, enum jackson_token token)
{
    size_t offset = s->at++;
    while (s->at < s->bytes && s->text[s->at] != '"') {
        unsigned char byte = (unsigned char)s->text[s->at];
        if (byte < 0x20) {
            char shown[48];
            describe(s, shown);
            return fail(s, s->at + 1,
                        "Illegal unquoted character (%s): has to be escaped using backslash to be included in %s",
                        shown, token == JACKSON_NAME ? "name" : "string value");
        }
        s->at++;
        if (byte == '\\' && !scan_escape(s))
            return false;
    }
    if (s->at == s->bytes)
        return fail(s, s->at,
                    token == JACKSON_NAME ? "Unexpected end-of-input in field name"
                                          : "Unexpected end-of-input: was expecting closing quote for a string value");
    s->at++;
    report(s, token, offset);
    return true;
}

/* number = [ '-' ] int [ '.' 1*digit ] [ ( 'e' | 'E' ) [ '+' | '-' ] 1*digit ] */
static bool scan_number(struct scanner *s)
{
    size_t offset = s->at;
    if (is_next(s, '-'))
        s->at++;
    if (!is_digit(s))
        return unexpected_in_number(s, "expected digit (0-9) to follow minus sign, for valid numeric value");
    bool zero = is_next(s, '0');
    s->at++;
    if (zero && is_digit(s))
        return fail(s, s->at, "Invalid numeric value: Leading zeroes not allowed");
    skip_digits(s);
    if (is_next(s, '.')) {
        s->at++;
        if (!is_digit(s))
            return unexpected_in_number(s, "Decimal point not followed by a digit");
        skip_digits(s);
    }
    if (is_next(s, 'e') || is_next(s, 'E')) {
        s->at++;
        if (is_next(s, '+') || is_next(s, '-'))
            s->at++;
        if (!is_digit(s))
            return unexpected_in_number(s, "Exponent indicator not followed by a digit");
        skip_digits(s);
    }
    report(s, JACKSON_SCALAR, offset);
    return true;
}

static bool is_word_byte(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '$' || byte >= 0x80;
}

/* word = "true" | "false" | "null" */
static bool scan_word(struct scanner *s)
{
    size_t offset = s->at;
    while (s->at < s->bytes && is_word_byte((unsigned char)s->text[s->at]))
        s->at++;
    size_t bytes = s->at - offset;
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (bytes == strlen(words[i]) && memcmp(s->text + offset, words[i], bytes) == 0) {
            report(s, JACKSON_SCALAR, offset);
            return true;
        }
    }
    int shown = bytes > 256 ? 256 : (int)bytes;
    return fail(s, s->at, "Unrecognized token '%.*s': was expecting " VALUE_EXPECTED, shown, s->text + offset);
}

static bool open_container(struct scanner *s, bool array)
{
    if (s->depth == LIMIT_JSON_DEPTH) {
        fail(s, s->at, "Document nesting depth exceeds the maximum allowed (%d)", LIMIT_JSON_DEPTH);
        if (s->fault)
            s->fault->too_deep = true;
        return false;
    }
    s->open[s->depth++] = (struct container){array, s->at};
    s->at++;
    report(s, array ? JACKSON_ARRAY : JACKSON_OBJECT, s->at - 1);
    return true;
}

static void close_container(struct scanner *s)
{
    bool array = s->open[--s->depth].array;
    s->at++;
    report(s, array ? JACKSON_ARRAY_END : JACKSON_OBJECT_END, s->at - 1);
}

/* name = string ':' */
static bool scan_name(struct scanner *s)
{
    if (s->at == s->bytes)
        return ended(s);
    if (s->text[s->at] == ']')
        return mismatched(s);
    if (s->text[s->at] != '"')
        return unexpected(s, "was expecting double-quote to start field name");
    if (!scan_string(s, JACKSON_NAME))
        return false;
    skip_space(s);
    if (s->at == s->bytes)
        return fail(s, s->at, "Unexpected end-of-input within/between Object entries");
    if (s->text[s->at] != ':')
        return unexpected(s, "was expecting a colon to separate field name and value");
    s->at++;
    skip_space(s);
    return true;
}

/* The value's first token: a scalar, or the opening of a container. */
static bool scan_value(struct scanner *s)
{
    if (s->at == s->bytes)
        return ended(s);
    char c = s->text[s->at];
    if (c == '{' || c == '[')
        return open_container(s, c == '[');
    if (c == '"')
        return scan_string(s, JACKSON_SCALAR);
    if (c == '-' || is_digit(s))
        return scan_number(s);
    if (c == '}')
        return mismatched(s);
    if (is_word_byte((unsigned char)c))
        return scan_word(s);
    return unexpected(s, "expected a valid value " VALUE_EXPECTED);
}

/* What may follow a value: closing marks, and a comma before the next entry. False with the fault, or at the end. */
static bool scan_after(struct scanner *s)
{
    skip_space(s);
    while (s->depth > 0) {
        bool array = s->open[s->depth - 1].array;
        if (s->at == s->bytes)
            return ended(s);
        char c = s->text[s->at];
        if (c == ',') {
            s->at++;
            skip_space(s);
            return array || scan_name(s);
        }
        if (c == (array ? ']' : '}'))
            close_container(s);
        else if (c == ']' || c == '}')
            return mismatched(s);
        else
            return unexpected(s, array ? "was expecting comma to separate Array entries"
                                       : "was expecting comma to separate Object entries");
        skip_space(s);
    }
    return true;
}

/* document = value; each round reads one token of it and what follows. */
static bool scan(struct scanner *s)
{
    skip_space(s);
    for (;;) {
        size_t depth = s->depth;
        if (!scan_value(s))
            return false;
        if (s->depth > depth) { /* a container was opened: its first entry, or its end at once */
            bool array = s->open[s->depth - 1].array;
            skip_space(s);
            if (!is_next(s, array ? ']' : '}')) {
                if (!array && !scan_name(s))
                    return false;
                continue;
            }
        }
        if (!scan_after(s))
            return false;
        if (s->depth == 0)
            break;
    }
    return s->at == s->bytes || unexpected(s, "expected the end of the text");
}

bool jackson_scan(const char *text, size_t bytes, jackson_visit *visit, void *context, struct jackson_fault *ret_fault)
{
    struct scanner *s = NEW(struct scanner);
    s->text = text;
    s->bytes = bytes;
    s->visit = visit;
    s->context = context;
    s->fault = ret_fault;
    bool valid = scan(s);
    free(s);
    return valid;
}

char *jackson_newer_fault(const char *text, size_t bytes)
{
    struct jackson_fault fault = {0};
    struct scanner *s = NEW(struct scanner);
    s->text = text;
    s->bytes = bytes;
    s->fault = &fault;
    s->newer = true;
    char *message = NULL;
    if (!scan(s)) {
        char *source = newer_source(fault.line, fault.column);
        message = mem_printf("%s\n at %s", fault.message, source);
        free(source);
    }
    jackson_fault_release(&fault);
    free(s);
    return message;
}
