/*
 * Bytes as a client might send them, through a socket to the real server: request lines, headers, chunks, signatures,
 * the operations and what they do to an engine with a store. The first byte says what the rest is:
 *
 *   o  lines "Operation body": a request each, sent ahead of the answers
 *   c  the same, bodies in chunks, bytes in small pieces
 *   s  the same, signed, to a server with keys
 *   r  the same, signed with a key that may only read
 *   t  a byte to change in the signed request, which byte (two bytes), and one line
 *   g  a stream for the server with keys
 *   -  anything else: a stream for the server without
 *
 * Whatever they hold, the answers are well-formed, as many as the requests, none is an internal failure, and
 * without a signature the server with keys carries nothing out.
 */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "orchestrator/http/server.h"
#include "orchestrator/http/sigv4.h"
#include "runtime/executor/engine.h"
#include "runtime/service/service.h"

#include <event2/event.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS_MAX = 8, TURNS_MAX = 300, RUNS_A_STORE = 5000, PIECE_BYTES = 7 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char keys_text[] = "[{\"id\":\"ADMIN\",\"secret\":\"admin-secret-0123456789\",\"role\":\"admin\"},"
                                "{\"id\":\"READER\",\"secret\":\"reader-secret-0123456789\",\"role\":\"read\"}]";

/* What the inputs share: what they leave behind is there for the next ones, for a while. */
static struct bench {
    char folder[64];
    struct event_base *base;
    struct store *store;
    struct engine *engine;
    struct service *service;
    struct http_keys *keys;
    struct http_server *open, *guarded;
    int runs;
} bench;

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "request_fuzz: %s\n", what);
    abort();
}

static void close_bench(void)
{
    if (bench.base == NULL)
        return;
    http_server_close(bench.open);
    http_server_close(bench.guarded);
    http_keys_free(bench.keys);
    service_close(bench.service);
    engine_close(bench.engine, 0);
    store_close(bench.store);
    event_base_free(bench.base);
    static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm", "store.db-owner"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = mem_printf("%s/%s", bench.folder, files[i]);
        unlink(path);
        free(path);
    }
    rmdir(bench.folder);
    bench = (struct bench){0};
}

static void open_bench(void)
{
    static bool closes;
    struct err err = {0};
    AUTO_JSON struct json_object *keys = NULL;
    snprintf(bench.folder, sizeof bench.folder, "%s/request_fuzz.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    check(mkdtemp(bench.folder) != NULL, "no folder");
    signal(SIGPIPE, SIG_IGN);
    if (!closes)
        closes = atexit(close_bench) == 0;
    char *url = mem_printf("sqlite:%s/store.db", bench.folder);
    bench.base = event_base_new();
    check(store_open(url, &bench.store, &err) == 0, err.message);
    struct engine_options options = {.base = bench.base,
                                     .store = bench.store,
                                     .region = "us-east-1",
                                     .account = "123456789012",
                                     .node = "fuzz",
                                     .virtual_clock = true};
    check(engine_open(&options, &bench.engine, &err) == 0 && engine_take_ownership(bench.engine, &err) == 0 &&
              service_open(&(struct service_options){.engine = bench.engine}, &bench.service, &err) == 0,
          err.message);
    struct http_options http = {.base = bench.base,
                                .service = bench.service,
                                .engine = bench.engine,
                                .host = "127.0.0.1",
                                .body_bytes_max = 65536,
                                .audit_fd = -1};
    check(json_parse(keys_text, strlen(keys_text), &keys, &err) == 0 && http_keys_read(keys, &bench.keys, &err) == 0 &&
              http_server_open(&http, &bench.open, &err) == 0,
          err.message);
    http.keys = bench.keys;
    check(http_server_open(&http, &bench.guarded, &err) == 0, err.message);
    free(url);
}

/* --- the client --------------------------------------------------------------------------------------------------- */

static void turn(void)
{
    event_base_loopexit(bench.base, &(struct timeval){.tv_usec = 1000});
    event_base_loop(bench.base, EVLOOP_ONCE);
}

/* Takes what has come back. False: the server has closed the connection. */
static bool receive(int fd, struct buf *in)
{
    ssize_t got;
    do {
        got = recv(fd, buf_reserve(in, 65536), 65536, 0);
        if (got > 0)
            in->bytes += (size_t)got;
    } while (got > 0);
    return got < 0;
}

/* Sends the bytes in pieces, ends the sending side, and returns all that came back. True: the server has closed. */
static bool converse(struct http_server *server, const char *data, size_t bytes, size_t piece, struct buf *in)
{
    int ends[2];
    size_t sent = 0;
    bool there = true;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0, "no socket");
    http_server_adopt(server, ends[1]);
    for (int turns = 0; there && turns < TURNS_MAX; turns++) {
        while (sent < bytes) {
            size_t part = bytes - sent < piece ? bytes - sent : piece;
            ssize_t now = send(ends[0], data + sent, part, MSG_NOSIGNAL);
            if (now <= 0)
                break;
            sent += (size_t)now;
            if (piece < 4096)
                event_base_loop(bench.base, EVLOOP_NONBLOCK);
        }
        if (sent == bytes)
            shutdown(ends[0], SHUT_WR);
        there = receive(ends[0], in);
        if (there)
            turn();
    }
    close(ends[0]);
    buf_reserve(in, 0)[0] = '\0';
    return !there;
}

struct answers {
    size_t count, succeeded, carried_out; /* status 200, and of those with a JSON body */
};

/* Each answer is a head with a length and a body of that length; the last may be cut off where not all was
 * waited for. */
static struct answers read_answers(const struct buf *in, bool all)
{
    struct answers answers = {0};
    const char *at = buf_text(in), *end = at + in->bytes;
    while (at < end) {
        const char *head_end = strstr(at, "\r\n\r\n");
        check(head_end != NULL || !all, "an answer without an end");
        if (head_end == NULL)
            break;
        check(strncmp(at, "HTTP/1.1 ", 9) == 0, "an answer that is none");
        int status = atoi(at + 9);
        const char *length = strcasestr(at, "\r\nContent-Length: ");
        size_t body = length && length < head_end ? strtoul(length + 18, NULL, 10) : 0;
        check(status != 500, head_end);
        if (status != 100)
            answers.count++;
        if (status == 200) {
            const char *type = strcasestr(at, "\r\nContent-Type: application/x-amz-json");
            answers.succeeded++;
            answers.carried_out += type && type < head_end;
        }
        at = head_end + 4;
        if (at == end || strncmp(at, "HTTP/1.1 ", 9) == 0)
            body = 0; /* of HEAD: the length of a body that does not come */
        check((size_t)(end - at) >= body || !all, "an answer that is too short");
        at += body < (size_t)(end - at) ? body : (size_t)(end - at);
    }
    return answers;
}

/* --- signing ------------------------------------------------------------------------------------------------------ */

static void add_hex(struct buf *out, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%02x", bytes[i]);
}

static void add_hash(struct buf *out, const char *data, size_t bytes)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(data, bytes, digest, &length, EVP_sha256(), NULL);
    add_hex(out, digest, length);
}

/* The headers of a signature for a request with this target and body. A number makes it one that was never seen. */
static void sign(struct buf *out, const char *id, const char *secret, const char *target, const char *body,
                 size_t bytes)
{
    static unsigned long number;
    char date[20], scope[64];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    snprintf(scope, sizeof scope, "%.8s/us-east-1/states/aws4_request", date);
    AUTO_BUF canonical = BUF_INIT;
    AUTO_BUF text = BUF_INIT;
    buf_printf(&canonical,
               "POST\n/\n\nhost:x\nx-amz-date:%s\nx-amz-target:%s\nx-number:%lu\n\n"
               "host;x-amz-date;x-amz-target;x-number\n",
               date, target, ++number);
    add_hash(&canonical, body, bytes);
    buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n", date, scope);
    add_hash(&text, canonical.data, canonical.bytes);

    char *start = mem_printf("AWS4%s", secret);
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char day[9];
    snprintf(day, sizeof day, "%.8s", date);
    const char *const parts[] = {day, "us-east-1", "states", "aws4_request", text.data};
    HMAC(EVP_sha256(), start, (int)strlen(start), (const unsigned char *)day, strlen(day), key, &length);
    for (size_t i = 1; i < sizeof parts / sizeof parts[0]; i++)
        HMAC(EVP_sha256(), key, (int)length, (const unsigned char *)parts[i], strlen(parts[i]), key, &length);
    free(start);
    buf_printf(out,
               "X-Number: %lu\r\nX-Amz-Date: %s\r\nAuthorization: AWS4-HMAC-SHA256 Credential=%s/%s, "
               "SignedHeaders=host;x-amz-date;x-amz-target;x-number, Signature=",
               number, date, id, scope);
    add_hex(out, key, length);
    buf_add_text(out, "\r\n");
}

/* --- requests from lines ------------------------------------------------------------------------------------------ */

struct signer {
    const char *id, *secret;
};

static const struct signer admin = {"ADMIN", "admin-secret-0123456789"},
                           reader = {"READER", "reader-secret-0123456789"};

static void add_chunks(struct buf *out, const char *body, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PIECE_BYTES) {
        size_t part = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        buf_printf(out, "%zx\r\n", part);
        buf_add(out, body + at, part);
        buf_add_text(out, "\r\n");
    }
    buf_add_text(out, "0\r\n\r\n");
}

/* "Operation body" as a request. False: the line has no operation that a header could hold. */
static bool add_request(struct buf *out, const char *line, size_t bytes, bool chunked, const struct signer *signer)
{
    const char *blank = memchr(line, ' ', bytes);
    size_t name_bytes = blank ? (size_t)(blank - line) : 0;
    if (name_bytes == 0 || name_bytes > 60)
        return false;
    for (size_t i = 0; i < name_bytes; i++)
        if (line[i] < '!' || line[i] > '~')
            return false;
    const char *body = blank + 1;
    size_t body_bytes = bytes - name_bytes - 1;
    char target[100];
    snprintf(target, sizeof target, "AWSStepFunctions.%.*s", (int)name_bytes, line);
    buf_printf(out, "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: %s\r\n", target);
    if (signer)
        sign(out, signer->id, signer->secret, target, body, body_bytes);
    if (chunked) {
        buf_add_text(out, "Transfer-Encoding: chunked\r\n\r\n");
        add_chunks(out, body, body_bytes);
    } else {
        buf_printf(out, "Content-Length: %zu\r\n\r\n", body_bytes);
        buf_add(out, body, body_bytes);
    }
    return true;
}

static void send_lines(struct http_server *server, const char *text, size_t bytes, bool chunked,
                       const struct signer *signer)
{
    AUTO_BUF out = BUF_INIT;
    AUTO_BUF in = BUF_INIT;
    const char *at = text, *end = text + bytes;
    size_t count = 0;
    while (at < end && count < REQUESTS_MAX) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL)
            newline = end;
        count += add_request(&out, at, (size_t)(newline - at), chunked, signer);
        at = newline + 1;
    }
    if (count == 0)
        return;
    bool all = converse(server, out.data, out.bytes, chunked ? PIECE_BYTES : 65536, &in);
    struct answers answers = read_answers(&in, all);
    check(answers.count == count || !all, "requests and answers differ in number");
}

/* A signed request of which one byte was changed: where that is in the body, it is not carried out. */
static void send_tampered(const uint8_t *data, size_t bytes)
{
    AUTO_BUF out = BUF_INIT;
    AUTO_BUF in = BUF_INIT;
    if (bytes < 4 || !add_request(&out, (const char *)data + 3, bytes - 3, false, &admin))
        return;
    size_t at = ((size_t)data[1] << 8 | data[2]) % out.bytes;
    const char *body = strstr(out.data, "\r\n\r\n") + 4;
    bool in_body = at >= (size_t)(body - out.data);
    if (data[0] == 0)
        return;
    out.data[at] = (char)(out.data[at] ^ data[0]);
    bool all = converse(bench.guarded, out.data, out.bytes, 65536, &in);
    struct answers answers = read_answers(&in, all);
    check(!in_body || answers.carried_out == 0, "a changed body was taken for the signed one");
}

static void send_stream(struct http_server *server, const char *data, size_t bytes, bool guarded)
{
    AUTO_BUF in = BUF_INIT;
    bool all = converse(server, data, bytes, 65536, &in);
    struct answers answers = read_answers(&in, all);
    check(!guarded || answers.carried_out == 0, "carried out without a signature");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *text = (const char *)data;
    if (bytes == 0)
        return 0;
    if (bench.runs == RUNS_A_STORE)
        close_bench();
    if (bench.runs++ == 0)
        open_bench();
    switch (text[0]) {
    case 'o':
    case 'c':
        send_lines(bench.open, text + 1, bytes - 1, text[0] == 'c', NULL);
        break;
    case 's':
        send_lines(bench.guarded, text + 1, bytes - 1, false, &admin);
        break;
    case 'r':
        send_lines(bench.guarded, text + 1, bytes - 1, false, &reader);
        break;
    case 't':
        send_tampered(data + 1, bytes - 1);
        break;
    case 'g':
        send_stream(bench.guarded, text + 1, bytes - 1, true);
        break;
    default:
        send_stream(bench.open, text, bytes, false);
    }
    return 0;
}
