/*
 * request.h - an HTTP/1.x request in text: its head, and how its body is framed.
 *
 * Pure      no sockets, no memory of its own: heads and chunks are parsed where they lie, in a buffer of the caller.
 * Shapes    once parsed, names (in lower case) and values in the buffer end in a NUL; pointers go into the buffer.
 * Strict    a text that two programs could read differently is refused: bare CR, blanks before a colon, folded lines,
 *           two lengths, a length beside chunks, control characters.
 * Errors    an HTTP status: 400 malformed, 413, 417, 431, 501, 505.
 * Source    RFC 9110, RFC 9112.
 */
#ifndef ORCHESTRATOR_HTTP_REQUEST_H
#define ORCHESTRATOR_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_OTHER };

enum { REQUEST_HEADERS_MAX = 100 };

struct http_header {
    const char *name; /* lower case */
    const char *value;
};

struct http_request {
    enum http_method method;
    const char *path;  /* without the query; of "http://host/path" the path */
    const char *query; /* without the "?", or NULL */
    struct http_header headers[REQUEST_HEADERS_MAX];
    size_t header_count;
    uint64_t content_bytes; /* stated length of the body, 0 when chunked or without one */
    bool old;               /* HTTP/1.0 */
    bool chunked;
    bool keep_alive;      /* the client wants to send more requests */
    bool expect_continue; /* the client waits for "100 Continue" before it sends the body */
    char *body;           /* once it is all there */
    size_t body_bytes;
};

/*
 * Where the head that begins at text ends: its bytes with the empty line, or 0 while there is more to come.
 * `seen` bytes were looked at before and held no end.
 */
size_t request_head_end(const char *text, size_t bytes, size_t seen);

/*
 * Parses a whole head, `bytes` as request_head_end() said. The buffer is changed. 0, or the status to refuse it with
 * and why (a static text); then only the method is to be relied on.
 */
int request_parse(char *text, size_t bytes, struct http_request *ret_request, const char **ret_why);

/* The head was copied from `from` to `to`: the pointers into it follow. */
void request_move(struct http_request *request, const char *from, char *to);

/* The value of a header by its lower-case name, or NULL. The first one, where there are several. */
const char *request_header(const struct http_request *request, const char *name);

/* A chunked body while it arrives: decoded bytes are moved to the front of the body. */
struct http_chunks {
    int state;
    uint64_t left;        /* of the chunk that is being read */
    size_t read;          /* raw bytes taken so far */
    size_t decoded;       /* bytes of the body, which begin where the raw ones did */
    size_t line_bytes;    /* of the line that is being read */
    size_t trailer_bytes; /* of all lines after the last chunk */
};
/*
 * Takes what has arrived: `bytes` raw bytes at body, the first chunks->read of them taken before. 1: the body is whole,
 * chunks->decoded bytes, and what follows it begins at chunks->read. 0: more to come. Below 0: minus the status.
 */
int request_chunks(struct http_chunks *chunks, char *body, size_t bytes, size_t body_bytes_max);

#endif
