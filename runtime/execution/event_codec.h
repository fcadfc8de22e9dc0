/*
 * event_codec.h - the stored form of events: one JSON array a commit.
 *
 *   [{"id":2,"type":"PassStateEntered","prev":0,"at":1732186496123,"name":"A","value":{...}}, ...]
 *
 * Shapes    at: ms since 1970. f: the frame, left out when 0. value: the payload; left out together with
 *           "same":true where it is the payload that the frame's last event had. next: a state's name where
 *           an exit does not lead to the state's own Next. n, until: see struct event. assigned: variables.
 *           details: all other members, those that start with `_` for the fold alone.
 * Promise   what is encoded decodes to an equal event, given the execution folded so far.
 */
#ifndef RUNTIME_EXECUTION_EVENT_CODEC_H
#define RUNTIME_EXECUTION_EVENT_CODEC_H

#include "runtime/execution/event.h"

#include <stddef.h>

struct buf;
struct err;
struct execution;

/* Appends the events to a row that is being made; event_encode_end() closes it. Several calls make one row. */
void event_encode(struct buf *out, const struct event *events, size_t count);
void event_encode_end(struct buf *out);

/* Decodes a row and folds its events into the execution. ERR_CORRUPT when it does not fit. */
int event_replay(struct execution *execution, const char *body, size_t bytes, struct err *err);

#endif
