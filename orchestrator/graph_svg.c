/*
 * graph_svg.c - a drawing without help from other programs.
 *
 * Layout: within a block of states, a state's rank is the longest way from the start over edges that do not lead
 * back; ranks are rows from top to bottom, and the states of a row stand side by side, centred. A Parallel or
 * a Map is a box as large as its branches, which are laid out first, beside each other below its title.
 */
#include "config.h"

#include "orchestrator/graph.h"

#include "asl/base/buf.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHAR_WIDTH = 7,
    NODE_HEIGHT = 34,
    NODE_WIDTH_MIN = 90,
    NODE_PADDING = 26,
    ROW_GAP = 44,
    COLUMN_GAP = 36,
    BOX_PADDING = 16,
    BOX_TITLE = 24,
    MARGIN = 24,
    END_RADIUS = 7,
};

/* Where a state stands: by its index in the machine. x, y: the left upper corner, at first within its block. */
struct place {
    int x, y, width, height;
    int rank;
    bool ranked, open; /* open: on the way that is being walked, an edge to it leads back */
};

struct extent {
    int width, height;
};

struct drawing {
    const struct graph *graph;
    struct place *places;
    struct buf *out;
};

/* --- ranks ------------------------------------------------------------------------------------------------ */

struct walk {
    struct drawing *drawing;
    const struct state **order; /* states in the order in which they were left: the reverse is topological */
    uint32_t count;
    bool raising; /* second pass: push ranks on along the edges */
};

static void visit(struct walk *walk, const struct state *state);

static void follow(void *context, const struct state *from, const struct state *to, enum graph_edge_kind kind,
                   const char *label)
{
    struct walk *walk = context;
    struct place *places = walk->drawing->places;
    (void)kind;
    (void)label;
    if (!walk->raising) {
        if (!places[to->index].ranked)
            visit(walk, to);
        return;
    }
    /* `open` marks what stands before `from` in the order: an edge to it leads back. */
    if (!places[to->index].open && places[to->index].rank <= places[from->index].rank)
        places[to->index].rank = places[from->index].rank + 1;
}

static void visit(struct walk *walk, const struct state *state)
{
    walk->drawing->places[state->index].ranked = true;
    graph_edges(state, follow, walk);
    walk->order[walk->count++] = state;
}

static int rank_scope(struct drawing *drawing, const struct scope *scope)
{
    struct walk walk = {.drawing = drawing, .order = mem_zalloc((scope->state_count + 1) * sizeof(*walk.order))};
    int last = 0;

    visit(&walk, scope->start);
    for (uint32_t i = 0; i < scope->state_count; i++) /* what cannot be reached is drawn too */
        if (!drawing->places[scope->states[i]->index].ranked)
            visit(&walk, scope->states[i]);
    walk.raising = true;
    for (uint32_t i = walk.count; i-- > 0;) {
        drawing->places[walk.order[i]->index].open = true;
        graph_edges(walk.order[i], follow, &walk);
        if (drawing->places[walk.order[i]->index].rank > last)
            last = drawing->places[walk.order[i]->index].rank;
    }
    free(walk.order);
    return last;
}

/* --- sizes and places ------------------------------------------------------------------------------------- */

static int text_width(const char *text)
{
    int characters = 0;
    for (; *text; text++)
        characters += ((unsigned char)*text & 0xc0) != 0x80;
    return characters * CHAR_WIDTH;
}

static struct extent lay_out(struct drawing *drawing, const struct scope *scope);

static void move(struct drawing *drawing, const struct scope *scope, int x, int y)
{
    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct state *state = scope->states[i];
        drawing->places[state->index].x += x;
        drawing->places[state->index].y += y;
        for (size_t k = 0; k < state->scope_count; k++)
            move(drawing, state->scopes[k], x, y);
    }
}

static void measure(struct drawing *drawing, const struct state *state)
{
    struct place *place = &drawing->places[state->index];
    int title = text_width(state->name) + NODE_PADDING;

    place->width = title > NODE_WIDTH_MIN ? title : NODE_WIDTH_MIN;
    place->height = NODE_HEIGHT;
    if (!state->scope_count)
        return;
    int x = BOX_PADDING;
    for (size_t i = 0; i < state->scope_count; i++) {
        struct extent extent = lay_out(drawing, state->scopes[i]);
        move(drawing, state->scopes[i], x, BOX_TITLE + BOX_PADDING);
        x += extent.width + COLUMN_GAP;
        if (extent.height + BOX_TITLE + 2 * BOX_PADDING > place->height)
            place->height = extent.height + BOX_TITLE + 2 * BOX_PADDING;
    }
    x += BOX_PADDING - COLUMN_GAP;
    if (x > place->width)
        place->width = x;
}

static void place_state(struct drawing *drawing, const struct state *state, int x, int y)
{
    drawing->places[state->index].x = x;
    drawing->places[state->index].y = y;
    for (size_t i = 0; i < state->scope_count; i++)
        move(drawing, state->scopes[i], x, y);
}

static struct extent row_extent(const struct drawing *drawing, const struct scope *scope, int rank)
{
    struct extent extent = {-COLUMN_GAP, 0};
    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct place *place = &drawing->places[scope->states[i]->index];
        if (place->rank != rank)
            continue;
        extent.width += place->width + COLUMN_GAP;
        if (place->height > extent.height)
            extent.height = place->height;
    }
    return extent;
}

static struct extent lay_out(struct drawing *drawing, const struct scope *scope)
{
    int last = rank_scope(drawing, scope);
    struct extent all = {0, 0};
    int y = 0;

    for (uint32_t i = 0; i < scope->state_count; i++)
        measure(drawing, scope->states[i]);
    for (int rank = 0; rank <= last; rank++) {
        struct extent row = row_extent(drawing, scope, rank);
        if (row.width > all.width)
            all.width = row.width;
    }
    for (int rank = 0; rank <= last; rank++) {
        struct extent row = row_extent(drawing, scope, rank);
        int x = (all.width - row.width) / 2;
        for (uint32_t i = 0; i < scope->state_count; i++) {
            const struct place *place = &drawing->places[scope->states[i]->index];
            if (place->rank != rank)
                continue;
            place_state(drawing, scope->states[i], x, y + (row.height - place->height) / 2);
            x += place->width + COLUMN_GAP;
        }
        y += row.height + (row.height ? ROW_GAP : 0);
    }
    all.height = y - ROW_GAP;
    return all;
}

/* --- drawing ------------------------------------------------------------------------------------------------ */

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            buf_add_text(out, "&lt;");
            break;
        case '>':
            buf_add_text(out, "&gt;");
            break;
        case '&':
            buf_add_text(out, "&amp;");
            break;
        case '"':
            buf_add_text(out, "&quot;");
            break;
        default:
            buf_add_char(out, (unsigned char)*text < ' ' ? ' ' : *text);
        }
    }
}

static void draw_label(struct buf *out, int x, int y, const char *label)
{
    if (!*label)
        return;
    buf_printf(out, "<text class=\"label\" x=\"%d\" y=\"%d\">", x, y);
    add_escaped(out, label);
    buf_add_text(out, "</text>\n");
}

static void draw_edge(void *context, const struct state *from, const struct state *to, enum graph_edge_kind kind,
                      const char *label)
{
    struct drawing *drawing = context;
    const struct place *a = &drawing->places[from->index];
    const struct place *b = &drawing->places[to->index];
    const char *class = kind == GRAPH_CATCH ? "edge catch" : "edge";
    int x1 = a->x + a->width / 2, y1 = a->y + a->height;
    int x2 = b->x + b->width / 2, y2 = b->y;

    if (b->rank > a->rank) {
        int bend = (y2 - y1) / 2;
        buf_printf(drawing->out, "<path class=\"%s\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n", class, x1, y1, x1, y1 + bend,
                   x2, y2 - bend, x2, y2);
        draw_label(drawing->out, (x1 + x2) / 2 + 4, (y1 + y2) / 2 + 3, label);
        return;
    }
    /* Back up: along the right side. */
    x1 = a->x + a->width;
    y1 = a->y + a->height / 2;
    x2 = b->x + b->width;
    y2 = b->y + b->height / 2;
    int side = (x1 > x2 ? x1 : x2) + COLUMN_GAP;
    buf_printf(drawing->out, "<path class=\"%s\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n", class, x1, y1, side, y1, side,
               y2 - (to == from ? NODE_HEIGHT : 0), x2, y2);
    draw_label(drawing->out, side - 8, (y1 + y2) / 2, label);
}

static void draw_scope(struct drawing *drawing, const struct scope *scope)
{
    struct buf *out = drawing->out;

    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct state *state = scope->states[i];
        const struct place *place = &drawing->places[state->index];
        const struct graph_look *look = graph_look_of(drawing->graph, state);
        bool box = state->scope_count > 0;

        buf_printf(out,
                   "<g class=\"state %s\"><title>%s</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                   "rx=\"%d\" fill=\"%s\" fill-opacity=\"%s\" stroke=\"%s\"/>",
                   look->class, state_type_name(state->type), place->x, place->y, place->width, place->height,
                   state->type == STATE_CHOICE ? NODE_HEIGHT / 2 : 6, look->fill, box ? "0.35" : "1", look->line);
        buf_printf(out, "<text x=\"%d\" y=\"%d\">", place->x + place->width / 2,
                   place->y + (box ? BOX_TITLE : NODE_HEIGHT / 2 + 4));
        add_escaped(out, state->name);
        buf_add_text(out, "</text></g>\n");
        for (size_t k = 0; k < state->scope_count; k++)
            draw_scope(drawing, state->scopes[k]);
    }
    for (uint32_t i = 0; i < scope->state_count; i++)
        graph_edges(scope->states[i], draw_edge, drawing);
}

/* The start above the first state, a ring below each state where an execution can end. */
static void draw_ends(struct drawing *drawing, const struct scope *scope)
{
    const struct place *start = &drawing->places[scope->start->index];
    int x = start->x + start->width / 2;

    buf_printf(drawing->out, "<circle class=\"start\" cx=\"%d\" cy=\"%d\" r=\"%d\"/>\n", x, MARGIN, END_RADIUS);
    buf_printf(drawing->out, "<path class=\"edge\" d=\"M%d %dV%d\"/>\n", x, MARGIN + END_RADIUS, start->y);
    for (uint32_t i = 0; i < scope->state_count; i++) {
        const struct place *place = &drawing->places[scope->states[i]->index];
        if (!graph_is_end(scope->states[i]))
            continue;
        x = place->x + place->width / 2;
        int y = place->y + place->height;
        buf_printf(drawing->out,
                   "<path class=\"edge\" d=\"M%d %dv12\"/><circle class=\"end\" cx=\"%d\" cy=\"%d\" r=\"%d\"/>\n", x, y,
                   x, y + 12 + END_RADIUS, END_RADIUS);
    }
}

void graph_svg(struct buf *out, const struct graph *graph)
{
    struct drawing drawing = {
        .graph = graph,
        .places = mem_zalloc((graph->machine->state_count + 1) * sizeof(struct place)),
        .out = out,
    };
    struct extent extent = lay_out(&drawing, graph->machine->scope);
    /* Room on the right for edges that lead back up, and their labels. */
    int width = extent.width + 2 * MARGIN + 3 * COLUMN_GAP;
    int height = extent.height + 2 * MARGIN + ROW_GAP + 3 * END_RADIUS;

    move(&drawing, graph->machine->scope, MARGIN + COLUMN_GAP, MARGIN + ROW_GAP);
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n<title>",
               width, height, width, height);
    add_escaped(out, graph->title);
    buf_add_text(out, "</title>\n<style>text{font:12px sans-serif;text-anchor:middle;fill:#222}"
                      ".label{font-size:10px;text-anchor:start;fill:#555}"
                      ".edge{fill:none;stroke:#555;marker-end:url(#arrow)}.catch{stroke:#c77700;stroke-dasharray:4 3}"
                      ".start{fill:#333}.end{fill:#333;stroke:#fff;stroke-width:3;paint-order:fill}</style>\n"
                      "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
                      "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n"
                      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    draw_scope(&drawing, graph->machine->scope);
    draw_ends(&drawing, graph->machine->scope);
    buf_add_text(out, "</svg>\n");
    free(drawing.places);
}
