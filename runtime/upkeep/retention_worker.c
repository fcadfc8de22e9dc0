/* retention_worker.c - see retention_worker.h. */
#include "config.h"

#include "runtime/upkeep/retention_worker.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/store/store.h"
#include "runtime/upkeep/retention.h"
#include "runtime/upkeep/sweep.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    INTERVAL_MS_MIN = 1000, /* between two sweeps: a tenth of the shortest time, within these */
    INTERVAL_MS_MAX = 600000,
    DEFINITIONS_MS = 600000 /* between two passes through the definitions: longer than any commit takes */
};

struct retention_worker {
    struct retention_worker_options options;
    struct store *store;
    int64_t *epochs; /* by shard, as of the sweep's beginning; 0: not ours */
    struct definition_notes *notes;
    bool removed_some;          /* since the last pass through the definitions */
    int64_t definitions_due_ms; /* monotonic */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    bool stop; /* under lock */
};

/* Waits so long, or until the worker is to stop: then false. */
static bool wait_us(void *context, int64_t us)
{
    struct retention_worker *worker = context;
    struct timespec until;
    bool stop;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / 1000000;
    until.tv_nsec += us % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&worker->lock);
    while (!worker->stop && us > 0 && !pthread_cond_timedwait(&worker->wanted, &worker->lock, &until))
        ;
    stop = worker->stop;
    pthread_mutex_unlock(&worker->lock);
    return !stop;
}

static void say(struct retention_worker *worker, int level, const char *message)
{
    if (worker->options.log)
        worker->options.log(worker->options.log_context, level, message);
}

static int note_lease(void *context, const struct store_lease *lease)
{
    struct retention_worker *worker = context;

    if (!strcmp(lease->node, worker->options.node))
        worker->epochs[lease->shard] = lease->epoch;
    return 0;
}

static void report(struct retention_worker *worker, const struct sweep_counts *counts)
{
    char text[200];

    if (!counts->executions && !counts->children && !counts->definitions)
        return;
    worker->removed_some = true;
    snprintf(text, sizeof(text), "retention: removed %lld executions, %lld children of %lld map runs, %lld definitions",
             (long long)counts->executions, (long long)counts->children, (long long)counts->map_runs,
             (long long)counts->definitions);
    say(worker, 1, text);
}

static int sweep(struct retention_worker *worker, struct sweep_counts *counts, struct err *err)
{
    struct sweep_options options = {
        .retention = worker->options.retention,
        .now_ms = clock_real_ms(),
        .epochs = worker->epochs,
        .pause = wait_us,
        .context = worker,
    };
    const struct store_view view = {.lease = note_lease, .context = worker};
    bool look = worker->removed_some || definition_notes_any(worker->notes);
    int result;

    memset(worker->epochs, 0, (size_t)store_shards(worker->store) * sizeof(*worker->epochs));
    if ((result = store_nodes(worker->store, &view, err)) ||
        (result = sweep_executions(worker->store, &options, counts, err)))
        return result;
    if ((result = sweep_map_runs(worker->store, &options, counts, err)))
        return result;
    if (!look || clock_steady_ms() < worker->definitions_due_ms)
        return 0;
    worker->removed_some = false;
    worker->definitions_due_ms = clock_steady_ms() + DEFINITIONS_MS;
    return sweep_definitions(worker->store, &options, worker->notes, counts, err);
}

static void *work(void *context)
{
    struct retention_worker *worker = context;
    int64_t interval_ms = retention_shortest(worker->options.retention) / 10;

    interval_ms = interval_ms < INTERVAL_MS_MIN   ? INTERVAL_MS_MIN
                  : interval_ms > INTERVAL_MS_MAX ? INTERVAL_MS_MAX
                                                  : interval_ms;
    while (wait_us(worker, interval_ms * 1000)) {
        struct sweep_counts counts = {0};
        struct err err = {0};
        int result = sweep(worker, &counts, &err);

        report(worker, &counts);
        /* Busy, fenced: somebody else's turn, the next sweep goes on. */
        if (result && result != ERR_BUSY && result != ERR_FENCED) {
            char text[600];

            snprintf(text, sizeof(text), "retention: %s", err.message);
            say(worker, 2, text);
        }
    }
    return NULL;
}

static int start(struct retention_worker *worker, struct err *err)
{
    sigset_t all, before;
    int failed;

    /* Signals are the loop's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? err_set(err, ERR_IO, "could not start the thread of the retention") : 0;
}

static void release(struct retention_worker *worker)
{
    store_close(worker->store);
    definition_notes_free(worker->notes);
    pthread_cond_destroy(&worker->wanted);
    pthread_mutex_destroy(&worker->lock);
    free(worker->epochs);
    free(worker);
}

int retention_worker_open(const struct retention_worker_options *options, struct retention_worker **ret_worker,
                          struct err *err)
{
    struct retention_worker *worker = NEW(struct retention_worker);
    pthread_condattr_t monotonic;
    int result;

    worker->options = *options;
    worker->notes = definition_notes_new();
    worker->removed_some = true; /* what was left when an earlier process ended */
    worker->definitions_due_ms = clock_steady_ms() + DEFINITIONS_MS;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!(result = store_open(options->store_url, &worker->store, err))) {
        worker->epochs = mem_zalloc((size_t)store_shards(worker->store) * sizeof(*worker->epochs));
        result = start(worker, err);
    }
    if (result) {
        release(worker);
        return result;
    }
    *ret_worker = worker;
    return 0;
}

void retention_worker_close(struct retention_worker *worker)
{
    if (!worker)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stop = true;
    pthread_cond_signal(&worker->wanted);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    release(worker);
}
