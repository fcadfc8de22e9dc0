/* sqlite_schema.c - see sqlite_schema.h; docs/store.md explains the tables to people who query them. */
#include "config.h"

#include "runtime/store/sqlite_schema.h"

#include "runtime/store/sqlite_priv.h"

#include "asl/base/err.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x4F524348 }; /* "ORCH" */

/*
 * A migration that was released is never changed; what comes later is a new one at the end.
 *
 * history is written in commit order, at the end of the table: a table clustered by execution would
 * dirty a page for each row. The index beside it stays narrow for the same reason.
 */
static const char *const migrations[] = {
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE execution ("
    "    id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, machine TEXT NOT NULL, meta TEXT NOT NULL,"
    "    status INTEGER NOT NULL, started_ms INTEGER NOT NULL, stopped_ms INTEGER NOT NULL, wake_ms INTEGER NOT NULL,"
    "    redrive_count INTEGER NOT NULL, redriven_ms INTEGER NOT NULL, map_run TEXT) STRICT;"
    "CREATE INDEX execution_machine ON execution (machine, started_ms, id);"
    "CREATE INDEX execution_map_run ON execution (map_run, started_ms, id) WHERE map_run IS NOT NULL;"
    "CREATE INDEX execution_wake ON execution (wake_ms) WHERE status IN (0, 5);"
    "CREATE TABLE history ("
    "    seq INTEGER PRIMARY KEY, execution INTEGER NOT NULL, first_event INTEGER NOT NULL,"
    "    last_event INTEGER NOT NULL, body TEXT NOT NULL) STRICT;"
    "CREATE INDEX history_execution ON history (execution, first_event);"
    "CREATE TABLE document ("
    "    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,"
    "    body TEXT NOT NULL, UNIQUE (kind, key)) STRICT;"
    "CREATE TABLE lease ("
    "    shard INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, node TEXT NOT NULL, info TEXT NOT NULL,"
    "    expires_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE inbox ("
    "    seq INTEGER PRIMARY KEY AUTOINCREMENT, shard INTEGER NOT NULL, body TEXT NOT NULL) STRICT;"
    "CREATE TABLE reply (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, written_s INTEGER NOT NULL) STRICT;",

    "CREATE VIEW executions AS SELECT id, arn, machine,"
    "    CASE status WHEN 0 THEN 'RUNNING' WHEN 1 THEN 'SUCCEEDED' WHEN 2 THEN 'FAILED' WHEN 3 THEN 'TIMED_OUT'"
    "        WHEN 4 THEN 'ABORTED' ELSE 'PENDING_REDRIVE' END AS status,"
    "    strftime('%Y-%m-%dT%H:%M:%fZ', started_ms / 1000.0, 'unixepoch') AS started,"
    "    CASE WHEN stopped_ms > 0 THEN strftime('%Y-%m-%dT%H:%M:%fZ', stopped_ms / 1000.0, 'unixepoch') END AS stopped,"
    "    redrive_count, map_run, meta FROM execution;"
    /* Events that only the engine needs have a type with a tilde. */
    "CREATE VIEW events AS SELECT h.execution, x.arn, x.machine, e.value ->> '$.id' AS id, e.value ->> '$.type' AS "
    "type,"
    "    strftime('%Y-%m-%dT%H:%M:%fZ', (e.value ->> '$.at') / 1000.0, 'unixepoch') AS at,"
    "    e.value ->> '$.name' AS state, e.value -> '$.value' AS value, e.value -> '$.details' AS details,"
    "    e.value AS event FROM history h JOIN execution x ON x.id = h.execution JOIN json_each(h.body) e"
    "    WHERE e.value ->> '$.type' NOT LIKE '~%';",

    /* A lease lives with its node. Who holds one under an older version of the program loses it here. */
    "CREATE TABLE node (name TEXT PRIMARY KEY, info TEXT NOT NULL, seen_ms INTEGER NOT NULL,"
    "    expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "UPDATE lease SET node = '', epoch = epoch + 1;"
    "INSERT OR IGNORE INTO lease VALUES (0, 0, '', '{}', 0);"
    "ALTER TABLE lease DROP COLUMN info;"
    "ALTER TABLE lease DROP COLUMN expires_ms;"
    "ALTER TABLE inbox ADD COLUMN asker TEXT;"
    "ALTER TABLE inbox ADD COLUMN number INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE inbox ADD COLUMN carried_out INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE reply ADD COLUMN asker TEXT;"
    "ALTER TABLE reply ADD COLUMN number INTEGER NOT NULL DEFAULT 0;",
};

enum { MIGRATIONS = sizeof(migrations) / sizeof(*migrations) };

int sqlite_schema_version(void)
{
    return MIGRATIONS;
}

int sqlite_schema_check(struct sqlite3 *db, const char *path, struct err *err)
{
    int64_t application_id;
    int64_t version;
    int64_t tables;
    int result;

    if ((result = sqlite_query_int(db, path, "PRAGMA application_id", &application_id, err)) ||
        (result = sqlite_query_int(db, path, "PRAGMA user_version", &version, err)) ||
        (result = sqlite_query_int(db, path, "SELECT count(*) FROM sqlite_schema", &tables, err)))
        return result;
    if (application_id != APPLICATION_ID && (application_id || version || tables)) {
        err_set(err, ERR_CORRUPT, "this is an SQLite database of another program");
        err_at(err, "%s", path);
        return ERR_CORRUPT;
    }
    if (version > MIGRATIONS) {
        err_set(err, ERR_VERSION, "the store has schema version %lld, this program knows versions up to %d",
                (long long)version, MIGRATIONS);
        err_at(err, "%s", path);
        err_hint(err, "use the newer program that wrote it");
        return ERR_VERSION;
    }
    return 0;
}

/* What only the first migration needs: the file's mark, and the secret. */
static int fill_new(struct sqlite3 *db, const char *path, struct err *err)
{
    unsigned char secret[STORE_SECRET_BYTES];
    char sql[128 + 2 * STORE_SECRET_BYTES];
    int at;

    if (getentropy(secret, sizeof(secret)))
        return err_set(err, ERR_IO, "the system gave no random bytes");
    at = snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; INSERT INTO setting VALUES ('secret', x'",
                  APPLICATION_ID);
    for (size_t i = 0; i < sizeof(secret); i++)
        at += snprintf(sql + at, sizeof(sql) - (size_t)at, "%02x", secret[i]);
    snprintf(sql + at, sizeof(sql) - (size_t)at, "')");
    return sqlite_run(db, path, sql, err);
}

static int migrate_step(struct sqlite3 *db, const char *path, int version, struct err *err)
{
    char sql[64];
    int result;

    if ((result = sqlite_run(db, path, migrations[version], err)))
        return result;
    if (!version && (result = fill_new(db, path, err)))
        return result;
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version + 1);
    return sqlite_run(db, path, sql, err);
}

int sqlite_schema_migrate(struct sqlite3 *db, const char *path, int version, struct err *err)
{
    int result = 0;

    for (bool done = false; !done && !result;) {
        int64_t now;

        if ((result = sqlite_query_int(db, path, "PRAGMA user_version", &now, err)) || now >= version)
            return result;
        if ((result = sqlite_run(db, path, "BEGIN IMMEDIATE", err)))
            return result;
        /* Another process may have been faster, or may even be of a newer version: look again inside. */
        if (!(result = sqlite_schema_check(db, path, err)) &&
            !(result = sqlite_query_int(db, path, "PRAGMA user_version", &now, err)) && now < version)
            result = migrate_step(db, path, (int)now, err);
        done = now + 1 >= version;
        if (result)
            sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        else
            result = sqlite_run(db, path, "COMMIT", err);
    }
    return result;
}
