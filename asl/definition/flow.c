/* Where the states of a block lead: targets, reachability, ends. */
#include "asl/definition/compile.h"

#include "asl/base/arena.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"
#include "asl/dataflow/choice.h"

#include <stdlib.h>
#include <string.h>

enum { SUGGESTIONS_MAX = 100 }; /* each looks at all names of the block */

#define MISSING_TARGET "MISSING_TRANSITION_TARGET"

struct state *scope_state(const struct scope *scope, const char *name)
{
    struct json_object *index;
    return json_member(scope->names, name, &index) ? scope->states[json_object_get_int(index)] : NULL;
}

/* TestState: the test of a state goes no further, so what it names need not be there. */
static struct state *imagine(struct compiler *c, const struct scope *scope, const char *name)
{
    struct state *state = ARENA_NEW(c->arena, struct state);
    state->name = arena_strdup(c->arena, name);
    state->type = STATE_SUCCEED;
    state->scope = scope;
    return state;
}

static struct state *resolve(struct compiler *c, const struct scope *scope, const char *name, const char *location)
{
    struct state *state = scope_state(scope, name);
    if (state)
        return state;
    if (c->options.single_state && scope->outer == NULL)
        return imagine(c, scope, name);
    struct diagnostic *diagnostic =
        diagnostics_add(&c->transitions, DIAGNOSTIC_ERROR, MISSING_TARGET, location, "Missing 'Next' target: %s", name);
    struct suggest suggest = suggest_begin(name);
    for (uint32_t i = 0; i < scope->state_count && c->transitions.count <= SUGGESTIONS_MAX; i++)
        suggest_offer(&suggest, scope->states[i]->name);
    diagnostic->plain = mem_printf("no state is named \"%s\"", name);
    diagnostic->found = mem_strdup(name);
    diagnostic->expected = mem_strdup("the name of a state of the same States block");
    diagnostic_suggest(diagnostic, suggest.best);
    return NULL;
}

struct state *flow_target(struct compiler *c, const char *name, const char *location)
{
    if (has_placeholder(c, name)) {
        c->unknown_targets = true;
        return NULL;
    }
    return resolve(c, c->state->scope, name, location);
}

static struct json_object *assign_of(struct json_object *object)
{
    struct json_object *assign = NULL;
    json_member(object, "Assign", &assign);
    return assign;
}

static struct json_object *element(const struct state *state, const char *list, size_t index)
{
    struct json_object *array;
    if (!json_member(state->source, list, &array) || !json_object_is_type(array, json_type_array))
        return NULL;
    return json_object_array_get_idx(array, index);
}

void flow_each_way(const struct state *state, flow_visit *visit, void *context)
{
    if (state->next)
        visit(context, state->next, assign_of(state->source));
    if (state->default_state)
        visit(context, state->default_state, assign_of(state->source));
    for (size_t i = 0; i < state->choice_count; i++)
        if (state->choices[i].next)
            visit(context, state->choices[i].next, assign_of(element(state, "Choices", i)));
    for (size_t i = 0; i < state->catch_count; i++)
        if (state->catch[i].next)
            visit(context, state->catch[i].next, assign_of(element(state, "Catch", i)));
}

/* Marks what can be reached from a state: a list of states to look at, each entered once. */
struct reach {
    const struct state **list;
    size_t count;
    bool *seen; /* by index in the block */
    const struct scope *scope;
};

static void reach_add(void *context, const struct state *state, struct json_object *assign)
{
    struct reach *reach = context;
    uint32_t at = state->index - reach->scope->states[0]->index;
    (void)assign;
    if (reach->seen[at])
        return;
    reach->seen[at] = true;
    reach->list[reach->count++] = state;
}

/* Follows all ways on from the states that are new in the list. */
static void reach_on(struct reach *reach, size_t from)
{
    for (size_t i = from; i < reach->count; i++)
        flow_each_way(reach->list[i], reach_add, reach);
}

/* States that another one leads to, by index in the block. */
struct led_to {
    const struct state *from;
    bool *seen;
    const struct scope *scope;
};

static void note_led_to(void *context, const struct state *state, struct json_object *assign)
{
    struct led_to *led_to = context;
    (void)assign;
    if (state != led_to->from)
        led_to->seen[state->index - led_to->scope->states[0]->index] = true;
}

/* Reports the states that are not reached and, unless `all`, that no other one leads to: what they lead to counts. */
static void report_unreached(struct compiler *c, struct reach *reach, const bool *led_to, bool all)
{
    for (uint32_t i = 0; i < reach->scope->state_count; i++) {
        const struct state *state = reach->scope->states[i];
        if (reach->seen[i] || (led_to[i] && !all))
            continue;
        size_t outer = place_member(c, "States");
        place_member(c, state->name);
        diagnostics_add(&c->transitions, DIAGNOSTIC_ERROR, MISSING_TARGET, buf_text(&c->location),
                        "State \"%s\" is not reachable.", state->name);
        place_leave(c, outer);
        size_t from = reach->count;
        reach_add(reach, state, NULL);
        reach_on(reach, from);
    }
}

/*
 * AWS was seen to name the states that no other one leads to, and none that come after them, also where StartAt leads
 * nowhere. Of states that only lead to each other the first one is named.
 */
static void check_reachable(struct compiler *c, const struct scope *scope)
{
    struct reach reach = {
        .list = mem_zalloc(scope->state_count * sizeof *reach.list),
        .seen = mem_zalloc(scope->state_count * sizeof(bool)),
        .scope = scope,
    };
    struct led_to led_to = {.seen = mem_zalloc(scope->state_count * sizeof(bool)), .scope = scope};
    for (uint32_t i = 0; i < scope->state_count; i++) {
        led_to.from = scope->states[i];
        flow_each_way(led_to.from, note_led_to, &led_to);
    }
    if (scope->start)
        reach_add(&reach, scope->start, NULL);
    reach_on(&reach, 0);
    report_unreached(c, &reach, led_to.seen, false);
    report_unreached(c, &reach, led_to.seen, true);
    free(reach.list);
    free(reach.seen);
    free(led_to.seen);
}

static bool is_end(const struct state *state)
{
    struct json_object *end;
    if (state->type == STATE_SUCCEED || state->type == STATE_FAIL)
        return true;
    return json_member(state->source, "End", &end) && json_object_get_boolean(end);
}

static bool has_end(const struct scope *scope)
{
    for (uint32_t i = 0; i < scope->state_count; i++)
        if (is_end(scope->states[i]))
            return true;
    return false;
}

/* StartAt of a block, and what cannot be reached from there. */
void flow_check(struct compiler *c, struct scope *scope, struct json_object *block, bool top)
{
    const char *start = json_member_text(block, "StartAt");
    if (start == NULL || scope->state_count == 0 || (top && c->options.single_state)) {
        scope->start = scope->state_count ? scope->states[0] : NULL;
        return;
    }
    size_t mark = place_member(c, "StartAt");
    bool unknown = has_placeholder(c, start) || c->unknown_targets;
    if (!has_placeholder(c, start))
        scope->start = resolve(c, scope, start, buf_text(&c->location));
    place_leave(c, mark);
    if (!unknown && (!top || has_end(scope)))
        check_reachable(c, scope);
    /* AWS looks at the machine's own block only; a target that is missing says enough */
    if (!top && !c->unknown_ends && c->transitions.error_count == 0 && !has_end(scope))
        diagnostics_add(&c->transitions, DIAGNOSTIC_WARNING, "MISSING_END_STATE", buf_text(&c->location),
                        "no state ends this block: it can only fail");
}

void flow_check_ends(struct compiler *c)
{
    const struct scope *scope = c->machine->scope;
    if (scope == NULL || scope->state_count == 0 || c->options.single_state || c->unknown_ends || has_end(scope))
        return;
    struct diagnostic *diagnostic =
        diagnostics_add(&c->transitions, DIAGNOSTIC_ERROR, "MISSING_END_STATE", NULL, "Workflow has no terminal state");
    diagnostic->expected = mem_strdup("a state with \"End\": true, a Succeed or a Fail");
}
