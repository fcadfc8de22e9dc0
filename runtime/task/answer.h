/*
 * answer.h - one line a handler wrote: {"id":"17","result":...} or {"id":"17","error":{...}}.
 *
 * Only the envelope is read here; the result stays text until somebody wants it. Members may come in any
 * order, others are skipped; of equal names the last counts.
 */
#ifndef RUNTIME_TASK_ANSWER_H
#define RUNTIME_TASK_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
    const char *text; /* NULL: there was none */
    size_t bytes;
};

struct answer {
    struct slice id;     /* without its quotes; a number is taken as it is written */
    struct slice result; /* JSON text, found by its brackets and quotes alone */
    struct slice error;
};

/* False where the line is no object with an id. ret_answer points into the line and is filled as far as was read. */
bool answer_parse(const char *line, size_t bytes, struct answer *ret_answer);

#endif
