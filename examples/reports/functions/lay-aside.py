#!/usr/bin/env python3
"""Puts a job that failed for good into the dead-letter queue, once however often it is called; a command."""
import json
import os
import sqlite3
import sys

letter = json.load(sys.stdin)
with sqlite3.connect(os.path.join(os.environ["REPORTS"], "queue.db")) as queue:
    queue.execute("CREATE TABLE IF NOT EXISTS dead_letters (job TEXT PRIMARY KEY, input TEXT, error TEXT)")
    queue.execute("INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?)",
                  (letter["job"], json.dumps(letter["input"]), letter["failure"]["Error"]))
print("{}")
