#!/usr/bin/env python3
"""Fetches one page of a feed over HTTP; a command. {"feed","token"} -> {"items":[...], "nextToken"?}"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

job = json.load(sys.stdin)
try:
    url = job["feed"] + "?" + urllib.parse.urlencode({"token": job["token"]})
    with urllib.request.urlopen(url, timeout=20) as page:
        print(page.read().decode())
except (urllib.error.URLError, OSError) as error:
    print(json.dumps({"errorType": "ServerBusy", "errorMessage": str(error)}))
    sys.exit(1)
