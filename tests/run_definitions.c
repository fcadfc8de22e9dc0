/*
 * run_definitions [FILE...] - definitions as text, and what is said about them.
 *
 * Without files: all of tests/cases/definition. A file holds any number of cases:
 *
 *   # what it shows                       lines that start with `#` in front of the definition
 *   %% express placeholders state         options of definition_compile(), where it needs any
 *   { "StartAt": ...                      the definition, JSON or YAML
 *   ----
 *   3:14 CODE /location: message          a line each, in order; W before the code of a warning;
 *     found ... @7 | expected ... | did you mean ...      what else it says, where it does; @: the place in it
 *   ====
 *
 * A valid definition has no line after the `----`, or `variables JSON`: what its states read.
 */
#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct example {
    struct definition_options options;
    char *title;
    char *definition;
    char *expected;
    int line;
};

static void add_note(struct buf *out, const char *label, const char *text)
{
    if (text == NULL)
        return;
    bool first = out->bytes == 0 || out->data[out->bytes - 1] == '\n';
    buf_printf(out, "%s%s%s", first ? "  " : " | ", label, text);
}

/* A text on one line. */
static void add_line(struct buf *out, const char *text)
{
    for (const char *at = text; *at; at++)
        buf_add_text(out, *at == '\n' ? "\\n" : (char[]){*at, '\0'});
}

static void add_diagnostic(struct buf *out, const struct diagnostic *diagnostic)
{
    buf_printf(out, "%d:%d %s%s ", diagnostic->line, diagnostic->column,
               diagnostic->severity == DIAGNOSTIC_WARNING ? "W " : "", diagnostic->code);
    add_line(out, diagnostic->location ? diagnostic->location : "null");
    buf_add_text(out, ": ");
    add_line(out, diagnostic->message);
    buf_add_char(out, '\n');
    add_note(out, "found ", diagnostic->found);
    if (diagnostic->found_column)
        buf_printf(out, " @%d", diagnostic->found_column);
    add_note(out, "expected ", diagnostic->expected);
    add_note(out, "", diagnostic->suggestion);
    if (out->data[out->bytes - 1] != '\n')
        buf_add_char(out, '\n');
}

static void describe(const struct example *example, struct buf *out)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct machine *machine = NULL;
    size_t bytes = strlen(example->definition);
    int code = definition_compile(example->definition, bytes, example->options, &machine, &diagnostics);
    definition_locate(example->definition, bytes, &diagnostics);
    for (size_t i = 0; i < diagnostics.count; i++)
        add_diagnostic(out, &diagnostics.list[i]);
    if ((code == 0) != (diagnostics.error_count == 0) || (code == 0) != (machine != NULL))
        buf_add_text(out, "the result and the diagnostics contradict each other\n");
    AUTO_JSON struct json_object *variables = machine ? definition_variable_references(machine) : NULL;
    if (variables) {
        buf_add_text(out, "variables ");
        json_write(out, variables);
        buf_add_char(out, '\n');
    }
    definition_unref(machine);
    diagnostics_release(&diagnostics);
}

static bool run_example(const char *file, const struct example *example)
{
    AUTO_BUF out = BUF_INIT;
    describe(example, &out);
    if (strcmp(buf_text(&out), example->expected) == 0)
        return true;
    printf("%s:%d: %s\nexpected:\n%sgot:\n%s\n", file, example->line, example->title, example->expected,
           buf_text(&out));
    return false;
}

static void read_options(const char *line, struct definition_options *options)
{
    options->express = strstr(line, " express") != NULL;
    options->allow_placeholders = strstr(line, " placeholders") != NULL;
    options->single_state = strstr(line, " state") != NULL;
}

static void release(struct example *example)
{
    free(example->title);
    free(example->definition);
    free(example->expected);
}

/* The next case of a file; false at its end. */
static bool read_example(FILE *stream, int *line_number, struct example *ret_example)
{
    enum { HEAD, DEFINITION, EXPECTED } part = HEAD;
    struct example example = {.line = *line_number + 1};
    AUTO_BUF title = BUF_INIT;
    AUTO_BUF definition = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;
    char *line = NULL;
    size_t capacity = 0;
    bool any = false;
    while (getline(&line, &capacity, stream) > 0) {
        ++*line_number;
        any = true;
        if (strcmp(line, "====\n") == 0)
            break;
        if (part == HEAD && line[0] == '#')
            buf_add(&title, line + 2, strcspn(line + 2, "\n"));
        else if (part == HEAD && strncmp(line, "%%", 2) == 0)
            read_options(line, &example.options);
        else if (strcmp(line, "----\n") == 0)
            part = EXPECTED;
        else if (part == EXPECTED)
            buf_add_text(&expected, line);
        else
            part = DEFINITION, buf_add_text(&definition, line);
    }
    free(line);
    example.title = buf_take(&title);
    example.definition = buf_take(&definition);
    example.expected = buf_take(&expected);
    *ret_example = example;
    if (!any)
        release(&example);
    return any;
}

static bool run_file(const char *file, int *passed, int *failed)
{
    struct example example;
    int line_number = 0;
    FILE *stream = fopen(file, "r");
    if (stream == NULL) {
        perror(file);
        return false;
    }
    while (read_example(stream, &line_number, &example)) {
        ++*(run_example(file, &example) ? passed : failed);
        release(&example);
    }
    fclose(stream);
    return true;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    glob_t all = {0};
    if (argc == 1) {
        const char *top = getenv("top_srcdir");
        char *pattern = mem_printf("%s/tests/cases/definition/*.test", top ? top : ".");
        glob(pattern, 0, NULL, &all);
        free(pattern);
    }
    for (size_t i = 0; i < all.gl_pathc; i++)
        failed += !run_file(all.gl_pathv[i], &passed, &failed);
    for (int i = 1; i < argc; i++)
        failed += !run_file(argv[i], &passed, &failed);
    globfree(&all);
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
