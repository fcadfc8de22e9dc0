/* fn_encoding.c - Base64 and URLs. */
#include "asl/jsonata/native.h"
#include "asl/jsonata/text.h"

#include <string.h>

#define UNUSED __attribute__((unused))

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A character is a byte of its code's low eight bits, as the reference takes it. */
static struct text to_bytes(struct eval *e, struct text text)
{
    char *bytes = eval_alloc(e, text.bytes + 1);
    size_t count = 0;
    for (size_t at = 0; at < text.bytes;) {
        uint32_t code_point;
        at += utf8_read(text.data + at, text.bytes - at, &code_point);
        if (code_point >= 0x10000) {
            bytes[count++] = (char)(0xD800 + ((code_point - 0x10000) >> 10));
            code_point = 0xDC00 + ((code_point - 0x10000) & 0x3FF);
        }
        bytes[count++] = (char)code_point;
    }
    return (struct text){bytes, count};
}

struct value fn_base64encode(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text text = to_bytes(e, text_of(args[0]));
    struct builder out = {.e = e};
    builder_reserve(&out, (text.bytes + 2) / 3 * 4);
    for (size_t i = 0; i < text.bytes; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)text.data[i] << 16;
        if (i + 1 < text.bytes)
            bits |= (uint32_t)(unsigned char)text.data[i + 1] << 8;
        if (i + 2 < text.bytes)
            bits |= (unsigned char)text.data[i + 2];
        char group[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                         i + 1 < text.bytes ? alphabet[bits >> 6 & 63] : '=',
                         i + 2 < text.bytes ? alphabet[bits & 63] : '='};
        builder_add(&out, group, 4);
    }
    return builder_value(&out);
}

static int sextet(char c)
{
    if (c == '-')
        c = '+';
    if (c == '_')
        c = '/';
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

/* Lenient: what is no digit is skipped, "=" ends it. */
struct value fn_base64decode(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text text = text_of(args[0]);
    struct builder out = {.e = e};
    builder_reserve(&out, text.bytes);
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < text.bytes && text.data[i] != '='; i++) {
        int digit = sextet(text.data[i]);
        if (digit < 0)
            continue;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            builder_add_code_point(&out, bits >> have & 0xFF);
        }
    }
    return builder_value(&out);
}

static bool is_letter_or_digit(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

_Noreturn static void fail_url(struct eval *e, const char *function, struct value value)
{
    struct failure failure = {.code = "D3140", .position = -1, .value = value, .function_name = function};
    fail_failure(e, failure);
}

static bool has_lone_surrogate(struct text text)
{
    for (size_t i = 0; i + 1 < text.bytes; i++)
        if ((unsigned char)text.data[i] == 0xED && (unsigned char)text.data[i + 1] >= 0xA0)
            return true;
    return false;
}

static struct value encode(struct eval *e, struct value v, const char *function, const char *kept)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_undefined(v))
        return v;
    struct text text = text_of(v);
    if (has_lone_surrogate(text))
        fail_url(e, function, v);
    struct builder out = {.e = e};
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (is_letter_or_digit(c) || (c && strchr(kept, c))) {
            builder_add_char(&out, (char)c);
        } else {
            char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            builder_add(&out, escape, 3);
        }
    }
    return builder_value(&out);
}

struct value fn_encodeUrlComponent(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return encode(e, args[0], "encodeUrlComponent", "-_.!~*'()");
}

struct value fn_encodeUrl(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return encode(e, args[0], "encodeUrl", "-_.!~*'();/?:@&=+$,#");
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of %XX at an offset, or -1. */
static int escaped_byte(struct text text, size_t at)
{
    if (at + 2 >= text.bytes || text.data[at] != '%')
        return -1;
    int high = hex(text.data[at + 1]), low = hex(text.data[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Reads one character of several escapes, valid UTF-8 only; returns its bytes or 0. */
static size_t decode_character(struct text text, size_t at, char out[4])
{
    int first = escaped_byte(text, at);
    if (first < 0 || (first >= 0x80 && first < 0xC2) || first > 0xF4)
        return 0;
    size_t bytes = utf8_bytes((unsigned char)first);
    out[0] = (char)first;
    for (size_t i = 1; i < bytes; i++) {
        int next = escaped_byte(text, at + 3 * i);
        if (next < 0 || (next & 0xC0) != 0x80)
            return 0;
        out[i] = (char)next;
    }
    uint32_t code_point;
    utf8_read(out, bytes, &code_point);
    bool overlong = (bytes == 3 && code_point < 0x800) || (bytes == 4 && code_point < 0x10000);
    if (overlong || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000))
        return 0;
    return bytes;
}

static struct value decode(struct eval *e, struct value v, const char *function, const char *kept)
{
    if (is_undefined(v))
        return v;
    struct text text = text_of(v);
    struct builder out = {.e = e};
    for (size_t at = 0; at < text.bytes;) {
        if (text.data[at] != '%') {
            builder_add_char(&out, text.data[at++]);
            continue;
        }
        char character[4];
        size_t bytes = decode_character(text, at, character);
        if (bytes == 0)
            fail_url(e, function, v);
        if (bytes == 1 && character[0] && strchr(kept, character[0]))
            builder_add(&out, text.data + at, 3); /* stays escaped */
        else
            builder_add(&out, character, bytes);
        at += 3 * bytes;
    }
    return builder_value(&out);
}

struct value fn_decodeUrlComponent(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return decode(e, args[0], "decodeUrlComponent", "");
}

struct value fn_decodeUrl(struct eval *e, const struct value *args, size_t count UNUSED)
{
    return decode(e, args[0], "decodeUrl", ";/?:@&=+$,#");
}
