/*
 * answer.h - an HTTP/1.1 answer, and its head as text.
 */
#ifndef ORCHESTRATOR_HTTP_ANSWER_H
#define ORCHESTRATOR_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

struct http_answer {
    int status;
    const char *type;    /* Content-Type, or NULL */
    const char *headers; /* further lines, each with its CR LF, or NULL */
    const char *body;    /* borrowed */
    size_t body_bytes;
    bool close; /* no further request on this connection */
};

enum { ANSWER_HEAD_BYTES = 1024 }; /* of any head without `headers` */

/*
 * Writes status line, headers and empty line to `out`, which has room for ANSWER_HEAD_BYTES and the answer's headers.
 * Returns the bytes. `old`: the request is HTTP/1.0, whose client is told that the connection stays.
 */
size_t answer_write_head(const struct http_answer *answer, bool keep_alive, bool old, char *out);

#endif
