#include "runtime/service/model.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

static int compare_names(const void *name, const void *operation)
{
    return strcmp(name, ((const struct model_operation *)operation)->name);
}

const struct model_operation *model_operation_find(const char *name)
{
    return bsearch(name, model_operations, model_operation_count, sizeof *model_operations, compare_names);
}

size_t model_text_length(const char *text, size_t bytes)
{
    size_t length = 0;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c & 0xC0) != 0x80)
            length += c >= 0xF0 ? 2 : 1; /* four bytes: a surrogate pair */
    }
    return length;
}

enum { SHOWN_BYTES_MAX = 4096 }; /* of a value that is repeated in a message */

/* What is wrong so far; `malformed` ends the search. */
struct findings {
    struct buf text;
    size_t count;
    size_t payload_max;
    char *malformed;
};

/* A value as AWS's Java prints it: [Item(member=value, ...), ...]. */
static void print_value(struct buf *out, const struct model_shape *shape, struct json_object *value)
{
    switch (shape->type) {
    case MODEL_STRUCTURE: {
        bool first = true;
        buf_printf(out, "%s(", shape->name);
        for (size_t i = 0; i < shape->member_count; i++) {
            struct json_object *member;
            if (!json_member(value, shape->members[i].name, &member) || member == NULL)
                continue;
            buf_printf(out, "%s%s=", first ? "" : ", ", shape->members[i].name);
            print_value(out, shape->members[i].shape, member);
            first = false;
        }
        buf_add_char(out, ')');
        break;
    }
    case MODEL_LIST:
        buf_add_char(out, '[');
        for (size_t i = 0; i < json_object_array_length(value) && out->bytes < SHOWN_BYTES_MAX; i++) {
            if (i)
                buf_add_text(out, ", ");
            print_value(out, shape->element, json_object_array_get_idx(value, i));
        }
        buf_add_char(out, ']');
        break;
    case MODEL_STRING:
    case MODEL_BLOB: {
        size_t bytes = (size_t)json_object_get_string_len(value);
        buf_add(out, json_object_get_string(value), bytes < SHOWN_BYTES_MAX ? bytes : SHOWN_BYTES_MAX);
        break;
    }
    default:
        json_write(out, value);
    }
}

/* Where a value stands: a member of a structure, or the n-th element of a list. It is written only where it is told. */
struct place {
    const struct place *outer; /* NULL: the input */
    const char *name;          /* NULL: an element */
    size_t number;             /* from 1 */
};

/* "tags.1.member.key" */
static void write_place(struct buf *out, const struct place *place)
{
    if (place->outer) {
        write_place(out, place->outer);
        buf_add_char(out, '.');
    }
    if (place->name)
        buf_add_text(out, place->name);
    else
        buf_printf(out, "%zu.member", place->number);
}

/* Starts the sentence on one fault: "Value 'x' at 'path' failed to satisfy constraint: ". */
static void begin_finding(struct findings *findings, const struct model_shape *shape, const struct place *place,
                          struct json_object *value)
{
    struct buf *out = &findings->text;
    if (findings->count++)
        buf_add_text(out, "; ");
    if (value == NULL) {
        buf_add_text(out, "Value null");
    } else if (shape->sensitive) {
        buf_add_text(out, "Value");
    } else {
        buf_add_text(out, "Value '");
        print_value(out, shape, value);
        buf_add_char(out, '\'');
    }
    buf_add_text(out, " at '");
    write_place(out, place);
    buf_add_text(out, "' failed to satisfy constraint: ");
}

/* Number or length against the shape's range. */
static void check_range(struct findings *findings, const struct model_shape *shape, const struct place *place,
                        struct json_object *value, double measure, const char *measured)
{
    if (shape->has_min && measure < (double)shape->min) {
        begin_finding(findings, shape, place, value);
        buf_printf(&findings->text, "Member must have %s greater than or equal to %lld", measured,
                   (long long)shape->min);
    }
    if (shape->has_max && measure > (double)shape->max) {
        begin_finding(findings, shape, place, value);
        buf_printf(&findings->text, "Member must have %s less than or equal to %lld", measured, (long long)shape->max);
    }
}

/* Of a payload the bytes count, not the characters. */
static void check_payload(struct findings *findings, const struct model_shape *shape, const struct place *place,
                          struct json_object *value)
{
    if ((size_t)json_object_get_string_len(value) <= findings->payload_max)
        return;
    begin_finding(findings, shape, place, value);
    buf_printf(&findings->text, "Member must have size less than or equal to %zu bytes in UTF-8 encoding",
               findings->payload_max);
}

static bool matches(const char *regex, const char *text, size_t bytes)
{
    int error;
    PCRE2_SIZE at;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY, &error, &at, NULL);
    if (code == NULL)
        abort(); /* the tables are ours */
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    int found = pcre2_match(code, (PCRE2_SPTR)text, bytes, 0, 0, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return found >= 0;
}

static void check_string(struct findings *findings, const struct model_shape *shape, const struct place *place,
                         struct json_object *value)
{
    const char *text = json_object_get_string(value);
    size_t bytes = (size_t)json_object_get_string_len(value);
    if (shape->payload)
        check_payload(findings, shape, place, value);
    else
        check_range(findings, shape, place, value, (double)model_text_length(text, bytes), "length");
    if (shape->regex && !matches(shape->regex, text, bytes)) {
        begin_finding(findings, shape, place, value);
        buf_printf(&findings->text, "Member must satisfy regular expression pattern: %s", shape->pattern);
    }
    if (shape->values == NULL)
        return;
    for (const char *const *allowed = shape->values; *allowed; allowed++)
        if (strcmp(*allowed, text) == 0)
            return;
    begin_finding(findings, shape, place, value);
    buf_add_text(&findings->text, "Member must satisfy enum value set: [");
    for (const char *const *allowed = shape->values; *allowed; allowed++)
        buf_printf(&findings->text, "%s%s", allowed == shape->values ? "" : ", ", *allowed);
    buf_add_char(&findings->text, ']');
}

static bool has_type(const struct model_shape *shape, struct json_object *value)
{
    enum json_type type = json_object_get_type(value);
    switch (shape->type) {
    case MODEL_STRUCTURE:
    case MODEL_MAP:
        return type == json_type_object;
    case MODEL_LIST:
        return type == json_type_array;
    case MODEL_STRING:
    case MODEL_BLOB:
        return type == json_type_string;
    case MODEL_INTEGER:
    case MODEL_LONG:
        return type == json_type_int;
    case MODEL_DOUBLE:
    case MODEL_TIMESTAMP:
        return type == json_type_int || type == json_type_double;
    case MODEL_BOOLEAN:
        return type == json_type_boolean;
    }
    return false;
}

static const char *type_name(enum model_type type)
{
    static const char *const names[] = {"a structure", "a list",   "a map",     "a string",    "an integer",
                                        "an integer",  "a number", "a boolean", "a timestamp", "a blob"};
    return names[type];
}

static void check_value(struct findings *findings, const struct model_shape *shape, const struct place *place,
                        struct json_object *value);

static void check_structure(struct findings *findings, const struct model_shape *shape, const struct place *place,
                            struct json_object *value)
{
    for (size_t i = 0; i < shape->member_count && findings->malformed == NULL; i++) {
        const struct model_member *member = &shape->members[i];
        struct json_object *found = NULL;
        json_member(value, member->name, &found);
        if (found == NULL && !member->required)
            continue;
        const struct place inner = {.outer = place, .name = member->name};
        if (found) {
            check_value(findings, member->shape, &inner, found);
        } else {
            begin_finding(findings, member->shape, &inner, NULL);
            buf_add_text(&findings->text, "Member must not be null");
        }
    }
}

static void check_elements(struct findings *findings, const struct model_shape *shape, const struct place *place,
                           struct json_object *value)
{
    for (size_t i = 0; i < json_object_array_length(value) && findings->malformed == NULL; i++) {
        const struct place inner = {.outer = place, .number = i + 1};
        struct json_object *element = json_object_array_get_idx(value, i);
        if (element) {
            check_value(findings, shape->element, &inner, element);
        } else {
            begin_finding(findings, shape->element, &inner, NULL);
            buf_add_text(&findings->text, "Member must not be null");
        }
    }
}

static void check_value(struct findings *findings, const struct model_shape *shape, const struct place *place,
                        struct json_object *value)
{
    if (!has_type(shape, value)) {
        AUTO_BUF where = BUF_INIT;
        write_place(&where, place);
        findings->malformed = mem_printf("%s must be %s", buf_text(&where), type_name(shape->type));
        return;
    }
    switch (shape->type) {
    case MODEL_STRUCTURE:
        check_structure(findings, shape, place, value);
        break;
    case MODEL_LIST:
        check_range(findings, shape, place, value, (double)json_object_array_length(value), "length");
        check_elements(findings, shape, place, value);
        break;
    case MODEL_STRING:
    case MODEL_BLOB:
        check_string(findings, shape, place, value);
        break;
    case MODEL_INTEGER:
    case MODEL_LONG:
    case MODEL_DOUBLE:
        check_range(findings, shape, place, value, json_object_get_double(value), "value");
        break;
    default:
        break;
    }
}

enum model_verdict model_check(const struct model_shape *shape, struct json_object *input, size_t payload_max,
                               char **ret_message)
{
    struct findings findings = {.text = BUF_INIT, .payload_max = payload_max};
    if (!has_type(shape, input))
        findings.malformed = mem_strdup("the input must be a JSON object");
    else
        check_structure(&findings, shape, NULL, input);

    enum model_verdict verdict = MODEL_OK;
    if (findings.malformed) {
        verdict = MODEL_MALFORMED;
        *ret_message = findings.malformed;
    } else if (findings.count) {
        verdict = MODEL_VIOLATED;
        *ret_message = mem_printf("%zu validation error%s detected: %s", findings.count, findings.count == 1 ? "" : "s",
                                  buf_text(&findings.text));
    }
    buf_release(&findings.text);
    return verdict;
}
