#!/bin/sh
# Gives the money back; a command.
set -eu
payload=$(mktemp)
trap 'rm -f "$payload"' EXIT
cat >"$payload"

sqlite3 -bail "$SHOP_DB" <<SQL
.timeout 5000
UPDATE payments SET state = 'refunded' WHERE order_id = CAST(readfile('$payload') AS TEXT) ->> 'orderId';
SELECT json_object('refunded', changes());
SQL
