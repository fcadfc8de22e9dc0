#include "orchestrator/http/server.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "orchestrator/http/answer.h"
#include "orchestrator/http/connection.h"
#include "orchestrator/http/replay.h"
#include "orchestrator/http/server_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ACCEPT_PAUSE_MS = 100, BACKLOG = 4096 };

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

/* --- pages for operators ----------------------------------------------------------------------------------- */

static void answer_text(struct connection *connection, int status, const char *type, const char *text)
{
    connection_answer(connection,
                      &(struct http_answer){.status = status, .type = type, .body = text, .body_bytes = strlen(text)});
}

/* A guarded server shows its figures to who has the token, as Prometheus sends it. */
static bool may_read_metrics(const struct http_server *server, const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *token = server->options.metrics_token;
    const char *given = request_header(request, "authorization");
    if (server->options.keys == NULL)
        return true;
    return token && given && strncmp(given, scheme, sizeof scheme - 1) == 0 &&
           strlen(given + sizeof scheme - 1) == strlen(token) &&
           CRYPTO_memcmp(given + sizeof scheme - 1, token, strlen(token)) == 0;
}

static void answer_metrics(struct http_server *server, struct connection *connection,
                           const struct http_request *request)
{
    static const char missing[] = "{\"__type\":\"MissingAuthenticationTokenException\","
                                  "\"message\":\"Missing Authentication Token\"}";
    AUTO_BUF page = BUF_INIT;
    if (!may_read_metrics(server, request)) {
        connection_answer(connection, &(struct http_answer){.status = 403,
                                                            .type = "application/x-amz-json-1.0",
                                                            .body = missing,
                                                            .body_bytes = sizeof missing - 1});
        return;
    }
    metrics_write(server, &page);
    answer_text(connection, 200, "text/plain; version=0.0.4", buf_text(&page));
}

static void answer_page(struct http_server *server, struct connection *connection, const struct http_request *request)
{
    const char *path = request->path;
    if (strcmp(path, "/health") == 0)
        answer_text(connection, 200, "text/plain", "ok\n");
    else if (strcmp(path, "/ready") == 0 && server->draining)
        answer_text(connection, 503, "text/plain", "stopping\n");
    else if (strcmp(path, "/ready") == 0)
        answer_text(connection, 200, "text/plain", "ready\n");
    else if (strcmp(path, "/metrics") == 0)
        answer_metrics(server, connection, request);
    else
        answer_text(connection, 404, "text/plain", "not found\n");
}

void server_request(struct http_server *server, struct connection *connection, struct http_request *request)
{
    static const char allow[] = "Allow: POST, GET, HEAD, OPTIONS\r\n";
    if (request->method == HTTP_POST)
        api_handle(server, connection, request);
    else if (request->method == HTTP_OPTIONS)
        connection_answer(connection, &(struct http_answer){.status = 204, .headers = allow});
    else if (request->method == HTTP_OTHER)
        connection_answer(connection, &(struct http_answer){.status = 405, .headers = allow});
    else
        answer_page(server, connection, request);
}

/* --- the listening socket ------------------------------------------------------------------------------------- */

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int bytes,
                     void *context)
{
    struct http_server *server = context;
    (void)listener;
    (void)address;
    (void)bytes;
    connections_add(server->connections, fd);
}

static void accept_again(evutil_socket_t socket, short what, void *context)
{
    struct http_server *server = context;
    (void)socket;
    (void)what;
    evconnlistener_enable(server->listener);
}

/* No file descriptor is left: an idle connection makes room, and the kernel's queue holds who comes until then. */
static void accept_failed(struct evconnlistener *listener, void *context)
{
    struct http_server *server = context;
    connections_close_idle(server->connections);
    evconnlistener_disable(listener);
    event_add(server->accept_again, &(struct timeval){.tv_usec = ACCEPT_PAUSE_MS * 1000});
}

static int bound_port(evutil_socket_t socket)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &bytes) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* Tries each address that the host's name stands for. */
static int listen_on(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char port[8];
    snprintf(port, sizeof port, "%d", options->port);
    int code = getaddrinfo(options->host, port, &wanted, &list);
    unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
    for (struct addrinfo *at = list; at && server->listener == NULL; at = at->ai_next)
        server->listener =
            evconnlistener_new_bind(options->base, accepted, server, flags, BACKLOG, at->ai_addr, (int)at->ai_addrlen);
    const char *why = code ? gai_strerror(code) : strerror(errno);
    if (list)
        freeaddrinfo(list);
    if (server->listener == NULL) {
        err_set(err, ERR_IO, "could not listen: %s", why);
        err_at(err, "%s:%d", options->host, options->port);
        return ERR_IO;
    }
    server->accept_again = event_new(options->base, -1, 0, accept_again, server);
    evconnlistener_set_error_cb(server->listener, accept_failed);
    server->port = bound_port(evconnlistener_get_fd(server->listener));
    return 0;
}

int http_server_open(const struct http_options *options, struct http_server **ret_server, struct err *err)
{
    if (options->keys == NULL && !is_loopback(options->host)) {
        err_set(err, ERR_INVALID, "without keys the server listens on loopback addresses alone, not on %s",
                options->host);
        err_hint(err, "put `keys` into the configuration file");
        return ERR_INVALID;
    }
    struct http_server *server = NEW(struct http_server);
    server->options = *options;
    server->replay = replay_new(0);
    if (options->tls_certificate) {
        server->tls = tls_open(options->tls_certificate, options->tls_key, err);
        if (server->tls == NULL) {
            replay_free(server->replay);
            free(server);
            return ERR_INVALID;
        }
    }
    server->connections = connections_new(&(struct connections_options){
        .base = options->base,
        .server = server,
        .tls = server->tls,
        .body_bytes_max = options->body_bytes_max ? options->body_bytes_max : LIMIT_REQUEST_BYTES,
        .count_max = options->connections_max ? options->connections_max : LIMIT_CONNECTIONS,
        .request_ms = (options->request_seconds ? options->request_seconds : LIMIT_REQUEST_SECONDS) * INT64_C(1000),
        .idle_ms = (options->idle_seconds ? options->idle_seconds : LIMIT_IDLE_SECONDS) * INT64_C(1000)});
    int code = listen_on(server, err);
    if (code < 0) {
        http_server_close(server);
        return code;
    }
    *ret_server = server;
    return 0;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_adopt(struct http_server *server, int fd)
{
    connections_add(server->connections, fd);
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
}

size_t http_server_pending(const struct http_server *server)
{
    return server->exchange_count + connections_sending(server->connections);
}

void http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    api_close(server);
    if (server->listener)
        evconnlistener_free(server->listener);
    if (server->accept_again)
        event_free(server->accept_again);
    connections_free(server->connections);
    replay_free(server->replay);
    tls_close(server->tls);
    free(server);
}
