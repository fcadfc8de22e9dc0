#!/bin/sh
# Loads transformed chunks into SQLite in one transaction, so that doing it twice changes nothing; a command.
# ["chunk-000.tsv", ...] -> {"rows":n,"rejected":n}
set -eu
cd "$PIPELINE"
cat >load.json
sqlite3 :memory: "SELECT value FROM json_each(CAST(readfile('load.json') AS TEXT))" >load.names
xargs cat <load.names >load.tsv

sqlite3 -bail sales.db <<'SQL'
.mode tabs
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS sales;
CREATE TABLE sales (id TEXT PRIMARY KEY, country TEXT NOT NULL, cents INTEGER NOT NULL);
.import load.tsv sales
COMMIT;
SQL
rows=$(sqlite3 sales.db 'SELECT count(*) FROM sales')
echo "{\"rows\":$rows,\"rejected\":$(($(wc -l <sales.csv) - 1 - rows))}"
