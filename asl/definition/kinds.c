/* The simple kinds of fields: texts, numbers, paths, templates (the table is fields.def). */
#include "asl/definition/compile.h"

#include "asl/base/arena.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"
#include "asl/dataflow/choice.h"
#include "asl/dataflow/template.h"
#include "asl/dataflow/timestamp.h"
#include "asl/jsonpath/jsonpath.h"

#include <math.h>
#include <string.h>

bool expect_type(struct compiler *c, struct json_object *value, enum json_type type)
{
    return schema_expect(c->diagnostics, buf_text(&c->location), value, type);
}

bool expect_enum(struct compiler *c, struct json_object *value, const char *list, const char **ret_text)
{
    if (!expect_type(c, value, json_type_string))
        return false;
    const char *given = json_object_get_string(value);
    struct suggest suggest = suggest_begin(given);
    char names[16][32];
    size_t count = 0;
    for (const char *at = list; *at; count++) {
        size_t bytes = strcspn(at, ",");
        memcpy(names[count], at, bytes);
        names[count][bytes] = '\0';
        at += bytes;
        at += strspn(at, ", ");
        if (strcmp(given, names[count]) == 0) {
            *ret_text = given;
            return true;
        }
        suggest_offer(&suggest, names[count]);
    }
    struct diagnostic *diagnostic =
        diagnostic_found(fault(c, SCHEMA, "Value should be one of the following: [%s]", list), value);
    diagnostic_suggest(diagnostic, suggest.best);
    return false;
}

/* What `$states` holds in the field at hand. */
static struct template_scope template_scope(const struct compiler *c)
{
    const char *field = place_field(c);
    bool after = strcmp(field, "Output") == 0 || strcmp(field, "Assign") == 0;
    bool works = WORK & 1 << c->state->type;
    return (struct template_scope){
        .jsonata = c->state->jsonata,
        .states = {.has_result = works && after && !c->in_catcher, .has_error_output = c->in_catcher},
        .allow_placeholders = c->options.allow_placeholders,
    };
}

struct template *compile_value(struct compiler *c, struct json_object *value)
{
    return template_compile(c->arena, value, place_field(c), template_scope(c), buf_text(&c->location), c->diagnostics);
}

/* checked: compile_state() and its like look at this one themselves */
void compile_checked(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)c, (void)field, (void)value, (void)target;
}

void compile_comment(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field, (void)target;
    expect_type(c, value, json_type_string);
}

void compile_string(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field, (void)target;
    expect_type(c, value, json_type_string);
}

void compile_object_field(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field, (void)target;
    expect_type(c, value, json_type_object);
}

void compile_boolean(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field, (void)target;
    expect_type(c, value, json_type_boolean);
}

void compile_one_of(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)target;
    const char *text;
    if (c->state && c->state->jsonata && template_is_jsonata(value) && field->contexts == READER_CONFIG)
        compile_value(c, value);
    else
        expect_enum(c, value, field->texts, &text);
}

/* The limits are told as numbers of the field's kind: 0, or 0.0 where it need not be whole. */
static bool expect_range(struct compiler *c, const struct field *field, struct json_object *value, bool whole,
                         double number)
{
    int places = whole ? 0 : 1;
    if (number < field->min)
        diagnostic_found(fault(c, SCHEMA, "Minimum value is %.*f", places, field->min), value);
    else if (number > field->max)
        diagnostic_found(fault(c, SCHEMA, "Maximum value is %.*f", places, field->max), value);
    else
        return true;
    return false;
}

/* A number in the field's range, whole or not. */
static bool expect_number(struct compiler *c, const struct field *field, struct json_object *value, bool whole,
                          double *ret_number)
{
    bool is_int = json_object_is_type(value, json_type_int);
    if (!is_int && !json_object_is_type(value, json_type_double)) {
        const char *what = whole ? "Integer" : "Number";
        diagnostic_found(fault(c, SCHEMA, "Expected value of type %s", what), value);
        return false;
    }
    double number = json_object_get_double(value);
    if (whole && number != floor(number)) {
        diagnostic_found(fault(c, SCHEMA, "Expected value of type Integer"), value);
        return false;
    }
    if (!expect_range(c, field, value, whole, number))
        return false;
    *ret_number = number;
    return true;
}

void compile_integer(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    double number;
    if (expect_number(c, field, value, true, &number))
        *(int64_t *)target = (int64_t)number;
}

void compile_rate(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    expect_number(c, field, value, false, target);
}

static void compile_number_field(struct compiler *c, const struct field *field, struct json_object *value, bool whole,
                                 struct number_field *target)
{
    if (c->state->jsonata && (template_is_jsonata(value) || template_is_half_jsonata(value))) {
        target->kind = NUMBER_EXPRESSION;
        target->expression = compile_value(c, value);
    } else if (expect_number(c, field, value, whole, &target->literal)) {
        target->kind = NUMBER_LITERAL;
    }
    target->name = field->name;
}

void compile_number(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    compile_number_field(c, field, value, true, target);
}

void compile_fraction(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    compile_number_field(c, field, value, false, target);
}

static struct jsonpath *expect_path(struct compiler *c, struct json_object *value, bool reference)
{
    return schema_path(c->diagnostics, buf_text(&c->location), value, reference, c->arena);
}

void compile_number_path(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    struct number_field *number = target;
    number->path = expect_path(c, value, true);
    if (number->path && jsonpath_root(number->path) == JSONPATH_CONTEXT && field->contexts != TASK &&
        field->contexts != WAIT)
        diagnostic_found(fault(c, SCHEMA,
                               "Value is not a Reference Path: of a Map's fields only ItemsPath may lead "
                               "into the context object"),
                         value);
    number->kind = NUMBER_PATH;
    number->name = field->name;
}

/* Paths of InputPath and its like: null means "nothing", `$` the whole. */
static void store_path(struct jsonpath *path, struct path_field *target)
{
    bool whole = jsonpath_root(path) == JSONPATH_INPUT && jsonpath_is_root(path);
    target->kind = whole ? PATH_WHOLE : PATH_SOME;
    target->path = path;
}

static void compile_path_field(struct compiler *c, struct json_object *value, bool reference, struct path_field *target)
{
    if (value == NULL) {
        target->kind = PATH_NOTHING;
        return;
    }
    struct jsonpath *path = expect_path(c, value, reference);
    if (path)
        store_path(path, target);
}

void compile_path(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    compile_path_field(c, value, false, target);
}

void compile_result_path(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct path_field *result_path = target;
    compile_path_field(c, value, true, result_path);
    if (result_path->kind == PATH_SOME && jsonpath_root(result_path->path) != JSONPATH_INPUT)
        diagnostic_found(fault(c, SCHEMA,
                               "Value is not a Reference Path: a result cannot be put into the context "
                               "object or a variable"),
                         value);
}

void compile_items_path(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct jsonpath *path = expect_path(c, value, true);
    if (path)
        store_path(path, target);
}

void compile_template(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    *(struct template **)target = compile_value(c, value);
    warn_template(c, value);
}

void compile_items(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    bool array = json_object_is_type(value, json_type_array) || json_object_is_type(value, json_type_object);
    if (!array && !template_is_jsonata(value) && !template_is_half_jsonata(value))
        diagnostic_found(fault(c, SCHEMA, "Expected value of type [ARRAY] or a JSONata expression"), value);
    else
        compile_template(c, field, value, target);
}

void compile_result(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    *(struct json_object **)target = value;
    c->state->has_result = true;
    warn_result(c, value);
}

void compile_credentials(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    struct json_object *role;
    bool expression = c->state->jsonata && template_is_jsonata(value);
    if (!expression && !expect_type(c, value, json_type_object))
        return;
    if (!expression && !json_member(value, "RoleArn", &role) && !json_member(value, "RoleArn.$", &role))
        fault(c, SCHEMA, "The field 'RoleArn' is required but was missing");
    const char *resource = json_member_text(c->state->source, "Resource");
    if (resource && strncmp(resource, "arn:", 4) == 0 && strstr(resource, ":activity:"))
        fault(c, SCHEMA, "The field 'Credentials' is not supported for activities");
    compile_template(c, field, value, target);
}

void compile_text(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    struct text_field *text = target;
    text->name = field->name;
    if (c->state->jsonata && (template_is_jsonata(value) || template_is_half_jsonata(value))) {
        text->kind = NUMBER_EXPRESSION;
        text->expression = compile_value(c, value);
    } else if (expect_type(c, value, json_type_string)) {
        text->kind = NUMBER_LITERAL;
        text->literal = arena_strdup(c->arena, json_object_get_string(value));
        warn_text(c, value);
    }
}

void compile_text_path(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    struct text_field *text = target;
    text->name = field->name;
    text->kind = NUMBER_PATH;
    text->path = expect_path(c, value, true);
}

void compile_text_template(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    struct text_field *text = target;
    text->name = field->name;
    if (!expect_type(c, value, json_type_string))
        return;
    text->kind = NUMBER_EXPRESSION;
    text->expression = template_compile_path(c->arena, json_object_get_string(value), field->name, true,
                                             buf_text(&c->location), c->diagnostics);
}

void compile_timestamp(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    struct text_field *text = target;
    int64_t ms;
    compile_text(c, field, value, target);
    if (text->kind == NUMBER_LITERAL && !timestamp_parse_ms(text->literal, strlen(text->literal), &ms)) {
        struct diagnostic *diagnostic = fault(c, SCHEMA, "String does not match RFC3339 timestamp");
        diagnostic_found(diagnostic, value);
        diagnostic->expected = mem_strdup("a timestamp such as \"2024-08-18T17:33:00Z\"");
    }
}

void compile_target(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    if (expect_type(c, value, json_type_string))
        *(struct state **)target = flow_target(c, json_object_get_string(value), buf_text(&c->location));
}

static struct state *choice_target(void *context, const char *name, const char *location)
{
    return flow_target(context, name, location);
}

void compile_choices(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct state *state = target;
    struct choice_scope scope = {
        .arena = c->arena,
        .jsonata = state->jsonata,
        .target = choice_target,
        .context = c,
        .diagnostics = c->diagnostics,
        .allow_placeholders = c->options.allow_placeholders,
    };
    state->choices = choice_compile(&scope, value, buf_text(&c->location), &state->choice_count);
}

#define RESOURCE_UNKNOWN                                                                                               \
    "The resource provided %s is not recognized. The value is not a valid resource ARN, or the resource is not "       \
    "available in this region."

void compile_resource(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct resource *resource = target;
    if (!expect_type(c, value, json_type_string))
        return;
    const char *text = json_object_get_string(value);
    bool parsed = resource_parse(c->arena, text, resource);
    if (strncmp(text, "arn:", 4) != 0) {
        diagnostic_found(fault(c, SCHEMA, "Value is not a valid resource ARN"), value);
        return;
    }
    if (!parsed || !resource_is_known(resource)) {
        struct diagnostic *diagnostic = diagnostic_found(fault(c, SCHEMA, RESOURCE_UNKNOWN, text), value);
        const char *suggestion = parsed ? resource_suggest(resource) : NULL;
        if (suggestion)
            diagnostic->suggestion = mem_printf("did you mean 'arn:aws:states:::%s'?", suggestion);
        return;
    }
    if (!c->options.express)
        return;
    if (resource->kind == RESOURCE_ACTIVITY)
        fault(c, SCHEMA, "Express state machine does not support Activity ARN");
    else if (resource->pattern == PATTERN_SYNC || resource->pattern == PATTERN_SYNC_2)
        fault(c, SCHEMA, "Express state machine does not support '.sync' service integration");
    else if (resource->pattern == PATTERN_CALLBACK) /* AWS's text ends in a blank */
        fault(c, SCHEMA, "Express state machine does not support '.waitForTaskToken' service integration ");
}
