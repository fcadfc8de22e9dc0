/*
 * api.c - one API request: who sent it, which operation, its answer.
 *
 *   POST / ─▶ authenticate ─▶ parse ─▶ service_call() ─▶ answer ─▶ audit line, counters
 *                                         │ waits (polls, commits)
 *                                         └─ client gone: the call is cancelled
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "orchestrator/http/answer.h"
#include "orchestrator/http/connection.h"
#include "orchestrator/http/replay.h"
#include "orchestrator/http/server_priv.h"
#include "orchestrator/http/sigv4.h"
#include "orchestrator/own.h"
#include "runtime/executor/engine.h"
#include "runtime/service/service.h"
#include "runtime/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct exchange {
    struct http_server *server;
    struct exchange *previous, *next;
    struct connection *connection;
    struct service_call *call; /* while it waits */
    struct timespec began;
    const struct http_key *key;
    char id[UUID_BYTES];
    char operation[48];
    enum service_access access;
    bool own;       /* an operation of own.h */
    bool unknown;   /* who sends it: its signature was refused */
    char *resource; /* for the audit log: the ARN or name that the input is about */
};

static struct exchange *exchange_new(struct http_server *server, struct connection *connection)
{
    struct exchange *exchange = NEW(struct exchange);
    exchange->server = server;
    exchange->connection = connection;
    clock_gettime(CLOCK_MONOTONIC, &exchange->began);
    uuid_random(exchange->id);
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
    free(exchange->resource);
    free(exchange);
}

/* --- the audit log --------------------------------------------------------------------------------------------- */

/* Requests that change something, or that nobody was allowed to send. */
static bool is_audited(const struct exchange *exchange, const char *error)
{
    bool refused = error && (exchange->unknown || strcmp(error, "AccessDeniedException") == 0);
    bool changes = exchange->access != SERVICE_READ && exchange->access != SERVICE_UNKNOWN;
    return exchange->server->options.audit_fd >= 0 && (changes || refused);
}

static void audit(const struct exchange *exchange, int status, const char *error, double seconds)
{
    int fd = exchange->server->options.audit_fd;
    if (!is_audited(exchange, error))
        return;
    char peer[64];
    connection_peer(exchange->connection, peer, sizeof peer);
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

/* Copies a piece of a header's line; returns its bytes. */
static size_t put(char *out, const char *text)
{
    size_t bytes = strlen(text);
    memcpy(out, text, bytes + 1);
    return bytes;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* What the request took goes to the counters and the audit log. */
static void account(const struct exchange *exchange, int status, const char *error)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds =
        (double)(now.tv_sec - exchange->began.tv_sec) + (double)(now.tv_nsec - exchange->began.tv_nsec) / 1e9;
    metrics_count(exchange->server, exchange->operation, error ? error : "", seconds);
    audit(exchange, status, error, seconds);
}

/* Sends the body and ends the exchange. */
static void send_body(struct exchange *exchange, int status, const char *error, const char *body, size_t bytes)
{
    struct connection *connection = exchange->connection;
    char headers[160];
    account(exchange, status, error);
    size_t length = 0;
    length += put(headers + length, "x-amzn-RequestId: ");
    length += put(headers + length, exchange->id);
    if (error) /* which may come from another node */
        length += (size_t)snprintf(headers + length, sizeof headers - length, "\r\nx-amzn-ErrorType: %.64s", error);
    put(headers + length, "\r\n");
    struct http_answer answer = {.status = status,
                                 .type = "application/x-amz-json-1.0",
                                 .headers = headers,
                                 .body = body,
                                 .body_bytes = bytes,
                                 .close = exchange->server->draining};
    exchange_free(exchange);
    connection_answer(connection, &answer);
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
    send_body(exchange, status, error, text.data, text.bytes);
}

static void answered(void *context, const struct service_answer *answer)
{
    struct exchange *exchange = context;
    exchange->call = NULL;
    if (answer->error) {
        send_error(exchange, answer->http_status, answer->error, answer->message, answer->output);
        return;
    }
    if (answer->output_text) {
        send_body(exchange, answer->http_status, NULL, answer->output_text, answer->output_bytes);
        return;
    }
    AUTO_BUF text = BUF_INIT;
    json_write(&text, answer->output);
    send_body(exchange, answer->http_status, NULL, text.data, text.bytes);
}

static bool is_poll(const struct exchange *exchange)
{
    return exchange->call && strcmp(exchange->operation, "GetActivityTask") == 0;
}

static void cancel(struct exchange *exchange)
{
    if (exchange->call)
        service_cancel(exchange->server->options.service, exchange->call);
    exchange->call = NULL;
}

/* A task must not be handed to somebody who may have gone: a poll ends without one. */
static void end_poll(struct exchange *exchange)
{
    cancel(exchange);
    send_body(exchange, 200, NULL, "{}", 2);
}

void exchange_client_left(struct exchange *exchange, bool reset)
{
    if (reset) {
        cancel(exchange);
        account(exchange, 499, "RequestAborted");
        exchange_free(exchange);
    } else if (is_poll(exchange)) {
        end_poll(exchange);
    }
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* What follows the prefix, NULL where the text does not begin with it. */
static const char *after_prefix(const char *text, const char *prefix)
{
    size_t bytes = strlen(prefix);
    return strncmp(text, prefix, bytes) == 0 ? text + bytes : NULL;
}

/* "AWSStepFunctions.StartExecution", or one of ours, "Orchestrator.ListTaskTokens"; an unknown service is an unknown
 * operation. */
static bool read_operation(struct exchange *exchange, const struct http_request *request)
{
    const char *target = request_header(request, "x-amz-target");
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

/* request_header() as the check of signatures wants it. */
static const char *find_header(void *context, const char *name)
{
    return request_header(context, name);
}

/* Which of the API's errors a request that is signed well meets all the same. False: the exchange has ended. */
static bool allow(struct exchange *exchange, const struct sigv4_proof *proof)
{
    struct http_server *server = exchange->server;
    char message[320];
    if (!http_role_allows(proof->key->role, exchange->access)) {
        snprintf(
            message, sizeof message,
            "User: arn:aws:iam::%s:user/%.64s is not authorized to perform: states:%s: the role of the key does not "
            "allow it",
            engine_account(server->options.engine), proof->key->id, exchange->operation);
        send_error(exchange, 400, "AccessDeniedException", message, NULL);
        return false;
    }
    bool changes = exchange->access == SERVICE_RUN || exchange->access == SERVICE_ADMIN;
    if (!changes || replay_is_new(server->replay, proof->signature, proof->date_s, time(NULL)))
        return true;
    send_error(exchange, 400, "ThrottlingException",
               "A request with this signature was received before. Sign it with a new date.", NULL);
    return false;
}

/* Checks the signature and the key's role. False: the exchange has ended. */
static bool authorise(struct exchange *exchange, const struct http_request *request)
{
    const struct http_options *options = &exchange->server->options;
    if (options->keys == NULL)
        return true;
    struct sigv4_request signed_request = {.method = "POST",
                                           .path = request->path,
                                           .query = request->query,
                                           .header = find_header,
                                           .header_context = (void *)(uintptr_t)request,
                                           .body = request->body,
                                           .body_bytes = request->body_bytes,
                                           .now_s = time(NULL),
                                           .region = engine_region(options->engine)};
    struct sigv4_refusal refusal;
    struct sigv4_proof proof;
    if (sigv4_check(options->keys, &signed_request, &proof, &refusal) < 0) {
        exchange->unknown = true;
        send_error(exchange, refusal.http_status, refusal.error, refusal.message, NULL);
        return false;
    }
    exchange->key = proof.key;
    return allow(exchange, &proof);
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

/* Headers come in any bytes. */
static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

/*
 * X-Ray's header of the request counts for more than the member traceHeader; one that cannot be X-Ray's, as a proxy may
 * put it in, is passed over.
 */
static void take_trace_header(const struct exchange *exchange, const struct http_request *request,
                              struct json_object *input)
{
    enum { CHARS_MAX = 256 };
    const char *trace = request_header(request, "x-amzn-trace-id");
    bool starts =
        strcmp(exchange->operation, "StartExecution") == 0 || strcmp(exchange->operation, "StartSyncExecution") == 0;
    if (starts && trace && strlen(trace) <= CHARS_MAX && is_ascii(trace))
        json_add_text(input, "traceHeader", trace);
}

static void start(struct exchange *exchange, const struct http_request *request)
{
    AUTO_JSON struct json_object *input = NULL;
    struct err err = {0};
    int code = 0;
    if (request->body_bytes)
        code = json_parse(request->body, request->body_bytes, &input, &err);
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
    take_trace_header(exchange, request, input);
    if (exchange->server->options.audit_fd >= 0)
        note_resource(exchange, input);
    struct service_call *call =
        service_call(exchange->server->options.service, exchange->operation, input, answered, exchange);
    if (call) {
        exchange->call = call;
        connection_set_exchange(exchange->connection, exchange);
    }
}

void api_handle(struct http_server *server, struct connection *connection, const struct http_request *request)
{
    size_t requests_max = server->options.requests_max ? server->options.requests_max : LIMIT_REQUESTS;
    struct exchange *exchange = exchange_new(server, connection);
    if (!read_operation(exchange, request))
        send_error(exchange, 404, "UnknownOperationException", "The requested operation does not exist.", NULL);
    else if (server->exchange_count > requests_max)
        send_error(exchange, 400, "ThrottlingException", "Rate exceeded", NULL);
    else if (server->draining)
        send_error(exchange, 503, "ServiceUnavailable", "The server is stopping.", NULL);
    else if (authorise(exchange, request))
        start(exchange, request);
}

void api_close(struct http_server *server)
{
    while (server->exchanges) {
        cancel(server->exchanges);
        exchange_free(server->exchanges);
    }
}
