/*
 * parse.c - tokens to a tree of operators, by operator precedence.
 *
 * parse_expression(power) reads a first operand (parse_first) and then takes every operator that
 * binds more strongly than `power` (parse_next). Each function starts with its grammar.
 */
#include "asl/jsonata/signature.h"
#include "asl/jsonata/tree.h"

#include <string.h>

struct name {
    struct name *next;
    uint32_t number;
    const char *text;
    size_t bytes;
};

static struct node *parse_expression(struct maker *m, int power);

uint32_t name_number(struct maker *m, const char *text, size_t bytes, bool add)
{
    for (struct name *n = m->names; n; n = n->next)
        if (n->bytes == bytes && memcmp(n->text, text, bytes) == 0)
            return n->number;
    if (!add)
        return 0;
    struct name *name = ARENA_NEW(m->arena, struct name);
    *name = (struct name){m->names, ++m->name_count, text, bytes};
    m->names = name;
    return name->number;
}

struct node *node_new(struct maker *m, enum node_type type, int position)
{
    struct node *node = ARENA_NEW(m->arena, struct node);
    node->type = type;
    node->position = position;
    return node;
}

void nodes_add(struct maker *m, struct nodes *nodes, struct node *node)
{
    if (nodes->count == nodes->capacity) {
        size_t capacity = nodes->capacity ? nodes->capacity * 2 : 4;
        struct node **items = ARENA_ARRAY(m->arena, struct node *, capacity);
        if (nodes->count)
            memcpy(items, nodes->items, nodes->count * sizeof *items);
        nodes->items = items;
        nodes->capacity = capacity;
    }
    nodes->items[nodes->count++] = node;
}

/* The text of a token as errors show it. */
static const char *token_text(struct maker *m, const struct token *token)
{
    m->raw_token = token->type == TOKEN_NUMBER || token->type == TOKEN_VALUE;
    return token->type == TOKEN_END ? "(end)" : arena_strndup(m->arena, token->text, token->bytes);
}

static bool at(const struct maker *m, enum operator_id op)
{
    return m->token.op == op;
}

/* Reads the next token; behind an operand a "/" divides. */
static void advance(struct maker *m, bool infix)
{
    m->token = lex(m, infix);
    if (m->token.op == OP_NOT || m->token.op == OP_TILDE)
        make_fail(m, "S0204", m->token.position, token_text(m, &m->token), NULL);
}

static void expect(struct maker *m, enum operator_id op, bool infix)
{
    if (!at(m, op)) {
        const char *code = m->token.type == TOKEN_END ? "S0203" : "S0202";
        make_fail(m, code, m->token.position, token_text(m, &m->token), operator_text(op));
    }
    advance(m, infix);
}

static struct node *node_of_token(struct maker *m, const struct token *token, enum node_type type)
{
    struct node *node = node_new(m, type, token->position);
    node->op = token->op;
    node->text = token->text;
    node->bytes = token->bytes;
    node->number = token->number;
    node->flags = token->flags;
    return node;
}

/* "(" (expression (";" expression)* ";"?)? ")" */
static void parse_block(struct maker *m, struct node *node)
{
    while (!at(m, OP_PAREN_END)) {
        nodes_add(m, &node->items, parse_expression(m, 0));
        if (!at(m, OP_SEMICOLON))
            break;
        advance(m, false);
    }
    expect(m, OP_PAREN_END, true);
}

/* "[" (expression (".." expression)? ("," ...)*)? "]" */
static void parse_array(struct maker *m, struct node *node)
{
    while (!at(m, OP_BRACKET_END) || node->items.count > 0) {
        struct node *item = parse_expression(m, 0);
        if (at(m, OP_RANGE)) {
            struct node *range = node_of_token(m, &m->token, NODE_BINARY);
            advance(m, false);
            range->lhs = item;
            range->rhs = parse_expression(m, 0);
            item = range;
        }
        nodes_add(m, &node->items, item);
        if (!at(m, OP_COMMA))
            break;
        advance(m, false);
    }
    expect(m, OP_BRACKET_END, true);
}

/* "{" (expression ":" expression ("," ...)*)? "}" */
static void parse_pairs(struct maker *m, struct node *node)
{
    if (!at(m, OP_BRACE_END)) {
        for (;;) {
            nodes_add(m, &node->items, parse_expression(m, 0));
            expect(m, OP_COLON, false);
            nodes_add(m, &node->items, parse_expression(m, 0));
            if (!at(m, OP_COMMA))
                break;
            advance(m, false);
        }
    }
    expect(m, OP_BRACE_END, true);
}

/* "|" pattern "|" update ("," delete)? "|" */
static void parse_transform(struct maker *m, struct node *node)
{
    node->lhs = parse_expression(m, 0);
    expect(m, OP_PIPE, false);
    node->rhs = parse_expression(m, 0);
    if (at(m, OP_COMMA)) {
        advance(m, false);
        node->other = parse_expression(m, 0);
    }
    expect(m, OP_PIPE, false);
}

/* The operand an operator token starts. */
static struct node *parse_prefix(struct maker *m, const struct token *token)
{
    struct node *node = node_of_token(m, token, NODE_OPERATOR);
    switch (token->op) {
    case OP_AND:
    case OP_OR:
    case OP_IN: /* may be names: resolve.c decides */
        return node;
    case OP_MINUS:
        node->type = NODE_NEGATE;
        node->lhs = parse_expression(m, 70);
        return node;
    case OP_TIMES:
        node->type = NODE_WILDCARD;
        return node;
    case OP_DESCENDANTS:
        node->type = NODE_DESCENDANT;
        return node;
    case OP_PERCENT:
        node->type = NODE_PARENT;
        return node;
    case OP_PAREN:
        node->type = NODE_BLOCK;
        parse_block(m, node);
        return node;
    case OP_BRACKET:
        node->type = NODE_ARRAY;
        parse_array(m, node);
        return node;
    case OP_BRACE:
        node->type = NODE_OBJECT;
        parse_pairs(m, node);
        return node;
    case OP_PIPE:
        node->type = NODE_TRANSFORM;
        parse_transform(m, node);
        return node;
    default:
        make_fail(m, "S0211", token->position, token_text(m, token), NULL);
    }
}

static struct node *parse_first(struct maker *m)
{
    static const enum node_type types[] = {
        [TOKEN_END] = NODE_END,       [TOKEN_NAME] = NODE_NAME,     [TOKEN_VARIABLE] = NODE_VARIABLE,
        [TOKEN_STRING] = NODE_STRING, [TOKEN_NUMBER] = NODE_NUMBER, [TOKEN_VALUE] = NODE_VALUE,
        [TOKEN_REGEX] = NODE_REGEX,
    };
    struct token token = m->token;
    /* As in the reference, no regex can follow, not even behind an opening bracket. */
    advance(m, true);
    if (token.type == TOKEN_OPERATOR)
        return parse_prefix(m, &token);
    return node_of_token(m, &token, types[token.type]);
}

/* "<" ... ">" behind the parameters of a function */
static void parse_signature(struct maker *m, struct node *lambda)
{
    int position = m->token.position;
    const char *body = memchr(m->text + m->at, '{', m->bytes - m->at);
    size_t capacity = (body ? (size_t)(body - m->text) : m->bytes) - m->at + 16, bytes = 0;
    char *text = arena_alloc(m->arena, capacity);
    text[bytes++] = '<';
    int depth = 1;
    while (depth > 0 && !at(m, OP_BRACE) && m->token.type != TOKEN_END) {
        advance(m, false);
        depth += at(m, OP_LESS) ? 1 : at(m, OP_GREATER) ? -1 : 0;
        if (m->token.type != TOKEN_END && bytes + m->token.bytes < capacity) {
            memcpy(text + bytes, m->token.text, m->token.bytes);
            bytes += m->token.bytes;
        }
    }
    expect(m, OP_GREATER, false);
    const char *code;
    size_t offset;
    lambda->signature = signature_parse(m->arena, text, bytes, &code, &offset);
    if (lambda->signature == NULL)
        make_fail(m, code, position + (int)offset, NULL, NULL);
}

/* function "(" $parameters ")" signature? "{" body "}" */
static struct node *parse_lambda(struct maker *m, struct node *call)
{
    for (size_t i = 0; i < call->items.count; i++) {
        struct node *parameter = call->items.items[i];
        if (parameter->type == NODE_VARIABLE)
            continue;
        char number[16];
        size_t digits = 0;
        for (size_t n = i + 1; n; n /= 10)
            digits++;
        number[digits] = '\0';
        for (size_t n = i + 1, d = digits; n; n /= 10)
            number[--d] = (char)('0' + n % 10);
        const char *token = parameter->text ? arena_strndup(m->arena, parameter->text, parameter->bytes) : NULL;
        m->raw_token = parameter->type == NODE_NUMBER || parameter->type == NODE_VALUE;
        m->raw_value = true;
        make_fail(m, "S0208", parameter->position, token, arena_strdup(m->arena, number));
    }
    call->type = NODE_LAMBDA;
    if (at(m, OP_LESS))
        parse_signature(m, call);
    expect(m, OP_BRACE, false);
    call->rhs = parse_expression(m, 0);
    expect(m, OP_BRACE_END, true);
    return call;
}

static bool is_word(const struct node *node, const char *word)
{
    return node->type == NODE_NAME && node->bytes == strlen(word) && memcmp(node->text, word, node->bytes) == 0;
}

/* callee "(" (expression | "?") ("," ...)* ")" */
static struct node *parse_call(struct maker *m, struct node *callee, struct node *call)
{
    call->type = NODE_FUNCTION;
    call->lhs = callee;
    if (!at(m, OP_PAREN_END)) {
        for (;;) {
            if (at(m, OP_QUESTION)) {
                call->type = NODE_PARTIAL;
                nodes_add(m, &call->items, node_of_token(m, &m->token, NODE_OPERATOR));
                advance(m, true);
            } else {
                nodes_add(m, &call->items, parse_expression(m, 0));
            }
            if (!at(m, OP_COMMA))
                break;
            advance(m, false);
        }
    }
    expect(m, OP_PAREN_END, true);
    if (is_word(callee, "function") || is_word(callee, "\xCE\xBB"))
        return parse_lambda(m, call);
    return call;
}

/* sequence "^" "(" ("<" | ">")? term ("," ...)* ")" */
static void parse_order(struct maker *m, struct node *node)
{
    expect(m, OP_PAREN, false);
    size_t capacity = 0;
    for (;;) {
        bool descending = at(m, OP_GREATER);
        if (descending || at(m, OP_LESS))
            advance(m, false);
        nodes_add(m, &node->items, parse_expression(m, 0));
        if (node->items.capacity != capacity) {
            bool *grown = arena_alloc(m->arena, node->items.capacity);
            if (capacity)
                memcpy(grown, node->descending, capacity);
            node->descending = grown;
            capacity = node->items.capacity;
        }
        node->descending[node->items.count - 1] = descending;
        if (!at(m, OP_COMMA))
            break;
        advance(m, false);
    }
    expect(m, OP_PAREN_END, false);
}

/* sequence "[" predicate? "]" : without one, a single result stays an array */
static struct node *parse_predicate(struct maker *m, struct node *left, struct node *node)
{
    if (at(m, OP_BRACKET_END)) {
        struct node *step = left;
        while (step->type == NODE_BINARY && step->op == OP_BRACKET)
            step = step->lhs;
        step->keep_array = true;
        advance(m, false);
        return left;
    }
    node->lhs = left;
    node->rhs = parse_expression(m, 0);
    expect(m, OP_BRACKET_END, true);
    return node;
}

/* sequence "@" $variable, sequence "#" $variable */
static void parse_variable_bind(struct maker *m, struct node *left, struct node *node)
{
    node->lhs = left;
    node->rhs = parse_expression(m, operator_power(node->op));
    if (node->rhs->type != NODE_VARIABLE)
        make_fail(m, "S0214", node->rhs->position, operator_text(node->op), NULL);
    name_number(m, node->rhs->text, node->rhs->bytes, true);
}

/* The operator behind an operand. */
static struct node *parse_next(struct maker *m, struct node *left)
{
    struct node *node = node_of_token(m, &m->token, NODE_BINARY);
    advance(m, false);
    switch (node->op) {
    case OP_PAREN:
        return parse_call(m, left, node);
    case OP_BRACKET:
        return parse_predicate(m, left, node);
    case OP_BRACE:
        node->lhs = left;
        parse_pairs(m, node);
        return node;
    case OP_CARET:
        node->lhs = left;
        parse_order(m, node);
        return node;
    case OP_FOCUS:
    case OP_INDEX:
        parse_variable_bind(m, left, node);
        return node;
    case OP_BIND:
        if (left->type != NODE_VARIABLE) {
            m->raw_token = left->type == NODE_NUMBER || left->type == NODE_VALUE;
            const char *token = left->text ? arena_strndup(m->arena, left->text, left->bytes) : operator_text(left->op);
            make_fail(m, "S0212", left->position, token, NULL);
        }
        node->lhs = left;
        node->rhs = parse_expression(m, operator_power(OP_BIND) - 1);
        return node;
    case OP_QUESTION:
        node->type = NODE_CONDITION;
        node->lhs = left;
        node->rhs = parse_expression(m, 0);
        if (at(m, OP_COLON)) {
            advance(m, false);
            node->other = parse_expression(m, 0);
        }
        return node;
    case OP_DEFAULT:
    case OP_COALESCE:
        node->type = node->op == OP_DEFAULT ? NODE_DEFAULT : NODE_COALESCE;
        node->lhs = left;
        node->rhs = parse_expression(m, 0);
        return node;
    default:
        node->lhs = left;
        node->rhs = parse_expression(m, operator_power(node->op));
        return node;
    }
}

static struct node *parse_expression(struct maker *m, int power)
{
    make_check_stack(m);
    struct node *left = parse_first(m);
    while (power < operator_power(m->token.op))
        left = parse_next(m, left);
    return left;
}

struct node *parse(struct maker *m)
{
    advance(m, false);
    struct node *tree = parse_expression(m, 0);
    if (m->token.type != TOKEN_END)
        make_fail(m, "S0201", m->token.position, token_text(m, &m->token), NULL);
    return tree;
}
