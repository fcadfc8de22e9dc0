/*
 * history.c - reading what is stored: pages of history, a description.
 *
 * Events are numbered from 1 without gaps, so a page is known by its first and last number before it is read. Reading
 * starts at the nearest mark before (history_marks.h), which for the next page of a reader is where it begins.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/execution/history_view.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/history_marks.h"

#include <stdlib.h>
#include <string.h>

/* A page while it is read. */
struct reading {
    struct engine *engine;
    struct history_view *view;
    struct history_place place; /* of the view: behind the last event that it has taken */
    int64_t resumed; /* the event after which the view went on; its row is the first, 0: from the beginning */
    size_t resumed_end;
    int64_t first, last; /* events of the page, both included */
    bool more;           /* there are events after the last */
    struct buf *texts;   /* of the page's events, in their order */
    struct buf *out;     /* forward: they go there at once */
    size_t text_count;
    bool with_data;
    struct err *err;
};

enum { STOP = 1 };

static int take_event(void *context, const struct shown_event *event)
{
    struct reading *reading = context;
    struct history_marks *marks = reading->engine->history_marks;
    if (history_marks_stays(reading->place.id) && !history_marks_has(marks, &reading->place))
        history_marks_put(marks, &reading->place, history_view_copy(reading->view));
    if (event->id > reading->last) {
        reading->more = true;
        return STOP;
    }
    if (event->id >= reading->first) {
        struct buf *out = reading->out;
        if (reading->texts)
            out = &reading->texts[event->id - reading->first];
        else if (reading->text_count)
            buf_add_char(out, ',');
        shown_event_write(out, event, reading->with_data);
        reading->text_count++;
    }
    reading->place.id = event->id;
    reading->place.end = event->end;
    return 0;
}

static int read_row(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    struct reading *reading = context;
    bool resumes = reading->resumed && first <= reading->resumed && reading->resumed <= last;
    if (!resumes && first <= reading->resumed)
        return 0; /* of before: records without an event */
    size_t from = resumes ? reading->resumed_end : 0;
    if (from >= bytes)
        return err_set(reading->err, ERR_CORRUPT, "a row of the history is shorter than it was");
    return history_view_row(reading->view, body, bytes, from, take_event, reading, reading->err);
}

/* Reads the events first to last, from the nearest mark on. */
static int read_events(struct reading *reading, const struct store_execution *execution)
{
    reading->place =
        (struct history_place){.shard = execution->shard, .execution = execution->id, .id = reading->first - 1};
    reading->view = history_marks_take(reading->engine->history_marks, &reading->place);
    if (reading->view == NULL)
        reading->view = history_view_new();
    history_view_skim(reading->view, reading->first);
    reading->resumed = reading->place.id;
    reading->resumed_end = reading->place.end;
    int code = store_history(reading->engine->store, execution->shard, execution->id, reading->resumed, read_row,
                             reading, reading->err);
    if (code < 0)
        history_view_free(reading->view);
    else
        history_marks_put(reading->engine->history_marks, &reading->place, reading->view);
    return code < 0 ? code : 0;
}

static int note_last(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    int64_t *ret_last = context;
    (void)first, (void)body, (void)bytes;
    *ret_last = last;
    return 0;
}

static int read_forward(struct reading *reading, const struct store_execution *execution,
                        const struct history_page *page, int64_t *ret_last, bool *ret_more)
{
    reading->first = page->after + 1;
    reading->last = page->after + page->limit;
    int code = read_events(reading, execution);
    *ret_last = reading->text_count ? page->after + (int64_t)reading->text_count : 0;
    *ret_more = reading->more;
    return code;
}

static int read_backward(struct reading *reading, const struct store_execution *execution,
                         const struct history_page *page, int64_t *ret_last, bool *ret_more)
{
    int64_t end = page->after - 1;
    int code = 0;
    if (page->after == 0)
        code = store_history_edge(reading->engine->store, execution->shard, execution->id, true, note_last, &end,
                                  reading->err);
    if (code < 0 || end < 1)
        return code;
    reading->last = end;
    reading->first = end > page->limit ? end - page->limit + 1 : 1;
    size_t count = (size_t)(reading->last - reading->first + 1);
    reading->texts = mem_zalloc(count * sizeof *reading->texts);
    code = read_events(reading, execution);
    for (size_t i = count; i-- > 0;) {
        if (i + 1 < count)
            buf_add_char(reading->out, ',');
        buf_add(reading->out, buf_text(&reading->texts[i]), reading->texts[i].bytes);
        buf_release(&reading->texts[i]);
    }
    free(reading->texts);
    *ret_last = reading->first;
    *ret_more = reading->first > 1;
    return code;
}

int engine_history(struct engine *engine, const struct store_execution *execution, const struct history_page *page,
                   struct buf *out, int64_t *ret_last, bool *ret_more, struct err *err)
{
    struct reading reading = {.engine = engine, .out = out, .with_data = !page->without_data, .err = err};
    *ret_last = 0;
    *ret_more = false;
    buf_add_char(out, '[');
    int code = (page->reverse ? read_backward : read_forward)(&reading, execution, page, ret_last, ret_more);
    buf_add_char(out, ']');
    return code;
}

struct description {
    char **input, **output, **error, **cause;
    bool begins; /* the first row is read, of which no more than the first event is wanted */
};

static int describe_event(void *context, const struct shown_event *event)
{
    struct description *description = context;
    switch (event->type) {
    case EVENT_EXECUTION_STARTED:
        if (*description->input == NULL)
            *description->input = mem_strdup(json_member_text(event->details, EVENT_INPUT_TEXT));
        if (*description->input == NULL)
            *description->input = json_text(event->value);
        return description->begins ? STOP : 0;
    case EVENT_EXECUTION_SUCCEEDED:
        free(*description->output);
        *description->output = json_text(event->value);
        break;
    case EVENT_EXECUTION_FAILED:
    case EVENT_EXECUTION_ABORTED:
    case EVENT_EXECUTION_TIMED_OUT:
        free(*description->error);
        free(*description->cause);
        *description->error = mem_strdup(json_member_text(event->details, "error"));
        *description->cause = mem_strdup(json_member_text(event->details, "cause"));
        break;
    default:
        break;
    }
    return 0;
}

struct edge {
    struct history_view *view;
    struct description *description;
    struct err *err;
};

static int read_edge(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    struct edge *edge = context;
    (void)first, (void)last;
    return history_view_row(edge->view, body, bytes, 0, describe_event, edge->description, edge->err);
}

/* Input and ending are in the first and the last row, with their payloads written out. */
int engine_describe(struct engine *engine, const struct store_execution *execution, char **ret_input, char **ret_output,
                    char **ret_error, char **ret_cause, struct err *err)
{
    struct description description = {ret_input, ret_output, ret_error, ret_cause, true};
    *ret_input = *ret_output = *ret_error = *ret_cause = NULL;
    struct edge edge = {history_view_new(), &description, err};
    int code = store_history_edge(engine->store, execution->shard, execution->id, false, read_edge, &edge, err);
    description.begins = false;
    if (code >= 0 && execution->status != EXECUTION_RUNNING)
        code = store_history_edge(engine->store, execution->shard, execution->id, true, read_edge, &edge, err);
    history_view_free(edge.view);
    return code < 0 ? code : 0;
}
