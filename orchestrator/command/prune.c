/* prune.c - `prune`: what `retention` does all the time, once and by hand. */
#include "config.h"

#include "orchestrator/command.h"
#include "orchestrator/node.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/store/store.h"
#include "runtime/upkeep/retention.h"
#include "runtime/upkeep/store_claim.h"
#include "runtime/upkeep/sweep.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static bool rest(void *context, int64_t pause_us)
{
    (void)context;
    if (!interrupted)
        usleep((useconds_t)pause_us);
    return !interrupted;
}

/* Definitions can be told unused for certain only while nobody else writes. */
static int prune_definitions(struct store *store, const struct sweep_options *options, struct sweep_counts *counts,
                             struct err *err)
{
    struct store_claim *claim = NULL;
    int result;

    if ((result = store_claim_take(store, "prune", &claim, NULL)))
        return result == ERR_BUSY ? 0 : err_set(err, (enum err_code)result, "could not take the store's leases");
    result = sweep_definitions(store, options, NULL, counts, err);
    store_claim_release(claim);
    return result;
}

static int prune(struct store *store, const struct options *options, const struct retention *retention,
                 struct sweep_counts *counts, struct err *err)
{
    struct sweep_options sweep = {
        .retention = retention,
        .now_ms = clock_real_ms(),
        .machine = options_text(options, OPT_MACHINE),
        .dry_run = options_has(options, OPT_DRY_RUN),
        .pause = rest,
    };
    int result;

    if ((result = sweep_executions(store, &sweep, counts, err)) ||
        (result = sweep_map_runs(store, &sweep, counts, err)) || sweep.dry_run)
        return result;
    return prune_definitions(store, &sweep, counts, err);
}

int cmd_prune(const struct options *options)
{
    const char *age = options_text(options, OPT_OLDER_THAN);
    struct sweep_counts counts = {0};
    struct store *store = NULL;
    struct err err = {0};
    int64_t keep_ms;

    if (!age)
        return command_usage(options, "how old? say it with --older-than");
    if (!retention_parse(age, &keep_ms) || keep_ms == RETENTION_FOREVER)
        return command_usage(options, "--older-than: expected a time as 30d, 12h, 45m or 90s, found \"%s\"", age);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    char *url = node_store_url(options);
    struct retention *retention = retention_new(keep_ms);
    int result = store_open(url, &store, &err);
    free(url);
    if (!result)
        result = prune(store, options, retention, &counts, &err);
    if (store)
        printf("%s %lld executions, %lld child executions of %lld map runs, %lld definitions\n",
               options_has(options, OPT_DRY_RUN) ? "would remove" : "removed", (long long)counts.executions,
               (long long)counts.children, (long long)counts.map_runs, (long long)counts.definitions);
    store_close(store);
    retention_free(retention);
    if (result && interrupted)
        return EXIT_INTERRUPTED;
    return result ? command_fail(options, &err) : EXIT_OK;
}
