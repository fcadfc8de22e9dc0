/* serve.c - `orchestrator serve`: the API over HTTP on a store, until SIGTERM or SIGINT. */
#include "orchestrator/command.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "orchestrator/http/server.h"
#include "orchestrator/http/sigv4.h"
#include "orchestrator/listen.h"
#include "orchestrator/log.h"
#include "orchestrator/node.h"
#include "orchestrator/retention_settings.h"
#include "runtime/clock.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/peer.h"
#include "runtime/upkeep/retention.h"
#include "runtime/upkeep/retention_worker.h"

#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    OTHER_DESCRIPTORS = 1024,
    STOP_SECONDS = 10,
    DRAIN_POLL_MS = 20,
    TASK_GRACE_MS = 2000,
    LEASE_WAIT_MS = 12000,
    LEASE_POLL_MS = 100
};

struct serving {
    const struct options *options;
    struct log log;
    struct node *node;
    struct http_server *server;
    struct retention *retention; /* NULL: all is kept */
    struct retention_worker *retention_worker;
    struct http_keys *keys;
    struct event *on_term, *on_int, *poll;
    int audit_fd;
    int64_t stop_seconds; /* for requests and tasks at work */
    int64_t deadline_ms;  /* while it drains */
};

/* --- settings ---------------------------------------------------------------------------------------------- */

static int open_audit(struct serving *serving, struct err *err)
{
    const char *path = options_text(serving->options, OPT_AUDIT_LOG);
    serving->audit_fd = -1;
    if (path == NULL)
        return 0;
    serving->audit_fd =
        strcmp(path, "-") == 0 ? dup(STDERR_FILENO) : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (serving->audit_fd >= 0)
        return 0;
    err_set(err, ERR_IO, "could not open the audit log");
    err_at(err, "%s", path);
    return ERR_IO;
}

static int read_virtual_clock(const struct options *options, bool *ret_virtual, struct err *err)
{
    const char *clock = options_text_or(options, OPT_CLOCK, "real");
    *ret_virtual = strcmp(clock, "virtual") == 0;
    if (*ret_virtual || strcmp(clock, "real") == 0)
        return 0;
    return err_set(err, ERR_INVALID, "--clock: expected real or virtual, found \"%s\"", clock);
}

/* --- the end: requests and tasks at work come to their end, then the loop stops ----------------------------------- */

static void poll_drain(evutil_socket_t socket, short what, void *context)
{
    struct serving *serving = context;
    (void)socket;
    (void)what;
    bool quiet = http_server_pending(serving->server) == 0 && engine_tasks_running(serving->node->engine) == 0;
    if (quiet || clock_steady_ms() >= serving->deadline_ms)
        event_base_loopbreak(serving->node->base);
}

static void stop(evutil_socket_t number, short what, void *context)
{
    struct serving *serving = context;
    (void)number;
    (void)what;
    if (serving->deadline_ms) { /* asked twice: at once */
        event_base_loopbreak(serving->node->base);
        return;
    }
    log_line(&serving->log, LOG_LINE_INFO, "stopping");
    serving->deadline_ms = clock_steady_ms() + serving->stop_seconds * 1000;
    http_server_drain(serving->server); /* the answers that follow close their connections */
    engine_drain(serving->node->engine);
    event_add(serving->poll, &(struct timeval){.tv_usec = DRAIN_POLL_MS * 1000});
}

/* --- the command ---------------------------------------------------------------------------------------------- */

/* The lease of a process that was killed holds for some seconds: whoever is started after it waits. */
static int own_node(struct serving *serving, struct err *err)
{
    int64_t until_ms = clock_steady_ms() + LEASE_WAIT_MS;
    int code = node_join(serving->node, err);
    if (code == ERR_BUSY)
        log_line(&serving->log, LOG_LINE_INFO,
                 "another process has the store, or was killed a moment ago: waiting for its lease to end");
    while (code == ERR_BUSY && clock_steady_ms() < until_ms) {
        usleep(LEASE_POLL_MS * 1000);
        code = node_join(serving->node, err);
    }
    return code;
}

static int open_node(struct serving *serving, struct err *err)
{
    struct node_options node_options = {.options = serving->options, .log = log_line, .log_context = &serving->log};
    int code = read_virtual_clock(serving->options, &node_options.virtual_clock, err);
    if (code == 0)
        code = retention_settings_read(serving->options, &serving->retention, err);
    if (code == 0 && serving->retention && node_options.virtual_clock)
        code = err_set(err, ERR_INVALID, "--retention goes by the real clock: leave it out with --clock virtual");
    node_options.retention = serving->retention;
    if (code == 0)
        code = node_open(&node_options, &serving->node, err);
    if (code)
        return code;
    serving->node->function_log = log_function_line;
    serving->node->function_log_context = &serving->log;
    return own_node(serving, err);
}

/* A connection takes a descriptor, and so do handlers and the store: as many as the system lets us have. */
static void raise_descriptors(struct serving *serving, int64_t *connections_max)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted = (rlim_t)*connections_max + OTHER_DESCRIPTORS;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return;
    *connections_max = limit.rlim_cur > 2 * OTHER_DESCRIPTORS ? (int64_t)limit.rlim_cur - OTHER_DESCRIPTORS
                                                              : (int64_t)limit.rlim_cur / 2;
    char message[128];
    snprintf(message, sizeof message, "the limit on open files (%llu) lets us have %lld connections at most",
             (unsigned long long)limit.rlim_cur, (long long)*connections_max);
    log_line(&serving->log, LOG_LINE_WARNING, message);
}

static int open_server(struct serving *serving, struct err *err)
{
    const struct options *options = serving->options;
    struct json_object *keys = options_section(options, "keys");
    const char *certificate = options_text(options, OPT_TLS_CERT);
    const char *key = options_text(options, OPT_TLS_KEY);
    char *host = NULL;
    int port;
    int64_t connections_max, body_bytes_max, idle_seconds, request_seconds;
    if ((certificate == NULL) != (key == NULL))
        return err_set(err, ERR_INVALID, "--tls-cert and --tls-key belong together");
    int code = keys ? http_keys_read(keys, &serving->keys, err) : 0;
    if (code == 0)
        code = options_int(options, OPT_CONNECTIONS_MAX, 1, INT_MAX, LIMIT_CONNECTIONS, &connections_max, err);
    if (code == 0)
        code =
            options_int(options, OPT_REQUEST_LIMIT, 1, LIMIT_REQUESTS_BYTES, LIMIT_REQUEST_BYTES, &body_bytes_max, err);
    if (code == 0)
        code = options_int(options, OPT_IDLE_TIMEOUT, 1, INT_MAX, LIMIT_IDLE_SECONDS, &idle_seconds, err);
    if (code == 0)
        code = options_int(options, OPT_REQUEST_TIMEOUT, 1, INT_MAX, LIMIT_REQUEST_SECONDS, &request_seconds, err);
    if (code == 0)
        code = options_int(options, OPT_STOP_TIMEOUT, 0, INT_MAX, STOP_SECONDS, &serving->stop_seconds, err);
    if (code == 0)
        code = open_audit(serving, err);
    if (code == 0)
        code = listen_read(options_text_or(options, OPT_LISTEN, "127.0.0.1"), &host, &port, err);
    if (code == 0) {
        raise_descriptors(serving, &connections_max);
        struct http_options http_options = {.base = serving->node->base,
                                            .service = serving->node->service,
                                            .engine = serving->node->engine,
                                            .host = host,
                                            .port = port,
                                            .keys = serving->keys,
                                            .tls_certificate = certificate,
                                            .tls_key = key,
                                            .connections_max = (size_t)connections_max,
                                            .body_bytes_max = (size_t)body_bytes_max,
                                            .idle_seconds = idle_seconds,
                                            .request_seconds = request_seconds,
                                            .audit_fd = serving->audit_fd,
                                            .metrics_token = options_text(options, OPT_METRICS_TOKEN),
                                            .log = log_line,
                                            .log_context = &serving->log};
        code = http_server_open(&http_options, &serving->server, err);
    }
    if (code == 0) {
        bool six = strchr(host, ':') != NULL;
        char *message = mem_printf("listening on %s://%s%s%s:%d", certificate ? "https" : "http", six ? "[" : "", host,
                                   six ? "]" : "", http_server_port(serving->server));
        log_announce(&serving->log, message);
        free(message);
    }
    free(host);
    return code;
}

static int open_retention(struct serving *serving, struct err *err)
{
    if (serving->retention == NULL)
        return 0;
    char *url = node_store_url(serving->options);
    struct retention_worker_options worker_options = {.store_url = url,
                                                      .node = peer_self(serving->node->engine),
                                                      .retention = serving->retention,
                                                      .log = log_line,
                                                      .log_context = &serving->log};
    int code = retention_worker_open(&worker_options, &serving->retention_worker, err);
    free(url);
    return code;
}

/* Before anybody is told that the server is there: from then on it may be asked to stop. */
static void catch_signals(struct serving *serving)
{
    struct event_base *base = serving->node->base;
    serving->on_term = evsignal_new(base, SIGTERM, stop, serving);
    serving->on_int = evsignal_new(base, SIGINT, stop, serving);
    serving->poll = event_new(base, -1, EV_PERSIST, poll_drain, serving);
    event_add(serving->on_term, NULL);
    event_add(serving->on_int, NULL);
}

static void release_signals(struct serving *serving)
{
    struct event *events[] = {serving->on_term, serving->on_int, serving->poll};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
}

int cmd_serve(const struct options *options)
{
    struct serving serving = {.options = options, .audit_fd = -1};
    struct err err = {0};
    signal(SIGPIPE, SIG_IGN);
    if (log_read(options, &serving.log, &err))
        return command_usage(options, "%s", err.message);
    int code = open_node(&serving, &err);
    if (code == 0) {
        catch_signals(&serving);
        code = open_server(&serving, &err);
    }
    if (code == 0)
        code = open_retention(&serving, &err);
    if (code == 0)
        event_base_dispatch(serving.node->base);
    release_signals(&serving);
    retention_worker_close(serving.retention_worker);
    http_server_close(serving.server);
    node_close(serving.node, TASK_GRACE_MS);
    retention_free(serving.retention);
    http_keys_free(serving.keys);
    if (serving.audit_fd >= 0)
        close(serving.audit_fd);
    return code ? command_fail(options, &err) : EXIT_OK;
}
