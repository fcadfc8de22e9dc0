#!/bin/sh
# Takes the goods of an order out of the stock, all or none; a command. Doing it twice changes nothing.
set -eu
payload=$(mktemp)
trap 'rm -f "$payload"' EXIT
cat >"$payload"

if ! problem=$(sqlite3 -bail "$SHOP_DB" 2>&1 <<SQL
.timeout 5000
PRAGMA foreign_keys = ON;
BEGIN IMMEDIATE;
CREATE TEMP TABLE wanted AS SELECT CAST(readfile('$payload') AS TEXT) AS payload;
INSERT INTO reservations (order_id, sku, quantity)
    SELECT payload ->> 'orderId', item.value ->> 'sku', item.value ->> 'quantity'
    FROM wanted, json_each(payload, '$.items') AS item
    WHERE NOT EXISTS (SELECT 1 FROM reservations WHERE order_id = payload ->> 'orderId');
COMMIT;
SQL
); then
    echo "$problem" >&2
    echo '{"errorType":"OutOfStock","errorMessage":"not everything that was ordered is in stock"}'
    exit 1
fi
echo '{"reserved":true}'
