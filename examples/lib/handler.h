/*
 * handler.h - a handler of the line protocol in C: one header, nothing but libc.
 *
 *     #include "handler.h"
 *
 *     static void greet(struct handler_call *call)
 *     {
 *         char name[64];
 *         if (handler_text(call->payload, "name", name, sizeof name))
 *             handler_result(call, "{\"greeting\":\"hello %s\"}", name);
 *         else
 *             handler_error(call, "BadInput", "the payload has no name");
 *     }
 *
 *     int main(void)
 *     {
 *         return handler_run(greet);
 *     }
 *
 * Shapes    call->payload is the JSON text of the payload. A handler that wants more of JSON than single
 *           members uses a library on it. Ids and payloads are for the time of the call.
 * Promise   answers are written when no further line is waiting, so that one write carries many of them.
 * Limits    a text in handler_result() that is not known to be free of quotes goes through handler_quote().
 */
#ifndef EXAMPLES_LIB_HANDLER_H
#define EXAMPLES_LIB_HANDLER_H

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct handler_call {
    const char *id;      /* with its quotes */
    const char *payload; /* JSON text */
    const char *context; /* JSON text: idempotencyToken, executionArn, stateName, attempt, deadlineMs */
    bool answered;
};

typedef void handler_fn(struct handler_call *call);

/* The end of a JSON value: brackets and strings are balanced, the rest is not looked at. NULL: not there. */
static inline const char *handler_skip(const char *at)
{
    int depth = 0;
    for (at += strspn(at, " \t\r\n"); *at; at++) {
        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                if (*at == '\\' && at[1])
                    at++;
            if (*at == '\0')
                return NULL;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0)
                return at;
            depth--;
        } else if (*at == ',' && depth == 0) {
            return at;
        }
        if (depth == 0 && strchr("}]\"", *at))
            return at + 1;
    }
    return depth == 0 ? at : NULL;
}

/* The text of a member's value in the text of an object, and its length; NULL: no such member. */
static inline const char *handler_member(const char *object, const char *name, size_t *ret_bytes)
{
    size_t name_bytes = strlen(name);
    const char *at = object + strspn(object, " \t\r\n");
    if (*at != '{')
        return NULL;
    do {
        const char *key = at + 1 + strspn(at + 1, " \t\r\n");
        const char *value = *key == '"' ? handler_skip(key) : NULL;
        if (value == NULL)
            return NULL;
        bool found = (size_t)(value - key) == name_bytes + 2 && memcmp(key + 1, name, name_bytes) == 0;
        value += strspn(value, " \t\r\n");
        if (*value != ':')
            return NULL;
        value += 1 + strspn(value + 1, " \t\r\n");
        const char *end = handler_skip(value);
        if (end == NULL)
            return NULL;
        if (found) {
            *ret_bytes = (size_t)(end - value);
            return value;
        }
        at = end + strspn(end, " \t\r\n");
    } while (*at == ',');
    return NULL;
}

/*
 * The next item of an array, or NULL behind the last. *at is the text of the array at first, and then moves on:
 *     for (const char *item; (item = handler_next(&at)) != NULL;)
 */
static inline const char *handler_next(const char **at)
{
    const char *item = *at + strspn(*at, " \t\r\n");
    if (*item != '[' && *item != ',')
        return NULL;
    item += 1 + strspn(item + 1, " \t\r\n");
    const char *end = *item == ']' ? NULL : handler_skip(item);
    if (end == NULL)
        return NULL;
    *at = end + strspn(end, " \t\r\n");
    return item;
}

/* Copies a string member without its quotes (escapes are left as they are); false: none, or too long. */
static inline bool handler_text(const char *object, const char *name, char *out, size_t out_bytes)
{
    size_t bytes;
    const char *value = handler_member(object, name, &bytes);
    if (value == NULL || bytes < 2 || *value != '"' || bytes - 2 >= out_bytes)
        return false;
    memcpy(out, value + 1, bytes - 2);
    out[bytes - 2] = '\0';
    return true;
}

/* A number member, or otherwise. */
static inline double handler_number(const char *object, const char *name, double otherwise)
{
    size_t bytes;
    const char *value = handler_member(object, name, &bytes);
    return value && (*value == '-' || isdigit((unsigned char)*value)) ? strtod(value, NULL) : otherwise;
}

static inline void handler_quote(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            putc(*text, out);
    }
    putc('"', out);
}

/* Answers with JSON text made as by printf. */
__attribute__((format(printf, 2, 3))) static inline void handler_result(struct handler_call *call, const char *format,
                                                                        ...)
{
    va_list args;
    va_start(args, format);
    printf("{\"id\":%s,\"result\":", call->id);
    vprintf(format, args);
    puts("}");
    va_end(args);
    call->answered = true;
}

/* Answers with a failure: errorType is the name that Retry and Catch compare. */
static inline void handler_error(struct handler_call *call, const char *error_type, const char *message)
{
    printf("{\"id\":%s,\"error\":{\"errorType\":", call->id);
    handler_quote(stdout, error_type);
    fputs(",\"errorMessage\":", stdout);
    handler_quote(stdout, message);
    puts("}}");
    call->answered = true;
}

/* Cuts a line of the protocol into the texts of a call; false where it is none. The line is changed. */
static inline bool handler_parse(char *line, struct handler_call *ret_call)
{
    size_t id_bytes, payload_bytes, context_bytes;
    const char *id = handler_member(line, "id", &id_bytes);
    const char *payload = handler_member(line, "payload", &payload_bytes);
    const char *context = handler_member(line, "context", &context_bytes);
    if (id == NULL || payload == NULL)
        return false;
    *ret_call = (struct handler_call){.id = id, .payload = payload, .context = context ? context : "{}"};
    line[id - line + (long)id_bytes] = '\0';
    line[payload - line + (long)payload_bytes] = '\0';
    if (context)
        line[context - line + (long)context_bytes] = '\0';
    return true;
}

/* Calls fn for every line until the end of stdin. Returns the status of the program. */
static inline int handler_run(handler_fn *fn)
{
    size_t capacity = 65536, bytes = 0;
    char *in = malloc(capacity);
    setvbuf(stdout, NULL, _IOFBF, 65536);
    while (in) {
        ssize_t got = read(0, in + bytes, capacity - bytes - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        bytes += (size_t)got;
        char *line = in, *newline;
        while ((newline = memchr(line, '\n', bytes - (size_t)(line - in))) != NULL) {
            struct handler_call call;
            *newline = '\0';
            if (handler_parse(line, &call)) {
                fn(&call);
                if (!call.answered)
                    handler_error(&call, "Handler.NoAnswer", "the handler gave neither a result nor an error");
            } else if (*line) {
                fprintf(stderr, "not a line of the protocol: %.200s\n", line);
            }
            line = newline + 1;
        }
        fflush(stdout);
        bytes -= (size_t)(line - in);
        memmove(in, line, bytes);
        if (bytes + 1 == capacity) {
            capacity *= 2;
            char *more = realloc(in, capacity);
            if (more == NULL)
                free(in);
            in = more;
        }
    }
    if (in == NULL)
        return 1;
    free(in);
    return 0;
}

#endif
