#!/bin/sh
# Revenue by country; a command.
set -eu
sqlite3 "$PIPELINE/sales.db" <<'SQL'
SELECT json_group_array(json_object('country', country, 'sales', sales, 'euros', euros))
FROM (SELECT country, count(*) AS sales, sum(cents) / 100.0 AS euros FROM sales GROUP BY country ORDER BY country);
SQL
