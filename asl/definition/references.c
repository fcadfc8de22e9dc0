/* Which workflow variables each state reads: variableReferences of DescribeStateMachine. */
#include "asl/definition/definition.h"

#include "asl/base/json.h"
#include "asl/dataflow/choice.h"
#include "asl/dataflow/template.h"
#include "asl/jsonpath/jsonpath.h"

#include <string.h>

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

static int compare_names(const void *a, const void *b)
{
    return strcmp(json_object_get_string(*(struct json_object *const *)a),
                  json_object_get_string(*(struct json_object *const *)b));
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(json_object_get_string(*(struct json_object *const *)a),
                  json_object_get_string(*(struct json_object *const *)b));
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
        json_object_array_sort(list, compare_names); /* as AWS lists them */
        json_object_array_sort(list, compare_texts); /* as recorded */
        if (references == NULL)
            references = json_object_new_object();
        json_add(references, machine->states[i]->name, list);
    }
    return references;
}
