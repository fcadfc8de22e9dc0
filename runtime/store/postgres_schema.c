/* postgres_schema.c - see postgres_schema.h; docs/store.md explains the tables to people who query them. */
#include "config.h"

#include "runtime/store/postgres_schema.h"

#include "runtime/store/postgres_priv.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * A migration that was released is never changed; what comes later is a new one at the end.
 *
 * The shard is the first column of every primary key and unique constraint of a table that grows: such
 * tables can be distributed by it. Rows of history stay in the heap, uncompressed, up to a page:
 * the default would compress or move away whatever is longer than 2 KB.
 */
static const char *const migrations[] = {
    "CREATE TABLE setting (name text PRIMARY KEY, value text NOT NULL);"
    "CREATE TABLE execution ("
    "    shard int, id bigint, arn text COLLATE \"C\" NOT NULL, machine text COLLATE \"C\" NOT NULL,"
    "    meta text NOT NULL, status int NOT NULL, started_ms bigint NOT NULL, stopped_ms bigint NOT NULL,"
    "    wake_ms bigint NOT NULL, redrive_count bigint NOT NULL, redriven_ms bigint NOT NULL,"
    "    map_run text COLLATE \"C\", PRIMARY KEY (shard, id), UNIQUE (shard, arn));"
    "CREATE INDEX execution_machine ON execution (machine, started_ms, id);"
    "CREATE INDEX execution_started ON execution (started_ms, id);"
    "CREATE INDEX execution_map_run ON execution (map_run, started_ms, id) WHERE map_run IS NOT NULL;"
    "CREATE INDEX execution_wake ON execution (shard, wake_ms) WHERE status IN (0, 5);"
    "CREATE TABLE history ("
    "    shard int, execution bigint, first_event bigint, last_event bigint NOT NULL, body text NOT NULL,"
    "    PRIMARY KEY (shard, execution, first_event)) WITH (toast_tuple_target = 8160);"
    "CREATE TABLE document ("
    "    shard int, kind text COLLATE \"C\", key text COLLATE \"C\", version bigint NOT NULL, body text NOT NULL,"
    "    PRIMARY KEY (shard, kind, key));"
    "CREATE INDEX document_key ON document (kind, key);"
    "CREATE TABLE inbox (shard int, seq bigint, body text NOT NULL, PRIMARY KEY (shard, seq));"
    "CREATE SEQUENCE inbox_number;"
    "CREATE TABLE reply (shard int, seq bigint, body text NOT NULL, written timestamptz NOT NULL DEFAULT now(),"
    "    PRIMARY KEY (shard, seq));"
    "CREATE TABLE lease (shard int PRIMARY KEY, epoch bigint NOT NULL, node text NOT NULL, info text NOT NULL,"
    "    expires_ms bigint NOT NULL) WITH (fillfactor = 50);"
    /* One row a process: which of its connections may write, and the last commit it made. */
    "CREATE TABLE writer (id text PRIMARY KEY, session bigint NOT NULL, last_commit bigint NOT NULL,"
    "    conflicts int[] NOT NULL, seen timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 20);"

    "CREATE FUNCTION prove(p_writer text, p_session bigint, p_commit bigint, p_shards int[], p_epochs bigint[])"
    "    RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
    "    UPDATE orchestrator.writer SET last_commit = p_commit, conflicts = '{}', seen = now()"
    "        WHERE id = p_writer AND session = p_session;"
    "    IF NOT FOUND THEN RAISE EXCEPTION 'this connection has been replaced' USING ERRCODE = 'OR001'; END IF;"
    "    IF EXISTS (SELECT 1 FROM unnest(p_shards, p_epochs) AS p (shard, epoch)"
    "        LEFT JOIN (SELECT shard, epoch FROM orchestrator.lease WHERE shard = ANY (p_shards) ORDER BY shard"
    "            FOR SHARE) l ON l.shard = p.shard WHERE l.epoch IS DISTINCT FROM p.epoch)"
    "    THEN RAISE EXCEPTION 'another process has taken over a shard' USING ERRCODE = 'OR002'; END IF;"
    "    END $$;"
    "CREATE FUNCTION must_be(p_found bigint, p_expected bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
    "    IF p_found <> p_expected THEN RAISE EXCEPTION '% of % executions are not there',"
    "        p_expected - p_found, p_expected USING ERRCODE = 'OR003'; END IF;"
    "    END $$;"
    /* Writes a document; a conflict is noted with its place in the batch, for a writer that lost the answer. */
    "CREATE FUNCTION put_document(p_shard int, p_kind text, p_key text, p_body text, p_expected bigint,"
    "    p_writer text, p_place int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
    "    IF p_expected > 0 THEN"
    "        UPDATE orchestrator.document SET version = version + 1, body = p_body"
    "            WHERE shard = p_shard AND kind = p_kind AND key = p_key AND version = p_expected;"
    "    ELSE"
    "        INSERT INTO orchestrator.document AS d (shard, kind, key, version, body)"
    "            VALUES (p_shard, p_kind, p_key, 1, p_body)"
    "            ON CONFLICT (shard, kind, key) DO UPDATE SET version = d.version + 1, body = p_body"
    "            WHERE p_expected < 0;"
    "    END IF;"
    "    IF FOUND THEN RETURN true; END IF;"
    "    UPDATE orchestrator.writer SET conflicts = conflicts || p_place WHERE id = p_writer;"
    "    RETURN false;"
    "    END $$;",

    "CREATE VIEW executions AS SELECT shard, id, arn, machine,"
    "    (ARRAY['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'PENDING_REDRIVE'])[status + 1] AS status,"
    "    to_timestamp(started_ms / 1000.0) AS started,"
    "    CASE WHEN stopped_ms > 0 THEN to_timestamp(stopped_ms / 1000.0) END AS stopped,"
    "    redrive_count, map_run, meta::json AS meta FROM execution;"
    /*
     * json, not jsonb, which has no room for a number like 1e999999; but text cannot hold U+0000, so that one is
     * shown as U+FFFD. Events that only the engine needs have a type with a tilde.
     */
    "CREATE VIEW events AS SELECT h.shard, h.execution, x.arn, x.machine, (e.event ->> 'id')::bigint AS id,"
    "    e.event ->> 'type' AS type, to_timestamp((e.event ->> 'at')::bigint / 1000.0) AS at,"
    "    e.event ->> 'name' AS state, e.event -> 'value' AS value, e.event -> 'details' AS details, e.event"
    "    FROM history h JOIN execution x ON x.shard = h.shard AND x.id = h.execution"
    "    CROSS JOIN LATERAL json_array_elements(replace(h.body, '\\u0000', '\\ufffd')::json)"
    "    AS e (event)"
    "    WHERE e.event ->> 'type' NOT LIKE '~%';",

    /*
     * A row without events, only records, stands before the row of the event that comes next and shares its
     * first_event: such rows are told apart by a part below 0. A row of events has part 0, so none is written twice.
     */
    "CREATE SEQUENCE history_part MINVALUE -9223372036854775807 MAXVALUE -1 START -9223372036854775807;"
    "ALTER TABLE history DROP CONSTRAINT history_pkey;"
    "ALTER TABLE history ADD COLUMN part bigint NOT NULL DEFAULT 0;"
    "ALTER TABLE history ADD PRIMARY KEY (shard, execution, first_event, part);",

    /*
     * Leases live with their node, so that a renewal is one row however many shards a node has. Who holds one under an
     * older version of the program loses it here.
     */
    "CREATE TABLE node (name text COLLATE \"C\" PRIMARY KEY, info text NOT NULL, writer text NOT NULL,"
    "    seen timestamptz NOT NULL, expires timestamptz NOT NULL) WITH (fillfactor = 20);"
    "ALTER TABLE lease DROP COLUMN info, DROP COLUMN expires_ms;"
    "UPDATE lease SET node = '', epoch = epoch + 1;"
    "INSERT INTO lease (shard, epoch, node) SELECT shard, 0, ''"
    "    FROM generate_series(0, (SELECT value::int - 1 FROM setting WHERE name = 'shards')) AS s (shard)"
    "    ON CONFLICT DO NOTHING;"
    "ALTER TABLE inbox ADD COLUMN asker text COLLATE \"C\", ADD COLUMN number bigint NOT NULL DEFAULT 0,"
    "    ADD COLUMN carried_out boolean NOT NULL DEFAULT false,"
    "    ADD COLUMN written timestamptz NOT NULL DEFAULT now();"
    "CREATE INDEX inbox_asker ON inbox (asker, number) WHERE asker IS NOT NULL;"
    "ALTER TABLE reply ADD COLUMN asker text COLLATE \"C\", ADD COLUMN number bigint NOT NULL DEFAULT 0;"
    "CREATE INDEX reply_asker ON reply (asker, number) WHERE asker IS NOT NULL;",
};

enum { MIGRATIONS = sizeof(migrations) / sizeof(*migrations) };

int postgres_schema_version(void)
{
    return MIGRATIONS;
}

int postgres_schema_find(PGconn *connection, int64_t *ret_version, struct err *err)
{
    int64_t tables = 0;
    int64_t has_setting = 0;
    int result;

    *ret_version = 0;
    if ((result = postgres_query_int(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = 'orchestrator'",
                                     &tables, err)) ||
        !tables)
        return result;
    if ((result = postgres_query_int(
             connection, "SELECT count(*) FROM pg_tables WHERE schemaname = 'orchestrator' AND tablename = 'setting'",
             &has_setting, err)))
        return result;
    if (has_setting)
        result = postgres_query_int(connection, "SELECT value::int FROM setting WHERE name = 'schema_version'",
                                    ret_version, err);
    if (!result && !*ret_version)
        result = err_set(err, ERR_CORRUPT, "the schema \"orchestrator\" of the database is another program's");
    if (!result && *ret_version > MIGRATIONS) {
        result = err_set(err, ERR_VERSION, "the store has schema version %lld, this program knows versions up to %d",
                         (long long)*ret_version, MIGRATIONS);
        err_hint(err, "use the newer program that wrote it");
    }
    return result;
}

/* What only the first migration needs. */
static int fill_new(PGconn *connection, int shards, struct err *err)
{
    unsigned char secret[STORE_SECRET_BYTES];
    AUTO_BUF sql = BUF_INIT;

    if (getentropy(secret, sizeof(secret)))
        return err_set(err, ERR_IO, "the system gave no random bytes");
    buf_printf(&sql, "INSERT INTO setting VALUES ('schema_version', '0'), ('shards', '%d'), ('secret', '", shards);
    for (size_t i = 0; i < sizeof(secret); i++)
        buf_printf(&sql, "%02x", secret[i]);
    buf_add_text(&sql, "')");
    return postgres_run(connection, buf_text(&sql), err);
}

static int migrate_step(PGconn *connection, int64_t version, int shards, struct err *err)
{
    AUTO_BUF sql = BUF_INIT;
    int result;

    if ((result = postgres_run(connection, "BEGIN", err)))
        return result;
    if (!(result = postgres_run(connection, migrations[version], err)) && !version)
        result = fill_new(connection, shards, err);
    buf_printf(&sql, "UPDATE setting SET value = '%lld' WHERE name = 'schema_version'; COMMIT", (long long)version + 1);
    if (!result)
        result = postgres_run(connection, buf_text(&sql), err);
    if (result)
        postgres_run(connection, "ROLLBACK", NULL);
    return result;
}

int postgres_schema_migrate(PGconn *connection, int version, int shards, struct err *err)
{
    int64_t now = 0;
    int result;

    /* Most of the time there is nothing to do, and no need to wait for anybody. */
    if ((result = postgres_schema_find(connection, &now, err)) || now >= version)
        return result;
    if ((result = postgres_run(connection, "SELECT pg_advisory_lock(1330791240)", err)))
        return result;
    if (!(result = postgres_schema_find(connection, &now, err)) && !now)
        result = postgres_run(connection, "CREATE SCHEMA IF NOT EXISTS orchestrator", err);
    for (; !result && now < version; now++)
        result = migrate_step(connection, now, shards, err);
    postgres_run(connection, "SELECT pg_advisory_unlock(1330791240)", NULL);
    return result;
}
