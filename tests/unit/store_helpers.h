/*
 * store_helpers.h - for tests of a store: to fill it in a line, and to compare what is read as text.
 *
 * The write_ functions are callbacks of reads whose context is a struct buf.
 */
#ifndef TESTS_UNIT_STORE_HELPERS_H
#define TESTS_UNIT_STORE_HELPERS_H

#include "runtime/store/store.h"
#include "tests/unit/store_fixture.h"

#include "asl/base/buf.h"

#define MACHINE "arn:aws:states:us-east-1:123456789012:stateMachine:Order"

struct store *store_of(void **state);

/* An execution with this number, as it starts. */
struct store_execution test_execution(struct store *store, int64_t id, const char *arn);
/* Each is one commit; test_commit() frees the batch, the others fail the test where it fails. */
int test_commit(struct store *store, struct store_batch *batch);
void test_add(struct store *store, const struct store_execution *row);
void test_set(struct store *store, const struct store_execution *row);
/* Whether it was put: false for a conflict. */
bool test_put(struct store *store, const char *key, const char *body, int64_t expected_version);
/* Into a batch. */
void test_add_history(struct store_batch *batch, const struct store_execution *row, int64_t first, int64_t last,
                      const char *body);

int write_id(void *context, const struct store_execution *row);
int write_execution(void *context, const struct store_execution *row);
int write_history(void *context, int64_t first, int64_t last, const char *body, size_t bytes);
int write_document(void *context, const char *key, const char *body, int64_t version);
int write_request(void *context, int64_t seq, const char *body);
int write_lease(void *context, const struct store_lease *lease);
int write_node(void *context, const struct store_node *node);

void assert_histories(struct store *store, const struct store_execution *row, int64_t from, const char *expected);
void assert_documents(struct store *store, const char *prefix, const char *after, bool descending, int limit,
                      const char *expected);
void assert_listed(struct store *store, struct store_execution_query query, const char *expected);
/* Requests of nodes as NODE#NUMBER BODY, those of others as their body. */
void assert_requests(struct store *store, int shard, const int64_t *known, size_t count, const char *expected);

#endif
