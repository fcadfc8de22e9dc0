/* request.c - the parser of HTTP/1.x requests: one pass over a head that is all there, one state machine for chunks. */
#include "orchestrator/http/request.h"

#include <string.h>
#include <strings.h>

enum { CHUNK_LINE_BYTES_MAX = 1024, TRAILER_BYTES_MAX = 8192, VERSION_BYTES = 8 };

/* --- characters ------------------------------------------------------------------------------------------------ */

/* token = 1*tchar: names of methods and headers; 0 where a byte is none, else its lower case. */
static const unsigned char token_lower[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*', ['+'] = '+',
    ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|',   ['~'] = '~', ['0'] = '0',
    ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',   ['7'] = '7', ['8'] = '8',
    ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',   ['f'] = 'f', ['g'] = 'g',
    ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm',   ['n'] = 'n', ['o'] = 'o',
    ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u',   ['v'] = 'v', ['w'] = 'w',
    ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c',   ['D'] = 'd', ['E'] = 'e',
    ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',   ['L'] = 'l', ['M'] = 'm',
    ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's',   ['T'] = 't', ['U'] = 'u',
    ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z'};

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= ' ';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether a comma-separated list holds the word. */
static bool lists(const char *list, const char *word)
{
    size_t bytes = strlen(word);
    while (*list) {
        list += strspn(list, ", \t");
        size_t length = strcspn(list, ",");
        size_t end = length;
        while (end > 0 && (list[end - 1] == ' ' || list[end - 1] == '\t'))
            end--;
        if (end == bytes && strncasecmp(list, word, bytes) == 0)
            return true;
        list += length;
    }
    return false;
}

/* --- the request line ------------------------------------------------------------------------------------------- */

static enum http_method read_method(const char *text)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "OPTIONS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum http_method)i;
    return HTTP_OTHER;
}

/* request-target = "/path?query" / "http://host/path?query" / "*" (of OPTIONS) */
static bool read_target(char *text, struct http_request *request)
{
    for (const char *c = text; *c; c++)
        if (is_control(*c) || *c == ' ')
            return false;
    bool absolute = strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
    if (absolute) {
        text = strchr(text, ':') + 3;
        text += strcspn(text, "/?");
    }
    char *question = strchr(text, '?');
    if (question) {
        *question = '\0';
        request->query = question + 1;
    }
    /* "http://host" and "http://host?query" have no path: the byte before, which nobody needs, becomes one */
    if (absolute && *text == '\0')
        *--text = '/';
    request->path = text;
    return request->path[0] == '/' || (strcmp(text, "*") == 0 && request->method == HTTP_OPTIONS);
}

/* request-line = method SP request-target SP HTTP-version; the line ends in a NUL. */
static int read_request_line(char *line, struct http_request *request, const char **ret_why)
{
    char *end = line;
    while (token_lower[(unsigned char)*end])
        end++;
    char *last = strrchr(line, ' ');
    *ret_why = "malformed request line";
    if (end == line || *end != ' ' || last == end)
        return 400;
    *end = *last = '\0';
    request->method = read_method(line);
    const char *version = last + 1;
    if (strlen(version) != VERSION_BYTES || strncmp(version, "HTTP/", 5) != 0 || version[5] < '0' || version[5] > '9' ||
        version[6] != '.' || version[7] < '0' || version[7] > '9')
        return 400;
    if (!read_target(end + 1, request))
        return 400;
    *ret_why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
    if (version[5] != '1')
        return 505;
    request->old = version[7] == '0';
    return 0;
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

/* field-line = field-name ":" OWS field-value OWS; the line ends in a NUL at end. */
static bool read_header(char *line, char *end, struct http_header *ret_header)
{
    char *c = line;
    for (unsigned char lower; (lower = token_lower[(unsigned char)*c]) != 0; c++)
        *c = (char)lower;
    if (c == line || *c != ':')
        return false;
    *c++ = '\0';
    while (*c == ' ' || *c == '\t')
        c++;
    while (end > c && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    *ret_header = (struct http_header){.name = line, .value = c};
    for (; c < end; c++)
        if (is_control(*c) && *c != '\t')
            return false;
    return true;
}

/* content-length = 1*DIGIT, which is told once */
static bool read_length(const char *text, uint64_t *ret_bytes)
{
    uint64_t bytes = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18 || text[digits])
        return false;
    for (; *text; text++)
        bytes = bytes * 10 + (uint64_t)(*text - '0');
    *ret_bytes = bytes;
    return true;
}

/* What the headers say about the connection and the body. */
static int read_framing(struct http_request *request, const char **ret_why)
{
    bool old = request->old;
    size_t hosts = 0, lengths = 0, encodings = 0;
    request->keep_alive = !old;
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name, *value = request->headers[i].value;
        if (strcmp(name, "host") == 0) {
            hosts++;
        } else if (strcmp(name, "content-length") == 0) {
            *ret_why = "malformed Content-Length";
            if (lengths++ || !read_length(value, &request->content_bytes))
                return 400;
        } else if (strcmp(name, "transfer-encoding") == 0) {
            *ret_why = "the only Transfer-Encoding known here is chunked";
            if (encodings++ || strcasecmp(value, "chunked") != 0)
                return 501;
            request->chunked = true;
        } else if (strcmp(name, "connection") == 0) {
            if (lists(value, "close"))
                request->keep_alive = false;
            else if (old && lists(value, "keep-alive"))
                request->keep_alive = true;
        } else if (strcmp(name, "expect") == 0) {
            *ret_why = "the only expectation known here is 100-continue";
            if (strcasecmp(value, "100-continue") != 0)
                return 417;
            request->expect_continue = !old;
        }
    }
    *ret_why = "one Host header is needed";
    if (hosts > 1 || (hosts == 0 && !old))
        return 400;
    *ret_why = "a body is either chunked or has a length";
    return request->chunked && (lengths || old) ? 400 : 0;
}

size_t request_head_end(const char *text, size_t bytes, size_t seen)
{
    size_t at = seen > 3 ? seen - 3 : 0;
    while (at < bytes) {
        const char *newline = memchr(text + at, '\n', bytes - at);
        if (newline == NULL)
            return 0;
        at = (size_t)(newline - text) + 1;
        if (at < bytes && text[at] == '\n')
            return at + 1;
        if (at + 1 < bytes && text[at] == '\r' && text[at + 1] == '\n')
            return at + 2;
    }
    return 0;
}

/* Cuts the line at text off: NUL for its CR LF (or LF alone). Returns its end, NULL where it holds a NUL or CR. */
static char *cut_line(char *text, char *limit, char **ret_next)
{
    char *newline = memchr(text, '\n', (size_t)(limit - text));
    *ret_next = newline + 1;
    char *end = newline > text && newline[-1] == '\r' ? newline - 1 : newline;
    *end = '\0';
    size_t bytes = (size_t)(end - text);
    return memchr(text, '\0', bytes) || memchr(text, '\r', bytes) ? NULL : end;
}

int request_parse(char *text, size_t bytes, struct http_request *ret_request, const char **ret_why)
{
    char *limit = text + bytes, *line = text, *next = NULL;
    /* not the array of headers, which is large */
    ret_request->method = HTTP_OTHER;
    ret_request->path = ret_request->query = NULL;
    ret_request->header_count = 0;
    ret_request->content_bytes = 0;
    ret_request->old = ret_request->chunked = ret_request->keep_alive = ret_request->expect_continue = false;
    ret_request->body = NULL;
    ret_request->body_bytes = 0;

    char *end = cut_line(line, limit, &next);
    *ret_why = "malformed request line";
    int status = end ? read_request_line(line, ret_request, ret_why) : 400;
    while (status == 0) {
        line = next;
        end = cut_line(line, limit, &next);
        if (end == line)
            return read_framing(ret_request, ret_why);
        *ret_why = "too many headers";
        if (ret_request->header_count == REQUEST_HEADERS_MAX)
            return 431;
        *ret_why = "malformed header";
        if (end == NULL || !read_header(line, end, &ret_request->headers[ret_request->header_count++]))
            return 400;
    }
    return status;
}

void request_move(struct http_request *request, const char *from, char *to)
{
    request->path = to + (request->path - from);
    if (request->query)
        request->query = to + (request->query - from);
    for (size_t i = 0; i < request->header_count; i++) {
        request->headers[i].name = to + (request->headers[i].name - from);
        request->headers[i].value = to + (request->headers[i].value - from);
    }
}

const char *request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* --- chunks ----------------------------------------------------------------------------------------------------------
 *
 *   SIZE ─▶ EXTENSION ─▶ SIZE_END ─▶ DATA ─▶ DATA_END ─▶ SIZE ...
 *                            └─ size 0 ─▶ TRAILER (lines) ─▶ done at an empty line
 */
enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_SIZE_END, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER };

/* The line of a chunk's size has ended. */
static void begin_chunk(struct http_chunks *chunks)
{
    chunks->state = chunks->left ? CHUNK_DATA : CHUNK_TRAILER;
    chunks->line_bytes = 0;
}

/* One byte outside of the data. 1: that was the end of all; below 0: minus the status. */
static int take_chunk_byte(struct http_chunks *chunks, char c, size_t body_bytes_max)
{
    int digit;
    switch (chunks->state) {
    case CHUNK_SIZE:
        digit = hex_digit(c);
        if (digit >= 0) {
            chunks->left = chunks->left * 16 + (unsigned)digit;
            chunks->line_bytes++;
            return chunks->left > body_bytes_max - chunks->decoded || chunks->line_bytes > CHUNK_LINE_BYTES_MAX ? -413
                                                                                                                : 0;
        }
        if (chunks->line_bytes == 0)
            return -400;
        if (c != '\r' && c != '\n' && c != ';' && c != ' ' && c != '\t')
            return -400;
        chunks->state = CHUNK_EXTENSION;
        return take_chunk_byte(chunks, c, body_bytes_max);
    case CHUNK_EXTENSION:
        if (c == '\n')
            begin_chunk(chunks);
        else if (c == '\r')
            chunks->state = CHUNK_SIZE_END;
        else if ((is_control(c) && c != '\t') || ++chunks->line_bytes > CHUNK_LINE_BYTES_MAX)
            return -400;
        return 0;
    case CHUNK_SIZE_END:
        if (c != '\n')
            return -400;
        begin_chunk(chunks);
        return 0;
    case CHUNK_DATA_END:
        if (c == '\r' && chunks->line_bytes++ == 0)
            return 0;
        if (c != '\n')
            return -400;
        chunks->state = CHUNK_SIZE;
        chunks->line_bytes = 0;
        return 0;
    default:
        if (++chunks->trailer_bytes > TRAILER_BYTES_MAX)
            return -431;
        if (c == '\n' && chunks->line_bytes == 0)
            return 1;
        if (c == '\n')
            chunks->line_bytes = 0;
        else if (c != '\r')
            chunks->line_bytes++;
        return 0;
    }
}

int request_chunks(struct http_chunks *chunks, char *body, size_t bytes, size_t body_bytes_max)
{
    int code = 0;
    while (code == 0 && chunks->read < bytes) {
        if (chunks->state != CHUNK_DATA) {
            code = take_chunk_byte(chunks, body[chunks->read++], body_bytes_max);
            continue;
        }
        size_t there = bytes - chunks->read;
        size_t part = there < chunks->left ? there : (size_t)chunks->left;
        memmove(body + chunks->decoded, body + chunks->read, part);
        chunks->decoded += part;
        chunks->read += part;
        chunks->left -= part;
        if (chunks->left == 0)
            chunks->state = CHUNK_DATA_END;
    }
    return code;
}
