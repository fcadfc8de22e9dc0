/* States.Format, StringSplit, StringToJson, JsonToString, JsonMerge, Base64Encode, Base64Decode, Hash, UUID. */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/dataflow/intrinsics_priv.h"
#include "asl/definition/jackson.h"
#include "asl/env.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static bool is_string(struct json_object *value)
{
    return json_object_is_type(value, json_type_string);
}

static size_t text_bytes(struct json_object *value)
{
    return (size_t)json_object_get_string_len(value);
}

static struct json_object *new_text(const struct buf *text)
{
    return json_object_new_string_len(buf_text(text), (int)text->bytes);
}

static size_t characters(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* A value in a text as Java shows it: texts bare, {a=1, b=[1, 2]}. */
static void show(struct buf *out, struct json_object *value)
{
    size_t count = 0;
    switch (json_object_get_type(value)) {
    case json_type_string:
        buf_add(out, json_object_get_string(value), text_bytes(value));
        break;
    case json_type_array:
        count = json_object_array_length(value);
        buf_add_char(out, '[');
        for (size_t i = 0; i < count; i++) {
            if (i)
                buf_add_text(out, ", ");
            show(out, json_object_array_get_idx(value, i));
        }
        buf_add_char(out, ']');
        break;
    case json_type_object:
        buf_add_char(out, '{');
        json_object_object_foreach (value, name, member) {
            if (count++)
                buf_add_text(out, ", ");
            buf_add_text(out, name);
            buf_add_char(out, '=');
            show(out, member);
        }
        buf_add_char(out, '}');
        break;
    default:
        json_write(out, value);
    }
}

/* States.Format(template, value ...): `{}` takes the next value, a backslash the character after it. */
int intrinsic_format(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (frame->count == 0 || !is_string(frame->values[0]))
        return -1;
    const struct argument *template = &frame->call->arguments[0];
    const char *at = template->quoted ? template->quoted : json_object_get_string(frame->values[0]);
    const char *end = at + (template->quoted ? template->quoted_bytes : text_bytes(frame->values[0]));
    size_t next = 1;
    AUTO_BUF out = BUF_INIT;
    for (; at < end; at++) {
        if (*at == '\\' && at + 1 < end && (at[1] == '{' || at[1] == '}' || at[1] == '\'' || at[1] == '\\')) {
            buf_add_char(&out, *++at);
        } else if (*at == '{') {
            if (at + 1 == end || at[1] != '}')
                return intrinsic_fail(frame, "Invalid template in States.Format: matching '}' not found for '{'.");
            if (next == frame->count)
                return -1;
            show(&out, frame->values[next++]);
            at++;
        } else if (*at == '}') {
            return intrinsic_fail(frame, "Invalid template in States.Format: matching '{' not found for '}'.");
        } else {
            buf_add_char(&out, *at);
        }
    }
    if (next != frame->count)
        return -1;
    *ret_value = new_text(&out);
    return 0;
}

/* The bytes of the UTF-8 character that starts here. */
static size_t character_bytes(const char *at, const char *end)
{
    size_t bytes = 1;
    while (at + bytes < end && ((unsigned char)at[bytes] & 0xC0) == 0x80)
        bytes++;
    return bytes;
}

static bool is_delimiter(const char *delimiters, const char *end, const char *at, size_t bytes)
{
    for (; delimiters < end; delimiters += character_bytes(delimiters, end))
        if (character_bytes(delimiters, end) == bytes && memcmp(delimiters, at, bytes) == 0)
            return true;
    return false;
}

/* States.StringSplit(text, delimiters): each character is a delimiter; empty pieces are dropped. */
int intrinsic_string_split(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (frame->count != 2 || !is_string(frame->values[0]) || !is_string(frame->values[1]))
        return -1;
    const char *at = json_object_get_string(frame->values[0]), *end = at + text_bytes(frame->values[0]);
    const char *delimiters = json_object_get_string(frame->values[1]);
    const char *delimiters_end = delimiters + text_bytes(frame->values[1]);
    struct json_object *pieces = json_object_new_array();
    const char *first = at;
    while (at <= end) {
        size_t bytes = at < end ? character_bytes(at, end) : 1;
        if (at == end || is_delimiter(delimiters, delimiters_end, at, bytes)) {
            if (at > first)
                json_append(pieces, json_object_new_string_len(first, (int)(at - first)));
            first = at + bytes;
        }
        at += bytes;
    }
    *ret_value = pieces;
    return 0;
}

/* States.StringToJson(text): blank text is null. */
int intrinsic_string_to_json(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (frame->count != 1 || !is_string(frame->values[0]))
        return -1;
    const char *text = json_object_get_string(frame->values[0]);
    size_t bytes = text_bytes(frame->values[0]);
    struct err err;
    if (strspn(text, " \t\r\n") == bytes) {
        *ret_value = NULL;
        return 0;
    }
    if (json_parse(text, bytes, ret_value, &err) == 0)
        return 0;
    char *fault = jackson_newer_fault(text, bytes);
    intrinsic_fail(frame, "Cannot convert String to Json in States.StringToJson, caused by: %s",
                   fault ? fault : err.message);
    free(fault);
    return -1;
}

/* States.JsonToString(value) */
int intrinsic_json_to_string(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    AUTO_BUF out = BUF_INIT;
    if (frame->count != 1)
        return -1;
    json_write(&out, frame->values[0]);
    *ret_value = new_text(&out);
    return 0;
}

/* States.JsonMerge(a, b, false): members of b win; deep merging (true) does not exist on AWS. */
int intrinsic_json_merge(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (frame->count != 3 || !json_object_is_type(frame->values[0], json_type_object) ||
        !json_object_is_type(frame->values[1], json_type_object))
        return -1;
    struct json_object *deep = frame->values[2];
    if (json_object_is_type(deep, json_type_boolean) && json_object_get_boolean(deep))
        return -1;
    struct json_object *merged = json_shallow_copy(frame->values[0]);
    json_object_object_foreach (frame->values[1], name, member) {
        json_add(merged, name, json_object_get(member));
    }
    *ret_value = merged;
    return 0;
}

static bool is_short_text(const struct intrinsic_frame *frame)
{
    return frame->count == 1 && is_string(frame->values[0]) &&
           characters(json_object_get_string(frame->values[0]), text_bytes(frame->values[0])) <= LIMIT_INTRINSIC_CHARS;
}

/* States.Base64Encode(text) */
int intrinsic_base64_encode(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (!is_short_text(frame))
        return -1;
    size_t bytes = text_bytes(frame->values[0]);
    AUTO_BUF out = BUF_INIT;
    unsigned char *to = (unsigned char *)buf_reserve(&out, (bytes + 2) / 3 * 4);
    out.bytes =
        (size_t)EVP_EncodeBlock(to, (const unsigned char *)json_object_get_string(frame->values[0]), (int)bytes);
    *ret_value = new_text(&out);
    return 0;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* The length of the well-formed UTF-8 character at `at` (RFC 3629), 0 where there is none. */
static size_t utf8_bytes(const unsigned char *at, size_t room)
{
    size_t bytes = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF5 ? 4 : 0;
    if (bytes == 0 || bytes > room)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF0 && at[1] < 0x90) ||
        (at[0] == 0xF4 && at[1] > 0x8F))
        return 0;
    return bytes;
}

/* Bytes as text: what is not UTF-8 becomes U+FFFD, as Java's decoder does. */
static void add_utf8(struct buf *out, const char *data, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        size_t length = utf8_bytes((const unsigned char *)data + i, bytes - i);
        if (length)
            buf_add(out, data + i, length);
        else
            buf_add_text(out, "\xEF\xBF\xBD");
        i += length ? length : 1;
    }
}

/* States.Base64Decode(text): foreign characters are passed over, padding ends it and may be missing. */
int intrinsic_base64_decode(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    if (!is_short_text(frame))
        return -1;
    const char *text = json_object_get_string(frame->values[0]);
    const char *end = text + text_bytes(frame->values[0]);
    AUTO_BUF raw = BUF_INIT;
    AUTO_BUF out = BUF_INIT;
    uint32_t bits = 0;
    int bit_count = 0;
    for (; text < end && *text != '='; text++) {
        int digit = base64_digit(*text);
        if (digit < 0)
            continue;
        bits = (bits << 6 | (uint32_t)digit) & 0xFFFFFF;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            buf_add_char(&raw, (char)(bits >> bit_count & 0xFF));
        }
    }
    add_utf8(&out, buf_text(&raw), raw.bytes);
    *ret_value = new_text(&out);
    return 0;
}

/* States.Hash(data, algorithm): data that is no text is hashed as its JSON text; lower-case hex. */
int intrinsic_hash(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    static const struct {
        const char *name;
        const EVP_MD *(*digest)(void);
    } algorithms[] = {
        {"MD5", EVP_md5},        {"SHA-1", EVP_sha1},     {"SHA-256", EVP_sha256},
        {"SHA-384", EVP_sha384}, {"SHA-512", EVP_sha512},
    };
    if (frame->count != 2 || frame->values[0] == NULL || !is_string(frame->values[1]))
        return -1;
    AUTO_BUF data = BUF_INIT;
    if (is_string(frame->values[0]))
        buf_add(&data, json_object_get_string(frame->values[0]), text_bytes(frame->values[0]));
    else
        json_write(&data, frame->values[0]);
    if (characters(buf_text(&data), data.bytes) > LIMIT_INTRINSIC_CHARS)
        return -1;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int bytes;
        if (strcmp(json_object_get_string(frame->values[1]), algorithms[i].name) != 0)
            continue;
        if (EVP_Digest(buf_text(&data), data.bytes, digest, &bytes, algorithms[i].digest(), NULL) != 1)
            return -1;
        AUTO_BUF hex = BUF_INIT;
        for (unsigned int b = 0; b < bytes; b++)
            buf_printf(&hex, "%02x", digest[b]);
        *ret_value = new_text(&hex);
        return 0;
    }
    return -1;
}

/* States.UUID(): version 4 (RFC 9562 section 5.4) */
int intrinsic_uuid(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    unsigned char random[16] = {0};
    AUTO_BUF out = BUF_INIT;
    if (frame->count != 0)
        return -1;
    if (frame->env->random)
        frame->env->random(frame->env->random_owner, random, sizeof random);
    random[6] = (unsigned char)((random[6] & 0x0F) | 0x40);
    random[8] = (unsigned char)((random[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++)
        buf_printf(&out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", random[i]);
    *ret_value = new_text(&out);
    return 0;
}
