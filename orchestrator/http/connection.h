/*
 * connection.h - one client's connection: bytes in, requests one after the other, answers in their order.
 *
 * Promise   a request is given to server_request() when it is there as a whole; exactly one connection_answer() must
 *           follow, at once or later, and only then the next request of the same client is looked at.
 * Bounds    head, body, what is read ahead, the time a request may take to arrive and an answer to be taken: see
 *           limits.h. Whoever stays silent between requests is closed after the server's idle time.
 * Memory    an idle connection has no buffers. A request that arrives in one piece is parsed where it was read and
 *           never copied; its text is gone when server_request() returns.
 * Leaving   a client that resets the connection has left; one that only ends its own side may still read. The exchange
 *           is told by exchange_client_left().
 */
#ifndef ORCHESTRATOR_HTTP_CONNECTION_H
#define ORCHESTRATOR_HTTP_CONNECTION_H

#include "orchestrator/http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct connections;
struct event_base;
struct exchange;
struct http_answer;
struct http_server;
struct ssl_ctx_st;

struct connections_options {
    struct event_base *base;
    struct http_server *server; /* who gets the requests */
    struct ssl_ctx_st *tls;     /* NULL: plain */
    size_t body_bytes_max;
    size_t count_max;
    int64_t idle_ms;
    int64_t request_ms; /* for a request to arrive, and for an answer to be taken */
};

struct connections *connections_new(const struct connections_options *options);
/* Closes all of them; no exchange may be at work any more. */
void connections_free(struct connections *connections);
/* Takes over an accepted, non-blocking socket. Where there are too many, the one that was idle longest goes. */
void connections_add(struct connections *connections, int fd);
size_t connections_count(const struct connections *connections);
/* How many have answers that their clients did not take yet. */
size_t connections_sending(const struct connections *connections);
/* Closes the one that has been idle longest. False: none is idle. */
bool connections_close_idle(struct connections *connections);

/* Answers the request that server_request() was given. The connection may be gone afterwards. */
void connection_answer(struct connection *connection, const struct http_answer *answer);
/* Whose request is at work, so that it hears of the client's leaving, perhaps at once. */
void connection_set_exchange(struct connection *connection, struct exchange *exchange);
/* The client's address as text; "" where it has none. */
void connection_peer(const struct connection *connection, char *out, size_t out_bytes);

#endif
