/*
 * server_priv.h - what the files of the HTTP server share. Not for anyone else.
 */
#ifndef ORCHESTRATOR_HTTP_SERVER_PRIV_H
#define ORCHESTRATOR_HTTP_SERVER_PRIV_H

#include "orchestrator/http/server.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct bufferevent;
struct err;
struct event_base;
struct evhttp;
struct evhttp_request;
struct exchange;
struct ssl_ctx_st;

/* Answered API requests by operation and error, for /metrics. */
struct http_count {
    char operation[48];
    char error[48]; /* "" for success */
    uint64_t requests;
    double seconds;
};

struct http_server {
    struct http_options options;
    struct evhttp *http;
    struct ssl_ctx_st *tls;
    int port;
    bool draining;
    struct exchange *exchanges; /* API requests that are not answered yet */
    size_t exchange_count;
    struct http_count counts[256]; /* filled from the front */
    size_t count_count;
};

/* api.c: one API request, from its body to its answer. */
void api_handle(struct http_server *server, struct evhttp_request *request);
/* Ends all waiting calls with an answer that says the server goes away. */
void api_drain(struct http_server *server);

/* metrics.c: the page of /metrics in Prometheus' text format. */
void metrics_count(struct http_server *server, const char *operation, const char *error, double seconds);
void metrics_write(struct http_server *server, struct buf *out);

/* tls.c */
struct ssl_ctx_st *tls_open(const char *certificate, const char *key, struct err *err);
void tls_close(struct ssl_ctx_st *tls);
struct bufferevent *tls_bufferevent(struct event_base *base, struct ssl_ctx_st *tls);

#endif
