#include "asl/dataflow/choice.h"

#include "asl/base/json.h"
#include "asl/dataflow/choice_priv.h"
#include "asl/dataflow/template.h"
#include "asl/env.h"
#include "asl/failure.h"
#include "asl/jsonpath/jsonpath.h"

#include <string.h>

struct choice_frame {
    struct json_object *input;
    struct asl_env *env;
    struct asl_failure *failure;
};

static bool is_text(struct json_object *value)
{
    return json_object_is_type(value, json_type_string);
}

static size_t text_bytes(struct json_object *value)
{
    return (size_t)json_object_get_string_len(value);
}

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

static bool as_timestamp(struct json_object *value, struct timestamp *ret_timestamp)
{
    return is_text(value) && timestamp_parse(json_object_get_string(value), text_bytes(value), ret_timestamp);
}

/* A byte's place in the order of UTF-16 units: characters beyond U+FFFF come before U+E000..U+FFFF. */
static int utf16_weight(unsigned char lead)
{
    return lead >= 0xF0 ? 0xED * 2 + 1 : lead * 2;
}

/* Orders two texts as Java's compareTo does. */
static int compare_texts(struct json_object *a, struct json_object *b)
{
    const unsigned char *x = (const unsigned char *)json_object_get_string(a);
    const unsigned char *y = (const unsigned char *)json_object_get_string(b);
    size_t x_bytes = text_bytes(a), y_bytes = text_bytes(b);
    size_t common = x_bytes < y_bytes ? x_bytes : y_bytes;
    for (size_t i = 0; i < common; i++)
        if (x[i] != y[i]) {
            int order = utf16_weight(x[i]) - utf16_weight(y[i]);
            return order ? order : x[i] - y[i]; /* both beyond U+FFFF */
        }
    return (x_bytes > y_bytes) - (x_bytes < y_bytes);
}

static int compare_numbers(struct json_object *a, struct json_object *b)
{
    if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int)) {
        int64_t x = json_object_get_int64(a), y = json_object_get_int64(b);
        return (x > y) - (x < y);
    }
    double x = json_object_get_double(a), y = json_object_get_double(b);
    return (x > y) - (x < y);
}

static bool holds(enum comparator_relation relation, int order)
{
    switch (relation) {
    case RELATION_EQ:
        return order == 0;
    case RELATION_LT:
        return order < 0;
    case RELATION_LE:
        return order <= 0;
    case RELATION_GT:
        return order > 0;
    case RELATION_GE:
        return order >= 0;
    default:
        return false;
    }
}

/*
 * StringMatches: `*` stands for any run of characters, `\*` and `\\` for themselves. Remembers the last
 * star alone, which is enough: the text between two stars is best found where it comes first.
 */
static bool matches(const char *pattern, size_t pattern_bytes, const char *text, size_t text_bytes_count)
{
    const char *p = pattern, *p_end = pattern + pattern_bytes;
    const char *t = text, *t_end = text + text_bytes_count;
    const char *star = NULL, *star_text = NULL;
    while (t < t_end) {
        bool escaped = p + 1 < p_end && *p == '\\';
        if (p < p_end && *p == '*') {
            star = ++p;
            star_text = t;
        } else if (p < p_end && p[escaped] == *t) {
            p += 1 + escaped;
            t++;
        } else if (star) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '*')
        p++;
    return p == p_end;
}

static int string_matches(const struct choice_frame *frame, struct json_object *pattern, struct json_object *value,
                          bool *ret_truth)
{
    const char *text = json_object_get_string(pattern);
    size_t bytes = text_bytes(pattern), backslashes = 0;
    while (backslashes < bytes && text[bytes - 1 - backslashes] == '\\')
        backslashes++;
    if (backslashes % 2)
        return asl_failure_runtime(frame->failure, "The StringMatches pattern '%s' ends in a lone backslash.", text);
    *ret_truth = matches(text, bytes, json_object_get_string(value), text_bytes(value));
    return 0;
}

static bool is_type(enum comparator_relation relation, struct json_object *value)
{
    struct timestamp timestamp;
    switch (relation) {
    case RELATION_IS_BOOLEAN:
        return json_object_is_type(value, json_type_boolean);
    case RELATION_IS_NULL:
        return value == NULL;
    case RELATION_IS_NUMERIC:
        return is_number(value);
    case RELATION_IS_STRING:
        return is_text(value);
    case RELATION_IS_TIMESTAMP:
        return as_timestamp(value, &timestamp);
    default: /* it is present, or there would be no value */
        return true;
    }
}

/* Compares two values; a value of another type makes it false. */
static int compare_values(const struct choice_test *test, const struct choice_frame *frame, struct json_object *value,
                          struct json_object *operand, bool *ret_truth)
{
    struct timestamp a, b = test->literal_timestamp;
    *ret_truth = false;
    switch (test->family) {
    case FAMILY_BOOLEAN:
        *ret_truth = json_object_is_type(value, json_type_boolean) && json_object_is_type(operand, json_type_boolean) &&
                     json_object_get_boolean(value) == json_object_get_boolean(operand);
        break;
    case FAMILY_NUMERIC:
        *ret_truth = is_number(value) && is_number(operand) && holds(test->relation, compare_numbers(value, operand));
        break;
    case FAMILY_STRING:
        if (!is_text(value) || !is_text(operand))
            break;
        if (test->relation == RELATION_MATCHES)
            return string_matches(frame, operand, value, ret_truth);
        *ret_truth = holds(test->relation, compare_texts(value, operand));
        break;
    case FAMILY_TIMESTAMP:
        *ret_truth = as_timestamp(value, &a) && (test->operand_path == NULL || as_timestamp(operand, &b)) &&
                     holds(test->relation, timestamp_compare(a, b));
        break;
    case FAMILY_TYPE:
        *ret_truth = is_type(test->relation, value) == json_object_get_boolean(operand);
        break;
    }
    return 0;
}

static int missing(const struct choice_frame *frame, const struct jsonpath *path)
{
    return asl_failure_runtime(frame->failure,
                               "Invalid path '%s': The choice state's condition path references an invalid value.",
                               jsonpath_text(path));
}

static int compare(const struct choice_test *test, const struct choice_frame *frame, bool *ret_truth)
{
    AUTO_JSON struct json_object *value = NULL, *operand = NULL;
    if (jsonpath_eval(test->variable, frame->input, frame->env, &value, NULL) != 0) {
        if (test->relation != RELATION_IS_PRESENT)
            return missing(frame, test->variable);
        *ret_truth = !json_object_get_boolean(test->literal);
        return 0;
    }
    if (test->operand_path == NULL)
        return compare_values(test, frame, value, test->literal, ret_truth);
    if (jsonpath_eval(test->operand_path, frame->input, frame->env, &operand, NULL) != 0)
        return missing(frame, test->operand_path);
    return compare_values(test, frame, value, operand, ret_truth);
}

static int eval_condition(const struct choice_test *test, const struct choice_frame *frame, bool *ret_truth)
{
    AUTO_JSON struct json_object *value = NULL;
    if (template_eval(test->condition, frame->input, frame->env, &value, frame->failure) != 0)
        return -1;
    if (!json_object_is_type(value, json_type_boolean))
        return template_mismatch(test->condition, "boolean", value, frame->failure);
    *ret_truth = json_object_get_boolean(value);
    return 0;
}

static int eval_test(const struct choice_test *test, const struct choice_frame *frame, bool *ret_truth)
{
    switch (test->kind) {
    case TEST_COMPARE:
        return compare(test, frame, ret_truth);
    case TEST_CONDITION:
        return eval_condition(test, frame, ret_truth);
    case TEST_NOT:
        if (eval_test(test->tests[0], frame, ret_truth) != 0)
            return -1;
        *ret_truth = !*ret_truth;
        return 0;
    case TEST_AND:
    case TEST_OR:
        *ret_truth = test->kind == TEST_AND;
        for (size_t i = 0; i < test->test_count && *ret_truth == (test->kind == TEST_AND); i++)
            if (eval_test(test->tests[i], frame, ret_truth) != 0)
                return -1;
        return 0;
    }
    return -1;
}

int choice_select(const struct choice_rule *rules, size_t count, struct json_object *input, struct asl_env *env,
                  const struct choice_rule **ret_rule, struct asl_failure *failure)
{
    struct choice_frame frame = {input, env, failure};
    for (size_t i = 0; i < count; i++) {
        bool truth = false;
        if (eval_test(rules[i].test, &frame, &truth) != 0)
            return -1;
        if (truth) {
            *ret_rule = &rules[i];
            return 0;
        }
    }
    *ret_rule = NULL;
    return 0;
}
