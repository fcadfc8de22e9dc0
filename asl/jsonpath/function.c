#include "asl/base/json.h"
#include "asl/jsonpath/jsonpath_priv.h"

#include <math.h>

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

/* Numbers of an array: what is none is passed over, as in Jayway. */
struct numbers {
    size_t count;
    double sum, squares, min, max;
};

static struct numbers collect(struct json_object *array)
{
    struct numbers n = {0};
    if (!json_object_is_type(array, json_type_array))
        return n;
    size_t count = json_object_array_length(array);
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(array, i);
        if (!is_number(item))
            continue;
        double number = json_object_get_double(item);
        n.min = n.count == 0 || number < n.min ? number : n.min;
        n.max = n.count == 0 || number > n.max ? number : n.max;
        n.sum += number;
        n.squares += number * number;
        n.count++;
    }
    return n;
}

/* These calculate with doubles in Jayway, and their results show it: 6.0. */
static bool aggregate(enum path_function function, struct json_object *argument, struct json_object **ret_value)
{
    struct numbers n = collect(argument);
    if (n.count == 0)
        return false;
    double count = (double)n.count, result = n.sum, variance;
    switch (function) {
    case FUNCTION_MIN:
        result = n.min;
        break;
    case FUNCTION_MAX:
        result = n.max;
        break;
    case FUNCTION_AVG:
        result = n.sum / count;
        break;
    case FUNCTION_STDDEV:
        variance = n.squares / count - n.sum * n.sum / count / count;
        result = variance > 0 ? sqrt(variance) : 0;
        break;
    default: /* the sum */
        break;
    }
    *ret_value = json_new_float(result);
    return true;
}

static struct json_object *length(struct json_object *argument)
{
    if (json_object_is_type(argument, json_type_array))
        return json_object_new_int64((int64_t)json_object_array_length(argument));
    if (json_object_is_type(argument, json_type_object))
        return json_object_new_int(json_object_object_length(argument));
    return NULL;
}

static struct json_object *keys(struct json_object *argument)
{
    if (!json_object_is_type(argument, json_type_object))
        return NULL;
    struct json_object *names = json_object_new_array();
    json_object_object_foreach (argument, name, member) {
        (void)member;
        json_append(names, json_object_new_string(name));
    }
    return names;
}

static bool item(struct json_object *argument, bool last, struct json_object **ret_value)
{
    size_t count = json_object_is_type(argument, json_type_array) ? json_object_array_length(argument) : 0;
    if (count == 0)
        return false;
    *ret_value = json_object_get(json_object_array_get_idx(argument, last ? count - 1 : 0));
    return true;
}

bool jsonpath_function(enum path_function function, struct json_object *argument, struct json_object **ret_value)
{
    switch (function) {
    case FUNCTION_LENGTH:
        *ret_value = length(argument);
        return true;
    case FUNCTION_KEYS:
        *ret_value = keys(argument);
        return true;
    case FUNCTION_FIRST:
    case FUNCTION_LAST:
        return item(argument, function == FUNCTION_LAST, ret_value);
    default:
        return aggregate(function, argument, ret_value);
    }
}
