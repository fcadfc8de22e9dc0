/*
 * postgres_prefetch.c - many executions and their histories in one round trip, for reads that follow at once.
 *
 * Both answers are ordered by shard and number, so what belongs to an execution is found by halving.
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

enum { KEY_COLUMNS = 2 }; /* shard and number lead both answers */

void postgres_prefetch_end(struct postgres_store *store)
{
    pq.clear(store->prefetched_executions);
    pq.clear(store->prefetched_history);
    store->prefetched_executions = store->prefetched_history = NULL;
}

static int send(PGconn *pg, enum postgres_statement which, const struct store_key *keys, size_t count)
{
    AUTO_PARAMS params = PARAMS_INIT;
    struct buf *shards = params_begin_int4s(&params, count);
    struct buf *ids = params_begin_int8s(&params, count);

    for (size_t i = 0; i < count; i++) {
        array_add_int4(shards, keys[i].shard);
        array_add_int8(ids, keys[i].id);
    }
    params_end(&params);
    return postgres_send(pg, which, &params, NULL);
}

/* The rows of the statement whose turn it is in the pipeline, or NULL. */
static PGresult *take_rows(PGconn *pg, struct postgres_patience *patience)
{
    PGresult *rows = NULL;

    for (PGresult *answer; (answer = postgres_answer(pg, patience));) {
        if (pq.resultStatus(answer) == PGRES_TUPLES_OK && !rows)
            rows = answer;
        else
            pq.clear(answer);
    }
    return rows;
}

/* What cannot be had now is left: who reads next asks for it, and is told what is wrong. */
void postgres_prefetch(struct store *base, const struct store_key *keys, size_t count)
{
    struct postgres_store *store = (struct postgres_store *)base;
    struct postgres_patience patience;
    PGconn *pg;

    postgres_prefetch_end(store);
    if (count < 2 || postgres_begin_read(store, &patience, NULL))
        return;
    pg = store->reader.pg;
    pq.enterPipelineMode(pg);
    if (send(pg, POSTGRES_PREFETCH_EXECUTIONS, keys, count) || send(pg, POSTGRES_PREFETCH_HISTORY, keys, count) ||
        !pq.pipelineSync(pg)) {
        postgres_drop(&store->reader);
        return;
    }
    store->prefetched_executions = take_rows(pg, &patience);
    store->prefetched_history = patience.is_over ? NULL : take_rows(pg, &patience);
    if (!patience.is_over)
        pq.clear(postgres_answer(pg, &patience)); /* of the sync */
    if (patience.is_over)
        postgres_give_up(&store->reader);
    else if (!pq.exitPipelineMode(pg))
        postgres_drop(&store->reader);
    if (!store->prefetched_executions || !store->prefetched_history)
        postgres_prefetch_end(store);
}

/* The first row that is not before the key. */
static int first_row(const PGresult *answer, int shard, int64_t id)
{
    int low = 0;
    int high = pq.ntuples(answer);

    while (low < high) {
        int middle = low + (high - low) / 2;
        int64_t its_shard = postgres_int(answer, middle, 0);

        if (its_shard < shard || (its_shard == shard && postgres_int(answer, middle, 1) < id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_of(const PGresult *answer, int row, int shard, int64_t id)
{
    return row < pq.ntuples(answer) && postgres_int(answer, row, 0) == shard && postgres_int(answer, row, 1) == id;
}

bool postgres_prefetched_execution(const struct postgres_store *store, int shard, int64_t id, PGresult **ret_answer,
                                   int *ret_row)
{
    PGresult *answer = store->prefetched_executions;

    if (!answer)
        return false;
    *ret_answer = answer;
    *ret_row = first_row(answer, shard, id);
    return is_of(answer, *ret_row, shard, id);
}

bool postgres_prefetched_history(const struct postgres_store *store, int shard, int64_t id, store_history_fn *fn,
                                 void *context, int *ret_result)
{
    const PGresult *answer = store->prefetched_history;
    int said = 0;
    int row = answer ? first_row(answer, shard, id) : 0;

    if (!answer || !is_of(answer, row, shard, id))
        return false;
    for (; !said && is_of(answer, row, shard, id); row++)
        said = fn(context, postgres_int(answer, row, KEY_COLUMNS), postgres_int(answer, row, KEY_COLUMNS + 1),
                  pq.getvalue(answer, row, KEY_COLUMNS + 2), (size_t)pq.getlength(answer, row, KEY_COLUMNS + 2));
    *ret_result = store_callback_result(said);
    return true;
}
