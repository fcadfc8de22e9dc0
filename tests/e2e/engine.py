"""What the end-to-end tests share: a server of their own, calls to its API, and checks that add up."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.abspath(os.environ.get("top_srcdir", "."))
BUILD = os.path.abspath(os.environ.get("top_builddir", "build"))
PROGRAM = os.path.join(BUILD, "orchestrator")
ROLE = "arn:aws:iam::123456789012:role/test"


ON_POSTGRES = os.environ.get("TEST_STORE", "sqlite") != "sqlite"


def new_store(path):
    """The URL of a store that nobody else uses: the file, or a new database where TEST_STORE says so."""
    return subprocess.run([f"{SOURCE}/tests/new_store", path], check=True, capture_output=True, text=True).stdout.strip()


class Refused(Exception):
    """The API answered with an error."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Checks:
    """Counts what was checked and says what does not hold; each saying is one case."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def that(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}", flush=True)
        return holds

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    """One kept connection; a failed call closes it. Not for several threads."""

    def __init__(self, port, timeout=20):
        self.port = port
        self.timeout = timeout
        self.connection = None

    def call(self, operation, **members):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.connection.request("POST", "/", json.dumps(members).encode(), {
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "AWSStepFunctions." + operation,
            })
            answer = self.connection.getresponse()
            body = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            self.connection.close()
            self.connection = None
            raise
        if answer.status != 200:
            raise Refused(body.get("__type", "").split("#")[-1], body.get("message", ""))
        return body

    def persist(self, operation, give_up_s=60, **members):
        """Calls until there is an answer, whatever happens to the server meanwhile."""
        end = time.time() + give_up_s
        while True:
            try:
                return self.call(operation, **members)
            except Refused as refusal:
                if refusal.kind != "ServiceUnavailable" or time.time() > end:
                    raise
                time.sleep(0.1)
            except (OSError, http.client.HTTPException, ValueError):
                if time.time() > end:
                    raise
                time.sleep(0.02)

    def pages(self, operation, member, **members):
        token = {}
        while True:
            page = self.persist(operation, **members, **token)
            yield from page[member]
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}


class Server:
    """`serve` on a store and a functions folder in a temporary folder; `folder` is removed at the end."""

    def __init__(self, *options):
        self.temporary = tempfile.TemporaryDirectory(prefix="orchestrator-test-")
        self.folder = self.temporary.name
        self.store = new_store(f"{self.folder}/store.db")
        self.functions = f"{self.folder}/functions"
        os.mkdir(self.functions)
        self.port = free_port()
        self.options = options
        self.process = None
        self.log = open(f"{self.folder}/serve.log", "ab")

    def handler(self, name, text):
        path = f"{self.functions}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ORCHESTRATOR_")}
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--store", self.store, "--functions",
             self.functions, *self.options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**environment, "E2E_DIR": self.folder})

    def ready(self, within_s=20):
        end = time.time() + within_s
        while time.time() < end:
            if self.process.poll() is not None:
                return False
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
                connection.request("GET", "/health")
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.01)
        return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, within_s=30):
        """Ends it as a person would; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def client(self, timeout=20):
        return Client(self.port, timeout)

    def log_text(self):
        self.log.flush()
        with open(f"{self.folder}/serve.log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.log.close()
        self.temporary.cleanup()


def history_faults(events):
    """What is wrong with a history in itself: ids, previousEventId, beginning and end."""
    faults = []
    ids = [event["id"] for event in events]
    if ids != list(range(1, len(ids) + 1)):
        faults.append(f"ids are not dense: {ids}")
    for event in events:
        if not 0 <= event["previousEventId"] < event["id"]:
            faults.append(f"event {event['id']} follows {event['previousEventId']}")
    endings = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
    types = [event["type"] for event in events]
    if types.count("ExecutionStarted") != 1 or types[:1] != ["ExecutionStarted"]:
        faults.append("it does not start once")
    if sum(kind in endings for kind in types) != 1 or types[-1] not in endings:
        faults.append("it does not end once")
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        faults.append("time goes backwards")
    return faults
