/*
 * progress_view.h - shows the progress of an execution: a live tree on a terminal, else plain lines.
 */
#ifndef ORCHESTRATOR_PROGRESS_VIEW_H
#define ORCHESTRATOR_PROGRESS_VIEW_H

#include "orchestrator/progress.h"

#include <stdio.h>

struct options;
struct json_object;

struct progress_view {
    struct progress progress;
    FILE *stream;
    const char *title; /* borrowed */
    bool live, colours, unicode;
    bool virtual_clock; /* what runs is timed by the events, not by the clock on the wall */
    int drawn_rows;     /* of the picture that stands on the terminal */
    int frame;
};

void progress_view_open(struct progress_view *view, const struct options *options, const char *title, FILE *stream);
void progress_view_close(struct progress_view *view);
/* Takes an event in; without a terminal its line is printed. */
void progress_view_event(struct progress_view *view, struct json_object *event);
/* Draws the tree anew; does nothing without a terminal. */
void progress_view_draw(struct progress_view *view);
/* A line of a handler's log: above the tree, which is drawn again below it. context: the view. */
void progress_view_log(void *context, const char *function, const char *line);

#endif
