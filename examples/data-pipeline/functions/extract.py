#!/usr/bin/env python3
"""Cuts a CSV file into chunks of so many rows; a command. What travels between the states are names, not data."""
import json
import os
import sys

job = json.load(sys.stdin)
folder = os.environ["PIPELINE"]
chunks = []
with open(os.path.join(folder, job["source"])) as source:
    next(source)  # the header
    rows = source.readlines()
for start in range(0, len(rows), job["chunkRows"]):
    name = "chunk-%03d.csv" % (start // job["chunkRows"])
    with open(os.path.join(folder, name), "w") as chunk:
        chunk.writelines(rows[start:start + job["chunkRows"]])
    chunks.append({"file": name})
print(json.dumps(chunks))
