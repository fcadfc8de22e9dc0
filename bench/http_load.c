/*
 * http_load.c - how many API requests a server answers in a second, and how fast; what idle connections cost.
 *
 *   http_load start|sync|callback|history CONNECTIONS REQUESTS PROGRAM [ARGUMENT]...
 *   http_load idle CONNECTIONS POLLERS PROGRAM [ARGUMENT]...
 *
 * Starts the server (PROGRAM ARGUMENT..., which says "listening on http://HOST:PORT" on standard error), sends
 * REQUESTS over CONNECTIONS keep-alive connections, each with one request at work, and ends the server.
 *   start     StartExecution of a Pass state: each answer is durable
 *   sync      StartSyncExecution of five Pass states, Express
 *   callback  SendTaskSuccess for executions that wait for a token (started before the clock starts): the next state
 *             is durable when the answer comes
 *   history   GetExecutionHistory of 1,000 events in one page
 *   idle      CONNECTIONS that carry nothing, POLLERS that wait in GetActivityTask; the server's memory
 * Prints a JSON line: requests a second, the median and 99th percentile of the time to the answer, and the CPU time
 * of the server for a request; or the resident memory.
 */
#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
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

/* The whole answer on a connection is there. */
static void take_answer(struct connection *connection, const char *text, answer_fn *answer, int64_t *took)
{
    if (strncmp(connection->in.data, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "http_load: refused: %s\n", text);
        die("refused");
    }
    if (took)
        took[connection->number] = now_ns() - connection->sent_ns;
    if (answer)
        answer(connection->number, text);
    buf_clear(&connection->in);
}

/* Sends `count` requests over the connections; the times to the answers go to `took` (may be NULL). */
static void drive(struct connection *connections, int connection_count, long count, request_fn *request,
                  answer_fn *answer, int64_t *took)
{
    enum { EVENTS = 64 };
    struct epoll_event ready[EVENTS];
    int poller = epoll_create1(EPOLL_CLOEXEC);
    long next = 0, done = 0;
    AUTO_BUF body = BUF_INIT;
    for (int i = 0; i < connection_count && next < count; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &wanted) != 0)
            die("epoll");
        buf_clear(&body);
        connections[i].number = next;
        const char *operation = request(next++, &body);
        send_request(&connections[i], operation, &body);
    }
    while (done < count) {
        int ready_count = epoll_wait(poller, ready, EVENTS, 30000);
        if (ready_count <= 0)
            die("no answer");
        for (int i = 0; i < ready_count; i++) {
            struct connection *connection = ready[i].data.ptr;
            const char *text = receive(connection);
            if (text == NULL)
                continue;
            take_answer(connection, text, answer, took);
            done++;
            if (next == count)
                continue;
            buf_clear(&body);
            connection->number = next;
            const char *operation = request(next++, &body);
            send_request(connection, operation, &body);
        }
    }
    close(poller);
}

/* --- the loads ------------------------------------------------------------------------------------------ */

#define MACHINE "arn:aws:states:us-east-1:123456789012:stateMachine:load"
#define EXECUTION "arn:aws:states:us-east-1:123456789012:execution:load"

static const char *load;
static char **tokens;
static long whole_pages;

static const struct {
    const char *load;
    bool express;
    const char *definition;
} machines[] = {
    {"start", false, "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}"},
    {"sync", true,
     "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"B\"},\"B\":{\"Type\":\"Pass\",\"Next\":\"C\"},"
     "\"C\":{\"Type\":\"Pass\",\"Next\":\"D\"},\"D\":{\"Type\":\"Pass\",\"Next\":\"E\"},\"E\":{\"Type\":\"Pass\","
     "\"End\":true}}}"},
    {"callback", false,
     "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage."
     "waitForTaskToken\","
     "\"Parameters\":{\"MessageBody\":{\"token.$\":\"$$.Task.Token\"}},\"Next\":\"B\"},\"B\":{\"Type\":\"Pass\","
     "\"End\":true}}}"},
    /* 4 events an item, 8 around them */
    {"history", false,
     "{\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Pass\",\"Parameters\":{\"items.$\":\"States.ArrayRange(1, 248, "
     "1)\"},\"Next\":\"A\"},"
     "\"A\":{\"Type\":\"Map\",\"ItemsPath\":\"$.items\",\"ItemProcessor\":{\"StartAt\":\"B\",\"States\":{\"B\":{"
     "\"Type\":\"Pass\","
     "\"End\":true}}},\"End\":true}}}"},
};

static const char *create_machine(long number, struct buf *out)
{
    (void)number;
    size_t which = 0;
    while (strcmp(machines[which].load, load) != 0)
        which++;
    buf_printf(out,
               "{\"name\":\"load\",\"type\":\"%s\",\"roleArn\":\"arn:aws:iam::123456789012:role/x\",\"definition\":",
               machines[which].express ? "EXPRESS" : "STANDARD");
    json_write_string(out, machines[which].definition, strlen(machines[which].definition));
    buf_add_char(out, '}');
    return "CreateStateMachine";
}

static const char *start_execution(long number, struct buf *out)
{
    buf_printf(out, "{\"stateMachineArn\":\"" MACHINE "\",\"name\":\"e%ld\",\"input\":\"{\\\"n\\\":%ld}\"}", number,
               number);
    return strcmp(load, "sync") == 0 ? "StartSyncExecution" : "StartExecution";
}

static const char *read_page(long number, struct buf *out)
{
    (void)number;
    buf_add_text(out, "{\"executionArn\":\"" EXECUTION ":e0\",\"maxResults\":1000}");
    return "GetExecutionHistory";
}

/* The execution whose page is read has ended: its last event is the thousandth. */
static void take_page(long number, const char *body)
{
    (void)number;
    if (strstr(body, "\"id\":1000,") == NULL && strstr(body, "\"id\":1000}") == NULL)
        usleep(1000);
    else
        whole_pages++;
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

/* CPU time of the server so far. */
static int64_t server_cpu_ns(void)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(server, &clock) == 0)
        clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Resident memory of the server in MiB. */
static double server_rss_mib(void)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)server);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = atof(line + 6);
    if (file)
        fclose(file);
    return kib / 1024;
}

static void end_server(void)
{
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
}

static void measure_rate(struct connection *connections, int connection_count, long count)
{
    bool callback = strcmp(load, "callback") == 0, history = strcmp(load, "history") == 0;
    int64_t *took = mem_zalloc((size_t)count * sizeof *took);
    request_fn *request = callback ? send_success : history ? read_page : start_execution;
    drive(connections, 1, 1, create_machine, NULL, NULL);
    if (callback) {
        tokens = mem_zalloc((size_t)count * sizeof *tokens);
        drive(connections, connection_count, count, start_execution, NULL, NULL);
        drive(connections, connection_count, count, read_history, take_token, NULL);
    }
    if (history)
        drive(connections, 1, 1, start_execution, NULL, NULL);
    while (history && whole_pages == 0)
        drive(connections, 1, 1, read_page, take_page, NULL);
    int64_t cpu_ns = server_cpu_ns(), began_ns = now_ns();
    drive(connections, connection_count, count, request, NULL, took);
    double seconds = (double)(now_ns() - began_ns) / 1e9;
    double cpu_us = (double)(server_cpu_ns() - cpu_ns) / 1e3 / (double)count;
    end_server();
    qsort(took, (size_t)count, sizeof *took, compare);
    printf("{\"requestsPerSecond\":%.0f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"serverCpuUs\":%.1f}\n", (double)count / seconds,
           (double)took[count / 2] / 1e6, (double)took[count - 1 - count / 100] / 1e6, cpu_us);
}

static const char *create_activity(long number, struct buf *out)
{
    (void)number;
    buf_add_text(out, "{\"name\":\"idle\"}");
    return "CreateActivity";
}

/* Each connection asks once, so that it has been through all that a used one has. */
static const char *list_activities(long number, struct buf *out)
{
    (void)number;
    buf_add_text(out, "{}");
    return "ListActivities";
}

static void measure_idle(struct connection *connections, int connection_count, int poller_count)
{
    AUTO_BUF body = BUF_INIT;
    double before = server_rss_mib();
    drive(connections, 1, 1, create_activity, NULL, NULL);
    drive(connections, connection_count, connection_count, list_activities, NULL, NULL);
    buf_add_text(&body, "{\"activityArn\":\"arn:aws:states:us-east-1:123456789012:activity:idle\"}");
    for (int i = connection_count; i < connection_count + poller_count; i++)
        send_request(&connections[i], "GetActivityTask", &body);
    sleep(2); /* until the last of them waits */
    double after = server_rss_mib();
    int64_t cpu_ns = server_cpu_ns();
    sleep(5);
    double percent = (double)(server_cpu_ns() - cpu_ns) / 5e9 * 100;
    end_server();
    printf("{\"connections\":%d,\"pollers\":%d,\"rssMiB\":%.1f,\"emptyRssMiB\":%.1f,\"cpuPercent\":%.2f}\n",
           connection_count, poller_count, after, before, percent);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc < 5) {
        fprintf(stderr,
                "usage: http_load start|sync|callback|history|idle CONNECTIONS REQUESTS PROGRAM [ARGUMENT]...\n");
        return 2;
    }
    load = argv[1];
    bool idle = strcmp(load, "idle") == 0;
    int connection_count = atoi(argv[2]);
    long count = atol(argv[3]);
    if (connection_count < 1 || count < 1)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    start_server(argv + 4);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    int open_count = connection_count + (idle ? (int)count : 0);
    struct connection *connections = mem_zalloc((size_t)open_count * sizeof *connections);
    for (int i = 0; i < open_count; i++)
        connections[i].fd = dial();
    if (idle)
        measure_idle(connections, connection_count, (int)count);
    else
        measure_rate(connections, connection_count, count);
    return 0;
}
