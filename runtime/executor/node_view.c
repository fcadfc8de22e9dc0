/*
 * node_view.c - what the store shows of nodes and leases.
 */
#include "runtime/executor/node_view.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"

#include <stdlib.h>
#include <string.h>

void node_view_init(struct node_view *view, struct engine *engine)
{
    size_t shards = (size_t)engine->shards;
    *view = (struct node_view){.engine = engine, .rank = -1};
    view->owners = mem_alloc(shards * sizeof *view->owners);
    view->seen = mem_zalloc(shards * sizeof *view->seen);
    view->epochs = mem_zalloc(shards * sizeof *view->epochs);
    for (size_t i = 0; i < shards; i++)
        view->owners[i] = -1;
}

void node_view_release(struct node_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        free(view->nodes[i].name);
        free(view->nodes[i].text);
        json_object_put(view->nodes[i].info);
    }
    free(view->nodes);
    free(view->owners);
    free(view->seen);
    free(view->epochs);
}

int node_view_find(const struct node_view *view, const char *name)
{
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->nodes[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int add_node(void *context, const struct store_node *node)
{
    struct node_view *view = context;
    if (!node->alive)
        return 0;
    view->nodes = mem_grow(view->nodes, &view->capacity, view->count + 1, sizeof *view->nodes);
    struct seen_node *entry = &view->nodes[view->count];
    *entry = (struct seen_node){.name = mem_strdup(node->name), .text = mem_strdup(node->info)};
    if (json_parse(entry->text, strlen(entry->text), &entry->info, NULL) != 0 ||
        !json_object_is_type(entry->info, json_type_object)) {
        json_object_put(entry->info);
        entry->info = json_object_new_object();
    }
    if (strcmp(entry->name, view->engine->node) == 0)
        view->rank = (int)view->count;
    view->count++;
    return 0;
}

static int add_lease(void *context, const struct store_lease *lease)
{
    struct node_view *view = context;
    if (lease->shard < 0 || lease->shard >= view->engine->shards)
        return 0;
    int node = node_view_find(view, lease->node);
    view->owners[lease->shard] = node;
    view->seen[lease->shard] = lease->epoch;
    if (node >= 0)
        view->nodes[node].shards++;
    if (strcmp(lease->node, view->engine->node) == 0)
        view->epochs[lease->shard] = lease->epoch;
    return 0;
}

struct store_view node_view_filler(struct node_view *view)
{
    return (struct store_view){.node = add_node, .lease = add_lease, .context = view};
}

const char *node_view_owner(const struct node_view *view, int shard)
{
    return view->owners[shard] < 0 ? NULL : view->nodes[view->owners[shard]].name;
}

int node_view_shard_of(struct node_view *view, const char *name)
{
    int node = node_view_find(view, name), shards = view->engine->shards;
    if (node < 0)
        return -1;
    for (int i = 1; i <= shards; i++) {
        int shard = (view->nodes[node].turn + i) % shards;
        if (view->owners[shard] != node)
            continue;
        view->nodes[node].turn = shard;
        return shard;
    }
    return -1;
}

int node_view_share(const struct node_view *view)
{
    int nodes = 0, shards = view->engine->shards;
    for (size_t i = 0; i < view->count; i++) {
        struct json_object *leaving;
        nodes += !json_member(view->nodes[i].info, NODE_LEAVING, &leaving);
    }
    return nodes ? (shards + nodes - 1) / nodes : shards;
}
