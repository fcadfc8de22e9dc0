/* lex.c - text to tokens. */
#include "asl/jsonata/text.h"
#include "asl/jsonata/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    int power;
} operators[] = {{"", 0},
#define X(id, text, power) {text, power},
                 JSONATA_OPERATORS(X)
#undef X
};

const char *operator_text(enum operator_id id)
{
    return operators[id].text;
}

int operator_power(enum operator_id id)
{
    return operators[id].power;
}

/* The character n bytes ahead, 0 behind the end. */
static unsigned char peek(const struct maker *m, size_t n)
{
    return m->at + n < m->bytes ? (unsigned char)m->text[m->at + n] : 0;
}

static void skip(struct maker *m, size_t bytes)
{
    for (size_t i = 0; i < bytes && m->at < m->bytes; i++, m->at++)
        m->position += ((unsigned char)m->text[m->at] & 0xC0) != 0x80;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v';
}

static void skip_space_and_comments(struct maker *m)
{
    for (;;) {
        while (m->at < m->bytes && is_space(peek(m, 0)))
            skip(m, 1);
        if (peek(m, 0) != '/' || peek(m, 1) != '*')
            return;
        int start = m->position;
        skip(m, 2);
        while (peek(m, 0) != '*' || peek(m, 1) != '/') {
            if (m->at + 1 >= m->bytes)
                make_fail(m, "S0106", start, NULL, NULL);
            skip(m, 1);
        }
        skip(m, 2);
    }
}

static const unsigned char single_operators[256] = {
    ['.'] = OP_DOT,       ['['] = OP_BRACKET,   [']'] = OP_BRACKET_END, ['{'] = OP_BRACE,  ['}'] = OP_BRACE_END,
    ['('] = OP_PAREN,     [')'] = OP_PAREN_END, [','] = OP_COMMA,       ['@'] = OP_FOCUS,  ['#'] = OP_INDEX,
    [';'] = OP_SEMICOLON, [':'] = OP_COLON,     ['?'] = OP_QUESTION,    ['+'] = OP_PLUS,   ['-'] = OP_MINUS,
    ['*'] = OP_TIMES,     ['/'] = OP_DIVIDE,    ['%'] = OP_PERCENT,     ['|'] = OP_PIPE,   ['='] = OP_EQUAL,
    ['<'] = OP_LESS,      ['>'] = OP_GREATER,   ['^'] = OP_CARET,       ['&'] = OP_CONCAT, ['!'] = OP_NOT,
    ['~'] = OP_TILDE,
};

static enum operator_id double_operator(unsigned char first, unsigned char second)
{
    switch (first) {
    case '.':
        return second == '.' ? OP_RANGE : OP_NONE;
    case ':':
        return second == '=' ? OP_BIND : OP_NONE;
    case '!':
        return second == '=' ? OP_NOT_EQUAL : OP_NONE;
    case '>':
        return second == '=' ? OP_GREATER_EQUAL : OP_NONE;
    case '<':
        return second == '=' ? OP_LESS_EQUAL : OP_NONE;
    case '*':
        return second == '*' ? OP_DESCENDANTS : OP_NONE;
    case '~':
        return second == '>' ? OP_CHAIN : OP_NONE;
    case '?':
        return second == ':' ? OP_DEFAULT : second == '?' ? OP_COALESCE : OP_NONE;
    default:
        return OP_NONE;
    }
}

/* "/" pattern "/" flags; slashes inside of brackets do not end it, nor do escaped ones. */
static void lex_regex(struct maker *m, struct token *token)
{
    skip(m, 1);
    size_t start = m->at;
    int depth = 0;
    bool escaped = false;
    for (; m->at < m->bytes; skip(m, 1)) {
        unsigned char c = peek(m, 0);
        if (c == '/' && depth == 0 && !escaped)
            break;
        if (!escaped && (c == '(' || c == '[' || c == '{'))
            depth++;
        if (!escaped && (c == ')' || c == ']' || c == '}'))
            depth--;
        escaped = c == '\\' && !escaped;
    }
    if (m->at >= m->bytes)
        make_fail(m, "S0302", m->position, NULL, NULL);
    if (m->at == start)
        make_fail(m, "S0301", m->position, NULL, NULL);
    token->type = TOKEN_REGEX;
    token->text = arena_strndup(m->arena, m->text + start, m->at - start);
    token->bytes = m->at - start;
    skip(m, 1);
    start = m->at;
    while (peek(m, 0) == 'i' || peek(m, 0) == 'm')
        skip(m, 1);
    token->flags = arena_strndup(m->arena, m->text + start, m->at - start);
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends a \u escape; the second half of a pair joins the first. */
static size_t write_escape(char *text, size_t bytes, uint32_t unit)
{
    if (unit >= 0xDC00 && unit <= 0xDFFF && bytes >= 3 && (unsigned char)text[bytes - 3] == 0xED &&
        (unsigned char)text[bytes - 2] >= 0xA0 && (unsigned char)text[bytes - 2] < 0xB0) {
        uint32_t high;
        utf8_read(text + bytes - 3, 3, &high);
        return bytes - 3 + utf8_write(text + bytes - 3, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
    }
    return bytes + utf8_write(text + bytes, unit);
}

static void lex_string(struct maker *m, struct token *token)
{
    unsigned char quote = peek(m, 0);
    skip(m, 1);
    const char *end = memchr(m->text + m->at, quote, m->bytes - m->at);
    size_t plain = end ? (size_t)(end - (m->text + m->at)) : m->bytes - m->at;
    token->type = TOKEN_STRING;
    if (end && memchr(m->text + m->at, '\\', plain) == NULL) {
        token->text = m->text + m->at;
        token->bytes = plain;
        skip(m, plain + 1);
        return;
    }
    size_t last = m->at; /* no escape is longer than what it stands for */
    while (last < m->bytes && (unsigned char)m->text[last] != quote)
        last += m->text[last] == '\\' ? 2 : 1;
    char *text = arena_alloc(m->arena, last - m->at + 8);
    size_t bytes = 0;
    while (m->at < m->bytes) {
        unsigned char c = peek(m, 0);
        if (c == quote) {
            skip(m, 1);
            token->text = text;
            token->bytes = bytes;
            return;
        }
        if (c != '\\') {
            text[bytes++] = (char)c;
            skip(m, 1);
            continue;
        }
        skip(m, 1);
        c = peek(m, 0);
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *escape = c ? strchr(from, c) : NULL;
        if (escape) {
            text[bytes++] = to[escape - from];
            skip(m, 1);
        } else if (c == 'u') {
            uint32_t unit = 0;
            for (size_t i = 1; i <= 4; i++) {
                int digit = hex_digit(peek(m, i));
                if (digit < 0)
                    make_fail(m, "S0104", m->position, NULL, NULL);
                unit = unit << 4 | (uint32_t)digit;
            }
            bytes = write_escape(text, bytes, unit);
            skip(m, 5);
        } else {
            size_t length = m->at < m->bytes ? utf8_bytes(c) : 0;
            if (length > m->bytes - m->at)
                length = m->bytes - m->at;
            make_fail(m, "S0103", m->position, arena_strndup(m->arena, m->text + m->at, length), NULL);
        }
    }
    make_fail(m, "S0101", m->position, NULL, NULL);
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* (0 | [1-9][0-9]*) (\.[0-9]+)? ([Ee][-+]?[0-9]+)? */
static void lex_number(struct maker *m, struct token *token)
{
    size_t n = 1;
    if (peek(m, 0) != '0')
        while (is_digit(peek(m, n)))
            n++;
    if (peek(m, n) == '.' && is_digit(peek(m, n + 1))) {
        n += 2;
        while (is_digit(peek(m, n)))
            n++;
    }
    if (peek(m, n) == 'e' || peek(m, n) == 'E') {
        size_t digits = n + 1;
        if (peek(m, digits) == '-' || peek(m, digits) == '+')
            digits++;
        if (is_digit(peek(m, digits))) {
            n = digits;
            while (is_digit(peek(m, n)))
                n++;
        }
    }
    token->type = TOKEN_NUMBER;
    token->text = arena_strndup(m->arena, m->text + m->at, n);
    token->bytes = n;
    token->number = strtod(token->text, NULL);
    if (!isfinite(token->number))
        make_fail(m, "S0102", token->position, token->text, NULL);
    skip(m, n);
}

static void lex_quoted_name(struct maker *m, struct token *token)
{
    skip(m, 1);
    const char *end = memchr(m->text + m->at, '`', m->bytes - m->at);
    if (end == NULL) {
        skip(m, m->bytes - m->at);
        make_fail(m, "S0105", m->position, NULL, NULL);
    }
    token->type = TOKEN_NAME;
    token->text = m->text + m->at;
    token->bytes = (size_t)(end - token->text);
    skip(m, token->bytes + 1);
}

static bool spells(const struct token *token, const char *word)
{
    return token->bytes == strlen(word) && memcmp(token->text, word, token->bytes) == 0;
}

/* A name ends before a space or an operator; "$" starts a variable, a few names are keywords. */
static void lex_name(struct maker *m, struct token *token)
{
    size_t n = 0;
    while (m->at + n < m->bytes && !is_space(peek(m, n)) && single_operators[peek(m, n)] == OP_NONE)
        n++;
    token->text = m->text + m->at;
    token->bytes = n;
    skip(m, n);
    token->type = TOKEN_NAME;
    if (token->text[0] == '$') {
        token->type = TOKEN_VARIABLE;
        token->text++;
        token->bytes--;
    } else if (spells(token, "and") || spells(token, "or") || spells(token, "in")) {
        token->type = TOKEN_OPERATOR;
        token->op = token->text[0] == 'a' ? OP_AND : token->text[0] == 'o' ? OP_OR : OP_IN;
    } else if (spells(token, "true") || spells(token, "false") || spells(token, "null")) {
        token->type = TOKEN_VALUE;
    }
}

struct token lex(struct maker *m, bool infix)
{
    skip_space_and_comments(m);
    struct token token = {.type = TOKEN_END, .position = m->position};
    if (m->at >= m->bytes)
        return token;
    unsigned char c = peek(m, 0);
    if (c == '/' && !infix) {
        lex_regex(m, &token);
        token.position = m->position;
        return token;
    }
    size_t length = 2;
    token.op = double_operator(c, peek(m, 1));
    if (token.op == OP_NONE) {
        length = 1;
        token.op = single_operators[c];
    }
    if (token.op != OP_NONE) {
        token.type = TOKEN_OPERATOR;
        token.text = operators[token.op].text;
        token.bytes = length;
        skip(m, length);
    } else if (c == '"' || c == '\'') {
        lex_string(m, &token);
    } else if (is_digit(c)) {
        lex_number(m, &token);
    } else if (c == '`') {
        lex_quoted_name(m, &token);
    } else {
        lex_name(m, &token);
    }
    token.position = m->position; /* the reference names the end of a token */
    return token;
}
