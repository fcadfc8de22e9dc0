#!/usr/bin/env python3
"""Keeps the items of a page in SQLite, each once; a line handler. {"items":[...]} -> {"new":n}"""
import json
import os
import sqlite3
import sys

database = sqlite3.connect(os.path.join(os.environ["CRAWL"], "items.db"))
database.execute("CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, title TEXT)")

for line in sys.stdin:
    call = json.loads(line)
    try:
        with database:
            done = database.executemany("INSERT OR IGNORE INTO items VALUES (:id, :title)", call["payload"]["items"])
        answer = {"id": call["id"], "result": {"new": max(done.rowcount, 0)}}
    except Exception as error:
        answer = {"id": call["id"], "error": {"errorType": type(error).__name__, "errorMessage": str(error)}}
    print(json.dumps(answer), flush=True)
