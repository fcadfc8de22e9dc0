#!/usr/bin/env python3
"""Adds the next readings of the stream to the totals of their meters; a line handler.

{"after","rows"} -> {"rows":n,"last":offset,"closed":bool}. The totals and how far they go are written in one
transaction: a batch that comes again after a crash is counted once.
"""
import json
import os
import sqlite3
import sys

database = sqlite3.connect(os.path.join(os.environ["METERS"], "meters.db"))


def add_batch(after, rows):
    with database:
        batch = database.execute("SELECT offset, meter, watts FROM readings WHERE offset > ? ORDER BY offset LIMIT ?",
                                 (after, rows)).fetchall()
        for offset, meter, watts in batch:
            if meter == "closed":
                return {"rows": len(batch) - 1, "last": offset, "closed": True}
            database.execute("UPDATE totals SET watts = watts + ?, upto = ? WHERE meter = ? AND upto < ?",
                             (watts, offset, meter, offset))
        return {"rows": len(batch), "last": batch[-1][0] if batch else after, "closed": False}


for line in sys.stdin:
    call = json.loads(line)
    try:
        answer = {"id": call["id"], "result": add_batch(**call["payload"])}
    except Exception as error:
        answer = {"id": call["id"], "error": {"errorType": type(error).__name__, "errorMessage": str(error)}}
    print(json.dumps(answer), flush=True)
