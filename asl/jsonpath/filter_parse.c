#include "asl/base/arena.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/jsonpath/jsonpath_priv.h"

#include <ctype.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { FILTER_DEPTH_MAX = 64, FILTER_TERMS_MAX = 256 };

/* Longer words first where one begins another. */
static const struct {
    const char *word;
    enum filter_operator op;
} operators[] = {
    {"==", FILTER_EQ},
    {"!=", FILTER_NE},
    {"<=", FILTER_LE},
    {">=", FILTER_GE},
    {"<", FILTER_LT},
    {">", FILTER_GT},
    {"=~", FILTER_MATCHES},
    {"in ", FILTER_IN},
    {"in[", FILTER_IN},
    {"nin ", FILTER_NIN},
    {"nin[", FILTER_NIN},
    {"subsetof ", FILTER_SUBSETOF},
    {"subsetof[", FILTER_SUBSETOF},
    {"anyof ", FILTER_ANYOF},
    {"anyof[", FILTER_ANYOF},
    {"noneof ", FILTER_NONEOF},
    {"noneof[", FILTER_NONEOF},
    {"size ", FILTER_SIZE},
    {"empty ", FILTER_EMPTY},
    {"contains ", FILTER_CONTAINS},
};

/* operand-path = ("@" / "$") steps */
static int read_path(struct path_reader *in, struct operand *operand)
{
    struct jsonpath *path = ARENA_NEW(in->arena, struct jsonpath);
    const char *first = in->at;
    path->at_current = *in->at == '@';
    in->at++;
    int error = path_read_steps(in, path);
    if (error)
        return error;
    path->text = arena_strndup(in->arena, first, (size_t)(in->at - first));
    operand->path = path;
    return 0;
}

static void free_regex(void *regex)
{
    pcre2_code_free(regex);
}

/* regex = "/" pattern "/" *flag; as in Java the whole text has to match */
static int read_regex(struct path_reader *in, struct operand *operand)
{
    const char *first = ++in->at;
    while (in->at < in->end && *in->at != '/')
        in->at += *in->at == '\\' && in->at + 1 < in->end ? 2 : 1;
    if (in->at >= in->end)
        return path_error(in, "the \"/\" that ends the pattern");
    size_t bytes = (size_t)(in->at - first);
    uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C;
    for (in->at++; in->at < in->end && *in->at >= 'a' && *in->at <= 'z'; in->at++) {
        switch (*in->at) {
        case 'i':
            options |= PCRE2_CASELESS;
            break;
        case 'm':
            options |= PCRE2_MULTILINE;
            break;
        case 's':
            options |= PCRE2_DOTALL;
            break;
        case 'x':
            options |= PCRE2_EXTENDED;
            break;
        case 'u':
        case 'd': /* Unicode case is the rule here, Unix lines too */
            break;
        default:
            return path_error(in, "one of the flags i, m, s, x, u and d");
        }
    }
    int code;
    PCRE2_SIZE offset;
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)first, bytes, options, &code, &offset, NULL);
    if (regex == NULL) {
        in->at = first + offset;
        return path_error(in, "a regular expression");
    }
    arena_defer(in->arena, free_regex, regex);
    operand->regex = regex;
    return 0;
}

/* The bytes of a JSON array or object that starts here; 0 when it has no end. */
static size_t json_bytes(const struct path_reader *in)
{
    int depth = 0;
    bool quoted = false;
    for (const char *c = in->at; c < in->end; c++) {
        if (quoted) {
            if (*c == '\\')
                c++;
            else if (*c == '"')
                quoted = false;
        } else if (*c == '"') {
            quoted = true;
        } else if (*c == '[' || *c == '{') {
            depth++;
        } else if ((*c == ']' || *c == '}') && --depth == 0) {
            return (size_t)(c + 1 - in->at);
        }
    }
    return 0;
}

static int read_operand(struct path_reader *in, struct operand *operand);

/* list = "[" [literal *("," literal)] "]" with strings in either quotes */
static int read_list(struct path_reader *in, struct operand *operand)
{
    AUTO_JSON struct json_object *list = json_object_new_array();
    in->at++;
    path_skip_blanks(in);
    while (!path_accept(in, "]")) {
        struct operand item = {0};
        if (json_object_array_length(list) && !path_accept(in, ","))
            return path_error(in, "\",\" or \"]\"");
        path_skip_blanks(in);
        int error = read_operand(in, &item);
        if (error)
            return error;
        if (item.path || item.regex)
            return path_error(in, "a literal");
        json_append(list, json_object_get(item.literal));
        path_skip_blanks(in);
    }
    operand->literal = arena_keep(in->arena, list);
    return 0;
}

static int read_json(struct path_reader *in, size_t bytes, struct operand *operand)
{
    AUTO_JSON struct json_object *value = NULL;
    if (bytes == 0 || json_parse(in->at, bytes, &value, NULL) != 0)
        return path_error(in, "a value");
    in->at += bytes;
    operand->literal = arena_keep(in->arena, value);
    return 0;
}

static size_t number_bytes(const struct path_reader *in)
{
    const char *c = in->at;
    while (c < in->end && ((*c >= '0' && *c <= '9') || (*c != '\0' && strchr("+-.eE", *c))))
        c++;
    return (size_t)(c - in->at);
}

static size_t word_bytes(const struct path_reader *in)
{
    const char *c = in->at;
    while (c < in->end && (isalnum((unsigned char)*c) || *c == '_' || (*c == '-' && c > in->at)))
        c++;
    return (size_t)(c - in->at);
}

/* word = "true" / "false" / "null" / a text without its quotes, which deployed definitions have */
static int read_word(struct path_reader *in, size_t bytes, struct operand *operand)
{
    AUTO_JSON struct json_object *value = NULL;
    if (bytes == 4 && memcmp(in->at, "true", 4) == 0)
        value = json_object_new_boolean(true);
    else if (bytes == 5 && memcmp(in->at, "false", 5) == 0)
        value = json_object_new_boolean(false);
    else if (bytes != 4 || memcmp(in->at, "null", 4) != 0)
        value = json_object_new_string_len(in->at, (int)bytes);
    in->at += bytes;
    operand->literal = arena_keep(in->arena, value);
    return 0;
}

/* operand = operand-path / regex / quoted / number / word / list / object */
static int read_operand(struct path_reader *in, struct operand *operand)
{
    if (in->at == in->end)
        return path_error(in, "a value or a path");
    if (++in->depth > FILTER_DEPTH_MAX)
        return err_set(in->err, ERR_LIMIT, "the filter is nested deeper than %d", FILTER_DEPTH_MAX);
    int error = 0;
    const char *text;
    switch (*in->at) {
    case '@':
    case '$':
        error = read_path(in, operand);
        break;
    case '/':
        error = read_regex(in, operand);
        break;
    case '\'':
    case '"':
        error = path_read_quoted(in, &text);
        if (error == 0) {
            AUTO_JSON struct json_object *value = json_object_new_string(text);
            operand->literal = arena_keep(in->arena, value);
        }
        break;
    case '[':
        error = read_list(in, operand);
        break;
    case '{':
        error = read_json(in, json_bytes(in), operand);
        break;
    default:
        if (isalpha((unsigned char)*in->at) || *in->at == '_')
            error = read_word(in, word_bytes(in), operand);
        else
            error = read_json(in, number_bytes(in), operand);
    }
    in->depth--;
    return error;
}

/* relation = operand [operator operand] */
static int read_relation(struct path_reader *in, struct filter *filter)
{
    int error = read_operand(in, &filter->a);
    if (error)
        return error;
    path_skip_blanks(in);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!path_accept(in, operators[i].word))
            continue;
        filter->op = operators[i].op;
        if (in->at[-1] == '[')
            in->at--; /* the list begins right after the word */
        path_skip_blanks(in);
        return read_operand(in, &filter->b);
    }
    filter->op = FILTER_EXISTS;
    return filter->a.path ? 0 : path_error(in, "an operator");
}

static int read_or(struct path_reader *in, const struct filter **ret_filter);

/* unary = "!" unary / "(" or ")" / relation */
static int read_unary(struct path_reader *in, const struct filter **ret_filter)
{
    if (++in->depth > FILTER_DEPTH_MAX)
        return err_set(in->err, ERR_LIMIT, "the filter is nested deeper than %d", FILTER_DEPTH_MAX);
    int error;
    path_skip_blanks(in);
    if (path_accept(in, "(")) {
        error = read_or(in, ret_filter);
        if (error == 0 && !path_accept(in, ")"))
            error = path_error(in, "\")\"");
    } else {
        struct filter *filter = ARENA_NEW(in->arena, struct filter);
        if (path_accept(in, "!")) {
            filter->op = FILTER_NOT;
            error = read_unary(in, &filter->left);
        } else {
            error = read_relation(in, filter);
        }
        *ret_filter = filter;
    }
    path_skip_blanks(in);
    in->depth--;
    return error;
}

/* Left and right as one; the evaluation goes as deep as there are terms. */
static int join(struct path_reader *in, enum filter_operator op, const struct filter *right,
                const struct filter **filter_left)
{
    if (++in->terms > FILTER_TERMS_MAX)
        return err_set(in->err, ERR_LIMIT, "the filter has more than %d terms", FILTER_TERMS_MAX);
    struct filter *filter = ARENA_NEW(in->arena, struct filter);
    filter->op = op;
    filter->left = *filter_left;
    filter->right = right;
    *filter_left = filter;
    return 0;
}

/* and = unary *("&&" unary) */
static int read_and(struct path_reader *in, const struct filter **ret_filter)
{
    const struct filter *right;
    int error = read_unary(in, ret_filter);
    while (error == 0 && path_accept(in, "&&")) {
        error = read_unary(in, &right);
        if (error == 0)
            error = join(in, FILTER_AND, right, ret_filter);
    }
    return error;
}

/* or = and *("||" and) */
static int read_or(struct path_reader *in, const struct filter **ret_filter)
{
    const struct filter *right;
    int error = read_and(in, ret_filter);
    while (error == 0 && path_accept(in, "||")) {
        error = read_and(in, &right);
        if (error == 0)
            error = join(in, FILTER_OR, right, ret_filter);
    }
    return error;
}

int filter_read(struct path_reader *in, const struct filter **ret_filter)
{
    return read_or(in, ret_filter);
}
