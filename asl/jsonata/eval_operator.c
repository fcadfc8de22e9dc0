/* eval_operator.c - operators with two operands that are both evaluated. */
#include "asl/jsonata/code.h"
#include "asl/jsonata/eval.h"

#include <math.h>

_Noreturn static void fail_operator(struct eval *e, const struct code *code, const char *error, struct value value,
                                    struct value value2)
{
    struct failure failure = {.code = {error[0], error[1], error[2], error[3], error[4]},
                              .position = code->position,
                              .token = operator_text(code->oper),
                              .value = value,
                              .value2 = value2};
    fail_failure(e, failure);
}

/* Numbers that can be calculated with; infinity is out of range, everything else a type error. */
static void check_number(struct eval *e, const struct code *code, const char *error, struct value v)
{
    if (is_undefined(v))
        return;
    bool number = v.type == V_NUMBER && (v.exact || !isnan(v.as.number));
    if (!number)
        fail_operator(e, code, error, v, VALUE_UNDEFINED);
    if (!v.exact && isinf(v.as.number))
        fail_operator(e, code, "D1001", v, VALUE_UNDEFINED);
}

static bool as_integer(struct value v, int64_t *ret_integer)
{
    if (!v.exact && (v.as.number != trunc(v.as.number) || fabs(v.as.number) > 9007199254740992.0))
        return false;
    *ret_integer = v.exact ? v.as.integer : (int64_t)v.as.number;
    return true;
}

/* Integers of the long range stay exact in Step Functions (reference 3). */
static bool calculate_exactly(enum operator_id op, struct value a, struct value b, struct value *ret_result)
{
    int64_t x, y, result;
    if (!as_integer(a, &x) || !as_integer(b, &y))
        return false;
    bool overflow;
    switch (op) {
    case OP_PLUS:
        overflow = __builtin_add_overflow(x, y, &result);
        break;
    case OP_MINUS:
        overflow = __builtin_sub_overflow(x, y, &result);
        break;
    case OP_TIMES:
        overflow = __builtin_mul_overflow(x, y, &result);
        break;
    default:
        return false;
    }
    if (!overflow)
        *ret_result = value_integer(result);
    return !overflow;
}

static struct value calculate(struct eval *e, const struct code *code, struct value a, struct value b)
{
    check_number(e, code, "T2001", a);
    check_number(e, code, "T2002", b);
    if (is_undefined(a) || is_undefined(b))
        return VALUE_UNDEFINED;
    double x = number_of(a), y = number_of(b), result = 0;
    switch (code->oper) {
    case OP_PLUS:
        result = x + y;
        break;
    case OP_MINUS:
        result = x - y;
        break;
    case OP_TIMES:
        result = x * y;
        break;
    case OP_DIVIDE:
        result = x / y;
        break;
    default:
        result = fmod(x, y);
        break;
    }
    struct value exact;
    if (fabs(result) >= 9007199254740992.0 && e->dialect == JSONATA_STATES &&
        calculate_exactly(code->oper, a, b, &exact))
        return exact;
    return value_double(result);
}

static bool comparable(struct value v)
{
    return v.type == V_STRING || v.type == V_NUMBER;
}

static struct value compare(struct eval *e, const struct code *code, struct value a, struct value b)
{
    if ((!comparable(a) && !is_undefined(a)) || (!comparable(b) && !is_undefined(b)))
        fail_operator(e, code, "T2010", comparable(a) ? b : a, VALUE_UNDEFINED);
    if (is_undefined(a) || is_undefined(b))
        return VALUE_UNDEFINED;
    if (a.type != b.type)
        fail_operator(e, code, "T2009", a, b);
    double x, y;
    if (a.type == V_STRING) {
        x = text_compare(text_of(a), text_of(b));
        y = 0;
    } else if (a.exact && b.exact) {
        x = (a.as.integer > b.as.integer) - (a.as.integer < b.as.integer);
        y = 0;
    } else {
        x = number_of(a);
        y = number_of(b);
    }
    switch (code->oper) {
    case OP_LESS:
        return value_boolean(x < y);
    case OP_LESS_EQUAL:
        return value_boolean(x <= y);
    case OP_GREATER:
        return value_boolean(x > y);
    default:
        return value_boolean(x >= y);
    }
}

static struct value concatenate(struct eval *e, struct value a, struct value b)
{
    struct text x = is_undefined(a) ? (struct text){"", 0} : text_of(value_to_string(e, a, false));
    struct text y = is_undefined(b) ? (struct text){"", 0} : text_of(value_to_string(e, b, false));
    if (x.bytes + y.bytes > INT32_MAX)
        fail_memory(e);
    struct builder out = {.e = e};
    builder_reserve(&out, x.bytes + y.bytes);
    builder_add(&out, x.data, x.bytes);
    builder_add(&out, y.data, y.bytes);
    return builder_value(&out);
}

static bool is_integer(struct value v)
{
    return v.type == V_NUMBER && (v.exact || (isfinite(v.as.number) && v.as.number == trunc(v.as.number)));
}

/* At most ten million items, as in the reference. */
static struct value range(struct eval *e, const struct code *code, struct value a, struct value b)
{
    if (!is_undefined(a) && !is_integer(a))
        fail_operator(e, code, "T2003", a, VALUE_UNDEFINED);
    if (!is_undefined(b) && !is_integer(b))
        fail_operator(e, code, "T2004", b, VALUE_UNDEFINED);
    if (is_undefined(a) || is_undefined(b) || number_of(a) > number_of(b))
        return VALUE_UNDEFINED;
    double size = number_of(b) - number_of(a) + 1;
    if (size > 1e7)
        fail_operator(e, code, "D2014", value_double(size), VALUE_UNDEFINED);
    struct array *out = array_new(e, (size_t)size);
    out->sequence = true;
    double first = number_of(a);
    for (uint32_t i = 0; i < out->capacity; i++)
        out->items[i] = value_double(first + i);
    out->count = out->capacity;
    return value_array(out);
}

static bool includes(struct eval *e, struct value item, struct value list)
{
    if (is_undefined(item) || is_undefined(list))
        return false;
    if (list.type != V_ARRAY)
        return value_identical(item, list);
    size_t count = array_count(list);
    for (size_t i = 0; i < count; i++) {
        tick(e);
        if (value_identical(item, array_at(list, i)))
            return true;
    }
    return false;
}

struct value eval_operator(struct eval *e, const struct code *code, struct value a, struct value b)
{
    switch (code->oper) {
    case OP_EQUAL:
        return value_boolean(!is_undefined(a) && !is_undefined(b) && value_equal(e, a, b));
    case OP_NOT_EQUAL:
        return value_boolean(!is_undefined(a) && !is_undefined(b) && !value_equal(e, a, b));
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return compare(e, code, a, b);
    case OP_CONCAT:
        return concatenate(e, a, b);
    case OP_RANGE:
        return range(e, code, a, b);
    case OP_IN:
        return value_boolean(includes(e, a, b));
    default:
        return calculate(e, code, a, b);
    }
}
