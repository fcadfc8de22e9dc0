#!/usr/bin/env python3
"""Keeps a row of metadata about a picture; a line handler, so the database is opened once."""
import json
import os
import sqlite3
import sys

folder = os.environ["PICTURES"]
database = sqlite3.connect(os.path.join(folder, "pictures.db"))
database.execute("PRAGMA busy_timeout = 5000")
database.execute("CREATE TABLE IF NOT EXISTS pictures (file TEXT PRIMARY KEY, bytes INTEGER, sizes TEXT, fault TEXT)")


def keep(picture):
    fault = picture.get("failure", {}).get("Error")
    sizes = ["%dx%d" % (size["width"], size["height"]) for size in picture.get("sizes", [])]
    size = os.path.getsize(os.path.join(folder, "in", picture["file"]))
    with database:
        database.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?)",
                         (picture["file"], size, " ".join(sizes), fault))
    return {"file": picture["file"], "sizes": sizes, "fault": fault}


for line in sys.stdin:
    call = json.loads(line)
    try:
        answer = {"id": call["id"], "result": keep(call["payload"])}
    except Exception as error:
        answer = {"id": call["id"], "error": {"errorType": type(error).__name__, "errorMessage": str(error)}}
    print(json.dumps(answer), flush=True)
