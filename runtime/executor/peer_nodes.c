/*
 * peer_nodes.c - the nodes of peer.h: who they are and what they own, as of the last renewal (owner.c), and telling
 * those who want to know of changes.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/owner_priv.h"
#include "runtime/executor/peer.h"

#include <stdlib.h>
#include <string.h>

/* --- telling ------------------------------------------------------------------------------------------------- */

static void tell_node(struct engine *engine, bool gone, const char *name)
{
    for (size_t i = 0; i < engine->owner->listener_count; i++) {
        struct peer_events *listener = &engine->owner->listeners[i];
        void (*fn)(void *, const char *) = gone ? listener->node_gone : listener->node_joined;
        if (fn)
            fn(listener->context, name);
    }
}

static void tell_shard(struct engine *engine, int shard, const char *owner)
{
    for (size_t i = 0; i < engine->owner->listener_count; i++) {
        struct peer_events *listener = &engine->owner->listeners[i];
        if (listener->shard_moved)
            listener->shard_moved(listener->context, shard, owner);
    }
}

/* The names are those of the old or the new view, which both live until everybody was told. */
void owner_tell_changes(struct engine *engine, const struct node_view *before)
{
    const struct node_view *now = &engine->owner->view;
    for (size_t i = 0; i < before->count; i++) {
        if (node_view_find(now, before->nodes[i].name) >= 0)
            continue;
        engine_log(engine, 1, "node %s is gone", before->nodes[i].name);
        peer_inbox_drop_asker(engine, before->nodes[i].name);
        tell_node(engine, true, before->nodes[i].name);
    }
    for (size_t i = 0; i < now->count; i++) {
        int earlier = node_view_find(before, now->nodes[i].name);
        if (earlier < 0 && (int)i != now->rank) {
            engine_log(engine, 1, "node %s is there", now->nodes[i].name);
            peer_inbox_look(engine); /* what it asked for was left while it counted as dead */
        }
        if (earlier < 0 || strcmp(before->nodes[earlier].text, now->nodes[i].text) != 0)
            tell_node(engine, false, now->nodes[i].name);
    }
    for (int shard = 0; shard < engine->shards; shard++) {
        const char *then = node_view_owner(before, shard), *owner = node_view_owner(now, shard);
        if (then != owner && (then == NULL || owner == NULL || strcmp(then, owner) != 0))
            tell_shard(engine, shard, owner);
    }
}

/* --- asking -------------------------------------------------------------------------------------------------- */

void peer_nodes(struct engine *engine, peer_node_fn *fn, void *context)
{
    struct node_view *view = &engine->owner->view;
    for (size_t i = 0; i < view->count; i++) {
        struct peer_node node = {
            .name = view->nodes[i].name,
            .info = view->nodes[i].info,
            .shards = view->nodes[i].shards,
            .shard = peer_shard_of(engine, view->nodes[i].name),
            .is_self = (int)i == view->rank,
        };
        fn(context, &node);
    }
}

bool owner_knows(const struct engine *engine, const char *node)
{
    return node_view_find(&engine->owner->view, node) >= 0;
}

const char *peer_self(const struct engine *engine)
{
    return engine->node;
}

int peer_shard_of(struct engine *engine, const char *name)
{
    return node_view_shard_of(&engine->owner->view, name);
}

void peer_set_info(struct engine *engine, const char *member, struct json_object *value)
{
    struct owner *owner = engine->owner;
    if (value)
        json_add(owner->info, member, json_object_get(value));
    else
        json_object_object_del(owner->info, member);
    char *text = json_text(owner->info);
    if (strcmp(text, owner->info_text) != 0) {
        owner->announce = true;
        owner_look(engine);
    }
    free(owner->info_text);
    owner->info_text = text;
}

void peer_watch_nodes(struct engine *engine, const struct peer_events *events)
{
    struct owner *owner = engine->owner;
    owner->listeners =
        mem_grow(owner->listeners, &owner->listener_capacity, owner->listener_count + 1, sizeof *owner->listeners);
    owner->listeners[owner->listener_count++] = *events;
}
