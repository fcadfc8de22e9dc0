#include "asl/definition/diagnostic.h"

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_CHARS_MAX = 80, ANSWER_LIMIT_DEFAULT = 100 };

static void diagnostic_release(struct diagnostic *diagnostic)
{
    free(diagnostic->message);
    free(diagnostic->plain);
    free(diagnostic->location);
    free(diagnostic->place);
    free(diagnostic->found);
    free(diagnostic->expected);
    free(diagnostic->suggestion);
    free(diagnostic->exception);
}

void diagnostics_release(struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++)
        diagnostic_release(&diagnostics->list[i]);
    free(diagnostics->list);
    *diagnostics = (struct diagnostics)DIAGNOSTICS_INIT;
}

static struct diagnostic *append(struct diagnostics *diagnostics, struct diagnostic diagnostic)
{
    diagnostics->list =
        mem_grow(diagnostics->list, &diagnostics->capacity, diagnostics->count + 1, sizeof *diagnostics->list);
    if (diagnostic.severity == DIAGNOSTIC_ERROR)
        diagnostics->error_count++;
    diagnostics->list[diagnostics->count] = diagnostic;
    return &diagnostics->list[diagnostics->count++];
}

struct diagnostic *diagnostics_add(struct diagnostics *diagnostics, enum diagnostic_severity severity, const char *code,
                                   const char *location, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = mem_vprintf(format, args);
    va_end(args);
    return append(
        diagnostics,
        (struct diagnostic){.severity = severity, .code = code, .message = message, .location = mem_strdup(location)});
}

void diagnostics_append(struct diagnostics *to, struct diagnostics *from)
{
    for (size_t i = 0; i < from->count; i++)
        append(to, from->list[i]);
    free(from->list);
    *from = (struct diagnostics)DIAGNOSTICS_INIT;
}

static int compare(const void *a, const void *b)
{
    const struct diagnostic *left = a, *right = b;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->column != right->column)
        return left->column < right->column ? -1 : 1;
    return strcmp(left->message, right->message);
}

void diagnostics_sort(struct diagnostics *diagnostics)
{
    if (diagnostics->count)
        qsort(diagnostics->list, diagnostics->count, sizeof *diagnostics->list, compare);
}

struct diagnostic *diagnostic_found(struct diagnostic *diagnostic, struct json_object *value)
{
    char *text = json_text(value);
    size_t bytes = strlen(text);
    if (bytes > FOUND_CHARS_MAX) {
        size_t cut = FOUND_CHARS_MAX;
        while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80) /* not inside a character */
            cut--;
        text[cut] = '\0';
        char *shortened = mem_printf("%s...", text);
        free(text);
        text = shortened;
    }
    free(diagnostic->found);
    diagnostic->found = text;
    return diagnostic;
}

void diagnostic_suggest(struct diagnostic *diagnostic, const char *name)
{
    if (name)
        diagnostic->suggestion = mem_printf("did you mean '%s'?", name);
}

char *diagnostics_aws_text(const struct diagnostics *diagnostics)
{
    struct buf out = BUF_INIT;
    size_t told = 0;
    for (size_t i = 0; i < diagnostics->count && told < ANSWER_LIMIT_DEFAULT; i++) {
        const struct diagnostic *diagnostic = &diagnostics->list[i];
        if (diagnostic->severity != DIAGNOSTIC_ERROR)
            continue;
        told++;
        if (out.bytes)
            buf_add_text(&out, ", ");
        const char *location = diagnostic->location ? diagnostic->location : "null";
        buf_printf(&out, "%s: %s at %s", diagnostic->code, diagnostic->message, location);
    }
    return buf_take(&out);
}

char *diagnostics_refusal(const struct diagnostics *diagnostics, const char *definition)
{
    size_t first = 0;
    while (first < diagnostics->count && diagnostics->list[first].severity != DIAGNOSTIC_ERROR)
        first++;
    if (first < diagnostics->count && diagnostics->list[first].exception)
        return mem_printf("%s in definition '%s'.", diagnostics->list[first].exception, definition);
    char *faults = diagnostics_aws_text(diagnostics);
    char *text = mem_printf("Invalid State Machine Definition: '%s'", faults);
    free(faults);
    return text;
}

struct json_object *diagnostics_answer(const struct diagnostics *diagnostics, bool with_warnings, size_t limit)
{
    if (limit == 0)
        limit = ANSWER_LIMIT_DEFAULT;
    bool truncated = false;
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *diagnostic = &diagnostics->list[i];
        bool warning = diagnostic->severity == DIAGNOSTIC_WARNING;
        if (warning && !with_warnings)
            continue;
        if (json_object_array_length(list) == limit) {
            truncated = true;
            break;
        }
        struct json_object *entry = json_object_new_object();
        json_add_text(entry, "severity", warning ? "WARNING" : "ERROR");
        json_add_text(entry, "code", diagnostic->code);
        json_add_text(entry, "message", diagnostic->message);
        if (diagnostic->location)
            json_add_text(entry, "location", diagnostic->location);
        json_append(list, entry);
    }
    struct json_object *answer = json_object_new_object();
    json_add_text(answer, "result", diagnostics->error_count ? "FAIL" : "OK");
    json_add(answer, "diagnostics", list);
    json_add_bool(answer, "truncated", truncated);
    return answer;
}

char *diagnostic_pointer(const struct diagnostic *diagnostic)
{
    const char *location = diagnostic->place ? diagnostic->place : diagnostic->location;
    if (location == NULL || location[0] != '/' || location[1] == '\0')
        return mem_strdup("");
    struct buf out = BUF_INIT;
    for (const char *at = location; *at; at++) {
        size_t digits = *at == '[' ? strspn(at + 1, "0123456789") : 0;
        if (digits && at[digits + 1] == ']') {
            buf_add_char(&out, '/');
            buf_add(&out, at + 1, digits);
            at += digits + 1;
        } else if (*at == '~') {
            buf_add_text(&out, "~0");
        } else {
            buf_add_char(&out, *at);
        }
    }
    return buf_take(&out);
}
