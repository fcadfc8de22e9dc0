#include "orchestrator/http/server.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "orchestrator/http/server_priv.h"
#include "runtime/executor/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEADER_BYTES_MAX = 64 * 1024, IDLE_SECONDS = 75, ACCEPT_PAUSE_MS = 100 };

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

/* --- pages for operators ----------------------------------------------------------------------------------- */

static void answer_text(struct evhttp_request *request, int status, const char *type, const char *text)
{
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evbuffer_add(evhttp_request_get_output_buffer(request), text, strlen(text));
    evhttp_send_reply(request, status, NULL, NULL);
}

static void answer_ready(struct http_server *server, struct evhttp_request *request)
{
    bool ready = !server->draining;
    answer_text(request, ready ? 200 : 503, "text/plain", ready ? "ready\n" : "stopping\n");
}

static void answer_metrics(struct http_server *server, struct evhttp_request *request)
{
    AUTO_BUF page = BUF_INIT;
    metrics_write(server, &page);
    answer_text(request, 200, "text/plain; version=0.0.4", buf_text(&page));
}

/* --- requests ------------------------------------------------------------------------------------------------ */

static void handle(struct evhttp_request *request, void *context)
{
    struct http_server *server = context;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    if (path == NULL || *path == '\0')
        path = "/";
    if (evhttp_request_get_command(request) == EVHTTP_REQ_POST)
        api_handle(server, request);
    else if (strcmp(path, "/health") == 0)
        answer_text(request, 200, "text/plain", "ok\n");
    else if (strcmp(path, "/ready") == 0)
        answer_ready(server, request);
    else if (strcmp(path, "/metrics") == 0)
        answer_metrics(server, request);
    else
        answer_text(request, 404, "text/plain", "not found\n");
}

/* --- the listening socket ------------------------------------------------------------------------------------- */

static void accept_again(evutil_socket_t socket, short what, void *context)
{
    struct evconnlistener *listener = context;
    (void)socket;
    (void)what;
    evconnlistener_enable(listener);
}

/* No file descriptor is left: the kernel's queue holds who comes until others have gone. */
static void accept_failed(struct evconnlistener *listener, void *context)
{
    struct http_server *server = context;
    evconnlistener_disable(listener);
    event_base_once(server->options.base, -1, EV_TIMEOUT, accept_again, listener,
                    &(struct timeval){.tv_usec = ACCEPT_PAUSE_MS * 1000});
}

static struct bufferevent *make_tls(struct event_base *base, void *context)
{
    struct http_server *server = context;
    return tls_bufferevent(base, server->tls);
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

static int listen_on(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(server->http, options->host, (uint16_t)options->port);
    if (bound == NULL) {
        err_set(err, ERR_IO, "could not listen: %s", strerror(errno));
        err_at(err, "%s:%d", options->host, options->port);
        return ERR_IO;
    }
    struct evconnlistener *listener = evhttp_bound_socket_get_listener(bound);
    evconnlistener_set_error_cb(listener, accept_failed);
    server->port = bound_port(evhttp_bound_socket_get_fd(bound));
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
    if (options->tls_certificate) {
        server->tls = tls_open(options->tls_certificate, options->tls_key, err);
        if (server->tls == NULL) {
            free(server);
            return ERR_INVALID;
        }
    }
    size_t body_bytes_max = options->body_bytes_max ? options->body_bytes_max : LIMIT_REQUEST_BYTES;
    server->http = evhttp_new(options->base);
    evhttp_set_max_body_size(server->http, (ev_ssize_t)body_bytes_max);
    evhttp_set_max_headers_size(server->http, HEADER_BYTES_MAX);
    evhttp_set_timeout(server->http, IDLE_SECONDS);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_gencb(server->http, handle, server);
    if (server->tls)
        evhttp_set_bevcb(server->http, make_tls, server);
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

static void stop_listening(struct evhttp_bound_socket *bound, void *context)
{
    (void)context;
    evconnlistener_disable(evhttp_bound_socket_get_listener(bound));
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
    evhttp_foreach_bound_socket(server->http, stop_listening, NULL);
    api_drain(server);
}

size_t http_server_pending(const struct http_server *server)
{
    return server->exchange_count;
}

void http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    evhttp_free(server->http);
    tls_close(server->tls);
    free(server);
}
