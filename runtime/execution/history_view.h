/*
 * history_view.h - stored events as GetExecutionHistory shows them.
 *
 * A view is fed the rows of one execution in order and calls back with each event that the API shows, with
 * the payloads that the stored form leaves out put in again. It needs no graph.
 *
 * Places    between two events a view can be copied, and the copy goes on from there: in the row that holds the event
 *           last shown, at that event's `end`. Records between events may be taken twice: they only set payloads, and
 *           the same ones again.
 *
 * Source    reference/history.md sections 1 and 2.
 */
#ifndef RUNTIME_EXECUTION_HISTORY_VIEW_H
#define RUNTIME_EXECUTION_HISTORY_VIEW_H

#include "runtime/execution/event.h"

#include <stddef.h>

struct buf;
struct err;
struct history_view;

struct history_view *history_view_new(void);
void history_view_free(struct history_view *view);
struct history_view *history_view_copy(const struct history_view *view);
/*
 * Events before this one are shown without their contents (name, value, assigned, details): reading over them is
 * cheaper. 0: all are shown whole.
 */
void history_view_skim(struct history_view *view, int64_t to);
/* Memory that it holds, roughly: payloads count with the length of their stored text. */
size_t history_view_bytes(const struct history_view *view);

/* One event as it stands in the history. Borrowed. */
struct shown_event {
    int64_t id, previous_id, at_ms;
    enum event_type type;
    const char *name; /* of the state, or NULL */
    bool has_value;
    struct json_object *value, *assigned, *details;
    int64_t number;
    size_t end; /* of its stored form in the row */
};
/* Non-zero stops: then the view stands before this event, as if it had not come. */
typedef int shown_event_fn(void *context, const struct shown_event *event);

/* Takes a row from the place `from` on: 0, or an event's `end`. */
int history_view_row(struct history_view *view, const char *body, size_t bytes, size_t from, shown_event_fn *fn,
                     void *context, struct err *err);

/* Writes the API's JSON of an event. with_data false: without input and output. */
void shown_event_write(struct buf *out, const struct shown_event *event, bool with_data);
/* Writes it as the record that CloudWatch Logs gets of it. */
void shown_event_write_record(struct buf *out, const struct shown_event *event, bool with_data, const char *arn,
                              int64_t redrive_count);

#endif
