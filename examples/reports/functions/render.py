#!/usr/bin/env python3
"""Renders a report from its template; a command. {"template","customer"} -> {"text"}

The printer is busy at the first try; without the template every try is in vain: TemplateMissing.
"""
import json
import os
import sys


def fail(name, message):
    print(json.dumps({"errorType": name, "errorMessage": message}))
    sys.exit(1)


job = json.load(sys.stdin)
path = os.path.join(os.environ["REPORTS"], job["template"] + ".txt")
if not os.path.exists(path):
    fail("TemplateMissing", "there is no template called " + job["template"])
if os.environ["ORCHESTRATOR_ATTEMPT"] == "0":
    fail("PrinterBusy", "try again")
with open(path) as template:
    print(json.dumps({"text": template.read().strip().format(**job)}))
