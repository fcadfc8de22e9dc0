/*
 * http_load.c - how many API requests a server answers in a second, and how fast.
 *
 *   http_load start|sync|callback CONNECTIONS REQUESTS PROGRAM [ARGUMENT]...
 *
 * Starts the server (PROGRAM ARGUMENT..., which says "listening on http://HOST:PORT" on standard error), sends
 * REQUESTS over CONNECTIONS keep-alive connections, each with one request at work, and ends the server.
 *   start     StartExecution of a Pass state: each answer is durable
 *   sync      StartSyncExecution of an Express Pass state
 *   callback  SendTaskSuccess for executions that wait for a token (started before the clock starts)
 * Prints a JSON line: requests a second, and the median and 99th percentile of the time to the answer.
 */
#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct connection {
    int fd;
    struct buf in;
    int64_t sent_ns;
    long number; /* of the request at work */
};

/* What is sent: the body of request `number` into out. */
typedef const char *request_fn(long number, struct buf *out);
typedef void answer_fn(long number, const char *body);

static pid_t server;
static int port;

static void die(const char *what)
{
    fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
    if (server > 0)
        kill(server, SIGKILL);
    exit(2);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void start_server(char **command)
{
    int ends[2];
    char line[4096];
    if (pipe(ends) != 0 || (server = fork()) < 0)
        die("could not start the server");
    if (server == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    while (fgets(line, sizeof line, output))
        if (strncmp(line, "listening on ", 13) == 0) {
            port = atoi(strrchr(line, ':') + 1);
            return; /* the pipe stays open, so that the server can go on writing */
        }
    die("the server ended");
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("could not connect");
    return fd;
}

static void send_request(struct connection *connection, const char *operation, const struct buf *body)
{
    AUTO_BUF request = BUF_INIT;
    buf_printf(&request,
               "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\n"
               "X-Amz-Target: AWSStepFunctions.%s\r\nContent-Length: %zu\r\n\r\n",
               operation, body->bytes);
    buf_add(&request, body->data, body->bytes);
    connection->sent_ns = now_ns();
    if (write(connection->fd, request.data, request.bytes) != (ssize_t)request.bytes)
        die("could not send");
}

/* The body of a whole answer, or NULL while there is more to come. */
static const char *whole_answer(struct connection *connection)
{
    const char *head_end = connection->in.bytes ? strstr(connection->in.data, "\r\n\r\n") : NULL;
    const char *length = head_end ? strcasestr(connection->in.data, "\r\nContent-Length:") : NULL;
    if (length == NULL || length > head_end)
        return NULL;
    size_t bytes = strtoul(length + 17, NULL, 10);
    size_t head = (size_t)(head_end + 4 - connection->in.data);
    return connection->in.bytes >= head + bytes ? connection->in.data + head : NULL;
}

static const char *receive(struct connection *connection)
{
    char *at = buf_reserve(&connection->in, 65536);
    ssize_t got = read(connection->fd, at, 65536);
    if (got <= 0)
        die("the connection ended");
    connection->in.bytes += (size_t)got;
    connection->in.data[connection->in.bytes] = '\0';
    return whole_answer(connection);
}

/* Sends `count` requests over the connections; the times to the answers go to `took` (may be NULL). */
static void drive(struct connection *connections, int connection_count, long count, request_fn *request,
                  answer_fn *answer, int64_t *took)
{
    struct pollfd *polled = mem_zalloc((size_t)connection_count * sizeof *polled);
    long next = 0, done = 0;
    for (int i = 0; i < connection_count; i++)
        polled[i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
    AUTO_BUF body = BUF_INIT;
    for (int i = 0; i < connection_count && next < count; i++) {
        buf_clear(&body);
        connections[i].number = next;
        const char *operation = request(next++, &body);
        send_request(&connections[i], operation, &body);
    }
    while (done < count) {
        if (poll(polled, (nfds_t)connection_count, 30000) <= 0)
            die("no answer");
        for (int i = 0; i < connection_count; i++) {
            struct connection *connection = &connections[i];
            const char *text = polled[i].revents ? receive(connection) : NULL;
            if (text == NULL)
                continue;
            if (strncmp(connection->in.data, "HTTP/1.1 200", 12) != 0) {
                fprintf(stderr, "http_load: refused: %s\n", text);
                die("refused");
            }
            if (took)
                took[connection->number] = now_ns() - connection->sent_ns;
            if (answer)
                answer(connection->number, text);
            buf_clear(&connection->in);
            done++;
            if (next < count) {
                buf_clear(&body);
                connection->number = next;
                const char *operation = request(next++, &body);
                send_request(connection, operation, &body);
            }
        }
    }
    free(polled);
}

/* --- the three loads ------------------------------------------------------------------------------------------ */

#define MACHINE "arn:aws:states:us-east-1:123456789012:stateMachine:load"
#define EXECUTION "arn:aws:states:us-east-1:123456789012:execution:load"

static const char *load;
static char **tokens;

static const char *create_machine(long number, struct buf *out)
{
    (void)number;
    const char *state = strcmp(load, "callback") == 0
                            ? "{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage.waitForTaskToken\","
                              "\"Parameters\":{\"MessageBody\":{\"token.$\":\"$$.Task.Token\"}},\"End\":true}"
                            : "{\"Type\":\"Pass\",\"End\":true}";
    AUTO_BUF definition = BUF_INIT;
    buf_printf(&definition, "{\"StartAt\":\"A\",\"States\":{\"A\":%s}}", state);
    buf_printf(out,
               "{\"name\":\"load\",\"type\":\"%s\",\"roleArn\":\"arn:aws:iam::123456789012:role/x\",\"definition\":",
               strcmp(load, "sync") == 0 ? "EXPRESS" : "STANDARD");
    json_write_string(out, definition.data, definition.bytes);
    buf_add_char(out, '}');
    return "CreateStateMachine";
}

static const char *start_execution(long number, struct buf *out)
{
    buf_printf(out, "{\"stateMachineArn\":\"" MACHINE "\",\"name\":\"e%ld\",\"input\":\"{\\\"n\\\":%ld}\"}", number,
               number);
    return strcmp(load, "sync") == 0 ? "StartSyncExecution" : "StartExecution";
}

static const char *read_history(long number, struct buf *out)
{
    buf_printf(out, "{\"executionArn\":\"" EXECUTION ":e%ld\"}", number);
    return "GetExecutionHistory";
}

/* The token stands in the parameters of the task, JSON text in JSON text. */
static void take_token(long number, const char *body)
{
    static const char mark[] = "\\\"token\\\":\\\"";
    const char *at = strstr(body, mark);
    if (at == NULL) {
        errno = 0;
        die("a history without a token");
    }
    at += sizeof mark - 1;
    tokens[number] = mem_strndup(at, strcspn(at, "\\\""));
}

static const char *send_success(long number, struct buf *out)
{
    buf_printf(out, "{\"taskToken\":\"%s\",\"output\":\"{}\"}", tokens[number]);
    return "SendTaskSuccess";
}

static int compare(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: http_load start|sync|callback CONNECTIONS REQUESTS PROGRAM [ARGUMENT]...\n");
        return 2;
    }
    load = argv[1];
    int connection_count = atoi(argv[2]);
    long count = atol(argv[3]);
    bool callback = strcmp(load, "callback") == 0;
    if (connection_count < 1 || count < 1)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    start_server(argv + 4);

    struct connection *connections = mem_zalloc((size_t)connection_count * sizeof *connections);
    for (int i = 0; i < connection_count; i++)
        connections[i].fd = dial();
    int64_t *took = mem_zalloc((size_t)count * sizeof *took);
    drive(connections, 1, 1, create_machine, NULL, NULL);
    if (callback) {
        tokens = mem_zalloc((size_t)count * sizeof *tokens);
        drive(connections, connection_count, count, start_execution, NULL, NULL);
        drive(connections, connection_count, count, read_history, take_token, NULL);
    }
    int64_t began_ns = now_ns();
    drive(connections, connection_count, count, callback ? send_success : start_execution, NULL, took);
    double seconds = (double)(now_ns() - began_ns) / 1e9;

    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    qsort(took, (size_t)count, sizeof *took, compare);
    printf("{\"requestsPerSecond\":%.0f,\"p50Ms\":%.3f,\"p99Ms\":%.3f}\n", (double)count / seconds,
           (double)took[count / 2] / 1e6, (double)took[count - 1 - count / 100] / 1e6);
    return 0;
}
