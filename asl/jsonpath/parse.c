#include "asl/base/arena.h"
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/jsonpath/jsonpath_priv.h"

#include <stdlib.h>
#include <string.h>

int path_error(struct path_reader *in, const char *expected)
{
    int column = 1;
    for (const char *c = in->text; c < in->at; c++)
        column += ((unsigned char)*c & 0xC0) != 0x80; /* count characters, not bytes of UTF-8 */
    return err_set(in->err, ERR_INVALID, "column %d: expected %s", column, expected);
}

void path_skip_blanks(struct path_reader *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

bool path_accept(struct path_reader *in, const char *word)
{
    size_t bytes = strlen(word);
    if ((size_t)(in->end - in->at) < bytes || memcmp(in->at, word, bytes) != 0)
        return false;
    in->at += bytes;
    return true;
}

static bool peek(const struct path_reader *in, char c)
{
    return in->at < in->end && *in->at == c;
}

bool path_read_integer(struct path_reader *in, int64_t *ret_number)
{
    const char *at = in->at;
    bool negative = at < in->end && *at == '-';
    at += negative;
    const char *first = at;
    int64_t number = 0;
    for (; at < in->end && *at >= '0' && *at <= '9'; at++) {
        if (number > INT32_MAX) /* no array is that long; stop before the number overflows */
            return false;
        number = number * 10 + (*at - '0');
    }
    if (at == first)
        return false;
    *ret_number = negative ? -number : number;
    in->at = at;
    return true;
}

int path_read_quoted(struct path_reader *in, const char **ret_text)
{
    char quote = *in->at++;
    AUTO_BUF text = BUF_INIT;
    while (in->at < in->end && *in->at != quote) {
        bool escape = *in->at == '\\' && in->at + 1 < in->end && (in->at[1] == quote || in->at[1] == '\\');
        in->at += escape;
        buf_add_char(&text, *in->at++);
    }
    if (in->at == in->end)
        return path_error(in, "the closing quote");
    in->at++;
    *ret_text = arena_strndup(in->arena, buf_text(&text), text.bytes);
    return 0;
}

/*
 * What may stand in a name without brackets: Jayway is generous, but for what has a meaning of its own.
 * Inside a filter that is also true of the operators.
 */
static bool is_name_byte(const struct path_reader *in, char c)
{
    bool in_filter = in->depth > 0;
    return (unsigned char)c > ' ' && c != 127 && strchr(".[]()*,:?@$'\"\\", c) == NULL &&
           !(in_filter && strchr("=!<>&|~", c));
}

static size_t name_bytes(const struct path_reader *in)
{
    size_t bytes = 0;
    while (in->at + bytes < in->end && is_name_byte(in, in->at[bytes]))
        bytes++;
    return bytes;
}

/* function = name "()" */
static int read_function(struct path_reader *in, size_t bytes, struct step *step)
{
    static const struct {
        const char *name;
        enum path_function function;
    } functions[] = {
        {"length", FUNCTION_LENGTH}, {"size", FUNCTION_LENGTH},   {"min", FUNCTION_MIN}, {"max", FUNCTION_MAX},
        {"avg", FUNCTION_AVG},       {"stddev", FUNCTION_STDDEV}, {"sum", FUNCTION_SUM}, {"keys", FUNCTION_KEYS},
        {"first", FUNCTION_FIRST},   {"last", FUNCTION_LAST},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == bytes && memcmp(functions[i].name, in->at, bytes) == 0) {
            in->at += bytes + 1;
            path_skip_blanks(in);
            if (!path_accept(in, ")"))
                return path_error(in, "\")\"");
            step->kind = STEP_FUNCTION;
            step->function = functions[i].function;
            return 0;
        }
    return path_error(in, "the name of a function");
}

/* name-step = "*" / name / function */
static int read_name_step(struct path_reader *in, struct step *step)
{
    if (path_accept(in, "*")) {
        step->kind = STEP_WILDCARD;
        return 0;
    }
    size_t bytes = name_bytes(in);
    if (bytes == 0)
        return path_error(in, "a name");
    if (in->at + bytes < in->end && in->at[bytes] == '(')
        return read_function(in, bytes, step);
    step->kind = STEP_MEMBER;
    step->name = arena_strndup(in->arena, in->at, bytes);
    in->at += bytes;
    return 0;
}

/* quoted *("," quoted) */
static int read_members(struct path_reader *in, struct step *step)
{
    const char **names = NULL;
    size_t count = 0, capacity = 0;
    int error = 0;
    do {
        path_skip_blanks(in);
        if (!peek(in, '\'') && !peek(in, '"')) {
            error = path_error(in, "a quoted name");
            break;
        }
        names = mem_grow(names, &capacity, count + 1, sizeof *names);
        error = path_read_quoted(in, &names[count]);
        if (error)
            break;
        count++;
        path_skip_blanks(in);
    } while (path_accept(in, ","));
    if (error == 0 && count == 1) {
        step->kind = STEP_MEMBER;
        step->name = names[0];
    } else if (error == 0) {
        step->kind = STEP_MEMBERS;
        step->members.names = ARENA_ARRAY(in->arena, const char *, count);
        step->members.count = count;
        memcpy(step->members.names, names, count * sizeof *names);
    }
    free(names);
    return error;
}

/* slice = [integer] ":" [integer]; the reader stands on the colon */
static int read_slice(struct path_reader *in, bool has_from, int64_t from, struct step *step)
{
    step->kind = STEP_SLICE;
    step->slice.has_from = has_from;
    step->slice.from = from;
    in->at++;
    path_skip_blanks(in);
    step->slice.has_to = path_read_integer(in, &step->slice.to);
    if (!step->slice.has_from && !step->slice.has_to)
        return path_error(in, "a number on one side of \":\"");
    return 0;
}

/* integer *("," integer) / slice */
static int read_indexes(struct path_reader *in, struct step *step)
{
    int64_t number = 0, *list = NULL;
    size_t count = 0, capacity = 0;
    int error = 0;
    if (peek(in, ':'))
        return read_slice(in, false, 0, step);
    do {
        path_skip_blanks(in);
        if (!path_read_integer(in, &number)) {
            error = path_error(in, "an index, a quoted name, \"*\" or a filter");
            break;
        }
        path_skip_blanks(in);
        if (count == 0 && peek(in, ':')) {
            error = read_slice(in, true, number, step);
            break;
        }
        list = mem_grow(list, &capacity, count + 1, sizeof *list);
        list[count++] = number;
    } while (path_accept(in, ","));
    if (error == 0 && count == 1) {
        step->kind = STEP_INDEX;
        step->index = number;
    } else if (error == 0 && count > 1) {
        step->kind = STEP_INDEXES;
        step->indexes.list = ARENA_ARRAY(in->arena, int64_t, count);
        step->indexes.count = count;
        memcpy(step->indexes.list, list, count * sizeof *list);
    }
    free(list);
    return error;
}

/* bracket = "[" ("*" / members / indexes / "?(" filter ")") "]" */
static int read_bracket(struct path_reader *in, struct step *step)
{
    int error = 0;
    path_skip_blanks(in);
    if (path_accept(in, "*")) {
        step->kind = STEP_WILDCARD;
    } else if (peek(in, '\'') || peek(in, '"')) {
        error = read_members(in, step);
    } else if (path_accept(in, "?")) {
        path_skip_blanks(in);
        if (!path_accept(in, "("))
            return path_error(in, "\"(\" after \"?\"");
        step->kind = STEP_FILTER;
        error = filter_read(in, &step->filter);
        if (error == 0 && !path_accept(in, ")"))
            error = path_error(in, "an operator or \")\"");
    } else {
        error = read_indexes(in, step);
    }
    if (error)
        return error;
    path_skip_blanks(in);
    return path_accept(in, "]") ? 0 : path_error(in, "\"]\"");
}

/* step = "[" bracket / "." ("[" bracket / name-step) / ".." ("[" bracket / name-step) */
static int read_step(struct path_reader *in, struct step *steps, uint32_t *count)
{
    if (path_accept(in, "[")) /* the usual one */
        return read_bracket(in, &steps[(*count)++]);
    if (path_accept(in, ".."))
        steps[(*count)++].kind = STEP_DESCEND;
    else
        in->at++;
    struct step *step = &steps[(*count)++];
    return path_accept(in, "[") ? read_bracket(in, step) : read_name_step(in, step);
}

/* steps = *step; a function ends them */
int path_read_steps(struct path_reader *in, struct jsonpath *path)
{
    struct step steps[LIMIT_PATH_STEPS + 2] = {0};
    uint32_t count = 0;
    path->reference = true;
    while (peek(in, '.') || peek(in, '[')) {
        if (count && steps[count - 1].kind == STEP_FUNCTION)
            return path_error(in, "the end of the path after a function");
        if (count >= LIMIT_PATH_STEPS)
            return err_set(in->err, ERR_LIMIT, "the path has more than %d steps", LIMIT_PATH_STEPS);
        int error = read_step(in, steps, &count);
        if (error)
            return error;
    }
    if (count && steps[count - 1].kind == STEP_MEMBERS) {
        steps[count - 1].kind = STEP_PICK;
        steps[count - 1].members.whole = count > 1 && steps[count - 2].kind == STEP_DESCEND;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool single = steps[i].kind == STEP_MEMBER || steps[i].kind == STEP_INDEX;
        path->walks = path->walks || !(single || steps[i].kind == STEP_PICK || steps[i].kind == STEP_FUNCTION);
        path->reference = path->reference && single;
    }
    path->definite = !path->walks || steps[count - 1].kind == STEP_FUNCTION;
    path->steps = ARENA_ARRAY(in->arena, struct step, count ? count : 1);
    path->step_count = count;
    if (count)
        memcpy(path->steps, steps, count * sizeof *steps);
    return 0;
}

/* root = "$" / "$$" / "$" name */
static int read_root(struct path_reader *in, struct jsonpath *path)
{
    if (!path_accept(in, "$"))
        return path_error(in, "\"$\"");
    path->root = JSONPATH_INPUT;
    if (path_accept(in, "$")) {
        path->root = JSONPATH_CONTEXT;
        return 0;
    }
    size_t bytes = name_bytes(in);
    if (bytes == 0)
        return 0;
    if (*in->at >= '0' && *in->at <= '9')
        return path_error(in, "\".\", \"[\" or the name of a variable");
    path->root = JSONPATH_VARIABLE;
    path->variable = arena_strndup(in->arena, in->at, bytes);
    in->at += bytes;
    return 0;
}

/* path = root steps */
int jsonpath_compile(struct arena *arena, const char *text, size_t bytes, struct jsonpath **ret_path, struct err *err)
{
    struct path_reader in = {.arena = arena, .text = text, .at = text, .end = text + bytes, .err = err};
    struct jsonpath *path = ARENA_NEW(arena, struct jsonpath);
    if (memchr(text, '\0', bytes)) /* no name can hold one */
        return err_set(err, ERR_INVALID, "the path contains a NUL character");
    int error = read_root(&in, path);
    if (error == 0)
        error = path_read_steps(&in, path);
    if (error == 0 && in.at != in.end)
        error = path_error(&in, "\".\", \"[\" or the end of the path");
    if (error)
        return error;
    path->text = arena_strndup(arena, text, bytes);
    *ret_path = path;
    return 0;
}

enum jsonpath_root jsonpath_root(const struct jsonpath *path)
{
    return path->root;
}

const char *jsonpath_variable(const struct jsonpath *path)
{
    return path->variable;
}

bool jsonpath_is_reference(const struct jsonpath *path)
{
    return path->reference;
}

bool jsonpath_is_definite(const struct jsonpath *path)
{
    return path->definite;
}

bool jsonpath_is_root(const struct jsonpath *path)
{
    return path->step_count == 0;
}

const char *jsonpath_text(const struct jsonpath *path)
{
    return path->text;
}
