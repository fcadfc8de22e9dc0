/* Scopes of variables: what a state may assign. */
#include "asl/definition/compile.h"

#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char outer_name[] = "The variable name '%s' was already defined in a parent scope.";

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

/* A way from one state to another, with the Assign that is carried out on it. */
struct way {
    const struct state *from, *to;
    struct json_object *assign;
};

struct ways {
    struct way *list; /* by where they lead to */
    size_t count, capacity;
    const struct state *from; /* while they are gathered */
};

static void add_way(void *context, const struct state *to, struct json_object *assign)
{
    struct ways *ways = context;
    ways->list = mem_grow(ways->list, &ways->capacity, ways->count + 1, sizeof *ways->list);
    ways->list[ways->count++] = (struct way){ways->from, to, assign};
}

static int compare_ways(const void *a, const void *b)
{
    uint32_t left = ((const struct way *)a)->to->index, right = ((const struct way *)b)->to->index;
    return left < right ? -1 : left > right;
}

static size_t first_way_to(const struct ways *ways, const struct state *to)
{
    size_t low = 0, high = ways->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ways->list[middle].to->index < to->index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Collects what is assigned on any way that leads to `end`: walks back from it, each state once. */
static void collect_before(const struct scope *scope, const struct ways *ways, const struct state *end,
                           struct json_object *names)
{
    uint32_t first = scope->states[0]->index;
    const struct state **list = mem_zalloc((scope->state_count + 1) * sizeof *list);
    bool *seen = mem_zalloc(scope->state_count * sizeof *seen);
    size_t count = 0;
    list[count++] = end;
    for (size_t i = 0; i < count; i++) {
        for (size_t at = first_way_to(ways, list[i]); at < ways->count && ways->list[at].to == list[i]; at++) {
            const struct way *way = &ways->list[at];
            collect(way->assign, names);
            if (!seen[way->from->index - first]) {
                seen[way->from->index - first] = true;
                list[count++] = way->from;
            }
        }
    }
    free(list);
    free(seen);
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

static void check_name(struct compiler *c, const char *name)
{
    if (strcmp(name, "states") == 0) {
        fault(c, "RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'.");
    } else if (!is_variable_name(name, strlen(name))) {
        struct diagnostic *diagnostic =
            fault(c, "INVALID_VARIABLE_NAME",
                  "Invalid variable name '%s': the variable name contains invalid characters.", name);
        diagnostic->expected =
            mem_printf("a letter or `_`, then letters, digits and `_`; at most %d characters", LIMIT_NAME_CHARS);
    }
}

struct check {
    struct compiler *c;
    struct json_object *outer; /* names that are there when the block is entered */
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
        check_name(c, name);
        if (json_member(check->outer, name, &known))
            diagnostics_add(&c->transitions, DIAGNOSTIC_ERROR, SCHEMA, buf_text(&c->location), outer_name, name);
    }
    place_leave(c, mark);
}

static void visit_found(void *context, struct json_object *assign, const char *list, size_t index)
{
    (void)assign, (void)list, (void)index;
    *(bool *)context = true;
}

/* Whether something is assigned in the blocks inside a state. */
static bool assigns_inside(const struct state *state)
{
    bool found = false;
    for (size_t at = 0; at < state->scope_count && !found; at++) {
        const struct scope *scope = state->scopes[at];
        for (uint32_t i = 0; scope && i < scope->state_count && !found; i++) {
            each_assign(scope->states[i], visit_found, &found);
            found |= assigns_inside(scope->states[i]);
        }
    }
    return found;
}

static void check_block(struct compiler *c, const struct scope *scope, struct json_object *outer);

/* The blocks inside a Parallel or Map; `outer`: what is there when the state is entered. */
static void check_inner(struct compiler *c, const struct state *state, struct json_object *outer)
{
    struct json_object *given;
    bool parallel = state->type == STATE_PARALLEL;
    const char *processor = json_member(state->source, "ItemProcessor", &given) ? "ItemProcessor" : "Iterator";
    for (size_t at = 0; at < state->scope_count; at++) {
        size_t mark = place_member(c, parallel ? "Branches" : processor);
        if (parallel)
            place_index(c, at);
        if (state->scopes[at])
            check_block(c, state->scopes[at], outer);
        place_leave(c, mark);
    }
}

/*
 * A block may not assign what was assigned around it before it is entered; what the Parallel or Map
 * itself assigns comes later and may have the same name. Children of a distributed Map see none of it.
 */
static void check_block(struct compiler *c, const struct scope *scope, struct json_object *outer)
{
    struct check check = {c, outer};
    struct ways ways = {0};
    size_t mark = place_member(c, "States");
    for (uint32_t i = 0; i < scope->state_count; i++) {
        ways.from = scope->states[i];
        flow_each_way(ways.from, add_way, &ways);
        size_t inner = place_member(c, ways.from->name);
        each_assign(ways.from, visit_check, &check);
        place_leave(c, inner);
    }
    if (ways.count)
        qsort(ways.list, ways.count, sizeof *ways.list, compare_ways);
    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct state *state = scope->states[i];
        if (!assigns_inside(state))
            continue;
        AUTO_JSON struct json_object *names = state->distributed ? json_object_new_object() : json_shallow_copy(outer);
        if (!state->distributed)
            collect_before(scope, &ways, state, names);
        size_t inner = place_member(c, state->name);
        check_inner(c, state, names);
        place_leave(c, inner);
    }
    free(ways.list);
    place_leave(c, mark);
}

void variables_check(struct compiler *c)
{
    AUTO_JSON struct json_object *none = json_object_new_object();
    if (c->machine->scope)
        check_block(c, c->machine->scope, none);
}

void compile_assign(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    c->machine->extended = true;
    if (expect_type(c, value, json_type_object))
        compile_template(c, field, value, target);
}
