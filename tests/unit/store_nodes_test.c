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

/* --- nodes and leases ---------------------------------------------------------------------------- */

static void assert_leases(struct store *store, const char *expected)
{
    AUTO_BUF text = BUF_INIT;
    const struct store_view view = {.lease = write_lease, .context = &text};

    assert_int_equal(store_nodes(store, &view, NULL), 0);
    assert_string_equal(buf_text(&text), expected);
}

static void assert_nodes(struct store *store, const char *expected)
{
    AUTO_BUF text = BUF_INIT;
    const struct store_view view = {.node = write_node, .context = &text};

    assert_int_equal(store_nodes(store, &view, NULL), 0);
    assert_string_equal(buf_text(&text), expected);
}

static int release(struct store *store, const char *node, int shard, int64_t epoch)
{
    return store_lease_release(store, node, &shard, &epoch, 1, NULL);
}

static void lease_is_held_by_one(void **state)
{
    struct store *store = store_of(state);
    int64_t epoch = store_fixture_take(store, 0, "one", 100000);

    assert_int_equal(epoch, 1);
    assert_int_equal(store_fixture_take(store, 0, "two", 100000), 0);
    assert_leases(store, "0 1 one;");
    assert_int_equal(store_fixture_take(store, 0, "one", 100000), 2); /* its own, anew */
    assert_int_equal(release(store, "one", 0, 1), 0);                 /* not the one it has */
    assert_int_equal(release(store, "two", 0, 2), 0);
    assert_leases(store, "0 2 one;");
}

static void lease_ends_with_its_node(void **state)
{
    struct store *store = store_of(state);
    AUTO_BUF text = BUF_INIT;
    const struct store_view view = {.node = write_node, .lease = write_lease, .context = &text};

    assert_int_equal(store_fixture_take(store, 0, "one", 1), 1);
    usleep(20000);
    assert_nodes(store, "one dead {};");
    assert_leases(store, "0 1 one;"); /* nobody wants it */
    assert_int_equal(store_fixture_take(store, 0, "two", 100000), 2);
    /* The first one wakes up, and sees what has become of it. */
    assert_int_equal(store_renew(store, "one", "{\"a\":1}", 100000, true, &view, NULL), 0);
    assert_string_equal(buf_text(&text), "one {\"a\":1};two {};0 2 two;");
    assert_int_equal(store_fixture_take(store, 0, "one", 100000), 0);
}

static void released_lease_is_free_at_once(void **state)
{
    struct store *store = store_of(state);
    int64_t epoch = store_fixture_take(store, 0, "one", 100000);

    assert_int_equal(release(store, "one", 0, epoch), 0);
    assert_leases(store, "");
    assert_int_equal(store_fixture_take(store, 0, "two", 100000), epoch + 1);
    assert_int_equal(store_leave(store, "two", NULL), 0);
    assert_leases(store, "");
    assert_nodes(store, "one {};");
}

static void leases_are_taken_together(void **state)
{
    struct store *store = store_of(state);
    int count = store_shards(store) < 3 ? store_shards(store) : 3;
    const int shards[3] = {0, 1, 2};
    const struct store_view view = {.node = NULL};
    int64_t epochs[3];
    int64_t others[3];

    assert_int_equal(store_renew(store, "one", "{}", 100000, false, &view, NULL), 0);
    assert_int_equal(store_renew(store, "two", "{}", 100000, false, &view, NULL), 0);
    assert_int_equal(store_lease_take(store, "two", shards, NULL, 1, others, NULL), 0);
    assert_int_equal(store_lease_take(store, "one", shards, NULL, (size_t)count, epochs, NULL), 0);
    assert_int_equal(epochs[0], 0);
    for (int i = 1; i < count; i++)
        assert_int_equal(epochs[i], 1);
    assert_int_equal(store_leave(store, "one", NULL), 0);
    assert_leases(store, "0 1 two;");
    assert_int_equal(store_tidy(store, NULL), 0);
}

/* As a take is carried out whose answer nobody waits for any more. */
static void lease_is_not_taken_when_it_is_not_as_seen(void **state)
{
    struct store *store = store_of(state);
    const int shard = 0;
    int64_t seen = 0;
    int64_t epoch = 0;
    const struct store_view view = {.node = NULL};

    assert_int_equal(store_renew(store, "one", "{}", 100000, false, &view, NULL), 0);
    assert_int_equal(store_lease_take(store, "one", &shard, &seen, 1, &epoch, NULL), 0);
    assert_int_equal(epoch, 1);
    assert_int_equal(store_lease_take(store, "one", &shard, &seen, 1, &epoch, NULL), 0);
    assert_int_equal(epoch, 0);
    assert_leases(store, "0 1 one;");
    seen = 1;
    assert_int_equal(store_lease_take(store, "one", &shard, &seen, 1, &epoch, NULL), 0);
    assert_int_equal(epoch, 2);
    assert_leases(store, "0 2 one;");
}

static void fenced_commit_writes_nothing(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    int64_t epoch = store_fixture_take(store, row.shard, "one", 1);
    int64_t next = 0;

    for (int turn = 0; turn < 2; turn++) {
        struct store_batch *batch = store_batch_new();

        store_batch_prove(batch, row.shard, epoch);
        store_batch_prove(batch, row.shard, epoch);
        if (!turn)
            store_batch_add_execution(batch, &row);
        test_add_history(batch, &row, 1 + turn, 1 + turn, "[0]");
        store_batch_put_document(batch, "machine", "k", "0", -1, NULL);
        assert_int_equal(test_commit(store, batch), turn ? ERR_FENCED : 0);
        usleep(20000);
        next = turn ? next : store_fixture_take(store, row.shard, "two", 100000);
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
    assert_requests(store, 0, NULL, 0, "{\"a\":1};{\"b\":2};{\"c\":3};");
    assert_requests(store, 0, seqs, 1, "{\"b\":2};{\"c\":3};");
    assert_int_equal(store_inbox_reply(store, seqs[0], write_request, &text, NULL), ERR_NOT_FOUND);

    batch = store_batch_new();
    store_batch_reply(batch, seqs[0], NULL, "{\"done\":true}");
    store_batch_reply(batch, seqs[1], NULL, NULL);
    assert_int_equal(test_commit(store, batch), 0);
    assert_requests(store, 0, seqs, 3, "gone;gone;");
    assert_requests(store, 0, NULL, 0, "{\"c\":3};");
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
    store_batch_reply(batch, seq, NULL, "{}");
    assert_int_equal(test_commit(store, batch), 0);
    assert_int_equal(store_inbox_reply(store, seq, write_request, &text, NULL), ERR_NOT_FOUND);
}

static int write_reply(void *context, int shard, int64_t number, const char *body)
{
    buf_printf(context, "%d#%lld %s;", shard, (long long)number, body);
    return 0;
}

static void assert_replies(struct store *store, const char *asker, const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_replies(store, asker, write_reply, &text, NULL), 0);
    assert_string_equal(buf_text(&text), expected);
}

static int note_seq(void *context, const struct store_request *request)
{
    *(int64_t *)context = request->seq;
    return 0;
}

static void nodes_ask_each_other(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch = store_batch_new();
    int64_t seq = 0;
    int shard = 0;

    store_batch_put_request(batch, 0, "one", 1, "{\"a\":1}");
    store_batch_put_request(batch, 0, "one", 2, "{\"b\":2}");
    store_batch_put_request(batch, 0, "two", 1, "{\"c\":3}");
    store_batch_drop_request(batch, 0, "one", 1); /* never written */
    assert_int_equal(test_commit(store, batch), 0);
    assert_requests(store, 0, NULL, 0, "one#2 {\"b\":2};two#1 {\"c\":3};");

    batch = store_batch_new();
    store_batch_drop_request(batch, 0, "one", 2);
    assert_int_equal(test_commit(store, batch), 0);
    assert_requests(store, 0, NULL, 0, "two#1 {\"c\":3};");

    assert_int_equal(store_requests(store, &shard, 1, NULL, 0, note_seq, &seq, NULL), 0);
    batch = store_batch_new();
    store_batch_mark_request(batch, seq);
    assert_int_equal(test_commit(store, batch), 0);
    assert_requests(store, 0, NULL, 0, "two#1 again {\"c\":3};");
    assert_requests(store, 0, &seq, 1, "");

    for (int turn = 0; turn < 2; turn++) { /* the second answer finds no request */
        batch = store_batch_new();
        store_batch_reply(batch, seq, "two", turn ? "{\"late\":1}" : "{\"d\":4}");
        assert_int_equal(test_commit(store, batch), 0);
    }
    assert_requests(store, 0, &seq, 1, "gone;");
    assert_replies(store, "one", "");
    assert_replies(store, "two", "0#1 {\"d\":4};");
    assert_replies(store, "two", "0#1 {\"d\":4};"); /* stays until it is dropped */
    batch = store_batch_new();
    store_batch_drop_request(batch, 0, "two", 1);
    assert_int_equal(test_commit(store, batch), 0);
    assert_replies(store, "two", "");
}

static void who_leaves_takes_its_requests_along(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch = store_batch_new();
    int64_t seq = 0;
    int shard = 0;

    store_batch_put_request(batch, 0, "one", 1, "{}");
    assert_int_equal(test_commit(store, batch), 0);
    assert_int_equal(store_requests(store, &shard, 1, NULL, 0, note_seq, &seq, NULL), 0);
    batch = store_batch_new();
    store_batch_reply(batch, seq, "one", "{}");
    store_batch_put_request(batch, 0, "one", 2, "{}");
    store_batch_put_request(batch, 0, "two", 2, "[]");
    assert_int_equal(test_commit(store, batch), 0);
    assert_int_equal(store_leave(store, "one", NULL), 0);
    assert_requests(store, 0, NULL, 0, "two#2 [];");
    assert_replies(store, "one", "");
}

static void note_hint(void *context, const char *topic, const char *text)
{
    buf_printf(context, "%s=%s;", topic, text);
}

static bool changed(struct store *store, struct store_changes *ret_changes, struct buf *hints)
{
    store_changes(store, ret_changes, note_hint, hints);
    return ret_changes->requests || ret_changes->replies || ret_changes->documents || ret_changes->owners;
}

static void nodes_wake_each_other(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *one = fixture->store;
    struct store *two = store_fixture_open(fixture);
    struct store_batch *batch = store_batch_new();
    struct store_changes changes;
    AUTO_BUF hints = BUF_INIT;

    store_listen(one, "one");
    store_listen(two, "two");
    while (changed(one, &changes, &hints) || changed(two, &changes, &hints))
        usleep(20000);
    store_batch_put_request(batch, 0, "two", 7, "{}");
    store_batch_hint(batch, "topic", "some text");
    assert_int_equal(test_commit(two, batch), 0);
    for (int tries = 0; tries < 100 && !changed(one, &changes, &hints); tries++)
        usleep(20000);
    assert_true(changes.requests);
    assert_true(changes.shards[0] & 1);
    if (store_is_shared(one)) {
        assert_string_equal(buf_text(&hints), "topic=some text;");
        assert_false(changes.replies || changes.documents || changes.owners || changes.shards[0] != 1);
    }
    assert_false(changed(one, &changes, &hints));
    store_close(two);
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
    assert_requests(fixture->store, 0, NULL, 0, "{};");
    store_close(other);
}

/* --- faults ----------------------------------------------------------------------------------------- */

/* Some of everything; stops at the first failure. Returns how many commits were acknowledged. */
static int scenario(struct store *store, int64_t base, char arns[2][32])
{
    const struct store_view view = {.node = NULL};
    int acknowledged = 0;
    int shard = 0;
    int64_t seq = 0;
    int64_t epoch = 0;
    AUTO_BUF text = BUF_INIT;

    if (store_renew(store, "node", "{}", 100000, false, &view, NULL) ||
        store_lease_take(store, "node", &shard, NULL, 1, &epoch, NULL) || store_inbox_put(store, 0, "{}", &seq, NULL))
        return 0;
    for (int i = 0; i < 2; i++) {
        struct store_batch *batch = store_batch_new();
        struct store_execution row = test_execution(store, base + i, arns[i]);
        int result;

        store_batch_add_execution(batch, &row);
        test_add_history(batch, &row, 1, 1, "[0]");
        if (i)
            store_batch_reply(batch, seq, NULL, "{}");
        result = store_commit(store, batch, NULL);
        store_batch_free(batch);
        if (result || store_execution_by_arn(store, arns[i], write_id, &text, NULL))
            return acknowledged + !result;
        acknowledged++;
    }
    store_inbox_reply(store, seq, write_request, &text, NULL);
    store_leave(store, "node", NULL);
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
        TEST(lease_ends_with_its_node),
        TEST(released_lease_is_free_at_once),
        TEST(leases_are_taken_together),
        TEST(lease_is_not_taken_when_it_is_not_as_seen),
        TEST(fenced_commit_writes_nothing),
        TEST(request_is_answered_once),
        TEST(cancelled_request_gets_no_reply),
        TEST(nodes_ask_each_other),
        TEST(who_leaves_takes_its_requests_along),
        TEST(nodes_wake_each_other),
        TEST(other_process_is_noticed),
        TEST(walked_faults_leave_all_or_nothing),
    };

    return cmocka_run_group_tests_name("store_nodes", tests, NULL, NULL);
}
