/*
 * postgres_connect.c - connections: made, made again, and given up.
 *
 *            lost, silent                     the pause is over: an attempt
 *   CONNECTED ──────────▶ AWAY (a pause) ─────────────────────────────────▶ CONNECTING ──▶ CONNECTED
 *                           ▲                                                  │ failed: a longer pause
 *                           └──────────────────────────────────────────────────┘
 *
 * An attempt looks up names, tries one host after the other, says hello and prepares statements: there is no end to the
 * places where that can hang. In a node it has a thread of its own, and whoever wants the connection waits for it no
 * longer than he can: the loop once, for a moment, since most of the time a connection was lost and not the database;
 * then not at all, and calls fail at once until it is there. Other processes have no loop to hold up and wait.
 *
 * Each connection prepares the statements of its side when it is made. The writer's also registers itself in
 * the table `writer`: that ends whatever an earlier connection of this process may have left running, and
 * tells which commit was the last to reach the database (see postgres_write.c).
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What the thread of an attempt works on; the store takes it over when it has ended. */
struct postgres_attempt {
    const struct postgres_store *store; /* of which it reads what never changes */
    enum postgres_side side;
    int64_t session; /* the writer's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ends;
    bool has_ended;
    PGconn *pg;
    int result;
    struct err err;
    int64_t durable_commit;
    char *durable_conflicts;
};

/* --- one attempt, on whatever thread ------------------------------------------------------------------ */

/* All statements of a side in one round trip. */
static int prepare(PGconn *pg, enum postgres_side side, struct err *err)
{
    struct postgres_patience patience = postgres_patience(POSTGRES_SET_UP_MS);
    int result = 0;
    int sent = 0;

    pq.enterPipelineMode(pg);
    for (int i = 0; i < POSTGRES_STATEMENTS; i++) {
        if (postgres_statements[i].side == side)
            sent += pq.sendPrepare(pg, postgres_statements[i].name, postgres_statements[i].sql, 0, NULL);
    }
    pq.pipelineSync(pg);
    for (int i = 0; i < sent && !patience.is_over; i++) {
        for (PGresult *answer; (answer = postgres_answer(pg, &patience)); pq.clear(answer)) {
            if (!result && pq.resultStatus(answer) != PGRES_COMMAND_OK)
                result = postgres_error(pg, answer, "prepare a statement", err);
        }
    }
    pq.clear(postgres_answer(pg, &patience)); /* of the sync */
    if (!result && patience.is_over)
        result = postgres_silent(err);
    if (!result && !pq.exitPipelineMode(pg))
        result = postgres_error(pg, NULL, "prepare a statement", err);
    return result;
}

/*
 * From here on only this connection may commit for the process. What an earlier one left open was ended with its
 * backend; the row's lock makes sure that it has ended.
 */
static int register_writer(struct postgres_attempt *attempt, struct err *err)
{
    struct postgres_patience patience = postgres_patience(POSTGRES_SET_UP_MS);
    AUTO_PARAMS params = PARAMS_INIT;
    PGresult *answer;
    int result = 0;

    if ((result = postgres_run_within(attempt->pg, "DELETE FROM writer WHERE seen < now() - interval '30 days'",
                                      &patience, err)))
        return result;
    params_add_text(&params, attempt->store->writer_id);
    params_add_int(&params, attempt->session);
    answer = postgres_exchange(attempt->pg,
                               "INSERT INTO writer AS w (id, session, last_commit, conflicts) VALUES ($1, $2, 0, '{}')"
                               " ON CONFLICT (id) DO UPDATE SET session = excluded.session, seen = now()"
                               " RETURNING last_commit, conflicts",
                               &params, &patience);
    if (patience.is_over) {
        result = postgres_silent(err);
    } else if (pq.resultStatus(answer) != PGRES_TUPLES_OK) {
        result = postgres_error(attempt->pg, answer, "register with the store", err);
    } else {
        attempt->durable_commit = postgres_int(answer, 0, 0);
        attempt->durable_conflicts = mem_strdup(pq.getvalue(answer, 0, 1));
    }
    pq.clear(answer);
    return result;
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

PGconn *postgres_open_connection(const struct postgres_store *store, enum postgres_side side)
{
    static const char *const titles[] = {"reader", "writer", "listener"};
    char name[64];
    const char *keywords[] = {"dbname",          "application_name", "connect_timeout",
                              "keepalives_idle", "tcp_user_timeout", NULL};
    const char *values[] = {store->url, name, POSTGRES_CONNECT_S, "10", "20000", NULL};
    PGconn *pg;

    snprintf(name, sizeof(name), "orchestrator %s %s", titles[side], store->writer_id);
    pg = pq.connectdbParams(keywords, values, 1);
    pq.setNoticeReceiver(pg, ignore_notice, NULL);
    return pg;
}

int postgres_limit_locks(PGconn *pg, struct err *err)
{
    struct postgres_patience patience = postgres_patience(POSTGRES_ASK_MS);

    return postgres_run_within(pg, "SET lock_timeout = " POSTGRES_LOCK_MS, &patience, err);
}

/*
 * It uses our schema, and its commits wait for the disk whatever the server's default is. Rows are found by an index:
 * the plan of a prepared statement that was made while a table was small would else read the whole table for every
 * commit, however large it grows, until the server comes to analyze it.
 */
static int set_up(struct postgres_attempt *attempt, struct err *err)
{
    static const char common[] =
        "SET search_path = orchestrator; SET client_encoding = 'UTF8';"
        "SET default_transaction_isolation = 'read committed';"
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
        "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;"
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database() AND usename = current_user"
        " AND application_name = current_setting('application_name')";
    struct postgres_patience patience = postgres_patience(POSTGRES_SET_UP_MS);
    PGconn *pg = attempt->pg;
    int result;

    if (pq.status(pg) != CONNECTION_OK)
        return postgres_error(pg, NULL, "reach the database", err);
    pq.setnonblocking(pg, 1);
    if ((result = postgres_run_within(pg, common, &patience, err)))
        return result;
    if (attempt->side == POSTGRES_LISTENER)
        return postgres_run_within(pg, "LISTEN orchestrator", &patience, err);
    if ((result = prepare(pg, attempt->side, err)))
        return result;
    if (attempt->side == POSTGRES_WRITER)
        return register_writer(attempt, err);
    return attempt->store->is_node ? postgres_limit_locks(pg, err) : 0;
}

static void make(struct postgres_attempt *attempt)
{
    attempt->pg = postgres_open_connection(attempt->store, attempt->side);
    attempt->result = set_up(attempt, &attempt->err);
}

static void *attempt_main(void *context)
{
    struct postgres_attempt *attempt = context;

    make(attempt);
    pthread_mutex_lock(&attempt->lock);
    attempt->has_ended = true;
    pthread_cond_signal(&attempt->ends);
    pthread_mutex_unlock(&attempt->lock);
    return NULL;
}

/* --- attempts of a connection -------------------------------------------------------------------------- */

static void attempt_init(struct postgres_attempt *attempt, struct postgres_store *store, enum postgres_side side)
{
    *attempt = (struct postgres_attempt){.store = store, .side = side};
    if (side == POSTGRES_WRITER)
        attempt->session = ++store->session;
}

static struct postgres_attempt *attempt_begin(struct postgres_store *store, enum postgres_side side)
{
    struct postgres_attempt *attempt = NEW(struct postgres_attempt);
    pthread_condattr_t monotonic;

    attempt_init(attempt, store, side);
    pthread_mutex_init(&attempt->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&attempt->ends, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&attempt->thread, NULL, attempt_main, attempt)) {
        pthread_cond_destroy(&attempt->ends);
        pthread_mutex_destroy(&attempt->lock);
        free(attempt);
        return NULL;
    }
    return attempt;
}

/* Whether it has ended, now or so much later (< 0: however long that takes). */
static bool attempt_wait(struct postgres_attempt *attempt, int64_t wait_ms)
{
    int64_t until_ms = clock_steady_ms() + wait_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool has_ended;
    int code = 0;

    pthread_mutex_lock(&attempt->lock);
    while (!attempt->has_ended && wait_ms && code != ETIMEDOUT)
        code = wait_ms < 0 ? pthread_cond_wait(&attempt->ends, &attempt->lock)
                           : pthread_cond_timedwait(&attempt->ends, &attempt->lock, &until);
    has_ended = attempt->has_ended;
    pthread_mutex_unlock(&attempt->lock);
    return has_ended;
}

static void attempt_end(struct postgres_connection *connection)
{
    struct postgres_attempt *attempt = connection->attempt;

    pthread_join(attempt->thread, NULL);
    pthread_cond_destroy(&attempt->ends);
    pthread_mutex_destroy(&attempt->lock);
    free(attempt);
    connection->attempt = NULL;
}

/* --- what the sides call -------------------------------------------------------------------------------- */

void postgres_drop(struct postgres_connection *connection)
{
    pq.finish(connection->pg);
    connection->pg = NULL;
}

void postgres_give_up(struct postgres_connection *connection)
{
    postgres_drop(connection);
    connection->pause_ms = connection->pause_ms ? connection->pause_ms * 2 : POSTGRES_PAUSE_MS_FIRST;
    if (connection->pause_ms > POSTGRES_PAUSE_MS_MAX)
        connection->pause_ms = POSTGRES_PAUSE_MS_MAX;
    connection->retry_ms = clock_steady_ms() + connection->pause_ms;
}

/* Takes over what an attempt has made. A reader has yet to show that it answers: until then the pauses grow. */
static int take_over(struct postgres_store *store, struct postgres_connection *connection,
                     const struct postgres_attempt *attempt, struct err *err)
{
    connection->pg = attempt->pg;
    if (attempt->result) {
        if (err)
            *err = attempt->err;
        postgres_give_up(connection);
        return attempt->result;
    }
    if (connection->side != POSTGRES_READER)
        connection->pause_ms = 0;
    if (connection->side == POSTGRES_WRITER) {
        store->durable_commit = attempt->durable_commit;
        free(store->durable_conflicts);
        store->durable_conflicts = attempt->durable_conflicts;
    }
    return 0;
}

int64_t postgres_connect_wait_ms(const struct postgres_store *store, const struct postgres_connection *connection)
{
    if (!store->is_node)
        return -1;
    return connection->side == POSTGRES_LISTENER || connection->pause_ms ? 0 : POSTGRES_HEAL_MS;
}

int postgres_connect(struct postgres_store *store, struct postgres_connection *connection, int64_t wait_ms,
                     struct err *err)
{
    int64_t now_ms = clock_steady_ms();
    int result;

    if (connection->pg && pq.status(connection->pg) == CONNECTION_OK)
        return 0;
    postgres_drop(connection);
    if (!connection->attempt) {
        if (now_ms < connection->retry_ms)
            return err_set(err, ERR_BUSY, "the database could not be reached; the next try is in %" PRId64 " ms",
                           connection->retry_ms - now_ms);
        if (wait_ms < 0) {
            struct postgres_attempt attempt;

            attempt_init(&attempt, store, connection->side);
            make(&attempt);
            return take_over(store, connection, &attempt, err);
        }
        if (!(connection->attempt = attempt_begin(store, connection->side)))
            return err_set(err, ERR_BUSY, "there is no thread to connect to the database");
    }
    if (!attempt_wait(connection->attempt, wait_ms)) {
        if (!connection->pause_ms) /* nobody waits for this attempt again */
            connection->pause_ms = POSTGRES_PAUSE_MS_FIRST;
        return err_set(err, ERR_BUSY, "the database does not answer; a new connection is on the way");
    }
    result = take_over(store, connection, connection->attempt, err);
    attempt_end(connection);
    return result;
}

void postgres_close_connection(struct postgres_connection *connection)
{
    if (connection->attempt) {
        attempt_wait(connection->attempt, -1);
        free(connection->attempt->durable_conflicts);
        pq.finish(connection->attempt->pg);
        attempt_end(connection);
    }
    postgres_drop(connection);
}
