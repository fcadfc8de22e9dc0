/*
 * check_states.c - what Step Functions refuses before an expression ever runs.
 *
 * There is no input in scope but $states: a name or `$` that stands where the input would be its
 * context is a fault. "Where" is the first step of a path; inside of later steps, predicates, sort
 * terms and groups the context is what the path has reached. Functions keep the outer context.
 */
#include "asl/base/mem.h"
#include "asl/jsonata/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seen {
    struct seen *next;
    char *text;
};

struct check {
    struct jsonata_states_scope scope;
    void (*report)(void *context, const char *message, int position);
    void *context;
    struct seen *seen;
};

static void check_node(struct check *check, const struct node *node, bool top);

/* Reports a text once; takes it over. */
static void report_once(struct check *check, char *text, int position)
{
    for (const struct seen *s = check->seen; s; s = s->next) {
        if (strcmp(s->text, text) == 0) {
            free(text);
            return;
        }
    }
    struct seen *seen = NEW(struct seen);
    *seen = (struct seen){check->seen, text};
    check->seen = seen;
    check->report(check->context, text, position);
}

static bool spells(const struct node *node, const char *text)
{
    return node->bytes == strlen(text) && memcmp(node->text, text, node->bytes) == 0;
}

static void check_variable(struct check *check, const struct node *node, bool top)
{
    if (spells(node, "$"))
        report_once(check, mem_strdup("Reference to '$$' is not supported."), node->position);
    else if (node->bytes == 0 && top)
        report_once(check, mem_strdup("Reference to '$' at the top level is not supported."), node->position);
}

static void check_nodes(struct check *check, const struct nodes *nodes, bool top)
{
    for (size_t i = 0; i < nodes->count; i++)
        check_node(check, nodes->items[i], top);
}

static void check_stages(struct check *check, const struct stage *stage)
{
    for (; stage; stage = stage->next)
        if (stage->filter)
            check_node(check, stage->filter, false);
}

/* $states has four members, of which result and errorOutput exist only in some places. */
static void check_states_field(struct check *check, const struct node *path)
{
    const struct node *first = path->items.items[0];
    if (first->type != NODE_VARIABLE || !spells(first, "states") || path->items.count < 2)
        return;
    const struct node *field = path->items.items[1];
    if (field->type != NODE_NAME)
        return;
    bool there = spells(field, "input") || spells(field, "context") ||
                 (spells(field, "result") && check->scope.has_result) ||
                 (spells(field, "errorOutput") && check->scope.has_error_output);
    if (!there)
        report_once(check, mem_printf("Field '$states.%.*s' does not exist.", (int)field->bytes, field->text),
                    field->position);
}

static void check_path(struct check *check, const struct node *path, bool top)
{
    check_states_field(check, path);
    for (size_t i = 0; i < path->items.count; i++)
        check_node(check, path->items.items[i], top && i == 0);
    if (path->group)
        check_nodes(check, &path->group->pairs, false);
}

static void check_node(struct check *check, const struct node *node, bool top)
{
    if (node == NULL)
        return;
    check_stages(check, node->predicates);
    check_stages(check, node->stages);
    switch (node->type) {
    case NODE_PATH:
        check_path(check, node, top);
        return;
    case NODE_NAME:
        if (top)
            report_once(
                check,
                mem_printf("Reference to '%.*s' at the top level is not supported.", (int)node->bytes, node->text),
                node->position);
        return;
    case NODE_VARIABLE:
        check_variable(check, node, top);
        break;
    case NODE_WILDCARD:
    case NODE_DESCENDANT:
        if (top)
            report_once(check,
                        mem_printf("Reference to '%s' at the top level is not supported.",
                                   node->type == NODE_WILDCARD ? "*" : "**"),
                        node->position);
        break;
    case NODE_SORT:
        check_nodes(check, &node->items, false);
        return;
    case NODE_BIND:
        check_node(check, node->rhs, top);
        return;
    case NODE_LAMBDA:
        check_node(check, node->rhs, top);
        return;
    case NODE_TRANSFORM: /* the update and the deletions look at each match */
        check_node(check, node->lhs, false);
        check_node(check, node->rhs, false);
        check_node(check, node->other, false);
        return;
    default:
        break;
    }
    check_node(check, node->lhs, top);
    check_node(check, node->rhs, top);
    check_node(check, node->other, top);
    check_nodes(check, &node->items, top);
    if (node->group)
        check_nodes(check, &node->group->pairs, false);
}

void jsonata_check_states(const struct jsonata *expression, struct jsonata_states_scope scope,
                          void (*report)(void *context, const char *message, int position), void *context)
{
    struct check check = {scope, report, context, NULL};
    check_node(&check, expression->tree, true);
    while (check.seen) {
        struct seen *next = check.seen->next;
        free(check.seen->text);
        free(check.seen);
        check.seen = next;
    }
}

void jsonata_free_variables(const struct jsonata *expression, void (*report)(void *context, const char *name),
                            void *context)
{
    for (const struct global *global = expression->globals; global; global = global->next)
        if (global->free && global->native == NULL && strcmp(global->name, "$") != 0)
            report(context, global->name);
}
