#include "config.h"

#include "orchestrator/nodes.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/store/store.h"

#include <stdlib.h>
#include <string.h>

struct row {
    char *name;
    struct json_object *shown;
    struct json_object *leases;
    int64_t overdue_ms, requests;
};

/* Rows of nodes, in the order of their names; the last one is for the shards that nobody alive has. */
struct listing {
    struct row *rows;
    size_t count, capacity;
    struct json_object **leases; /* by shard */
    size_t *owners;              /* by shard: a row */
    int shards;
};

static struct row *add_row(struct listing *listing, const char *name, const char *state)
{
    listing->rows = mem_grow(listing->rows, &listing->capacity, listing->count + 1, sizeof(*listing->rows));
    struct row *row = &listing->rows[listing->count++];
    *row = (struct row){.name = mem_strdup(name), .leases = json_object_new_array()};
    row->shown = json_object_new_object();
    json_add_text(row->shown, "node", name);
    json_add_text(row->shown, "state", state);
    return row;
}

static void add_seconds(struct json_object *object, const char *member, int64_t ms)
{
    char *text = mem_printf("%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));

    json_add(object, member, json_object_new_double_s((double)ms / 1000, text));
    free(text);
}

static int on_node(void *context, const struct store_node *node)
{
    struct row *row = add_row(context, node->name, node->alive ? "alive" : "gone");
    AUTO_JSON struct json_object *info = NULL;

    add_seconds(row->shown, "seenSecondsAgo", node->seen_ms_ago);
    if (!json_parse(node->info, strlen(node->info), &info, NULL))
        json_add(row->shown, "info", json_take(&info));
    return 0;
}

static int on_lease(void *context, const struct store_lease *lease)
{
    struct listing *listing = context;
    struct json_object *shown = json_object_new_object();
    size_t owner = 0;

    if (!listing->rows || strcmp(listing->rows[listing->count - 1].name, "-"))
        add_row(listing, "-", "free");
    while (owner < listing->count - 1 && strcmp(listing->rows[owner].name, lease->node))
        owner++;
    json_add_int(shown, "shard", lease->shard);
    json_add_int(shown, "epoch", lease->epoch);
    json_append(listing->rows[owner].leases, shown);
    if (lease->shard < listing->shards) {
        listing->leases[lease->shard] = shown;
        listing->owners[lease->shard] = owner;
    }
    return 0;
}

static int on_lag(void *context, const struct store_lag *lag)
{
    struct listing *listing = context;
    struct json_object *lease = lag->shard < listing->shards ? listing->leases[lag->shard] : NULL;

    if (!lease)
        return 0;
    struct row *row = &listing->rows[listing->owners[lag->shard]];
    if (lag->overdue_ms)
        add_seconds(lease, "lateSeconds", lag->overdue_ms);
    if (lag->requests)
        json_add_int(lease, "requests", lag->requests);
    if (lag->overdue_ms > row->overdue_ms)
        row->overdue_ms = lag->overdue_ms;
    row->requests += lag->requests;
    return 0;
}

static void take_row(struct row *row, struct json_object *list)
{
    bool is_free = !strcmp(row->name, "-");

    json_add_int(row->shown, "shards", (int64_t)json_object_array_length(row->leases));
    add_seconds(row->shown, "lateSeconds", row->overdue_ms);
    json_add_int(row->shown, "requests", row->requests);
    json_add(row->shown, "leases", row->leases);
    if (is_free && !json_object_array_length(row->leases))
        json_object_put(row->shown);
    else
        json_append(list, row->shown);
    free(row->name);
}

int nodes_list(struct store *store, int64_t now_ms, struct json_object *output, struct err *err)
{
    struct listing listing = {.shards = store_shards(store)};
    const struct store_view view = {.node = on_node, .lease = on_lease, .context = &listing};
    struct json_object *list = json_object_new_array();
    int result;

    json_add(output, "nodes", list);
    listing.leases = mem_zalloc((size_t)listing.shards * sizeof(*listing.leases));
    listing.owners = mem_zalloc((size_t)listing.shards * sizeof(*listing.owners));
    if (!(result = store_nodes(store, &view, err)))
        result = store_lags(store, now_ms, on_lag, &listing, err);
    for (size_t i = 0; i < listing.count; i++)
        take_row(&listing.rows[i], list);
    free(listing.rows);
    free(listing.leases);
    free(listing.owners);
    return result;
}
