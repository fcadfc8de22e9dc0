/*
 * graph.h - the drawing of a state machine: as dot, as mermaid, as SVG; coloured where something happened.
 *
 * A Parallel or a Map is a box with its branches inside. Edges are Next, the rules of a Choice, and Catch.
 */
#ifndef ORCHESTRATOR_GRAPH_H
#define ORCHESTRATOR_GRAPH_H

#include "asl/definition/graph.h"
#include "orchestrator/progress.h"

struct buf;

struct graph {
    const char *title;
    const struct machine *machine;
    const struct progress *progress; /* NULL: of a definition, nothing has happened */
};

enum graph_edge_kind { GRAPH_NEXT, GRAPH_CHOICE, GRAPH_CATCH };
/* label: "" for Next. Borrowed for the call. */
typedef void graph_edge_fn(void *context, const struct state *from, const struct state *to, enum graph_edge_kind kind,
                           const char *label);
void graph_edges(const struct state *state, graph_edge_fn *fn, void *context);
/* Whether an execution can end in this state: no edge leads on (End, Succeed, Fail). */
bool graph_is_end(const struct state *state);

/* How a state is coloured: fill and line, "#rrggbb"; class names it in mermaid. */
struct graph_look {
    const char *class;
    const char *fill, *line;
};
const struct graph_look *graph_look_of(const struct graph *graph, const struct state *state);
extern const struct graph_look graph_looks[];
extern const size_t graph_look_count;

void graph_dot(struct buf *out, const struct graph *graph);
void graph_mermaid(struct buf *out, const struct graph *graph);
void graph_svg(struct buf *out, const struct graph *graph);

#endif
