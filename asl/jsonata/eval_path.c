/*
 * eval_path.c - paths: steps that map over a sequence, their predicates, and tuple streams.
 *
 * A step is evaluated for each item and the results are joined to one sequence; arrays among them are
 * flattened, but those written [ ... ] in the path. As soon as a step binds a variable (@, #) or is
 * what a % means, the path carries tuples instead of items: the item and what was bound on the way.
 */
#include "asl/jsonata/code.h"
#include "asl/jsonata/eval.h"

#include <json-c/linkhash.h>
#include <math.h>

static struct value member_of(struct value object, const struct code *name)
{
    if (!object.json) {
        const struct member *member = object_find(object.as.object, text_of(name->constant));
        return member ? member->value : VALUE_UNDEFINED;
    }
    struct lh_table *table = json_object_get_object(object.as.source);
    const struct lh_entry *entry = lh_table_lookup_entry_w_hash(table, name->name, name->hash);
    return entry ? value_of_json((struct json_object *)lh_entry_v(entry)) : VALUE_UNDEFINED;
}

static void add_flat(struct eval *e, struct array *out, struct value v)
{
    if (v.type == V_ARRAY)
        array_push_all(e, out, v);
    else if (!is_undefined(v))
        array_push(e, out, v);
}

struct value eval_name(struct eval *e, struct value input, const struct code *name)
{
    if (input.type == V_OBJECT)
        return member_of(input, name);
    if (input.type != V_ARRAY)
        return VALUE_UNDEFINED;
    eval_enter(e);
    struct array *out = sequence_new(e);
    size_t count = array_count(input);
    for (size_t i = 0; i < count; i++) {
        tick(e);
        add_flat(e, out, eval_name(e, array_at(input, i), name));
    }
    eval_leave(e);
    return value_array(out);
}

struct value lookup(struct eval *e, struct value input, struct text key)
{
    struct value found = VALUE_UNDEFINED;
    if (input.type == V_OBJECT)
        object_get(input, key, &found);
    if (input.type != V_ARRAY)
        return found;
    eval_enter(e);
    struct array *out = sequence_new(e);
    size_t count = array_count(input);
    for (size_t i = 0; i < count; i++) {
        tick(e);
        add_flat(e, out, lookup(e, array_at(input, i), key));
    }
    eval_leave(e);
    return value_array(out);
}

struct frame *tuple_frame(struct eval *e, struct value item, struct frame *parent, uint32_t count)
{
    struct frame *frame = frame_new(e, parent, count);
    if (item.type == V_TUPLE)
        frame->tuple = item.as.tuple->bindings;
    return frame;
}

/* Whether position i is among the numbers of a predicate's result. */
static void add_selected(struct eval *e, struct array *out, struct value positions, size_t i, size_t count,
                         struct value item)
{
    size_t wanted = positions.type == V_ARRAY ? array_count(positions) : 1;
    for (size_t n = 0; n < wanted; n++) {
        struct value position = positions.type == V_ARRAY ? array_at(positions, n) : positions;
        double index = floor(number_of(position));
        if (index < 0)
            index += (double)count;
        if (index == (double)i)
            array_push(e, out, item);
    }
}

static bool all_numbers(struct eval *e, struct value v)
{
    if (v.type != V_ARRAY)
        return value_numeric(e, v);
    size_t count = array_count(v);
    for (size_t i = 0; i < count; i++)
        if (!value_numeric(e, array_at(v, i)))
            return false;
    return true;
}

static struct value filter_by_position(struct eval *e, double position, bool tuples, struct value input)
{
    size_t count = input.type == V_ARRAY ? array_count(input) : 1;
    double index = floor(position);
    if (index < 0)
        index += (double)count;
    struct array *out = sequence_new(e);
    out->tuple_stream = tuples;
    if (index >= 0 && index < (double)count) {
        struct value item = input.type == V_ARRAY ? array_at(input, (size_t)index) : input;
        if (item.type == V_ARRAY)
            return item;
        if (!is_undefined(item))
            array_push(e, out, item);
    }
    return value_array(out);
}

struct value eval_filter(struct eval *e, const struct code_stage *stage, bool tuples, struct value input,
                         struct frame *frame)
{
    const struct code *predicate = stage->filter;
    bool stream = is_tuple_stream(input);
    if (predicate->op == CODE_CONSTANT && predicate->constant.type == V_NUMBER)
        return filter_by_position(e, predicate->constant.as.number, stream, input);
    struct array *out = sequence_new(e);
    out->tuple_stream = stream;
    size_t count = input.type == V_ARRAY ? array_count(input) : 1;
    for (size_t i = 0; i < count; i++) {
        struct value item = input.type == V_ARRAY ? array_at(input, i) : input;
        struct frame *inner = tuples ? tuple_frame(e, item, frame, stage->frame_count) : frame;
        struct value result = eval(e, predicate, tuple_context(item), inner);
        if (inner != frame)
            frame_release(e, inner);
        if (result.type != V_BOOLEAN && all_numbers(e, result))
            add_selected(e, out, result, i, count, item);
        else if (value_truth(e, result))
            array_push(e, out, item);
    }
    return value_array(out);
}

static struct value bind_positions(struct eval *e, uint32_t name, struct value tuples)
{
    for (uint32_t i = 0; i < tuples.as.array->count; i++) {
        const struct tuple *old = tuples.as.array->items[i].as.tuple;
        struct binding *binding = EVAL_NEW(e, struct binding);
        struct tuple *tuple = EVAL_NEW(e, struct tuple);
        *binding = (struct binding){old->bindings, name, value_double(i)};
        *tuple = (struct tuple){old->context, binding};
        tuples.as.array->items[i].as.tuple = tuple;
    }
    return tuples;
}

static struct value eval_stages(struct eval *e, const struct code *step, struct value v, struct frame *frame)
{
    for (const struct code_stage *s = step->stages; s; s = s->next) {
        if (s->filter)
            v = eval_filter(e, s, step->carries, v, frame);
        else if (is_tuple_stream(v))
            v = bind_positions(e, s->index, v);
    }
    return v;
}

/* The results of a step on their way into one sequence. The first is kept back: alone it may stay itself. */
struct joined {
    struct value first;
    size_t count;
    struct array *out;
};

static void join_flat(struct eval *e, struct joined *j, struct value v)
{
    if (v.type == V_ARRAY && (v.json || !v.as.array->cons))
        array_push_all(e, j->out, v);
    else
        array_push(e, j->out, v);
}

static void join(struct eval *e, struct joined *j, struct value v)
{
    if (is_undefined(v))
        return;
    if (j->count++ == 0) {
        j->first = v;
        return;
    }
    if (j->count == 2) {
        j->out = sequence_new(e);
        join_flat(e, j, j->first);
    }
    join_flat(e, j, v);
}

static struct value join_end(struct eval *e, struct joined *j, bool last_step)
{
    if (j->count > 1)
        return value_array(j->out);
    struct value first = j->first;
    if (j->count == 1 && first.type == V_ARRAY) {
        if (last_step && !is_sequence(first))
            return first;
        if (!last_step && (first.json || !first.as.array->cons))
            return first; /* only mapped over */
    }
    j->out = sequence_new(e);
    if (j->count == 1)
        join_flat(e, j, first);
    return value_array(j->out);
}

static struct value eval_step(struct eval *e, const struct code *step, struct value items, struct frame *frame,
                              bool last_step)
{
    if (step->op == CODE_SORT)
        return eval_stages(e, step, eval_sort(e, step, items, frame), frame);
    struct joined joined = {.count = 0};
    size_t count = array_count(items);
    for (size_t i = 0; i < count; i++) {
        struct value item = array_at(items, i);
        struct value v;
        if (step->simple && item.type == V_OBJECT) {
            tick(e);
            v = eval_unwrap(step, member_of(item, step));
        } else {
            v = eval(e, step, item, frame);
            for (const struct code_stage *s = step->stages; s; s = s->next)
                if (s->filter)
                    v = eval_filter(e, s, false, v, frame);
        }
        join(e, &joined, v);
    }
    return join_end(e, &joined, last_step);
}

/* A tuple made of an older one and what a step adds to it. */
static const struct binding *bind(struct eval *e, const struct binding *bindings, uint32_t name, struct value v)
{
    if (name == 0)
        return bindings;
    struct binding *binding = EVAL_NEW(e, struct binding);
    *binding = (struct binding){bindings, name, v};
    return binding;
}

/* The bindings of an inner path go in front of those of the path around it, in their order. */
static const struct binding *bind_all(struct eval *e, const struct binding *inner, const struct binding *outer)
{
    const struct binding *reversed = NULL;
    for (; inner; inner = inner->next) {
        tick(e);
        reversed = bind(e, reversed, inner->name, inner->value);
    }
    for (; reversed; reversed = reversed->next)
        outer = bind(e, outer, reversed->name, reversed->value);
    return outer;
}

static void add_tuple(struct eval *e, struct array *out, struct value context, const struct binding *bindings)
{
    struct tuple *tuple = EVAL_NEW(e, struct tuple);
    *tuple = (struct tuple){context, bindings};
    array_push(e, out, (struct value){.type = V_TUPLE, .as.tuple = tuple});
}

static void extend_tuple(struct eval *e, const struct code *step, struct array *out, struct value old, struct value v,
                         size_t position)
{
    const struct binding *bindings = old.type == V_TUPLE ? old.as.tuple->bindings : NULL;
    if (v.type == V_TUPLE) {
        add_tuple(e, out, v.as.tuple->context, bind_all(e, v.as.tuple->bindings, bindings));
        return;
    }
    struct value before = tuple_context(old);
    bindings = bind(e, bindings, step->focus, v);
    bindings = bind(e, bindings, step->index, value_double((double)position));
    bindings = bind(e, bindings, step->ancestor, before);
    add_tuple(e, out, step->focus ? before : v, bindings);
}

static struct value sort_tuples(struct eval *e, const struct code *step, struct value items, struct frame *frame)
{
    struct value sorted = eval_sort(e, step, items, frame);
    if (is_tuple_stream(items)) {
        struct array *flags = array_of(sorted);
        if (flags)
            flags->tuple_stream = true;
        return sorted;
    }
    struct array *out = sequence_new(e);
    out->tuple_stream = true;
    size_t count = array_count(sorted);
    for (size_t i = 0; i < count; i++)
        add_tuple(e, out, array_at(sorted, i), bind(e, NULL, step->index, value_double((double)i)));
    return value_array(out);
}

static struct value eval_tuple_step(struct eval *e, const struct code *step, struct value items, struct frame *frame)
{
    if (step->op == CODE_SORT)
        return eval_stages(e, step, sort_tuples(e, step, items, frame), frame);
    struct array *out = sequence_new(e);
    out->tuple_stream = true;
    const struct code *code = step->op == CODE_HOLE && step->a ? step->a : step;
    size_t count = array_count(items);
    for (size_t i = 0; i < count; i++) {
        struct value item = array_at(items, i);
        struct frame *inner = tuple_frame(e, item, frame, step->frame_count);
        struct value v = eval(e, code, tuple_context(item), inner);
        frame_release(e, inner);
        if (v.type == V_ARRAY) {
            size_t results = array_count(v);
            for (size_t n = 0; n < results; n++)
                extend_tuple(e, step, out, item, array_at(v, n), n);
        } else if (!is_undefined(v)) {
            extend_tuple(e, step, out, item, v, 0);
        }
    }
    return eval_stages(e, step, value_array(out), frame);
}

static struct value tuple_contexts(struct eval *e, struct value tuples)
{
    struct array *out = sequence_new(e);
    for (uint32_t i = 0; i < tuples.as.array->count; i++)
        array_push(e, out, tuple_context(tuples.as.array->items[i]));
    return value_array(out);
}

static bool starts_with_variable(const struct code *path)
{
    enum code_op op = path->items[0]->op;
    return op == CODE_VARIABLE || op == CODE_GLOBAL || op == CODE_CONTEXT;
}

/* Follows plain names through single objects: the common case needs no sequences at all. */
static uint32_t walk_names(struct eval *e, const struct code *path, struct value *v)
{
    uint32_t i = 0;
    while (i < path->count && path->items[i]->simple && v->type == V_OBJECT) {
        tick(e);
        *v = eval_unwrap(path->items[i], member_of(*v, path->items[i]));
        i++;
    }
    return i;
}

/* The last steps, once a path has become a sequence. */
static struct value eval_steps(struct eval *e, const struct code *path, uint32_t from, struct value items,
                               struct frame *frame, struct value *ret_tuples)
{
    struct value result = items;
    for (uint32_t i = from; i < path->count; i++) {
        const struct code *step = path->items[i];
        bool was_stream = !is_undefined(*ret_tuples);
        if (i == 0 && step->cons && step->op == CODE_ARRAY) {
            result = eval(e, step, items, frame);
        } else if (step->carries || was_stream) {
            *ret_tuples = eval_tuple_step(e, step, was_stream ? *ret_tuples : items, frame);
            continue;
        } else {
            result = eval_step(e, step, items, frame, i + 1 == path->count);
        }
        if (is_undefined(result))
            break;
        if (result.type == V_ARRAY && array_count(result) == 0)
            return i + 1 < path->count && !(i == 0 && step->cons) ? value_array(sequence_new(e)) : result;
        items = result.type == V_ARRAY ? result : sequence_of(e, result);
    }
    return result;
}

struct value eval_path(struct eval *e, const struct code *path, struct value input, struct frame *frame)
{
    struct value result = input, tuples = VALUE_UNDEFINED;
    uint32_t done = input.type == V_OBJECT ? walk_names(e, path, &result) : 0;
    bool plain = !path->keep_singleton && !path->group;
    if (done == path->count && is_sequence(result)) {
        struct array *copy = sequence_new(e);
        array_push_all(e, copy, result);
        result = value_array(copy);
    }
    if (plain && done > 0 && (done == path->count || is_undefined(result)))
        return result;
    if (done > 0 && result.type != V_ARRAY)
        result = is_undefined(result) ? value_array(sequence_new(e)) : sequence_of(e, result);
    bool nothing = done > 0 && done < path->count && array_count(result) == 0;
    if (nothing)
        result = value_array(sequence_new(e));
    if (done < path->count && !nothing) {
        bool as_is = result.type == V_ARRAY && (done > 0 || !starts_with_variable(path)) &&
                     (result.json || !result.as.array->cons);
        struct value items = as_is ? result : sequence_of(e, result);
        result = eval_steps(e, path, done, items, frame, &tuples);
    }
    bool stream = !is_undefined(tuples);
    if (stream)
        result = path->stream ? tuples : tuple_contexts(e, tuples);
    struct array *flags = array_of(result);
    if (path->keep_singleton && flags) {
        if (flags->cons && !flags->sequence) {
            result = sequence_of(e, result);
            flags = array_of(result);
        }
        flags->keep_singleton = true;
    }
    if (path->group)
        result = eval_group(e, path->group, path->carries, stream ? tuples : result, frame);
    return result;
}
