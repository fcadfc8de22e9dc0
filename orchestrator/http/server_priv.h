/*
 * server_priv.h - what the files of the HTTP server share. Not for anyone else.
 */
#ifndef ORCHESTRATOR_HTTP_SERVER_PRIV_H
#define ORCHESTRATOR_HTTP_SERVER_PRIV_H

#include "orchestrator/http/server.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct connection;
struct connections;
struct err;
struct evconnlistener;
struct event;
struct exchange;
struct http_request;
struct replay;
struct ssl_ctx_st;
struct ssl_st;

/* Answered API requests by operation and error, for /metrics. */
struct http_count {
    char operation[48];
    char error[48]; /* "" for success */
    uint64_t requests;
    double seconds;
};

struct http_server {
    struct http_options options;
    struct evconnlistener *listener;
    struct event *accept_again; /* after a pause for want of descriptors */
    struct connections *connections;
    struct ssl_ctx_st *tls;
    struct replay *replay; /* of signed requests */
    int port;
    bool draining;
    struct exchange *exchanges; /* API requests that are not answered yet */
    size_t exchange_count;
    struct http_count counts[256]; /* filled from the front */
    size_t count_count;
};

/* server.c: a request that is there as a whole; it is answered with connection_answer(). Its text is borrowed. */
void server_request(struct http_server *server, struct connection *connection, struct http_request *request);

/* api.c: one API request, from its body to its answer. */
void api_handle(struct http_server *server, struct connection *connection, const struct http_request *request);
/* The client of a request at work has reset its connection, which is not to be touched any more (`reset`), or sends
 * nothing more but may still wait for the answer. */
void exchange_client_left(struct exchange *exchange, bool reset);
/* Forgets all requests at work; nobody is answered. */
void api_close(struct http_server *server);

/* metrics.c: the page of /metrics in Prometheus' text format. */
void metrics_count(struct http_server *server, const char *operation, const char *error, double seconds);
void metrics_write(struct http_server *server, struct buf *out);

/* tls.c: what a server needs of TLS. */
struct ssl_ctx_st *tls_open(const char *certificate, const char *key, struct err *err);
void tls_close(struct ssl_ctx_st *tls);
/* The server's end on a socket that stays the caller's, or NULL. */
struct ssl_st *tls_new(struct ssl_ctx_st *tls, int fd);
/* As recv(): bytes, 0 when the client has said goodbye, -1 with errno, EAGAIN when there is nothing yet. */
ssize_t tls_read(struct ssl_st *ssl, void *out, size_t bytes);
/* Bytes taken, 0 when none can be just now, -1 when none ever will. */
ssize_t tls_write(struct ssl_st *ssl, const void *data, size_t bytes);
/* The last read could not go on before the socket takes more. */
bool tls_wants_write(struct ssl_st *ssl);
/* The handshake is done. */
bool tls_ready(struct ssl_st *ssl);
/* Says goodbye: nothing more will be sent. */
void tls_end(struct ssl_st *ssl);
void tls_free(struct ssl_st *ssl);

#endif
