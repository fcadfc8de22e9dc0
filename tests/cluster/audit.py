"""Proof that no node writes to a shard whose lease is another's.

Triggers write down who took a lease under which epoch, and under which epoch, and by whose connection, each row was
written. They lock the lease until the end of the transaction, so that the epoch is the one at its commit, whatever
the program itself does. Writer and taker are told apart by the identity in application_name.
"""

INSTALL = """
CREATE SCHEMA audit;
CREATE TABLE audit.lease (n bigserial, shard int, epoch bigint, node text, writer text);
CREATE TABLE audit.write (shard int, execution bigint, first_event bigint, epoch bigint, writer text, txid bigint);
CREATE FUNCTION audit.writer() RETURNS text LANGUAGE sql AS
    $$ SELECT split_part(current_setting('application_name'), ' ', 3) $$;
CREATE FUNCTION audit.note_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit.lease (shard, epoch, node, writer) VALUES (NEW.shard, NEW.epoch, NEW.node, audit.writer());
    RETURN NEW;
END $$;
CREATE FUNCTION audit.note_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM 1 FROM orchestrator.lease WHERE shard IN (SELECT shard FROM rows) ORDER BY shard FOR SHARE;
    IF TG_TABLE_NAME = 'history' THEN
        INSERT INTO audit.write SELECT r.shard, r.execution, r.first_event, l.epoch, audit.writer(), txid_current()
            FROM rows r LEFT JOIN orchestrator.lease l USING (shard);
    ELSE
        INSERT INTO audit.write SELECT r.shard, r.id, 0, l.epoch, audit.writer(), txid_current()
            FROM rows r LEFT JOIN orchestrator.lease l USING (shard);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_first AFTER INSERT ON orchestrator.lease FOR EACH ROW
    WHEN (NEW.node <> '') EXECUTE FUNCTION audit.note_lease();
CREATE TRIGGER audit_take AFTER UPDATE ON orchestrator.lease FOR EACH ROW
    WHEN (NEW.node <> '' AND (NEW.epoch <> OLD.epoch OR NEW.node <> OLD.node)) EXECUTE FUNCTION audit.note_lease();
CREATE FUNCTION audit.note_map_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM 1 FROM orchestrator.lease WHERE shard IN (SELECT x.shard FROM rows r JOIN orchestrator.execution x
        ON r.kind = 'maprun' AND x.arn = r.body::json ->> 'executionArn') ORDER BY shard FOR SHARE;
    INSERT INTO audit.write SELECT x.shard, x.id, 0, l.epoch, audit.writer(), txid_current()
        FROM rows r JOIN orchestrator.execution x ON r.kind = 'maprun' AND x.arn = r.body::json ->> 'executionArn'
        LEFT JOIN orchestrator.lease l ON l.shard = x.shard;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_record AFTER INSERT ON orchestrator.document REFERENCING NEW TABLE AS rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit.note_map_run();
CREATE TRIGGER audit_record_set AFTER UPDATE ON orchestrator.document REFERENCING NEW TABLE AS rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit.note_map_run();
CREATE TRIGGER audit_history AFTER INSERT ON orchestrator.history REFERENCING NEW TABLE AS rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit.note_write();
CREATE TRIGGER audit_added AFTER INSERT ON orchestrator.execution REFERENCING NEW TABLE AS rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit.note_write();
CREATE TRIGGER audit_set AFTER UPDATE ON orchestrator.execution REFERENCING NEW TABLE AS rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit.note_write();
"""


def install(database):
    """To be called before any lease is taken: the schema must be there, no node may run executions."""
    database.sql(INSTALL)


def check(database):
    """(rows looked at, leases taken, what is wrong)."""
    faults = [f"shard {row[0]}, epoch {row[1]}: taken by {row[2]}" for row in database.sql(
        "SELECT shard, epoch, string_agg(DISTINCT writer, ', ') FROM audit.lease GROUP BY shard, epoch"
        " HAVING count(DISTINCT writer) > 1")]
    faults += [f"shard {row[0]}: epoch {row[1]} after {row[2]}" for row in database.sql(
        "SELECT shard, epoch, before FROM (SELECT shard, epoch, lag(epoch) OVER (PARTITION BY shard ORDER BY n) AS"
        " before FROM audit.lease) l WHERE epoch < before")]
    faults += [f"shard {row[0]}, execution {row[1]}, event {row[2]}: written under epoch {row[3]} by {row[4]}, who did"
               " not hold it" for row in database.sql(
                   "SELECT shard, execution, first_event, coalesce(epoch, 0), writer FROM audit.write w WHERE NOT"
                   " EXISTS (SELECT 1 FROM audit.lease l WHERE l.shard = w.shard AND l.epoch = w.epoch"
                   " AND l.writer = w.writer)")]
    missing = database.sql("SELECT count(*) FROM orchestrator.history h WHERE NOT EXISTS (SELECT 1 FROM audit.write w"
                           " WHERE w.shard = h.shard AND w.execution = h.execution AND w.first_event = h.first_event)")
    if missing[0][0] != "0":
        faults.append(f"{missing[0][0]} rows of the history were not seen by the triggers")
    rows, takes = database.sql("SELECT (SELECT count(*) FROM audit.write), (SELECT count(*) FROM audit.lease)")[0]
    return int(rows), int(takes), faults
