/* upkeep_test.c - what sweeps remove and what they leave; runs on the backend that TEST_STORE names. */
#include "config.h"

#include "runtime/upkeep/retention.h"
#include "runtime/upkeep/store_claim.h"
#include "runtime/upkeep/sweep.h"
#include "tests/unit/store_helpers.h"

#include "asl/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000, KEEP_MS = 1000 };

/* --- settings ------------------------------------------------------------------------------------------ */

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } times[] = {
        {"90d", INT64_C(7776000000)},
        {"12h", 43200000},
        {"30m", 1800000},
        {"45s", 45000},
        {"2w", 1209600000},
        {"0s", 0},
        {"forever", RETENTION_FOREVER},
    };
    static const char *const wrong[] = {"",    "90", "d",    "-1d",          "+1d",  " 1d",
                                        "1dd", "1x", "1.5d", "10000000000d", "never"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        assert_true(retention_parse(times[i].text, &ms));
        assert_true(ms == times[i].ms);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(retention_parse(wrong[i], &ms));
}

static void machines_have_their_own_times(void **state)
{
    struct retention *retention = retention_new(500);

    (void)state;
    retention_add(retention, "Order", 100);
    retention_add(retention, "Audit", RETENTION_FOREVER);
    assert_int_equal(retention_of(retention, MACHINE), 100);
    assert_int_equal(retention_of(retention, MACHINE "/Label"), 100);
    assert_int_equal(retention_of(retention, MACHINE "s"), 500);
    assert_int_equal(retention_of(retention, "arn:stateMachine:Orde"), 500);
    assert_true(retention_of(retention, "arn:stateMachine:Audit") == RETENTION_FOREVER);
    assert_int_equal(retention_shortest(retention), 100);
    assert_true(retention_is_over(retention, MACHINE, 899, 1000));
    assert_false(retention_is_over(retention, MACHINE, 900, 1000));
    assert_false(retention_is_over(retention, "arn:stateMachine:Audit", 1, 1000000));
    assert_false(retention_is_over(NULL, MACHINE, 1, 1000000));
    retention_free(retention);
}

/* --- executions and map runs --------------------------------------------------------------------------- */

struct fixture {
    struct store *store;
    struct retention *retention;
    struct sweep_options options;
    struct sweep_counts counts;
};

static struct fixture begin(void **state)
{
    struct fixture fixture = {.store = store_of(state), .retention = retention_new(KEEP_MS)};

    fixture.options = (struct sweep_options){.retention = fixture.retention, .now_ms = NOW_MS};
    return fixture;
}

static void add(struct fixture *fixture, int64_t id, enum execution_status status, int64_t stopped_ms,
                const char *map_run, const char *meta)
{
    struct store_batch *batch = store_batch_new();
    char arn[64];

    snprintf(arn, sizeof(arn), "arn:execution:%lld", (long long)id);
    struct store_execution row = test_execution(fixture->store, id, arn);
    row.status = status;
    row.stopped_ms = stopped_ms;
    row.machine = map_run ? MACHINE "/Label" : MACHINE;
    row.map_run = map_run;
    if (meta)
        row.meta = meta;
    store_batch_add_execution(batch, &row);
    test_add_history(batch, &row, 1, 1, "[0]");
    assert_int_equal(test_commit(fixture->store, batch), 0);
}

static void put(struct fixture *fixture, const char *kind, const char *key, const char *body)
{
    struct store_batch *batch = store_batch_new();

    store_batch_put_document(batch, kind, key, body, -1, NULL);
    assert_int_equal(test_commit(fixture->store, batch), 0);
}

static void assert_left(struct fixture *fixture, const char *ids)
{
    assert_listed(fixture->store, (struct store_execution_query){.status = -1, .redriven = -1}, ids);
}

static int write_any(void *context, const char *kind, const char *key, const char *body, int64_t version)
{
    (void)body;
    (void)version;
    buf_printf(context, "%s:%s ", kind, key);
    return 0;
}

static void assert_documents_left(struct fixture *fixture, const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_scan_documents(fixture->store, NULL, NULL, 100, write_any, &text, NULL), 0);
    assert_string_equal(buf_text(&text), expected);
}

static void what_has_had_its_time_goes(void **state)
{
    struct fixture f = begin(state);

    add(&f, 1, EXECUTION_SUCCEEDED, NOW_MS - KEEP_MS - 1, NULL, NULL);
    add(&f, 2, EXECUTION_FAILED, NOW_MS - KEEP_MS - 1, NULL, NULL); /* one could redrive it */
    add(&f, 3, EXECUTION_SUCCEEDED, NOW_MS - KEEP_MS, NULL, NULL);
    add(&f, 4, EXECUTION_RUNNING, 0, NULL, NULL);
    add(&f, 5, EXECUTION_PENDING_REDRIVE, 1, NULL, NULL);
    f.options.dry_run = true;
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), 0);
    assert_int_equal(f.counts.executions, 2);
    assert_left(&f, "5 4 3 2 1 ");
    f.options.dry_run = false;
    f.options.machine = "Other";
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), 0);
    assert_left(&f, "5 4 3 2 1 ");
    f.options.machine = "Order";
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), 0);
    assert_left(&f, "5 4 3 ");
    assert_int_equal(f.counts.executions, 4);
    retention_free(f.retention);
}

static void many_go_in_portions(void **state)
{
    struct fixture f = begin(state);
    struct store_batch *batch = store_batch_new();
    struct store_totals totals;

    for (int64_t id = 1; id <= 1234; id++) {
        char arn[64];
        snprintf(arn, sizeof(arn), "arn:execution:%lld", (long long)id);
        struct store_execution row = test_execution(f.store, id, arn);

        row.status = id % 3 ? EXECUTION_SUCCEEDED : EXECUTION_RUNNING;
        row.stopped_ms = id % 3 ? 1 : 0;
        store_batch_add_execution(batch, &row);
        test_add_history(batch, &row, 1, 1, "[0]");
    }
    assert_int_equal(test_commit(f.store, batch), 0);
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), 0);
    assert_int_equal(f.counts.executions, 823);
    assert_int_equal(store_totals(f.store, &totals, NULL), 0);
    assert_int_equal(totals.executions, 411);
    assert_int_equal(totals.open_executions, 411);
    assert_int_equal(totals.history_rows, 411);
    retention_free(f.retention);
}

/* The epoch under which the node, which joins, has the shard; 0: it could not be had. */
static int64_t take_lease(struct store *store, const char *node, int shard)
{
    const struct store_view none = {.node = NULL};
    int64_t epoch = 0;

    if (store_renew(store, node, "{}", 60000, false, &none, NULL) ||
        store_lease_take(store, node, &shard, NULL, 1, &epoch, NULL))
        return 0;
    return epoch;
}

/* A sweep that was paused past its lease removes nothing. */
static void lost_lease_ends_a_sweep(void **state)
{
    struct fixture f = begin(state);
    int64_t *epochs = calloc((size_t)store_shards(f.store), sizeof(*epochs));
    int shard = store_shard_of(f.store, "arn:execution:1");

    add(&f, 1, EXECUTION_SUCCEEDED, 1, NULL, NULL);
    f.options.epochs = epochs;
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), 0);
    assert_left(&f, "1 "); /* not our shard */
    assert_int_not_equal(epochs[shard] = take_lease(f.store, "other", shard), 0);
    epochs[shard]++;
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), ERR_FENCED);
    assert_left(&f, "1 ");
    epochs[shard]--;
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), 0);
    assert_left(&f, "");
    free(epochs);
    retention_free(f.retention);
}

static void children_go_with_their_parents(void **state)
{
    struct fixture f = begin(state);

    add(&f, 1, EXECUTION_SUCCEEDED, 1, NULL, NULL);
    add(&f, 2, EXECUTION_RUNNING, 0, NULL, NULL);
    put(&f, "maprun", "run:1", "{\"executionArn\":\"arn:execution:1\"}");
    put(&f, "maprun", "run:2", "{\"executionArn\":\"arn:execution:2\"}");
    put(&f, "maprun", "run:3", "{\"executionArn\":\"arn:execution:11\"}"); /* of a child */
    add(&f, 11, EXECUTION_SUCCEEDED, 1, "run:1", NULL);
    add(&f, 12, EXECUTION_RUNNING, 0, "run:1", NULL);
    add(&f, 21, EXECUTION_SUCCEEDED, 1, "run:2", NULL);
    add(&f, 31, EXECUTION_SUCCEEDED, 1, "run:3", NULL);
    assert_int_equal(sweep_executions(f.store, &f.options, &f.counts, NULL), 0);
    assert_int_equal(sweep_map_runs(f.store, &f.options, &f.counts, NULL), 0);
    assert_left(&f, "21 12 2 ");
    assert_documents_left(&f, "maprun:run:1 maprun:run:2 "); /* run:1 still has one at work */
    assert_int_equal(f.counts.executions, 1);
    assert_int_equal(f.counts.children, 2);
    assert_int_equal(f.counts.map_runs, 1);
    retention_free(f.retention);
}

/* --- definitions ---------------------------------------------------------------------------------------- */

#define STANDARD "{\"definition\":\"{}\",\"type\":\"STANDARD\"}"
#define EXPRESS "{\"definition\":\"{}\",\"type\":\"EXPRESS\"}"

static void unused_definitions_go_at_the_second_look(void **state)
{
    struct fixture f = begin(state);
    struct definition_notes *notes = definition_notes_new();

    put(&f, "definition", "of-machine", STANDARD);
    put(&f, "definition", "of-version", STANDARD);
    put(&f, "definition", "of-execution", STANDARD);
    put(&f, "definition", "touched", STANDARD);
    put(&f, "definition", "unused", STANDARD);
    put(&f, "machine", "M", "{\"definitionKey\":\"of-machine\",\"versions\":[{\"definitionKey\":\"of-version\"}]}");
    add(&f, 1, EXECUTION_SUCCEEDED, 1, NULL, "{\"definition\":\"of-execution\"}");
    assert_false(definition_notes_any(notes));
    assert_int_equal(sweep_definitions(f.store, &f.options, notes, &f.counts, NULL), 0);
    assert_int_equal(f.counts.definitions, 0);
    assert_true(definition_notes_any(notes));
    put(&f, "definition", "touched", STANDARD); /* somebody is about to refer to it */
    assert_int_equal(sweep_definitions(f.store, &f.options, notes, &f.counts, NULL), 0);
    assert_int_equal(f.counts.definitions, 1);
    assert_documents_left(&f, "definition:of-execution definition:of-machine definition:of-version definition:touched "
                              "machine:M ");
    assert_int_equal(sweep_definitions(f.store, &f.options, NULL, &f.counts, NULL), 0);
    assert_documents_left(&f, "definition:of-execution definition:of-machine definition:of-version machine:M ");
    definition_notes_free(notes);
    retention_free(f.retention);
}

static void express_definitions_stay_while_map_runs_work(void **state)
{
    struct fixture f = begin(state);

    put(&f, "definition", "express", EXPRESS);
    put(&f, "maprun", "run", "{\"status\":\"RUNNING\"}");
    assert_int_equal(sweep_definitions(f.store, &f.options, NULL, &f.counts, NULL), 0);
    assert_documents_left(&f, "definition:express maprun:run ");
    put(&f, "maprun", "run", "{\"status\":\"SUCCEEDED\"}");
    assert_int_equal(sweep_definitions(f.store, &f.options, NULL, &f.counts, NULL), 0);
    assert_documents_left(&f, "maprun:run ");
    retention_free(f.retention);
}

/* --- claims --------------------------------------------------------------------------------------------- */

static void claim_keeps_others_out(void **state)
{
    struct fixture f = begin(state);
    struct store *other = store_fixture_open(*state);
    struct store_claim *claim = NULL;
    struct store_batch *batch = store_batch_new();
    int last = store_shards(f.store) - 1;

    assert_int_not_equal(take_lease(other, "other", last), 0);
    assert_int_equal(store_claim_take(f.store, "test", &claim, NULL), ERR_BUSY);
    assert_int_equal(store_leave(other, "other", NULL), 0);
    assert_int_equal(store_claim_take(f.store, "test", &claim, NULL), 0);
    assert_int_equal(take_lease(other, "other", last), 0);
    assert_int_equal(store_claim_check(claim, NULL), 0);
    store_batch_put_document(batch, "k", "k", "1", -1, NULL);
    store_claim_prove(claim, batch);
    assert_int_equal(store_commit(f.store, batch, NULL), 0);
    store_batch_free(batch);
    store_claim_release(claim);
    assert_int_not_equal(take_lease(other, "other", last), 0);
    store_close(other);
    retention_free(f.retention);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(machines_have_their_own_times),
        TEST(what_has_had_its_time_goes),
        TEST(many_go_in_portions),
        TEST(lost_lease_ends_a_sweep),
        TEST(children_go_with_their_parents),
        TEST(unused_definitions_go_at_the_second_look),
        TEST(express_definitions_stay_while_map_runs_work),
        TEST(claim_keeps_others_out),
    };

    return cmocka_run_group_tests_name("upkeep", tests, NULL, NULL);
}
