#include "asl/base/json.h"
#include "asl/jsonpath/jsonpath_priv.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Steps that a regular expression may take on one text before the evaluation gives up. */
enum { REGEX_STEPS_MAX = 1000000 };

/* Where a filter is evaluated. */
struct place {
    struct json_object *current;
    struct evaluation *e;
};

static bool has_type(struct json_object *value, enum json_type type)
{
    return json_object_is_type(value, type);
}

/* A number, or a text that is one: Jayway compares "7" with 7 as numbers. */
static bool as_number(struct json_object *value, double *ret_number)
{
    if (has_type(value, json_type_int) || has_type(value, json_type_double)) {
        *ret_number = json_object_get_double(value);
        return true;
    }
    const char *text = has_type(value, json_type_string) ? json_object_get_string(value) : "";
    char *end;
    *ret_number = strtod(text, &end);
    return *text != '\0' && *end == '\0' && strspn(text, "0123456789+-.eE") == strlen(text);
}

static bool equal(struct json_object *a, struct json_object *b)
{
    double x, y;
    if (has_type(a, json_type_string) == has_type(b, json_type_string))
        return json_same(a, b);
    return as_number(a, &x) && as_number(b, &y) && x == y;
}

/* Sets the order of two numbers or two texts; false for anything else. */
static bool compare(struct json_object *a, struct json_object *b, int *ret_order)
{
    double x, y;
    if (has_type(a, json_type_string) && has_type(b, json_type_string)) {
        *ret_order = strcmp(json_object_get_string(a), json_object_get_string(b));
        return true;
    }
    if (has_type(a, json_type_string) || has_type(b, json_type_string) || !as_number(a, &x) || !as_number(b, &y))
        return false;
    *ret_order = (x > y) - (x < y);
    return true;
}

static bool contains(const struct place *place, struct json_object *array, struct json_object *value)
{
    size_t count = has_type(array, json_type_array) ? json_object_array_length(array) : 0;
    for (size_t i = 0; i < count && ++place->e->visits <= VISITS_MAX; i++)
        if (equal(json_object_array_get_idx(array, i), value))
            return true;
    return false;
}

/* How many items of `a` are in `b`. */
static size_t common(const struct place *place, struct json_object *a, struct json_object *b)
{
    size_t count = json_object_array_length(a), found = 0;
    for (size_t i = 0; i < count && ++place->e->visits <= VISITS_MAX; i++)
        found += contains(place, b, json_object_array_get_idx(a, i));
    return found;
}

/* Items, members or bytes; false for what has no size. */
static bool size_of(struct json_object *value, size_t *ret_size)
{
    if (has_type(value, json_type_array))
        *ret_size = json_object_array_length(value);
    else if (has_type(value, json_type_object))
        *ret_size = (size_t)json_object_object_length(value);
    else if (has_type(value, json_type_string))
        *ret_size = (size_t)json_object_get_string_len(value);
    else
        return false;
    return true;
}

static bool matches(const struct place *place, const pcre2_code *regex, struct json_object *value)
{
    if (!has_type(value, json_type_string))
        return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    if (data == NULL || context == NULL)
        abort();
    pcre2_set_match_limit(context, REGEX_STEPS_MAX);
    int found = pcre2_match(regex, (PCRE2_SPTR)json_object_get_string(value),
                            (PCRE2_SIZE)json_object_get_string_len(value), 0, 0, data, context);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        place->e->visits = VISITS_MAX + 1;
    return found >= 0;
}

static bool compare_operands(const struct filter *filter, const struct place *place, struct json_object *a,
                             struct json_object *b)
{
    int order;
    size_t size;
    bool lists = has_type(a, json_type_array) && has_type(b, json_type_array);
    switch (filter->op) {
    case FILTER_EQ:
        return equal(a, b);
    case FILTER_NE:
        return !equal(a, b);
    case FILTER_LT:
        return compare(a, b, &order) && order < 0;
    case FILTER_LE:
        return compare(a, b, &order) && order <= 0;
    case FILTER_GT:
        return compare(a, b, &order) && order > 0;
    case FILTER_GE:
        return compare(a, b, &order) && order >= 0;
    case FILTER_IN:
        return contains(place, b, a);
    case FILTER_NIN:
        return !contains(place, b, a);
    case FILTER_SUBSETOF:
        return lists && common(place, a, b) == json_object_array_length(a);
    case FILTER_ANYOF:
        return lists && common(place, a, b) > 0;
    case FILTER_NONEOF:
        return lists && common(place, a, b) == 0;
    case FILTER_SIZE:
        return size_of(a, &size) && has_type(b, json_type_int) && (int64_t)size == json_object_get_int64(b);
    case FILTER_EMPTY:
        return size_of(a, &size) && has_type(b, json_type_boolean) && (size == 0) == json_object_get_boolean(b);
    case FILTER_CONTAINS:
        if (has_type(a, json_type_string) && has_type(b, json_type_string))
            return strstr(json_object_get_string(a), json_object_get_string(b)) != NULL;
        return contains(place, a, b);
    default:
        return false;
    }
}

static bool operand_value(const struct operand *operand, const struct place *place, struct json_object **ret_value)
{
    if (operand->path)
        return jsonpath_operand(operand->path, place->current, place->e, ret_value);
    *ret_value = json_object_get(operand->literal);
    return true;
}

/* A comparison with something that is not there is false, except that it is not equal to anything. */
static bool relation(const struct filter *filter, const struct place *place)
{
    AUTO_JSON struct json_object *a = NULL, *b = NULL;
    bool has_a = operand_value(&filter->a, place, &a);
    if (filter->op == FILTER_EXISTS)
        return has_a && (filter->a.path->definite || json_object_array_length(a) > 0);
    if (filter->op == FILTER_MATCHES) {
        if (filter->b.regex)
            return has_a && matches(place, filter->b.regex, a);
        return filter->a.regex && operand_value(&filter->b, place, &b) && matches(place, filter->a.regex, b);
    }
    bool has_b = operand_value(&filter->b, place, &b);
    if (!has_a || !has_b)
        return (filter->op == FILTER_NE && has_a != has_b) || (filter->op == FILTER_NIN && has_b);
    return compare_operands(filter, place, a, b);
}

static bool accepts(const struct filter *filter, const struct place *place)
{
    switch (filter->op) {
    case FILTER_OR:
        return accepts(filter->left, place) || accepts(filter->right, place);
    case FILTER_AND:
        return accepts(filter->left, place) && accepts(filter->right, place);
    case FILTER_NOT:
        return !accepts(filter->left, place);
    default:
        return relation(filter, place);
    }
}

bool filter_accepts(const struct filter *filter, struct json_object *current, struct evaluation *e)
{
    struct place place = {current, e};
    return accepts(filter, &place);
}
