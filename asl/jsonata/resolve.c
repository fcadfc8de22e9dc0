/*
 * resolve.c - the tree of operators becomes the checked tree.
 *
 * "a.b[c]" turns into a path of steps with their predicates, "^" into a sort step, "{" behind a
 * sequence into its group. The parent operator % is resolved here: each one carries a slot that
 * travels backwards over the steps (seek_parent) until it meets the step whose input it means; that
 * step then leaves its input in the tuple stream under the slot's label.
 */
#include "asl/jsonata/tree.h"

#include <string.h>

static struct node *resolve_node(struct maker *m, struct node *node);

static void ancestors_add(struct maker *m, struct ancestors *list, struct ancestor *slot)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 4;
        struct ancestor **items = ARENA_ARRAY(m->arena, struct ancestor *, capacity);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = slot;
}

/* What the reference calls the kinds of node. */
static const char *type_name(const struct node *node)
{
    switch (node->type) {
    case NODE_NAME:
        return "name";
    case NODE_STRING:
        return "string";
    case NODE_NUMBER:
        return "number";
    case NODE_VALUE:
        return "value";
    case NODE_VARIABLE:
        return "variable";
    case NODE_REGEX:
        return "regex";
    case NODE_WILDCARD:
        return "wildcard";
    case NODE_DESCENDANT:
        return "descendant";
    case NODE_PARENT:
        return "parent";
    case NODE_BINARY:
        return "binary";
    case NODE_NEGATE:
    case NODE_ARRAY:
    case NODE_OBJECT:
        return "unary";
    case NODE_FUNCTION:
        return "function";
    case NODE_PARTIAL:
        return "partial";
    case NODE_LAMBDA:
    case NODE_TAIL_CALL:
        return "lambda";
    case NODE_CONDITION:
    case NODE_DEFAULT:
    case NODE_COALESCE:
        return "condition";
    case NODE_BLOCK:
        return "block";
    case NODE_BIND:
        return "bind";
    case NODE_APPLY:
        return "apply";
    case NODE_TRANSFORM:
        return "transform";
    case NODE_PATH:
        return "path";
    case NODE_SORT:
        return "sort";
    case NODE_OPERATOR:
        return "operator";
    case NODE_END:
        return "(end)";
    }
    return "";
}

/* Moves a slot back over one step. */
static void seek_parent(struct maker *m, struct node *node, struct ancestor *slot)
{
    switch (node->type) {
    case NODE_NAME:
    case NODE_WILDCARD:
        if (--slot->level == 0) {
            if (node->ancestor) /* a step has one label for all who ask */
                slot->label = node->ancestor->label;
            node->ancestor = slot;
            node->tuple = true;
        }
        return;
    case NODE_PARENT:
        slot->level++;
        return;
    case NODE_BLOCK:
        if (node->items.count > 0) {
            node->tuple = true;
            seek_parent(m, node->items.items[node->items.count - 1], slot);
        }
        return;
    case NODE_PATH: {
        node->tuple = true;
        size_t i = node->items.count;
        seek_parent(m, node->items.items[--i], slot);
        while (slot->level > 0 && i > 0)
            seek_parent(m, node->items.items[--i], slot);
        return;
    }
    default:
        make_fail(m, "S0217", node->position, type_name(node), NULL);
    }
}

/* The slots a part still seeks are sought by the whole. */
static void push_ancestry(struct maker *m, struct node *whole, struct node *part)
{
    for (size_t i = 0, count = part->seeking.count; i < count; i++)
        ancestors_add(m, &whole->seeking, part->seeking.items[i]);
    if (part->type == NODE_PARENT)
        ancestors_add(m, &whole->seeking, part->slot);
}

/* Looks for the ancestors the last step seeks among the steps before it. */
static void resolve_ancestry(struct maker *m, struct node *path)
{
    size_t last = path->items.count - 1;
    struct node *step = path->items.items[last];
    struct ancestors slots = {0};
    for (size_t i = 0; i < step->seeking.count; i++)
        ancestors_add(m, &slots, step->seeking.items[i]);
    if (step->type == NODE_PARENT)
        ancestors_add(m, &slots, step->slot);
    for (size_t i = 0; i < slots.count; i++) {
        struct ancestor *slot = slots.items[i];
        size_t at = last;
        while (slot->level > 0) {
            if (at == 0) {
                ancestors_add(m, &path->seeking, slot);
                break;
            }
            struct node *before = path->items.items[--at];
            /* steps that bind the focus keep the context: they stand side by side */
            while (at > 0 && before->focus && path->items.items[at - 1]->focus)
                before = path->items.items[--at];
            seek_parent(m, before, slot);
        }
    }
}

static struct node *path_of(struct maker *m, struct node *step)
{
    if (step->type == NODE_PATH)
        return step;
    struct node *path = node_new(m, NODE_PATH, step->position);
    nodes_add(m, &path->items, step);
    return path;
}

static struct node *last_step(struct node *node)
{
    return node->type == NODE_PATH ? node->items.items[node->items.count - 1] : node;
}

static struct node *resolve_dot(struct maker *m, struct node *node)
{
    struct node *left = resolve_node(m, node->lhs);
    struct node *path = path_of(m, left);
    if (left->type == NODE_PARENT)
        ancestors_add(m, &path->seeking, left->slot);
    struct node *rest = resolve_node(m, node->rhs);
    if (rest->type == NODE_PATH) {
        for (size_t i = 0; i < rest->items.count; i++)
            nodes_add(m, &path->items, rest->items.items[i]);
    } else {
        if (rest->predicates) {
            rest->stages = rest->predicates;
            rest->predicates = NULL;
        }
        nodes_add(m, &path->items, rest);
    }
    for (size_t i = 0; i < path->items.count; i++) {
        struct node *step = path->items.items[i];
        if (step->type == NODE_NUMBER || step->type == NODE_VALUE) {
            m->raw_value = true;
            make_fail(m, "S0213", step->position, NULL, arena_strndup(m->arena, step->text, step->bytes));
        }
        if (step->type == NODE_STRING)
            step->type = NODE_NAME;
        if (step->keep_array)
            path->keep_singleton = true;
    }
    struct node *first = path->items.items[0], *last = last_step(path);
    if (first->type == NODE_ARRAY)
        first->cons = true;
    if (last->type == NODE_ARRAY)
        last->cons = true;
    resolve_ancestry(m, path);
    return path;
}

static void stage_add(struct maker *m, struct stage **list, struct stage stage)
{
    while (*list)
        list = &(*list)->next;
    *list = ARENA_NEW(m->arena, struct stage);
    **list = stage;
}

static struct node *resolve_filter(struct maker *m, struct node *node)
{
    struct node *result = resolve_node(m, node->lhs);
    struct node *step = last_step(result);
    if (step->group)
        make_fail(m, "S0209", node->position, NULL, NULL);
    struct node *predicate = resolve_node(m, node->rhs);
    if (predicate->seeking.count) {
        for (size_t i = 0; i < predicate->seeking.count; i++) {
            struct ancestor *slot = predicate->seeking.items[i];
            if (slot->level == 1)
                seek_parent(m, step, slot);
            else
                slot->level--;
        }
        push_ancestry(m, step, predicate);
    }
    stage_add(m, result->type == NODE_PATH ? &step->stages : &step->predicates,
              (struct stage){.filter = predicate, .position = node->position});
    return result;
}

static void resolve_items(struct maker *m, struct node *node, bool with_ancestry)
{
    for (size_t i = 0; i < node->items.count; i++) {
        node->items.items[i] = resolve_node(m, node->items.items[i]);
        if (with_ancestry)
            push_ancestry(m, node, node->items.items[i]);
    }
}

static struct node *resolve_group(struct maker *m, struct node *node)
{
    struct node *result = resolve_node(m, node->lhs);
    if (result->group)
        make_fail(m, "S0210", node->position, NULL, NULL);
    resolve_items(m, node, false);
    result->group = ARENA_NEW(m->arena, struct group);
    *result->group = (struct group){node->items, node->position};
    return result;
}

static struct node *resolve_order(struct maker *m, struct node *node)
{
    struct node *path = path_of(m, resolve_node(m, node->lhs));
    struct node *sort = node_new(m, NODE_SORT, node->position);
    sort->items = node->items;
    sort->descending = node->descending;
    resolve_items(m, sort, true);
    nodes_add(m, &path->items, sort);
    resolve_ancestry(m, path);
    return path;
}

static struct node *resolve_focus(struct maker *m, struct node *node)
{
    struct node *result = resolve_node(m, node->lhs);
    struct node *step = last_step(result);
    if (step->stages || step->predicates)
        make_fail(m, "S0215", node->position, NULL, NULL);
    if (step->type == NODE_SORT)
        make_fail(m, "S0216", node->position, NULL, NULL);
    if (node->keep_array)
        step->keep_array = true;
    step->focus = name_number(m, node->rhs->text, node->rhs->bytes, true);
    step->tuple = true;
    return result;
}

static struct node *resolve_index(struct maker *m, struct node *node)
{
    struct node *result = resolve_node(m, node->lhs);
    struct node *step = last_step(result);
    if (result->type != NODE_PATH) {
        result = path_of(m, result);
        step->stages = step->predicates;
        step->predicates = NULL;
    }
    uint32_t name = name_number(m, node->rhs->text, node->rhs->bytes, true);
    if (step->stages)
        stage_add(m, &step->stages, (struct stage){.index_name = name, .position = node->position});
    else
        step->index = name;
    step->tuple = true;
    return result;
}

static struct node *resolve_binary(struct maker *m, struct node *node)
{
    switch (node->op) {
    case OP_DOT:
        return resolve_dot(m, node);
    case OP_BRACKET:
        return resolve_filter(m, node);
    case OP_BRACE:
        return resolve_group(m, node);
    case OP_CARET:
        return resolve_order(m, node);
    case OP_FOCUS:
        return resolve_focus(m, node);
    case OP_INDEX:
        return resolve_index(m, node);
    case OP_BIND:
        node->type = NODE_BIND;
        node->rhs = resolve_node(m, node->rhs);
        push_ancestry(m, node, node->rhs);
        return node;
    case OP_CHAIN:
        node->type = NODE_APPLY;
        node->lhs = resolve_node(m, node->lhs);
        node->rhs = resolve_node(m, node->rhs);
        node->keep_array = node->keep_array || node->lhs->keep_array || node->rhs->keep_array;
        return node;
    default:
        node->lhs = resolve_node(m, node->lhs);
        node->rhs = resolve_node(m, node->rhs);
        push_ancestry(m, node, node->lhs);
        push_ancestry(m, node, node->rhs);
        return node;
    }
}

/* A call in tail position is not made by the function that contains it but by its caller. */
static struct node *tail_calls(struct maker *m, struct node *node)
{
    if (node->predicates || node->group)
        return node;
    switch (node->type) {
    case NODE_FUNCTION: {
        struct node *tail = node_new(m, NODE_TAIL_CALL, node->position);
        tail->lhs = node;
        return tail;
    }
    case NODE_CONDITION:
        node->rhs = tail_calls(m, node->rhs);
        if (node->other)
            node->other = tail_calls(m, node->other);
        return node;
    case NODE_DEFAULT:
    case NODE_COALESCE:
        node->rhs = tail_calls(m, node->rhs);
        return node;
    case NODE_BLOCK:
        if (node->items.count)
            node->items.items[node->items.count - 1] = tail_calls(m, node->items.items[node->items.count - 1]);
        return node;
    default:
        return node;
    }
}

static struct node *resolve_name(struct maker *m, struct node *node)
{
    node->type = NODE_NAME;
    struct node *path = node_new(m, NODE_PATH, node->position);
    nodes_add(m, &path->items, node);
    path->keep_singleton = node->keep_array;
    return path;
}

static struct node *resolve_by_type(struct maker *m, struct node *node)
{
    switch (node->type) {
    case NODE_BINARY:
        return resolve_binary(m, node);
    case NODE_NEGATE:
        node->lhs = resolve_node(m, node->lhs);
        if (node->lhs->type == NODE_NUMBER) {
            node->lhs->number = -node->lhs->number;
            return node->lhs;
        }
        push_ancestry(m, node, node->lhs);
        return node;
    case NODE_ARRAY:
    case NODE_OBJECT:
        resolve_items(m, node, true);
        return node;
    case NODE_FUNCTION:
    case NODE_PARTIAL:
        resolve_items(m, node, true);
        node->lhs = resolve_node(m, node->lhs);
        return node;
    case NODE_LAMBDA:
        node->rhs = tail_calls(m, resolve_node(m, node->rhs));
        return node;
    case NODE_CONDITION:
    case NODE_DEFAULT:
    case NODE_COALESCE:
        node->lhs = resolve_node(m, node->lhs);
        push_ancestry(m, node, node->lhs);
        node->rhs = resolve_node(m, node->rhs);
        push_ancestry(m, node, node->rhs);
        if (node->other) {
            node->other = resolve_node(m, node->other);
            push_ancestry(m, node, node->other);
        }
        return node;
    case NODE_TRANSFORM:
        node->lhs = resolve_node(m, node->lhs);
        node->rhs = resolve_node(m, node->rhs);
        if (node->other)
            node->other = resolve_node(m, node->other);
        return node;
    case NODE_BLOCK:
        resolve_items(m, node, true);
        for (size_t i = 0; i < node->items.count; i++) {
            const struct node *part = node->items.items[i];
            if (part->cons || (part->type == NODE_PATH && part->items.items[0]->cons))
                node->cons = true;
        }
        return node;
    case NODE_NAME:
        return resolve_name(m, node);
    case NODE_PARENT:
        node->slot = ARENA_NEW(m->arena, struct ancestor);
        *node->slot = (struct ancestor){.label = ++m->label_count, .level = 1};
        return node;
    case NODE_OPERATOR:
        if (node->op == OP_AND || node->op == OP_OR || node->op == OP_IN)
            return resolve_name(m, node);
        if (node->op == OP_QUESTION) /* of a partial application */
            return node;
        make_fail(m, "S0201", node->position, operator_text(node->op), NULL);
    case NODE_END:
        make_fail(m, "S0207", node->position, "(end)", NULL);
    default:
        return node;
    }
}

static struct node *resolve_node(struct maker *m, struct node *node)
{
    make_check_stack(m);
    bool keep_array = node->keep_array;
    struct node *result = resolve_by_type(m, node);
    result->keep_array = result->keep_array || keep_array;
    return result;
}

struct node *resolve(struct maker *m, struct node *tree)
{
    struct node *result = resolve_node(m, tree);
    if (result->type == NODE_PARENT || result->seeking.count)
        make_fail(m, "S0217", result->position, type_name(result), NULL);
    return result;
}
