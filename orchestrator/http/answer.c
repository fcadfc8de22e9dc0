#include "orchestrator/http/answer.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {204, "No Content"},
                   {400, "Bad Request"},
                   {402, "Payment Required"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {417, "Expectation Failed"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
static const char *date_now(void)
{
    static _Thread_local time_t made_s;
    static _Thread_local char date[40];
    time_t now = time(NULL);
    struct tm utc;
    if (now != made_s)
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    made_s = now;
    return date;
}

/* A short piece of the head at *at. */
static void put(char **at, const char *text)
{
    size_t bytes = strlen(text);
    memcpy(*at, text, bytes);
    *at += bytes;
}

static void put_number(char **at, uint64_t number)
{
    char digits[24];
    char *start = digits + sizeof digits - 1;
    *start = '\0';
    do
        *--start = (char)('0' + number % 10);
    while (number /= 10);
    put(at, start);
}

size_t answer_write_head(const struct http_answer *answer, bool keep_alive, bool old, char *out)
{
    char *at = out;
    if (answer->status == 200) {
        put(&at, "HTTP/1.1 200 OK\r\n");
    } else {
        put(&at, "HTTP/1.1 ");
        put_number(&at, (uint64_t)answer->status);
        put(&at, " ");
        put(&at, reason_of(answer->status));
        put(&at, "\r\n");
    }
    if (answer->type) {
        put(&at, "Content-Type: ");
        put(&at, answer->type);
        put(&at, "\r\n");
    }
    put(&at, "Date: ");
    put(&at, date_now());
    put(&at, "\r\n");
    if (answer->status != 204) {
        put(&at, "Content-Length: ");
        put_number(&at, answer->body_bytes);
        put(&at, "\r\n");
    }
    if (!keep_alive)
        put(&at, "Connection: close\r\n");
    else if (old)
        put(&at, "Connection: keep-alive\r\n");
    if (answer->headers)
        put(&at, answer->headers);
    put(&at, "\r\n");
    return (size_t)(at - out);
}
