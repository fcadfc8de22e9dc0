/* store_fixture.c - see store_fixture.h. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include "runtime/store/store.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_sqlite(const struct store_fixture *fixture)
{
    return fixture->folder[0];
}

static void make_url(struct store_fixture *fixture)
{
    const char *url = getenv("TEST_STORE");

    if (url && *url && strcmp(url, "sqlite")) {
        snprintf(fixture->url, sizeof(fixture->url), "%s", url);
        return;
    }
    snprintf(fixture->folder, sizeof(fixture->folder), "%s", "/tmp/store_test.XXXXXX");
    if (!mkdtemp(fixture->folder))
        abort();
    snprintf(fixture->url, sizeof(fixture->url), "sqlite:%s/store.db", fixture->folder);
}

struct store *store_fixture_open(const struct store_fixture *fixture)
{
    struct store *store = NULL;
    struct err err = {0};

    if (store_open(fixture->url, &store, &err)) {
        fprintf(stderr, "%s: %s: %s\n", fixture->url, err.where, err.message);
        abort();
    }
    return store;
}

void store_fixture_close(struct store_fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

static void clear_postgres(const struct store_fixture *fixture)
{
    PGconn *pg = PQconnectdb(fixture->url);

    if (PQstatus(pg) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(pg));
        abort();
    }
    PQclear(PQexec(pg, "SET client_min_messages = error; DROP SCHEMA IF EXISTS orchestrator CASCADE"));
    PQfinish(pg);
}

void store_fixture_clear(struct store_fixture *fixture)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.db-owner"};

    store_fixture_close(fixture);
    if (!is_sqlite(fixture)) {
        clear_postgres(fixture);
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", fixture->folder, names[i]);
        unlink(path);
    }
}

int store_fixture_setup(void **state)
{
    struct store_fixture *fixture = NEW(struct store_fixture);

    make_url(fixture);
    store_fixture_clear(fixture);
    fixture->store = store_fixture_open(fixture);
    *state = fixture;
    return 0;
}

int store_fixture_teardown(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_clear(fixture);
    if (is_sqlite(fixture))
        rmdir(fixture->folder);
    free(fixture);
    return 0;
}

void store_fixture_refused(const struct store_fixture *fixture, enum err_code code, const char *text)
{
    struct store *store = NULL;
    struct err err = {0};

    assert_int_equal(store_open(fixture->url, &store, &err), code);
    assert_null(store);
    assert_non_null(strstr(err.message, text));
    if (is_sqlite(fixture))
        assert_string_equal(err.where, fixture->url + strlen("sqlite:"));
}

int64_t store_fixture_take(struct store *store, int shard, const char *node, int64_t lease_ms)
{
    const struct store_view view = {.node = NULL};
    int64_t epoch = 0;
    struct err err = {0};

    if (store_renew(store, node, "{}", lease_ms, false, &view, &err) ||
        store_lease_take(store, node, &shard, NULL, 1, &epoch, &err)) {
        fprintf(stderr, "%s: %s\n", node, err.message);
        abort();
    }
    return epoch;
}
