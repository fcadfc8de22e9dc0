#include "runtime/execution/stored_event.h"

#include <string.h>

/* Behind the string whose quote is at `at`, 0: it does not end. */
static size_t string_end(const char *body, size_t bytes, size_t at)
{
    for (at++; at < bytes && body[at] != '"'; at++)
        at += body[at] == '\\';
    return at < bytes ? at + 1 : 0;
}

/* Behind the value at `at`, 0: it does not end. */
static size_t value_end(const char *body, size_t bytes, size_t at)
{
    size_t depth = 0;
    while (at < bytes) {
        char c = body[at];
        if (c == '"') {
            at = string_end(body, bytes, at);
            if (at == 0 || depth == 0)
                return at;
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if (depth && (c == '}' || c == ']') && --depth == 0)
            return at + 1;
        else if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return at; /* of a number or a word */
        at++;
    }
    return 0;
}

/* One that is too large for an int64_t, which nobody has written, is any number. */
static int64_t read_number(const char *text, size_t bytes)
{
    uint64_t number = 0;
    bool negative = bytes && *text == '-';
    for (size_t i = negative; i < bytes && text[i] >= '0' && text[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    return (int64_t)(negative ? -number : number);
}

static bool is_named(const char *name, size_t name_bytes, const char *wanted)
{
    return name_bytes == strlen(wanted) && memcmp(name, wanted, name_bytes) == 0;
}

static void take_member(struct stored_event *event, const char *name, size_t name_bytes, const char *text, size_t bytes)
{
    if (is_named(name, name_bytes, "id")) {
        event->id = read_number(text, bytes);
    } else if (is_named(name, name_bytes, "type")) {
        if (bytes >= 2 && *text == '"' && bytes - 2 <= STORED_TYPE_CHARS)
            memcpy(event->type, text + 1, bytes - 2);
    } else if (is_named(name, name_bytes, "prev")) {
        event->previous_id = read_number(text, bytes);
    } else if (is_named(name, name_bytes, "at")) {
        event->at_ms = read_number(text, bytes);
    } else if (is_named(name, name_bytes, "f")) {
        event->frame = (uint32_t)read_number(text, bytes);
    } else if (is_named(name, name_bytes, "n")) {
        event->number = read_number(text, bytes);
    } else if (is_named(name, name_bytes, "same")) {
        event->same = true;
    } else if (is_named(name, name_bytes, "value")) {
        event->value = text;
        event->value_bytes = bytes;
    }
}

size_t stored_event_read(const char *body, size_t bytes, size_t at, struct stored_event *ret_event)
{
    *ret_event = (struct stored_event){.id = 0};
    if (at >= bytes || body[at] != '{')
        return 0;
    for (at++; at < bytes && body[at] == '"';) {
        const char *name = body + at + 1;
        size_t name_end = string_end(body, bytes, at);
        if (name_end == 0 || name_end >= bytes || body[name_end] != ':')
            return 0;
        size_t end = value_end(body, bytes, name_end + 1);
        if (end == 0 || end >= bytes)
            return 0;
        take_member(ret_event, name, name_end - at - 2, body + name_end + 1, end - name_end - 1);
        if (body[end] == '}')
            return end + 1;
        if (body[end] != ',')
            return 0;
        at = end + 1;
    }
    return at < bytes && body[at] == '}' ? at + 1 : 0;
}
