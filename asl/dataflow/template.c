#include "asl/dataflow/template.h"

#include "asl/base/arena.h"
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/dataflow/intrinsics.h"
#include "asl/dataflow/template_priv.h"
#include "asl/definition/schema.h"
#include "asl/env.h"
#include "asl/failure.h"
#include "asl/jsonpath/jsonpath.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- compiling ---- */

struct compiler {
    struct arena *arena;
    const struct template_scope *scope;
    struct diagnostics *diagnostics;
    struct buf field;    /* "Output/a[0]" */
    struct buf location; /* "/States/A/Output/a[0]" */
};

static struct template *node_new(struct arena *arena, enum template_kind kind)
{
    struct template *node = ARENA_NEW(arena, struct template);
    node->kind = kind;
    return node;
}

static void shorten(struct buf *buf, size_t bytes)
{
    buf->bytes = bytes;
    if (buf->data)
        buf->data[bytes] = '\0';
}

static bool ends_with(const char *text, size_t bytes, const char *end)
{
    return bytes >= strlen(end) && memcmp(text + bytes - strlen(end), end, strlen(end)) == 0;
}

/* A path or a call, told apart by the first character. */
static int compile_expression(struct arena *arena, const char *text, size_t bytes, bool allow_intrinsic,
                              struct template *node, struct err *err)
{
    node->text = arena_strndup(arena, text, bytes);
    if (allow_intrinsic && bytes > 7 && memcmp(text, "States.", 7) == 0) {
        node->kind = TEMPLATE_CALL;
        return intrinsic_compile(arena, text, bytes, &node->call, err);
    }
    node->kind = TEMPLATE_PATH;
    return jsonpath_compile(arena, text, bytes, &node->path, err);
}

static struct diagnostic *report_expression(struct diagnostics *diagnostics, const char *location, const char *field,
                                            const char *found, bool allow_intrinsic, const struct err *err)
{
    struct diagnostic *d =
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, SCHEMA, location,
                        allow_intrinsic ? "The value for the field '%s' must be a valid JSONPath or a valid "
                                          "intrinsic function call"
                                        : "The value for the field '%s' must be a valid JSONPath",
                        field);
    d->found = mem_strdup(found);
    if (err->message[0])
        d->expected = mem_strdup(err->message);
    if (err->hint[0])
        d->suggestion = mem_strdup(err->hint);
    return d;
}

struct template *template_compile_path(struct arena *arena, const char *text, const char *field, bool allow_intrinsic,
                                       const char *location, struct diagnostics *diagnostics)
{
    struct template *node = node_new(arena, TEMPLATE_PATH);
    struct err err = {0};
    node->field = arena_strdup(arena, field);
    if (compile_expression(arena, text, strlen(text), allow_intrinsic, node, &err) != 0)
        report_expression(diagnostics, location, field, text, allow_intrinsic, &err);
    return node;
}

/* The value of a member `name.$`. */
static struct template *compile_dollar(struct compiler *c, const char *name, struct json_object *value)
{
    struct template *node = node_new(c->arena, TEMPLATE_CONSTANT);
    struct err err = {0};
    bool is_text = json_object_is_type(value, json_type_string);
    const char *text = is_text ? json_object_get_string(value) : "";
    node->field = arena_strdup(c->arena, name);
    if (c->scope->allow_placeholders && template_has_placeholder(text)) {
        char *place = mem_printf("%s/%s", buf_text(&c->location), name);
        schema_placeholder(c->diagnostics, place, value);
        free(place);
        return node;
    }
    if (is_text && compile_expression(c->arena, text, (size_t)json_object_get_string_len(value), true, node, &err) == 0)
        return node;
    char *found = json_text(value);
    struct diagnostic *d = report_expression(c->diagnostics, buf_text(&c->location), name, found, true, &err);
    if (sscanf(err.message, "column %d", &d->found_column) == 1)
        d->found_column++; /* the quote */
    d->place = mem_printf("%s/%s", buf_text(&c->location), name);
    free(found);
    return node;
}

bool template_has_placeholder(const char *text)
{
    for (const char *at = text; (at = strstr(at, "${")) != NULL; at += 2) {
        size_t name_bytes = strcspn(at + 2, "{}%\n");
        if (name_bytes > 0 && at[2 + name_bytes] == '}')
            return true;
    }
    return false;
}

bool template_is_jsonata(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string))
        return false;
    size_t bytes = (size_t)json_object_get_string_len(value);
    const char *text = json_object_get_string(value);
    return bytes >= 4 && memcmp(text, "{%", 2) == 0 && ends_with(text, bytes, "%}");
}

/* Opened and not closed at the end, or closed and never opened. "Hello {% 1 %}" is an ordinary text, as recorded. */
bool template_is_half_jsonata(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string))
        return false;
    const char *text = json_object_get_string(value);
    size_t bytes = (size_t)json_object_get_string_len(value);
    if (strncmp(text, "{%", 2) == 0)
        return bytes < 4 || !ends_with(text, bytes, "%}");
    return ends_with(text, bytes, "%}") && strstr(text, "{%") == NULL;
}

static struct template *compile_text(struct compiler *c, struct json_object *value)
{
    const char *text = json_object_get_string(value);
    size_t bytes = (size_t)json_object_get_string_len(value);
    struct template *node = node_new(c->arena, TEMPLATE_CONSTANT);
    node->field = arena_strdup(c->arena, buf_text(&c->field));
    node->constant = value;
    if (!c->scope->jsonata)
        return node;
    if (c->scope->allow_placeholders && template_is_jsonata(value) && template_has_placeholder(text)) {
        schema_placeholder(c->diagnostics, buf_text(&c->location), value);
    } else if (template_is_jsonata(value)) {
        template_compile_jsonata(c->arena, node, text + 2, bytes - 4, c->scope, buf_text(&c->location), c->diagnostics);
    } else if (template_is_half_jsonata(value)) {
        struct diagnostic *d = diagnostics_add(c->diagnostics, DIAGNOSTIC_ERROR, SCHEMA, buf_text(&c->location),
                                               "JSONata string must start with {%% and end with %%}");
        d->found = mem_strdup(text);
        d->expected = mem_strdup("a text that starts with '{%' and ends with '%}'");
    }
    return node;
}

static struct template *compile_value(struct compiler *c, struct json_object *value);

/* compile_value() one level down, where `format` is "/%s" or "[%zu]". */
static struct template *compile_below(struct compiler *c, struct json_object *value, const char *name, size_t index)
{
    size_t field_bytes = c->field.bytes, location_bytes = c->location.bytes;
    struct buf *places[] = {&c->field, &c->location};
    for (size_t i = 0; i < 2; i++) {
        if (name)
            buf_printf(places[i], "/%s", name);
        else
            buf_printf(places[i], "[%zu]", index);
    }
    struct template *node = compile_value(c, value);
    shorten(&c->field, field_bytes);
    shorten(&c->location, location_bytes);
    return node;
}

/* A member whose name ends in `.$` gives up that ending; another of the same name would be lost. */
static void compile_dollar_member(struct compiler *c, struct json_object *object, const char *name,
                                  struct json_object *value, struct template_member *member)
{
    char *bare = arena_strndup(c->arena, name, strlen(name) - 2);
    if (json_member(object, bare, NULL))
        diagnostics_add(c->diagnostics, DIAGNOSTIC_ERROR, SCHEMA, buf_text(&c->location),
                        "The fields '%s' and '%s' cannot be used together", bare, name)
            ->place = mem_printf("%s/%s", buf_text(&c->location), name);
    member->name = bare;
    member->value = compile_dollar(c, name, value);
}

static struct template *compile_object(struct compiler *c, struct json_object *object)
{
    struct template *node = node_new(c->arena, TEMPLATE_CONSTANT);
    node->members = ARENA_ARRAY(c->arena, struct template_member, (size_t)json_object_object_length(object) + 1);
    json_object_object_foreach (object, name, value) {
        struct template_member *member = &node->members[node->member_count++];
        bool dollar = !c->scope->jsonata && ends_with(name, strlen(name), ".$");
        if (dollar) {
            compile_dollar_member(c, object, name, value, member);
        } else {
            member->name = arena_strdup(c->arena, name);
            member->value = compile_below(c, value, name, 0);
        }
        if (dollar || member->value->kind != TEMPLATE_CONSTANT)
            node->kind = TEMPLATE_OBJECT;
    }
    return node;
}

static struct template *compile_array(struct compiler *c, struct json_object *array)
{
    struct template *node = node_new(c->arena, TEMPLATE_CONSTANT);
    node->member_count = json_object_array_length(array);
    node->members = ARENA_ARRAY(c->arena, struct template_member, node->member_count + 1);
    for (size_t i = 0; i < node->member_count; i++) {
        node->members[i].value = compile_below(c, json_object_array_get_idx(array, i), NULL, i);
        if (node->members[i].value->kind != TEMPLATE_CONSTANT)
            node->kind = TEMPLATE_ARRAY;
    }
    return node;
}

/* The constants inside stay alive with the value that template_compile() keeps. */
static struct template *compile_value(struct compiler *c, struct json_object *value)
{
    struct template *node;
    switch (json_object_get_type(value)) {
    case json_type_string:
        return compile_text(c, value);
    case json_type_object:
        node = compile_object(c, value);
        break;
    case json_type_array:
        node = compile_array(c, value);
        break;
    default:
        node = node_new(c->arena, TEMPLATE_CONSTANT);
    }
    node->field = arena_strdup(c->arena, buf_text(&c->field));
    node->constant = value;
    return node;
}

struct template *template_compile(struct arena *arena, struct json_object *value, const char *field,
                                  struct template_scope scope, const char *location, struct diagnostics *diagnostics)
{
    struct compiler c = {.arena = arena, .scope = &scope, .diagnostics = diagnostics};
    buf_add_text(&c.field, field);
    buf_add_text(&c.location, location);
    arena_keep(arena, value);
    struct template *node = compile_value(&c, value);
    buf_release(&c.field);
    buf_release(&c.location);
    return node;
}

bool template_constant(const struct template *t, struct json_object **ret_value)
{
    if (t->kind == TEMPLATE_CONSTANT)
        *ret_value = t->constant;
    return t->kind == TEMPLATE_CONSTANT;
}

/* ---- evaluating ---- */

static int missing(const struct template *node, struct template_frame *frame)
{
    char *json = json_text(frame->input);
    asl_failure_runtime(frame->failure,
                        "The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'",
                        node->text, node->field, json);
    free(json);
    return -1;
}

static int eval_path(const struct template *node, struct template_frame *frame, struct json_object **ret_value)
{
    struct jsonpath_miss miss;
    if (jsonpath_eval(node->path, frame->input, frame->env, ret_value, &miss) == 0)
        return 0;
    if (miss.kind != JSONPATH_PAST_END)
        return missing(node, frame);
    *ret_value = NULL; /* AWS gives null for an item past the end of an array */
    return 0;
}

static int eval(const struct template *node, struct template_frame *frame, struct json_object **ret_value);

static int eval_object(const struct template *node, struct template_frame *frame, struct json_object **ret_value)
{
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < node->member_count; i++) {
        struct json_object *value = NULL;
        if (eval(node->members[i].value, frame, &value) != 0 ||
            json_object_object_add_ex(object, node->members[i].name, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) != 0) {
            json_object_put(object);
            return -1;
        }
    }
    *ret_value = object;
    return 0;
}

static int eval_array(const struct template *node, struct template_frame *frame, struct json_object **ret_value)
{
    struct json_object *array = json_object_new_array_ext((int)node->member_count);
    for (size_t i = 0; i < node->member_count; i++) {
        struct json_object *value = NULL;
        if (eval(node->members[i].value, frame, &value) != 0) {
            json_object_put(array);
            return -1;
        }
        json_append(array, value);
    }
    *ret_value = array;
    return 0;
}

static int eval(const struct template *node, struct template_frame *frame, struct json_object **ret_value)
{
    switch (node->kind) {
    case TEMPLATE_CONSTANT:
        *ret_value = json_object_get(node->constant);
        return 0;
    case TEMPLATE_PATH:
        return eval_path(node, frame, ret_value);
    case TEMPLATE_CALL:
        return intrinsic_eval(node->call, frame->input, frame->env, ret_value, frame->failure);
    case TEMPLATE_JSONATA:
        return template_eval_jsonata(node, frame, ret_value);
    case TEMPLATE_OBJECT:
        return eval_object(node, frame, ret_value);
    case TEMPLATE_ARRAY:
        return eval_array(node, frame, ret_value);
    }
    return -1;
}

int template_eval(const struct template *t, struct json_object *input, struct asl_env *env,
                  struct json_object **ret_value, struct asl_failure *failure)
{
    struct template_frame frame = {.input = input, .env = env, .failure = failure};
    int error = eval(t, &frame, ret_value);
    json_release(&frame.states);
    return error;
}

void template_variables(const struct template *t, void (*report)(void *context, const char *name), void *context)
{
    switch (t->kind) {
    case TEMPLATE_CONSTANT:
        break;
    case TEMPLATE_PATH:
        if (jsonpath_root(t->path) == JSONPATH_VARIABLE)
            report(context, jsonpath_variable(t->path));
        break;
    case TEMPLATE_CALL:
        intrinsic_variables(t->call, report, context);
        break;
    case TEMPLATE_JSONATA:
        if (t->expression)
            jsonata_free_variables(t->expression, report, context);
        break;
    case TEMPLATE_OBJECT:
    case TEMPLATE_ARRAY:
        for (size_t i = 0; i < t->member_count; i++)
            template_variables(t->members[i].value, report, context);
        break;
    }
}
