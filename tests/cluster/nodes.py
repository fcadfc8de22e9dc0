"""The nodes of a cluster: processes of `serve` on one store, and requests that go to any of them."""
import http.client
import json
import os
import signal
import subprocess
import threading
import time

import engine

# Answers that say nothing about what became of the request: ask again.
RETRYABLE = (OSError, http.client.HTTPException, ValueError)


class Refused(Exception):
    """The API answered with an error that is the request's own."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Unavailable(Exception):
    """The API answered that it cannot tell now (HTTP 5xx)."""


class Node:
    """One process; started again by supervise() when it ends by itself."""

    def __init__(self, name, folder, store, functions):
        self.name = name
        self.folder = folder
        self.port = engine.free_port()
        self.log = open(f"{folder}/{name}.log", "ab")
        self.command = [engine.PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--store", store,
                        "--functions", functions]
        self.lock = threading.Lock()  # who holds it decides over the process
        self.process = None
        self.wanted = False
        self.crashes = []  # signals that the process died of by itself
        self.refusals = 0  # starts that ended at once, for instance while the database was away
        self.paused_spans = []

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORCHESTRATOR_", "SFN_"))}
        environment.update(NODE=self.name, CALLS=f"{self.folder}/calls", XDG_CONFIG_HOME=self.folder)
        self.log.write(f"--- {time.time():.3f} start\n".encode())
        self.log.flush()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=environment)
        self.wanted = True

    def supervise(self):
        """To be called now and then: what a service manager does."""
        if not self.lock.acquire(blocking=False):
            return
        try:
            code = self.process.poll() if self.wanted else None
            if code is None:
                return
            if code < 0:
                self.crashes.append(-code)
            else:
                self.refusals += 1
            self.start()
        finally:
            self.lock.release()

    def _end(self):
        self.wanted = False
        self.log.write(f"--- {time.time():.3f} end\n".encode())
        self.log.flush()

    def kill(self):
        self._end()
        self.process.kill()
        self.process.wait()

    def stop(self, within_s=30):
        """Ends it as a service manager would; False when it did not end in time or not well."""
        self._end()
        if self.process.poll() is not None:
            return True  # it had ended by itself: supervise() would have started it
        self.process.terminate()
        try:
            code = self.process.wait(within_s)
            # The signal ends it as it is until it has opened its store.
            return code == 0 or code == -signal.SIGTERM and not self.listened()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False

    def listened(self):
        """Whether the process got as far as to say that it listens."""
        return "listening on" in self.log_text().rsplit("--- ", 2)[1]

    def pause(self, seconds):
        if self.process.poll() is not None:
            return
        begun = time.time()
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)
        self.paused_spans.append((begun, time.time()))

    def is_ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/health")
            status = connection.getresponse().status
            connection.close()
            return status == 200
        except RETRYABLE:
            return False

    def log_text(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()


class Client:
    """Requests to nodes drawn at random, over a kept connection to each. For one thread."""

    def __init__(self, nodes, random):
        self.nodes = nodes
        self.random = random
        self.connections = {}
        self.unknown = 0  # tries of the last persist() whose outcome nobody knows

    def once(self, operation, node=None, timeout=8, **members):
        node = node or self.random.choice(self.nodes)
        connection = self.connections.get(node)
        if connection is None:
            connection = self.connections[node] = http.client.HTTPConnection("127.0.0.1", node.port)
        connection.timeout = timeout
        if connection.sock:
            connection.sock.settimeout(timeout)
        try:
            connection.request("POST", "/", json.dumps(members).encode(), {
                "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions." + operation})
            answer = connection.getresponse()
            body = json.loads(answer.read() or b"{}")
        except RETRYABLE:
            connection.close()
            del self.connections[node]
            raise
        if answer.status >= 500:
            raise Unavailable(f"{body.get('__type')}: {body.get('message')}")
        if answer.status != 200:
            raise Refused(body.get("__type", "").split("#")[-1], body.get("message", ""))
        return body

    def persist(self, operation, give_up_s=90, timeout=8, **members):
        """Asks node after node until one answers. None when there is no answer until then: nobody knows."""
        end = time.monotonic() + give_up_s
        self.unknown = 0
        while time.monotonic() < end:
            try:
                return self.once(operation, timeout=timeout, **members)
            except RETRYABLE:
                self.unknown += 1
                time.sleep(0.02)
            except Unavailable:
                self.unknown += 1
                time.sleep(0.1)
        return None
