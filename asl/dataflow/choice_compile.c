#include "asl/base/arena.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"
#include "asl/dataflow/choice_priv.h"
#include "asl/dataflow/template.h"
#include "asl/definition/schema.h"
#include "asl/jsonpath/jsonpath.h"

#include <stdlib.h>
#include <string.h>

static const struct comparator {
    const char *name;
    enum comparator_family family;
    enum comparator_relation relation;
    bool from_path;
} comparators[] = {
#define COMPARATOR(name, family, relation, from_path) {name, family, relation, from_path},
#include "asl/dataflow/comparators.def"
#undef COMPARATOR
};

static const struct comparator *find_comparator(const char *name)
{
    for (size_t i = 0; i < sizeof comparators / sizeof *comparators; i++)
        if (strcmp(comparators[i].name, name) == 0)
            return &comparators[i];
    return NULL;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static void fault(const struct choice_scope *scope, const char *location, const char *text)
{
    diagnostics_add(scope->diagnostics, DIAGNOSTIC_ERROR, SCHEMA, location, "%s", text);
}

/* A fault that names all comparators. */
static void fault_comparators(const struct choice_scope *scope, const char *location, const char *text)
{
    AUTO_BUF list = BUF_INIT;
    for (size_t i = 0; i < sizeof comparators / sizeof *comparators; i++)
        buf_printf(&list, "%s%s", i ? ", " : "", comparators[i].name);
    diagnostics_add(scope->diagnostics, DIAGNOSTIC_ERROR, SCHEMA, location, "%s: [%s]", text, buf_text(&list));
}

static bool expect(const struct choice_scope *scope, const char *location, struct json_object *value,
                   enum json_type type)
{
    return schema_expect(scope->diagnostics, location, value, type);
}

/* ---- comparisons ---- */

static struct jsonpath *compile_path(const struct choice_scope *scope, struct json_object *value, const char *location)
{
    return schema_path(scope->diagnostics, location, value, true, scope->arena);
}

static void compile_literal(const struct choice_scope *scope, struct choice_test *test, struct json_object *value,
                            const char *location)
{
    bool is_number = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
    test->literal = arena_keep(scope->arena, value);
    switch (test->family) {
    case FAMILY_BOOLEAN:
    case FAMILY_TYPE:
        expect(scope, location, value, json_type_boolean);
        break;
    case FAMILY_NUMERIC:
        if (!is_number)
            schema_fault(scope->diagnostics, location, value, "Expected value of type [NUMBER]");
        break;
    case FAMILY_STRING:
        expect(scope, location, value, json_type_string);
        break;
    case FAMILY_TIMESTAMP:
        if (expect(scope, location, value, json_type_string) &&
            !timestamp_parse(json_object_get_string(value), (size_t)json_object_get_string_len(value),
                             &test->literal_timestamp))
            schema_fault(scope->diagnostics, location, value, "String does not match RFC3339 timestamp");
        break;
    }
}

static void compile_comparison(const struct choice_scope *scope, struct choice_test *test, struct json_object *rule,
                               const struct comparator *comparator, const char *location)
{
    struct json_object *variable = NULL, *operand = NULL;
    char *place = mem_printf("%s/%s", location, comparator->name);
    test->kind = TEST_COMPARE;
    test->family = comparator->family;
    test->relation = comparator->relation;
    json_member(rule, comparator->name, &operand);
    if (comparator->from_path)
        test->operand_path = compile_path(scope, operand, place);
    else
        compile_literal(scope, test, operand, place);
    free(place);
    if (!json_member(rule, "Variable", &variable)) /* said already */
        return;
    place = mem_printf("%s/Variable", location);
    test->variable = compile_path(scope, variable, place);
    free(place);
}

/* ---- rules ---- */

static struct choice_test *compile_test(const struct choice_scope *scope, struct json_object *rule,
                                        const char *location, bool top);

/* And, Or: a list of rules. Not: one. */
static void compile_list(const struct choice_scope *scope, struct choice_test *test, struct json_object *rules,
                         const char *location)
{
    bool single = test->kind == TEST_NOT;
    if (!expect(scope, location, rules, single ? json_type_object : json_type_array))
        return;
    test->test_count = single ? 1 : json_object_array_length(rules);
    test->tests = ARENA_ARRAY(scope->arena, struct choice_test *, test->test_count + 1);
    if (test->test_count == 0)
        fault(scope, location, "Value cannot be empty");
    for (size_t i = 0; i < test->test_count; i++) {
        char *place = single ? mem_strdup(location) : mem_printf("%s[%zu]", location, i);
        test->tests[i] = compile_test(scope, single ? rules : json_object_array_get_idx(rules, i), place, false);
        free(place);
    }
}

static const char *const condition_fields[] = {"Condition", NULL};
static const char *const junctions[] = {"And", "Or", "Not", NULL};
static const char *const top_fields[] = {"Next", "Assign", "Comment", NULL};

/* The field of a rule that was probably meant. */
static const char *suggest_field(const char *name, bool jsonata)
{
    struct suggest suggest = suggest_begin(name);
    for (size_t i = 0; top_fields[i]; i++)
        suggest_offer(&suggest, top_fields[i]);
    for (size_t i = 0; !jsonata && i < sizeof comparators / sizeof *comparators; i++)
        suggest_offer(&suggest, comparators[i].name);
    suggest_offer(&suggest, jsonata ? "Condition" : "Variable");
    return suggest.best;
}

/*
 * Refuses fields that do not belong here, and rules that do not have just one of the fields that say what kind of test
 * they are.
 */
static void check_fields(const struct choice_scope *scope, struct json_object *rule, const char *location, bool top)
{
    size_t tests = 0, kinds = 0;
    bool slip = false;
    json_object_object_foreach (rule, name, value) {
        bool comparison = strcmp(name, "Variable") == 0 || find_comparator(name) != NULL;
        bool jsonpath_only = comparison || is_one_of(name, junctions);
        bool jsonata_only = is_one_of(name, condition_fields) || strcmp(name, "Output") == 0;
        if (scope->jsonata ? jsonpath_only : jsonata_only)
            schema_language(scope->diagnostics, location, name, scope->jsonata);
        else if (!jsonpath_only && !(jsonata_only && top) && !(top && is_one_of(name, top_fields)) &&
                 strcmp(name, "Comment") != 0)
            schema_unsupported(scope->diagnostics, location, name, value, suggest_field(name, scope->jsonata));
        slip |= !jsonpath_only && !jsonata_only && !is_one_of(name, top_fields);
        tests += jsonpath_only && strcmp(name, "Variable") != 0;
        kinds += is_one_of(name, junctions) || is_one_of(name, condition_fields) || strcmp(name, "Variable") == 0;
    }
    if (kinds > 1 || (kinds == 0 && !slip)) /* not just a slip in its name */
        fault(scope, location,
              "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]");
    else if (tests == 0 && !slip && json_member(rule, "Variable", NULL) && !scope->jsonata)
        fault_comparators(scope, location, "This object should have only one of the following fields");
    else if (tests > 1 && !scope->jsonata)
        fault_comparators(scope, location, "There should only be one of the following fields");
}

static struct choice_test *compile_condition(const struct choice_scope *scope, struct json_object *rule,
                                             const char *field, const char *location)
{
    struct choice_test *test = ARENA_NEW(scope->arena, struct choice_test);
    struct json_object *condition = NULL, *constant;
    struct template_scope template_scope = {.jsonata = true, .allow_placeholders = scope->allow_placeholders};
    test->kind = TEST_CONDITION;
    json_member(rule, "Condition", &condition);
    char *place = mem_printf("%s/Condition", location);
    char *name = mem_printf("%s/Condition", field);
    test->condition = template_compile(scope->arena, condition, name, template_scope, place, scope->diagnostics);
    if (template_constant(test->condition, &constant) && !json_object_is_type(constant, json_type_boolean) &&
        !template_is_half_jsonata(constant) && !scope->allow_placeholders)
        schema_fault(scope->diagnostics, place, constant, "Expected value of type [BOOLEAN]");
    free(name);
    free(place);
    return test;
}

/* One JSONPath rule, at the top or inside And, Or, Not. */
static struct choice_test *compile_test(const struct choice_scope *scope, struct json_object *rule,
                                        const char *location, bool top)
{
    struct choice_test *test = ARENA_NEW(scope->arena, struct choice_test);
    struct json_object *rules;
    if (!expect(scope, location, rule, json_type_object))
        return test;
    check_fields(scope, rule, location, top);
    for (int i = 0; junctions[i]; i++)
        if (json_member(rule, junctions[i], &rules)) {
            char *place = mem_printf("%s/%s", location, junctions[i]);
            test->kind = TEST_AND + (enum test_kind)i;
            compile_list(scope, test, rules, place);
            free(place);
            return test;
        }
    json_object_object_foreach (rule, name, value) {
        (void)value;
        if (find_comparator(name)) {
            compile_comparison(scope, test, rule, find_comparator(name), location);
            break;
        }
    }
    return test;
}

static void compile_next(const struct choice_scope *scope, struct choice_rule *compiled, struct json_object *rule,
                         const char *location)
{
    struct json_object *next;
    if (!json_member(rule, "Next", &next)) {
        fault(scope, location, "These fields are required: [Next]");
        return;
    }
    char *place = mem_printf("%s/Next", location);
    if (expect(scope, place, next, json_type_string))
        compiled->next = scope->target(scope->context, json_object_get_string(next), place);
    free(place);
}

/* Assign or Output of a rule; NULL where it has none. */
static struct template *compile_template(const struct choice_scope *scope, struct json_object *rule, const char *member,
                                         const char *field, const char *location)
{
    struct json_object *value;
    if (!json_member(rule, member, &value))
        return NULL;
    struct template_scope template_scope = {.jsonata = scope->jsonata, .allow_placeholders = scope->allow_placeholders};
    char *name = mem_printf("%s/%s", field, member);
    char *place = mem_printf("%s/%s", location, member);
    struct template *compiled = template_compile(scope->arena, value, name, template_scope, place, scope->diagnostics);
    if (strcmp(member, "Assign") == 0)
        expect(scope, place, value, json_type_object);
    free(place);
    free(name);
    return compiled;
}

static void compile_rule(const struct choice_scope *scope, struct choice_rule *compiled, struct json_object *rule,
                         const char *field, const char *location)
{
    if (!scope->jsonata) {
        compiled->test = compile_test(scope, rule, location, true);
    } else if (expect(scope, location, rule, json_type_object)) {
        check_fields(scope, rule, location, true);
        if (json_member(rule, "Condition", NULL))
            compiled->test = compile_condition(scope, rule, field, location);
    }
    if (!json_object_is_type(rule, json_type_object))
        return;
    compile_next(scope, compiled, rule, location);
    compiled->assign = compile_template(scope, rule, "Assign", field, location);
    if (scope->jsonata)
        compiled->output = compile_template(scope, rule, "Output", field, location);
}

struct choice_rule *choice_compile(const struct choice_scope *scope, struct json_object *rules, const char *location,
                                   size_t *ret_count)
{
    *ret_count = 0;
    if (!expect(scope, location, rules, json_type_array))
        return NULL;
    size_t count = json_object_array_length(rules);
    if (count == 0)
        fault(scope, location, "Value cannot be empty");
    struct choice_rule *compiled = ARENA_ARRAY(scope->arena, struct choice_rule, count + 1);
    for (size_t i = 0; i < count; i++) {
        char *place = mem_printf("%s[%zu]", location, i);
        char *field = mem_printf("Choices[%zu]", i);
        compile_rule(scope, &compiled[i], json_object_array_get_idx(rules, i), field, place);
        free(field);
        free(place);
    }
    *ret_count = count;
    return compiled;
}

/* ---- variables ---- */

static void report_path(const struct jsonpath *path, void (*report)(void *context, const char *name), void *context)
{
    if (path && jsonpath_root(path) == JSONPATH_VARIABLE)
        report(context, jsonpath_variable(path));
}

static void test_variables(const struct choice_test *test, void (*report)(void *context, const char *name),
                           void *context)
{
    report_path(test->variable, report, context);
    report_path(test->operand_path, report, context);
    if (test->condition)
        template_variables(test->condition, report, context);
    for (size_t i = 0; i < test->test_count; i++)
        test_variables(test->tests[i], report, context);
}

void choice_variables(const struct choice_rule *rules, size_t count, void (*report)(void *context, const char *name),
                      void *context)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].test)
            test_variables(rules[i].test, report, context);
        if (rules[i].assign)
            template_variables(rules[i].assign, report, context);
        if (rules[i].output)
            template_variables(rules[i].output, report, context);
    }
}
