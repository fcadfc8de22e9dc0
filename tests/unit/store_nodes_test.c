/*
 * store_nodes_test.c - what every store promises to several processes: leases, requests, and all or nothing
 * where something fails; runs on the backend that TEST_STORE names.
 */
#include "config.h"

#include "tests/unit/store_helpers.h"

#include "runtime/store/fault.h"

#include "asl/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- leases ------------------------------------------------------------------------------------- */

static void lease_is_held_by_one(void **state)
{
    struct store *store = store_of(state);
    int64_t epoch = 0;
    int64_t other = 0;
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_lease_take(store, 0, "one", "{\"pid\":1}", 1000, 100, &epoch, NULL), 0);
    assert_int_equal(store_lease_take(store, 0, "two", "{}", 1050, 100, &other, NULL), ERR_BUSY);
    assert_int_equal(other, 0);
    assert_int_equal(store_lease_renew(store, 0, "one", epoch, 1050, 100, NULL), 0);
    assert_int_equal(store_lease_take(store, 0, "two", "{}", 1149, 100, &other, NULL), ERR_BUSY);
    assert_int_equal(store_lease_take(store, 0, "one", "{\"pid\":1}", 1100, 100, &other, NULL), 0);
    assert_int_equal(other, epoch); /* ours already */
    assert_int_equal(store_lease_take(store, 0, "two", "{}", 1200, 100, &other, NULL), 0);
    assert_int_equal(other, epoch + 1);
    assert_int_equal(store_lease_renew(store, 0, "one", epoch, 1210, 100, NULL), ERR_FENCED);
    assert_int_equal(store_lease_release(store, 0, "one", epoch, NULL), ERR_FENCED);
    assert_int_equal(store_leases(store, write_lease, &text, NULL), 0);
    assert_string_equal(buf_text(&text), "0 2 two 1300 {};");
}

static void released_lease_is_free_at_once(void **state)
{
    struct store *store = store_of(state);
    int64_t epoch = 0;
    int64_t next = 0;
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_lease_take(store, 0, "one", NULL, 1000, 100, &epoch, NULL), 0);
    assert_int_equal(store_lease_release(store, 0, "one", epoch, NULL), 0);
    store_leases(store, write_lease, &text, NULL);
    assert_string_equal(buf_text(&text), "");
    assert_int_equal(store_lease_take(store, 0, "one", NULL, 1001, 100, &next, NULL), 0);
    assert_int_equal(next, epoch + 1);
}

static void fenced_commit_writes_nothing(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    int64_t epoch = 0;
    int64_t next = 0;

    store_lease_take(store, row.shard, "one", NULL, 1000, 100, &epoch, NULL);
    for (int turn = 0; turn < 2; turn++) {
        struct store_batch *batch = store_batch_new();

        store_batch_prove(batch, row.shard, epoch);
        store_batch_prove(batch, row.shard, epoch);
        if (!turn)
            store_batch_add_execution(batch, &row);
        test_add_history(batch, &row, 1 + turn, 1 + turn, "[0]");
        store_batch_put_document(batch, "machine", "k", "0", -1, NULL);
        assert_int_equal(test_commit(store, batch), turn ? ERR_FENCED : 0);
        store_lease_take(store, row.shard, "two", NULL, 2000, 100, &next, NULL);
    }
    assert_int_equal(next, epoch + 1);
    assert_histories(store, &row, 0, "1-1 [0];");
    assert_documents(store, "", NULL, false, 0, "k@1=0;");
}

/* --- requests ------------------------------------------------------------------------------------ */

static void request_is_answered_once(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch;
    int64_t seqs[3] = {0, 0, 0};
    AUTO_BUF text = BUF_INIT;

    for (int i = 0; i < 3; i++) {
        static const char *const bodies[] = {"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"};

        assert_int_equal(store_inbox_put(store, 0, bodies[i], &seqs[i], NULL), 0);
    }
    assert_true(seqs[0] < seqs[1] && seqs[1] < seqs[2]);
    assert_requests(store, 0, 0, "{\"a\":1};{\"b\":2};{\"c\":3};");
    assert_requests(store, 0, seqs[0], "{\"b\":2};{\"c\":3};");
    assert_int_equal(store_inbox_reply(store, seqs[0], write_request, &text, NULL), ERR_NOT_FOUND);

    batch = store_batch_new();
    store_batch_reply(batch, seqs[0], "{\"done\":true}");
    store_batch_reply(batch, seqs[1], NULL);
    assert_int_equal(test_commit(store, batch), 0);
    assert_requests(store, 0, 0, "{\"c\":3};");
    assert_int_equal(store_inbox_reply(store, seqs[0], write_request, &text, NULL), 0);
    assert_int_equal(store_inbox_reply(store, seqs[0], write_request, &text, NULL), ERR_NOT_FOUND);
    assert_int_equal(store_inbox_reply(store, seqs[1], write_request, &text, NULL), ERR_NOT_FOUND);
    assert_string_equal(buf_text(&text), "{\"done\":true};");
}

static void cancelled_request_gets_no_reply(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch = store_batch_new();
    int64_t seq = 0;
    AUTO_BUF text = BUF_INIT;

    store_inbox_put(store, 0, "{}", &seq, NULL);
    assert_int_equal(store_inbox_cancel(store, seq, NULL), 0);
    assert_int_equal(store_inbox_cancel(store, seq, NULL), ERR_NOT_FOUND);
    store_batch_reply(batch, seq, "{}");
    assert_int_equal(test_commit(store, batch), 0);
    assert_int_equal(store_inbox_reply(store, seq, write_request, &text, NULL), ERR_NOT_FOUND);
}

static void other_process_is_noticed(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *other = store_fixture_open(fixture);
    int64_t before = store_change_counter(fixture->store);
    int64_t seq = 0;

    assert_memory_equal(store_secret(other), store_secret(fixture->store), 32);
    assert_true(test_put(fixture->store, "own", "0", 0));
    assert_int_equal(store_change_counter(fixture->store), before);
    assert_int_equal(store_inbox_put(other, 0, "{}", &seq, NULL), 0);
    for (int tries = 0; tries < 100 && store_change_counter(fixture->store) == before; tries++)
        usleep(20000); /* a notification may take its time */
    assert_int_not_equal(store_change_counter(fixture->store), before);
    assert_requests(fixture->store, 0, 0, "{};");
    store_close(other);
}

/* --- faults ----------------------------------------------------------------------------------------- */

/* Some of everything; stops at the first failure. Returns how many commits were acknowledged. */
static int scenario(struct store *store, int64_t base, char arns[2][32])
{
    int acknowledged = 0;
    int64_t seq = 0;
    int64_t epoch = 0;
    AUTO_BUF text = BUF_INIT;

    if (store_lease_take(store, 0, "node", NULL, 1000, 100000, &epoch, NULL) ||
        store_inbox_put(store, 0, "{}", &seq, NULL))
        return 0;
    for (int i = 0; i < 2; i++) {
        struct store_batch *batch = store_batch_new();
        struct store_execution row = test_execution(store, base + i, arns[i]);
        int result;

        store_batch_add_execution(batch, &row);
        test_add_history(batch, &row, 1, 1, "[0]");
        if (i)
            store_batch_reply(batch, seq, "{}");
        result = store_commit(store, batch, NULL);
        store_batch_free(batch);
        if (result || store_execution_by_arn(store, arns[i], write_id, &text, NULL))
            return acknowledged + !result;
        acknowledged++;
    }
    store_inbox_reply(store, seq, write_request, &text, NULL);
    store_lease_release(store, 0, "node", epoch, NULL);
    return acknowledged;
}

static void walked_faults_leave_all_or_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *fault = store_fault_new(fixture->store, 0);
    bool struck = true;

    fixture->store = fault;
    for (int n = 1; struck; n++) {
        char arns[2][32];
        int acknowledged;

        assert_true(n < 100);
        snprintf(arns[0], sizeof(arns[0]), "arn:%d:a", n);
        snprintf(arns[1], sizeof(arns[1]), "arn:%d:b", n);
        store_fault_arm(fault, n);
        acknowledged = scenario(fault, 10 * n, arns);
        struck = store_fault_struck(fault);
        assert_true(struck || acknowledged == 2);
        store_fault_arm(fault, 0);
        for (int i = 0; i < 2; i++) {
            struct store_execution row = test_execution(fault, 10 * n + i, arns[i]);
            AUTO_BUF text = BUF_INIT;

            assert_int_equal(store_execution_by_arn(fault, arns[i], write_id, &text, NULL),
                             i < acknowledged ? 0 : ERR_NOT_FOUND);
            assert_histories(fault, &row, 0, i < acknowledged ? "1-1 [0];" : "");
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lease_is_held_by_one),
        TEST(released_lease_is_free_at_once),
        TEST(fenced_commit_writes_nothing),
        TEST(request_is_answered_once),
        TEST(cancelled_request_gets_no_reply),
        TEST(other_process_is_noticed),
        TEST(walked_faults_leave_all_or_nothing),
    };

    return cmocka_run_group_tests_name("store_nodes", tests, NULL, NULL);
}
