/* client_http.c - operations over HTTP: awsJson1.0, as the AWS SDKs speak it. */
#include "config.h"

#include "orchestrator/client.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_S = 330, ANSWER_BYTES_MAX = 256 << 20 };

struct client_http {
    struct event_base *base;
    struct evhttp_connection *connection;
    char *host; /* with its port: the Host header */
};

struct exchange {
    struct client_http *http;
    struct json_object **ret_output;
    struct client_error *error;
    int result;
};

int client_http_open(const char *url, struct client_http **ret_http, struct err *err)
{
    struct evhttp_uri *uri = evhttp_uri_parse(url);
    const char *host = uri ? evhttp_uri_get_host(uri) : NULL;
    const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
    struct client_http *http;
    int port;

    if (!host || !*host || !scheme || strcmp(scheme, "http")) {
        err_set(err, ERR_INVALID, "--endpoint: expected http://HOST:PORT, found \"%s\"", url);
        if (uri)
            evhttp_uri_free(uri);
        return ERR_INVALID;
    }
    port = evhttp_uri_get_port(uri) > 0 ? evhttp_uri_get_port(uri) : 80;
    http = NEW(struct client_http);
    http->host = mem_printf("%s:%d", host, port);
    http->base = event_base_new();
    http->connection = evhttp_connection_base_new(http->base, NULL, host, (unsigned short)port);
    evhttp_connection_set_timeout(http->connection, TIMEOUT_S);
    evhttp_connection_set_max_body_size(http->connection, ANSWER_BYTES_MAX);
    evhttp_uri_free(uri);
    *ret_http = http;
    return 0;
}

void client_http_close(struct client_http *http)
{
    if (!http)
        return;
    evhttp_connection_free(http->connection);
    event_base_free(http->base);
    free(http->host);
    free(http);
}

/* {"__type": "prefix#Name", "message" or "Message": "..."} */
static int take_error(struct exchange *exchange, struct json_object *answer, int status)
{
    const char *type = json_member_text(answer, "__type");
    const char *message = json_member_text(answer, "message");
    const char *hash = type ? strrchr(type, '#') : NULL;

    if (!message)
        message = json_member_text(answer, "Message");
    if (type)
        return client_error_set(exchange->error, hash ? hash + 1 : type, message);
    return err_set(&exchange->error->err, ERR_IO, "the server at %s answered with status %d", exchange->http->host,
                   status);
}

static void on_answer(struct evhttp_request *request, void *context)
{
    struct exchange *exchange = context;
    AUTO_JSON struct json_object *answer = NULL;
    int status = request ? evhttp_request_get_response_code(request) : 0;

    event_base_loopbreak(exchange->http->base);
    if (!status) {
        exchange->result =
            err_set(&exchange->error->err, ERR_IO, "could not reach the server at %s", exchange->http->host);
        return;
    }
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t bytes = evbuffer_get_length(body);
    const char *text = (const char *)evbuffer_pullup(body, -1);
    if (json_parse(text ? text : "", bytes, &answer, NULL)) {
        exchange->result = err_set(&exchange->error->err, ERR_IO, "the server at %s gave no JSON (status %d)",
                                   exchange->http->host, status);
        return;
    }
    if (status != HTTP_OK)
        exchange->result = take_error(exchange, answer, status);
    else
        *exchange->ret_output = json_take(&answer);
}

int client_http_call(struct client_http *http, const char *operation, struct json_object *input,
                     struct json_object **ret_output, struct client_error *error)
{
    struct exchange exchange = {.http = http, .ret_output = ret_output, .error = error};
    struct evhttp_request *request = evhttp_request_new(on_answer, &exchange);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char *target = mem_printf("AWSStepFunctions.%s", operation);
    AUTO_BUF body = BUF_INIT;

    json_write(&body, input);
    evhttp_add_header(headers, "Host", http->host);
    evhttp_add_header(headers, "Content-Type", "application/x-amz-json-1.0");
    evhttp_add_header(headers, "X-Amz-Target", target);
    free(target);
    evbuffer_add(evhttp_request_get_output_buffer(request), body.data, body.bytes);
    if (evhttp_make_request(http->connection, request, EVHTTP_REQ_POST, "/"))
        return err_set(&error->err, ERR_IO, "could not reach the server at %s", http->host);
    event_base_loop(http->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return exchange.result;
}
