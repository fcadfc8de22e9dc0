#include "asl/definition/definition.h"

#include "asl/base/arena.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/template.h"
#include "asl/definition/compile.h"
#include "asl/definition/document.h"

#include <stdlib.h>
#include <string.h>

bool has_placeholder(const struct compiler *c, const char *text)
{
    return c->options.allow_placeholders && template_has_placeholder(text);
}

/* {"Ref": ...} or {"Fn::GetAtt": ...}: the same in CloudFormation's long form. */
static bool is_reference(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) != 1)
        return false;
    json_object_object_foreach (value, name, member) {
        (void)member;
        return strcmp(name, "Ref") == 0 || strncmp(name, "Fn::", 4) == 0;
    }
    return false;
}

bool placeholder(struct compiler *c, struct json_object *value)
{
    bool text = json_object_is_type(value, json_type_string) && has_placeholder(c, json_object_get_string(value));
    if (!text && !(c->options.allow_placeholders && is_reference(value)))
        return false;
    schema_placeholder(c->diagnostics, buf_text(&c->location), value);
    return true;
}

/* TestState: the machine that AWS puts around the state; its locations name it so. */
static struct json_object *wrap_state(struct json_object *state)
{
    struct json_object *states = json_object_new_object();
    json_add(states, "StateName", state);
    struct json_object *machine = json_object_new_object();
    json_add_text(machine, "StartAt", "StateName");
    json_add(machine, "States", states);
    return machine;
}

/* Compiles a parsed definition; the machine owns a reference to it. */
static struct machine *compile_source(struct json_object *source, struct definition_options options,
                                      struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new(0);
    struct machine *machine = ARENA_NEW(arena, struct machine);
    machine->arena = arena;
    machine->references = 1;
    machine->source = arena_keep(arena, source);
    struct compiler c = {
        .arena = arena,
        .options = options,
        .diagnostics = diagnostics,
        .transitions = DIAGNOSTICS_INIT,
        .location = BUF_INIT,
        .machine = machine,
        .names = json_object_new_object(),
        .labels = json_object_new_object(),
    };
    buf_add_char(&c.location, '/');
    compile_machine(&c);
    buf_release(&c.location);
    json_object_put(c.names);
    json_object_put(c.labels);
    return machine;
}

int definition_compile(const char *text, size_t bytes, struct definition_options options, struct machine **ret_machine,
                       struct diagnostics *diagnostics)
{
    AUTO_JSON struct json_object *source = NULL;
    size_t errors = diagnostics->error_count;
    if (!document_read_definition(text, bytes, &source, diagnostics))
        return ERR_INVALID;
    if (!json_object_is_type(source, json_type_object)) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, SCHEMA, NULL, "Definition must be a valid JSON object");
        return ERR_INVALID;
    }
    if (options.single_state)
        source = wrap_state(source);
    struct machine *machine = compile_source(source, options, diagnostics);
    bool valid = diagnostics->error_count == errors;
    if (valid && ret_machine)
        *ret_machine = machine;
    else
        definition_unref(machine);
    return valid ? 0 : ERR_INVALID;
}

struct machine *definition_ref(struct machine *machine)
{
    machine->references++;
    return machine;
}

void definition_unref(struct machine *machine)
{
    if (machine && --machine->references == 0)
        arena_free(machine->arena);
}
