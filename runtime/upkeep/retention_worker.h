/*
 * retention_worker.h - a thread that sweeps the shards of this process from time to time, on a store of its own.
 *
 * It never touches the engine: which shards are the process's it reads in the leases, and each of its commits proves
 * them. A store that is away or busy is met again at the next sweep.
 */
#ifndef RUNTIME_UPKEEP_RETENTION_WORKER_H
#define RUNTIME_UPKEEP_RETENTION_WORKER_H

struct err;
struct retention;
struct retention_worker;

struct retention_worker_options {
    const char *store_url; /* borrowed for the call only */
    const char *node;      /* name of the process in the leases */
    const struct retention *retention;
    void (*log)(void *context, int level, const char *message); /* from the thread; level as in engine.h */
    void *log_context;
};

/* The node's name and the retention are borrowed until the worker is closed. */
int retention_worker_open(const struct retention_worker_options *options, struct retention_worker **ret_worker,
                          struct err *err);
/* Waits for the commit that is being made. NULL is allowed. */
void retention_worker_close(struct retention_worker *worker);

#endif
