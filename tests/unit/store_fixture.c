/* store_fixture.c - see store_fixture.h. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include "runtime/store/store.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void make_sqlite(struct store_fixture *fixture)
{
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

int store_fixture_setup(void **state)
{
    struct store_fixture *fixture = NEW(struct store_fixture);

    make_sqlite(fixture);
    fixture->store = store_fixture_open(fixture);
    *state = fixture;
    return 0;
}

void store_fixture_clear(struct store_fixture *fixture)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};

    store_fixture_close(fixture);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", fixture->folder, names[i]);
        unlink(path);
    }
}

int store_fixture_teardown(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_clear(fixture);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}
