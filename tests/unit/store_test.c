/* store_test.c - what every store promises about what is kept; runs on the backend that TEST_STORE names. */
#include "config.h"

#include "tests/unit/store_helpers.h"

#include "asl/base/err.h"
#include "runtime/store/store_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- executions -------------------------------------------------------------------------------- */

static void execution_is_read_back_whole(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 7, "arn:execution:a");
    AUTO_BUF by_arn = BUF_INIT;
    AUTO_BUF by_id = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;

    row.status = EXECUTION_TIMED_OUT;
    row.stopped_ms = 2000;
    row.wake_ms = STORE_WAKE_NEVER;
    row.redrive_count = 3;
    row.redriven_ms = 1500;
    row.map_run = "arn:map";
    test_add(store, &row);
    write_execution(&expected, &row);
    assert_int_equal(store_execution_by_arn(store, row.arn, write_execution, &by_arn, NULL), 0);
    assert_int_equal(store_execution_by_id(store, row.shard, 7, write_execution, &by_id, NULL), 0);
    assert_string_equal(buf_text(&by_arn), buf_text(&expected));
    assert_string_equal(buf_text(&by_id), buf_text(&expected));
}

static void missing_execution_is_not_found(void **state)
{
    struct store *store = store_of(state);
    struct err err = {0};
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_execution_by_arn(store, "arn:none", write_id, &text, &err), ERR_NOT_FOUND);
    assert_int_equal(store_execution_by_id(store, 0, 1, write_id, &text, &err), ERR_NOT_FOUND);
    assert_string_equal(buf_text(&text), "");
}

static void add_and_set_in_one_batch_are_one_row(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch = store_batch_new();
    AUTO_BUF text = BUF_INIT;

    /* More than fit in the batch's first table. */
    for (int64_t id = 1; id <= 300; id++) {
        char arn[32];
        snprintf(arn, sizeof(arn), "arn:%lld", (long long)id);
        struct store_execution row = test_execution(store, id, arn);

        store_batch_add_execution(batch, &row);
        row = (struct store_execution){.id = id, .shard = row.shard, .status = EXECUTION_SUCCEEDED, .stopped_ms = 9};
        store_batch_set_execution(batch, &row);
    }
    assert_int_equal(test_commit(store, batch), 0);
    assert_int_equal(store_count_open(store), 0);
    assert_int_equal(store_execution_by_arn(store, "arn:300", write_execution, &text, NULL), 0);
    assert_non_null(strstr(buf_text(&text), "status=1 started=1300 stopped=9 wake=0"));
}

static void set_changes_what_may_change(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    AUTO_BUF text = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;

    test_add(store, &row);
    row.status = EXECUTION_FAILED;
    row.stopped_ms = 4000;
    row.wake_ms = 5;
    row.redrive_count = 2;
    row.redriven_ms = 3000;
    test_set(store, &row);
    write_execution(&expected, &row);
    store_execution_by_arn(store, "arn:a", write_execution, &text, NULL);
    assert_string_equal(buf_text(&text), buf_text(&expected));
}

static void set_of_a_missing_execution_fails(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    struct store_batch *batch = store_batch_new();

    store_batch_set_execution(batch, &row);
    assert_int_equal(test_commit(store, batch), ERR_NOT_FOUND);
}

static void second_execution_of_a_name_fails_with_its_batch(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    struct store_execution again = test_execution(store, 2, "arn:a");
    struct store_batch *batch = store_batch_new();

    test_add(store, &row);
    test_add_history(batch, &row, 1, 1, "[1]");
    store_batch_put_document(batch, "machine", "k", "{}", -1, NULL);
    store_batch_add_execution(batch, &again);
    assert_int_equal(test_commit(store, batch), ERR_EXISTS);
    assert_histories(store, &row, 0, "");
    assert_documents(store, "", NULL, false, 0, "");
}

static void executions_are_listed_newest_first(void **state)
{
    struct store *store = store_of(state);
    static const char *const metas[] = {"{\"versionArn\":\"v1\"}", "{\"versionArn\":\"v2\",\"x\":null}", "{}"};

    for (int64_t id = 1; id <= 6; id++) {
        char arn[32];
        snprintf(arn, sizeof(arn), "arn:%lld", (long long)id);
        struct store_execution row = test_execution(store, id, arn);

        row.started_ms = 1000 + id / 2; /* 2 and 3, 4 and 5 start together */
        row.meta = metas[id % 3];
        row.status = id == 2 ? EXECUTION_FAILED : EXECUTION_RUNNING;
        row.redrive_count = id == 4;
        row.map_run = id > 4 ? "arn:map" : NULL;
        if (id == 6)
            row.machine = "arn:other";
        test_add(store, &row);
    }
    assert_listed(store, (struct store_execution_query){.machine = MACHINE, .status = -1, .redriven = -1, .limit = 10},
                  "5 4 3 2 1 ");
    assert_listed(store, (struct store_execution_query){.status = -1, .redriven = -1, .limit = 3}, "6 5 4 ");
    assert_listed(store,
                  (struct store_execution_query){
                      .status = -1, .redriven = -1, .limit = 3, .before_started_ms = 1002, .before_id = 4},
                  "3 2 1 ");
    assert_listed(
        store,
        (struct store_execution_query){
            .machine = MACHINE, .status = -1, .redriven = -1, .limit = 2, .before_started_ms = 1002, .before_id = 5},
        "4 3 ");
    assert_listed(store, (struct store_execution_query){.map_run = "arn:map", .status = -1, .redriven = -1, .limit = 9},
                  "6 5 ");
    assert_listed(
        store,
        (struct store_execution_query){.machine = MACHINE, .status = EXECUTION_FAILED, .redriven = -1, .limit = 9},
        "2 ");
    assert_listed(store, (struct store_execution_query){.machine = MACHINE, .status = -1, .redriven = 1, .limit = 9},
                  "4 ");
    assert_listed(store, (struct store_execution_query){.machine = MACHINE, .status = -1, .redriven = 0, .limit = 9},
                  "5 3 2 1 ");
    assert_listed(store,
                  (struct store_execution_query){
                      .status = -1, .redriven = -1, .limit = 9, .meta_member = "versionArn", .meta_value = "v2"},
                  "4 1 ");
}

static void open_executions_wake_in_time(void **state)
{
    struct store *store = store_of(state);
    static const int64_t wakes[] = {STORE_WAKE_ACTIVE, 5000, 9000, STORE_WAKE_NEVER};
    struct store_execution rows[4];
    int shard = store_shard_of(store, "arn:a");
    int64_t wake = 0;
    AUTO_BUF now = BUF_INIT;
    AUTO_BUF later = BUF_INIT;

    for (int i = 0; i < 4; i++) {
        static const char *const arns[] = {"arn:a", "arn:b", "arn:c", "arn:d"};

        rows[i] = test_execution(store, i + 1, arns[i]);
        rows[i].shard = shard;
        rows[i].wake_ms = wakes[i];
        test_add(store, &rows[i]);
    }
    assert_int_equal(store_count_open(store), 4);
    store_executions_due(store, &shard, 1, 4999, write_id, &now, NULL);
    store_executions_due(store, &shard, 1, 5000, write_id, &later, NULL);
    assert_string_equal(buf_text(&now), "1 ");
    assert_int_equal(strlen(buf_text(&later)), 4);
    store_next_wake(store, &shard, 1, 1000, &wake, NULL);
    assert_int_equal(wake, 5000);
    rows[1].status = EXECUTION_SUCCEEDED;
    test_set(store, &rows[1]);
    store_next_wake(store, &shard, 1, 1000, &wake, NULL);
    assert_int_equal(wake, 9000);
    store_next_wake(store, &shard, 1, 9000, &wake, NULL);
    assert_true(wake == STORE_WAKE_NEVER);
    assert_int_equal(store_count_open(store), 3);
}

static void last_number_is_that_of_the_shards(void **state)
{
    struct store *store = store_of(state);
    struct store_execution rows[] = {test_execution(store, 5, "arn:a"), test_execution(store, 900, "arn:b"),
                                     test_execution(store, 7, "arn:c")};
    int shards[] = {rows[0].shard, rows[2].shard};
    int64_t last = -1, expected = 7;
    assert_int_equal(store_last_id(store, shards, 2, &last, NULL), 0);
    assert_int_equal(last, 0);
    for (size_t i = 0; i < 3; i++)
        test_add(store, &rows[i]);
    if (rows[1].shard == rows[0].shard || rows[1].shard == rows[2].shard)
        expected = 900;
    assert_int_equal(store_last_id(store, shards, 2, &last, NULL), 0);
    assert_int_equal(last, expected);
    assert_int_equal(store_last_id(store, shards, 0, &last, NULL), 0);
    assert_int_equal(last, 0);
}

/* --- histories --------------------------------------------------------------------------------- */

static void history_is_read_in_order(void **state)
{
    struct store *store = store_of(state);
    struct store_execution a = test_execution(store, 1, "arn:a");
    struct store_execution b = test_execution(store, 2, "arn:b");
    struct store_batch *batch = store_batch_new();
    AUTO_BUF edges = BUF_INIT;

    store_batch_add_execution(batch, &a);
    store_batch_add_execution(batch, &b);
    test_add_history(batch, &a, 1, 3, "[1,2,3]");
    test_add_history(batch, &b, 1, 1, "[\"\xC3\xA4\"]");
    assert_int_equal(test_commit(store, batch), 0);
    batch = store_batch_new();
    test_add_history(batch, &a, 4, 4, "[4]");
    test_add_history(batch, &a, 5, 6, "[5,6]");
    assert_int_equal(test_commit(store, batch), 0);

    assert_histories(store, &a, 0, "1-3 [1,2,3];4-4 [4];5-6 [5,6];");
    assert_histories(store, &a, 3, "1-3 [1,2,3];4-4 [4];5-6 [5,6];");
    assert_histories(store, &a, 4, "4-4 [4];5-6 [5,6];");
    assert_histories(store, &a, 6, "5-6 [5,6];");
    assert_histories(store, &a, 7, "");
    assert_histories(store, &b, 0, "1-1 [\"\xC3\xA4\"];");
    store_history_edge(store, a.shard, 1, false, write_history, &edges, NULL);
    store_history_edge(store, a.shard, 1, true, write_history, &edges, NULL);
    assert_string_equal(buf_text(&edges), "1-3 [1,2,3];5-6 [5,6];");
}

/* A worker's heartbeats are such rows: any number of them between two events, each in a commit of its own. */
static void rows_without_events_keep_their_places(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    static const struct {
        int64_t first, last;
        const char *body;
    } rows[] = {{1, 1, "[1]"}, {2, 1, "[\"a\"]"}, {2, 1, "[\"b\"]"}, {2, 2, "[2]"}, {3, 2, "[\"c\"]"}, {3, 4, "[3,4]"}};

    test_add(store, &row);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct store_batch *batch = store_batch_new();
        test_add_history(batch, &row, rows[i].first, rows[i].last, rows[i].body);
        assert_int_equal(test_commit(store, batch), 0);
    }
    assert_histories(store, &row, 0, "1-1 [1];2-1 [\"a\"];2-1 [\"b\"];2-2 [2];3-2 [\"c\"];3-4 [3,4];");
    assert_histories(store, &row, 2, "2-2 [2];3-2 [\"c\"];3-4 [3,4];");
    assert_histories(store, &row, 4, "3-4 [3,4];");
}

static void long_history_row_is_kept_as_it_is(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    struct store_batch *batch = store_batch_new();
    AUTO_BUF body = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;

    /* The order of members, spaces and escapes must survive. */
    buf_add_text(&body, "[{\"z\":1.0, \"a\":\"\\u00e9\\n\"},\"");
    for (int i = 0; i < 300000; i++)
        buf_add_char(&body, (char)('a' + i % 26));
    buf_add_text(&body, "\"]");
    store_batch_add_execution(batch, &row);
    test_add_history(batch, &row, 1, 2, buf_text(&body));
    assert_true(store_batch_bytes(batch) > 300000);
    assert_int_equal(test_commit(store, batch), 0);
    buf_printf(&expected, "1-2 %s;", buf_text(&body));
    assert_histories(store, &row, 0, buf_text(&expected));
}

static int stop_after_first(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    (void)last;
    (void)body;
    (void)bytes;
    return first == 2 ? *(int *)context : 0;
}

static void callback_stops_a_read(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    struct store_batch *batch = store_batch_new();
    int enough = 1;
    int broken = ERR_CORRUPT;

    store_batch_add_execution(batch, &row);
    for (int id = 1; id <= 3; id++)
        test_add_history(batch, &row, id, id, "[0]");
    assert_int_equal(test_commit(store, batch), 0);
    assert_int_equal(store_history(store, row.shard, 1, 0, stop_after_first, &enough, NULL), 0);
    assert_int_equal(store_history(store, row.shard, 1, 0, stop_after_first, &broken, NULL), ERR_CORRUPT);
}

struct nested {
    struct store *store;
    struct buf text;
};

static int read_inside(void *context, const struct store_execution *row)
{
    struct nested *nested = context;
    struct store_execution_query same = {.machine = MACHINE, .status = -1, .redriven = -1, .limit = 10};

    assert_int_equal(store_executions(nested->store, &same, write_id, &nested->text, NULL), 0);
    assert_int_equal(store_execution_by_arn(nested->store, row->arn, write_id, &nested->text, NULL), 0);
    return 0;
}

static void callback_may_read_again(void **state)
{
    struct nested nested = {.store = store_of(state)};
    struct store_execution a = test_execution(nested.store, 1, "arn:a");
    struct store_execution b = test_execution(nested.store, 2, "arn:b");
    struct store_execution_query all = {.machine = MACHINE, .status = -1, .redriven = -1, .limit = 10};

    test_add(nested.store, &a);
    test_add(nested.store, &b);
    assert_int_equal(store_executions(nested.store, &all, read_inside, &nested, NULL), 0);
    assert_int_equal(store_execution_by_arn(nested.store, "arn:a", read_inside, &nested, NULL), 0);
    assert_string_equal(buf_text(&nested.text), "2 1 2 2 1 1 2 1 1 ");
    buf_release(&nested.text);
}

/* --- documents --------------------------------------------------------------------------------- */

static void documents_have_versions(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch;

    assert_true(test_put(store, "k", "{\"a\": 1}", 0));
    assert_false(test_put(store, "k", "{\"a\": 2}", 0));
    assert_documents(store, "", NULL, false, 0, "k@1={\"a\": 1};");
    assert_true(test_put(store, "k", "{\"a\": 3}", 1));
    assert_false(test_put(store, "k", "{\"a\": 4}", 1));
    assert_true(test_put(store, "k", "{\"a\": 5}", -1));
    assert_true(test_put(store, "new", "{}", -1));
    assert_false(test_put(store, "none", "{}", 4));
    assert_documents(store, "", NULL, false, 0, "k@3={\"a\": 5};new@1={};");

    batch = store_batch_new();
    store_batch_delete_document(batch, "machine", "k");
    store_batch_put_document(batch, "machine", "k", "[]", 0, NULL);
    store_batch_delete_document(batch, "machine", "new");
    assert_int_equal(test_commit(store, batch), 0);
    assert_documents(store, "", NULL, false, 0, "k@1=[];");
}

static void conflict_leaves_the_rest_of_the_batch(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 1, "arn:a");
    struct store_batch *batch = store_batch_new();
    bool conflicts[3] = {false, false, false};

    assert_true(test_put(store, "b", "1", 0));
    store_batch_put_document(batch, "machine", "a", "2", 0, &conflicts[0]);
    store_batch_put_document(batch, "machine", "b", "2", 0, &conflicts[1]);
    store_batch_put_document(batch, "machine", "b", "3", 1, &conflicts[2]);
    store_batch_add_execution(batch, &row);
    assert_int_equal(test_commit(store, batch), 0);
    assert_false(conflicts[0]);
    assert_true(conflicts[1]);
    assert_false(conflicts[2]);
    assert_documents(store, "", NULL, false, 0, "a@1=2;b@2=3;");
    assert_int_equal(store_count_open(store), 1);
}

static void documents_are_paged_by_prefix(void **state)
{
    struct store *store = store_of(state);
    static const char *const keys[] = {"a", "b:1", "b:2", "b:B", "b:a", "b:\xC3\xA4", "c%", "c_1"};
    struct err err = {0};
    AUTO_BUF text = BUF_INIT;

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        assert_true(test_put(store, keys[i], "0", 0));
    /* Bytes, not the order of a language; and no pattern characters. */
    assert_documents(store, "b:", NULL, false, 0, "b:1@1=0;b:2@1=0;b:B@1=0;b:a@1=0;b:\xC3\xA4@1=0;");
    assert_documents(store, "b:", "b:2", false, 2, "b:B@1=0;b:a@1=0;");
    assert_documents(store, "b:", "b:B", true, 0, "b:2@1=0;b:1@1=0;");
    assert_documents(store, "b:", NULL, true, 1, "b:\xC3\xA4@1=0;");
    assert_documents(store, "c%", NULL, false, 0, "c%@1=0;");
    assert_documents(store, "c_", NULL, false, 0, "c_1@1=0;");
    assert_documents(store, "d", NULL, false, 0, "");
    assert_int_equal(store_document(store, "machine", "b:1", write_document, &text, &err), 0);
    assert_string_equal(buf_text(&text), "b:1@1=0;");
    assert_int_equal(store_document(store, "activity", "b:1", write_document, &text, &err), ERR_NOT_FOUND);
}

/* --- upkeep --------------------------------------------------------------------------------------- */

static void remove_execution(struct store *store, const struct store_execution *row, int64_t before_ms)
{
    struct store_batch *batch = store_batch_new();

    store_batch_remove_execution(batch, row->shard, row->id, before_ms);
    assert_int_equal(test_commit(store, batch), 0);
}

static void closed_executions_are_removed(void **state)
{
    struct store *store = store_of(state);
    struct store_execution rows[4];

    for (int i = 0; i < 4; i++) {
        static const char *const arns[] = {"arn:a", "arn:b", "arn:c", "arn:d"};
        struct store_batch *batch = store_batch_new();

        rows[i] = test_execution(store, i + 1, arns[i]);
        rows[i].status = i == 1 ? EXECUTION_RUNNING : EXECUTION_SUCCEEDED;
        rows[i].stopped_ms = i == 1 ? 0 : 100 * (i + 1);
        if (i == 2)
            rows[i].machine = "arn:other";
        store_batch_add_execution(batch, &rows[i]);
        test_add_history(batch, &rows[i], 1, 1, "[0]");
        assert_int_equal(test_commit(store, batch), 0);
    }
    remove_execution(store, &rows[0], 100); /* not before its end */
    assert_histories(store, &rows[0], 0, "1-1 [0];");
    remove_execution(store, &rows[0], 101);
    assert_histories(store, &rows[0], 0, "");
    remove_execution(store, &rows[1], 10000); /* it is running */
    assert_histories(store, &rows[1], 0, "1-1 [0];");
    remove_execution(store, &rows[2], 10000);
    remove_execution(store, &rows[3], 10000);
    assert_listed(store, (struct store_execution_query){.status = -1, .redriven = -1, .limit = 10}, "2 ");
}

static void old_executions_are_found_by_machine(void **state)
{
    struct store *store = store_of(state);
    struct store_old_query query = {.machine = MACHINE, .before_started_ms = 1005, .limit = 2};
    AUTO_BUF first = BUF_INIT;
    AUTO_BUF rest = BUF_INIT;
    char *machine = NULL;
    char *next = NULL;

    for (int64_t id = 1; id <= 6; id++) {
        char arn[32];
        snprintf(arn, sizeof(arn), "arn:%lld", (long long)id);
        struct store_execution row = test_execution(store, id, arn);

        if (id == 2)
            row.machine = "arn:zzz";
        test_add(store, &row);
    }
    assert_int_equal(store_executions_old(store, &query, write_id, &first, NULL), 0);
    assert_string_equal(buf_text(&first), "1 3 ");
    query.after_started_ms = 1003;
    query.after_id = 3;
    assert_int_equal(store_executions_old(store, &query, write_id, &rest, NULL), 0);
    assert_string_equal(buf_text(&rest), "4 ");

    assert_int_equal(store_next_machine(store, NULL, &machine, NULL), 0);
    assert_string_equal(machine, MACHINE);
    assert_int_equal(store_next_machine(store, machine, &next, NULL), 0);
    assert_string_equal(next, "arn:zzz");
    free(machine);
    assert_int_equal(store_next_machine(store, next, &machine, NULL), 0);
    assert_null(machine);
    free(next);
}

static void document_is_deleted_at_its_version(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch = store_batch_new();

    test_put(store, "k", "1", 0);
    test_put(store, "k", "2", -1);
    store_batch_delete_document_at(batch, "machine", "k", 1);
    assert_int_equal(test_commit(store, batch), 0);
    assert_documents(store, "", NULL, false, 0, "k@2=2;");
    batch = store_batch_new();
    store_batch_delete_document_at(batch, "machine", "k", 2);
    store_batch_restore_document(batch, "machine", "r", "[]", 7);
    assert_int_equal(test_commit(store, batch), 0);
    assert_documents(store, "", NULL, false, 0, "r@7=[];");
    batch = store_batch_new();
    store_batch_restore_document(batch, "machine", "r", "[]", 8);
    assert_int_equal(test_commit(store, batch), ERR_EXISTS);
}

static int write_any_document(void *context, const char *kind, const char *key, const char *body, int64_t version)
{
    buf_printf(context, "%s/%s@%lld=%s;", kind, key, (long long)version, body);
    return 0;
}

static void everything_is_scanned_in_order(void **state)
{
    struct store *store = store_of(state);
    struct store_batch *batch = store_batch_new();
    struct store_totals totals = {0};
    AUTO_BUF ids = BUF_INIT;
    AUTO_BUF rows = BUF_INIT;
    AUTO_BUF documents = BUF_INIT;
    int shard = store_shard_of(store, "arn:1");

    for (int64_t id = 1; id <= 5; id++) {
        char arn[32];
        snprintf(arn, sizeof(arn), "arn:%lld", (long long)id);
        struct store_execution row = test_execution(store, id, arn);

        row.shard = shard;
        row.status = id == 5 ? EXECUTION_FAILED : EXECUTION_RUNNING;
        store_batch_add_execution(batch, &row);
        test_add_history(batch, &row, 1, 2, "[1,2]");
        if (id == 3)
            test_add_history(batch, &row, 3, 3, "[3]");
    }
    store_batch_put_document(batch, "b", "y", "2", -1, NULL);
    store_batch_put_document(batch, "a", "z", "1", -1, NULL);
    store_batch_put_document(batch, "b", "x", "3", -1, NULL);
    assert_int_equal(test_commit(store, batch), 0);

    assert_int_equal(store_scan(store, shard, 3, 10, write_id, NULL, &ids, NULL), 0);
    assert_string_equal(buf_text(&ids), "4 5 ");
    assert_int_equal(store_scan(store, shard, 1, 2, write_id, write_history, &rows, NULL), 0);
    assert_string_equal(buf_text(&rows), "2 1-2 [1,2];3 1-2 [1,2];3-3 [3];");
    assert_int_equal(store_scan_documents(store, NULL, NULL, 2, write_any_document, &documents, NULL), 0);
    assert_int_equal(store_scan_documents(store, "b", "x", 2, write_any_document, &documents, NULL), 0);
    assert_string_equal(buf_text(&documents), "a/z@1=1;b/x@1=3;b/y@1=2;");

    assert_int_equal(store_totals(store, &totals, NULL), 0);
    assert_int_equal(totals.executions, 5);
    assert_int_equal(totals.open_executions, 4);
    assert_int_equal(totals.last_id, 5);
    assert_int_equal(totals.history_rows, 6);
    assert_int_equal(totals.history_bytes, 28);
    assert_int_equal(totals.documents, 3);
    assert_int_equal(store_clear(store, NULL), 0);
    assert_int_equal(store_totals(store, &totals, NULL), 0);
    assert_int_equal(totals.executions + totals.history_rows + totals.documents, 0);
}

static void assert_mark_refuses(const struct store_fixture *fixture, const char *text)
{
    struct store *store = NULL;
    struct err err = {0};

    assert_int_equal(store_open(fixture->url, &store, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, text));
    assert_null(store);
}

static void marked_store_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_origin earlier = {.last_id = 40, .shards = 1};
    struct store source = {.shards = 3, .secret = {1, 2, 3, 250}, .origins = &earlier, .origin_count = 1};
    char move[STORE_MOVE_BYTES];
    enum store_mark mark;

    assert_int_equal(store_set_mark(store, STORE_FILLING, "0123456789abcdef0123456789abcdef", NULL), 0);
    assert_mark_refuses(fixture, "has not come to its end");
    assert_int_equal(store_set_mark(store, STORE_MOVED, "0123456789abcdef0123456789abcdef", NULL), 0);
    assert_mark_refuses(fixture, "was moved to another one");
    assert_int_equal(store_adopt(store, &source, 77, NULL), 0);
    store_fixture_close(fixture);
    assert_int_equal(store_open_marked(fixture->url, &fixture->store, &mark, move, NULL), 0);
    assert_int_equal(mark, STORE_MOVED);
    assert_string_equal(move, "0123456789abcdef0123456789abcdef");
    assert_memory_equal(store_secret(fixture->store), source.secret, sizeof(source.secret));
    assert_int_equal(store_shards_at_start(fixture->store, 40), 1);
    assert_int_equal(store_shards_at_start(fixture->store, 41), 3);
    assert_int_equal(store_shards_at_start(fixture->store, 77), 3);
    assert_int_equal(store_shards_at_start(fixture->store, 78), store_shards(fixture->store));
    assert_int_equal(store_set_mark(fixture->store, STORE_UNMARKED, NULL, NULL), 0);
    store_fixture_close(fixture);
    fixture->store = store_fixture_open(fixture);
}

/* Its token names the shard that it had where it came from. */
static void adopted_execution_is_found_under_any_shard(void **state)
{
    struct store *store = store_of(state);
    struct store_execution row = test_execution(store, 9, "arn:a");
    struct store source = {.shards = 4096};
    AUTO_BUF text = BUF_INIT;

    test_add(store, &row);
    assert_int_equal(store_adopt(store, &source, 9, NULL), 0);
    assert_int_equal(store_execution_by_id(store, 4000, 9, write_id, &text, NULL), 0);
    assert_string_equal(buf_text(&text), "9 ");
    assert_int_equal(store_locate(store, 4000, 9), row.shard);
    assert_int_equal(store_locate(store, 3, 10), 3);
    assert_int_equal(store_execution_by_id(store, 4000, 8, write_id, &text, NULL), ERR_NOT_FOUND);
}

static void info_is_a_json_object(void **state)
{
    struct store *store = store_of(state);
    char *info = store_info(store);

    assert_int_equal(info[0], '{');
    assert_non_null(strstr(info, store_kind(store)));
    free(info);
}

static void url_must_name_a_store(void **state)
{
    static const char *const urls[] = {"", "sqlite:", "store.db", "mysql://host/db"};

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct store *store = NULL;
        struct err err = {0};

        assert_int_equal(store_open(urls[i], &store, &err), ERR_INVALID);
        assert_non_null(strstr(err.hint, "sqlite:PATH"));
        assert_null(store);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(execution_is_read_back_whole),
        TEST(missing_execution_is_not_found),
        TEST(last_number_is_that_of_the_shards),
        TEST(add_and_set_in_one_batch_are_one_row),
        TEST(set_changes_what_may_change),
        TEST(set_of_a_missing_execution_fails),
        TEST(second_execution_of_a_name_fails_with_its_batch),
        TEST(executions_are_listed_newest_first),
        TEST(open_executions_wake_in_time),
        TEST(history_is_read_in_order),
        TEST(rows_without_events_keep_their_places),
        TEST(long_history_row_is_kept_as_it_is),
        TEST(callback_stops_a_read),
        TEST(callback_may_read_again),
        TEST(documents_have_versions),
        TEST(conflict_leaves_the_rest_of_the_batch),
        TEST(documents_are_paged_by_prefix),
        TEST(closed_executions_are_removed),
        TEST(old_executions_are_found_by_machine),
        TEST(document_is_deleted_at_its_version),
        TEST(everything_is_scanned_in_order),
        TEST(marked_store_is_refused),
        TEST(adopted_execution_is_found_under_any_shard),
        TEST(info_is_a_json_object),
        cmocka_unit_test(url_must_name_a_store),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
