/* store_postgres_test.c - what only a PostgreSQL store can meet: lost connections, other nodes, versions. */
#include "config.h"

#include "tests/unit/cut_proxy.h"
#include "tests/unit/store_fixture.h"

#include "runtime/store/postgres_schema.h"
#include "runtime/store/store.h"

#include "asl/base/err.h"

#include <libpq-fe.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The first column of the first row, past the store. */
static void assert_sql(const struct store_fixture *fixture, const char *sql, const char *expected)
{
    PGconn *pg = PQconnectdb(fixture->url);
    PGresult *result = PQexec(pg, sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    assert_string_equal(PQgetvalue(result, 0, 0), expected);
    PQclear(result);
    PQfinish(pg);
}

static void run_sql(const struct store_fixture *fixture, const char *sql)
{
    PGconn *pg = PQconnectdb(fixture->url);
    PGresult *result = PQexec(pg, sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    PQclear(result);
    PQfinish(pg);
}

static void end_connections(const struct store_fixture *fixture, const char *side)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
             " WHERE application_name LIKE 'orchestrator %s%%'",
             side);
    run_sql(fixture, sql);
}

/* An execution with a history, under the lease of shard 0. */
static void fill_one(struct store *store, struct store_batch *batch, int64_t id, int64_t epoch)
{
    char arn[32];

    snprintf(arn, sizeof(arn), "arn:%lld", (long long)id);
    struct store_execution row = {
        .id = id, .shard = store_shard_of(store, arn), .arn = arn, .machine = "arn:machine", .meta = "{}"};

    store_batch_prove(batch, 0, epoch);
    store_batch_add_execution(batch, &row);
    store_batch_add_history(batch, row.shard, id, 1, 2, "[1,2]", 5);
}

static int commit_one(struct store *store, int64_t id, int64_t epoch, struct err *err)
{
    struct store_batch *batch = store_batch_new();
    int result;

    fill_one(store, batch, id, epoch);
    result = store_commit(store, batch, err);
    store_batch_free(batch);
    return result;
}

static int ignore_request(void *context, const struct store_request *request)
{
    (void)context;
    (void)request;
    return 0;
}

static int ignore_execution(void *context, const struct store_execution *row)
{
    (void)context;
    (void)row;
    return 0;
}

/* --- lost connections ------------------------------------------------------------------------------- */

static void lost_connections_are_made_again(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *store = fixture->store;
    int64_t epoch = 0;
    int64_t counter = store_change_counter(store);
    struct store_execution_query all = {.status = -1, .redriven = -1, .limit = 10};
    const struct store_view nothing = {.node = NULL};
    int shard = 0;

    epoch = store_fixture_take(store, 0, "one", 100000);
    for (int64_t id = 1; id <= 3; id++) {
        end_connections(fixture, "");
        assert_int_equal(commit_one(store, id, epoch, NULL), 0);
        end_connections(fixture, "");
        assert_int_equal(store_renew(store, "one", "{}", 100000, false, &nothing, NULL), 0);
        assert_int_equal(store_requests(store, &shard, 1, NULL, 0, ignore_request, NULL, NULL), 0);
        end_connections(fixture, "");
        assert_int_equal(store_executions(store, &all, ignore_execution, NULL, NULL), 0);
        assert_int_equal(store_count_open(store), id);
    }
    for (int tries = 0; tries < 100 && store_change_counter(store) == counter; tries++)
        usleep(20000);
    assert_int_not_equal(store_change_counter(store), counter);
    assert_true(store_notify_fd(store) >= 0);
}

/* The store of the fixture, seen through a proxy; NULL where the server is not at a Unix socket. */
static struct store *open_through_proxy(const struct store_fixture *fixture, struct store_fixture *proxied,
                                        struct cut_proxy **ret_proxy)
{
    PGconn *pg = PQconnectdb(fixture->url);
    char server[108];
    char path[108];

    if (PQhost(pg)[0] != '/') {
        PQfinish(pg);
        return NULL;
    }
    memset(proxied, 0, sizeof(*proxied));
    snprintf(proxied->folder, sizeof(proxied->folder), "%s", "/tmp/store_proxy.XXXXXX");
    assert_non_null(mkdtemp(proxied->folder));
    snprintf(server, sizeof(server), "%s/.s.PGSQL.%s", PQhost(pg), PQport(pg));
    snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", proxied->folder);
    snprintf(proxied->url, sizeof(proxied->url), "postgres://%s@/%s?host=%s", PQuser(pg), PQdb(pg), proxied->folder);
    PQfinish(pg);
    *ret_proxy = cut_proxy_start(path, server);
    return store_fixture_open(proxied);
}

/*
 * Breaks the connection after n bytes of a commit, for n = 0, step, 2 step ... until a commit gets through. Each
 * must end as if nothing had happened: acknowledged, there once, its conflicts told.
 */
static void walk_cuts(const struct store_fixture *fixture, enum cut_direction direction, size_t step, bool keep_server)
{
    struct store_fixture proxied;
    struct cut_proxy *proxy = NULL;
    struct store *store = open_through_proxy(fixture, &proxied, &proxy);
    int64_t epoch = 0;
    bool struck = true;
    char expected[16];
    int turn = 0;

    if (!store)
        skip();
    epoch = store_fixture_take(store, 0, "one", 100000);
    /* Numbers of the server's answers do not vary, so that each n cuts at a place of its own. */
    for (; struck; turn++) {
        struct store_batch *batch = store_batch_new();
        struct err err = {0};
        bool conflicts[2] = {false, false};

        assert_true(turn < 1000);
        fill_one(store, batch, turn + 1, epoch);
        store_batch_put_document(batch, "machine", "a", "{}", turn, &conflicts[0]);
        store_batch_put_document(batch, "machine", "b", "{}", 1000, &conflicts[1]);
        cut_proxy_arm(proxy, direction, (size_t)turn * step, keep_server);
        if (store_commit(store, batch, &err))
            fail_msg("cut after %zu bytes: %s", (size_t)turn * step, err.message);
        struck = cut_proxy_struck(proxy);
        assert_false(conflicts[0]);
        assert_true(conflicts[1]);
        store_batch_free(batch);
    }
    assert_true(turn > 5);
    snprintf(expected, sizeof(expected), "%d", turn);
    assert_int_equal(store_count_open(fixture->store), turn);
    assert_sql(fixture, "SELECT count(*) FROM orchestrator.history", expected);
    assert_sql(fixture, "SELECT version FROM orchestrator.document", expected);
    store_close(store);
    cut_proxy_stop(proxy);
    rmdir(proxied.folder);
}

static void commit_survives_a_lost_answer(void **state)
{
    walk_cuts(*state, CUT_ANSWER, 9, false);
}

static void commit_survives_a_lost_answer_of_a_silent_server(void **state)
{
    walk_cuts(*state, CUT_ANSWER, 9, true);
}

static void commit_survives_a_cut_request(void **state)
{
    walk_cuts(*state, CUT_REQUEST, 61, false);
}

/* The server waits in the middle of the transaction, with its locks, until the next connection ends it. */
static void commit_survives_a_request_that_never_ends(void **state)
{
    walk_cuts(*state, CUT_REQUEST, 61, true);
}

static void replaced_connection_cannot_commit(void **state)
{
    struct store_fixture *fixture = *state;
    int64_t epoch = 0;

    epoch = store_fixture_take(fixture->store, 0, "one", 100000);
    run_sql(fixture, "UPDATE orchestrator.writer SET session = session + 5");
    /* It registers anew, until it is the latest. */
    assert_int_equal(commit_one(fixture->store, 1, epoch, NULL), 0);
    assert_sql(fixture, "SELECT count(*) FROM orchestrator.history", "1");
}

/* --- a database that hangs ------------------------------------------------------------------------------ */

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A transaction that holds what this selects; PQfinish() lets go. */
static PGconn *hold(const struct store_fixture *fixture, const char *sql)
{
    PGconn *pg = PQconnectdb(fixture->url);

    PQclear(PQexec(pg, "BEGIN"));
    PQclear(PQexec(pg, sql));
    return pg;
}

static void calls_of_a_node_do_not_wait_long(void **state)
{
    struct store_fixture *fixture = *state;
    const struct store_view nothing = {.node = NULL};
    PGconn *holder;
    int64_t began_ms;

    store_fixture_take(fixture->store, 0, "one", 100000);
    store_listen(fixture->store, "one");
    holder = hold(fixture, "SELECT 1 FROM orchestrator.node FOR UPDATE");
    began_ms = clock_ms();
    assert_int_equal(store_renew(fixture->store, "one", "{}", 100000, false, &nothing, NULL), ERR_BUSY);
    assert_true(clock_ms() - began_ms < 2000);
    PQfinish(holder);
    assert_int_equal(store_renew(fixture->store, "one", "{}", 100000, false, &nothing, NULL), 0);
}

/* Nothing is answered by a server that is stopped: here one that a proxy stands for. */
static void calls_fail_at_once_while_nothing_answers(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_execution_query all = {.status = -1, .redriven = -1, .limit = 10};
    struct store_fixture proxied;
    struct cut_proxy *proxy = NULL;
    struct store *store = open_through_proxy(fixture, &proxied, &proxy);
    struct err err;
    int64_t began_ms;

    if (!store)
        skip();
    store_listen(store, "one");
    cut_proxy_hold(proxy, true);
    began_ms = clock_ms();
    assert_int_equal(store_executions(store, &all, ignore_execution, NULL, &err), ERR_BUSY);
    assert_in_range(clock_ms() - began_ms, 1000, 2900);
    began_ms = clock_ms();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(store_executions(store, &all, ignore_execution, NULL, &err), ERR_BUSY);
        usleep(20000);
    }
    assert_true(clock_ms() - began_ms < 1000);
    cut_proxy_hold(proxy, false);
    for (int tries = 0; store_executions(store, &all, ignore_execution, NULL, &err) != 0; tries++) {
        assert_true(tries < 300);
        usleep(20000);
    }
    store_close(store);
    cut_proxy_stop(proxy);
    rmdir(proxied.folder);
}

static int count_execution(void *context, const struct store_execution *row)
{
    (void)row;
    ++*(int *)context;
    return 0;
}

/*
 * A commit is given up that waits for a lock. Until it has ended nothing is read, and what is read then stays: it does
 * not come later.
 */
static void commit_that_was_given_up_is_seen_or_never_comes(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_execution_query all = {.status = -1, .redriven = -1, .limit = 10};
    int64_t epoch = store_fixture_take(fixture->store, 0, "one", 100000);
    struct err err;
    PGconn *holder;
    int64_t began_ms;
    int seen = 0;
    int count = 0;

    store_listen(fixture->store, "one");
    holder = hold(fixture, "SELECT 1 FROM orchestrator.writer FOR UPDATE");
    began_ms = clock_ms();
    assert_int_equal(commit_one(fixture->store, 1, epoch, &err), ERR_BUSY);
    assert_in_range(clock_ms() - began_ms, 9000, 12000);
    began_ms = clock_ms();
    assert_int_equal(store_executions(fixture->store, &all, count_execution, &count, &err), ERR_BUSY);
    assert_true(clock_ms() - began_ms < 500);
    PQfinish(holder);
    for (int tries = 0; store_executions(fixture->store, &all, count_execution, &seen, &err) != 0; tries++) {
        assert_true(tries < 300);
        usleep(20000);
    }
    assert_in_range(seen, 0, 1);
    usleep(500000);
    for (int tries = 0; commit_one(fixture->store, 2, epoch, &err) != 0; tries++) {
        assert_true(tries < 10);
        usleep(20000);
    }
    count = 0;
    assert_int_equal(store_executions(fixture->store, &all, count_execution, &count, &err), 0);
    assert_int_equal(count, seen + 1);
}

/* --- other nodes -------------------------------------------------------------------------------------- */

static void lease_waits_for_the_commit_under_way(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *other = store_fixture_open(fixture);
    int64_t epoch = 0;
    int64_t next = 0;

    epoch = store_fixture_take(fixture->store, 0, "one", 1);
    usleep(20000);
    assert_int_equal(commit_one(fixture->store, 1, epoch, NULL), 0);
    next = store_fixture_take(other, 0, "two", 100000);
    assert_int_equal(next, epoch + 1);
    assert_int_equal(commit_one(fixture->store, 2, epoch, NULL), ERR_FENCED);
    assert_int_equal(commit_one(other, 3, next, NULL), 0);
    assert_int_equal(store_count_open(other), 2);
    store_close(other);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, timeout_ms) == 1;
}

static void request_wakes_the_other_node(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *other = store_fixture_open(fixture);
    int fd = store_notify_fd(fixture->store);
    int64_t counter = store_change_counter(fixture->store);
    int64_t epoch = 0;
    int64_t seq = 0;

    assert_true(fd >= 0);
    epoch = store_fixture_take(fixture->store, 0, "one", 100000);
    assert_int_equal(commit_one(fixture->store, 1, epoch, NULL), 0);
    assert_false(is_readable(fd, 50)); /* a commit of its own says nothing */
    assert_int_equal(store_inbox_put(other, store_shards(other) - 1, "{}", &seq, NULL), 0);
    assert_true(is_readable(fd, 2000));
    assert_int_not_equal(store_change_counter(fixture->store), counter);
    assert_false(is_readable(fd, 0));
    store_close(other);
}

/* The holder of a lease stops in the middle of a commit and dies by the clock: whoever takes the lease ends it. */
static void commit_of_the_dead_is_ended(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *other = store_fixture_open(fixture);
    PGconn *stuck = PQconnectdb(fixture->url);
    int64_t epoch = store_fixture_take(fixture->store, 0, "one", 1);
    int64_t next = 0;

    /* As the writer of "one" would be seen. */
    PQclear(PQexec(stuck, "SELECT set_config('application_name', 'orchestrator writer ' || writer, false)"
                          " FROM orchestrator.node WHERE name = 'one'"));
    PQclear(PQexec(stuck, "BEGIN"));
    PQclear(PQexec(stuck, "SELECT 1 FROM orchestrator.lease WHERE shard = 0 FOR SHARE"));
    usleep(20000);
    for (int tries = 0; !(next = store_fixture_take(other, 0, "two", 100000)); tries++) {
        assert_true(tries < 100);
        usleep(20000);
    }
    assert_int_equal(next, epoch + 1);
    PQclear(PQexec(stuck, "SELECT 1"));
    assert_int_equal(PQstatus(stuck), CONNECTION_BAD);
    PQfinish(stuck);
    store_close(other);
}

/* --- versions ----------------------------------------------------------------------------------------- */

static void newer_schema_is_refused(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_close(fixture);
    run_sql(fixture, "UPDATE orchestrator.setting SET value = '1000' WHERE name = 'schema_version'");
    store_fixture_refused(fixture, ERR_VERSION, "schema version 1000");
}

static void foreign_schema_is_refused(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_clear(fixture);
    run_sql(fixture, "CREATE SCHEMA orchestrator; CREATE TABLE orchestrator.theirs (a int)");
    store_fixture_refused(fixture, ERR_CORRUPT, "another program");
}

static void older_schema_is_brought_up_to_date(void **state)
{
    struct store_fixture *fixture = *state;

    for (int version = 1; version < postgres_schema_version(); version++) {
        PGconn *pg;

        store_fixture_clear(fixture);
        pg = PQconnectdb(fixture->url);
        PQclear(PQexec(pg, "SET search_path = orchestrator"));
        assert_int_equal(postgres_schema_migrate(pg, version, 8, NULL), 0);
        PQfinish(pg);
        run_sql(fixture, "INSERT INTO orchestrator.execution VALUES"
                         " (3, 1, 'arn:1', 'm', '{}', 1, 1000, 2000, 0, 0, 0, NULL);"
                         "INSERT INTO orchestrator.history VALUES (3, 1, 1, 2,"
                         " '[{\"id\":1,\"type\":\"A\",\"at\":1000,\"value\":[\"\\u0000\",1e999999]},{\"id\":0,\"type\":"
                         "\"~Own\"},{\"id\":2,\"type\":"
                         "\"B\",\"at\":2000}]')");
        fixture->store = store_fixture_open(fixture);
        assert_int_equal(store_shards(fixture->store), 8);
        assert_sql(fixture, "SELECT string_agg(id || type, ' ' ORDER BY id) FROM orchestrator.events", "1A 2B");
        assert_sql(fixture, "SELECT status || extract(epoch FROM stopped)::int FROM orchestrator.executions",
                   "SUCCEEDED2");
        store_fixture_close(fixture);
    }
}

static void shards_are_fixed_with_the_schema(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_fixture wide = *fixture;
    const char *separator = strchr(fixture->url, '?') ? "&" : "?";

    assert_int_equal(store_shards(fixture->store), 64);
    store_fixture_clear(fixture);
    snprintf(wide.url + strlen(wide.url), sizeof(wide.url) - strlen(wide.url), "%sshards=16", separator);
    wide.store = store_fixture_open(&wide);
    assert_int_equal(store_shards(wide.store), 16);
    store_fixture_close(&wide);
    fixture->store = store_fixture_open(fixture);
    assert_int_equal(store_shards(fixture->store), 16);
    snprintf(wide.url + strlen(wide.url), sizeof(wide.url) - strlen(wide.url), "00000");
    store_fixture_refused(&wide, ERR_INVALID, "shards must be");
}

/* --- plans --------------------------------------------------------------------------------------------- */

/* How often a table that grows was read whole, once the processes that did have ended and the server has counted. */
static int64_t count_whole_reads(const struct store_fixture *fixture)
{
    PGconn *pg = PQconnectdb(fixture->url);
    PGresult *result;
    int64_t count;

    for (int tries = 0; tries < 500; tries++) {
        bool ended;

        result = PQexec(pg, "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'orchestrator %'");
        ended = PQntuples(result) == 0;
        PQclear(result);
        if (ended)
            break;
        usleep(10000);
    }
    result = PQexec(pg, "SELECT sum(seq_scan) FROM pg_stat_all_tables WHERE schemaname = 'orchestrator'"
                        " AND relname IN ('execution', 'history', 'document', 'inbox', 'reply')");
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    count = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(pg);
    return count;
}

static int ignore_row(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    (void)context, (void)first, (void)last, (void)body, (void)bytes;
    return 0;
}

/* What a turn of a busy node does: executions are read together, change, and requests are answered. */
static void do_a_turn(struct store *store, int64_t id, int64_t epoch)
{
    struct store_batch *batch = store_batch_new();
    struct store_key keys[2];

    assert_int_equal(commit_one(store, id, epoch, NULL), 0);
    assert_int_equal(commit_one(store, id + 1, epoch, NULL), 0);
    for (int i = 0; i < 2; i++) {
        char arn[32];

        snprintf(arn, sizeof(arn), "arn:%lld", (long long)(id + i));
        keys[i] = (struct store_key){.shard = store_shard_of(store, arn), .id = id + i};
    }
    store_prefetch(store, keys, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_execution_by_id(store, keys[i].shard, keys[i].id, ignore_execution, NULL, NULL), 0);
        assert_int_equal(store_history(store, keys[i].shard, keys[i].id, 0, ignore_row, NULL, NULL), 0);
    }
    store_prefetch(store, NULL, 0);
    for (int i = 0; i < 2; i++) {
        struct store_execution row = {.id = keys[i].id, .shard = keys[i].shard, .status = EXECUTION_SUCCEEDED};

        store_batch_set_execution(batch, &row);
    }
    store_batch_prove(batch, 0, epoch);
    store_batch_put_request(batch, 0, "one", id, "{}");
    store_batch_mark_request(batch, id << 12);
    store_batch_reply(batch, id << 12, "one", "{}");
    store_batch_drop_request(batch, 0, "one", id + 1);
    store_batch_remove_execution(batch, keys[0].shard, keys[0].id, 1000);
    assert_int_equal(store_commit(store, batch, NULL), 0);
    store_batch_free(batch);
}

/* The server makes the plan of a prepared statement for good when it runs the sixth time, from a table of a
 * few rows. */
static void growing_tables_are_not_read_whole(void **state)
{
    struct store_fixture *fixture = *state;
    int64_t before;
    int64_t epoch;

    store_fixture_close(fixture);
    before = count_whole_reads(fixture);
    fixture->store = store_fixture_open(fixture);
    epoch = store_fixture_take(fixture->store, 0, "one", 100000);
    for (int64_t turn = 0; turn < 12; turn++)
        do_a_turn(fixture->store, 1 + 2 * turn, epoch);
    store_fixture_close(fixture);
    assert_int_equal(count_whole_reads(fixture), before);
    fixture->store = store_fixture_open(fixture);
}

static void unreachable_database_is_told(void **state)
{
    struct store *store = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(store_open("postgres://nobody:secret@127.0.0.1:1/none", &store, &err), ERR_BUSY);
    assert_non_null(strstr(err.message, "could not reach the database"));
    assert_null(strstr(err.where, "secret"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lost_connections_are_made_again),
        TEST(commit_survives_a_lost_answer),
        TEST(commit_survives_a_lost_answer_of_a_silent_server),
        TEST(commit_survives_a_cut_request),
        TEST(commit_survives_a_request_that_never_ends),
        TEST(replaced_connection_cannot_commit),
        TEST(calls_of_a_node_do_not_wait_long),
        TEST(calls_fail_at_once_while_nothing_answers),
        TEST(commit_that_was_given_up_is_seen_or_never_comes),
        TEST(lease_waits_for_the_commit_under_way),
        TEST(request_wakes_the_other_node),
        TEST(commit_of_the_dead_is_ended),
        TEST(newer_schema_is_refused),
        TEST(foreign_schema_is_refused),
        TEST(older_schema_is_brought_up_to_date),
        TEST(shards_are_fixed_with_the_schema),
        TEST(growing_tables_are_not_read_whole),
        cmocka_unit_test(unreachable_database_is_told),
    };

    return cmocka_run_group_tests_name("store_postgres", tests, NULL, NULL);
}
