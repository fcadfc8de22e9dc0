#!/usr/bin/env python3
"""Stands for a backup; a command. {"night","at"} -> {"line"}

In the second night the disk is full at first, in the fifth it stays so: DiskFull.
"""
import json
import os
import sys

job = json.load(sys.stdin)
attempt = int(os.environ["ORCHESTRATOR_ATTEMPT"])
if job["night"] == 5 or job["night"] == 2 and attempt < 2:
    print(json.dumps({"errorType": "DiskFull", "errorMessage": "no space left"}))
    sys.exit(1)
print(json.dumps({"line": "night %d: backup of %s, attempt %d" % (job["night"], job["at"], attempt + 1)}))
