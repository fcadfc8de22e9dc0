/*
 * postgres_ask.c - statements, and how long their answers are waited for.
 *
 * libpq never waits here: what is asked is sent as far as the socket takes it, and poll() waits for the rest and for
 * the answer, no longer than the patience of the call. The limits stand in postgres_priv.h.
 *
 * The reading side of a node runs on the node's loop. Whoever is silent for POSTGRES_ASK_MS loses the connection, the
 * call gets ERR_BUSY, and so do, at once, those that follow until there is a new one (postgres_connect.c). What was
 * asked may be carried out nevertheless, by a backend that wakes up late, and nobody will hear of it:
 *
 *     a read           changes nothing.
 *     RENEW            the node lives longer than it knows, which is the safe way round: it answers from its memory
 *                      only while it knows (owner_holds). It never lives shorter: the moment is computed under the lock
 *                      of the row, so that an old renewal that comes after a new one cannot take back what that one
 *                      said.
 *     LEASE_TAKE       names the epochs that were seen. One that comes after the lease was taken by anybody, this node
 *                      included, finds another epoch and takes nothing, so that nobody's commits are fenced by it. One
 *                      that still finds it makes the node the holder under an epoch that it does not know, so it cannot
 *                      prove it: it writes nothing, and the next renewal shows the lease, which is then taken again or
 *                      given back (owner.c).
 *     LEASE_RELEASE    names the epochs too; the shard was drained and takes no new work, whatever the answer was.
 *     LEAVE, FORGET_*  are the last that a node does; its name is never used again. (A renewal that comes after them
 *                      shows a node that owns nothing, for the time of a lease.)
 *     TIDY_*           removes only what is minutes old.
 *
 * When the connection is made again, the server is told to end the backends of the ones before. One that was stopped
 * alone then ends before it does anything; of a whole server that hung, all wake at once and may be quicker than that.
 * A call that meets a lock is refused by the server soon (lock_timeout). What a late commit may do stands in
 * postgres_write.c.
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

#include "asl/base/err.h"
#include "runtime/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

const struct postgres_statement_text postgres_statements[POSTGRES_STATEMENTS] = {
#define STATEMENT(side, name, sql) {POSTGRES_##side, #name, sql},
#include "runtime/store/postgres_statements.def"
};

/* --- patience ------------------------------------------------------------------------------------ */

struct postgres_patience postgres_patience(int64_t ms)
{
    return (struct postgres_patience){.until_ms = ms < 0 ? POSTGRES_FOREVER : clock_steady_ms() + ms};
}

/* What the calls of a side have: long answers may take as long as something of them comes. */
static struct postgres_patience patience_of(const struct postgres_store *store)
{
    struct postgres_patience patience = postgres_patience(store->is_node ? POSTGRES_ASK_MS : -1);

    patience.silence_ms = store->is_node ? POSTGRES_ASK_MS : 0;
    return patience;
}

/* Until the socket can be read, or written to where there is more to send. False: the time is over. */
static bool wait_for_socket(PGconn *pg, bool sends, const struct postgres_patience *patience, bool *ret_readable)
{
    struct pollfd socket = {.fd = pq.socket(pg), .events = (short)(sends ? POLLIN | POLLOUT : POLLIN)};
    int64_t left_ms = patience->until_ms == POSTGRES_FOREVER ? -1 : patience->until_ms - clock_steady_ms();
    int ready;

    if (patience->until_ms != POSTGRES_FOREVER && left_ms < 0)
        left_ms = 0;
    ready = poll(&socket, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
    *ret_readable = ready > 0 && socket.revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL);
    return ready > 0 || (ready < 0 && errno == EINTR) || left_ms > INT_MAX;
}

PGresult *postgres_answer(PGconn *pg, struct postgres_patience *patience)
{
    for (;;) {
        bool readable;
        bool sends = pq.flush(pg) > 0;

        if (!pq.isBusy(pg))
            return pq.getResult(pg);
        if (!wait_for_socket(pg, sends, patience, &readable)) {
            patience->is_over = true;
            return NULL;
        }
        if (!readable)
            continue;
        if (!pq.consumeInput(pg)) /* the connection is lost: the result says so */
            return pq.getResult(pg);
        if (patience->silence_ms)
            patience->until_ms = clock_steady_ms() + patience->silence_ms;
    }
}

int postgres_silent(struct err *err)
{
    return err_set(err, ERR_BUSY, "the database does not answer");
}

static bool is_good(const PGresult *answer)
{
    ExecStatusType status = pq.resultStatus(answer);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The last of the results, or the first that is an error. NULL: the time is over, or nothing could be sent. */
static PGresult *last_answer(PGconn *pg, struct postgres_patience *patience)
{
    PGresult *last = NULL;

    for (PGresult *answer; (answer = postgres_answer(pg, patience));) {
        if (last && !is_good(last)) {
            pq.clear(answer);
            continue;
        }
        pq.clear(last);
        last = answer;
    }
    if (patience->is_over) {
        pq.clear(last);
        last = NULL;
    }
    return last;
}

/* --- statements ------------------------------------------------------------------------------------ */

int postgres_run_within(PGconn *pg, const char *sql, struct postgres_patience *patience, struct err *err)
{
    PGresult *answer = pq.sendQuery(pg, sql) ? last_answer(pg, patience) : NULL;
    int result = 0;

    if (patience->is_over)
        result = postgres_silent(err);
    else if (!is_good(answer))
        result = postgres_error(pg, answer, "set up the store", err);
    pq.clear(answer);
    return result;
}

int postgres_run(PGconn *pg, const char *sql, struct err *err)
{
    struct postgres_patience patience = postgres_patience(-1);

    return postgres_run_within(pg, sql, &patience, err);
}

int postgres_query_int(PGconn *pg, const char *sql, int64_t *ret_value, struct err *err)
{
    PGresult *answer = pq.exec(pg, sql);
    int result = 0;

    if (pq.resultStatus(answer) != PGRES_TUPLES_OK)
        result = postgres_error(pg, answer, "read the store", err);
    else
        *ret_value = pq.ntuples(answer) ? postgres_int(answer, 0, 0) : 0;
    pq.clear(answer);
    return result;
}

int postgres_send(PGconn *pg, enum postgres_statement which, const struct params *params, struct err *err)
{
    if (pq.sendQueryPrepared(pg, postgres_statements[which].name, params->count, params->values, params->lengths,
                             params->formats, 0))
        return 0;
    return postgres_error(pg, NULL, "write to the store", err);
}

PGresult *postgres_exchange(PGconn *pg, const char *sql, const struct params *params,
                            struct postgres_patience *patience)
{
    if (!pq.sendQueryParams(pg, sql, params->count, NULL, params->values, params->lengths, params->formats, 0))
        return NULL;
    return last_answer(pg, patience);
}

static PGresult *exchange_prepared(PGconn *pg, const char *name, const struct params *params,
                                   struct postgres_patience *patience)
{
    if (!pq.sendQueryPrepared(pg, name, params->count, params->values, params->lengths, params->formats, 0))
        return NULL;
    return last_answer(pg, patience);
}

/* Once more when the connection was lost: reads change nothing, and writes that come here may be done twice. */
static int ask(struct postgres_store *store, struct postgres_connection *connection, const char *name, const char *sql,
               const struct params *params, PGresult **ret_result, struct err *err)
{
    int result = 0;

    *ret_result = NULL;
    for (bool again = true, lost = true; lost; again = false) {
        struct postgres_patience patience;
        PGresult *answer;

        if ((result = postgres_connect(store, connection, postgres_connect_wait_ms(store, connection), err)))
            return result;
        patience = patience_of(store);
        answer = name ? exchange_prepared(connection->pg, name, params, &patience)
                      : postgres_exchange(connection->pg, sql, params, &patience);
        if (is_good(answer)) {
            connection->pause_ms = 0;
            *ret_result = answer;
            return 0;
        }
        if (patience.is_over) {
            postgres_give_up(connection);
            return postgres_silent(err);
        }
        result = postgres_error(connection->pg, answer, "ask the store", err);
        lost = postgres_is_lost(connection->pg, answer);
        pq.clear(answer);
        if (lost)
            postgres_drop(connection);
        lost = lost && again;
    }
    return result;
}

/*
 * A commit was given up that may still be carried out (postgres_write.c). Before anything is read its session is
 * ended, which cannot be done while it is under way: from then on the database shows all of it or never any of it.
 */
static int end_doubt(struct postgres_store *store, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;
    int64_t session = store->doubtful_session;
    PGresult *answer;
    int result;

    if (!session)
        return 0;
    params_add_text(&params, store->writer_id);
    params_add_int(&params, session);
    result = ask(store, &store->reader, postgres_statements[POSTGRES_END_SESSION].name, NULL, &params, &answer, err);
    pq.clear(answer);
    if (!result) /* unless there is a later one by now */
        atomic_compare_exchange_strong(&store->doubtful_session, &session, 0);
    return result;
}

int postgres_begin_read(struct postgres_store *store, struct postgres_patience *ret_patience, struct err *err)
{
    int result = end_doubt(store, err);

    if (!result)
        result = postgres_connect(store, &store->reader, postgres_connect_wait_ms(store, &store->reader), err);
    *ret_patience = patience_of(store);
    return result;
}

/* A renewal says nothing of what was committed. */
static int prepare_to_ask(struct postgres_store *store, const struct postgres_connection *connection, bool renews,
                          struct err *err)
{
    return connection == &store->reader && !renews ? end_doubt(store, err) : 0;
}

int postgres_ask(struct postgres_store *store, struct postgres_connection *connection, enum postgres_statement which,
                 const struct params *params, PGresult **ret_result, struct err *err)
{
    int result = prepare_to_ask(store, connection, which == POSTGRES_RENEW, err);

    *ret_result = NULL;
    return result ? result : ask(store, connection, postgres_statements[which].name, NULL, params, ret_result, err);
}

int postgres_ask_sql(struct postgres_store *store, struct postgres_connection *connection, const char *sql,
                     const struct params *params, PGresult **ret_result, struct err *err)
{
    int result = prepare_to_ask(store, connection, false, err);

    *ret_result = NULL;
    return result ? result : ask(store, connection, NULL, sql, params, ret_result, err);
}
