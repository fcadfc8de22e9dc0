/*
 * store_prefetch_test.c - reading many executions at once changes nothing in what is read; runs on the backend that
 * TEST_STORE names.
 */
#include "config.h"

#include "tests/unit/store_helpers.h"

#include "asl/base/err.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What store_execution_by_id() and store_history() say of it. */
static void assert_read(struct store *store, const struct store_execution *row, const char *history)
{
    AUTO_BUF found = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;

    assert_int_equal(store_execution_by_id(store, row->shard, row->id, write_execution, &found, NULL), 0);
    write_execution(&expected, row);
    assert_string_equal(buf_text(&found), buf_text(&expected));
    assert_histories(store, row, 0, history);
}

static int stop_at_first(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    write_history(context, first, last, body, bytes);
    return ERR_CORRUPT;
}

/* A prefetch changes nothing in what is read: of those that were named, of others, and of those that are not there. */
static void prefetched_executions_are_read_as_they_are(void **state)
{
    enum { COUNT = 5 };
    static const char *const arns[COUNT] = {"arn:a", "arn:b", "arn:c", "arn:d", "arn:e"};
    static const char *const histories[COUNT] = {"1-2 [1];3-3 [2];4-3 [3];", "", "1-1 [4];", "1-1 [5];", "1-9 [6];"};
    struct store *store = store_of(state);
    struct store_execution rows[COUNT];
    struct store_key keys[COUNT + 2];
    struct store_batch *batch = store_batch_new();
    AUTO_BUF text = BUF_INIT;

    for (int i = 0; i < COUNT; i++) {
        rows[i] = test_execution(store, 100 - i, arns[i]);
        store_batch_add_execution(batch, &rows[i]);
        keys[i] = (struct store_key){rows[i].shard, rows[i].id};
    }
    test_add_history(batch, &rows[0], 1, 2, "[1]");
    test_add_history(batch, &rows[0], 3, 3, "[2]");
    test_add_history(batch, &rows[2], 1, 1, "[4]");
    test_add_history(batch, &rows[3], 1, 1, "[5]");
    test_add_history(batch, &rows[4], 1, 9, "[6]");
    assert_int_equal(test_commit(store, batch), 0);
    batch = store_batch_new();
    test_add_history(batch, &rows[0], 4, 3, "[3]");
    assert_int_equal(test_commit(store, batch), 0);

    for (size_t count = 0; count < COUNT; count++) { /* the last one is never named */
        store_prefetch(store, keys, count);
        for (int i = 0; i < COUNT; i++)
            assert_read(store, &rows[i], histories[i]);
    }
    keys[COUNT - 1] = (struct store_key){0, 7};          /* nobody's */
    keys[COUNT] = keys[0];                               /* named twice */
    keys[COUNT + 1] = (struct store_key){1 << 30, 1000}; /* no shard at all */
    store_prefetch(store, keys, COUNT + 2);
    for (int turn = 0; turn < 2; turn++) /* a read takes nothing away */
        for (int i = 0; i < COUNT; i++)
            assert_read(store, &rows[i], histories[i]);
    assert_int_equal(store_execution_by_id(store, 0, 7, write_id, &text, NULL), ERR_NOT_FOUND);
    assert_histories(store, &rows[0], 3, "3-3 [2];4-3 [3];");
    assert_int_equal(store_history(store, rows[0].shard, rows[0].id, 0, stop_at_first, &text, NULL), ERR_CORRUPT);
    assert_string_equal(buf_text(&text), "1-2 [1];");
}

/* What was prefetched ends with the next call; until then a shared store need not be asked again. */
static void prefetch_ends_with_the_next(void **state)
{
    struct store *store = store_of(state);
    struct store_execution a = test_execution(store, 1, "arn:a");
    struct store_execution b = test_execution(store, 2, "arn:b");
    const struct store_key keys[] = {{a.shard, a.id}, {b.shard, b.id}};

    test_add(store, &a);
    test_add(store, &b);
    for (int i = 0; i < 2; i++) {
        struct store_execution before = a;

        store_prefetch(store, keys, 2);
        a.status = i ? EXECUTION_FAILED : EXECUTION_SUCCEEDED;
        a.stopped_ms = 2000 + i;
        test_set(store, &a);
        assert_read(store, store_is_shared(store) ? &before : &a, "");
        assert_read(store, &b, "");
        store_prefetch(store, i ? keys : NULL, i ? 2 : 0);
        assert_read(store, &a, "");
        assert_read(store, &b, "");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(prefetched_executions_are_read_as_they_are),
        TEST(prefetch_ends_with_the_next),
    };

    return cmocka_run_group_tests_name("store_prefetch", tests, NULL, NULL);
}
