#!/bin/sh
# Gives back what was reserved for an order; a command.
set -eu
payload=$(mktemp)
trap 'rm -f "$payload"' EXIT
cat >"$payload"

sqlite3 -bail "$SHOP_DB" <<SQL
.timeout 5000
DELETE FROM reservations WHERE order_id = CAST(readfile('$payload') AS TEXT) ->> 'orderId';
SELECT json_object('released', changes());
SQL
