/*
 * map_run_items.c - the items of a distributed Map become the inputs of its children: read (item_reader.h), selected
 * (ItemSelector) and, where it has an ItemBatcher, put together. What expressions said is on the run's MapRunStarted.
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/dataflow.h"
#include "asl/definition/definition.h"
#include "runtime/executor/item_reader.h"
#include "runtime/executor/map_run_priv.h"

static struct child *add_child(struct map_run *m, size_t *capacity)
{
    m->children = mem_grow(m->children, capacity, m->count + 1, sizeof *m->children);
    struct child *child = &m->children[m->count++];
    *child = (struct child){.map_run = m};
    return child;
}

static void make_batches(struct map_run *m, struct json_object *inputs)
{
    struct json_object *shared = NULL, *items;
    bool has_shared = json_member(m->settled, "_batchInput", &shared);
    AUTO_JSON struct json_object *batches = dataflow_map_batches(
        inputs, json_member_int(m->settled, "_maxItemsPerBatch", INT64_MAX),
        json_member_int(m->settled, "_maxInputBytesPerBatch", LIMIT_PAYLOAD_BYTES), has_shared ? &shared : NULL);
    size_t capacity = 0, count = json_object_array_length(batches);
    for (size_t i = 0; i < count; i++) {
        struct child *child = add_child(m, &capacity);
        child->input = json_object_get(json_object_array_get_idx(batches, i));
        json_member(child->input, "Items", &items);
        child->items = json_object_array_length(items);
    }
}

static void make_singles(struct map_run *m, struct json_object *inputs)
{
    size_t capacity = 0, count = json_object_array_length(inputs);
    for (size_t i = 0; i < count; i++) {
        struct child *child = add_child(m, &capacity);
        child->items = 1;
        child->input = json_object_get(json_object_array_get_idx(inputs, i));
    }
}

static int select_inputs(struct map_run *m, const struct state *state, struct json_object *items,
                         struct json_object **ret_inputs)
{
    if (state->item_selector == NULL) {
        *ret_inputs = json_object_get(items);
        return 0;
    }
    struct inputs inputs;
    engine_inputs(m->parent->engine, &inputs);
    size_t count = json_object_array_length(items);
    *ret_inputs = json_object_new_array_ext((int)count);
    for (size_t i = 0; i < count; i++) {
        struct json_object *input = NULL;
        if (execution_map_item_input(m->parent->execution, m->frame, &inputs, (uint32_t)i,
                                     json_object_array_get_idx(items, i), &input, &m->failure) != 0)
            return -1;
        json_append(*ret_inputs, input);
    }
    return 0;
}

int map_run_make_children(struct map_run *m, const struct execution_map_run *wanted)
{
    const struct state *state = wanted->state;
    AUTO_JSON struct json_object *items = json_object_get(wanted->items);
    if (state->item_reader) {
        struct json_object *arguments = NULL;
        json_member(m->settled, "_reader", &arguments);
        if (item_reader_read(m->parent->engine->options.buckets, state->item_reader, arguments,
                             json_member_int(m->settled, "_maxItems", INT64_MIN), &items, &m->failure) != 0)
            return -1;
    }
    AUTO_JSON struct json_object *inputs = NULL;
    if (select_inputs(m, state, items, &inputs) != 0)
        return -1;
    if (state->item_batcher)
        make_batches(m, inputs);
    else
        make_singles(m, inputs);
    return 0;
}
