"""Connections and HTTP/1.1 itself: what is sent ahead, in pieces, too slowly, too much or wrongly."""
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error

from server import ROLE, Server, ServerTest, until

EXPRESS = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "End": True}}}


def request(operation, body=b"{}", *headers, version="1.1"):
    """The bytes of an API request."""
    lines = [f"POST / HTTP/{version}", "Host: x", f"X-Amz-Target: AWSStepFunctions.{operation}",
             f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Client:
    """A socket that sends what it is told to, and reads answers."""

    def __init__(self, server, context=None):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 15)
        if context:
            self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def answer(self, head_only=False):
        """(status, headers with lower-case names, body) of the next answer, or None at the end."""
        line = self.file.readline()
        if not line:
            return None
        version, status, _ = line.decode().split(" ", 2)
        assert version == "HTTP/1.1", line
        headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, value = line.decode().rstrip("\r\n").split(": ", 1)
            headers[name.lower()] = value
        bytes_ = 0 if head_only else int(headers.get("content-length", 0))
        return int(status), headers, self.file.read(bytes_)

    def status(self):
        answer = self.answer()
        return answer and answer[0]


class Connections(ServerTest):
    def call(self, operation, body, status=200):
        with Client(self.server) as client:
            answer = client.send(request(operation, json.dumps(body).encode())).answer()
        self.assertEqual(answer[0], status, answer)
        return json.loads(answer[2])

    def exchange(self, data):
        """Statuses of all answers to the bytes, when the client ends its side after them."""
        with Client(self.server) as client:
            client.send(data).end()
            return list(iter(client.status, None))

    # --- requests after one another ---------------------------------------------------------------------------

    def test_requests_sent_ahead_are_answered_in_order(self):
        machine = self.call("CreateStateMachine", {"name": "slow", "roleArn": ROLE, "type": "EXPRESS",
                                                   "definition": json.dumps(EXPRESS)})["stateMachineArn"]
        slow = request("StartSyncExecution", json.dumps({"stateMachineArn": machine, "name": "first"}).encode())
        names = [f"name{i}" for i in range(20)]
        quick = b"".join(request("CreateActivity", json.dumps({"name": name}).encode()) for name in names)
        with Client(self.server) as client:
            client.send(slow + quick)
            self.assertEqual(json.loads(client.answer()[2])["name"], "first")
            for name in names:
                self.assertTrue(json.loads(client.answer()[2])["activityArn"].endswith(":" + name))

    def test_requests_far_ahead(self):
        """More than is read ahead: the client waits, nothing is lost."""
        count = 3000
        with Client(self.server) as client:
            sender = threading.Thread(target=client.send, args=(request("ListActivities", b'{"maxResults": 1}') * count,))
            sender.start()
            statuses = {client.status() for _ in range(count)}
            sender.join()
        self.assertEqual(statuses, {200})

    def test_a_request_in_pieces(self):
        whole = request("ListStateMachines")
        with Client(self.server) as client:
            for byte in whole:
                client.send(bytes([byte]))
            self.assertEqual(client.status(), 200)

    def test_empty_lines_between_requests(self):
        self.assertEqual(self.exchange(b"\r\n\r\n" + request("ListActivities") + b"\r\n" + request("ListActivities")),
                         [200, 200])

    def test_keep_alive(self):
        for version, header, stays in (("1.1", None, True), ("1.1", "Connection: close", False), ("1.0", None, False),
                                       ("1.1", "Connection: x, Close", False), ("1.0", "Connection: keep-alive", True)):
            with Client(self.server) as client:
                whole = request("ListActivities", b"{}", *([header] if header else []), version=version)
                status, headers, _ = client.send(whole).answer()
                self.assertEqual(status, 200)
                self.assertEqual(headers.get("connection"), "close" if not stays else
                                 "keep-alive" if version == "1.0" else None)
                if stays:
                    self.assertEqual(client.send(whole).status(), 200)
                else:
                    self.assertIsNone(client.answer())

    # --- bodies -------------------------------------------------------------------------------------------------

    def chunked(self, chunks, end=b"0\r\n\r\n", extra=b""):
        head = (b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.CreateActivity\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
        return head + b"".join(b"%x%s\r\n%s\r\n" % (len(c), extra, c) for c in chunks) + end

    def test_chunked_bodies(self):
        body = b'{"name": "chunked"}'
        for data in (self.chunked([body]), self.chunked([bytes([b]) for b in body]),
                     self.chunked([body[:5], body[5:]], extra=b";ext=1"),
                     self.chunked([body], b"000\r\nTrailer: x\r\nOther: y\r\n\r\n"),
                     self.chunked([body]).replace(b"\r\n", b"\n")):
            for step in (1, 7, len(data)):
                with Client(self.server) as client:
                    for i in range(0, len(data), step):
                        client.send(data[i:i + step])
                    client.send(request("ListActivities"))
                    status, _, text = client.answer()
                    self.assertEqual((status, json.loads(text)["activityArn"][-8:]), (200, ":chunked"), data)
                    self.assertEqual(client.status(), 200)

    def test_malformed_chunks(self):
        self.assertEqual(self.exchange(self.chunked([b"{}"], b"g\r\n\r\n")), [400])
        self.assertEqual(self.exchange(self.chunked([], b"2\r\n{}}\r\n0\r\n\r\n")), [400])
        self.assertEqual(self.exchange(self.chunked([], b"\r\n{}\r\n0\r\n\r\n")), [400])
        self.assertEqual(self.exchange(self.chunked([], b"2\rx{}\r\n0\r\n\r\n")), [400])
        self.assertEqual(self.exchange(self.chunked([], b"0" * 2000)), [413])
        self.assertEqual(self.exchange(self.chunked([], b"1;" + b"x" * 2000)), [400])
        self.assertEqual(self.exchange(self.chunked([], b"ffffffffffffffff\r\n")), [413])
        self.assertEqual(self.exchange(self.chunked([b"{}"], b"0\r\n" + b"t: " + b"x" * 9000)), [431])

    def test_large_bodies(self):
        limit = 3 * 1024 * 1024
        fits = b'{"name": "' + b"x" * (limit - 12) + b'"}'
        self.assertEqual(len(fits), limit)
        self.assertEqual(self.exchange(request("CreateActivity", fits)), [400])  # a ValidationException
        for data in (request("CreateActivity", fits + b" "), self.chunked([fits, b" "])):
            with Client(self.server) as client:
                sender = threading.Thread(target=client.send, args=(data,))
                sender.start()
                status, headers, body = client.answer()
                self.assertEqual((status, headers["connection"]), (413, "close"))
                self.assertEqual(json.loads(body)["__type"], "RequestEntityTooLargeException")
                sender.join()
                self.assertIsNone(client.answer())

    def test_expect_continue(self):
        body = b'{"name": "expected"}'
        head = request("CreateActivity", b"x" * len(body), "Expect: 100-continue")[:-len(body)]
        with Client(self.server) as client:
            self.assertEqual(client.send(head).answer()[0], 100)
            self.assertIn(b":expected", client.send(body).answer()[2])
            self.assertEqual(client.send(head + body).status(), 200)  # it did not wait: no 100 is needed
        too_large = head.replace(b"Content-Length: 20", b"Content-Length: 3145729")
        self.assertEqual(self.exchange(too_large), [413])
        self.assertEqual(self.exchange(head.replace(b"100-continue", b"a-pony") + body), [417])

    # --- methods and heads --------------------------------------------------------------------------------------

    def test_methods(self):
        def head(method, path):
            return f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        with Client(self.server) as client:
            status, headers, _ = client.send(head("HEAD", "/health")).answer(head_only=True)
            self.assertEqual((status, headers["content-length"]), (200, "3"))
            self.assertEqual(client.send(head("GET", "/health?x=1")).answer()[2], b"ok\n")
            self.assertEqual(client.send(head("GET", "http://localhost/health")).answer()[2], b"ok\n")
            for path in ("/", "*"):
                status, headers, body = client.send(head("OPTIONS", path)).answer()
                self.assertEqual((status, headers["allow"], body), (204, "POST, GET, HEAD, OPTIONS", b""))
            for method in ("PUT", "DELETE", "TRACE", "get", "M-SEARCH"):
                status, headers, _ = client.send(head(method, "/")).answer()
                self.assertEqual((status, headers["allow"]), (405, "POST, GET, HEAD, OPTIONS"))
            self.assertEqual(client.send(head("GET", "/no")).status(), 404)

    def test_malformed_heads(self):
        host = b"Host: x\r\n\r\n"
        for line in (b"GET", b"GET /", b"GET / HTTP/1.1 x", b"GET  HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/x.1",
                     b"GET / http/1.1", b"GET nopath HTTP/1.1", b"G\x01T / HTTP/1.1", b"GET /\x7f HTTP/1.1",
                     b"GET /\0 HTTP/1.1", b"GET * HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            self.assertEqual(self.exchange(line + b"\r\n" + host), [400], line)
        self.assertEqual(self.exchange(b"GET / HTTP/2.0\r\n" + host), [505])
        start = b"POST / HTTP/1.1\r\n"
        for headers in (b"Host : x\r\n", b": x\r\n", b"Host x\r\n", b" folded: x\r\nHost: x\r\n", b"Host: x\r\n folded\r\n",
                        b"Host: x\r\nA: \x01\r\n", b"Host: x\r\nA: b\rc\r\n", b"Host: x\r\nA: \0\r\n",
                        b"Host: x\r\nHost: y\r\n", b"A: b\r\n",
                        b"Host: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n", b"Host: x\r\nContent-Length: -1\r\n",
                        b"Host: x\r\nContent-Length: 2, 2\r\n", b"Host: x\r\nContent-Length: \r\n",
                        b"Host: x\r\nContent-Length: 99999999999999999999\r\n",
                        b"Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"):
            self.assertEqual(self.exchange(start + headers + b"\r\n{}"), [400], headers)
        self.assertEqual(self.exchange(start + b"Host: x\r\nTransfer-Encoding: gzip\r\n\r\n"), [501])
        self.assertEqual(self.exchange(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), [400])

    def test_large_heads(self):
        fits = request("ListActivities", b"{}", "X-Long: " + "x" * 60000)
        self.assertEqual(self.exchange(fits), [200])
        self.assertEqual(self.exchange(fits[:8000]), [])  # cut off: there is nobody to be answered
        self.assertEqual(self.exchange(request("ListActivities", b"{}", *(f"h{i}: x" for i in range(97)))), [200])
        self.assertEqual(self.exchange(request("ListActivities", b"{}", *(f"h{i}: x" for i in range(98)))), [431])
        for data in (b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n", b"x" * 70000,
                     request("ListActivities", b"{}", "X-Long: " + "x" * 70000)):
            self.assertEqual(self.exchange(data), [431])

    # --- clients that leave ------------------------------------------------------------------------------------

    def test_half_closed(self):
        """Who has nothing more to send still gets the answers."""
        machine = self.call("CreateStateMachine", {"name": "half", "roleArn": ROLE, "type": "EXPRESS",
                                                   "definition": json.dumps(EXPRESS)})["stateMachineArn"]
        sync = request("StartSyncExecution", json.dumps({"stateMachineArn": machine}).encode())
        self.assertEqual(self.exchange(sync + request("ListActivities")), [200, 200])
        activity = self.call("CreateActivity", {"name": "half"})["activityArn"]
        poll = request("GetActivityTask", json.dumps({"activityArn": activity}).encode())
        began = time.monotonic()
        self.assertEqual(self.exchange(poll + poll + request("ListActivities")), [200, 200, 200])
        self.assertLess(time.monotonic() - began, 5)

    def test_clients_that_reset(self):
        activity = self.call("CreateActivity", {"name": "reset"})["activityArn"]
        poll = request("GetActivityTask", json.dumps({"activityArn": activity}).encode())
        for data in (b"", b"POST / HT", request("ListActivities")[:-1], poll, poll + poll,
                     request("ListActivities") * 100):
            with Client(self.server) as client:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.send(data)
        until(lambda: "orchestrator_requests_at_work 0" in self.server.get("/metrics"))
        self.assertEqual(self.server.get("/health"), "ok\n")


class Limits(ServerTest):
    """Of connections and of time."""

    options = ("--connections-max", "8", "--idle-timeout", "2", "--request-timeout", "1")

    def test_idle_connections_end(self):
        with Client(self.server) as silent, Client(self.server) as spoke:
            began = time.monotonic()
            self.assertEqual(spoke.send(request("ListActivities")).status(), 200)
            self.assertIsNone(silent.answer())
            self.assertIsNone(spoke.answer())
            self.assertTrue(1.5 < time.monotonic() - began < 6, time.monotonic() - began)

    def test_slow_requests_end(self):
        whole = request("ListActivities", b"{}" + b" " * 1000)
        for start in (whole[:20], whole[:-20], b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"):
            with Client(self.server) as client:
                began = time.monotonic()
                client.send(start)
                for _ in range(3):  # more bytes do not buy more time
                    time.sleep(0.3)
                    client.send(b"1")
                status, headers, body = client.answer()
                self.assertEqual((status, headers["connection"]), (408, "close"))
                self.assertEqual(json.loads(body)["__type"], "RequestTimeoutException")
                self.assertIsNone(client.answer())
                self.assertTrue(0.8 < time.monotonic() - began < 5, time.monotonic() - began)

    def test_slow_readers_end(self):
        with Client(self.server) as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            page = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
            client.socket.settimeout(10)
            with self.assertRaises(OSError):  # nobody reads the answers: the server gives up, and so do we
                while True:
                    client.send(page * 100)
        self.assertEqual(self.server.get("/health"), "ok\n")

    def test_too_many_connections(self):
        clients = [Client(self.server) for _ in range(8)]
        for client in clients[1:]:
            self.assertEqual(client.send(request("ListActivities")).status(), 200)
        with Client(self.server) as one_more:  # the first has been idle longest
            self.assertEqual(one_more.send(request("ListActivities")).status(), 200)
            self.assertIsNone(clients[0].answer())
            self.assertEqual(clients[7].send(request("ListActivities")).status(), 200)
        for client in clients:
            client.__exit__()

    def test_too_many_requests_at_work(self):
        with Client(self.server) as client:
            answer = client.send(request("CreateActivity", b'{"name": "busy"}')).answer()
        poll = request("GetActivityTask", json.dumps({"activityArn": json.loads(answer[2])["activityArn"]}).encode())
        time.sleep(0.1)
        clients = [Client(self.server).send(poll) for _ in range(8)]
        time.sleep(0.2)
        with Client(self.server) as one_more:  # none of the others is idle
            self.assertEqual(one_more.status(), 503)
        for client in clients:
            client.__exit__()
        until(self.nothing_is_at_work)

    def nothing_is_at_work(self):
        try:
            return "orchestrator_requests_at_work 0" in self.server.get("/metrics")
        except urllib.error.HTTPError:  # 503: the server has not seen yet that they left
            return False


class Many(unittest.TestCase):
    """10,000 connections and 1,000 pollers cost little memory and none of the service."""

    CONNECTIONS, POLLERS, RSS_MIB = 10000, 1000, 100

    def memory(self, server, what):
        with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as f:
            return next(int(line.split()[1]) / 1024 for line in f if line.startswith(what))

    def test_idle(self):
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < self.CONNECTIONS + self.POLLERS + 1200:
            self.skipTest(f"a process may open only {hard} files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = Server()
        self.addCleanup(server.close)
        with Client(server) as client:
            answer = client.send(request("CreateActivity", b'{"name": "idle"}')).answer()
        arn = json.loads(answer[2])["activityArn"]
        poll = request("GetActivityTask", json.dumps({"activityArn": arn}).encode())
        sockets = [socket.create_connection(("127.0.0.1", server.port), 15)
                   for _ in range(self.CONNECTIONS + self.POLLERS)]
        for one in sockets:
            self.addCleanup(one.close)
        for one in sockets[:self.POLLERS]:
            one.sendall(poll)
        for one in sockets[self.POLLERS:]:
            one.sendall(request("ListActivities"))
        for one in sockets[self.POLLERS:]:
            self.assertIn(b"200 OK", one.recv(4096))
        until(lambda: f"orchestrator_requests_at_work {self.POLLERS}" in server.get("/metrics"))
        with Client(server) as client:
            began = time.monotonic()
            self.assertEqual(client.send(request("ListActivities")).status(), 200)
            self.assertLess(time.monotonic() - began, 1)
        if self.memory(server, "VmSize") < 1 << 20:  # a sanitizer maps terabytes, and pads what is allocated
            self.assertLess(self.memory(server, "VmRSS"), self.RSS_MIB)


class Tls(unittest.TestCase):
    def test_connections(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                            "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
            server = Server("--tls-cert", certificate, "--tls-key", key, "--request-timeout", "1", scheme="https")
            self.addCleanup(server.close)
            context = ssl.create_default_context(cafile=certificate)
            context.check_hostname = False
            with Client(server, context) as client:
                client.send(request("ListActivities") * 50)
                self.assertEqual({client.status() for _ in range(50)}, {200})
                large = request("CreateActivity", b'{"name": "' + b"x" * 3000000 + b'"}')
                self.assertEqual(client.send(large).status(), 400)
                time.sleep(1.8)  # idle is not slow
                self.assertEqual(client.send(request("ListActivities", b"{}", "Connection: close")).status(), 200)
                self.assertIsNone(client.answer())
            with Client(server) as plain:
                plain.send(request("ListActivities"))
                self.assertNotIn(b"200", plain.file.read())
            with Client(server) as silent:  # a handshake is to come in time
                began = time.monotonic()
                self.assertEqual(silent.file.read(), b"")
                self.assertLess(time.monotonic() - began, 5)
            with Client(server, context) as client:
                self.assertEqual(client.send(request("ListActivities")).status(), 200)


if __name__ == "__main__":
    unittest.main()
