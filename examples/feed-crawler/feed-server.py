#!/usr/bin/env python3
"""A feed of 113 items in pages of 10, on a free local port; every seventh request is refused. Prints its address."""
import http.server
import json
import sys
import urllib.parse

ITEMS = [{"id": "item-%03d" % n, "title": "News number %d" % n} for n in range(113)]
PAGE = 10
requests = 0


class Feed(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global requests
        requests += 1
        if requests % 7 == 0:
            self.send_error(503)
            return
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        start = int(query.get("token", ["after-0"])[0].removeprefix("after-") or 0)
        page = {"items": ITEMS[start:start + PAGE]}
        if start + PAGE < len(ITEMS):
            page["nextToken"] = "after-%d" % (start + PAGE)
        body = json.dumps(page).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Feed)
print("http://127.0.0.1:%d/feed" % server.server_port, flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
