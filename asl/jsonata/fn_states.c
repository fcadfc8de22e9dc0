/*
 * fn_states.c - what Step Functions adds ($partition, $range, $hash, $random, $uuid, $parse), and
 * random numbers, whose bytes come from the caller.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/jsonata/native.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define UNUSED __attribute__((unused))

static void random_bytes(struct eval *e, void *bytes, size_t count)
{
    memset(bytes, 0, count);
    if (e->env->random)
        e->env->random(e->env->random_context, bytes, count);
}

double eval_random(struct eval *e)
{
    uint64_t bits;
    random_bytes(e, &bits, sizeof bits);
    return (double)(bits >> 11) / 9007199254740992.0;
}

/* java.util.Random, so that a seed gives what it gives on AWS. */
static double seeded_random(int64_t seed)
{
    const uint64_t mask = ((uint64_t)1 << 48) - 1, factor = 0x5DEECE66D;
    uint64_t state = ((uint64_t)seed ^ factor) & mask;
    state = (state * factor + 0xB) & mask;
    uint64_t high = state >> 22;
    state = (state * factor + 0xB) & mask;
    return (double)((high << 27) + (state >> 21)) / 9007199254740992.0;
}

static int64_t to_integer(struct value v)
{
    if (v.exact)
        return v.as.integer;
    double number = trunc(v.as.number);
    if (isnan(number))
        return 0;
    return number >= 9.2e18 ? INT64_MAX : number <= -9.2e18 ? INT64_MIN : (int64_t)number;
}

struct value fn_random(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return value_double(eval_random(e));
    if (e->dialect == JSONATA_STANDARD) {
        struct failure failure = {.code = "T0410", .position = -1, .value = args[0], .index = 1};
        fail_failure(e, failure);
    }
    return value_double(seeded_random(to_integer(args[0])));
}

struct value fn_uuid(struct eval *e, const struct value *args UNUSED, size_t count UNUSED)
{
    unsigned char bytes[16];
    random_bytes(e, bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    char text[40];
    size_t at = 0;
    for (int i = 0; i < 16; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               bytes[i]);
    return text_copy(e, text, at);
}

struct value fn_partition(struct eval *e, const struct value *args, size_t count UNUSED)
{
    struct value list = args[0];
    if (list.type == V_NULL) { /* anything else that is no array is an array of one */
        struct failure failure = {.code = "T0412", .position = -1, .value = list, .index = 1, .type = "arrays"};
        fail_failure(e, failure);
    }
    if (is_undefined(list) || (list.type == V_ARRAY && array_count(list) == 0))
        return VALUE_UNDEFINED;
    if (list.type != V_ARRAY) {
        list = value_array(array_new(e, 1));
        array_push(e, list.as.array, args[0]);
    }
    struct array *out = array_new(e, 0);
    if (is_undefined(args[1])) {
        array_push(e, out, list);
        return value_array(out);
    }
    int64_t size = to_integer(args[1]);
    if (size < 0)
        fail_message(e, "D3137", "Second argument must be zero or greater");
    if (size == 0)
        return VALUE_UNDEFINED;
    size_t items = array_count(list), step = (size_t)size < items ? (size_t)size : items;
    for (size_t i = 0; i < items; i += step) {
        struct array *chunk = array_new(e, 0);
        for (size_t n = i; n < items && n - i < step; n++)
            array_push(e, chunk, array_at(list, n));
        array_push(e, out, value_array(chunk));
    }
    return value_array(out);
}

struct value fn_range(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]) || is_undefined(args[1]) || is_undefined(args[2]))
        return VALUE_UNDEFINED;
    int64_t start = to_integer(args[0]), end = to_integer(args[1]), step = to_integer(args[2]);
    if (step == 0 || (step > 0 && start > end) || (step < 0 && start < end))
        return VALUE_UNDEFINED;
    struct array *out = sequence_new(e);
    for (int64_t at = start; step > 0 ? at <= end : at >= end;) {
        tick(e);
        array_push(e, out, value_integer(at));
        if (__builtin_add_overflow(at, step, &at))
            break;
    }
    return value_array(out);
}

struct value fn_hash(struct eval *e, const struct value *args, size_t count UNUSED)
{
    static const struct {
        const char *name, *digest;
    } algorithms[] = {
        {"MD5", "MD5"}, {"SHA-1", "SHA1"}, {"SHA-256", "SHA256"}, {"SHA-384", "SHA384"}, {"SHA-512", "SHA512"},
    };
    if (is_undefined(args[0]) || is_undefined(args[1]))
        return VALUE_UNDEFINED;
    struct text name = text_of(args[1]), data = text_of(args[0]);
    const EVP_MD *digest = NULL;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (text_same(name, (struct text){algorithms[i].name, strlen(algorithms[i].name)}))
            digest = EVP_get_digestbyname(algorithms[i].digest);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (digest == NULL || EVP_Digest(data.data, data.bytes, bytes, &size, digest, NULL) != 1)
        fail_message(e, "D3137", "Unsupported hash algorithm");
    char text[2 * EVP_MAX_MD_SIZE + 1];
    for (unsigned int i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text_copy(e, text, 2 * (size_t)size);
}

/* Members in a text: colons outside of strings. More than in the value means that a key came twice. */
static size_t count_colons(struct text text)
{
    size_t colons = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.bytes; i++) {
        char c = text.data[i];
        if (c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else
            colons += c == ':' && !quoted;
    }
    return colons;
}

static size_t count_members(struct json_object *value, bool *ret_finite)
{
    size_t members = 0;
    switch (json_object_get_type(value)) {
    case json_type_double:
        *ret_finite = *ret_finite && isfinite(json_object_get_double(value));
        return 0;
    case json_type_array: {
        size_t count = json_object_array_length(value);
        for (size_t i = 0; i < count; i++)
            members += count_members(json_object_array_get_idx(value, i), ret_finite);
        return members;
    }
    case json_type_object: {
        members = (size_t)json_object_object_length(value);
        json_object_object_foreach (value, name, member) {
            (void)name;
            members += count_members(member, ret_finite);
        }
        return members;
    }
    default:
        return 0;
    }
}

struct value fn_parse(struct eval *e, const struct value *args, size_t count UNUSED)
{
    if (is_undefined(args[0]))
        return args[0];
    struct text text = text_of(args[0]);
    struct json_object *value = NULL;
    struct err err = {0};
    if (json_parse(text.data, text.bytes, &value, &err) != 0)
        fail_message(e, "D3137", "Invalid JSON");
    struct json_object *kept = arena_keep(e->arena, value);
    json_object_put(value);
    bool finite = true;
    if (count_members(kept, &finite) != count_colons(text) || !finite)
        fail_message(e, "D3137", "Invalid JSON");
    return value_of_json(kept);
}
