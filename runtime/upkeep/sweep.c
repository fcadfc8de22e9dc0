/* sweep.c - executions and map runs; see sweep.h. */
#include "config.h"

#include "runtime/upkeep/sweep.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/store/store.h"
#include "runtime/upkeep/retention.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 500, /* rows that are looked at in one read */
    PORTION_MAX = PAGE,
    PORTION_FIRST = 50, /* executions that are removed in one commit: fewer where commits are slow */
    SLOW_US = 20000,
    QUICK_US = 5000,
    MARGIN_MS = 10000 /* beside an engine, see sweep.h; a tenth of shorter times */
};

struct victim {
    int shard;
    int64_t id;
};

struct sweep {
    struct store *store;
    const struct sweep_options *options;
    struct victim victims[PAGE];
    int count;
    int portion;
};

static bool is_ours(const struct sweep *sweep, int shard)
{
    return !sweep->options->epochs || sweep->options->epochs[shard];
}

static void prove(const struct sweep *sweep, struct store_batch *batch, int shard)
{
    if (sweep->options->epochs)
        store_batch_prove(batch, shard, sweep->options->epochs[shard]);
}

static bool is_closed(const struct store_execution *row)
{
    return row->status != EXECUTION_RUNNING && row->status != EXECUTION_PENDING_REDRIVE;
}

/* Commits, then rests for as long as that took. Frees the batch. */
static int commit(struct sweep *sweep, struct store_batch *batch, struct err *err)
{
    int64_t begun_us = clock_steady_us();
    int result = store_commit(sweep->store, batch, err);
    int64_t took_us = clock_steady_us() - begun_us;

    store_batch_free(batch);
    if (took_us > SLOW_US && sweep->portion > 1)
        sweep->portion /= 2;
    else if (took_us < QUICK_US && sweep->portion * 2 <= PORTION_MAX)
        sweep->portion *= 2;
    if (!result && sweep->options->pause && !sweep->options->pause(sweep->options->context, took_us))
        result = err_set(err, ERR_BUSY, "interrupted");
    return result;
}

/* Removes those that were collected, a portion a commit. proven_shard: whose lease is proved, -1: their own. */
static int remove_victims(struct sweep *sweep, int64_t before_ms, int proven_shard, int64_t *counter, struct err *err)
{
    int result = 0;

    *counter += sweep->options->dry_run ? sweep->count : 0;
    for (int at = 0; at < sweep->count && !result && !sweep->options->dry_run;) {
        struct store_batch *batch = store_batch_new();
        int end = at + sweep->portion < sweep->count ? at + sweep->portion : sweep->count;
        int removed = end - at;

        for (; at < end; at++) {
            const struct victim *victim = &sweep->victims[at];

            store_batch_remove_execution(batch, victim->shard, victim->id, before_ms);
            prove(sweep, batch, proven_shard < 0 ? victim->shard : proven_shard);
        }
        if (!(result = commit(sweep, batch, err)) || result == ERR_BUSY)
            *counter += removed;
    }
    sweep->count = 0;
    return result;
}

/* --- executions ------------------------------------------------------------------------------------------ */

struct page {
    struct sweep *sweep;
    struct store_old_query query;
    int64_t before_ms;
    int rows;
};

static int collect_old(void *context, const struct store_execution *row)
{
    struct page *page = context;
    struct sweep *sweep = page->sweep;

    page->rows++;
    page->query.after_started_ms = row->started_ms;
    page->query.after_id = row->id;
    if (is_closed(row) && row->stopped_ms < page->before_ms && !row->map_run && is_ours(sweep, row->shard))
        sweep->victims[sweep->count++] = (struct victim){row->shard, row->id};
    return 0;
}

/* The moment before which executions of the machine must have stopped to go now; 0: none goes. */
static int64_t moment_of(const struct sweep_options *options, const char *machine)
{
    int64_t keep_ms = retention_of(options->retention, machine);
    int64_t margin_ms = !options->epochs ? 0 : keep_ms / 10 < MARGIN_MS ? keep_ms / 10 : MARGIN_MS;
    size_t bytes;
    const char *name = retention_machine_name(machine, &bytes);

    if (options->machine && (strncmp(options->machine, name, bytes) || options->machine[bytes]))
        return 0;
    return keep_ms == RETENTION_FOREVER || keep_ms + margin_ms > options->now_ms
               ? 0
               : options->now_ms - keep_ms - margin_ms;
}

static int sweep_machine(struct sweep *sweep, const char *machine, struct sweep_counts *counts, struct err *err)
{
    struct page page = {.sweep = sweep, .before_ms = moment_of(sweep->options, machine)};
    int result = 0;

    page.query = (struct store_old_query){.machine = machine, .before_started_ms = page.before_ms, .limit = PAGE};
    if (!page.before_ms)
        return 0;
    do {
        page.rows = 0;
        if (!(result = store_executions_old(sweep->store, &page.query, collect_old, &page, err)))
            result = remove_victims(sweep, page.before_ms, -1, &counts->executions, err);
    } while (!result && page.rows == PAGE);
    return result;
}

int sweep_executions(struct store *store, const struct sweep_options *options, struct sweep_counts *counts,
                     struct err *err)
{
    struct sweep *sweep = NEW(struct sweep);
    char *machine = NULL;
    char *next = NULL;
    int result;

    sweep->store = store;
    sweep->options = options;
    sweep->portion = PORTION_FIRST;
    while (!(result = store_next_machine(store, machine, &next, err)) && next) {
        free(machine);
        machine = next;
        /* A label: these are children of map runs, which go with their parents. */
        if (!strchr(machine, '/') && (result = sweep_machine(sweep, machine, counts, err)))
            break;
    }
    free(machine);
    free(sweep);
    return result;
}

/* --- map runs ------------------------------------------------------------------------------------------------ */

struct map_run {
    char *arn, *parent;
    int64_t version;
};

struct map_runs {
    struct map_run list[PAGE];
    int count;
};

static int collect_map_run(void *context, const char *key, const char *body, int64_t version)
{
    struct map_runs *runs = context;
    AUTO_JSON struct json_object *record = NULL;
    const char *parent = NULL;

    if (!json_parse_stored(body, strlen(body), &record, NULL))
        parent = json_member_text(record, "executionArn");
    runs->list[runs->count++] = (struct map_run){mem_strdup(key), mem_strdup(parent ? parent : ""), version};
    return 0;
}

struct parent {
    const struct sweep_options *options;
    bool goes; /* a dry run: it would be removed */
};

static int look_at_parent(void *context, const struct store_execution *row)
{
    struct parent *parent = context;
    int64_t before_ms = moment_of(parent->options, row->machine);

    parent->goes = parent->options->dry_run && is_closed(row) && before_ms && row->stopped_ms < before_ms;
    return 0;
}

struct children {
    struct sweep *sweep;
    struct store_execution_query query;
    int rows;
    bool any_open;
};

static int collect_child(void *context, const struct store_execution *row)
{
    struct children *children = context;
    struct sweep *sweep = children->sweep;

    children->rows++;
    children->query.before_started_ms = row->started_ms;
    children->query.before_id = row->id;
    if (is_closed(row))
        sweep->victims[sweep->count++] = (struct victim){row->shard, row->id};
    else
        children->any_open = true;
    return 0;
}

/* The children, then the record; where a child is still open the record waits for the next sweep. */
static int remove_map_run(struct sweep *sweep, const struct map_run *run, struct sweep_counts *counts, struct err *err)
{
    int shard = store_shard_of(sweep->store, run->arn);
    struct children children = {.sweep = sweep};
    int result;

    children.query = (struct store_execution_query){.map_run = run->arn, .status = -1, .redriven = -1, .limit = PAGE};
    do {
        children.rows = 0;
        if (!(result = store_executions(sweep->store, &children.query, collect_child, &children, err)))
            result = remove_victims(sweep, INT64_MAX, shard, &counts->children, err);
    } while (!result && children.rows == PAGE);
    if (result || children.any_open)
        return result;
    counts->map_runs++;
    if (sweep->options->dry_run)
        return 0;
    struct store_batch *batch = store_batch_new();
    store_batch_delete_document_at(batch, "maprun", run->arn, run->version);
    prove(sweep, batch, shard);
    return commit(sweep, batch, err);
}

static int sweep_map_run(struct sweep *sweep, const struct map_run *run, struct sweep_counts *counts, struct err *err)
{
    struct parent parent = {.options = sweep->options};
    int result;

    if (!is_ours(sweep, store_shard_of(sweep->store, run->arn)))
        return 0;
    result = store_execution_by_arn(sweep->store, run->parent, look_at_parent, &parent, err);
    if (result == ERR_NOT_FOUND || (!result && parent.goes))
        return remove_map_run(sweep, run, counts, err);
    return result;
}

static int sweep_map_run_page(struct sweep *sweep, struct map_runs *runs, char **after, struct sweep_counts *counts,
                              struct err *err)
{
    int result;

    runs->count = 0;
    result = store_documents(sweep->store, "maprun", "", *after, false, PAGE, collect_map_run, runs, err);
    for (int i = 0; i < runs->count; i++) {
        if (!result)
            result = sweep_map_run(sweep, &runs->list[i], counts, err);
        free(*after);
        *after = runs->list[i].arn;
        free(runs->list[i].parent);
    }
    return result;
}

int sweep_map_runs(struct store *store, const struct sweep_options *options, struct sweep_counts *counts,
                   struct err *err)
{
    struct sweep *sweep = NEW(struct sweep);
    struct map_runs *runs = NEW(struct map_runs);
    int64_t before;
    int result;

    sweep->store = store;
    sweep->options = options;
    sweep->portion = PORTION_FIRST;
    do { /* a child that went may have had map runs of its own */
        char *after = NULL;

        before = counts->children;
        do
            result = sweep_map_run_page(sweep, runs, &after, counts, err);
        while (!result && runs->count == PAGE);
        free(after);
    } while (!result && counts->children > before && !options->dry_run);
    free(runs);
    free(sweep);
    return result;
}
