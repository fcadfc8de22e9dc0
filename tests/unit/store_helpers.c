/* store_helpers.c - see store_helpers.h. */
#include "config.h"

#include "tests/unit/store_helpers.h"

#include "asl/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct store *store_of(void **state)
{
    return ((struct store_fixture *)*state)->store;
}

/* An execution with this number, as it starts. */
struct store_execution test_execution(struct store *store, int64_t id, const char *arn)
{
    return (struct store_execution){
        .id = id,
        .shard = store_shard_of(store, arn),
        .arn = arn,
        .machine = MACHINE,
        .meta = "{\"revision\": 1}",
        .started_ms = 1000 + id,
        .wake_ms = STORE_WAKE_ACTIVE,
    };
}

int test_commit(struct store *store, struct store_batch *batch)
{
    struct err err = {0};
    int result = store_commit(store, batch, &err);

    if (result)
        print_message("commit: %s %s\n", err.where, err.message);
    store_batch_free(batch);
    return result;
}

void test_add(struct store *store, const struct store_execution *row)
{
    struct store_batch *batch = store_batch_new();

    store_batch_add_execution(batch, row);
    assert_int_equal(test_commit(store, batch), 0);
}

void test_set(struct store *store, const struct store_execution *row)
{
    struct store_batch *batch = store_batch_new();

    store_batch_set_execution(batch, row);
    assert_int_equal(test_commit(store, batch), 0);
}

void test_add_history(struct store_batch *batch, const struct store_execution *row, int64_t first, int64_t last,
                      const char *body)
{
    store_batch_add_history(batch, row->shard, row->id, first, last, body, strlen(body));
}

int write_id(void *context, const struct store_execution *row)
{
    buf_printf(context, "%lld ", (long long)row->id);
    return 0;
}

int write_execution(void *context, const struct store_execution *row)
{
    buf_printf(context, "%lld %d %s %s status=%d started=%lld stopped=%lld wake=%lld redrives=%lld at %lld map=%s",
               (long long)row->id, row->shard, row->arn, row->machine, (int)row->status, (long long)row->started_ms,
               (long long)row->stopped_ms, (long long)row->wake_ms, (long long)row->redrive_count,
               (long long)row->redriven_ms, row->map_run ? row->map_run : "-");
    return 0;
}

int write_history(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    assert_int_equal(bytes, strlen(body));
    buf_printf(context, "%lld-%lld %s;", (long long)first, (long long)last, body);
    return 0;
}

int write_document(void *context, const char *key, const char *body, int64_t version)
{
    buf_printf(context, "%s@%lld=%s;", key, (long long)version, body);
    return 0;
}

int write_request(void *context, int64_t seq, const char *body)
{
    (void)seq;
    buf_printf(context, "%s;", body);
    return 0;
}

static int write_inbox(void *context, const struct store_request *request)
{
    if (!request->body)
        buf_add_text(context, "gone;");
    else if (request->asker)
        buf_printf(context, "%s#%lld%s %s;", request->asker, (long long)request->number,
                   request->carried_out ? " again" : "", request->body);
    else
        buf_printf(context, "%s;", request->body);
    return 0;
}

int write_lease(void *context, const struct store_lease *lease)
{
    if (lease->node[0])
        buf_printf(context, "%d %lld %s;", lease->shard, (long long)lease->epoch, lease->node);
    return 0;
}

int write_node(void *context, const struct store_node *node)
{
    buf_printf(context, "%s%s %s;", node->name, node->alive ? "" : " dead", node->info);
    return 0;
}

void assert_histories(struct store *store, const struct store_execution *row, int64_t from, const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_history(store, row->shard, row->id, from, write_history, &text, NULL), 0);
    assert_string_equal(buf_text(&text), expected);
}

void assert_documents(struct store *store, const char *prefix, const char *after, bool descending, int limit,
                      const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_documents(store, "machine", prefix, after, descending, limit, write_document, &text, NULL),
                     0);
    assert_string_equal(buf_text(&text), expected);
}

void assert_listed(struct store *store, struct store_execution_query query, const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_executions(store, &query, write_id, &text, NULL), 0);
    assert_string_equal(buf_text(&text), expected);
}

void assert_requests(struct store *store, int shard, const int64_t *known, size_t count, const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    assert_int_equal(store_requests(store, &shard, 1, known, count, write_inbox, &text, NULL), 0);
    assert_string_equal(buf_text(&text), expected);
}

bool test_put(struct store *store, const char *key, const char *body, int64_t expected_version)
{
    struct store_batch *batch = store_batch_new();
    bool conflict = false;

    store_batch_put_document(batch, "machine", key, body, expected_version, &conflict);
    assert_int_equal(test_commit(store, batch), 0);
    return !conflict;
}
