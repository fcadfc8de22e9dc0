/* validate.c - `validate`: all faults of all files that are named. */
#include "config.h"

#include "orchestrator/command.h"
#include "orchestrator/settings.h"
#include "orchestrator/terminal.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/definition/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_VALID = 0, EXIT_INVALID = 1, EXIT_UNREADABLE = 2 };

struct settings {
    struct definition_options options;
    bool json;
    bool colours;
    struct json_object *report; /* -o json: what was found in all files */
};

/* Says why on stderr where it could not be read. */
static bool read_file(const char *name, struct buf *text)
{
    struct err err = {0};

    if (!settings_read_file(strcmp(name, "-") == 0 ? NULL : name, text, &err))
        return true;
    fprintf(stderr, "orchestrator: %s: could not read: %s\n", name, err.message);
    return false;
}

static void add_if(struct json_object *object, const char *name, const char *text)
{
    if (text)
        json_add_text(object, name, text);
}

static struct json_object *diagnostic_json(const struct diagnostic *diagnostic)
{
    struct json_object *object = json_object_new_object();
    char *pointer = diagnostic_pointer(diagnostic);
    json_add_text(object, "severity", diagnostic->severity == DIAGNOSTIC_ERROR ? "ERROR" : "WARNING");
    json_add_text(object, "code", diagnostic->code);
    json_add_text(object, "message", diagnostic->message);
    add_if(object, "location", diagnostic->location);
    json_add_text(object, "pointer", pointer);
    if (diagnostic->line) {
        json_add_int(object, "line", diagnostic->line);
        json_add_int(object, "column", diagnostic->column);
    }
    add_if(object, "found", diagnostic->found);
    add_if(object, "expected", diagnostic->expected);
    add_if(object, "suggestion", diagnostic->suggestion);
    free(pointer);
    return object;
}

static void report_json(struct settings *settings, const char *name, const struct diagnostics *diagnostics)
{
    struct json_object *file = json_object_new_object();
    struct json_object *list = json_object_new_array();
    json_add_text(file, "file", name);
    json_add_bool(file, "valid", diagnostics->error_count == 0);
    for (size_t i = 0; i < diagnostics->count; i++)
        json_append(list, diagnostic_json(&diagnostics->list[i]));
    json_add(file, "diagnostics", list);
    json_append(settings->report, file);
}

/* Texts of the definition go to terminals: what would steer one is shown as it would be written. */
static void put_text(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool c1 = byte == 0xc2 && i + 1 < bytes && (unsigned char)text[i + 1] < 0xa0;
        if (c1)
            printf("\\u%04x", (unsigned char)text[++i]);
        else if (byte < 0x20 || byte == 0x7f)
            printf("\\u%04x", byte);
        else
            putchar(byte);
    }
}

/* What was found: of several lines the one with the fault, and a mark under the place. */
static void print_found(const struct diagnostic *diagnostic)
{
    static const char label[] = "    found:    ";
    const char *line = diagnostic->found;
    int chars = 0, before = 0; /* in front of the line */
    for (const char *at = diagnostic->found; diagnostic->found_column && *at; at++) {
        chars += ((unsigned char)*at & 0xc0) != 0x80;
        if (chars == diagnostic->found_column)
            break;
        if (*at == '\n') {
            line = at + 1;
            before = chars;
        }
    }
    fputs(label, stdout);
    put_text(line, strcspn(line, "\n"));
    putchar('\n');
    if (diagnostic->found_column)
        printf("%*s^\n", (int)strlen(label) + diagnostic->found_column - before - 1, "");
}

static void print_line(const char *label, const char *text)
{
    if (text == NULL)
        return;
    printf("    %s", label);
    put_text(text, strlen(text));
    putchar('\n');
}

/* order.json:12:15: error: /States/Ship/Next: no state is named "Bill" [MISSING_TRANSITION_TARGET] */
static void print_diagnostic(const struct settings *settings, const char *name, const struct diagnostic *diagnostic)
{
    bool error = diagnostic->severity == DIAGNOSTIC_ERROR;
    const char *start = !settings->colours ? "" : error ? "\033[1;31m" : "\033[1;33m";
    const char *end = settings->colours ? "\033[0m" : "";
    const char *text = diagnostic->plain ? diagnostic->plain : diagnostic->message;
    char *pointer = diagnostic_pointer(diagnostic);
    printf("%s:", strcmp(name, "-") == 0 ? "(standard input)" : name);
    if (diagnostic->line)
        printf("%d:%d:", diagnostic->line, diagnostic->column);
    printf(" %s%s:%s ", start, error ? "error" : "warning", end);
    put_text(pointer, strlen(pointer));
    fputs(*pointer ? ": " : "", stdout);
    put_text(text, strcspn(text, "\n"));
    printf(" [%s]\n", diagnostic->code);
    if (diagnostic->found)
        print_found(diagnostic);
    print_line("expected: ", diagnostic->expected);
    print_line("", diagnostic->suggestion);
    free(pointer);
}

static int validate_file(struct settings *settings, const char *name)
{
    AUTO_BUF text = BUF_INIT;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    if (!read_file(name, &text))
        return EXIT_UNREADABLE;
    int result = definition_compile(buf_text(&text), text.bytes, settings->options, NULL, &diagnostics);
    definition_locate(buf_text(&text), text.bytes, &diagnostics);
    diagnostics_sort(&diagnostics);
    if (settings->json)
        report_json(settings, name, &diagnostics);
    for (size_t i = 0; !settings->json && i < diagnostics.count; i++)
        print_diagnostic(settings, name, &diagnostics.list[i]);
    diagnostics_release(&diagnostics);
    return result == 0 ? EXIT_VALID : EXIT_INVALID;
}

/* False where an option has a value that it cannot have; says so. */
static bool read_options(const struct options *options, struct settings *settings)
{
    const char *type = options_text_or(options, OPT_CHECKED_TYPE, "STANDARD");
    const char *format = options_text_or(options, OPT_REPORT, "text");

    settings->options.allow_placeholders = options_has(options, OPT_PLACEHOLDERS);
    settings->options.express = strcmp(type, "EXPRESS") == 0;
    settings->json = strcmp(format, "json") == 0;
    if (!settings->options.express && strcmp(type, "STANDARD") != 0)
        command_usage(options, "--type is STANDARD or EXPRESS, not \"%s\"", type);
    else if (!settings->json && strcmp(format, "text") != 0)
        command_usage(options, "--output is text or json, not \"%s\"", format);
    else
        return true;
    return false;
}

int cmd_validate(const struct options *options)
{
    struct settings settings = {.colours = terminal_colours(options, stdout)};
    int worst = EXIT_VALID;

    if (!read_options(options, &settings))
        return EXIT_USAGE;
    settings.report = settings.json ? json_object_new_array() : NULL;
    for (size_t i = 0; i < options->argument_count; i++) {
        int result = validate_file(&settings, options->arguments[i]);
        if (result > worst)
            worst = result;
    }
    if (settings.json) {
        char *text = json_text(settings.report);
        puts(text);
        free(text);
        json_object_put(settings.report);
    }
    return worst;
}
