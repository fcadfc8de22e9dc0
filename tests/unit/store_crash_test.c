/*
 * store_crash_test.c - what every store promises to processes that are killed, and to several at once.
 *
 * Children are forked before they open the store, as a connection must not cross a fork.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include "runtime/store/store.h"

#include "asl/base/err.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { KILLS = 12, ROWS = 20, WRITERS = 2, REQUESTS = 60 };

static void name_execution(int64_t id, char arn[48])
{
    snprintf(arn, 48, "arn:execution:%lld", (long long)id);
}

/* One commit under the lease of shard 0: ROWS executions with numbers from base, each with a history. */
static int commit_group(struct store *store, int64_t epoch, int64_t base)
{
    struct store_batch *batch = store_batch_new();
    int result;

    store_batch_prove(batch, 0, epoch);
    for (int64_t id = base; id < base + ROWS; id++) {
        char arn[48];

        name_execution(id, arn);
        struct store_execution row = {
            .id = id, .shard = store_shard_of(store, arn), .arn = arn, .machine = "arn:machine", .meta = "{}"};

        store_batch_add_execution(batch, &row);
        store_batch_add_history(batch, row.shard, id, 1, 2, "[1,2]", 5);
    }
    result = store_commit(store, batch, NULL);
    store_batch_free(batch);
    return result;
}

/* The child: commits group after group and tells the number of each that was acknowledged. */
static _Noreturn void commit_until_killed(const struct store_fixture *fixture, int64_t group, int out)
{
    struct store *store = store_fixture_open(fixture);
    int64_t epoch = store_fixture_take(store, 0, "child", 1);

    if (!epoch)
        _exit(1);

    for (;; group++) {
        if (commit_group(store, epoch, group * ROWS + 1) || write(out, &group, sizeof(group)) != sizeof(group))
            _exit(1);
    }
}

static int count_row(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    (void)first;
    (void)last;
    (void)body;
    (void)bytes;
    ++*(int *)context;
    return 0;
}

static int ignore_execution(void *context, const struct store_execution *row)
{
    (void)context;
    (void)row;
    return 0;
}

/* How many executions of a group are there, each with its history. */
static int count_group(struct store *store, int64_t group)
{
    int executions = 0;
    int rows = 0;

    for (int64_t id = group * ROWS + 1; id <= (group + 1) * ROWS; id++) {
        char arn[48];

        name_execution(id, arn);
        executions += !store_execution_by_arn(store, arn, ignore_execution, NULL, NULL);
        assert_int_equal(store_history(store, store_shard_of(store, arn), id, 0, count_row, &rows, NULL), 0);
    }
    assert_int_equal(executions, rows);
    return executions;
}

/* While a commit of the dead is under way its lease is not to be had. */
static void take_lease(struct store *store)
{
    for (int tries = 0; !store_fixture_take(store, 0, "parent", 1); tries++) {
        assert_true(tries < 1000);
        usleep(10000);
    }
}

static void killed_commit_is_all_or_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    int64_t next = 0;

    for (int turn = 0; turn < KILLS; turn++) {
        int64_t first = next;
        int64_t acknowledged = first - 1;
        int ends[2];
        pid_t child;

        store_fixture_close(fixture);
        assert_int_equal(pipe(ends), 0);
        if (!(child = fork()))
            commit_until_killed(fixture, first, ends[1]);
        close(ends[1]);
        assert_int_equal(read(ends[0], &acknowledged, sizeof(acknowledged)), sizeof(acknowledged));
        usleep((useconds_t)(turn * 3137));
        kill(child, SIGKILL);
        while (read(ends[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged))
            continue;
        close(ends[0]);
        waitpid(child, NULL, 0);

        /* A server may still be at work on what the child sent last: the lease ends that. */
        fixture->store = store_fixture_open(fixture);
        take_lease(fixture->store);
        for (int64_t group = first; group <= acknowledged; group++)
            assert_int_equal(count_group(fixture->store, group), ROWS);
        /* The one that was being written may have got through, but not in parts. */
        next = acknowledged + 1;
        switch (count_group(fixture->store, next)) {
        case 0:
            break;
        case ROWS:
            next++;
            break;
        default:
            fail_msg("a commit was written in parts");
        }
        assert_int_equal(count_group(fixture->store, next), 0);
        assert_int_equal(store_count_open(fixture->store), next * ROWS);
    }
}

/* The child: writes requests, and waits for the reply to each. */
static _Noreturn void ask(const struct store_fixture *fixture, int writer)
{
    struct store *store = store_fixture_open(fixture);

    for (int i = 0; i < REQUESTS; i++) {
        char body[64];
        int64_t seq = 0;

        snprintf(body, sizeof(body), "{\"writer\":%d,\"request\":%d}", writer, i);
        if (store_inbox_put(store, 0, body, &seq, NULL) || seq <= 0)
            _exit(1);
    }
    store_close(store);
    _exit(0);
}

struct inbox_reader {
    struct store_batch *batch;
    int next[WRITERS]; /* of each writer the request that must come next */
};

static int take_request(void *context, const struct store_request *row)
{
    struct inbox_reader *reader = context;
    int writer = -1;
    int request = -1;

    assert_int_equal(sscanf(row->body, "{\"writer\":%d,\"request\":%d}", &writer, &request), 2);
    assert_in_range(writer, 0, WRITERS - 1);
    assert_int_equal(request, reader->next[writer]);
    reader->next[writer]++;
    store_batch_reply(reader->batch, row->seq, NULL, "{}");
    return 0;
}

static void processes_write_to_one_inbox(void **state)
{
    struct store_fixture *fixture = *state;
    struct inbox_reader reader = {.batch = NULL};
    int shard = 0;
    pid_t children[WRITERS];
    int running = WRITERS;

    store_fixture_close(fixture);
    for (int i = 0; i < WRITERS; i++) {
        if (!(children[i] = fork()))
            ask(fixture, i);
    }
    fixture->store = store_fixture_open(fixture);
    /* One more look after the last child has ended. */
    for (bool more = true; more;) {
        int status;

        more = running > 0;
        for (int i = 0; i < WRITERS; i++) {
            if (children[i] && waitpid(children[i], &status, WNOHANG) == children[i]) {
                assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
                children[i] = 0;
                running--;
            }
        }
        reader.batch = store_batch_new();
        assert_int_equal(store_requests(fixture->store, &shard, 1, NULL, 0, take_request, &reader, NULL), 0);
        assert_int_equal(store_commit(fixture->store, reader.batch, NULL), 0);
        store_batch_free(reader.batch);
        usleep(1000);
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(reader.next[i], REQUESTS);
}

/* The child: opens a store that is not there yet, and writes one document. */
static _Noreturn void open_first(const struct store_fixture *fixture, int number, int start)
{
    struct store_batch *batch = store_batch_new();
    struct store *store;
    char key[16];
    char c;

    if (read(start, &c, 1) < 0)
        _exit(1);
    store = store_fixture_open(fixture);
    snprintf(key, sizeof(key), "%d", number);
    store_batch_put_document(batch, "machine", key, "{}", 0, NULL);
    _exit(store_commit(store, batch, NULL) ? 1 : 0);
}

static int count_document(void *context, const char *key, const char *body, int64_t version)
{
    (void)key;
    (void)body;
    (void)version;
    ++*(int *)context;
    return 0;
}

static void new_store_is_made_once(void **state)
{
    struct store_fixture *fixture = *state;
    pid_t children[4];
    int gate[2];
    int documents = 0;

    store_fixture_clear(fixture);
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < 4; i++) {
        if (!(children[i] = fork())) {
            close(gate[1]);
            open_first(fixture, i, gate[0]);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < 4; i++) {
        int status;

        waitpid(children[i], &status, 0);
        assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
    }
    fixture->store = store_fixture_open(fixture);
    assert_int_equal(store_documents(fixture->store, "machine", "", NULL, false, 0, count_document, &documents, NULL),
                     0);
    assert_int_equal(documents, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_commit_is_all_or_nothing),
        TEST(processes_write_to_one_inbox),
        TEST(new_store_is_made_once),
    };

    return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
