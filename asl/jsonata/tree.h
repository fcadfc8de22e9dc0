/*
 * tree.h - from text to the checked tree of an expression. For the files of this folder.
 *
 *   text ──lex.c──▶ tokens ──parse.c──▶ tree of operators ──resolve.c──▶ checked tree ──compile.c──▶ code
 *
 * Shapes    parse.c builds what the operators say ("." "[" "{" are binary nodes); resolve.c turns
 *           that into paths with steps, predicates, groups and orders, and finds for each % the step
 *           it means. Positions count code points.
 * Memory    everything in the arena of the expression.
 */
#ifndef ASL_JSONATA_TREE_H
#define ASL_JSONATA_TREE_H

#include "asl/base/arena.h"
#include "asl/jsonata/jsonata.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of token; operators carry their text. */
enum token_type {
    TOKEN_END,
    TOKEN_OPERATOR,
    TOKEN_NAME,
    TOKEN_VARIABLE,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_VALUE,
    TOKEN_REGEX
};

/* Operators, with how strongly they bind to what stands left of them. X(id, text, power) */
/* clang-format off */
#define JSONATA_OPERATORS(X) \
    X(OP_DOT, ".", 75) \
    X(OP_BRACKET, "[", 80) \
    X(OP_BRACKET_END, "]", 0) \
    X(OP_BRACE, "{", 70) \
    X(OP_BRACE_END, "}", 0) \
    X(OP_PAREN, "(", 80) \
    X(OP_PAREN_END, ")", 0) \
    X(OP_COMMA, ",", 0) \
    X(OP_FOCUS, "@", 80) \
    X(OP_INDEX, "#", 80) \
    X(OP_SEMICOLON, ";", 0) \
    X(OP_COLON, ":", 0) \
    X(OP_QUESTION, "?", 20) \
    X(OP_PLUS, "+", 50) \
    X(OP_MINUS, "-", 50) \
    X(OP_TIMES, "*", 60) \
    X(OP_DIVIDE, "/", 60) \
    X(OP_PERCENT, "%", 60) \
    X(OP_PIPE, "|", 0) \
    X(OP_EQUAL, "=", 40) \
    X(OP_LESS, "<", 40) \
    X(OP_GREATER, ">", 40) \
    X(OP_CARET, "^", 40) \
    X(OP_DESCENDANTS, "**", 0) \
    X(OP_RANGE, "..", 0) \
    X(OP_BIND, ":=", 10) \
    X(OP_NOT_EQUAL, "!=", 40) \
    X(OP_LESS_EQUAL, "<=", 40) \
    X(OP_GREATER_EQUAL, ">=", 40) \
    X(OP_CHAIN, "~>", 40) \
    X(OP_DEFAULT, "?:", 40) \
    X(OP_COALESCE, "??", 40) \
    X(OP_AND, "and", 30) \
    X(OP_OR, "or", 25) \
    X(OP_IN, "in", 40) \
    X(OP_CONCAT, "&", 50) \
    X(OP_NOT, "!", 0) \
    X(OP_TILDE, "~", 0)
/* clang-format on */

enum operator_id {
    OP_NONE,
#define X(id, text, power) id,
    JSONATA_OPERATORS(X)
#undef X
};
const char *operator_text(enum operator_id id);
int operator_power(enum operator_id id);

struct token {
    enum token_type type;
    enum operator_id op;
    int position;
    const char *text; /* name, string, source of a regex; spelling of an operator or number */
    size_t bytes;
    double number;
    const char *flags; /* of a regex */
};

enum node_type {
    NODE_NAME,
    NODE_STRING,
    NODE_NUMBER,
    NODE_VALUE,
    NODE_VARIABLE,
    NODE_REGEX,
    NODE_WILDCARD,
    NODE_DESCENDANT,
    NODE_PARENT,
    NODE_BINARY,
    NODE_NEGATE,
    NODE_ARRAY,
    NODE_OBJECT,
    NODE_FUNCTION,
    NODE_PARTIAL,
    NODE_LAMBDA,
    NODE_CONDITION,
    NODE_DEFAULT,
    NODE_COALESCE,
    NODE_BLOCK,
    NODE_BIND,
    NODE_APPLY,
    NODE_TRANSFORM,
    NODE_OPERATOR,
    NODE_END,
    /* only after resolve.c */
    NODE_PATH,
    NODE_SORT,
    NODE_TAIL_CALL,
};

/* The step a % means: filled in while the ancestors of a path are looked for. */
struct ancestor {
    uint32_t label;
    int level;
};

struct ancestors {
    struct ancestor **items;
    size_t count, capacity;
};

struct node;

struct nodes {
    struct node **items;
    size_t count, capacity;
};

/* What follows a step: a filter or the variable its position is bound to. */
struct stage {
    struct stage *next;
    struct node *filter; /* or NULL */
    uint32_t index_name; /* when filter is NULL */
    int position;
};

struct group {
    struct nodes pairs; /* key, value, key, value ... */
    int position;
};

struct signature;
struct lh_table;
struct name;

struct node {
    enum node_type type;
    enum operator_id op; /* of a binary node or an operator */
    int position;
    const char *text;
    size_t bytes;
    double number;
    const char *flags;
    struct node *lhs, *rhs, *other; /* condition: lhs ? rhs : other; transform: pattern, update, delete; call: lhs */
    struct nodes items;             /* arguments, expressions, steps, pairs, terms */
    bool *descending;               /* order-by: one a term */
    struct signature *signature;
    bool keep_array, keep_singleton, cons, tuple;
    struct stage *predicates, *stages;
    struct group *group;
    uint32_t focus, index; /* names of variables bound by @ and #, 0: none */
    struct ancestor *ancestor, *slot;
    struct ancestors seeking;
};

/* What is shared while one expression is made. Errors leave by longjmp to `failed`. */
struct maker {
    struct arena *arena;
    enum jsonata_dialect dialect;
    const char *text;
    size_t bytes;
    /* lexer */
    size_t at;
    int position;
    /* parser */
    struct token token;
    char *stack_base;
    bool raw_token, raw_value; /* what an error names is a number or a literal: not quoted in its message */
    struct name *names;        /* of variables bound by @ and #, numbers from 1 */
    uint32_t name_count;
    uint32_t label_count;
    struct lh_table *hasher; /* json-c hashes names through a table */
    /* error */
    jmp_buf failed;
    struct jsonata_error *error;
};

_Noreturn void make_fail(struct maker *m, const char *code, int position, const char *token, const char *value);
/* Guards the C stack of a function that recurses over the tree. */
void make_check_stack(struct maker *m);

/* lex.c: the next token; `infix` says that a "/" divides. */
struct token lex(struct maker *m, bool infix);

/* parse.c */
struct node *parse(struct maker *m);
struct node *node_new(struct maker *m, enum node_type type, int position);
void nodes_add(struct maker *m, struct nodes *nodes, struct node *node);
/* The number of a name bound by @ or #, which is given when it is seen first if `add`; 0: there is none. */
uint32_t name_number(struct maker *m, const char *text, size_t bytes, bool add);

/* resolve.c */
struct node *resolve(struct maker *m, struct node *tree);

#endif
