/*
 * postgres.c - a store in a PostgreSQL database: opening and closing it, and what its errors mean.
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

#include "runtime/clock.h"
#include "runtime/store/postgres_schema.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SHARDS_DEFAULT = 64,
    LEASE_MS = 3000 /* and some more, until somebody looks: so soon is a dead node's work taken over */
};

/* --- results and errors -------------------------------------------------------------------------- */

int64_t postgres_int(const PGresult *result, int row, int column)
{
    return strtoll(pq.getvalue(result, row, column), NULL, 10);
}

const char *postgres_text(const PGresult *result, int row, int column)
{
    return pq.getisnull(result, row, column) ? NULL : pq.getvalue(result, row, column);
}

static const char *sqlstate_of(const PGresult *result)
{
    const char *state = result ? pq.resultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

    return state ? state : "";
}

static bool has_prefix(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

/*
 * OR001 is the writer's own: its connection was replaced, so it needs a new one. An error without a state is libpq's,
 * which may not have noticed yet that the connection is gone.
 */
bool postgres_is_lost(PGconn *pg, const PGresult *result)
{
    const char *state = sqlstate_of(result);

    return pq.status(pg) != CONNECTION_OK || !*state || has_prefix(state, "57P") || has_prefix(state, "08") ||
           !strcmp(state, "OR001");
}

static enum err_code map_state(const char *state)
{
    static const struct {
        const char *prefix;
        enum err_code code;
    } codes[] = {
        {"OR002", ERR_FENCED},  {"OR003", ERR_NOT_FOUND}, {"23505", ERR_EXISTS}, {"40", ERR_BUSY},
        {"55P03", ERR_BUSY},    {"57", ERR_BUSY},         {"53300", ERR_BUSY},   {"53100", ERR_FULL},
        {"XX001", ERR_CORRUPT}, {"XX002", ERR_CORRUPT},
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        if (has_prefix(state, codes[i].prefix))
            return codes[i].code;
    }
    return ERR_IO;
}

int postgres_error(PGconn *pg, const PGresult *result, const char *what, struct err *err)
{
    enum err_code code = postgres_is_lost(pg, result) ? ERR_BUSY : map_state(sqlstate_of(result));
    const char *primary = result ? pq.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result ? pq.resultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    const char *text = primary ? primary : pq.errorMessage(pg);

    /* The messages of libpq itself end with a new line. */
    err_set(err, code, "could not %s: %.*s%s%s", what, (int)strcspn(text, "\n"), text, detail ? ": " : "",
            detail ? detail : "");
    err_at(err, "%s@%s/%s", pq.user(pg) ? pq.user(pg) : "", pq.host(pg) ? pq.host(pg) : "", pq.db(pg) ? pq.db(pg) : "");
    return code;
}

/* --- opening and closing ------------------------------------------------------------------------------ */

static void postgres_close(struct store *base)
{
    struct postgres_store *store = (struct postgres_store *)base;

    if (store->writer.pg && pq.status(store->writer.pg) == CONNECTION_OK) {
        struct postgres_patience patience = postgres_patience(POSTGRES_CLOSE_MS);
        AUTO_PARAMS params = PARAMS_INIT;

        params_add_text(&params, store->writer_id);
        pq.clear(postgres_exchange(store->writer.pg, "DELETE FROM writer WHERE id = $1", &params, &patience));
    }
    postgres_prefetch_end(store);
    postgres_close_connection(&store->reader);
    postgres_close_connection(&store->writer);
    postgres_close_connection(&store->listener);
    pthread_mutex_destroy(&store->write_lock);
    postgres_notify_close(store);
    free(store->durable_conflicts);
    free(store->url);
    free(store);
}

/* Takes "shards=N" out of the URL's query, which libpq would not understand. */
static int take_shards(char *url, int *ret_shards, struct err *err)
{
    char *at = strstr(url, "shards=");
    char *end;
    long shards;

    *ret_shards = SHARDS_DEFAULT;
    if (!at || (at[-1] != '?' && at[-1] != '&'))
        return 0;
    shards = strtol(at + strlen("shards="), &end, 10);
    if (shards < 1 || shards > STORE_SHARDS_MAX || (*end && *end != '&'))
        return err_set(err, ERR_INVALID, "shards must be a number from 1 to %d", STORE_SHARDS_MAX);
    *ret_shards = (int)shards;
    if (*end == '&')
        memmove(at, end + 1, strlen(end + 1) + 1);
    else
        at[-1] = '\0';
    return 0;
}

static int load_settings(struct postgres_store *store, struct err *err)
{
    int64_t shards = 0;
    int result = postgres_query_int(store->reader.pg, "SELECT value FROM setting WHERE name = 'shards'", &shards, err);
    PGresult *answer;
    const char *hex;

    if (result)
        return result;
    if (shards < 1 || shards > STORE_SHARDS_MAX)
        return err_set(err, ERR_CORRUPT, "the store has %" PRId64 " shards, expected 1 to %d", shards,
                       STORE_SHARDS_MAX);
    store->base.shards = (int)shards;
    answer = pq.exec(store->reader.pg, "SELECT value FROM setting WHERE name = 'secret'");
    hex = pq.resultStatus(answer) == PGRES_TUPLES_OK && pq.ntuples(answer) ? pq.getvalue(answer, 0, 0) : "";
    if (strlen(hex) != (size_t)STORE_SECRET_BYTES * 2)
        result = err_set(err, ERR_CORRUPT, "the secret of the store is missing");
    for (int i = 0; i < STORE_SECRET_BYTES && !result; i++) {
        if (sscanf(hex + (size_t)i * 2, "%2hhx", &store->base.secret[i]) != 1)
            result = err_set(err, ERR_CORRUPT, "the secret of the store is damaged");
    }
    pq.clear(answer);
    return result;
}

/* A connection to a database of which nothing is known yet; to be finished also after an error. */
static int open_bare(struct postgres_store *store, PGconn **ret_pg, struct err *err)
{
    PGconn *pg = *ret_pg = postgres_open_connection(store, POSTGRES_READER);

    if (pq.status(pg) != CONNECTION_OK)
        return postgres_error(pg, NULL, "reach the database", err);
    if (pq.serverVersion(pg) < 120000)
        return err_set(err, ERR_UNSUPPORTED, "the database is PostgreSQL %d, version 12 or later is needed",
                       pq.serverVersion(pg) / 10000);
    return postgres_run(pg, "SET search_path = orchestrator", err);
}

static int migrate(struct postgres_store *store, int shards, struct err *err)
{
    PGconn *pg;
    int result = open_bare(store, &pg, err);

    if (!result)
        result = postgres_schema_migrate(pg, postgres_schema_version(), shards, err);
    pq.finish(pg);
    return result;
}

int postgres_store_exists(const char *url, bool *ret_exists, struct err *err)
{
    struct postgres_store store = {.url = mem_strdup(url)};
    PGconn *pg = NULL;
    int64_t version;
    int shards;
    int result = postgres_library_load(err);

    if (!result && !(result = take_shards(store.url, &shards, err))) {
        if (!(result = open_bare(&store, &pg, err)) && !(result = postgres_schema_find(pg, &version, err)))
            *ret_exists = version != 0;
        pq.finish(pg);
    }
    free(store.url);
    return result;
}

static int make_writer_id(struct postgres_store *store, struct err *err)
{
    unsigned char bytes[16];

    if (getentropy(bytes, sizeof(bytes)))
        return err_set(err, ERR_IO, "the system gave no random bytes");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(store->writer_id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static const struct store_ops postgres_ops = {
    .name = "postgres",
    .close = postgres_close,
    .commit = postgres_commit,
    .execution_by_arn = postgres_execution_by_arn,
    .execution_by_id = postgres_execution_by_id,
    .prefetch = postgres_prefetch,
    .executions = postgres_executions,
    .executions_due = postgres_executions_due,
    .next_wake = postgres_next_wake,
    .last_id = postgres_last_id,
    .count_open = postgres_count_open,
    .history = postgres_history,
    .history_edge = postgres_history_edge,
    .document = postgres_document,
    .documents = postgres_documents,
    .change_counter = postgres_change_counter,
    .notify_fd = postgres_notify_fd,
    .listen = postgres_listen,
    .changes = postgres_changes,
    .nodes = postgres_nodes,
    .lags = postgres_lags,
    .renew = postgres_renew,
    .lease_take = postgres_lease_take,
    .lease_release = postgres_lease_release,
    .leave = postgres_leave,
    .tidy = postgres_tidy,
    .requests = postgres_requests,
    .replies = postgres_replies,
    .inbox_put = postgres_inbox_put,
    .inbox_reply = postgres_inbox_reply,
    .inbox_cancel = postgres_inbox_cancel,
    .next_machine = postgres_next_machine,
    .executions_old = postgres_executions_old,
    .info = postgres_info,
    .get_setting = postgres_get_setting,
    .set_setting = postgres_set_setting,
    .set_secret = postgres_set_secret,
    .scan = postgres_scan,
    .scan_documents = postgres_scan_documents,
    .totals = postgres_totals,
    .clear = postgres_clear,
};

int postgres_store_open(const char *url, struct store **ret_store, struct err *err)
{
    struct postgres_store *store;
    int shards;
    int result = postgres_library_load(err);

    if (result)
        return result;
    store = NEW(struct postgres_store);
    store->base.ops = &postgres_ops;
    store->base.lease_ms = LEASE_MS;
    store->base.is_shared = true;
    store->url = mem_strdup(url);
    store->reader.side = POSTGRES_READER;
    store->writer.side = POSTGRES_WRITER;
    store->listener.side = POSTGRES_LISTENER;
    pthread_mutex_init(&store->write_lock, NULL);
    if ((result = take_shards(store->url, &shards, err)) || (result = make_writer_id(store, err)) ||
        (result = migrate(store, shards, err)) || (result = postgres_connect(store, &store->reader, -1, err)) ||
        (result = load_settings(store, err)) || (result = postgres_connect(store, &store->writer, -1, err)) ||
        (result = postgres_connect(store, &store->listener, -1, err))) {
        postgres_close(&store->base);
        return result;
    }
    *ret_store = &store->base;
    return 0;
}
