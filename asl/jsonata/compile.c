/* compile.c - the checked tree becomes code. */
#include "asl/jsonata/code.h"
#include "asl/jsonata/native.h"
#include "asl/jsonata/regex.h"
#include "asl/jsonata/signature.h"

#include <json-c/linkhash.h>
#include <string.h>

struct variable {
    struct variable *next;
    const char *text;
    size_t bytes;
    int32_t slot;
    bool parameter; /* always bound */
};

struct scope {
    const struct scope *outer;
    struct variable *variables;
    int32_t count;
    bool tuple;
};

struct compiler {
    struct maker *m;
    struct jsonata *expression;
    const struct scope *scope;
    struct lh_table *hasher;
};

static struct code *compile_node(struct compiler *c, const struct node *node);

int32_t scope_slot(const struct scope *scope, const char *name, size_t bytes)
{
    for (const struct variable *v = scope->variables; v; v = v->next)
        if (v->bytes == bytes && memcmp(v->text, name, bytes) == 0)
            return v->slot;
    return -1;
}

const char *scope_name(const struct scope *scope, int32_t slot, size_t *ret_bytes)
{
    for (const struct variable *v = scope->variables; v; v = v->next) {
        if (v->slot == slot) {
            *ret_bytes = v->bytes;
            return v->text;
        }
    }
    return NULL;
}

static int32_t declare(struct compiler *c, struct scope *scope, const struct node *name, bool parameter)
{
    int32_t slot = parameter ? -1 : scope_slot(scope, name->text, name->bytes);
    if (slot >= 0)
        return slot;
    struct variable *variable = ARENA_NEW(c->m->arena, struct variable);
    *variable = (struct variable){scope->variables, name->text, name->bytes, scope->count++, parameter};
    scope->variables = variable;
    return variable->slot;
}

static void declare_bound(struct compiler *c, struct scope *scope, const struct node *node);

static void declare_bound_in(struct compiler *c, struct scope *scope, const struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        declare_bound(c, scope, nodes->items[i]);
}

static void declare_bound_in_stages(struct compiler *c, struct scope *scope, const struct stage *stage)
{
    for (; stage; stage = stage->next)
        if (stage->filter)
            declare_bound(c, scope, stage->filter);
}

/* Finds what := binds in the frame of a scope: everything but what stands in frames further inside. */
static void declare_bound(struct compiler *c, struct scope *scope, const struct node *node)
{
    make_check_stack(c->m);
    if (node == NULL)
        return;
    declare_bound_in_stages(c, scope, node->predicates);
    declare_bound_in_stages(c, scope, node->stages);
    if (node->group)
        declare_bound_in(c, scope, &node->group->pairs);
    if (node->type == NODE_BLOCK || node->type == NODE_LAMBDA)
        return;
    if (node->type == NODE_BIND)
        declare(c, scope, node->lhs, false);
    else
        declare_bound(c, scope, node->lhs);
    declare_bound(c, scope, node->rhs);
    declare_bound(c, scope, node->other);
    declare_bound_in(c, scope, &node->items);
}

static struct code *code_new(struct compiler *c, enum code_op op, const struct node *node)
{
    struct code *code = ARENA_NEW(c->m->arena, struct code);
    code->op = op;
    code->position = node->position;
    return code;
}

static struct global *global_of(struct compiler *c, const char *text, size_t bytes)
{
    struct jsonata *expression = c->expression;
    for (struct global *g = expression->globals; g; g = g->next)
        if (strlen(g->name) == bytes && memcmp(g->name, text, bytes) == 0)
            return g;
    struct global *global = ARENA_NEW(c->m->arena, struct global);
    global->name = arena_strndup(c->m->arena, text, bytes);
    global->number = expression->global_count++;
    global->native = native_find(global->name, expression->dialect);
    if (global->native && global->native->signature) {
        const char *code;
        size_t offset;
        const char *signature = global->native->signature;
        global->signature = signature_parse(c->m->arena, signature, strlen(signature), &code, &offset);
    }
    global->next = expression->globals;
    expression->globals = global;
    return global;
}

/* The places where a variable may be found, from the inside out. */
static struct code *compile_variable(struct compiler *c, const struct node *node)
{
    if (node->bytes == 0)
        return code_new(c, CODE_CONTEXT, node);
    struct code *code = code_new(c, CODE_GLOBAL, node);
    struct ref refs[16];
    uint32_t hops = 0, number = name_number(c->m, node->text, node->bytes, false);
    bool certain = false;
    size_t count = 0;
    for (const struct scope *scope = c->scope; scope && !certain && count + 2 <= 16; scope = scope->outer, hops++) {
        for (const struct variable *v = scope->variables; v; v = v->next) {
            if (v->bytes == node->bytes && memcmp(v->text, node->text, v->bytes) == 0) {
                refs[count++] = (struct ref){hops, v->slot};
                certain = v->parameter;
                break;
            }
        }
        if (!certain && scope->tuple && number)
            refs[count++] = (struct ref){hops, REF_TUPLE};
    }
    code->number = number;
    code->name = arena_strndup(c->m->arena, node->text, node->bytes);
    if (count) {
        code->op = CODE_VARIABLE;
        struct ref *kept = ARENA_ARRAY(c->m->arena, struct ref, count);
        memcpy(kept, refs, count * sizeof *kept);
        code->refs = kept;
        code->ref_count = (uint32_t)count;
    }
    if (!certain) {
        struct global *global = global_of(c, node->text, node->bytes);
        global->free = global->free || count == 0;
        code->global = global;
    }
    code->scope = c->scope;
    return code;
}

static const struct code **compile_nodes(struct compiler *c, const struct nodes *nodes)
{
    const struct code **items = ARENA_ARRAY(c->m->arena, const struct code *, nodes->count ? nodes->count : 1);
    for (size_t i = 0; i < nodes->count; i++)
        items[i] = compile_node(c, nodes->items[i]);
    return items;
}

/* Compiles inside of the frame a tuple brings; *ret_count gets the slots of the frame. */
static struct code *compile_in_tuple(struct compiler *c, const struct node *node, uint32_t *ret_count)
{
    struct scope scope = {.outer = c->scope, .tuple = true};
    declare_bound(c, &scope, node);
    struct scope *kept = ARENA_NEW(c->m->arena, struct scope);
    *kept = scope;
    c->scope = kept;
    struct code *code = compile_node(c, node);
    c->scope = scope.outer;
    *ret_count = (uint32_t)scope.count;
    return code;
}

static const struct code_stage *compile_stages(struct compiler *c, const struct stage *stages, bool tuples)
{
    struct code_stage *first = NULL, **last = &first;
    for (const struct stage *s = stages; s; s = s->next) {
        struct code_stage *stage = ARENA_NEW(c->m->arena, struct code_stage);
        stage->index = s->index_name;
        if (s->filter && tuples)
            stage->filter = compile_in_tuple(c, s->filter, &stage->frame_count);
        else if (s->filter)
            stage->filter = compile_node(c, s->filter);
        *last = stage;
        last = &stage->next;
    }
    return first;
}

static bool distinct_literals(const struct code *object)
{
    for (uint32_t i = 0; i < object->count; i += 2) {
        const struct code *key = object->items[i];
        if (key->op != CODE_CONSTANT || key->constant.type != V_STRING || !key->finished || i > 32)
            return false;
        for (uint32_t j = 0; j < i; j += 2)
            if (text_same(text_of(key->constant), text_of(object->items[j]->constant)))
                return false;
    }
    return true;
}

static struct code *compile_pairs(struct compiler *c, const struct node *node, const struct nodes *pairs, int position,
                                  bool tuples)
{
    struct code *object = code_new(c, CODE_OBJECT, node);
    object->position = position;
    object->count = (uint32_t)pairs->count;
    object->finished = true;
    if (!tuples) {
        object->items = compile_nodes(c, pairs);
    } else {
        struct scope scope = {.outer = c->scope, .tuple = true};
        declare_bound_in(c, &scope, pairs);
        struct scope *kept = ARENA_NEW(c->m->arena, struct scope);
        *kept = scope;
        c->scope = kept;
        object->items = compile_nodes(c, pairs);
        c->scope = scope.outer;
        object->frame_count = (uint32_t)scope.count;
    }
    object->literal_keys = distinct_literals(object);
    return object;
}

static void set_name(struct compiler *c, struct code *code, const char *text, size_t bytes)
{
    code->name = arena_strndup(c->m->arena, text, bytes);
    code->constant = value_text(code->name, bytes);
    code->hash = lh_get_hash(c->hasher, code->name);
}

static struct code *compile_sort(struct compiler *c, const struct node *node, bool tuples)
{
    struct code *sort = code_new(c, CODE_SORT, node);
    sort->count = (uint32_t)node->items.count;
    sort->descending = node->descending;
    sort->carries = tuples;
    if (!tuples) {
        sort->items = compile_nodes(c, &node->items);
        return sort;
    }
    struct node all = {.type = NODE_SORT, .items = node->items};
    struct scope *scope = ARENA_NEW(c->m->arena, struct scope);
    *scope = (struct scope){.outer = c->scope, .tuple = true};
    declare_bound(c, scope, &all);
    c->scope = scope;
    sort->items = compile_nodes(c, &node->items);
    c->scope = scope->outer;
    sort->frame_count = (uint32_t)scope->count;
    return sort;
}

/* A block whose tuple stream is asked for hands it on; everywhere else streams end at the block. */
static void pass_stream(struct code *code)
{
    if (code->op == CODE_BLOCK && code->tuple)
        code->stream = true;
}

static struct code *compile_step(struct compiler *c, const struct node *node, bool tuples)
{
    struct code *step;
    if (node->type == NODE_SORT) {
        step = compile_sort(c, node, tuples);
    } else if (tuples) {
        uint32_t count;
        struct node bare = *node; /* its stages belong to the path, not to the step's own frame */
        bare.stages = NULL;
        step = compile_in_tuple(c, &bare, &count);
        pass_stream(step);
        if (step->op == CODE_BLOCK || step->op == CODE_LAMBDA) {
            struct code *wrapper = code_new(c, CODE_HOLE, node); /* two frames: the tuple's and its own */
            wrapper->a = step;
            wrapper->cons = step->cons;
            step = wrapper;
        }
        step->frame_count = count;
    } else {
        step = compile_node(c, node);
    }
    step->stages = compile_stages(c, node->stages, tuples);
    step->carries = tuples;
    step->focus = node->focus;
    step->index = node->index;
    step->ancestor = node->ancestor ? node->ancestor->label | ANCESTOR_LABEL : 0;
    step->simple = step->op == CODE_NAME && step->finished && !step->stages && !tuples;
    return step;
}

static struct code *compile_path(struct compiler *c, const struct node *node)
{
    struct code *path = code_new(c, CODE_PATH, node);
    path->count = (uint32_t)node->items.count;
    path->items = ARENA_ARRAY(c->m->arena, const struct code *, path->count);
    path->keep_singleton = node->keep_singleton;
    path->tuple = path->stream = node->tuple;
    bool tuples = false;
    for (size_t i = 0; i < node->items.count; i++) {
        const struct node *step = node->items.items[i];
        tuples = tuples || step->tuple;
        path->items[i] = compile_step(c, step, tuples && !(i == 0 && step->cons));
    }
    path->carries = tuples;
    if (node->group)
        path->group = compile_pairs(c, node, &node->group->pairs, node->group->position, tuples);
    return path;
}

static struct code *compile_block(struct compiler *c, const struct node *node)
{
    struct code *block = code_new(c, CODE_BLOCK, node), *last = NULL;
    struct scope *scope = ARENA_NEW(c->m->arena, struct scope);
    scope->outer = c->scope;
    declare_bound_in(c, scope, &node->items);
    if (scope->count) /* a block that binds nothing needs no frame */
        c->scope = scope;
    block->count = (uint32_t)node->items.count;
    block->items = ARENA_ARRAY(c->m->arena, const struct code *, block->count + 1);
    for (uint32_t i = 0; i < block->count; i++)
        block->items[i] = last = compile_node(c, node->items.items[i]);
    c->scope = scope->outer;
    block->frame_count = (uint32_t)scope->count;
    if (node->tuple && last)
        pass_stream(last);
    return block;
}

static struct code *compile_lambda(struct compiler *c, const struct node *node)
{
    struct code *lambda = code_new(c, CODE_LAMBDA, node);
    struct scope *scope = ARENA_NEW(c->m->arena, struct scope);
    scope->outer = c->scope;
    int32_t *parameters = ARENA_ARRAY(c->m->arena, int32_t, node->items.count ? node->items.count : 1);
    for (size_t i = 0; i < node->items.count; i++)
        parameters[i] = declare(c, scope, node->items.items[i], true);
    declare_bound(c, scope, node->rhs);
    c->scope = scope;
    lambda->a = compile_node(c, node->rhs);
    c->scope = scope->outer;
    lambda->parameters = parameters;
    lambda->count = (uint32_t)node->items.count;
    lambda->frame_count = (uint32_t)scope->count;
    lambda->signature = node->signature;
    return lambda;
}

static struct code *compile_call(struct compiler *c, const struct node *node)
{
    struct code *call = code_new(c, node->type == NODE_PARTIAL ? CODE_PARTIAL : CODE_CALL, node);
    const struct node *callee = node->lhs;
    call->a = compile_node(c, callee);
    call->count = (uint32_t)node->items.count;
    call->items = compile_nodes(c, &node->items);
    if (callee->type == NODE_PATH && callee->items.items[0]->text) { /* the "$" was forgotten? */
        struct node hint = *callee->items.items[0];
        hint.type = NODE_VARIABLE;
        call->name = arena_strndup(c->m->arena, hint.text, hint.bytes);
        call->b = compile_variable(c, &hint);
    } else if (callee->type == NODE_VARIABLE || callee->type == NODE_STRING) {
        call->name = arena_strndup(c->m->arena, callee->text, callee->bytes);
    }
    return call;
}

static struct code *compile_bind(struct compiler *c, const struct node *node)
{
    struct code *bind = code_new(c, CODE_BIND, node);
    uint32_t hops = 0;
    const struct scope *scope = c->scope;
    int32_t slot;
    /* The frame it binds in is the innermost one; blocks that bind nothing have none. */
    while ((slot = scope_slot(scope, node->lhs->text, node->lhs->bytes)) < 0) {
        scope = scope->outer;
        hops++;
    }
    struct ref *ref = ARENA_NEW(c->m->arena, struct ref);
    *ref = (struct ref){hops, slot};
    bind->refs = ref;
    bind->a = compile_node(c, node->rhs);
    return bind;
}

static struct code *compile_binary(struct compiler *c, const struct node *node)
{
    enum code_op op = node->op == OP_AND ? CODE_AND : node->op == OP_OR ? CODE_OR : CODE_OPERATOR;
    struct code *code = code_new(c, op, node);
    code->oper = node->op;
    code->a = compile_node(c, node->lhs);
    code->b = compile_node(c, node->rhs);
    return code;
}

static struct code *compile_literal(struct compiler *c, const struct node *node)
{
    struct code *code = code_new(c, CODE_CONSTANT, node);
    if (node->type == NODE_STRING)
        code->constant = value_text(node->text, node->bytes);
    else if (node->type == NODE_NUMBER)
        code->constant = value_double(node->number);
    else if (node->text[0] == 'n')
        code->constant = VALUE_NULL;
    else
        code->constant = value_boolean(node->text[0] == 't');
    return code;
}

static struct code *compile_array(struct compiler *c, const struct node *node)
{
    struct code *array = code_new(c, CODE_ARRAY, node);
    array->count = (uint32_t)node->items.count;
    array->items = ARENA_ARRAY(c->m->arena, const struct code *, array->count + 1);
    for (uint32_t i = 0; i < array->count; i++) {
        struct code *item = compile_node(c, node->items.items[i]);
        item->nested = node->items.items[i]->type == NODE_ARRAY;
        array->items[i] = item;
    }
    return array;
}

static struct code *compile_parts(struct compiler *c, const struct node *node, enum code_op op)
{
    struct code *code = code_new(c, op, node);
    if (node->lhs)
        code->a = compile_node(c, node->lhs);
    if (node->rhs)
        code->b = compile_node(c, node->rhs);
    if (node->other)
        code->c = compile_node(c, node->other);
    return code;
}

static struct code *compile_transform(struct compiler *c, const struct node *node)
{
    struct code *transform = compile_parts(c, node, CODE_TRANSFORM);
    struct node clone = {.type = NODE_VARIABLE, .position = node->position, .text = "clone", .bytes = 5};
    transform->clone = compile_node(c, &clone);
    return transform;
}

static struct code *compile_by_type(struct compiler *c, const struct node *node)
{
    switch (node->type) {
    case NODE_STRING:
    case NODE_NUMBER:
    case NODE_VALUE:
        return compile_literal(c, node);
    case NODE_NAME: {
        struct code *name = code_new(c, CODE_NAME, node);
        set_name(c, name, node->text, node->bytes);
        return name;
    }
    case NODE_VARIABLE:
        return compile_variable(c, node);
    case NODE_REGEX: {
        struct code *regex = code_new(c, CODE_REGEX, node);
        regex->regex = regex_compile(c->m, &c->expression->regexes, node);
        return regex;
    }
    case NODE_WILDCARD:
        return code_new(c, CODE_WILDCARD, node);
    case NODE_DESCENDANT:
        return code_new(c, CODE_DESCENDANT, node);
    case NODE_PARENT: {
        struct code *parent = code_new(c, CODE_PARENT, node);
        parent->number = node->slot->label | ANCESTOR_LABEL;
        return parent;
    }
    case NODE_BINARY:
        return compile_binary(c, node);
    case NODE_NEGATE:
        return compile_parts(c, node, CODE_NEGATE);
    case NODE_ARRAY:
        return compile_array(c, node);
    case NODE_OBJECT:
        return compile_pairs(c, node, &node->items, node->position, false);
    case NODE_FUNCTION:
    case NODE_PARTIAL:
        return compile_call(c, node);
    case NODE_LAMBDA:
        return compile_lambda(c, node);
    case NODE_CONDITION:
        return compile_parts(c, node, CODE_CONDITION);
    case NODE_DEFAULT:
        return compile_parts(c, node, CODE_DEFAULT);
    case NODE_COALESCE:
        return compile_parts(c, node, CODE_COALESCE);
    case NODE_BLOCK:
        return compile_block(c, node);
    case NODE_BIND:
        return compile_bind(c, node);
    case NODE_APPLY:
        return compile_parts(c, node, CODE_APPLY);
    case NODE_TRANSFORM:
        return compile_transform(c, node);
    case NODE_TAIL_CALL:
        return compile_parts(c, node, CODE_TAIL_CALL);
    case NODE_PATH:
        return compile_path(c, node);
    case NODE_OPERATOR:
    case NODE_SORT:
    case NODE_END:
        break;
    }
    return code_new(c, CODE_HOLE, node);
}

static struct code *compile_node(struct compiler *c, const struct node *node)
{
    make_check_stack(c->m);
    struct code *code = compile_by_type(c, node);
    code->keep_array = node->keep_array;
    code->cons = node->cons;
    if (node->type == NODE_BLOCK)
        code->tuple = node->tuple;
    code->predicates = compile_stages(c, node->predicates, node->type == NODE_BLOCK && node->tuple);
    if (node->group && node->type != NODE_PATH)
        code->group =
            compile_pairs(c, node, &node->group->pairs, node->group->position, node->type == NODE_BLOCK && node->tuple);
    code->finished = !code->predicates && !code->group && !code->keep_array;
    return code;
}

struct compiled compile(struct maker *m, struct jsonata *expression, const struct node *tree, const struct scope *outer)
{
    struct compiler c = {.m = m, .expression = expression, .hasher = lh_kchar_table_new(1, NULL)};
    struct scope *scope = ARENA_NEW(m->arena, struct scope);
    scope->outer = outer;
    declare_bound(&c, scope, tree);
    c.scope = scope;
    m->hasher = c.hasher; /* freed by make(), also when this fails */
    const struct code *code = compile_node(&c, tree);
    return (struct compiled){code, (uint32_t)scope->count, scope};
}
