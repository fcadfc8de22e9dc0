/* Scopes of variables: what a state may assign, and which variables each state reads. */
#include "asl/definition/compile.h"

#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/choice.h"
#include "asl/dataflow/template.h"
#include "asl/jsonpath/jsonpath.h"

#include <string.h>

static const char outer_name[] = "The variable name '%s' was already defined in a parent scope.";

static bool distributed(const struct scope *scope)
{
    return scope->owner && scope->owner->type == STATE_MAP && scope->owner->distributed;
}

/* A name and what it was assigned by, as members of `names`; a template's `x.$` is x. */
static void collect(struct json_object *assign, struct json_object *names)
{
    if (!json_object_is_type(assign, json_type_object))
        return;
    json_object_object_foreach (assign, key, value) {
        (void)value;
        size_t bytes = strlen(key);
        if (bytes > 2 && strcmp(key + bytes - 2, ".$") == 0)
            bytes -= 2;
        AUTO_BUF name = BUF_INIT;
        buf_add(&name, key, bytes);
        json_add_bool(names, buf_text(&name), true);
    }
}

/* Calls back for each Assign of a state: its own, those of catchers and of choice rules. */
static void each_assign(const struct state *state,
                        void (*visit)(void *context, struct json_object *assign, const char *list, size_t index),
                        void *context)
{
    static const char *const lists[] = {"Catch", "Choices"};
    struct json_object *assign, *list;
    if (json_member(state->source, "Assign", &assign))
        visit(context, assign, NULL, 0);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (!json_member(state->source, lists[i], &list) || !json_object_is_type(list, json_type_array))
            continue;
        for (size_t at = 0; at < json_object_array_length(list); at++)
            if (json_member(json_object_array_get_idx(list, at), "Assign", &assign))
                visit(context, assign, lists[i], at);
    }
}

static void visit_collect(void *context, struct json_object *assign, const char *list, size_t index)
{
    (void)list, (void)index;
    collect(assign, context);
}

struct check {
    struct compiler *c;
    struct json_object *outer; /* names that the blocks around assign */
};

static void visit_check(void *context, struct json_object *assign, const char *list, size_t index)
{
    struct check *check = context;
    struct compiler *c = check->c;
    struct json_object *known;
    AUTO_JSON struct json_object *names = json_object_new_object();
    collect(assign, names);
    size_t mark = c->location.bytes;
    if (list) {
        place_member(c, list);
        place_index(c, index);
    }
    place_member(c, "Assign");
    json_object_object_foreach (names, name, value) {
        (void)value;
        if (json_member(check->outer, name, &known))
            diagnostics_add(&c->transitions, DIAGNOSTIC_ERROR, SCHEMA, buf_text(&c->location), outer_name, name);
    }
    place_leave(c, mark);
}

/* A block may not assign what a block around it assigns; children of a distributed Map see none of it. */
static void check_block(struct compiler *c, const struct scope *scope, struct json_object *outer)
{
    AUTO_JSON struct json_object *names = distributed(scope) ? json_object_new_object() : json_shallow_copy(outer);
    struct check check = {c, distributed(scope) ? names : outer};
    size_t mark = place_member(c, "States");
    for (uint32_t i = 0; i < scope->state_count; i++) {
        size_t inner = place_member(c, scope->states[i]->name);
        if (json_object_object_length(check.outer))
            each_assign(scope->states[i], visit_check, &check);
        place_leave(c, inner);
    }
    for (uint32_t i = 0; i < scope->state_count; i++)
        each_assign(scope->states[i], visit_collect, names);
    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct state *state = scope->states[i];
        size_t inner = place_member(c, state->name);
        for (size_t at = 0; at < state->scope_count; at++) {
            struct json_object *given;
            const char *processor = json_member(state->source, "ItemProcessor", &given) ? "ItemProcessor" : "Iterator";
            size_t block = place_member(c, state->type == STATE_PARALLEL ? "Branches" : processor);
            if (state->type == STATE_PARALLEL)
                place_index(c, at);
            if (state->scopes[at])
                check_block(c, state->scopes[at], names);
            place_leave(c, block);
        }
        place_leave(c, inner);
    }
    place_leave(c, mark);
}

void variables_check(struct compiler *c)
{
    AUTO_JSON struct json_object *none = json_object_new_object();
    if (c->machine->scope)
        check_block(c, c->machine->scope, none);
}

/* ID_Start, then ID_Continue: letters of other scripts are taken as they come. */
static bool is_variable_name(const char *name, size_t bytes)
{
    size_t chars = 0;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)name[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 0x80;
        if (!letter && (i == 0 || byte < '0' || byte > '9'))
            return false;
        chars += (byte & 0xc0) != 0x80;
    }
    return chars >= 1 && chars <= LIMIT_NAME_CHARS;
}

void compile_assign(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    if (!expect_type(c, value, json_type_object))
        return;
    AUTO_JSON struct json_object *names = json_object_new_object();
    collect(value, names);
    json_object_object_foreach (names, name, unused) {
        (void)unused;
        if (strcmp(name, "states") == 0) {
            fault(c, SCHEMA, "The variable name 'states' is reserved");
        } else if (!is_variable_name(name, strlen(name))) {
            struct diagnostic *diagnostic = fault(c, SCHEMA, "The variable name '%s' is invalid", name);
            diagnostic->expected =
                mem_printf("a letter or `_`, then letters, digits and `_`; at most %d characters", LIMIT_NAME_CHARS);
        }
    }
    *(struct template **)target = compile_value(c, value);
}

/* Gathers the names that a state reads, each once. */
static void note(void *context, const char *name)
{
    struct json_object *names = context;
    if (strcmp(name, "states") != 0)
        json_add_bool(names, name, true);
}

static void note_path(struct jsonpath *path, struct json_object *names)
{
    if (path && jsonpath_root(path) == JSONPATH_VARIABLE)
        note(names, jsonpath_variable(path));
}

static void note_template(const struct template *template, struct json_object *names)
{
    if (template)
        template_variables(template, note, names);
}

static void note_number(const struct number_field *field, struct json_object *names)
{
    note_path(field->path, names);
    note_template(field->expression, names);
}

static void note_text(const struct text_field *field, struct json_object *names)
{
    note_path(field->path, names);
    note_template(field->expression, names);
}

static void note_map(const struct state *state, struct json_object *names)
{
    note_template(state->items, names);
    note_path(state->items_path.path, names);
    note_template(state->item_selector, names);
    note_number(&state->max_concurrency, names);
    note_number(&state->tolerated_failure_count, names);
    note_number(&state->tolerated_failure_percentage, names);
    if (state->item_reader) {
        note_template(state->item_reader->arguments, names);
        note_number(&state->item_reader->max_items, names);
    }
    if (state->item_batcher) {
        note_template(state->item_batcher->batch_input, names);
        note_number(&state->item_batcher->max_items_per_batch, names);
        note_number(&state->item_batcher->max_input_bytes_per_batch, names);
    }
    if (state->result_writer)
        note_template(state->result_writer->arguments, names);
}

static void note_state(const struct state *state, struct json_object *names)
{
    note_path(state->input_path.path, names);
    note_template(state->arguments, names);
    note_template(state->credentials, names);
    note_number(&state->timeout_seconds, names);
    note_number(&state->heartbeat_seconds, names);
    note_number(&state->seconds, names);
    note_text(&state->timestamp, names);
    note_text(&state->error, names);
    note_text(&state->cause, names);
    note_map(state, names);
    note_template(state->result_selector, names);
    choice_variables(state->choices, state->choice_count, note, names);
    note_template(state->assign, names);
    note_template(state->output, names);
    note_path(state->output_path.path, names);
    for (size_t i = 0; i < state->catch_count; i++) {
        note_template(state->catch[i].output, names);
        note_template(state->catch[i].assign, names);
    }
}

struct json_object *definition_variable_references(const struct machine *machine)
{
    struct json_object *references = NULL;
    for (uint32_t i = 0; i < machine->state_count; i++) {
        AUTO_JSON struct json_object *names = json_object_new_object();
        note_state(machine->states[i], names);
        if (json_object_object_length(names) == 0)
            continue;
        struct json_object *list = json_object_new_array();
        json_object_object_foreach (names, name, unused) {
            (void)unused;
            json_append(list, json_object_new_string(name));
        }
        if (references == NULL)
            references = json_object_new_object();
        json_add(references, machine->states[i]->name, list);
    }
    return references;
}
