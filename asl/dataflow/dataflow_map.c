/* Map: its items, its limits and the input of one iteration. */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/dataflow.h"
#include "asl/dataflow/dataflow_priv.h"
#include "asl/dataflow/template.h"
#include "asl/jsonpath/jsonpath.h"

#include <stdlib.h>

/* An object as items: one {"Key", "Value"} for each member. */
static struct json_object *members_as_items(struct json_object *object)
{
    struct json_object *items = json_object_new_array();
    json_object_object_foreach (object, name, member) {
        struct json_object *item = json_object_new_object();
        json_add_text(item, "Key", name);
        json_add(item, "Value", json_object_get(member));
        json_append(items, item);
    }
    return items;
}

/* AWS has a name and a text of their own for an ItemsPath that leads nowhere. */
static int fail_items_path(const struct jsonpath_miss *miss, struct json_object *input, struct asl_failure *failure)
{
    char *json = json_text(input);
    asl_failure_set(failure, "States.ReferencePathConflict", false, "Unable to apply step \"%s\" to input %s",
                    miss->step, json);
    free(json);
    return -1;
}

struct json_object *dataflow_map_item(int64_t index, struct json_object *item, bool keyed)
{
    struct json_object *key = NULL, *value = item, *part = json_object_new_object();
    json_add_int(part, "Index", index);
    if (keyed && json_member(item, "Key", &key) && json_member(item, "Value", &value))
        json_add(part, "Key", json_object_get(key));
    json_add(part, "Value", json_object_get(value));
    return part;
}

static int jsonpath_items(const struct state *state, struct asl_env *env, struct json_object *effective,
                          struct json_object **ret_items, bool *ret_keyed, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *value = NULL;
    struct jsonpath_miss miss;
    if (state->items_path.kind != PATH_SOME)
        value = json_object_get(effective);
    else if (jsonpath_eval(state->items_path.path, effective, env, &value, &miss) != 0)
        return fail_items_path(&miss, effective, failure);
    *ret_keyed = json_object_is_type(value, json_type_object);
    if (*ret_keyed)
        *ret_items = members_as_items(value);
    else if (json_object_is_type(value, json_type_array))
        *ret_items = json_take(&value);
    else
        return asl_failure_runtime(failure, "Reference path \"%s\" must point to array.",
                                   state->items_path.kind == PATH_SOME ? jsonpath_text(state->items_path.path) : "$");
    dataflow_inspect(env, "afterItemsPath", *ret_items);
    return 0;
}

static int jsonata_items(const struct state *state, struct asl_env *env, struct json_object **ret_items,
                         struct asl_failure *failure)
{
    AUTO_JSON struct json_object *value = NULL;
    if (state->items == NULL)
        value = json_object_get(env->input);
    else if (template_eval(state->items, env->input, env, &value, failure) != 0)
        return -1;
    if (json_object_is_type(value, json_type_array)) {
        *ret_items = json_take(&value);
        return 0;
    }
    if (state->items)
        return template_mismatch(state->items, "array", value, failure);
    char *found = json_text(value);
    asl_failure_set(failure, "States.QueryEvaluationError", true, "Map state input must be an array but was: %s",
                    found);
    free(found);
    return -1;
}

int dataflow_map_items(const struct state *state, struct asl_env *env, struct json_object *effective,
                       struct json_object **ret_items, bool *ret_keyed, struct asl_failure *failure)
{
    *ret_keyed = false;
    return state->jsonata ? jsonata_items(state, env, ret_items, failure)
                          : jsonpath_items(state, env, effective, ret_items, ret_keyed, failure);
}

int dataflow_map_item_input(const struct state *state, struct asl_env *env, struct json_object *effective,
                            struct json_object *item, struct json_object **ret_input, struct asl_failure *failure)
{
    if (state->item_selector == NULL) {
        *ret_input = json_object_get(item);
        return 0;
    }
    if (template_eval(state->item_selector, effective, env, ret_input, failure) != 0)
        return -1;
    dataflow_inspect(env, "afterItemSelector", *ret_input);
    return 0;
}

int dataflow_map_max_concurrency(const struct state *state, struct asl_env *env, int64_t *ret_max,
                                 struct asl_failure *failure)
{
    bool given;
    int64_t number = 0;
    if (dataflow_number(state, &state->max_concurrency, env, &given, &number, failure) != 0)
        return -1;
    if (number < 0)
        return asl_failure_runtime(failure, "MaxConcurrency cannot be negative.");
    *ret_max = number < INT32_MAX ? number : INT32_MAX;
    if (env->inspection)
        json_add_int(env->inspection, "maxConcurrency", *ret_max);
    return 0;
}

int dataflow_map_tolerated(const struct state *state, struct asl_env *env, int64_t *ret_count, double *ret_percentage,
                           struct asl_failure *failure)
{
    bool has_count, has_percentage;
    int64_t count = -1;
    double percentage = -1;
    if (dataflow_number(state, &state->tolerated_failure_count, env, &has_count, &count, failure) != 0 ||
        dataflow_fraction(state, &state->tolerated_failure_percentage, env, &has_percentage, &percentage, failure) != 0)
        return -1;
    if (has_count && count < 0)
        return asl_failure_runtime(failure, "ToleratedFailureCount cannot be negative.");
    if (has_percentage && !(percentage >= 0 && percentage <= 100))
        return asl_failure_runtime(failure, "ToleratedFailurePercentage must be between 0 and 100.");
    *ret_count = count < INT32_MAX ? count : INT32_MAX;
    *ret_percentage = percentage;
    if (env->inspection && has_count)
        json_add_int(env->inspection, "toleratedFailureCount", *ret_count);
    if (env->inspection && has_percentage)
        json_add(env->inspection, "toleratedFailurePercentage", json_new_float(percentage));
    return 0;
}

int dataflow_map_batch_size(const struct state *state, const struct number_field *field, const char *name,
                            struct asl_env *env, bool *ret_given, int64_t *ret_size, struct asl_failure *failure)
{
    if (dataflow_number(state, field, env, ret_given, ret_size, failure) != 0)
        return -1;
    if (*ret_given && *ret_size < 0)
        return asl_failure_runtime(failure, "%s must be positive.", name);
    *ret_given = *ret_given && *ret_size > 0;
    return 0;
}

static struct json_object *new_batch(struct json_object *const *batch_input)
{
    struct json_object *batch = json_object_new_object();
    if (batch_input)
        json_add(batch, "BatchInput", json_object_get(*batch_input));
    json_add(batch, "Items", json_object_new_array());
    return batch;
}

struct json_object *dataflow_map_batches(struct json_object *items, int64_t items_max, int64_t bytes_max,
                                         struct json_object *const *batch_input)
{
    struct json_object *batches = json_object_new_array();
    size_t count = json_object_array_length(items);
    int64_t empty_bytes = 12; /* {"Items":[]} */
    if (batch_input)
        empty_bytes += 14 + (int64_t)json_size(*batch_input, LIMIT_PAYLOAD_BYTES);
    for (size_t i = 0; i < count;) {
        struct json_object *batch = new_batch(batch_input), *members;
        json_member(batch, "Items", &members);
        int64_t bytes = empty_bytes;
        do {
            struct json_object *item = json_object_array_get_idx(items, i);
            bytes += (int64_t)json_size(item, (size_t)bytes_max) + 1;
            if (json_object_array_length(members) && bytes > bytes_max)
                break;
            json_append(members, json_object_get(item));
            i++;
        } while (i < count && (int64_t)json_object_array_length(members) < items_max);
        json_append(batches, batch);
    }
    return batches;
}
