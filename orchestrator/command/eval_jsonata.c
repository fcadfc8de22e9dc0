#include "orchestrator/command/eval_jsonata.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/jsonata/jsonata.h"
#include "runtime/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool look_up(void *context, const char *name, struct json_object **ret_value)
{
    return json_member(context, name, ret_value);
}

static void fill_random(void *context, void *bytes, size_t count)
{
    (void)context;
    for (size_t done = 0; done < count;) {
        ssize_t got = getrandom((char *)bytes + done, count - done, 0);
        if (got > 0)
            done += (size_t)got;
    }
}

/* Compiles and evaluates once. */
static int evaluate(const struct eval_jsonata *request, bool *ret_defined, struct json_object **ret_value,
                    struct jsonata_error *error)
{
    struct jsonata *expression;
    enum jsonata_dialect dialect = request->states ? JSONATA_STATES : JSONATA_STANDARD;
    int result = jsonata_compile(request->expression, strlen(request->expression), dialect, &expression, error);
    if (result != 0)
        return result;
    struct jsonata_env env = {
        .has_input = request->has_input,
        .input = request->input,
        .lookup = look_up,
        .lookup_context = request->bindings,
        .now_ms = clock_real_ms(),
        .random = fill_random,
        .limits = {.time_ms = request->time_ms, .depth = request->depth},
    };
    result = jsonata_evaluate(expression, &env, ret_defined, ret_value, error);
    jsonata_free(expression);
    return result;
}

static struct json_object *error_object(struct jsonata_error *error)
{
    struct json_object *object = error->details ? json_shallow_copy(error->details) : json_object_new_object();
    json_add_text(object, "code", error->code);
    json_add_text(object, "message", error->message);
    if (error->position >= 0)
        json_add_int(object, "position", error->position);
    if (error->token)
        json_add_text(object, "token", error->token);
    return object;
}

static struct json_object *failure(const char *message)
{
    struct json_object *error = json_object_new_object();
    json_add_text(error, "code", "");
    json_add_text(error, "message", message);
    return error;
}

static struct json_object *answer(struct json_object *line)
{
    struct json_object *reply = json_object_new_object();
    struct eval_jsonata request = {.expression = json_member_text(line, "expr")};
    if (request.expression == NULL) {
        json_add(reply, "error", failure("a request is an object with the text \"expr\""));
        return reply;
    }
    request.has_input = json_member(line, "data", &request.input);
    json_member(line, "bindings", &request.bindings);
    request.time_ms = (int)json_member_int(line, "timelimit", 0);
    request.depth = (int)json_member_int(line, "depth", 0);
    bool defined = false;
    struct json_object *value = NULL;
    struct jsonata_error error;
    if (evaluate(&request, &defined, &value, &error) != 0)
        json_add(reply, "error", error_object(&error));
    else if (defined)
        json_add(reply, "result", value);
    else
        json_add_bool(reply, "undefined", true);
    jsonata_error_release(&error);
    return reply;
}

static bool is_escape(const char *text, const char *second_digits)
{
    return text[0] == '\\' && text[1] == 'u' && (text[2] | 0x20) == 'd' && text[3] &&
           strchr(second_digits, text[3] | 0x20) != NULL && text[4] && text[5];
}

/*
 * Half of a surrogate pair, written \uD83D, has no UTF-8 and json-c makes it U+FFFD. JSONata's strings
 * may hold one, so it goes in as the three bytes it would have. In place: they are shorter.
 */
static size_t keep_lone_surrogates(char *line, size_t bytes)
{
    char *out = line;
    for (char *in = line; in < line + bytes;) {
        bool high = is_escape(in, "89ab"), low = is_escape(in, "cdef");
        if (in[0] == '\\' && high && is_escape(in + 6, "cdef")) {
            memmove(out, in, 12);
            out += 12;
            in += 12;
        } else if (high || low) {
            unsigned long unit = strtoul((char[5]){in[2], in[3], in[4], in[5], '\0'}, NULL, 16);
            *out++ = (char)0xED;
            *out++ = (char)(0x80 | (unit >> 6 & 0x3F));
            *out++ = (char)(0x80 | (unit & 0x3F));
            in += 6;
        } else {
            int length = in[0] == '\\' && in + 1 < line + bytes ? 2 : 1;
            memmove(out, in, (size_t)length);
            out += length;
            in += length;
        }
    }
    *out = '\0';
    return (size_t)(out - line);
}

/* As json_parse(), but for the bytes above. */
static bool parse_line(char *line, size_t bytes, struct json_object **ret_value)
{
    bytes = keep_lone_surrogates(line, bytes);
    struct json_tokener *tokener = json_tokener_new_ex(LIMIT_JSON_DEPTH);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    *ret_value = json_tokener_parse_ex(tokener, line, (int)bytes);
    bool good = json_tokener_get_error(tokener) == json_tokener_success;
    json_tokener_free(tokener);
    return good;
}

int eval_jsonata_batch(FILE *in, FILE *out)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t bytes;
    int result = 0;
    while (result == 0 && (bytes = getline(&line, &capacity, in)) > 0) {
        struct json_object *request = NULL;
        struct json_object *reply = NULL;
        if (parse_line(line, (size_t)bytes, &request)) {
            reply = answer(request);
        } else {
            reply = json_object_new_object();
            json_add(reply, "error", failure("a request is one line of JSON"));
        }
        AUTO_BUF text = BUF_INIT;
        json_write(&text, reply);
        buf_add_char(&text, '\n');
        if (fwrite(text.data, 1, text.bytes, out) != text.bytes || fflush(out) != 0)
            result = 1;
        json_object_put(reply);
        json_object_put(request);
    }
    free(line);
    return result;
}

/* A position is the end of a token, but for what is wrong within one or missing at the end. */
static int caret_position(const struct jsonata_error *error)
{
    bool exact = strncmp(error->code, "S01", 3) == 0 || strncmp(error->code, "S03", 3) == 0 ||
                 strcmp(error->code, "S0203") == 0 || strcmp(error->code, "S0207") == 0;
    return exact || error->position == 0 ? error->position : error->position - 1;
}

/* The line of the expression the error is in, and a caret under the character. */
static void show_place(const char *expression, int position, FILE *err)
{
    const char *start = expression, *at = expression;
    for (int n = 0; n < position && *at; n++) {
        if (*at == '\n')
            start = at + 1;
        at++;
        while ((*at & 0xC0) == 0x80)
            at++;
    }
    fprintf(err, "  %.*s\n  ", (int)strcspn(start, "\n"), start);
    for (; start < at; start++)
        if ((*start & 0xC0) != 0x80)
            fputc(*start == '\t' ? '\t' : ' ', err);
    fputs("^\n", err);
}

int eval_jsonata_one(const struct eval_jsonata *request, FILE *out, FILE *err)
{
    bool defined = false;
    struct json_object *value = NULL;
    struct jsonata_error error;
    int result = evaluate(request, &defined, &value, &error);
    if (result == ERR_UNSUPPORTED) {
        fputs("the result is a function\n", err);
    } else if (result != 0) {
        fprintf(err, "%s%s%s\n", error.code, error.code[0] ? ": " : "", error.message);
        if (error.position >= 0)
            show_place(request->expression, caret_position(&error), err);
    } else if (defined) {
        AUTO_BUF text = BUF_INIT;
        json_write(&text, value);
        fprintf(out, "%s\n", buf_text(&text));
    }
    json_object_put(value);
    jsonata_error_release(&error);
    return result == 0 ? 0 : 1;
}
