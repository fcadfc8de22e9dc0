#include "asl/definition/compile.h"

#include "asl/base/arena.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
#define STATE_TYPE(enumerator, name) [enumerator] = name,
#include "asl/definition/state_types.def"
#undef STATE_TYPE
};

enum { TYPE_COUNT = sizeof type_names / sizeof *type_names };

const char *state_type_name(enum state_type type)
{
    return type_names[type];
}

size_t place_member(struct compiler *c, const char *name)
{
    size_t mark = c->location.bytes;
    if (mark != 1 || c->location.data[0] != '/') /* the root is "/" itself */
        buf_add_char(&c->location, '/');
    buf_add_text(&c->location, name);
    return mark;
}

size_t place_index(struct compiler *c, size_t index)
{
    size_t mark = c->location.bytes;
    buf_printf(&c->location, "[%zu]", index);
    return mark;
}

void place_leave(struct compiler *c, size_t mark)
{
    c->location.bytes = mark;
    c->location.data[mark] = '\0';
}

const char *place_field(const struct compiler *c)
{
    return c->location.data + c->state_bytes + 1;
}

/* The texts of a list "A, B, C" one after another: returns the next one's bytes, 0 at the end. */
static size_t next_name(const char **list)
{
    *list += strspn(*list, ", ");
    return strcspn(*list, ",");
}

static bool has_member(struct json_object *object, const char *name, size_t bytes)
{
    char text[64];
    struct json_object *value;
    if (bytes >= sizeof text)
        return false;
    memcpy(text, name, bytes);
    text[bytes] = '\0';
    return json_member(object, text, &value);
}

/* "There should only be one of ..." and "These fields are required: ..." */
static void check_required(struct compiler *c, struct json_object *object, const char *names)
{
    AUTO_BUF missing = BUF_INIT;
    for (size_t bytes; (bytes = next_name(&names)) > 0; names += bytes) {
        if (has_member(object, names, bytes))
            continue;
        buf_add_text(&missing, missing.bytes ? ", " : "");
        buf_add(&missing, names, bytes);
    }
    if (missing.bytes)
        fault(c, SCHEMA, "These fields are required: [%s]", missing.data);
}

static void check_alternatives(struct compiler *c, struct json_object *object, const char *names, bool required)
{
    int given = 0;
    const char *at = names;
    for (size_t bytes; (bytes = next_name(&at)) > 0; at += bytes)
        if (has_member(object, at, bytes))
            given++;
    if (given > 1)
        fault(c, SCHEMA, "There should only be one of the following fields: [%s]", names);
    else if (given == 0 && required)
        fault(c, SCHEMA, "This object should have only one of the following fields: [%s]", names);
}

static void check_rules(struct compiler *c, unsigned context, struct json_object *object)
{
#define REQUIRED(contexts, names)                                                                                      \
    if ((contexts)&context)                                                                                            \
        check_required(c, object, names);
#define ONE_OF(contexts, names)                                                                                        \
    if ((contexts)&context)                                                                                            \
        check_alternatives(c, object, names, true);
#define AT_MOST(contexts, names)                                                                                       \
    if ((contexts)&context)                                                                                            \
        check_alternatives(c, object, names, false);
#include "asl/definition/rules.def"
#undef REQUIRED
#undef ONE_OF
#undef AT_MOST
}

void compile_object(struct compiler *c, enum context context, struct json_object *object, void *base)
{
    json_object_object_foreach (object, name, value) {
        const struct field *field = field_find(context, name);
        if (field == NULL) {
            bool jsonata = c->state ? c->state->jsonata : c->machine->jsonata;
            schema_unsupported(c->diagnostics, buf_text(&c->location), name, value,
                               field_suggest(context, name, jsonata));
            continue;
        }
        if (c->state && field->language != BOTH && (field->language == JSONATA) != c->state->jsonata) {
            schema_language(c->diagnostics, buf_text(&c->location), name, c->state->jsonata);
            continue;
        }
        void *target = field->offset == NOWHERE ? base : (char *)base + field->offset;
        size_t mark = place_member(c, name);
        if (field->compile == compile_comment || !placeholder(c, value))
            field->compile(c, field, value, target);
        else if (field->compile == compile_target)
            c->unknown_targets = true;
        place_leave(c, mark);
    }
    check_rules(c, context, object);
}

/* The query language that a QueryLanguage member asks for: a wrong one counts as JSONata; `otherwise` where it is
 * absent. */
static bool read_language(struct compiler *c, struct json_object *object, bool otherwise)
{
    struct json_object *value;
    const char *text = NULL;
    if (!json_member(object, "QueryLanguage", &value))
        return otherwise;
    size_t mark = place_member(c, "QueryLanguage");
    bool unknown = placeholder(c, value);
    if (!unknown)
        expect_enum(c, value, "JSONPath, JSONata", &text);
    place_leave(c, mark);
    return unknown ? otherwise : text == NULL || strcmp(text, "JSONata") == 0;
}

/* The type of a state, or false with the fault reported. */
static bool read_type(struct compiler *c, struct json_object *object, enum state_type *ret_type)
{
    struct json_object *value;
    if (!json_member(object, "Type", &value)) {
        fault(c, SCHEMA, "These fields are required: [Type]");
        return false;
    }
    const char *text = json_member_text(object, "Type");
    struct suggest suggest = suggest_begin(text ? text : "");
    for (size_t i = 0; text && i < TYPE_COUNT; i++) {
        if (strcmp(text, type_names[i]) == 0) {
            *ret_type = (enum state_type)i;
            return true;
        }
        suggest_offer(&suggest, type_names[i]);
    }
    size_t mark = place_member(c, "Type");
    struct diagnostic *diagnostic = diagnostic_found(fault(c, SCHEMA,
                                                           "The field 'Type' should have one of these values: "
                                                           "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"),
                                                     value);
    diagnostic_suggest(diagnostic, suggest.best);
    place_leave(c, mark);
    return false;
}

/* A state of unknown type still leads on to others: those are not to be called unreachable. */
static void compile_unknown(struct compiler *c, struct state *state)
{
    c->unknown_ends = true;
    state->type = STATE_PASS;
    const char *next = json_member_text(state->source, "Next");
    size_t mark = place_member(c, "Next");
    if (next)
        state->next = flow_target(c, next, buf_text(&c->location));
    place_leave(c, mark);
}

static void check_end(struct compiler *c, struct json_object *object)
{
    struct json_object *end, *next;
    bool has_next = json_member(object, "Next", &next);
    if (!json_member(object, "End", &end))
        c->unknown_ends |= !has_next;
    else if (!has_next && json_object_is_type(end, json_type_boolean) && !json_object_get_boolean(end))
        diagnostic_found(fault(c, SCHEMA, "This object should have only one of the following fields: [Next, End]"),
                         end);
}

static void check_timeouts(struct compiler *c, const struct state *state)
{
    if (state->timeout_seconds.kind == NUMBER_LITERAL && state->heartbeat_seconds.kind == NUMBER_LITERAL &&
        state->heartbeat_seconds.literal >= state->timeout_seconds.literal) {
        size_t mark = place_member(c, "HeartbeatSeconds");
        struct diagnostic *diagnostic = fault(c, SCHEMA, "'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'");
        diagnostic->found = mem_printf("%.0f", state->heartbeat_seconds.literal);
        diagnostic->expected = mem_printf("less than %.0f", state->timeout_seconds.literal);
        place_leave(c, mark);
    }
}

static void compile_state(struct compiler *c, struct state *state)
{
    enum state_type type;
    struct state *outer = c->state;
    size_t outer_bytes = c->state_bytes;
    c->state = state;
    c->state_bytes = c->location.bytes;
    state->jsonata = c->machine->jsonata;
    if (!expect_type(c, state->source, json_type_object)) {
        c->unknown_ends = true;
    } else {
        state->jsonata = read_language(c, state->source, c->machine->jsonata);
        c->machine->extended |= state->jsonata;
        if (c->machine->jsonata && !state->jsonata)
            fault(c, SCHEMA, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine");
        if (read_type(c, state->source, &type)) {
            state->type = type;
            compile_object(c, 1u << type, state->source, state);
            if (ONWARD & 1 << type)
                check_end(c, state->source);
            check_timeouts(c, state);
            if (type == STATE_MAP)
                map_finish(c, state);
        } else {
            compile_unknown(c, state);
        }
    }
    c->state = outer;
    c->state_bytes = outer_bytes;
}

size_t count_chars(const char *text)
{
    size_t chars = 0;
    for (; *text; text++)
        chars += ((unsigned char)*text & 0xc0) != 0x80;
    return chars;
}

/* Names are unique over the whole machine and have 1 to 80 characters. */
static void check_state_name(struct compiler *c, const char *name)
{
    size_t chars = count_chars(name);
    struct json_object *first;
    if (chars == 0 || chars > LIMIT_NAME_CHARS) {
        struct diagnostic *diagnostic =
            chars ? fault(c, "INVALID_STATE_NAME",
                          "Invalid State name: State '%s' exceeds the %d-character limit allowed by the service", name,
                          LIMIT_NAME_CHARS)
                  : fault(c, "INVALID_STATE_NAME", "State name length should be between 1 and %d", LIMIT_NAME_CHARS);
        diagnostic->found = mem_printf("%zu characters", chars);
        diagnostic->expected = mem_printf("1 to %d characters", LIMIT_NAME_CHARS);
    }
    if (json_member(c->names, name, &first)) {
        struct diagnostic *diagnostic = fault(c, "DUPLICATE_STATE_NAME", "Duplicate State name: %s", name);
        diagnostic->found = mem_printf("another state of this name at %s", json_object_get_string(first));
        diagnostic->expected = mem_strdup("names that are unique in the whole machine");
    } else {
        json_add_text(c->names, name, buf_text(&c->location));
    }
}

static struct state *new_state(struct compiler *c, const struct scope *scope, const char *name,
                               struct json_object *source)
{
    struct machine *machine = c->machine;
    struct state *state = ARENA_NEW(c->arena, struct state);
    state->name = arena_strdup(c->arena, name);
    state->scope = scope;
    state->source = source;
    state->index = machine->state_count;
    machine->states = mem_grow(machine->states, &c->state_capacity, machine->state_count + 1, sizeof(struct state *));
    machine->states[machine->state_count++] = state;
    return state;
}

static void compile_states(struct compiler *c, struct scope *scope, struct json_object *states)
{
    size_t mark = place_member(c, "States");
    size_t count = (size_t)json_object_object_length(states);
    if (count == 0)
        fault(c, SCHEMA, "Value cannot be empty");
    scope->states = ARENA_ARRAY(c->arena, struct state *, count ? count : 1);
    struct json_object *names = json_object_new_object();
    scope->names = arena_keep(c->arena, names);
    json_object_put(names);
    json_object_object_foreach (states, name, source) {
        json_add_int(names, name, scope->state_count);
        scope->states[scope->state_count++] = new_state(c, scope, name, source);
    }
    for (uint32_t i = 0; i < scope->state_count; i++) {
        size_t inner = place_member(c, scope->states[i]->name);
        check_state_name(c, scope->states[i]->name);
        compile_state(c, scope->states[i]);
        place_leave(c, inner);
    }
    place_leave(c, mark);
}

struct scope *compile_block(struct compiler *c, enum context context, struct json_object *object,
                            const struct state *owner, const struct scope *outer)
{
    struct json_object *states;
    if (c->depth == LIMIT_DEFINITION_DEPTH) {
        fault(c, "TOO_DEEPLY_NESTED", "Parallel and Map states are nested more than %d deep", LIMIT_DEFINITION_DEPTH);
        return NULL;
    }
    struct scope *scope = ARENA_NEW(c->arena, struct scope);
    scope->owner = owner;
    scope->outer = outer;
    c->depth++;
    struct state *state = c->state;
    bool in_catcher = c->in_catcher;
    c->state = NULL;
    c->in_catcher = false;
    compile_object(c, context, object, context == MACHINE ? (void *)c->machine : NULL);
    if (json_member(object, "States", &states) && json_object_is_type(states, json_type_object))
        compile_states(c, scope, states);
    flow_check(c, scope, object, context == MACHINE);
    c->state = state;
    c->in_catcher = in_catcher;
    c->depth--;
    return scope;
}

void compile_machine(struct compiler *c)
{
    struct machine *machine = c->machine;
    machine->jsonata = read_language(c, machine->source, false);
    machine->scope = compile_block(c, MACHINE, machine->source, NULL, NULL);
    flow_check_ends(c);
    variables_check(c);
    diagnostics_append(c->diagnostics, &c->transitions);
    struct state **states = ARENA_ARRAY(c->arena, struct state *, machine->state_count + 1);
    if (machine->state_count)
        memcpy(states, machine->states, machine->state_count * sizeof(struct state *));
    free(machine->states);
    machine->states = states;
}
