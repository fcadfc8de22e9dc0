/*
 * history.c - reading what is stored: pages of history, a description.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/execution/history_view.h"
#include "runtime/executor/engine_priv.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct history_view *view;
    const struct history_page *page;
    struct buf *out;
    struct buf *texts; /* reverse: one text an event, written in the end */
    size_t text_count, text_capacity;
    int written;
    int64_t last;
    bool more;
    struct err *err;
    shown_event_fn *each;
    void *each_context;
};

static bool wanted(const struct history_page *page, const struct shown_event *event)
{
    return (page->type == NULL || strcmp(event_type_name(event->type), page->type) == 0) &&
           event->at_ms >= page->since_ms;
}

enum { STOP = 1 };

static int write_forward(void *context, const struct shown_event *event)
{
    struct reading *reading = context;
    const struct history_page *page = reading->page;
    if (event->id <= page->after || !wanted(page, event))
        return 0;
    if (reading->written == page->limit) {
        reading->more = true;
        return STOP;
    }
    if (reading->written++)
        buf_add_char(reading->out, ',');
    shown_event_write(reading->out, event, !page->without_data);
    reading->last = event->id;
    return 0;
}

/* The payloads depend on the events before, so a reverse page is read forward and turned round. */
static int keep_for_reverse(void *context, const struct shown_event *event)
{
    struct reading *reading = context;
    const struct history_page *page = reading->page;
    if ((page->after && event->id >= page->after) || !wanted(page, event))
        return 0;
    reading->texts = mem_grow(reading->texts, &reading->text_capacity, reading->text_count + 1, sizeof *reading->texts);
    struct buf *text = &reading->texts[reading->text_count++];
    *text = (struct buf)BUF_INIT;
    shown_event_write(text, event, !page->without_data);
    if (reading->text_count > (size_t)page->limit) {
        reading->more = true;
        buf_release(&reading->texts[reading->text_count - 1 - (size_t)page->limit]);
    }
    return 0;
}

static int read_row(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    (void)first, (void)last;
    struct reading *reading = context;
    return history_view_row(reading->view, body, bytes, reading->each, reading->each_context, reading->err);
}

static int64_t id_of(const struct buf *text)
{
    const char *at = strstr(text->data, "\"id\":");
    return at ? strtoll(at + 5, NULL, 10) : 0;
}

static void write_reverse(struct reading *reading)
{
    for (size_t i = reading->text_count; i-- > 0;) {
        struct buf *text = &reading->texts[i];
        if (text->data == NULL)
            break;
        if (reading->written++)
            buf_add_char(reading->out, ',');
        buf_add(reading->out, text->data, text->bytes);
        reading->last = id_of(text);
        buf_release(text);
    }
    free(reading->texts);
}

int engine_history(struct engine *engine, const struct store_execution *execution, const struct history_page *page,
                   struct buf *out, int64_t *ret_last, bool *ret_more, struct err *err)
{
    struct reading reading = {.view = history_view_new(), .page = page, .out = out, .err = err};
    reading.each = page->reverse ? keep_for_reverse : write_forward;
    reading.each_context = &reading;
    buf_add_char(out, '[');
    int code = store_history(engine->store, execution->shard, execution->id, 0, read_row, &reading, err);
    if (page->reverse)
        write_reverse(&reading);
    buf_add_char(out, ']');
    history_view_free(reading.view);
    *ret_last = reading.last;
    *ret_more = reading.more;
    return code == STOP ? 0 : code;
}

struct description {
    char **input, **output, **error, **cause;
};

static int describe_event(void *context, const struct shown_event *event)
{
    struct description *description = context;
    switch (event->type) {
    case EVENT_EXECUTION_STARTED:
        if (*description->input == NULL)
            *description->input = json_text(event->value);
        break;
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

/* Input and ending are in the first and the last row, with their payloads written out. */
int engine_describe(struct engine *engine, const struct store_execution *execution, char **ret_input, char **ret_output,
                    char **ret_error, char **ret_cause, struct err *err)
{
    struct description description = {ret_input, ret_output, ret_error, ret_cause};
    *ret_input = *ret_output = *ret_error = *ret_cause = NULL;
    struct reading reading = {.view = history_view_new(), .err = err};
    reading.each = describe_event;
    reading.each_context = &description;
    int code = store_history_edge(engine->store, execution->shard, execution->id, false, read_row, &reading, err);
    if (code == 0 && execution->status != EXECUTION_RUNNING)
        code = store_history_edge(engine->store, execution->shard, execution->id, true, read_row, &reading, err);
    history_view_free(reading.view);
    return code;
}
