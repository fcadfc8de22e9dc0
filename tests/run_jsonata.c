/*
 * run_jsonata [FILE...] - runs cases of JSONata that are written as text; without a file all of cases/jsonata.
 *
 * A case is an expression and what comes out, a line each; a blank line ends it. Lines before the expression
 * that start with `# ` say what it is about. What comes out is the value as JSON, the word `undefined`, the word
 * `function` where Step Functions would refuse one, or an error: `! CODE POSITION: MESSAGE` (no code for limits,
 * position -1 where there is none). With %%check it is a line `- MESSAGE` for each fault that Step Functions
 * finds before anything runs, or `good`.
 *
 * Settings hold for what follows in the file:
 *   %%input JSON          the input; `none` for no input
 *   %%variables JSON      variables of the caller, an object
 *   %%dialect NAME        standard or states
 *   %%limits TIME DEPTH MEMORY    in ms, levels and bytes; 0 is none
 *   %%check FIELDS        evaluate nothing but check; FIELDS: of result, errorOutput those that exist, or `off`
 */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/jsonata/jsonata.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct setting {
    bool has_input;
    struct json_object *input;
    struct json_object *variables;
    enum jsonata_dialect dialect;
    struct jsonata_limits limits;
    bool check;
    struct jsonata_states_scope scope;
};

static bool look_up(void *context, const char *name, struct json_object **ret_value)
{
    return json_member(context, name, ret_value);
}

/* Every "random" byte is 0x5A. */
static void fill_random(void *context, void *bytes, size_t count)
{
    (void)context;
    memset(bytes, 0x5A, count);
}

static void add_fault(void *context, const char *message, int position)
{
    (void)position;
    struct buf *out = context;
    buf_printf(out, "- %s\n", message);
}

static void add_error(struct buf *out, const struct jsonata_error *error)
{
    buf_printf(out, "! %s%s%d: %s\n", error->code, error->code[0] ? " " : "", error->position, error->message);
}

static void evaluate(const struct setting *setting, const struct jsonata *expression, struct buf *out)
{
    struct jsonata_env env = {
        .has_input = setting->has_input,
        .input = setting->input,
        .lookup = look_up,
        .lookup_context = setting->variables,
        .now_ms = 1700000000000,
        .random = fill_random,
        .limits = setting->limits,
    };
    struct jsonata_error error;
    bool defined = false;
    AUTO_JSON struct json_object *value = NULL;
    int result = jsonata_evaluate(expression, &env, &defined, &value, &error);
    if (result == ERR_UNSUPPORTED) {
        buf_add_text(out, "function\n");
    } else if (result != 0) {
        add_error(out, &error);
    } else if (!defined) {
        buf_add_text(out, "undefined\n");
    } else {
        json_write(out, value);
        buf_add_char(out, '\n');
    }
    jsonata_error_release(&error);
}

/* What the case should have said. */
static void run_case(const struct setting *setting, const char *text, struct buf *out)
{
    struct jsonata *expression;
    struct jsonata_error error;
    if (jsonata_compile(text, strlen(text), setting->dialect, &expression, &error) != 0) {
        add_error(out, &error);
        jsonata_error_release(&error);
        return;
    }
    if (setting->check) {
        jsonata_check_states(expression, setting->scope, add_fault, out);
        if (out->bytes == 0)
            buf_add_text(out, "good\n");
    } else {
        evaluate(setting, expression, out);
    }
    jsonata_free(expression);
}

static struct json_object *parse_value(const char *text)
{
    struct json_object *value = NULL;
    struct err err = {0};
    if (json_parse(text, strlen(text), &value, &err) != 0) {
        fprintf(stderr, "%s: %s\n", text, err.message);
        exit(2);
    }
    return value;
}

static const char *behind(const char *line, const char *word)
{
    size_t bytes = strlen(word);
    return strncmp(line, word, bytes) == 0 ? line + bytes : NULL;
}

static void set(struct setting *setting, const char *line)
{
    const char *rest;
    if ((rest = behind(line, "%%input "))) {
        json_release(&setting->input);
        setting->has_input = strcmp(rest, "none") != 0;
        setting->input = setting->has_input ? parse_value(rest) : NULL;
    } else if ((rest = behind(line, "%%variables "))) {
        json_release(&setting->variables);
        setting->variables = parse_value(rest);
    } else if ((rest = behind(line, "%%dialect "))) {
        setting->dialect = strcmp(rest, "states") == 0 ? JSONATA_STATES : JSONATA_STANDARD;
    } else if ((rest = behind(line, "%%limits "))) {
        sscanf(rest, "%d %d %zu", &setting->limits.time_ms, &setting->limits.depth, &setting->limits.memory_bytes);
    } else if ((rest = behind(line, "%%check "))) {
        setting->check = strcmp(rest, "off") != 0;
        setting->scope.has_result = strstr(rest, "result") != NULL;
        setting->scope.has_error_output = strstr(rest, "errorOutput") != NULL;
    } else {
        fprintf(stderr, "unknown setting: %s\n", line);
        exit(2);
    }
}

static bool read_line(FILE *file, char **line, size_t *capacity, int *number)
{
    ssize_t bytes = getline(line, capacity, file);
    ++*number;
    if (bytes > 0 && (*line)[bytes - 1] == '\n')
        (*line)[bytes - 1] = '\0';
    return bytes >= 0;
}

static void run_file(const char *path, int *passed, int *failed)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    struct setting setting = {.dialect = JSONATA_STANDARD};
    char *line = NULL;
    size_t capacity = 0;
    int number = 0;
    while (read_line(file, &line, &capacity, &number)) {
        if (line[0] == '\0' || behind(line, "# "))
            continue;
        if (behind(line, "%%")) {
            set(&setting, line);
            continue;
        }
        int start = number;
        char *expression = mem_strdup(line);
        AUTO_BUF wanted = BUF_INIT;
        AUTO_BUF got = BUF_INIT;
        while (read_line(file, &line, &capacity, &number) && line[0] != '\0')
            buf_printf(&wanted, "%s\n", line);
        run_case(&setting, expression, &got);
        bool good = strcmp(buf_text(&wanted), buf_text(&got)) == 0;
        if (!good)
            fprintf(stderr, "%s:%d: %s\nwanted %.600sgot    %.600s\n", path, start, expression, buf_text(&wanted),
                    buf_text(&got));
        ++*(good ? passed : failed);
        free(expression);
    }
    free(line);
    fclose(file);
    json_release(&setting.input);
    json_release(&setting.variables);
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    for (int i = 1; i < argc; i++)
        run_file(argv[i], &passed, &failed);
    const char *source = getenv("top_srcdir");
    if (argc == 1 && source) {
        char *pattern = mem_printf("%s/tests/cases/jsonata/*.test", source);
        glob_t found;
        if (glob(pattern, 0, NULL, &found) == 0) {
            for (size_t i = 0; i < found.gl_pathc; i++)
                run_file(found.gl_pathv[i], &passed, &failed);
            globfree(&found);
        }
        free(pattern);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed ? 1 : 0;
}
