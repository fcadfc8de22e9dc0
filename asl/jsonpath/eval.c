#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/env.h"
#include "asl/jsonpath/jsonpath_priv.h"

#include <stdio.h>

static bool has_type(struct json_object *value, enum json_type type)
{
    return json_object_is_type(value, type);
}

/* One member or index step; false where there is nothing. Borrowed. */
static bool child(const struct step *step, struct json_object *node, struct json_object **ret_child)
{
    if (step->kind == STEP_MEMBER)
        return has_type(node, json_type_object) && json_object_object_get_ex(node, step->name, ret_child);
    if (!has_type(node, json_type_array))
        return false;
    int64_t count = (int64_t)json_object_array_length(node);
    int64_t index = step->index < 0 ? count + step->index : step->index;
    if (index < 0 || index >= count)
        return false;
    *ret_child = json_object_array_get_idx(node, (size_t)index);
    return true;
}

/* STEP_PICK: a new object of those members that are there; false where there is no object, or not a whole one. */
static bool pick(const struct step *step, struct json_object *node, struct json_object **ret_object)
{
    struct json_object *member;
    if (!has_type(node, json_type_object))
        return false;
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < step->members.count; i++) {
        const char *name = step->members.names[i];
        if (json_object_object_get_ex(node, name, &member)) {
            json_add(object, name, json_object_get(member));
        } else if (step->members.whole) {
            json_object_put(object);
            return false;
        }
    }
    *ret_object = object;
    return true;
}

struct walk {
    struct json_object *matches;
    struct evaluation *e;
};

static void walk(struct walk *w, const struct step *steps, uint32_t count, struct json_object *node);

static void walk_children(struct walk *w, const struct step *steps, uint32_t count, struct json_object *node)
{
    if (has_type(node, json_type_array)) {
        size_t length = json_object_array_length(node);
        for (size_t i = 0; i < length; i++)
            walk(w, steps, count, json_object_array_get_idx(node, i));
    } else if (has_type(node, json_type_object)) {
        json_object_object_foreach (node, name, member) {
            (void)name;
            walk(w, steps, count, member);
        }
    }
}

/* The node itself and all below it, parents first. */
static void walk_descendants(struct walk *w, const struct step *steps, uint32_t count, struct json_object *node)
{
    walk(w, steps, count, node);
    if (has_type(node, json_type_array)) {
        size_t length = json_object_array_length(node);
        for (size_t i = 0; i < length && w->e->visits <= VISITS_MAX; i++)
            walk_descendants(w, steps, count, json_object_array_get_idx(node, i));
    } else if (has_type(node, json_type_object)) {
        json_object_object_foreach (node, name, member) {
            (void)name;
            if (w->e->visits <= VISITS_MAX)
                walk_descendants(w, steps, count, member);
        }
    }
}

static void walk_slice(struct walk *w, const struct step *steps, uint32_t count, struct json_object *node)
{
    if (!has_type(node, json_type_array))
        return;
    const struct slice *slice = &steps->slice;
    int64_t length = (int64_t)json_object_array_length(node);
    int64_t from = slice->has_from ? slice->from : 0, to = slice->has_to ? slice->to : length;
    from = from < 0 ? from + length : from;
    to = to < 0 ? to + length : to;
    for (int64_t i = from < 0 ? 0 : from; i < to && i < length; i++)
        walk(w, steps + 1, count - 1, json_object_array_get_idx(node, (size_t)i));
}

/* As in Jayway a filter looks at the items of an array, but at an object itself. */
static void walk_filter(struct walk *w, const struct step *steps, uint32_t count, struct json_object *node)
{
    if (has_type(node, json_type_object)) {
        if (filter_accepts(steps->filter, node, w->e))
            walk(w, steps + 1, count - 1, node);
    } else if (has_type(node, json_type_array)) {
        size_t length = json_object_array_length(node);
        for (size_t i = 0; i < length && w->e->visits <= VISITS_MAX; i++) {
            struct json_object *item = json_object_array_get_idx(node, i);
            w->e->visits++;
            if (filter_accepts(steps->filter, item, w->e))
                walk(w, steps + 1, count - 1, item);
        }
    }
}

static void walk_union(struct walk *w, const struct step *steps, uint32_t count, struct json_object *node)
{
    bool names = steps->kind == STEP_MEMBERS;
    size_t alternatives = names ? steps->members.count : steps->indexes.count;
    for (size_t i = 0; i < alternatives; i++) {
        struct step one = {.kind = names ? STEP_MEMBER : STEP_INDEX};
        if (names)
            one.name = steps->members.names[i];
        else
            one.index = steps->indexes.list[i];
        struct json_object *found;
        if (child(&one, node, &found))
            walk(w, steps + 1, count - 1, found);
    }
}

/* Appends what `steps` find below `node`; what is not there is passed over. */
static void walk(struct walk *w, const struct step *steps, uint32_t count, struct json_object *node)
{
    struct json_object *found;
    if (++w->e->visits > VISITS_MAX)
        return;
    if (count == 0) {
        json_append(w->matches, json_object_get(node));
        return;
    }
    switch (steps->kind) {
    case STEP_MEMBER:
    case STEP_INDEX:
        if (child(steps, node, &found))
            walk(w, steps + 1, count - 1, found);
        break;
    case STEP_WILDCARD:
        walk_children(w, steps + 1, count - 1, node);
        break;
    case STEP_PICK:
        if (pick(steps, node, &found))
            json_append(w->matches, found);
        break;
    case STEP_MEMBERS:
    case STEP_INDEXES:
        walk_union(w, steps, count, node);
        break;
    case STEP_SLICE:
        walk_slice(w, steps, count, node);
        break;
    case STEP_FILTER:
        walk_filter(w, steps, count, node);
        break;
    case STEP_DESCEND:
        walk_descendants(w, steps + 1, count - 1, node);
        break;
    case STEP_FUNCTION: /* is taken off before the walk */
        break;
    }
}

/* "$['a'][0]": how Jayway shows where it is */
static void add_place(struct buf *out, const struct jsonpath *path, uint32_t step_count)
{
    buf_add_char(out, '$');
    for (uint32_t i = 0; i < step_count; i++) {
        const struct step *step = &path->steps[i];
        if (step->kind == STEP_MEMBER)
            buf_printf(out, "['%s']", step->name);
        else if (step->kind == STEP_INDEX)
            buf_printf(out, "[%lld]", (long long)step->index);
    }
}

static const char *java_type(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "java.lang.Boolean";
    case json_type_double:
        return "java.lang.Double";
    case json_type_int:
        return json_object_get_int64(value) == (int32_t)json_object_get_int64(value) ? "java.lang.Integer"
                                                                                     : "java.lang.Long";
    case json_type_string:
        return "java.lang.String";
    case json_type_array:
        return "java.util.ArrayList";
    case json_type_object:
        break;
    }
    return "java.util.LinkedHashMap";
}

/* "['a']", "['a', 'b']" */
static void add_names(struct buf *out, const struct step *step)
{
    if (step->kind == STEP_MEMBER) {
        buf_printf(out, "['%s']", step->name);
        return;
    }
    for (size_t i = 0; i < step->members.count; i++)
        buf_printf(out, "%s'%s'", i ? ", " : "[", step->members.names[i]);
    buf_add_char(out, ']');
}

/* Why step number `at` of a definite path found nothing in `node`. */
static void explain(const struct jsonpath *path, uint32_t at, struct json_object *node, struct jsonpath_miss *miss)
{
    const struct step *step = &path->steps[at];
    bool last = at + 1 == path->step_count;
    AUTO_BUF text = BUF_INIT;
    miss->kind = JSONPATH_ABSENT;
    if ((step->kind == STEP_MEMBER || step->kind == STEP_PICK) && !has_type(node, json_type_object)) {
        buf_add_text(&text, "Expected to find an object with property ");
        add_names(&text, step);
        buf_add_text(&text, " in path ");
        add_place(&text, path, at);
        buf_printf(&text,
                   " but found '%s'. This is not a json object according to the JsonProvider: "
                   "'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
                   java_type(node));
    } else if (step->kind == STEP_MEMBER && !last) {
        buf_add_text(&text, "Missing property in path ");
        add_place(&text, path, at + 1);
    } else if (step->kind == STEP_INDEX && node == NULL) {
        miss->kind = JSONPATH_NO_ARRAY;
        buf_add_text(&text, "The path ");
        add_place(&text, path, at);
        buf_add_text(&text, " is null");
    } else if (step->kind == STEP_INDEX && !has_type(node, json_type_array)) {
        miss->kind = JSONPATH_NO_ARRAY;
        buf_printf(&text, "Filter: [%lld] can only be applied to arrays. Current context is: ", (long long)step->index);
        json_write(&text, node);
    } else {
        if (step->kind == STEP_INDEX && last)
            miss->kind = JSONPATH_PAST_END;
        buf_add_text(&text, "No results for path: ");
        add_place(&text, path, path->step_count);
    }
    snprintf(miss->text, sizeof miss->text, "%s", buf_text(&text));
    if (step->kind == STEP_MEMBER)
        snprintf(miss->step, sizeof miss->step, "%s", step->name);
    else if (step->kind == STEP_PICK)
        snprintf(miss->step, sizeof miss->step, "%s", step->members.names[0]);
    else
        snprintf(miss->step, sizeof miss->step, "%lld", (long long)step->index);
}

/* What the steps of a path find below `node`: a new reference, or -1 and the reason. */
static int find(const struct jsonpath *path, struct json_object *node, struct evaluation *e,
                struct json_object **ret_value, struct jsonpath_miss *miss)
{
    uint32_t count = path->step_count;
    bool function = count && path->steps[count - 1].kind == STEP_FUNCTION;
    count -= function;
    AUTO_JSON struct json_object *value = NULL;
    if (!path->walks) {
        bool picks = count && path->steps[count - 1].kind == STEP_PICK;
        for (uint32_t i = 0; i < count; i++) {
            struct json_object *next;
            bool picked = picks && i + 1 == count;
            if (picked ? !pick(&path->steps[i], node, &value) : !child(&path->steps[i], node, &next)) {
                if (miss)
                    explain(path, i, node, miss);
                return -1;
            }
            node = picked ? NULL : next;
        }
        if (!picks)
            value = json_object_get(node);
    } else {
        struct walk w = {.e = e, .matches = json_object_new_array()};
        walk(&w, path->steps, count, node);
        value = w.matches;
        if (e->visits > VISITS_MAX) {
            if (miss)
                *miss = (struct jsonpath_miss){.text = "The path visits too many nodes"};
            return -1;
        }
    }
    if (!function) {
        *ret_value = json_take(&value);
        return 0;
    }
    if (jsonpath_function(path->steps[count].function, value, ret_value))
        return 0;
    if (miss)
        *miss = (struct jsonpath_miss){.text = "Aggregation function attempted to calculate value using empty array"};
    return -1;
}

int jsonpath_eval(const struct jsonpath *path, struct json_object *input, struct asl_env *env,
                  struct json_object **ret_value, struct jsonpath_miss *miss)
{
    struct json_object *root = input;
    if (path->root == JSONPATH_CONTEXT) {
        root = asl_env_context(env);
    } else if (path->root == JSONPATH_VARIABLE && !asl_env_variable(env, path->variable, &root)) {
        if (miss) {
            miss->kind = JSONPATH_ABSENT;
            snprintf(miss->text, sizeof miss->text, "No results for path: $%s", path->variable);
            snprintf(miss->step, sizeof miss->step, "%s", path->variable);
        }
        return -1;
    }
    struct evaluation e = {.document = root, .env = env};
    return find(path, root, &e, ret_value, miss);
}

bool jsonpath_operand(const struct jsonpath *path, struct json_object *current, struct evaluation *e,
                      struct json_object **ret_value)
{
    return find(path, path->at_current ? current : e->document, e, ret_value, NULL) == 0;
}

/* A copy of `parent` (or an object where there is none) in which the child of `step` is `value`. */
static int replace(const struct step *step, struct json_object *parent, struct json_object *value,
                   struct json_object **ret_copy)
{
    if (step->kind == STEP_MEMBER) {
        *ret_copy = json_shallow_copy(parent);
        json_add(*ret_copy, step->name, json_object_get(value));
        return 0;
    }
    size_t count = json_object_array_length(parent);
    size_t index = step->index < 0 ? count - (size_t)-step->index : (size_t)step->index;
    *ret_copy = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_append(*ret_copy, json_object_get(i == index ? value : json_object_array_get_idx(parent, i)));
    return 0;
}

/* Puts `value` below `node`, from step number `at` on. `node` is missing where `present` is false. */
static int put(const struct jsonpath *path, uint32_t at, bool present, struct json_object *node,
               struct json_object *value, struct json_object **ret_node)
{
    if (at == path->step_count) {
        *ret_node = json_object_get(value);
        return 0;
    }
    const struct step *step = &path->steps[at];
    struct json_object *below = NULL;
    if (present && !has_type(node, step->kind == STEP_MEMBER ? json_type_object : json_type_array))
        return -1;
    bool found = present && child(step, node, &below);
    if (step->kind == STEP_INDEX && !found)
        return -1;
    AUTO_JSON struct json_object *changed = NULL;
    if (put(path, at + 1, found, below, value, &changed) != 0)
        return -1;
    return replace(step, node, changed, ret_node);
}

int jsonpath_put(const struct jsonpath *path, struct json_object *document, struct json_object *value,
                 struct json_object **ret_document, struct jsonpath_miss *miss)
{
    if (put(path, 0, true, document, value, ret_document) == 0)
        return 0;
    if (miss) {
        AUTO_BUF text = BUF_INIT;
        buf_printf(&text, "Unable to apply ReferencePath %s to input ", path->text);
        json_write(&text, document);
        miss->kind = JSONPATH_ABSENT;
        snprintf(miss->text, sizeof miss->text, "%s", buf_text(&text));
    }
    return -1;
}
