/* graph.c - what all drawings share, and the two that are text for other programs. */
#include "config.h"

#include "orchestrator/graph.h"

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/dataflow/choice.h"

#include <string.h>

enum { LABEL_CHARS = 40 };

/* By enum progress_state, and at the end what was not entered. */
const struct graph_look graph_looks[] = {
    [PROGRESS_RUNNING] = {"running", "#cfe3fb", "#1f6fd0"}, [PROGRESS_SUCCEEDED] = {"succeeded", "#d3f0d8", "#2a8a3e"},
    [PROGRESS_FAILED] = {"failed", "#f9d2d0", "#c2342b"},   [PROGRESS_CAUGHT] = {"caught", "#fde5c3", "#c77700"},
    [PROGRESS_ABORTED] = {"aborted", "#e3e3e3", "#6b6b6b"}, {"idle", "#ffffff", "#8a8f98"},
};
const size_t graph_look_count = sizeof(graph_looks) / sizeof(*graph_looks);

const struct graph_look *graph_look_of(const struct graph *graph, const struct state *state)
{
    const struct progress_node *node = graph->progress ? progress_find(graph->progress, state->name) : NULL;

    if (!node)
        return &graph_looks[graph_look_count - 1];
    enum progress_state happened = progress_state_of(node);
    if (happened == PROGRESS_SUCCEEDED && node->retries)
        happened = PROGRESS_CAUGHT;
    return &graph_looks[happened];
}

/* --- edges ------------------------------------------------------------------------------------------------ */

/* Cuts a label where it gets long, between characters. */
static void shorten(struct buf *label)
{
    size_t bytes = LABEL_CHARS;
    if (label->bytes <= LABEL_CHARS)
        return;
    while (bytes && ((unsigned char)label->data[bytes] & 0xc0) == 0x80)
        bytes--;
    label->bytes = bytes;
    buf_add_text(label, "...");
}

/* A rule of a Choice in a few words: `$.total NumericGreaterThan 100`, a JSONata condition, `not`, `and`. */
static void describe_rule(struct buf *label, struct json_object *rule)
{
    const char *variable = json_member_text(rule, "Variable");
    const char *condition = json_member_text(rule, "Condition");

    if (condition) {
        buf_add_text(label, condition);
    } else if (json_object_is_type(rule, json_type_object)) {
        json_object_object_foreach (rule, name, value) {
            if (!strcmp(name, "Variable") || !strcmp(name, "Next") || !strcmp(name, "Comment") ||
                !strcmp(name, "Assign"))
                continue;
            if (variable)
                buf_printf(label, "%s %s ", variable, name);
            else
                buf_printf(label, "%s ", name);
            if (!json_object_is_type(value, json_type_array) && !json_object_is_type(value, json_type_object))
                json_write(label, value);
            break;
        }
    }
    shorten(label);
}

static void choice_edges(const struct state *state, graph_edge_fn *fn, void *context)
{
    struct json_object *rules = NULL;

    json_member(state->source, "Choices", &rules);
    for (size_t i = 0; i < state->choice_count; i++) {
        AUTO_BUF label = BUF_INIT;
        describe_rule(&label, json_object_array_get_idx(rules, i));
        if (state->choices[i].next)
            fn(context, state, state->choices[i].next, GRAPH_CHOICE, buf_text(&label));
    }
    if (state->default_state)
        fn(context, state, state->default_state, GRAPH_CHOICE, "default");
}

void graph_edges(const struct state *state, graph_edge_fn *fn, void *context)
{
    if (state->next)
        fn(context, state, state->next, GRAPH_NEXT, "");
    choice_edges(state, fn, context);
    for (size_t i = 0; i < state->catch_count; i++) {
        AUTO_BUF label = BUF_INIT;
        for (size_t k = 0; k < state->catch[i].error_count; k++)
            buf_printf(&label, "%s%s", k ? ", " : "", state->catch[i].errors[k]);
        shorten(&label);
        if (state->catch[i].next)
            fn(context, state, state->catch[i].next, GRAPH_CATCH, buf_text(&label));
    }
}

bool graph_is_end(const struct state *state)
{
    return !state->next && state->type != STATE_CHOICE;
}

static bool is_box(const struct state *state)
{
    return state->scope_count > 0;
}

/* --- dot -------------------------------------------------------------------------------------------------- */

static void quote(struct buf *out, const char *text)
{
    buf_add_char(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_char(out, '\\');
        if (*text == '\n')
            buf_add_text(out, "\\n");
        else
            buf_add_char(out, *text);
    }
    buf_add_char(out, '"');
}

static void dot_edge(void *context, const struct state *from, const struct state *to, enum graph_edge_kind kind,
                     const char *label)
{
    struct buf *out = context;
    buf_printf(out, "  s%u -> s%u", from->index, to->index);
    if (*label) {
        buf_add_text(out, " [label=");
        quote(out, label);
        buf_printf(out, "%s]", kind == GRAPH_CATCH ? ", style=dashed, color=\"#c77700\"" : "");
    }
    buf_add_text(out, ";\n");
}

static void dot_scope(struct buf *out, const struct graph *graph, const struct scope *scope)
{
    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct state *state = scope->states[i];
        const struct graph_look *look = graph_look_of(graph, state);
        if (is_box(state))
            buf_printf(out, "  subgraph cluster_%u {\n  style=rounded; color=\"%s\";\n", state->index, look->line);
        buf_printf(out, "  s%u [label=", state->index);
        quote(out, state->name);
        buf_printf(out, ", tooltip=\"%s\", fillcolor=\"%s\", color=\"%s\"%s];\n", state_type_name(state->type),
                   look->fill, look->line, state->type == STATE_CHOICE ? ", shape=diamond, style=filled" : "");
        for (size_t k = 0; k < state->scope_count; k++) {
            dot_scope(out, graph, state->scopes[k]);
            buf_printf(out, "  s%u -> s%u [style=dotted];\n", state->index, state->scopes[k]->start->index);
        }
        if (is_box(state))
            buf_add_text(out, "  }\n");
    }
}

void graph_dot(struct buf *out, const struct graph *graph)
{
    buf_add_text(out, "digraph ");
    quote(out, graph->title);
    buf_add_text(out, " {\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=11];\n"
                      "  edge [fontname=\"sans-serif\", fontsize=9];\n"
                      "  start [shape=circle, label=\"\", width=0.2, fillcolor=\"#333333\"];\n"
                      "  end [shape=doublecircle, label=\"\", width=0.15, fillcolor=\"#333333\"];\n");
    dot_scope(out, graph, graph->machine->scope);
    buf_printf(out, "  start -> s%u;\n", graph->machine->scope->start->index);
    for (uint32_t i = 0; i < graph->machine->state_count; i++) {
        const struct state *state = graph->machine->states[i];
        graph_edges(state, dot_edge, out);
        if (graph_is_end(state) && !state->scope->owner)
            buf_printf(out, "  s%u -> end;\n", state->index);
    }
    buf_add_text(out, "}\n");
}

/* --- mermaid ---------------------------------------------------------------------------------------------- */

/* Text within quotes, with mermaid's own escapes. */
static void mermaid_text(struct buf *out, const char *text)
{
    buf_add_char(out, '"');
    for (; *text; text++) {
        if (strchr("\"#<>&", *text))
            buf_printf(out, "#%d;", *text);
        else
            buf_add_char(out, *text == '\n' ? ' ' : *text);
    }
    buf_add_char(out, '"');
}

static void mermaid_edge(void *context, const struct state *from, const struct state *to, enum graph_edge_kind kind,
                         const char *label)
{
    struct buf *out = context;
    buf_printf(out, "  s%u %s", from->index, kind == GRAPH_CATCH ? "-.->" : "-->");
    if (*label) {
        buf_add_char(out, '|');
        mermaid_text(out, label);
        buf_add_char(out, '|');
    }
    buf_printf(out, " s%u\n", to->index);
}

static void mermaid_scope(struct buf *out, const struct graph *graph, const struct scope *scope)
{
    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct state *state = scope->states[i];
        bool choice = state->type == STATE_CHOICE;
        if (is_box(state))
            buf_printf(out, "  subgraph box%u [\" \"]\n", state->index);
        buf_printf(out, "  s%u%s", state->index, choice ? "{" : "(");
        mermaid_text(out, state->name);
        buf_printf(out, "%s:::%s\n", choice ? "}" : ")", graph_look_of(graph, state)->class);
        for (size_t k = 0; k < state->scope_count; k++) {
            mermaid_scope(out, graph, state->scopes[k]);
            buf_printf(out, "  s%u -.- s%u\n", state->index, state->scopes[k]->start->index);
        }
        if (is_box(state))
            buf_add_text(out, "  end\n");
    }
}

void graph_mermaid(struct buf *out, const struct graph *graph)
{
    buf_add_text(out, "flowchart TD\n");
    for (size_t i = 0; i < graph_look_count; i++)
        buf_printf(out, "  classDef %s fill:%s,stroke:%s\n", graph_looks[i].class, graph_looks[i].fill,
                   graph_looks[i].line);
    mermaid_scope(out, graph, graph->machine->scope);
    buf_printf(out, "  start((\" \")) --> s%u\n", graph->machine->scope->start->index);
    for (uint32_t i = 0; i < graph->machine->state_count; i++) {
        const struct state *state = graph->machine->states[i];
        graph_edges(state, mermaid_edge, out);
        if (graph_is_end(state) && !state->scope->owner)
            buf_printf(out, "  s%u --> finish(((\" \")))\n", state->index);
    }
}
