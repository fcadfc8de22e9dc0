#!/bin/sh
# Asks the customer to pay: whoever takes the payment later completes the task with the token; a command.
set -eu
payload=$(mktemp)
trap 'rm -f "$payload"' EXIT
cat >"$payload"

sqlite3 -bail "$SHOP_DB" <<SQL
.timeout 5000
INSERT OR REPLACE INTO payments (order_id, total_cents, token, state)
    SELECT request ->> 'orderId', request ->> 'totalCents', request ->> 'taskToken', 'requested'
    FROM (SELECT CAST(readfile('$payload') AS TEXT) AS request);
SELECT json_object('requested', json('true'));
SQL
