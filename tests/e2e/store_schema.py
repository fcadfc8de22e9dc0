#!/usr/bin/python3
"""The schema of the stores: keys that allow to distribute it, starts at once on nothing, and the queries of docs/store.md."""
import os
import re
import sqlite3
import subprocess

from engine import PROGRAM, SOURCE, Checks, Server
from postgres import Postgres
from transfer import run

# Tables with few rows: they stay on one machine. Every other table grows with use, and has to hold the shard.
SMALL = {"setting", "lease", "writer", "node"}

# Statements that cannot name a shard, since they are about all of them; none is made for single executions.
ABOUT_ALL = {"FORGET_ASKED", "FORGET_ANSWERED", "TIDY_REPLIES", "TIDY_REQUESTS", "EXECUTIONS_OLD", "NEXT_MACHINE",
             "SCAN_DOCUMENTS", "TOTALS", "COUNT_OPEN", "DOCUMENTS_UP", "DOCUMENTS_DOWN", "CLEAR"}


def source(path):
    with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
        return file.read()


def blocks():
    """(store, query, place) of each query in docs/store.md."""
    found = []
    for block in re.findall(r"```sql\n(.*?)```", source("docs/store.md"), re.S):
        parts = re.split(r"^-- (SQLite|PostgreSQL)\n", block, flags=re.M)
        assert not parts[0].strip(), f"a query of docs/store.md does not say which store it is for: {parts[0]}"
        found += [(name, text.strip()) for name, text in zip(parts[1::2], parts[2::2])]
    return found


def keys(checks, postgres, database):
    rows = postgres.query(database, """
        SELECT t.relname, i.relname, string_agg(a.attname, ' ' ORDER BY a.attnum)
        FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'orchestrator'
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (x.indkey)
        WHERE x.indisunique GROUP BY 1, 2""")
    tables = {row[0] for row in postgres.query(
        database, "SELECT tablename FROM pg_tables WHERE schemaname = 'orchestrator'")}
    growing = tables - SMALL
    checks.that({"execution", "history", "document", "inbox", "reply"} <= growing, f"the tables are there: {tables}")
    for table, index, columns in rows:
        checks.that(table in SMALL or "shard" in columns.split(), f"{table}: {index} ({columns}) holds the shard")
    primary = {row[0] for row in postgres.query(
        database, "SELECT t.relname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE contype = 'p'"
        " AND connamespace = 'orchestrator'::regnamespace")}
    for table in growing:
        checks.that(table in primary, f"{table} has a primary key")
    for row in postgres.query(database, "SELECT conname FROM pg_constraint WHERE contype IN ('f', 'x')"
                              " AND connamespace = 'orchestrator'::regnamespace"):
        checks.that(False, f"{row[0]}: no foreign key and no exclusion, which could not be distributed")
    named = re.findall(r"create_distributed_table\('(\w+)', 'shard'", source("docs/citus.sql"))
    checks.that(sorted(named) == sorted(growing), f"docs/citus.sql distributes {named}, the tables that grow are {growing}")
    return growing


def statements(checks, growing):
    """Each statement of the program on a table that grows names the shard, or is one of the few about all."""
    text = re.sub(r"/\*.*?\*/", "", source("runtime/store/postgres_statements.def"), flags=re.S)
    seen = set()
    for name, body in re.findall(r"STATEMENT\(\w+, (\w+),(.*?)\)\n(?=\n|STATEMENT|#)", text, re.S):
        # COLUMNS is what is read, so that it says nothing about what is looked for; an INSERT gives it.
        body = body.replace('(" COLUMNS ")', "(id, shard)")
        sql = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', body))
        tables = {table for table in re.findall(r"(?:FROM|INTO|UPDATE|USING|TRUNCATE) (\w+)", sql)} & growing
        if not tables:
            continue
        seen.add(name)
        if name not in ABOUT_ALL:
            checks.that(re.search(r"\bshard\b", sql), f"statement {name} names the shard: {sql}")
    checks.that(len(seen) > 20 and ABOUT_ALL <= seen, f"the statements were found: {ABOUT_ALL - seen}, {len(seen)}")


def at_once(checks, what, url):
    """Processes that all find nothing there."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ORCHESTRATOR_")}
    processes = [subprocess.Popen([PROGRAM, "list", "machines", "--store", url], env=environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(12)]
    said = [(process.communicate(timeout=60)[0], process.returncode) for process in processes]
    checks.that(all(code == 0 for _, code in said), f"{what}: twelve processes at once on nothing: {said}")


def newer(checks, what, url, raise_version, version):
    raise_version()
    said = run("list", "machines", "--store", url, code=6).decode()
    checks.that(re.search(r"schema version 1000, this program knows versions up to %d\b" % version, said),
                f"{what}: a newer schema is refused with both versions: {said}")


def fill(url):
    server = Server()
    for name, text in (("Order", '{"StartAt":"Check","States":{"Check":{"Type":"Pass","End":true}}}'),
                       ("Bad", '{"StartAt":"Check","States":{"Check":{"Type":"Fail","Error":"E"}}}')):
        with open(f"{server.folder}/{name}.asl.json", "w", encoding="utf-8") as file:
            file.write(text)
        run("run", f"{server.folder}/{name}.asl.json", "--quiet", "--input", '{"customer": "C-1001"}', "--store", url,
            code=int(name == "Bad"))
    server.close()


def queries(checks, name, ask):
    mine = [text for store, text in blocks() if store == name]
    checks.that(len(mine) >= 3, f"{name}: there are queries")
    for text in mine:
        rows = ask(text)
        checks.that(rows, f"{name}: the query finds what it says: {text}")


def on_sqlite(checks, folder):
    path = f"{folder}/queries.db"
    at_once(checks, "SQLite", "sqlite:" + path)
    fill("sqlite:" + path)
    connection = sqlite3.connect(path)
    queries(checks, "SQLite", lambda text: connection.execute(text).fetchall())
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    newer(checks, "SQLite", "sqlite:" + path, lambda: connection.execute("PRAGMA user_version = 1000").fetchall(),
          version)
    connection.close()


def on_postgres(checks, postgres):
    url = postgres.url("queries")
    at_once(checks, "PostgreSQL", url)
    statements(checks, keys(checks, postgres, "queries"))
    fill(url)
    queries(checks, "PostgreSQL", lambda text: postgres.query("queries", text))
    setting = "orchestrator.setting WHERE name = 'schema_version'"
    version = int(postgres.query("queries", f"SELECT value FROM {setting}")[0][0])
    newer(checks, "PostgreSQL", url, lambda: postgres.query(
        "queries", "UPDATE orchestrator.setting SET value = '1000' WHERE name = 'schema_version'"), version)


def main():
    checks = Checks()
    folder = Server()
    postgres = Postgres()
    on_sqlite(checks, folder.folder)
    if postgres.start():
        on_postgres(checks, postgres)
    else:
        print("skipped on PostgreSQL: its server is not installed", flush=True)
    postgres.close()
    folder.close()
    checks.end()


if __name__ == "__main__":
    main()
