/* store_sqlite_test.c - what only an SQLite store can meet: files, folders, versions, full disks. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include "runtime/store/sqlite_schema.h"
#include "runtime/store/store.h"

#include "asl/base/err.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

static const char *path_of(const struct store_fixture *fixture)
{
    return fixture->url + strlen("sqlite:");
}

/* Runs SQL on the file, past the store. */
static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message))
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

/* The first column of the first row. */
static void assert_sql(const char *path, const char *sql, const char *expected)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), expected);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static int commit_history(struct store *store, int64_t id, size_t bytes, struct err *err)
{
    struct store_batch *batch = store_batch_new();
    char arn[32];
    char *body = malloc(bytes);
    int result;

    snprintf(arn, sizeof(arn), "arn:%lld", (long long)id);
    struct store_execution row = {.id = id, .arn = arn, .machine = "arn:machine", .meta = "{}"};

    memset(body, '1', bytes);
    body[0] = '[';
    body[bytes - 1] = ']';
    store_batch_add_execution(batch, &row);
    store_batch_add_history(batch, 0, id, 1, 1, body, bytes);
    result = store_commit(store, batch, err);
    store_batch_free(batch);
    free(body);
    return result;
}

static int ignore_execution(void *context, const struct store_execution *row)
{
    (void)context;
    (void)row;
    return 0;
}

static bool has_execution(struct store *store, int64_t id)
{
    return !store_execution_by_id(store, 0, id, ignore_execution, NULL, NULL);
}

/* --- files that are not what they should be ------------------------------------------------------ */

static void foreign_database_is_refused(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_clear(fixture);
    run_sql(path_of(fixture), "CREATE TABLE theirs (a)");
    store_fixture_refused(fixture, ERR_CORRUPT, "another program");
    assert_sql(path_of(fixture), "SELECT count(*) FROM sqlite_schema", "1");
}

static void other_file_is_refused_and_kept(void **state)
{
    static const char text[] = "This is a letter to my aunt, and nobody should write into it. It is longer than "
                               "the hundred bytes that the head of a database has.\n";
    struct store_fixture *fixture = *state;
    char read_back[sizeof(text)] = "";
    FILE *file;

    store_fixture_clear(fixture);
    file = fopen(path_of(fixture), "w");
    fputs(text, file);
    fclose(file);
    store_fixture_refused(fixture, ERR_CORRUPT, "is no SQLite database");
    file = fopen(path_of(fixture), "r");
    assert_int_equal(fread(read_back, 1, sizeof(read_back), file), sizeof(text) - 1);
    fclose(file);
    assert_string_equal(read_back, text);
}

static void damaged_file_is_told(void **state)
{
    struct store_fixture *fixture = *state;
    static const char noise[16384] = "damage";
    struct store *store = NULL;
    struct err err = {0};
    int result = 0;
    int fd;

    for (int64_t id = 1; id <= 50; id++)
        assert_int_equal(commit_history(fixture->store, id, 2000, NULL), 0);
    store_fixture_close(fixture);
    fd = open(path_of(fixture), O_WRONLY);
    for (off_t at = 8192; at < 400000; at += (off_t)sizeof(noise))
        assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
    close(fd);
    result = store_open(fixture->url, &store, &err);
    if (!result)
        result = store_execution_by_arn(store, "arn:7", ignore_execution, NULL, &err);
    assert_int_equal(result, ERR_CORRUPT);
    assert_non_null(strstr(err.message, "damaged"));
    assert_string_equal(err.where, path_of(fixture));
    store_close(store);
}

static void newer_schema_is_refused(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_close(fixture);
    run_sql(path_of(fixture), "PRAGMA user_version = 1000");
    store_fixture_refused(fixture, ERR_VERSION, "schema version 1000");
}

static void older_schema_is_brought_up_to_date(void **state)
{
    struct store_fixture *fixture = *state;

    for (int version = 1; version < sqlite_schema_version(); version++) {
        sqlite3 *db;

        store_fixture_clear(fixture);
        assert_int_equal(sqlite3_open(path_of(fixture), &db), SQLITE_OK);
        assert_int_equal(sqlite_schema_migrate(db, path_of(fixture), version, NULL), 0);
        sqlite3_close(db);
        run_sql(path_of(fixture),
                "INSERT INTO execution VALUES (1, 'arn:1', 'm', '{}', 1, 1000, 2000, 0, 0, 0, NULL);"
                "INSERT INTO history VALUES (1, 1, 1, 2, "
                "'[{\"id\":1,\"type\":\"A\"},{\"id\":0,\"type\":\"~Own\"},{\"id\":2,\"type\":\"B\"}]')");
        fixture->store = store_fixture_open(fixture);
        assert_true(has_execution(fixture->store, 1));
        assert_int_equal(commit_history(fixture->store, 2, 100, NULL), 0);
        store_fixture_close(fixture);
        assert_sql(path_of(fixture), "SELECT group_concat(id || type, ' ') FROM events WHERE execution = 1", "1A 2B");
        assert_sql(path_of(fixture), "SELECT status || ' ' || started || ' ' || stopped FROM executions WHERE id = 1",
                   "SUCCEEDED 1970-01-01T00:00:01.000Z 1970-01-01T00:00:02.000Z");
    }
}

static void secret_survives_and_is_private(void **state)
{
    struct store_fixture *fixture = *state;
    unsigned char secret[32];
    struct stat status;

    memcpy(secret, store_secret(fixture->store), sizeof(secret));
    assert_int_equal(stat(path_of(fixture), &status), 0);
    assert_int_equal(status.st_mode & 077, 0);
    store_fixture_close(fixture);
    fixture->store = store_fixture_open(fixture);
    assert_memory_equal(store_secret(fixture->store), secret, sizeof(secret));
}

/* --- the world is in the way -------------------------------------------------------------------- */

static void folders_are_made(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_fixture deep = *fixture;
    char path[160];

    snprintf(deep.url, sizeof(deep.url), "sqlite:%s/a/b/store.db", fixture->folder);
    deep.store = store_fixture_open(&deep);
    store_fixture_close(&deep);
    unlink(path_of(&deep));
    snprintf(path, sizeof(path), "%s/a/b", fixture->folder);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof(path), "%s/a", fixture->folder);
    rmdir(path);
}

/* In a child, since it gives up root, whom no mode stops. */
static void assert_refused_to_nobody(const struct store_fixture *fixture, const char *text)
{
    pid_t child = fork();
    int status;

    if (!child) {
        struct store *store;
        struct err err = {0};

        if (!geteuid() && setuid(65534))
            _exit(2);
        if (store_open(fixture->url, &store, &err) != ERR_IO)
            _exit(3);
        _exit(strstr(err.message, text) && strstr(err.where, "store.db") ? 0 : 4);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void read_only_folder_is_told(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_clear(fixture);
    chmod(fixture->folder, 0555);
    assert_refused_to_nobody(fixture, "could not make the store");
    chmod(fixture->folder, 0755);
}

static void read_only_file_is_told(void **state)
{
    struct store_fixture *fixture = *state;

    store_fixture_close(fixture);
    chmod(fixture->folder, 0755);
    chmod(path_of(fixture), 0444);
    assert_refused_to_nobody(fixture, "its file is read-only");
}

/*
 * What another process does, started anew, since a forked one would inherit what SQLite knows of its locks: who gets
 * the file for itself alone changes it to another journal, under the feet of all others.
 */
static int try_to_change_journal(const char *path)
{
    sqlite3 *db;
    int code;

    if (sqlite3_open(path, &db))
        return 2;
    code = sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    sqlite3_close(db);
    return code == SQLITE_BUSY ? 0 : 3;
}

/* Were the file opened and closed past SQLite, POSIX would drop the locks of the first connection. */
static void second_opening_keeps_the_locks_of_the_first(void **state)
{
    struct store_fixture *fixture = *state;
    pid_t child;
    int status;

    assert_int_equal(commit_history(fixture->store, 1, 100, NULL), 0);
    store_close(store_fixture_open(fixture));
    if (!(child = fork())) {
        execl("/proc/self/exe", "store_sqlite_test", path_of(fixture), NULL);
        _exit(4);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(has_execution(fixture->store, 1));
}

/* In a child, as the limit is the process's. SIGXFSZ ignored, write() fails with EFBIG instead. */
static int fill_disk(const struct store_fixture *fixture)
{
    struct rlimit limit = {.rlim_cur = 2 << 20, .rlim_max = RLIM_INFINITY};
    struct store *store;
    struct err err = {0};
    int64_t id = 1;

    signal(SIGXFSZ, SIG_IGN);
    store = store_fixture_open(fixture);
    setrlimit(RLIMIT_FSIZE, &limit);
    while (id < 1000 && !commit_history(store, id, 50000, &err))
        id++;
    if (err.code != ERR_FULL || !strstr(err.message, "no space left") || id == 1)
        return 1;
    if (has_execution(store, id) || !has_execution(store, id - 1))
        return 2;
    /* With room again, it goes on. */
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (commit_history(store, id, 50000, &err) || !has_execution(store, id))
        return 3;
    store_close(store);
    return 0;
}

static void full_disk_is_told_and_survived(void **state)
{
    struct store_fixture *fixture = *state;
    pid_t child;
    int status;

    store_fixture_clear(fixture);
    if (!(child = fork()))
        _exit(fill_disk(fixture));
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(WIFEXITED(status));
    assert_sql(path_of(fixture), "PRAGMA integrity_check", "ok");
}

/* --- transactions ---------------------------------------------------------------------------------- */

static int stop(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    (void)context;
    (void)first;
    (void)last;
    (void)body;
    (void)bytes;
    return 1;
}

static int stop_at_document(void *context, const char *key, const char *body, int64_t version)
{
    (void)context;
    (void)key;
    (void)body;
    (void)version;
    return 1;
}

/* A transaction left open by a read would keep the log from ever being emptied. */
static void reads_leave_no_transaction(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_execution_query all = {.status = -1, .redriven = -1, .limit = 1};
    struct store_batch *batch = store_batch_new();
    int64_t wake;
    int shard = 0;

    store_batch_put_document(batch, "machine", "a", "{}", 0, NULL);
    store_batch_put_document(batch, "machine", "b", "{}", 0, NULL);
    assert_int_equal(store_commit(store, batch, NULL), 0);
    store_batch_free(batch);
    for (int64_t id = 1; id <= 5; id++)
        assert_int_equal(commit_history(store, id, 100, NULL), 0);
    has_execution(store, 1);
    store_history(store, 0, 1, 0, stop, NULL, NULL);
    store_executions(store, &all, ignore_execution, NULL, NULL);
    store_documents(store, "machine", "", NULL, false, 0, stop_at_document, NULL, NULL);
    store_next_wake(store, &shard, 1, 0, &wake, NULL);
    store_count_open(store);
    store_change_counter(store);
    assert_sql(path_of(fixture), "PRAGMA wal_checkpoint(TRUNCATE)", "0");
}

static bool is_readable(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    return poll(&wanted, 1, 0) == 1;
}

static void who_writes_wakes_who_watches(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *other = store_fixture_open(fixture);
    int fd = store_notify_fd(fixture->store);
    struct store_changes changes;
    int64_t seq;

    assert_true(fd >= 0);
    store_changes(fixture->store, &changes, NULL, NULL);
    store_changes(fixture->store, &changes, NULL, NULL);
    assert_false(changes.soon || changes.requests);
    assert_false(is_readable(fd));
    assert_int_equal(store_inbox_put(other, 0, "{}", &seq, NULL), 0);
    assert_true(is_readable(fd));
    store_changes(fixture->store, &changes, NULL, NULL);
    assert_true(changes.soon && changes.requests);
    assert_false(is_readable(fd));
    store_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(foreign_database_is_refused),
        TEST(other_file_is_refused_and_kept),
        TEST(damaged_file_is_told),
        TEST(newer_schema_is_refused),
        TEST(older_schema_is_brought_up_to_date),
        TEST(secret_survives_and_is_private),
        TEST(folders_are_made),
        TEST(read_only_folder_is_told),
        TEST(read_only_file_is_told),
        TEST(second_opening_keeps_the_locks_of_the_first),
        TEST(full_disk_is_told_and_survived),
        TEST(reads_leave_no_transaction),
        TEST(who_writes_wakes_who_watches),
    };

    if (argc == 2)
        return try_to_change_journal(argv[1]);
    return cmocka_run_group_tests_name("store_sqlite", tests, NULL, NULL);
}
