/*
 * store_fixture.h - an empty store for a test, of the backend that TEST_STORE names.
 *
 * TEST_STORE is unset or "sqlite" (a file in a folder of its own), or the URL of a PostgreSQL database in
 * which the schema `orchestrator` may be dropped.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "asl/base/err.h"

#include <stdint.h>

struct store;

struct store_fixture {
    char folder[64]; /* of SQLite; empty otherwise */
    char url[512];
    struct store *store;
};

/* cmocka's setup and teardown: *state is a struct store_fixture with an open, empty store. */
int store_fixture_setup(void **state);
int store_fixture_teardown(void **state);
/* Opens the fixture's store once more, as another process would. */
struct store *store_fixture_open(const struct store_fixture *fixture);
void store_fixture_close(struct store_fixture *fixture);
/* Closes it and takes away what is stored: the next to open makes it anew. */
void store_fixture_clear(struct store_fixture *fixture);
/* Asserts that it cannot be opened any more: with this code, a message that holds the text, and for SQLite its file. */
void store_fixture_refused(const struct store_fixture *fixture, enum err_code code, const char *text);

/* The node lives for so long and takes the shard: the epoch, 0 where another one has it. */
int64_t store_fixture_take(struct store *store, int shard, const char *node, int64_t lease_ms);

#endif
