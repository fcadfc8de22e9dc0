/*
 * stored_event.h - the members of a stored event, found in its text without making values of them.
 *
 * Most of a long history is read only for what it leaves behind: who shows its last page needs of the events before no
 * more than these.
 *
 * Shapes    the text is JSON that event_codec.c has written: an object of the members below and others.
 * Memory    `type` is a copy; `value` points into the text.
 */
#ifndef RUNTIME_EXECUTION_STORED_EVENT_H
#define RUNTIME_EXECUTION_STORED_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORED_TYPE_CHARS = 63 };

struct stored_event {
    int64_t id, previous_id, at_ms, number; /* 0: not there */
    uint32_t frame;
    char type[STORED_TYPE_CHARS + 1]; /* "": none, or a longer one than there is */
    bool same;                        /* the payload is the frame's */
    const char *value;                /* the payload's text, NULL: none */
    size_t value_bytes;
};

/* Reads the object that begins at `at`: the place after it, 0 where there is none. */
size_t stored_event_read(const char *body, size_t bytes, size_t at, struct stored_event *ret_event);

#endif
