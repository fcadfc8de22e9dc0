#!/usr/bin/env python3
"""Writes the mail that tells the customer; a command."""
import json
import os
import sqlite3
import sys

order = json.load(sys.stdin)
parcel = order["shipment"]["parcel"]
text = "Thank you! %.2f EUR were paid, parcel %s is on its way." % (order["checked"]["totalCents"] / 100, parcel)
with sqlite3.connect(os.environ["SHOP_DB"]) as shop:
    shop.execute("INSERT OR REPLACE INTO mails VALUES (?, ?, ?)", (order["orderId"], order["customer"], text))
print(json.dumps({"orderId": order["orderId"], "totalCents": order["checked"]["totalCents"], "parcel": parcel}))
