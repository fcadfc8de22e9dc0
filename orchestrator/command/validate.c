#include "orchestrator/command/validate.h"

#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/definition/definition.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_VALID = 0, EXIT_INVALID = 1, EXIT_UNREADABLE = 2 };

struct settings {
    struct definition_options options;
    bool json;
    bool colours;
    struct json_object *report; /* -o json: what was found in all files */
};

static const char usage[] =
    "usage: orchestrator validate [options] FILE...\n"
    "\n"
    "Checks workflow definitions (JSON or YAML) and reports all faults with file, line and column.\n"
    "FILE may be - for the standard input.\n"
    "\n"
    "  --type TYPE            STANDARD (default) or EXPRESS: whose rules to check by\n"
    "  --allow-placeholders   ${Name} and {\"Ref\": ...}, which deployment fills in, are warnings\n"
    "  -o, --output FORMAT    text (default) or json\n"
    "  -h, --help             this text\n"
    "\n"
    "Exit: 0 all valid, 1 some are not, 2 a file could not be read.\n";

static bool read_all(FILE *stream, struct buf *text)
{
    size_t got;
    do {
        char *at = buf_reserve(text, 65536);
        got = fread(at, 1, 65536, stream);
        text->bytes += got;
        at[got] = '\0';
    } while (got > 0 && text->bytes <= LIMIT_DEFINITION_BYTES);
    return !ferror(stream);
}

/* Says why on stderr where it could not be read. */
static bool read_file(const char *name, struct buf *text)
{
    bool standard = strcmp(name, "-") == 0;
    FILE *stream = standard ? stdin : fopen(name, "rb");
    bool read = stream && read_all(stream, text);
    if (!read)
        fprintf(stderr, "orchestrator: %s: could not read: %s\n", name, strerror(errno));
    if (stream && !standard)
        fclose(stream);
    return read;
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

static void print_line(const char *label, const char *text)
{
    if (text)
        printf("    %s%s\n", label, text);
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
    if (*pointer)
        printf("%s: ", pointer);
    printf("%.*s [%s]\n", (int)strcspn(text, "\n"), text, diagnostic->code);
    print_line("found:    ", diagnostic->found);
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
    if (settings->json)
        report_json(settings, name, &diagnostics);
    for (size_t i = 0; !settings->json && i < diagnostics.count; i++)
        print_diagnostic(settings, name, &diagnostics.list[i]);
    diagnostics_release(&diagnostics);
    return result == 0 ? EXIT_VALID : EXIT_INVALID;
}

/* False with the reason on stderr. */
static bool read_options(int argc, char **argv, struct settings *settings, bool *ret_help)
{
    static const struct option options[] = {
        {"type", required_argument, NULL, 't'},
        {"allow-placeholders", no_argument, NULL, 'p'},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (option == 'p') {
            settings->options.allow_placeholders = true;
        } else if (option == 'h') {
            *ret_help = true;
        } else if (option == 't' && (strcmp(optarg, "STANDARD") == 0 || strcmp(optarg, "EXPRESS") == 0)) {
            settings->options.express = *optarg == 'E';
        } else if (option == 'o' && (strcmp(optarg, "text") == 0 || strcmp(optarg, "json") == 0)) {
            settings->json = *optarg == 'j';
        } else {
            if (option == 't')
                fprintf(stderr, "orchestrator: --type is STANDARD or EXPRESS, not \"%s\"\n", optarg);
            if (option == 'o')
                fprintf(stderr, "orchestrator: --output is text or json, not \"%s\"\n", optarg);
            return false;
        }
    }
    return true;
}

int cmd_validate(int argc, char **argv)
{
    const char *no_color = getenv("NO_COLOR");
    struct settings settings = {.colours = isatty(STDOUT_FILENO) && !(no_color && *no_color)};
    bool help = false;
    if (!read_options(argc, argv, &settings, &help))
        return EXIT_UNREADABLE;
    if (help || optind == argc) {
        fputs(usage, help ? stdout : stderr);
        return help ? EXIT_VALID : EXIT_UNREADABLE;
    }
    settings.report = settings.json ? json_object_new_array() : NULL;
    int worst = EXIT_VALID;
    for (int i = optind; i < argc; i++) {
        int result = validate_file(&settings, argv[i]);
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
