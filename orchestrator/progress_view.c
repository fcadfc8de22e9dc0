#include "config.h"

#include "orchestrator/progress_view.h"

#include "orchestrator/history_reader.h"
#include "orchestrator/output.h"
#include "orchestrator/terminal.h"

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { NAME_COLUMN = 36, SPINNER_FRAMES = 10 };

/* How a state looks: glyph, glyph where the terminal knows ASCII only, colour. */
static const struct look {
    const char *glyph, *ascii, *colour;
} looks[] = {
    [PROGRESS_RUNNING] = {"", ">", "\033[36m"},  [PROGRESS_SUCCEEDED] = {"✔", "+", "\033[32m"},
    [PROGRESS_FAILED] = {"✘", "x", "\033[31m"},  [PROGRESS_CAUGHT] = {"✔", "!", "\033[33m"},
    [PROGRESS_ABORTED] = {"■", "-", "\033[90m"},
};
static const char *const spinner[SPINNER_FRAMES] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
#define DIM "\033[90m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

void progress_view_open(struct progress_view *view, const struct options *options, const char *title, FILE *stream)
{
    if (terminal_is_live(stream))
        setlocale(LC_CTYPE, ""); /* the widths of characters */
    *view = (struct progress_view){
        .stream = stream,
        .title = title,
        .live = terminal_is_live(stream),
        .colours = terminal_colours(options, stream),
        .unicode = !strcmp(nl_langinfo(CODESET), "UTF-8"),
    };
    progress_init(&view->progress);
}

void progress_view_close(struct progress_view *view)
{
    progress_release(&view->progress);
}

/* --- plain lines -------------------------------------------------------------------------------------------- */

static const struct progress_node *node_at(const struct progress_view *view, int index)
{
    return index < 0 ? NULL : &view->progress.nodes[index];
}

/* States inside a Map are not told one by one: there may be thousands. */
static bool is_inside_map(const struct progress_view *view, const struct progress_node *node)
{
    for (int at = node->parent; at >= 0; at = view->progress.nodes[at].parent)
        if (!strcmp(view->progress.nodes[at].type, "Map"))
            return true;
    return false;
}

static void add_failure(struct buf *line, struct json_object *details)
{
    const char *error = json_member_text(details, "error");
    const char *cause = json_member_text(details, "cause");
    if (error)
        buf_printf(line, ": %s", error);
    if (cause)
        buf_printf(line, ": %.*s", (int)(strcspn(cause, "\n") < 200 ? strcspn(cause, "\n") : 200), cause);
}

/* What is worth a line of an event, or false. */
static bool describe(const struct progress_view *view, const struct progress_node *node, bool retried,
                     struct json_object *event, struct buf *line)
{
    const char *type = json_member_text(event, "type");
    struct json_object *details = history_details(event);

    if (!strncmp(type, "Execution", 9)) {
        buf_printf(line, "execution %s",
                   !strcmp(type, "ExecutionTimedOut")    ? "timed out"
                   : !strcmp(type, "ExecutionSucceeded") ? "succeeded"
                   : !strcmp(type, "ExecutionFailed")    ? "failed"
                   : !strcmp(type, "ExecutionAborted")   ? "aborted"
                   : !strcmp(type, "ExecutionRedriven")  ? "redriven"
                                                         : "started");
        add_failure(line, details);
        return true;
    }
    if (!node)
        return false;
    bool failed = strstr(type, "Failed") || strstr(type, "TimedOut");
    if (is_inside_map(view, node) && !failed)
        return false;
    if (failed) {
        buf_printf(line, "%s %s", node->name, strstr(type, "TimedOut") ? "timed out" : "failed");
        add_failure(line, details);
    } else if (strstr(type, "StateEntered")) {
        buf_printf(line, "%s entered (%s)", node->name, node->type);
    } else if (strstr(type, "StateExited")) {
        buf_printf(line, "%s done", node->name);
        if (node->items > 0)
            buf_printf(line, ", %lld of %lld items", (long long)node->items_done, (long long)node->items);
    } else if (retried) {
        buf_printf(line, "%s tried again (retry %lld)", node->name, (long long)node->retries);
    } else {
        return false;
    }
    return true;
}

static void print_line(struct progress_view *view, int index, bool retried, struct json_object *event)
{
    AUTO_BUF line = BUF_INIT;
    char time[OUTPUT_TIME_BYTES];

    if (!describe(view, node_at(view, index), retried, event, &line))
        return;
    output_time((double)history_time_ms(event) / 1000, time);
    fprintf(view->stream, "%s  %s\n", time, buf_text(&line));
}

void progress_view_event(struct progress_view *view, struct json_object *event)
{
    int64_t retries = view->progress.retries;
    int index = progress_apply(&view->progress, event);

    if (!view->live)
        print_line(view, index, view->progress.retries > retries, event);
}

/* --- the tree ----------------------------------------------------------------------------------------------- */

/* Bytes of the text that fit into `columns`, escape sequences taking none. */
static size_t fitting(const char *text, int columns)
{
    mbstate_t state = {0};
    const char *at = text;

    while (*at) {
        if (*at == '\033') {
            at += strcspn(at, "m") + 1;
            continue;
        }
        wchar_t character;
        size_t bytes = mbrtowc(&character, at, strlen(at), &state);
        int width = bytes == (size_t)-1 || bytes == (size_t)-2 ? 1 : wcwidth(character);
        if (bytes == (size_t)-1 || bytes == (size_t)-2) {
            bytes = 1;
            memset(&state, 0, sizeof(state));
        }
        columns -= width > 0 ? width : 0;
        if (columns < 0)
            break;
        at += bytes;
    }
    return (size_t)(at - text);
}

static int width_of(const char *text)
{
    int width = 0;
    while (text[fitting(text, width)])
        width++;
    return width;
}

static const char *style(const struct progress_view *view, const char *sequence)
{
    return view->colours ? sequence : "";
}

static void add_glyph(const struct progress_view *view, struct buf *line, enum progress_state state)
{
    const struct look *look = &looks[state];
    const char *glyph = !view->unicode              ? look->ascii
                        : state == PROGRESS_RUNNING ? spinner[view->frame % SPINNER_FRAMES]
                                                    : look->glyph;
    buf_printf(line, "%s%s%s ", style(view, look->colour), glyph, style(view, PLAIN));
}

static void add_time(const struct progress_view *view, struct buf *line, enum progress_state state, int64_t started_ms,
                     int64_t ended_ms)
{
    char text[OUTPUT_DURATION_BYTES];
    int64_t now_ms = view->virtual_clock ? view->progress.now_ms : clock_real_ms();

    output_duration((state == PROGRESS_RUNNING ? now_ms : ended_ms) - started_ms, text);
    buf_printf(line, "%8s", text);
}

/* Retries, counts and the error: what stands right of the time. */
static void add_notes(const struct progress_view *view, struct buf *line, const struct progress_node *node)
{
    enum progress_state state = progress_state_of(node);

    buf_add_text(line, style(view, DIM));
    if (node->items >= 0) {
        buf_printf(line, "  %lld/%lld items", (long long)node->items_done, (long long)node->items);
        if (node->items_failed)
            buf_printf(line, ", %lld failed", (long long)node->items_failed);
    } else if (node->visits > 1) {
        buf_printf(line, "  %lldx", (long long)node->visits);
        if (node->running > 0)
            buf_printf(line, ", %lld running", (long long)node->running);
    }
    if (node->retries)
        buf_printf(line, "  %lld %s", (long long)node->retries, node->retries == 1 ? "retry" : "retries");
    if (node->error && (state == PROGRESS_FAILED || node->failing))
        buf_printf(line, "  %s", node->error);
    else if (node->error && node->caught)
        buf_printf(line, "  caught %s", node->error);
    buf_add_text(line, style(view, PLAIN));
}

static bool has_later_sibling(const struct progress *progress, size_t index)
{
    for (size_t i = index + 1; i < progress->count; i++)
        if (progress->nodes[i].parent == progress->nodes[index].parent)
            return true;
    return false;
}

/* The lines left of a node: one step for each level above it, then its own branch. */
static void add_branches(const struct progress_view *view, struct buf *line, size_t index, bool own)
{
    const struct progress_node *node = &view->progress.nodes[index];
    bool more = has_later_sibling(&view->progress, index);

    if (node->parent >= 0)
        add_branches(view, line, (size_t)node->parent, false);
    if (own)
        buf_add_text(line, view->unicode ? (more ? "├─ " : "└─ ") : more ? "|- " : "`- ");
    else
        buf_add_text(line, view->unicode ? (more ? "│  " : "   ") : more ? "|  " : "   ");
}

static char *node_line(const struct progress_view *view, size_t index)
{
    const struct progress_node *node = &view->progress.nodes[index];
    enum progress_state state = progress_state_of(node);
    AUTO_BUF line = BUF_INIT;

    buf_add_text(&line, style(view, DIM));
    add_branches(view, &line, index, true);
    buf_add_text(&line, style(view, PLAIN));
    add_glyph(view, &line, state);
    buf_add_text(&line, node->name);
    int width = width_of(buf_text(&line));
    buf_printf(&line, "%*s", width < NAME_COLUMN ? NAME_COLUMN - width : 1, "");
    add_time(view, &line, state, node->started_ms, node->ended_ms);
    add_notes(view, &line, node);
    return buf_take(&line);
}

static char *title_line(const struct progress_view *view)
{
    const struct progress *progress = &view->progress;
    AUTO_BUF line = BUF_INIT;

    add_glyph(view, &line, progress->state);
    buf_printf(&line, "%s%s%s ", style(view, BOLD), view->title, style(view, PLAIN));
    int width = width_of(buf_text(&line));
    buf_printf(&line, "%*s", width < NAME_COLUMN ? NAME_COLUMN - width : 1, "");
    add_time(view, &line, progress->state, progress->started_ms, progress->ended_ms);
    return buf_take(&line);
}

/* Numbers of the nodes as the tree shows them: children below their parent, in the order they were entered. */
static size_t put_in_order(const struct progress *progress, int parent, size_t *order, size_t count)
{
    for (size_t i = 0; i < progress->count; i++) {
        if (progress->nodes[i].parent != parent)
            continue;
        order[count++] = i;
        count = put_in_order(progress, (int)i, order, count);
    }
    return count;
}

static void add_row(struct buf *picture, char *line, int columns)
{
    size_t bytes = fitting(line, columns - 1);
    buf_add(picture, line, bytes);
    buf_add_text(picture, line[bytes] ? PLAIN "\n" : "\n");
    free(line);
}

/* Takes the picture off the terminal. */
static void wipe(struct progress_view *view, struct buf *out)
{
    if (view->drawn_rows)
        buf_printf(out, "\033[%dA\r\033[J", view->drawn_rows);
    view->drawn_rows = 0;
}

void progress_view_log(void *context, const char *function, const char *line)
{
    struct progress_view *view = context;
    AUTO_BUF out = BUF_INIT;

    wipe(view, &out);
    fprintf(view->stream, "%s%s: %s\n", buf_text(&out), function, line);
}

void progress_view_draw(struct progress_view *view)
{
    const struct progress *progress = &view->progress;
    size_t *order;
    size_t first = 0;
    int columns, rows;
    AUTO_BUF picture = BUF_INIT;

    if (!view->live || !progress->started_ms)
        return;
    terminal_size(view->stream, &columns, &rows);
    order = mem_zalloc((progress->count + 1) * sizeof(*order));
    put_in_order(progress, -1, order, 0);
    /* While it runs the picture has to fit; of a long one the end is shown. At last all of it stands there. */
    size_t room = rows > 4 ? (size_t)rows - 3 : 1;
    if (progress->state == PROGRESS_RUNNING && progress->count > room)
        first = progress->count - room;

    wipe(view, &picture);
    view->drawn_rows = 1;
    add_row(&picture, title_line(view), columns);
    if (first) {
        add_row(&picture, mem_printf("   ... %zu above", first), columns);
        view->drawn_rows++;
    }
    for (size_t i = first; i < progress->count; i++, view->drawn_rows++)
        add_row(&picture, node_line(view, order[i]), columns);
    free(order);
    view->frame++;
    fputs(buf_text(&picture), view->stream);
    fflush(view->stream);
}
