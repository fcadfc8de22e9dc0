/*
 * server.h - the API over HTTP: awsJson1.0 on `POST /`, and /health, /ready, /metrics for operators.
 *
 * Promise   connections, bodies, headers, requests at once and the time a client may take are bounded; a slow or
 *           hostile client costs its own connection and nothing else. Any Host is accepted, `sync-` prefixed ones too.
 * Keys      with keys every API request must carry a valid AWS Signature Version 4, and the key's role must allow the
 *           operation. Without keys the server listens on loopback addresses alone.
 * Source    reference/api.md section 1.
 */
#ifndef ORCHESTRATOR_HTTP_SERVER_H
#define ORCHESTRATOR_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct err;
struct event_base;
struct http_keys;
struct http_server;
struct service;

struct http_options {
    struct event_base *base;
    struct service *service;
    struct engine *engine;
    const char *host;                      /* "127.0.0.1", "::1", "0.0.0.0" */
    int port;                              /* 0: any free one */
    const struct http_keys *keys;          /* NULL: no authentication */
    const char *tls_certificate, *tls_key; /* PEM files; NULL: plain HTTP */
    size_t body_bytes_max;                 /* 0: LIMIT_REQUEST_BYTES */
    size_t requests_max;                   /* at work or waiting at once; 0: LIMIT_REQUESTS */
    size_t connections_max;                /* open at once; 0: LIMIT_CONNECTIONS */
    int64_t idle_seconds;                  /* a connection without a request is closed after; 0: LIMIT_IDLE_SECONDS */
    int64_t request_seconds;   /* for a request to arrive, an answer to be taken; 0: LIMIT_REQUEST_SECONDS */
    int audit_fd;              /* a JSON line goes here per request that changes something; -1: none */
    const char *metrics_token; /* who has it may read /metrics where there are keys; or NULL */
    void (*log)(void *context, int level, const char *message);
    void *log_context;
};

int http_server_open(const struct http_options *options, struct http_server **ret_server, struct err *err);
int http_server_port(const struct http_server *server);
/* Serves a connected, non-blocking stream socket as if it had been accepted; it is taken over. */
void http_server_adopt(struct http_server *server, int fd);
/* Refuses new requests; those at work are still answered, and /ready says 503.
 * The polls among them end by engine_drain(). */
void http_server_drain(struct http_server *server);
/* Requests that are not answered yet, or whose answers were not taken yet. */
size_t http_server_pending(const struct http_server *server);
void http_server_close(struct http_server *server);

#endif
