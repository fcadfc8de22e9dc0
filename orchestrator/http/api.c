/*
 * api.c - one API request: who sent it, which operation, its answer.
 *
 *   POST / ─▶ authenticate ─▶ parse ─▶ service_call() ─▶ answer ─▶ audit line, counters
 *                                         │ waits (polls, commits)
 *                                         └─ client gone: the call is cancelled
 *
 * evhttp stops reading while a request is at work, so a client that goes away is noticed by an event of our
 * own (EV_CLOSED) on the connection's socket.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "orchestrator/http/server_priv.h"
#include "orchestrator/http/sigv4.h"
#include "orchestrator/own.h"
#include "runtime/executor/engine.h"
#include "runtime/service/service.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS_DEFAULT = 8192 };

struct exchange {
    struct http_server *server;
    struct exchange *previous, *next;
    struct evhttp_request *request;
    struct service_call *call; /* while it waits */
    struct event *closed;      /* fires when the client goes away */
    struct timespec began;
    const struct http_key *key;
    char id[37];
    char operation[48];
    enum service_access access;
    bool own;       /* an operation of own.h */
    char *resource; /* for the audit log: the ARN or name that the input is about */
};

static void make_id(char out[37])
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        abort();
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1],
             bytes[2], bytes[3], bytes[4], bytes[5], bytes[6] & 15, bytes[7], (bytes[8] & 63) | 128, bytes[9],
             bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

static struct exchange *exchange_new(struct http_server *server, struct evhttp_request *request)
{
    struct exchange *exchange = NEW(struct exchange);
    exchange->server = server;
    exchange->request = request;
    clock_gettime(CLOCK_MONOTONIC, &exchange->began);
    make_id(exchange->id);
    exchange->next = server->exchanges;
    if (exchange->next)
        exchange->next->previous = exchange;
    server->exchanges = exchange;
    server->exchange_count++;
    return exchange;
}

static void exchange_free(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        server->exchanges = exchange->next;
    if (exchange->next)
        exchange->next->previous = exchange->previous;
    server->exchange_count--;
    if (exchange->closed)
        event_free(exchange->closed);
    free(exchange->resource);
    free(exchange);
}

/* --- the audit log --------------------------------------------------------------------------------------------- */

static void audit(const struct exchange *exchange, int status, const char *error, double seconds)
{
    int fd = exchange->server->options.audit_fd;
    if (fd < 0)
        return;
    char *peer = NULL;
    ev_uint16_t port = 0;
    struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);
    if (connection)
        evhttp_connection_get_peer(connection, &peer, &port);
    char moment[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));

    AUTO_JSON struct json_object *line = json_object_new_object();
    json_add_text(line, "at", moment);
    json_add_text(line, "requestId", exchange->id);
    json_add_text(line, "peer", peer);
    json_add_text(line, "key", exchange->key ? exchange->key->id : NULL);
    json_add_text(line, "operation", exchange->operation);
    json_add_text(line, "resource", exchange->resource);
    json_add_int(line, "status", status);
    json_add_text(line, "error", error);
    json_add_int(line, "ms", (int64_t)(seconds * 1000));
    AUTO_BUF text = BUF_INIT;
    json_write(&text, line);
    buf_add_char(&text, '\n');
    if (write(fd, text.data, text.bytes) < 0) {
        /* a full disk must not stop the API; the next line may work */
    }
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void free_text(const void *data, size_t bytes, void *context)
{
    (void)data;
    (void)bytes;
    free(context);
}

/* Sends the body, which is taken over, and ends the exchange. */
static void send_body(struct exchange *exchange, int status, const char *error, char *body, size_t bytes)
{
    struct evhttp_request *request = exchange->request;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds =
        (double)(now.tv_sec - exchange->began.tv_sec) + (double)(now.tv_nsec - exchange->began.tv_nsec) / 1e9;
    metrics_count(exchange->server, exchange->operation, error ? error : "", seconds);
    audit(exchange, status, error, seconds);

    evhttp_add_header(headers, "Content-Type", "application/x-amz-json-1.0");
    evhttp_add_header(headers, "x-amzn-RequestId", exchange->id);
    if (exchange->server->draining)
        evhttp_add_header(headers, "Connection", "close");
    evbuffer_add_reference(evhttp_request_get_output_buffer(request), body, bytes, free_text, body);
    exchange_free(exchange);
    evhttp_send_reply(request, status, NULL, NULL);
}

static void send_error(struct exchange *exchange, int status, const char *error, const char *message,
                       struct json_object *members)
{
    AUTO_JSON struct json_object *body = json_object_new_object();
    json_add_text(body, "__type", error);
    json_add_text(body, "message", message);
    if (members) {
        json_object_object_foreach (members, name, value) {
            json_add(body, name, json_object_get(value));
        }
    }
    AUTO_BUF text = BUF_INIT;
    json_write(&text, body);
    size_t bytes = text.bytes;
    evhttp_add_header(evhttp_request_get_output_headers(exchange->request), "x-amzn-ErrorType", error);
    send_body(exchange, status, error, buf_take(&text), bytes);
}

static void answered(void *context, const struct service_answer *answer)
{
    struct exchange *exchange = context;
    exchange->call = NULL;
    if (answer->error) {
        send_error(exchange, answer->http_status, answer->error, answer->message, answer->output);
        return;
    }
    struct buf text = BUF_INIT;
    if (answer->output_text)
        buf_add(&text, answer->output_text, answer->output_bytes);
    else
        json_write(&text, answer->output);
    size_t bytes = text.bytes;
    send_body(exchange, answer->http_status, NULL, buf_take(&text), bytes);
}

static void client_gone(evutil_socket_t socket, short what, void *context)
{
    struct exchange *exchange = context;
    (void)socket;
    (void)what;
    if (exchange->call)
        service_cancel(exchange->server->options.service, exchange->call);
    exchange->call = NULL;
    send_error(exchange, 499, "RequestAborted", "the client went away", NULL);
}

/* --- requests ------------------------------------------------------------------------------------------------------
 */

static const char *find_header(void *context, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(context), name);
}

/* What follows the prefix, NULL where the text does not begin with it. */
static const char *after_prefix(const char *text, const char *prefix)
{
    size_t bytes = strlen(prefix);
    return strncmp(text, prefix, bytes) == 0 ? text + bytes : NULL;
}

/* "AWSStepFunctions.StartExecution", or one of ours, "Orchestrator.ListTaskTokens"; an unknown service is an unknown
 * operation. */
static bool read_operation(struct exchange *exchange)
{
    const char *target = find_header(exchange->request, "x-amz-target");
    const char *operation = target ? after_prefix(target, "AWSStepFunctions.") : NULL;
    exchange->access = operation ? service_access_of(operation) : SERVICE_UNKNOWN;
    if (target && operation == NULL && (operation = after_prefix(target, "Orchestrator.")) != NULL) {
        exchange->access = own_access_of(operation);
        exchange->own = true;
    }
    if (exchange->access == SERVICE_UNKNOWN)
        return false; /* whatever a client makes up stays out of logs and metrics */
    snprintf(exchange->operation, sizeof exchange->operation, "%s", operation);
    return true;
}

/* Checks the signature and the key's role. False: the exchange has ended. */
static bool authorise(struct exchange *exchange, const void *body, size_t bytes)
{
    const struct http_options *options = &exchange->server->options;
    if (options->keys == NULL)
        return true;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);
    const char *path = evhttp_uri_get_path(uri);
    struct sigv4_request signed_request = {.method = "POST",
                                           .path = path && *path ? path : "/",
                                           .query = evhttp_uri_get_query(uri),
                                           .header = find_header,
                                           .header_context = exchange->request,
                                           .body = body,
                                           .body_bytes = bytes,
                                           .now_s = time(NULL),
                                           .region = engine_region(options->engine)};
    struct sigv4_refusal refusal;
    if (sigv4_check(options->keys, &signed_request, &exchange->key, &refusal) < 0) {
        send_error(exchange, refusal.http_status, refusal.error, refusal.message, NULL);
        return false;
    }
    if (http_role_allows(exchange->key->role, exchange->access))
        return true;
    send_error(exchange, 400, "AccessDeniedException", "The key's role does not allow this operation.", NULL);
    return false;
}

/* What the audit log says the request was about. */
static void note_resource(struct exchange *exchange, struct json_object *input)
{
    static const char *const members[] = {
        "executionArn", "stateMachineArn",      "activityArn", "stateMachineVersionArn",
        "resourceArn",  "stateMachineAliasArn", "mapRunArn",   "name"};
    for (size_t i = 0; i < sizeof members / sizeof members[0] && exchange->resource == NULL; i++)
        exchange->resource = mem_strdup(json_member_text(input, members[i]));
}

/* From now on the client's leaving ends the call. */
static void watch_client(struct exchange *exchange)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);
    evutil_socket_t socket = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
    if (socket < 0)
        return;
    exchange->closed = event_new(exchange->server->options.base, socket, EV_CLOSED, client_gone, exchange);
    event_add(exchange->closed, NULL);
}

static void answer_own(struct exchange *exchange)
{
    AUTO_JSON struct json_object *output = NULL;
    struct err err = {0};
    struct service_answer answer = {.http_status = 200};
    if (own_call(exchange->server->options.engine, exchange->operation, &output, &err) < 0)
        answer = (struct service_answer){.error = "InternalFailure", .message = err.message, .http_status = 500};
    answer.output = output;
    answered(exchange, &answer);
}

static void start(struct exchange *exchange, const char *body, size_t bytes)
{
    AUTO_JSON struct json_object *input = NULL;
    struct err err = {0};
    int code = 0;
    if (bytes)
        code = json_parse(body, bytes, &input, &err);
    else
        input = json_object_new_object();
    if (code < 0 || !json_object_is_type(input, json_type_object)) {
        send_error(exchange, 400, "SerializationException", code < 0 ? err.message : "the body is no JSON object",
                   NULL);
        return;
    }
    if (exchange->own) {
        answer_own(exchange);
        return;
    }
    note_resource(exchange, input);
    struct service_call *call =
        service_call(exchange->server->options.service, exchange->operation, input, answered, exchange);
    if (call) {
        exchange->call = call;
        watch_client(exchange);
    }
}

void api_handle(struct http_server *server, struct evhttp_request *request)
{
    size_t requests_max = server->options.requests_max ? server->options.requests_max : REQUESTS_DEFAULT;
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t bytes = evbuffer_get_length(input);
    const char *body = bytes ? (const char *)evbuffer_pullup(input, -1) : "";
    struct exchange *exchange = exchange_new(server, request);
    if (!read_operation(exchange))
        send_error(exchange, 404, "UnknownOperationException", "The requested operation does not exist.", NULL);
    else if (server->exchange_count > requests_max)
        send_error(exchange, 400, "ThrottlingException", "Rate exceeded", NULL);
    else if (server->draining)
        send_error(exchange, 503, "ServiceUnavailable", "The server is stopping.", NULL);
    else if (authorise(exchange, body, bytes))
        start(exchange, body, bytes);
}

void api_drain(struct http_server *server)
{
    struct exchange *next;
    for (struct exchange *exchange = server->exchanges; exchange; exchange = next) {
        next = exchange->next;
        if (strcmp(exchange->operation, "GetActivityTask") != 0 || exchange->call == NULL)
            continue;
        service_cancel(server->options.service, exchange->call);
        exchange->call = NULL;
        send_body(exchange, 200, NULL, mem_strdup("{}"), 2);
    }
}
