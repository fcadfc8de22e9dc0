/*
 * commit.c - group commit: one transaction is written while the next one fills.
 *
 *            commit_kick               seal, hand over              on disk
 *   FILLING ─────────────▶ (turn ends) ───────────────▶ WRITING ─────────────▶ answers, commands
 *      ▲                                                   │ failed: forget every run in it, answer the error
 *      └───────────────────────────────────────────────────┘
 *
 * No artificial delay: a lone request pays one sync, a thousand share one.
 */
#include "runtime/executor/engine_priv.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/execution/event_codec.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct commit *commit_new(void)
{
    struct commit *commit = NEW(struct commit);
    commit->batch = store_batch_new();
    return commit;
}

static void commit_free(struct commit *commit)
{
    if (commit == NULL)
        return;
    store_batch_free(commit->batch);
    free(commit->runs);
    free(commit->commands);
    free(commit->dones);
    logging_drop(commit);
    free(commit->logs);
    free(commit);
}

static bool is_empty(const struct commit *commit)
{
    return commit->run_count == 0 && commit->done_count == 0 && commit->command_count == 0 &&
           store_batch_empty(commit->batch);
}

bool commit_is_idle(const struct engine *engine)
{
    return engine->writing == NULL && is_empty(engine->filling);
}

void commit_kick(struct engine *engine)
{
    if (engine->kicked)
        return;
    engine->kicked = true;
    event_active(engine->kick, EV_TIMEOUT, 0);
}

/*
 * Proved from the start: should the shard be lost before the commit is handed over, the run leaves it, and yet the
 * commit must fail, since rows of the run or answers that wait for them are in it.
 */
void commit_add_run(struct engine *engine, struct run *run)
{
    if (run->dirty)
        return;
    run->dirty = true;
    struct commit *commit = engine->filling;
    store_batch_prove(commit->batch, run->shard, engine->epochs[run->shard]);
    commit->runs = mem_grow(commit->runs, &commit->run_capacity, commit->run_count + 1, sizeof *commit->runs);
    commit->runs[commit->run_count++] = run;
    commit_kick(engine);
}

/*
 * With its run, also where that has no event, as one that was just read: the commit proves that the task is ours to
 * start, and when it is lost the run leaves memory, so that the task is asked for again.
 */
void commit_add_command(struct engine *engine, struct run *run, struct command command)
{
    struct commit *commit = engine->filling;
    commit_add_run(engine, run);
    commit->commands =
        mem_grow(commit->commands, &commit->command_capacity, commit->command_count + 1, sizeof *commit->commands);
    commit->commands[commit->command_count++] = (struct pending_command){run, command};
}

struct store_batch *engine_batch(struct engine *engine)
{
    commit_kick(engine); /* also where the one who adds to it then fails and waits for nothing */
    return engine->filling->batch;
}

void engine_on_commit(struct engine *engine, engine_done_fn *done, void *context)
{
    struct commit *commit = engine->filling;
    commit->dones = mem_grow(commit->dones, &commit->done_capacity, commit->done_count + 1, sizeof *commit->dones);
    commit->dones[commit->done_count++] = (struct done){done, context, 0};
    commit_kick(engine);
}

/* When the run would have to be in memory again if it left now. The virtual clock jumps by the timers in memory. */
static int64_t wake_moment(const struct run *run)
{
    if (run->ended || run->engine->options.virtual_clock || !execution_is_dormant(run->execution) || tasks_hold(run))
        return STORE_WAKE_ACTIVE;
    int64_t due_ms = execution_next_due(run->execution);
    if (due_ms == INT64_MAX)
        return STORE_WAKE_NEVER;
    return due_ms - engine_now_ms(run->engine) > ENGINE_DORMANT_MS ? due_ms : STORE_WAKE_ACTIVE;
}

void commit_close_row(struct run *run, struct store_batch *batch)
{
    event_encode_end(&run->row);
    store_batch_add_history(batch, run->shard, run->id, run->row_first_id, run->row_last_id, run->row.data,
                            run->row.bytes);
    buf_clear(&run->row);
    if (run->row.capacity > 2 * ENGINE_ROW_BYTES)
        buf_release(&run->row);
    run->row_first_id = 0;
}

static void write_run(struct store_batch *batch, struct run *run)
{
    int64_t wake_ms = wake_moment(run);
    if (!run->added || run->changed || wake_ms != run->wake_ms) {
        struct store_execution row = {
            .id = run->id,
            .shard = run->shard,
            .arn = run->arn,
            .machine = run->machine_arn,
            .meta = run->meta,
            .status = execution_status(run->execution),
            .started_ms = execution_started_ms(run->execution),
            .stopped_ms = run->ended ? execution_stopped_ms(run->execution) : 0,
            .wake_ms = wake_ms,
            .redrive_count = execution_redrive_count(run->execution),
            .redriven_ms = run->redriven_ms,
            .map_run = run->map_run_arn,
        };
        if (run->added)
            store_batch_set_execution(batch, &row);
        else
            store_batch_add_execution(batch, &row);
        run->added = true;
        run->changed = false;
        run->wake_ms = wake_ms;
    }
    if (run->row.bytes)
        commit_close_row(run, batch);
}

static void seal(struct commit *commit)
{
    for (size_t i = 0; i < commit->run_count; i++) {
        struct run *run = commit->runs[i];
        if (run == NULL)
            continue;
        write_run(commit->batch, run);
        run->dirty = false;
        run->in_commits++;
    }
}

static void hand_over(struct engine *engine)
{
    struct commit *commit = engine->filling;
    seal(commit);
    engine->filling = engine->spare ? engine->spare : commit_new();
    engine->spare = NULL;
    engine->writing = commit;
    commit->begun_us = clock_steady_us();
    pthread_mutex_lock(&engine->lock);
    engine->handed = commit;
    pthread_cond_signal(&engine->wanted);
    pthread_mutex_unlock(&engine->lock);
}

/* The end of a turn of the loop: everything that came in during it shares a commit. */
static void on_kick(int fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    engine->kicked = false;
    tasks_advance(engine);
    if (engine->writing == NULL && !is_empty(engine->filling))
        hand_over(engine);
    else
        timers_idle(engine);
}

static void *write_commits(void *context)
{
    struct engine *engine = context;
    pthread_mutex_lock(&engine->lock);
    for (;;) {
        while (engine->handed == NULL && !engine->stop_writer)
            pthread_cond_wait(&engine->wanted, &engine->lock);
        struct commit *commit = engine->handed;
        engine->handed = NULL;
        if (commit == NULL)
            break;
        pthread_mutex_unlock(&engine->lock);
        commit->code = store_batch_empty(commit->batch) ? 0 : store_commit(engine->store, commit->batch, &commit->err);
        uint64_t one = 1;
        while (write(engine->finished_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
        pthread_mutex_lock(&engine->lock);
    }
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}

static void forget_runs(struct commit *commit)
{
    for (size_t i = 0; i < commit->run_count; i++) {
        struct run *run = commit->runs[i];
        if (run)
            run_forget(run);
    }
}

/*
 * The same of a commit that may have been written: an execution that has ended by it is not read again, and nobody
 * would tell those who wait for its end.
 */
static void forget_tried(struct engine *engine, struct commit *commit)
{
    for (size_t i = 0; i < commit->run_count; i++) {
        struct run *run = commit->runs[i];
        char *watched = run && run->watchers ? mem_strdup(run->arn) : NULL;
        if (run)
            run_forget(run);
        if (watched)
            watch_again(engine, watched);
        free(watched);
    }
}

/* A map run may wait for a child whose start was just lost: it is made again from its parent's history. */
static bool has_map_runs(const struct run *run, const void *context)
{
    (void)context;
    return run->map_runs != NULL;
}

/* Nothing is left of what it would have written; those who wait for it will be told the error. */
static void empty(struct commit *commit, const struct err *err)
{
    store_batch_free(commit->batch);
    commit->batch = store_batch_new();
    commit->command_count = 0;
    for (size_t i = 0; i < commit->done_count; i++)
        commit->dones[i].code = err->code;
    commit->err = *err;
    logging_drop(commit);
}

/*
 * Invariant (3). The filling commit builds on the lost one: rows of the same executions, answers to what they did.
 * Those that leave memory withdraw what they asked of others, in the filling commit, so that is emptied before.
 */
static void lose(struct engine *engine, struct commit *commit)
{
    engine_log(engine, 3, "could not commit: %s; executions are read again", commit->err.message);
    logging_drop(commit);
    empty(engine->filling, &commit->err);
    forget_tried(engine, commit);
    forget_runs(engine->filling);
    engine->filling->run_count = 0;
    run_each(engine, has_map_runs, NULL, run_forget);
    if (commit->code == ERR_FENCED) /* which of the shards are lost, the leases tell */
        owner_look(engine);
    recover_soon(engine, commit->code == ERR_FENCED ? 0 : ENGINE_RELOAD_MS);
}

/*
 * What is there already, or not there any more, is one of the many things that the commit holds: those who wait for the
 * others must not take it for an answer to what they asked.
 */
static int code_for_all(int code)
{
    switch (code) {
    case ERR_FENCED:
    case ERR_FULL:
    case ERR_IO:
    case ERR_CORRUPT:
        return code;
    default:
        return ERR_BUSY;
    }
}

static void finish(struct engine *engine, struct commit *commit)
{
    if (commit->code != 0)
        commit->code = commit->err.code = code_for_all(commit->code);
    bool good = commit->code == 0;
    figures_committed(engine, commit->run_count, clock_steady_us() - commit->begun_us);
    if (good)
        logging_committed(engine, commit);
    else
        lose(engine, commit);
    for (size_t i = 0; i < commit->done_count; i++) {
        struct done *done = &commit->dones[i];
        int code = good ? done->code : commit->code;
        done->fn(done->context, code, code ? &commit->err : NULL);
    }
    for (size_t i = 0; good && i < commit->command_count; i++) {
        struct run *run = commit->commands[i].run;
        if (run && (run->express || !engine->releasing[run->shard])) /* else the next owner does it */
            tasks_carry_out(run, commit->commands[i].command);
    }
    for (size_t i = 0; good && i < commit->run_count; i++) {
        struct run *run = commit->runs[i];
        if (run == NULL)
            continue;
        run->in_commits--;
        run_settle(run);
    }
}

static void on_finished(int fd, short what, void *context)
{
    (void)what;
    struct engine *engine = context;
    uint64_t many;
    if (read(fd, &many, sizeof many) < 0 || engine->writing == NULL)
        return;
    struct commit *commit = engine->writing;
    finish(engine, commit);
    engine->writing = NULL;
    store_batch_free(commit->batch);
    commit->batch = store_batch_new();
    commit->run_count = commit->command_count = commit->done_count = 0;
    commit->code = 0;
    if (engine->spare)
        commit_free(commit);
    else
        engine->spare = commit;
    commit_kick(engine);
}

void commit_drop_run(struct engine *engine, struct run *run)
{
    if (!run->dirty && run->in_commits == 0)
        return;
    struct commit *commits[] = {engine->filling, engine->writing};
    for (size_t c = 0; c < 2; c++) {
        struct commit *commit = commits[c];
        if (commit == NULL)
            continue;
        for (size_t i = 0; i < commit->run_count; i++)
            if (commit->runs[i] == run)
                commit->runs[i] = NULL;
        for (size_t i = 0; i < commit->command_count; i++)
            if (commit->commands[i].run == run)
                commit->commands[i].run = NULL;
    }
}

int commit_open(struct engine *engine, struct err *err)
{
    engine->filling = commit_new();
    engine->kick = event_new(engine->base, -1, 0, on_kick, engine);
    engine->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->finished_fd < 0)
        return err_set(err, ERR_IO, "could not make an eventfd: %s", strerror(errno));
    engine->finished_event = event_new(engine->base, engine->finished_fd, EV_READ | EV_PERSIST, on_finished, engine);
    event_add(engine->finished_event, NULL);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->wanted, NULL);
    if (pthread_create(&engine->writer, NULL, write_commits, engine) != 0)
        return err_set(err, ERR_IO, "could not start the writer thread");
    return 0;
}

void commit_close(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->stop_writer = true;
    pthread_cond_signal(&engine->wanted);
    pthread_mutex_unlock(&engine->lock);
    pthread_join(engine->writer, NULL);
    pthread_cond_destroy(&engine->wanted);
    pthread_mutex_destroy(&engine->lock);
    event_free(engine->kick);
    event_free(engine->finished_event);
    close(engine->finished_fd);
    commit_free(engine->filling);
    commit_free(engine->writing);
    commit_free(engine->spare);
}
