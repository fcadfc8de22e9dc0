/*
 * store_bench.c - how fast a store writes: store_bench URL [seconds] [rows a commit].
 *
 * Three rounds, each of the given seconds: history rows of 1 KB of executions that are there; whole
 * executions (the row and 2.5 KB of history, as ten Pass states give); and commits of one row, which
 * show what one fsync costs.
 */
#include "config.h"

#include "runtime/store/store.h"

#include "asl/base/err.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HISTORY_BYTES = 1024, EXECUTION_BYTES = 2560, EXECUTIONS_OPEN = 1000 };

struct bench {
    struct store *store;
    double seconds;
    int rows;
    int64_t next_id;
    char *body;
    int64_t *epochs;  /* of each shard: every commit proves them, as a node's do */
    double slowest_s; /* commit of the round: what a checkpoint may cost */
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void commit(struct bench *bench, struct store_batch *batch)
{
    struct err err = {0};
    double start = now_s();

    for (int shard = 0; shard < store_shards(bench->store); shard++)
        store_batch_prove(batch, shard, bench->epochs[shard]);
    if (store_commit(bench->store, batch, &err)) {
        fprintf(stderr, "store_bench: %s: %s\n", err.where, err.message);
        exit(1);
    }
    if (now_s() - start > bench->slowest_s)
        bench->slowest_s = now_s() - start;
    store_batch_free(batch);
}

static void take_leases(struct bench *bench)
{
    struct err err = {0};

    const struct store_view view = {.node = NULL};
    size_t count = (size_t)store_shards(bench->store);
    int *shards = calloc(count, sizeof(*shards));

    bench->epochs = calloc(count, sizeof(*bench->epochs));
    for (size_t i = 0; i < count; i++)
        shards[i] = (int)i;
    if (store_renew(bench->store, "bench", "{}", INT32_MAX, false, &view, &err) ||
        store_lease_take(bench->store, "bench", shards, NULL, count, bench->epochs, &err)) {
        fprintf(stderr, "store_bench: %s: %s\n", err.where, err.message);
        exit(1);
    }
    free(shards);
}

static void report(struct bench *bench, const char *title, int64_t rows, double start, const char *unit, size_t bytes,
                   int rows_a_commit)
{
    printf("%-12s %10.0f %s/s, %zu bytes of history each, %d a commit; slowest commit %.1f ms\n", title,
           (double)rows / (now_s() - start), unit, bytes, rows_a_commit, bench->slowest_s * 1000);
    bench->slowest_s = 0;
}

/* An array of events of about this size. */
static size_t fill_body(struct bench *bench, size_t bytes)
{
    size_t at = 0;

    bench->body[at++] = '[';
    for (int id = 1; at + 220 < bytes; id++)
        at +=
            (size_t)snprintf(bench->body + at, 256, "%s{\"id\":%d,\"type\":\"PassStateEntered\",\"output\":\"%0150d\"}",
                             id > 1 ? "," : "", id, id);
    at += (size_t)snprintf(bench->body + at, bytes - at, "]");
    return at;
}

static void add_execution(struct bench *bench, struct store_batch *batch, enum execution_status status)
{
    char arn[160];
    int64_t id = bench->next_id++;
    struct store_execution row = {.id = id, .arn = arn, .status = status, .started_ms = id, .wake_ms = 0};

    /* Names are random, as UUIDs are: the index on ARNs is written all over. */
    snprintf(arn, sizeof(arn), "arn:aws:states:us-east-1:123456789012:execution:bench:%08lx-%016" PRIx64, random(),
             (uint64_t)id);
    row.machine = "arn:aws:states:us-east-1:123456789012:stateMachine:bench";
    row.meta = "{\"roleArn\":\"arn:aws:iam::123456789012:role/bench\"}";
    row.stopped_ms = status == EXECUTION_RUNNING ? 0 : id;
    row.shard = store_shard_of(bench->store, arn);
    store_batch_add_execution(batch, &row);
}

static void bench_history(struct bench *bench)
{
    size_t bytes = fill_body(bench, HISTORY_BYTES);
    double start;
    int64_t rows = 0;

    struct store_batch *batch = store_batch_new();
    for (int i = 0; i < EXECUTIONS_OPEN; i++)
        add_execution(bench, batch, EXECUTION_RUNNING);
    commit(bench, batch);
    start = now_s();
    while (now_s() - start < bench->seconds) {
        batch = store_batch_new();
        for (int i = 0; i < bench->rows; i++, rows++) {
            int64_t first = rows / EXECUTIONS_OPEN * 5 + 1;

            store_batch_add_history(batch, (int)(rows % store_shards(bench->store)), 1 + rows % EXECUTIONS_OPEN, first,
                                    first + 4, bench->body, bytes);
        }
        commit(bench, batch);
    }
    report(bench, "history", rows, start, "rows", bytes, bench->rows);
}

static void bench_executions(struct bench *bench, int rows, const char *title)
{
    size_t bytes = fill_body(bench, EXECUTION_BYTES);
    double start = now_s();
    int64_t done = 0;

    while (now_s() - start < bench->seconds) {
        struct store_batch *batch = store_batch_new();

        for (int i = 0; i < rows; i++, done++) {
            int64_t id = bench->next_id;

            add_execution(bench, batch, EXECUTION_SUCCEEDED);
            store_batch_add_history(batch, (int)(id % store_shards(bench->store)), id, 1, 12, bench->body, bytes);
        }
        commit(bench, batch);
    }
    report(bench, title, done, start, "executions", bytes, rows);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct bench bench = {.seconds = argc > 2 ? atof(argv[2]) : 3, .rows = argc > 3 ? atoi(argv[3]) : 256};

    if (argc < 2 || bench.rows < 1) {
        fprintf(stderr, "usage: store_bench URL [seconds] [rows a commit]\n");
        return 2;
    }
    if (store_open(argv[1], &bench.store, &err)) {
        fprintf(stderr, "store_bench: %s: %s\n", err.where, err.message);
        return 1;
    }
    bench.body = malloc(EXECUTION_BYTES + 256);
    bench.next_id = 1;
    take_leases(&bench);
    bench_history(&bench);
    bench_executions(&bench, bench.rows, "executions");
    bench_executions(&bench, 1, "one by one");
    free(bench.body);
    free(bench.epochs);
    store_close(bench.store);
    return 0;
}
