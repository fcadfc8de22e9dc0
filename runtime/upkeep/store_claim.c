/* store_claim.c - see store_claim.h. */
#include "config.h"

#include "runtime/upkeep/store_claim.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/store/store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LEASE_MS = 15000, RENEW_MS = 3000 };

struct store_claim {
    struct store *store;
    char *node;
    int64_t *epochs; /* by shard; 0: not taken */
    int *shards;
    size_t count;
    int64_t renewed_ms;
    bool lost;
};

/* Somebody else who lives. */
struct holder {
    const char *self;
    char name[128];
};

static int note_holder(void *context, const struct store_node *node)
{
    struct holder *holder = context;

    if (node->alive && strcmp(node->name, holder->self))
        snprintf(holder->name, sizeof(holder->name), "%s", node->name);
    return 0;
}

static int note_lease(void *context, const struct store_lease *lease)
{
    struct store_claim *claim = context;

    claim->lost = claim->lost || lease->epoch != claim->epochs[lease->shard] || strcmp(lease->node, claim->node);
    return 0;
}

static int refuse(const struct store_claim *claim, const char *name, struct err *err)
{
    err_set(err, ERR_BUSY, "another process runs the executions of this store");
    if (*name)
        err_hint(err, "stop %s first; if it was killed, its leases end by themselves within %d s", name,
                 store_lease_ms(claim->store) / 1000 + 1);
    return ERR_BUSY;
}

static int take_all(struct store_claim *claim, struct err *err)
{
    struct holder holder = {.self = claim->node};
    const struct store_view look = {.node = note_holder, .context = &holder};
    const struct store_view none = {.node = NULL};
    int result;

    /* A process that is dead, as far as SQLite can tell, is no reason to wait. */
    if (store_is_shared(claim->store)) {
        if ((result = store_nodes(claim->store, &look, err)))
            return result;
        if (holder.name[0])
            return refuse(claim, holder.name, err);
    }
    if ((result = store_renew(claim->store, claim->node, "{}", LEASE_MS, true, &none, err))) {
        if (result == ERR_BUSY && !store_nodes(claim->store, &look, NULL) && holder.name[0])
            refuse(claim, holder.name, err);
        return result;
    }
    result = store_lease_take(claim->store, claim->node, claim->shards, NULL, claim->count, claim->epochs, err);
    for (size_t i = 0; i < claim->count && !result; i++) {
        if (!claim->epochs[i])
            result = refuse(claim, "", err);
    }
    return result;
}

int store_claim_take(struct store *store, const char *purpose, struct store_claim **ret_claim, struct err *err)
{
    struct store_claim *claim = NEW(struct store_claim);
    char host[HOST_NAME_MAX + 1] = "localhost";
    int result;

    gethostname(host, sizeof(host) - 1);
    claim->store = store;
    claim->node = mem_printf("%s:%s:%ld:%llx", purpose, host, (long)getpid(), (unsigned long long)time(NULL));
    claim->count = (size_t)store_shards(store);
    claim->epochs = mem_zalloc(claim->count * sizeof(*claim->epochs));
    claim->shards = mem_alloc(claim->count * sizeof(*claim->shards));
    for (size_t i = 0; i < claim->count; i++)
        claim->shards[i] = (int)i;
    claim->renewed_ms = clock_steady_ms();
    if ((result = take_all(claim, err))) {
        store_claim_release(claim);
        return result;
    }
    *ret_claim = claim;
    return 0;
}

int store_claim_renew(struct store_claim *claim, struct err *err)
{
    return clock_steady_ms() - claim->renewed_ms < RENEW_MS ? 0 : store_claim_check(claim, err);
}

int store_claim_check(struct store_claim *claim, struct err *err)
{
    const struct store_view view = {.lease = note_lease, .context = claim};
    int result;

    claim->renewed_ms = clock_steady_ms();
    result = store_renew(claim->store, claim->node, "{}", LEASE_MS, false, &view, err);
    return result || !claim->lost ? result : err_set(err, ERR_FENCED, "another process has taken over a shard");
}

void store_claim_prove(const struct store_claim *claim, struct store_batch *batch)
{
    for (int shard = 0; shard < store_shards(claim->store); shard++)
        store_batch_prove(batch, shard, claim->epochs[shard]);
}

void store_claim_release(struct store_claim *claim)
{
    if (!claim)
        return;
    store_leave(claim->store, claim->node, NULL);
    free(claim->epochs);
    free(claim->shards);
    free(claim->node);
    free(claim);
}
