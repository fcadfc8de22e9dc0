/*
 * connection.c - the life of a connection.
 *
 *              bytes              whole              connection_answer()
 *   ┌─▶ IDLE ───────▶ ARRIVING ─────────▶ AT_WORK ───────────────────────┬─▶ SENDING (client is slow) ─┐
 *   │    │ idle time     │ too slow: 408    │ client left: the exchange   │         │ too slow           │
 *   │    ▼               ▼                  ▼ ends                        │         ▼                    │
 *   │  closed          LINGER ─▶ closed   closed                          │       closed                 │
 *   └─────────────────────────────────────────────────────────────────────┴──────────────────────────────┘
 *
 * (1) One request of a connection is at work at a time, so that answers keep the order of the requests. What a client
 *     sends ahead is kept, up to LIMIT_REQUEST_AHEAD_BYTES; then we stop reading.
 * (2) Each state has a queue, and one time limit for all in it, so the first of a queue is the first that is late.
 * (3) A connection is freed only by an event of its own, or by connection_answer() outside of one: `busy` says which.
 */
#include "orchestrator/http/connection.h"

#include "asl/base/buf.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "orchestrator/http/answer.h"
#include "orchestrator/http/server_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 65536, READS_MAX = 16, SWEEP_MS = 500, LINGER_MS = 2000 };

enum state { STATE_IDLE, STATE_ARRIVING, STATE_AT_WORK, STATE_SENDING, STATE_LINGER, STATE_DEAD, STATE_COUNT };

/* A request whose head is there, while its body arrives. */
struct arriving {
    struct http_request request;
    struct http_chunks chunks;
    char head[];
};

struct connection {
    struct connections *all;
    struct connection *previous, *next; /* in its queue */
    struct exchange *exchange;          /* whose request is at work */
    struct ssl_st *ssl;                 /* NULL: plain */
    struct arriving *arriving;
    struct event readable, writable;
    struct buf in;  /* what was read and not taken: of the head, of the body, of what follows */
    struct buf out; /* what the client did not take yet */
    size_t out_sent;
    size_t seen; /* bytes of `in` without the end of a head */
    int64_t due_ms;
    int fd;
    enum state state, queued;
    bool busy;       /* an event of this connection is being worked on */
    bool ended;      /* the client sends nothing more */
    bool keep_alive; /* after the answer at work */
    bool old;        /* the request at work is HTTP/1.0 */
    bool head_only;  /* the request at work is HEAD */
    bool reading;    /* `readable` is armed */
    bool given;      /* a request was given to the server in this event */
    size_t counted;  /* bytes of `in` that are in all->kept_bytes */
};

struct queue {
    struct connection *first, *last;
    size_t count;
};

struct connections {
    struct connections_options options;
    struct queue queues[STATE_COUNT];
    size_t count;
    size_t kept_bytes; /* in all `in` buffers together */
    struct event *sweep;
    bool sweeping;
    struct http_request request; /* the one that is being given to the server */
    char scratch[READ_BYTES];    /* what was read last */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- queues and time ---------------------------------------------------------------------------------------------- */

static void leave_queue(struct connection *connection)
{
    struct queue *queue = &connection->all->queues[connection->queued];
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        queue->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    else
        queue->last = connection->previous;
    queue->count--;
}

static int64_t time_limit_ms(const struct connections *all, enum state state)
{
    switch (state) {
    case STATE_IDLE:
        return all->options.idle_ms;
    case STATE_ARRIVING:
    case STATE_SENDING:
        return all->options.request_ms;
    case STATE_LINGER:
        return LINGER_MS;
    default:
        return INT64_MAX / 2; /* a request at work has limits of its own */
    }
}

/* Last in the queue of its state, with all the time of that state. */
static void enter_queue(struct connection *connection)
{
    struct queue *queue = &connection->all->queues[connection->state];
    connection->queued = connection->state;
    connection->due_ms = now_ms() + time_limit_ms(connection->all, connection->state);
    connection->previous = queue->last;
    connection->next = NULL;
    if (queue->last)
        queue->last->next = connection;
    else
        queue->first = connection;
    queue->last = connection;
    queue->count++;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void connection_free(struct connection *connection)
{
    struct connections *all = connection->all;
    leave_queue(connection);
    event_del(&connection->readable);
    event_del(&connection->writable);
    tls_free(connection->ssl);
    close(connection->fd);
    buf_release(&connection->in);
    buf_release(&connection->out);
    free(connection->arriving);
    all->kept_bytes -= connection->counted;
    all->count--;
    free(connection);
}

static void stop_reading(struct connection *connection)
{
    if (connection->reading)
        event_del(&connection->readable);
    connection->reading = false;
}

static void start_reading(struct connection *connection)
{
    if (!connection->reading && !connection->ended)
        event_add(&connection->readable, NULL);
    connection->reading = !connection->ended;
}

/* The client cannot be reached any more. */
static void connection_fail(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    connection->state = STATE_DEAD;
    connection->exchange = NULL;
    if (exchange)
        exchange_client_left(exchange, true);
}

/* After an event: what became of the connection. */
static void settle(struct connection *connection)
{
    connection->busy = false;
    if (connection->state == STATE_DEAD) {
        connection_free(connection);
        return;
    }
    if (connection->state == STATE_LINGER)
        buf_release(&connection->in);
    connection->all->kept_bytes += connection->in.bytes - connection->counted;
    connection->counted = connection->in.bytes;
    bool same = connection->state == STATE_ARRIVING && connection->queued == STATE_ARRIVING && !connection->given;
    connection->given = false;
    if (same)
        return; /* more of the same request does not buy more time */
    leave_queue(connection);
    enter_queue(connection);
}

/* --- output ------------------------------------------------------------------------------------------------------- */

/* Bytes that went out, 0 when none can just now, -1 when none ever will. */
static ssize_t send_some(struct connection *connection, const struct iovec *parts, int count)
{
    ssize_t sent;
    if (connection->ssl)
        return tls_write(connection->ssl, parts[0].iov_base, parts[0].iov_len);
    do
        sent = writev(connection->fd, parts, count);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return sent;
}

/* True: everything is sent. */
static bool flush(struct connection *connection)
{
    while (connection->out_sent < connection->out.bytes) {
        struct iovec part = {connection->out.data + connection->out_sent, connection->out.bytes - connection->out_sent};
        ssize_t sent = send_some(connection, &part, 1);
        if (sent < 0)
            connection_fail(connection);
        if (sent <= 0)
            return false;
        connection->out_sent += (size_t)sent;
    }
    buf_release(&connection->out);
    connection->out_sent = 0;
    return true;
}

/* Sends two pieces, and keeps what cannot go now. */
static bool send_or_keep(struct connection *connection, const char *head, size_t head_bytes, const char *body,
                         size_t body_bytes)
{
    size_t sent = 0;
    if (connection->out.bytes == 0 && connection->ssl == NULL) {
        struct iovec parts[] = {{(void *)(uintptr_t)head, head_bytes}, {(void *)(uintptr_t)body, body_bytes}};
        ssize_t now = send_some(connection, parts, body_bytes ? 2 : 1);
        if (now < 0) {
            connection_fail(connection);
            return false;
        }
        sent = (size_t)now;
        if (sent == head_bytes + body_bytes)
            return true;
    }
    if (sent < head_bytes)
        buf_add(&connection->out, head + sent, head_bytes - sent);
    size_t body_sent = sent > head_bytes ? sent - head_bytes : 0;
    if (body_sent < body_bytes)
        buf_add(&connection->out, body + body_sent, body_bytes - body_sent);
    return flush(connection);
}

/* Nothing is sent any more; what the client still sends is read, lest it becomes a reset that takes our last bytes. */
static void linger(struct connection *connection)
{
    shutdown(connection->fd, SHUT_WR);
    connection->state = connection->ended ? STATE_DEAD : STATE_LINGER;
    start_reading(connection);
}

/* The answer is out: the next request, or the end. */
static void answer_sent(struct connection *connection)
{
    if (connection->keep_alive) {
        connection->state = STATE_IDLE;
        start_reading(connection);
        return;
    }
    if (connection->ssl)
        tls_end(connection->ssl);
    linger(connection);
}

/* Nothing more will come: what is there is all, and what is not whole never will be. */
static void end_if_nothing_is_left(struct connection *connection)
{
    if (connection->ended &&
        (connection->state == STATE_IDLE || connection->state == STATE_ARRIVING || connection->state == STATE_LINGER))
        connection->state = STATE_DEAD;
}

void connection_answer(struct connection *connection, const struct http_answer *answer)
{
    size_t headers_bytes = answer->headers ? strlen(answer->headers) : 0;
    char small[ANSWER_HEAD_BYTES + 512];
    char *head = headers_bytes < 512 ? small : mem_alloc(ANSWER_HEAD_BYTES + headers_bytes);
    if (answer->close)
        connection->keep_alive = false;
    connection->exchange = NULL;
    connection->state = STATE_SENDING;
    size_t head_bytes = answer_write_head(answer, connection->keep_alive, connection->old, head);
    if (send_or_keep(connection, head, head_bytes, answer->body, connection->head_only ? 0 : answer->body_bytes))
        answer_sent(connection);
    else if (connection->state == STATE_SENDING)
        event_add(&connection->writable, NULL);
    if (head != small)
        free(head);
    if (connection->busy)
        return;
    /* what was sent ahead is looked at from the loop, not from inside of somebody's answer */
    if (connection->state == STATE_IDLE && connection->in.bytes)
        event_active(&connection->readable, EV_READ, 0);
    else
        end_if_nothing_is_left(connection);
    settle(connection);
}

/* --- input -------------------------------------------------------------------------------------------------------- */

static void refuse(struct connection *connection, int status, const char *why)
{
    AUTO_BUF body = BUF_INIT;
    const char *type = status == 413 ? "RequestEntityTooLargeException" : "MalformedHttpRequestException";
    if (status == 408)
        type = "RequestTimeoutException";
    if (status == 503)
        type = "ServiceUnavailable";
    buf_printf(&body, "{\"__type\":\"%s\",\"message\":\"%s\"}", type, why);
    connection->keep_alive = false;
    connection_answer(connection, &(struct http_answer){.status = status,
                                                        .type = "application/x-amz-json-1.0",
                                                        .body = body.data,
                                                        .body_bytes = body.bytes,
                                                        .close = true});
}

/* The request is whole: off to the server, which may answer before this returns. */
static void give(struct connection *connection, struct http_request *request, char *body, size_t body_bytes)
{
    request->body = body;
    request->body_bytes = body_bytes;
    connection->state = STATE_AT_WORK;
    connection->given = true;
    server_request(connection->all->options.server, connection, request);
}

/* What stands for a body at `data`: 1 it is whole, *ret_taken raw bytes; 0 it is not; below 0 minus a status. */
static int look_at_body(const struct connection *connection, struct http_request *request, struct http_chunks *chunks,
                        char *data, size_t bytes, size_t *ret_taken)
{
    if (request->chunked) {
        int code = request_chunks(chunks, data, bytes, connection->all->options.body_bytes_max);
        *ret_taken = chunks->read;
        request->body_bytes = chunks->decoded;
        return code;
    }
    *ret_taken = request->body_bytes = (size_t)request->content_bytes;
    return bytes >= request->content_bytes;
}

/* The head is there and the body is not: the head is kept, the body gathers in `in`. */
static void await_body(struct connection *connection, struct http_request *request, const struct http_chunks *chunks,
                       const char *head, size_t head_bytes)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct arriving *arriving = mem_alloc(sizeof *arriving + head_bytes);
    arriving->request = *request;
    arriving->chunks = *chunks;
    memcpy(arriving->head, head, head_bytes);
    request_move(&arriving->request, head, arriving->head);
    connection->arriving = arriving;
    connection->state = STATE_ARRIVING;
    if (request->expect_continue && !send_or_keep(connection, go_on, sizeof go_on - 1, NULL, 0) &&
        connection->state != STATE_DEAD)
        event_add(&connection->writable, NULL);
}

/* A head begins at data. Returns the bytes taken, 0 while the head is not whole. */
static size_t take_head(struct connection *connection, char *data, size_t bytes)
{
    struct http_request *request = &connection->all->request;
    struct http_chunks chunks = {0};
    const char *why;
    size_t taken = 0;
    while (taken < bytes && (data[taken] == '\r' || data[taken] == '\n'))
        taken++; /* RFC 9112 2.2: an empty line before a request is passed over */
    if (taken)
        return taken;
    size_t head_bytes = request_head_end(data, bytes, connection->seen);
    connection->seen = bytes;
    connection->state = STATE_ARRIVING;
    if (head_bytes == 0 && bytes < LIMIT_REQUEST_HEAD_BYTES)
        return 0;
    connection->seen = 0;
    connection->head_only = connection->old = false;
    if (head_bytes == 0 || head_bytes > LIMIT_REQUEST_HEAD_BYTES) {
        refuse(connection, 431, "the request's head is too large");
        return bytes;
    }
    int status = request_parse(data, head_bytes, request, &why);
    connection->head_only = request->method == HTTP_HEAD;
    connection->keep_alive = request->keep_alive;
    connection->old = request->old;
    if (status == 0 && request->content_bytes > connection->all->options.body_bytes_max)
        status = 413, why = "the body is too large";
    if (status) {
        refuse(connection, status, why);
        return bytes;
    }
    int code = look_at_body(connection, request, &chunks, data + head_bytes, bytes - head_bytes, &taken);
    if (code > 0)
        give(connection, request, data + head_bytes, request->body_bytes);
    else if (code == 0)
        await_body(connection, request, &chunks, data, head_bytes);
    else
        refuse(connection, -code, code == -413 ? "the body is too large" : "malformed chunks");
    return code > 0 ? head_bytes + taken : code == 0 ? head_bytes : bytes;
}

/* More of a body that begins at data. Returns the bytes taken, 0 while it is not whole. */
static size_t take_body(struct connection *connection, char *data, size_t bytes)
{
    struct arriving *arriving = connection->arriving;
    size_t taken;
    int code = look_at_body(connection, &arriving->request, &arriving->chunks, data, bytes, &taken);
    if (code == 0)
        return 0;
    connection->arriving = NULL;
    if (code > 0)
        give(connection, &arriving->request, data, arriving->request.body_bytes);
    else
        refuse(connection, -code, code == -413 ? "the body is too large" : "malformed chunks");
    free(arriving);
    return code > 0 ? taken : bytes;
}

/* Takes requests from the text while they are whole and the ones before are answered. Returns the bytes taken. */
static size_t take(struct connection *connection, char *data, size_t bytes)
{
    size_t taken = 0;
    while (taken < bytes && (connection->state == STATE_IDLE || connection->state == STATE_ARRIVING)) {
        size_t part = connection->arriving ? take_body(connection, data + taken, bytes - taken)
                                           : take_head(connection, data + taken, bytes - taken);
        if (part == 0)
            break;
        taken += part;
    }
    return taken;
}

/* Goes on with what is in `in`, and keeps the rest. */
static void take_kept(struct connection *connection)
{
    size_t taken = take(connection, connection->in.data, connection->in.bytes);
    if (taken < connection->in.bytes && taken) {
        memmove(connection->in.data, connection->in.data + taken, connection->in.bytes - taken);
        connection->in.bytes -= taken;
    } else if (taken) {
        buf_release(&connection->in);
    }
}

/* Bytes read into the scratch, 0 at the end, -1 with EAGAIN or another errno. */
static ssize_t receive(struct connection *connection)
{
    char *scratch = connection->all->scratch;
    ssize_t got;
    if (connection->ssl && connection->state != STATE_LINGER)
        return tls_read(connection->ssl, scratch, READ_BYTES);
    do
        got = recv(connection->fd, scratch, READ_BYTES, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The client sends nothing more; it may still read. */
static void input_ended(struct connection *connection)
{
    stop_reading(connection);
    connection->ended = true;
    if (connection->exchange)
        exchange_client_left(connection->exchange, false);
}

/* What was read goes to the requests, or is kept until it is their turn. */
static void received(struct connection *connection, size_t bytes)
{
    struct connections *all = connection->all;
    bool takes = connection->state == STATE_IDLE || connection->state == STATE_ARRIVING;
    if (connection->state == STATE_LINGER)
        return;
    if (all->kept_bytes + bytes > LIMIT_REQUESTS_BYTES && takes) {
        refuse(connection, 503, "too many bytes of requests are waiting");
        return;
    }
    if (takes && connection->in.bytes == 0) {
        size_t taken = take(connection, all->scratch, bytes);
        if (taken < bytes && connection->state != STATE_DEAD && connection->state != STATE_LINGER)
            buf_add(&connection->in, all->scratch + taken, bytes - taken);
        return;
    }
    buf_add(&connection->in, all->scratch, bytes);
    if (takes)
        take_kept(connection);
    else if (connection->in.bytes >= LIMIT_REQUEST_AHEAD_BYTES || all->kept_bytes > LIMIT_REQUESTS_BYTES)
        stop_reading(connection);
}

/* What has come goes where it belongs. False: there is no more just now. */
static bool read_once(struct connection *connection)
{
    ssize_t got = receive(connection);
    if (got > 0)
        received(connection, (size_t)got);
    else if (got == 0)
        input_ended(connection);
    else if (errno == EPROTO && connection->exchange == NULL)
        linger(connection); /* no TLS; the alert says so */
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        connection_fail(connection);
    /* a socket that gave less has no more; TLS may hold bytes that the socket does not show */
    return got == READ_BYTES || (got > 0 && connection->ssl);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    (void)fd;
    (void)what;
    connection->busy = true;
    if (connection->in.bytes && connection->state == STATE_IDLE)
        take_kept(connection);
    bool more = true;
    for (int i = 0; more && connection->reading && connection->state != STATE_DEAD && i < READS_MAX; i++)
        more = read_once(connection);
    if (more && connection->ssl && connection->reading && connection->state != STATE_DEAD)
        event_active(&connection->readable, EV_READ, 0); /* after the others have had their turn */
    if (connection->ssl && connection->state != STATE_DEAD && tls_wants_write(connection->ssl))
        event_add(&connection->writable, NULL);
    if (connection->ssl && connection->state == STATE_ARRIVING && connection->arriving == NULL &&
        connection->in.bytes == 0 && tls_ready(connection->ssl))
        connection->state = STATE_IDLE; /* that was the handshake */
    if (connection->state == STATE_IDLE && connection->in.bytes)
        take_kept(connection); /* a poll was answered because the client sends nothing more */
    end_if_nothing_is_left(connection);
    settle(connection);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    (void)what;
    connection->busy = true;
    if (!flush(connection)) {
        if (connection->state != STATE_DEAD)
            event_add(&connection->writable, NULL);
    } else if (connection->state == STATE_SENDING) {
        answer_sent(connection);
    }
    if (connection->state == STATE_DEAD)
        settle(connection);
    else
        on_readable(fd, EV_READ, connection); /* settles too */
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

/* The first of a queue is late. */
static void give_up(struct connection *connection)
{
    connection->busy = true;
    if (connection->state == STATE_ARRIVING && connection->out.bytes == 0 && connection->ssl == NULL) {
        refuse(connection, 408, "the request took too long to arrive");
        if (connection->state == STATE_SENDING)
            connection->state = STATE_DEAD;
    } else {
        connection->state = STATE_DEAD;
    }
    settle(connection);
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    struct connections *all = context;
    int64_t now = now_ms();
    (void)fd;
    (void)what;
    for (int i = 0; i < STATE_COUNT; i++)
        while (all->queues[i].first && all->queues[i].first->due_ms <= now)
            give_up(all->queues[i].first);
    if (all->count == 0) {
        event_del(all->sweep);
        all->sweeping = false;
    }
}

struct connections *connections_new(const struct connections_options *options)
{
    struct connections *all = NEW(struct connections);
    all->options = *options;
    all->sweep = event_new(options->base, -1, EV_PERSIST, on_sweep, all);
    return all;
}

void connections_free(struct connections *all)
{
    if (all == NULL)
        return;
    for (int i = 0; i < STATE_COUNT; i++)
        while (all->queues[i].first)
            connection_free(all->queues[i].first);
    event_free(all->sweep);
    free(all);
}

size_t connections_count(const struct connections *all)
{
    return all->count;
}

size_t connections_sending(const struct connections *all)
{
    return all->queues[STATE_SENDING].count;
}

bool connections_close_idle(struct connections *all)
{
    struct connection *longest = all->queues[STATE_IDLE].first;
    if (longest)
        connection_free(longest);
    return longest != NULL;
}

/* Nobody is idle, so the new one is told to come back. */
static void turn_away(struct connections *all, int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    if (all->options.tls == NULL && send(fd, text, sizeof text - 1, MSG_NOSIGNAL) < 0) {
        /* it has gone already */
    }
    close(fd);
}

void connections_add(struct connections *all, int fd)
{
    if (all->count >= all->options.count_max && !connections_close_idle(all)) {
        turn_away(all, fd);
        return;
    }
    struct connection *connection = NEW(struct connection);
    connection->all = all;
    connection->fd = fd;
    if (all->options.tls && (connection->ssl = tls_new(all->options.tls, fd)) == NULL) {
        close(fd);
        free(connection);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* no matter where it is no TCP */
    event_assign(&connection->readable, all->options.base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    event_assign(&connection->writable, all->options.base, fd, EV_WRITE, on_writable, connection);
    connection->state = connection->ssl ? STATE_ARRIVING : STATE_IDLE; /* a handshake is as urgent as a request */
    enter_queue(connection);
    start_reading(connection);
    all->count++;
    if (!all->sweeping)
        event_add(all->sweep, &(struct timeval){.tv_usec = SWEEP_MS * 1000});
    all->sweeping = true;
}

void connection_set_exchange(struct connection *connection, struct exchange *exchange)
{
    connection->exchange = exchange;
    if (connection->ended)
        exchange_client_left(exchange, false);
}

void connection_peer(const struct connection *connection, char *out, size_t out_bytes)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof address;
    *out = '\0';
    if (getpeername(connection->fd, (struct sockaddr *)&address, &bytes) != 0)
        return;
    if (address.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&address)->sin6_addr, out, (socklen_t)out_bytes);
    else if (address.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, out, (socklen_t)out_bytes);
}
