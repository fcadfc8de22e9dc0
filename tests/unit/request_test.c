/*
 * request_test.c - the parser of HTTP requests: a table of what a client sends, and what is read of it, whole, byte by
 * byte and in pieces of other sizes.
 */
#include "orchestrator/http/request.h"

#include "asl/base/buf.h"
#include "asl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_BYTES_MAX = 20 };

/* Reads a stream as a connection does: heads and bodies one after the other, and writes down what it finds. */
struct reader {
    char *data; /* what has arrived; of exactly that size, so that a sanitizer sees who reads on */
    size_t bytes, at, seen;
    struct http_request request;
    char *head; /* of the request whose body is awaited; NULL: a head is */
    struct http_chunks chunks;
    bool refused;
    struct buf found;
};

static void write_request(struct buf *out, const struct http_request *request)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS", "OTHER"};
    buf_printf(out, "%s %s", methods[request->method], request->path);
    if (request->query)
        buf_printf(out, "?%s", request->query);
    buf_printf(out, "%s%s%s", request->old ? " old" : "", request->keep_alive ? "" : " close",
               request->expect_continue ? " continue" : "");
    for (size_t i = 0; i < request->header_count; i++)
        buf_printf(out, " %s=%s", request->headers[i].name, request->headers[i].value);
    buf_add_text(out, ";");
}

/* Whether there was a whole head; then it is kept elsewhere, where its pointers follow. */
static bool take_head(struct reader *reader)
{
    const char *why = NULL;
    char *text = reader->data + reader->at;
    size_t bytes = request_head_end(text, reader->bytes - reader->at, reader->seen);
    reader->seen = bytes ? 0 : reader->bytes - reader->at;
    if (bytes == 0)
        return false;
    int status = request_parse(text, bytes, &reader->request, &why);
    if (status) {
        reader->refused = true;
        buf_printf(&reader->found, "%d %s;", status, why);
        return false;
    }
    reader->head = mem_alloc(bytes);
    memcpy(reader->head, text, bytes);
    request_move(&reader->request, text, reader->head);
    memset(text, '#', bytes);
    reader->at += bytes;
    reader->chunks = (struct http_chunks){0};
    return true;
}

static bool take_body(struct reader *reader)
{
    char *body = reader->data + reader->at;
    size_t there = reader->bytes - reader->at, taken, bytes;
    if (reader->request.chunked) {
        int code = request_chunks(&reader->chunks, body, there, BODY_BYTES_MAX);
        reader->refused = code < 0;
        if (code < 0)
            buf_printf(&reader->found, "%d;", -code);
        if (code != 1)
            return false;
        taken = reader->chunks.read;
        bytes = reader->chunks.decoded;
    } else {
        if (there < reader->request.content_bytes)
            return false;
        taken = bytes = (size_t)reader->request.content_bytes;
    }
    write_request(&reader->found, &reader->request);
    if (bytes)
        buf_printf(&reader->found, "[%.*s];", (int)bytes, body);
    free(reader->head);
    reader->head = NULL;
    reader->at += taken;
    return true;
}

static void arrive(struct reader *reader, const char *text, size_t bytes)
{
    char *data = mem_alloc(reader->bytes + bytes);
    if (reader->bytes)
        memcpy(data, reader->data, reader->bytes);
    memcpy(data + reader->bytes, text, bytes);
    free(reader->data);
    reader->data = data;
    reader->bytes += bytes;
    while (!reader->refused && (reader->head || reader->at < reader->bytes) &&
           (reader->head ? take_body(reader) : take_head(reader)))
        ;
}

/* What is read of a stream that arrives in pieces of this size; "..." in the end: something is not whole. Heap. */
static char *read_stream(const char *text, size_t bytes, size_t piece)
{
    struct reader reader = {.found = BUF_INIT};
    for (size_t at = 0; at < bytes && !reader.refused; at += piece)
        arrive(&reader, text + at, bytes - at < piece ? bytes - at : piece);
    if (!reader.refused && (reader.head || reader.at < reader.bytes))
        buf_add_text(&reader.found, "...");
    char *found = mem_strdup(buf_text(&reader.found));
    buf_release(&reader.found);
    free(reader.head);
    free(reader.data);
    return found;
}

static void assert_stream(const char *text, size_t bytes, const char *expected)
{
    static const size_t pieces[] = {SIZE_MAX / 2, 1, 2, 3, 7};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char *found = read_stream(text, bytes, pieces[i]);
        if (strcmp(found, expected) != 0)
            print_error("in pieces of %zu: %s\n", pieces[i], text);
        assert_string_equal(found, expected);
        free(found);
    }
}

struct example {
    const char *text;
    size_t bytes;
    const char *expected;
};
/* Of a literal, which may hold a NUL. */
#define EXAMPLE(text, expected)                                                                                        \
    {                                                                                                                  \
        text, sizeof text - 1, expected                                                                                \
    }

static void assert_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_stream(examples[i].text, examples[i].bytes, examples[i].expected);
}
#define ASSERT_EXAMPLES(examples) assert_examples(examples, sizeof examples / sizeof *examples)

#define END "\r\nHost: h\r\n\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: h\r\n"
#define BAD_LINE "400 malformed request line;"
#define BAD_HEADER "400 malformed header;"
#define BAD_LENGTH "400 malformed Content-Length;"
#define NO_HOST "400 one Host header is needed;"
#define BAD_VERSION "505 only HTTP/1.0 and HTTP/1.1 are spoken here;"
#define BAD_ENCODING "501 the only Transfer-Encoding known here is chunked;"
#define TWO_LENGTHS "400 a body is either chunked or has a length;"

static void request_lines(void **unused)
{
    (void)unused;
    static const struct example examples[] = {
        EXAMPLE("GET / HTTP/1.1" END, "GET / host=h;"),
        EXAMPLE("HEAD /a/b HTTP/1.1" END, "HEAD /a/b host=h;"),
        EXAMPLE("OPTIONS * HTTP/1.1" END, "OPTIONS * host=h;"),
        EXAMPLE("BREW /pot HTTP/1.1" END, "OTHER /pot host=h;"),
        EXAMPLE("get / HTTP/1.1" END, "OTHER / host=h;"), /* RFC 9110 9.1: methods have a case */
        EXAMPLE("GET / HTTP/1.1\nHost: h\n\n", "GET / host=h;"),
        EXAMPLE("GET / HTTP/1.1\r\nHost: h\n\r\n", "GET / host=h;"),
        EXAMPLE("GET / HTTP/1.2" END, "GET / host=h;"),
        EXAMPLE("GET / HTTP/1.0\r\n\r\n", "GET / old close;"),
        /* targets */
        EXAMPLE("GET /a?b=c&d HTTP/1.1" END, "GET /a?b=c&d host=h;"),
        EXAMPLE("GET /? HTTP/1.1" END, "GET /? host=h;"),
        EXAMPLE("GET /a?b?c HTTP/1.1" END, "GET /a?b?c host=h;"),
        EXAMPLE("GET http://x.y:1/a?b HTTP/1.1" END, "GET /a?b host=h;"),
        EXAMPLE("GET HTTPS://x/a HTTP/1.1" END, "GET /a host=h;"),
        EXAMPLE("GET http://x HTTP/1.1" END, "GET / host=h;"),
        EXAMPLE("GET http://x?b HTTP/1.1" END, "GET /?b host=h;"),
        EXAMPLE("GET http:// HTTP/1.1" END, "GET / host=h;"),
        EXAMPLE("GET /\xC3\xA4 HTTP/1.1" END, "GET /\xC3\xA4 host=h;"),
        /* refused */
        EXAMPLE("\r\n\r\n", BAD_LINE),
        EXAMPLE("GET\r\n\r\n", BAD_LINE),
        EXAMPLE("GET /" END, BAD_LINE),
        EXAMPLE("GET / " END, BAD_LINE),
        EXAMPLE("GET  HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET  / HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET /  HTTP/1.1" END, BAD_LINE),
        EXAMPLE(" GET / HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET\t/ HTTP/1.1" END, BAD_LINE),
        EXAMPLE("G(T / HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET /a b HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET /a\tb HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET /a\x7F HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET a HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET * HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET ?a HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET ftp://x/ HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET / HTTP/1.1 " END, BAD_LINE),
        EXAMPLE("GET / HTTP/11" END, BAD_LINE),
        EXAMPLE("GET / HTTP/1.10" END, BAD_LINE),
        EXAMPLE("GET / HTTP/a.1" END, BAD_LINE),
        EXAMPLE("GET / http/1.1" END, BAD_LINE),
        EXAMPLE("GET /\rX HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET /\0X HTTP/1.1" END, BAD_LINE),
        EXAMPLE("GET / HTTP/2.0" END, BAD_VERSION),
        EXAMPLE("GET / HTTP/0.9" END, BAD_VERSION),
    };
    ASSERT_EXAMPLES(examples);
}

static void headers(void **unused)
{
    (void)unused;
    static const struct example examples[] = {
        EXAMPLE(GET HOST "X-Amz-Target: a.B\r\n\r\n", "GET / host=h x-amz-target=a.B;"),
        EXAMPLE(GET HOST "A:b\r\nC: \t d e \t\r\nF:\r\nG: \r\n\r\n", "GET / host=h a=b c=d e f= g=;"),
        EXAMPLE(GET HOST "A: b\tc: \xE9\r\n\r\n", "GET / host=h a=b\tc: \xE9;"),
        EXAMPLE(GET HOST "!#$%&'*+-.^_`|~09: x\r\n\r\n", "GET / host=h !#$%&'*+-.^_`|~09=x;"),
        EXAMPLE(GET HOST "A: b\r\na: c\r\n\r\n", "GET / host=h a=b a=c;"),
        EXAMPLE(GET "Host:\r\n\r\n", "GET / host=;"),
        EXAMPLE("GET / HTTP/1.0\r\n" HOST "\r\n", "GET / old close host=h;"),
        /* refused */
        EXAMPLE(GET "\r\n", NO_HOST),
        EXAMPLE(GET HOST HOST "\r\n", NO_HOST),
        EXAMPLE("GET / HTTP/1.0\r\n" HOST HOST "\r\n", NO_HOST),
        EXAMPLE(GET HOST "A : b\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST " A: b\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A: b\r\n c\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A: b\r\n\tc\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST ": b\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A(: b\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "\xC3\xA4: b\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A: b\rC: d\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A: b\r\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A: \x01\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A: \x7F\r\n\r\n", BAD_HEADER),
        EXAMPLE(GET HOST "A: b\0c\r\n\r\n", BAD_HEADER),
        /* not whole */
        EXAMPLE("", ""),
        EXAMPLE("GET", "..."),
        EXAMPLE(GET HOST, "..."),
        EXAMPLE(GET HOST "\r", "..."),
        EXAMPLE(GET HOST "\r\r", "..."),
    };
    ASSERT_EXAMPLES(examples);
}

static void connections(void **unused)
{
    (void)unused;
    static const struct example examples[] = {
        EXAMPLE(GET HOST "Connection: close\r\n\r\n", "GET / close host=h connection=close;"),
        EXAMPLE(GET HOST "Connection: a ,\tCLOSE\t, b\r\n\r\n", "GET / close host=h connection=a ,\tCLOSE\t, b;"),
        EXAMPLE(GET HOST "Connection: a\r\nConnection: close\r\n\r\n",
                "GET / close host=h connection=a connection=close;"),
        EXAMPLE(GET HOST "Connection: closed, clos, a close\r\n\r\n", "GET / host=h connection=closed, clos, a close;"),
        EXAMPLE(GET HOST "Connection: \r\n\r\n", "GET / host=h connection=;"),
        EXAMPLE("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / old connection=Keep-Alive;"),
        EXAMPLE("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
                "GET / old close connection=keep-alive, close;"),
        EXAMPLE(GET HOST "Expect: 100-Continue\r\n\r\n", "GET / continue host=h expect=100-Continue;"),
        EXAMPLE("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "GET / old close expect=100-continue;"),
        EXAMPLE(GET HOST "Expect: 200-ok\r\n\r\n", "417 the only expectation known here is 100-continue;"),
    };
    ASSERT_EXAMPLES(examples);
}

#define POST "POST / HTTP/1.1\r\n" HOST
#define LENGTH(text) POST "Content-Length:" text "\r\n\r\n"

static void lengths(void **unused)
{
    (void)unused;
    static const struct example examples[] = {
        EXAMPLE(LENGTH(" 3") "abc", "POST / host=h content-length=3;[abc];"),
        EXAMPLE(LENGTH("0") "", "POST / host=h content-length=0;"),
        EXAMPLE(LENGTH("003") "abc", "POST / host=h content-length=003;[abc];"),
        EXAMPLE(LENGTH("3") "\r\n\r\r", "POST / host=h content-length=3;[\r\n\r];..."),
        EXAMPLE(LENGTH("3") "ab", "..."),
        EXAMPLE(LENGTH("999999999999999999") "ab", "..."),
        EXAMPLE("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\na", "POST / old close content-length=1;[a];"),
        /* refused */
        EXAMPLE(LENGTH(""), BAD_LENGTH),
        EXAMPLE(LENGTH("+3"), BAD_LENGTH),
        EXAMPLE(LENGTH("-3"), BAD_LENGTH),
        EXAMPLE(LENGTH("3 "), "..."), /* blanks around a value are not of it */
        EXAMPLE(LENGTH("3 3"), BAD_LENGTH),
        EXAMPLE(LENGTH("3,3"), BAD_LENGTH),
        EXAMPLE(LENGTH("0x3"), BAD_LENGTH),
        EXAMPLE(LENGTH("3.0"), BAD_LENGTH),
        EXAMPLE(LENGTH("1000000000000000000"), BAD_LENGTH),
        EXAMPLE(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", BAD_LENGTH),
    };
    ASSERT_EXAMPLES(examples);
}

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define FOUND "POST / host=h transfer-encoding=chunked;"

static void chunks(void **unused)
{
    (void)unused;
    static const struct example examples[] = {
        EXAMPLE(CHUNKED "0\r\n\r\n", FOUND),
        EXAMPLE(CHUNKED "3\r\nabc\r\n0\r\n\r\n", FOUND "[abc];"),
        EXAMPLE(CHUNKED "3\nabc\n0\n\n", FOUND "[abc];"),
        EXAMPLE(CHUNKED "3\r\nabc\r\n00a\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n", FOUND "[abc\r\n0\r\n\r\n0\r\n];"),
        EXAMPLE(CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", FOUND "[01234567890123456789];"),
        EXAMPLE(CHUNKED "3;a=b;c=\"d\"\r\nabc\r\n0 ;e\r\n\r\n", FOUND "[abc];"),
        EXAMPLE(CHUNKED "3 \t\r\nabc\r\n0\r\n\r\n", FOUND "[abc];"),
        EXAMPLE(CHUNKED "1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n", FOUND "[a];"),
        EXAMPLE(POST "transfer-ENCODING: Chunked\r\n\r\n0\r\n\r\n", "POST / host=h transfer-encoding=Chunked;"),
        /* not whole */
        EXAMPLE(CHUNKED, "..."),
        EXAMPLE(CHUNKED "3\r\nab", "..."),
        EXAMPLE(CHUNKED "3\r\nabc\r\n", "..."),
        EXAMPLE(CHUNKED "0\r\n", "..."),
        EXAMPLE(CHUNKED "0\r\nX: y\r\n", "..."),
        /* refused */
        EXAMPLE(CHUNKED "\r\n", "400;"),
        EXAMPLE(CHUNKED ";a\r\n", "400;"),
        EXAMPLE(CHUNKED "g\r\n", "400;"),
        EXAMPLE(CHUNKED "-1\r\n", "400;"),
        EXAMPLE(CHUNKED "0x1\r\n", "400;"),
        EXAMPLE(CHUNKED " 1\r\n", "400;"),
        EXAMPLE(CHUNKED "1\ra", "400;"),
        EXAMPLE(CHUNKED "1;\x01\r\n", "400;"),
        EXAMPLE(CHUNKED "1\r\nab", "400;"),
        EXAMPLE(CHUNKED "1\r\na\r\r\n", "400;"),
        EXAMPLE(CHUNKED "1\r\na0\r\n\r\n", "400;"),
        EXAMPLE(CHUNKED "1\r\na\r\n\r\n", "400;"),
        EXAMPLE(CHUNKED "15\r\n", "413;"),
        EXAMPLE(CHUNKED "a\r\n0123456789\r\nb\r\n", "413;"),
        EXAMPLE(CHUNKED "10000000000000001\r\n", "413;"),
        EXAMPLE(CHUNKED "ffffffffffffffff\r\n", "413;"),
        EXAMPLE(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", BAD_ENCODING),
        EXAMPLE(POST "Transfer-Encoding: identity\r\n\r\n", BAD_ENCODING),
        EXAMPLE(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BAD_ENCODING),
        EXAMPLE(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", TWO_LENGTHS),
        EXAMPLE(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", TWO_LENGTHS),
        EXAMPLE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", TWO_LENGTHS),
    };
    ASSERT_EXAMPLES(examples);
}

/* One behind the other; what is refused ends all. */
static void pipelines(void **unused)
{
    (void)unused;
    static const struct example examples[] = {
        EXAMPLE("GET /1 HTTP/1.1" END "GET /2 HTTP/1.1" END, "GET /1 host=h;GET /2 host=h;"),
        EXAMPLE(LENGTH("3") "abcGET /2 HTTP/1.1" END, "POST / host=h content-length=3;[abc];GET /2 host=h;"),
        EXAMPLE(CHUNKED "3\r\nabc\r\n0\r\n\r\nGET /2 HTTP/1.1" END LENGTH("1") "d" CHUNKED "1\r\ne\r\n0\r\n\r\n",
                FOUND "[abc];GET /2 host=h;POST / host=h content-length=1;[d];" FOUND "[e];"),
        EXAMPLE("GET /1 HTTP/1.1" END "GET /2 HTTP/3.0" END "GET /3 HTTP/1.1" END, "GET /1 host=h;" BAD_VERSION),
        EXAMPLE("GET /1 HTTP/1.1" END "GET /2", "GET /1 host=h;..."),
    };
    ASSERT_EXAMPLES(examples);
}

/* --- limits ---------------------------------------------------------------------------------------------------- */

static void add_many(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add_text(out, text);
}

/* What is read of it begins with this. */
static void assert_begins(const struct buf *stream, const char *expected)
{
    static const size_t pieces[] = {SIZE_MAX / 2, 1, 100};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char *found = read_stream(stream->data, stream->bytes, pieces[i]);
        found[strlen(found) < strlen(expected) ? strlen(found) : strlen(expected)] = '\0';
        assert_string_equal(found, expected);
        free(found);
    }
}

static void headers_are_counted(void **unused)
{
    (void)unused;
    for (int more = 0; more < 2; more++) {
        AUTO_BUF stream = BUF_INIT;
        buf_add_text(&stream, GET HOST);
        add_many(&stream, "A: b\r\n", (size_t)(REQUEST_HEADERS_MAX - 1 + more));
        buf_add_text(&stream, "\r\n");
        assert_begins(&stream, more ? "431 too many headers;" : "GET / host=h a=b a=b");
    }
}

/* What a client may make us read beside the body: the line of a chunk, and the trailer. */
static void lines_of_chunks_are_bounded(void **unused)
{
    (void)unused;
    static const struct {
        const char *before, *many;
        size_t count;
        const char *after, *expected;
    } cases[] = {
        {"", "0", 1000, "1\r\na\r\n0\r\n\r\n", FOUND "[a];"},
        {"", "0", 2000, "1\r\na\r\n0\r\n\r\n", "413;"},
        {"1;", "x", 1000, "\r\na\r\n0\r\n\r\n", FOUND "[a];"},
        {"1;", "x", 2000, "\r\na\r\n0\r\n\r\n", "400;"},
        {"0\r\n", "X: y\r\n", 1300, "\r\n", FOUND},
        {"0\r\n", "X: y\r\n", 1400, "\r\n", "431;"},
        {"0\r\nX: ", "x", 9000, "\r\n\r\n", "431;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF stream = BUF_INIT;
        buf_printf(&stream, "%s%s", CHUNKED, cases[i].before);
        add_many(&stream, cases[i].many, cases[i].count);
        buf_add_text(&stream, cases[i].after);
        assert_begins(&stream, cases[i].expected);
    }
}

static void a_header_is_found_by_its_name(void **unused)
{
    (void)unused;
    static const char stream[] = GET "HOST: h\r\nA: first\r\nA: second\r\n\r\n";
    char text[sizeof stream];
    struct http_request request;
    const char *why;
    memcpy(text, stream, sizeof stream);
    assert_int_equal(request_parse(text, request_head_end(text, sizeof stream - 1, 0), &request, &why), 0);
    assert_string_equal(request_header(&request, "host"), "h");
    assert_string_equal(request_header(&request, "a"), "first");
    assert_null(request_header(&request, "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_lines),
        cmocka_unit_test(headers),
        cmocka_unit_test(connections),
        cmocka_unit_test(lengths),
        cmocka_unit_test(chunks),
        cmocka_unit_test(pipelines),
        cmocka_unit_test(headers_are_counted),
        cmocka_unit_test(lines_of_chunks_are_bounded),
        cmocka_unit_test(a_header_is_found_by_its_name),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
