/* store_claim.c - see store_claim.h. */
#include "config.h"

#include "runtime/upkeep/store_claim.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/store/store.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LEASE_MS = 15000, RENEW_MS = 3000 };

struct store_claim {
    struct store *store;
    char *node;
    int64_t *epochs; /* by shard; 0: not taken */
    int64_t renewed_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int name_holder(void *context, const struct store_lease *lease)
{
    struct err *err = context;

    if (lease->expires_ms > now_ms())
        err_hint(err, "stop %s first; if it was killed, its lease ends by itself in %lld s", lease->node,
                 (long long)((lease->expires_ms - now_ms()) / 1000 + 1));
    return 0;
}

int store_claim_take(struct store *store, const char *purpose, struct store_claim **ret_claim, struct err *err)
{
    struct store_claim *claim = NEW(struct store_claim);
    char host[HOST_NAME_MAX + 1] = "localhost";
    int result = 0;

    gethostname(host, sizeof(host) - 1);
    claim->store = store;
    claim->node = mem_printf("%s:%s:%ld", purpose, host, (long)getpid());
    claim->epochs = mem_zalloc((size_t)store_shards(store) * sizeof(*claim->epochs));
    claim->renewed_ms = now_ms();
    for (int shard = 0; shard < store_shards(store) && !result; shard++)
        result = store_lease_take(store, shard, claim->node, "{}", now_ms(), LEASE_MS, &claim->epochs[shard], err);
    if (result) {
        store_claim_release(claim);
        if (result == ERR_BUSY && err)
            store_leases(store, name_holder, err, NULL);
        return result;
    }
    *ret_claim = claim;
    return 0;
}

int store_claim_renew(struct store_claim *claim, struct err *err)
{
    return now_ms() - claim->renewed_ms < RENEW_MS ? 0 : store_claim_check(claim, err);
}

int store_claim_check(struct store_claim *claim, struct err *err)
{
    int result = 0;

    claim->renewed_ms = now_ms();
    for (int shard = 0; shard < store_shards(claim->store) && !result; shard++)
        result = store_lease_renew(claim->store, shard, claim->node, claim->epochs[shard], now_ms(), LEASE_MS, err);
    return result;
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
    for (int shard = 0; shard < store_shards(claim->store); shard++)
        if (claim->epochs[shard])
            store_lease_release(claim->store, shard, claim->node, claim->epochs[shard], NULL);
    free(claim->epochs);
    free(claim->node);
    free(claim);
}
