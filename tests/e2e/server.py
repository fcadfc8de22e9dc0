"""A server of our own for the tests: `orchestrator serve` on a free port with a new store."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

from engine import new_store

PROGRAM = os.path.join(os.environ.get("top_builddir", "build"), "orchestrator")
REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/test"


class Server:
    """Starts it; `arguments` are further options, `config` the text of a configuration file."""

    def __init__(self, *arguments, config=None, scheme="http", environment=None):
        self.folder = tempfile.mkdtemp(prefix="orchestrator-e2e-")
        self.store = new_store(os.path.join(self.folder, "store.db"))
        self.arguments, self.scheme, self.environment = list(arguments), scheme, environment or {}
        if config is not None:
            path = os.path.join(self.folder, "config.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(config)
            self.arguments += ["--config", path]
        self.process = None
        self.start()

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORCHESTRATOR_", "SFN_"))}
        environment.update(self.environment, XDG_CONFIG_HOME=self.folder)
        self.log = open(os.path.join(self.folder, "log"), "ab")
        offset = self.log.tell()
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--store", self.store, *self.arguments],
            stderr=self.log, stdin=subprocess.DEVNULL, env=environment)
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            with open(self.log.name, encoding="utf-8", errors="replace") as f:
                f.seek(offset)
                for line in f:
                    place = re.search(r"\blistening on \w+://.*:(\d+)", line)
                    if place:
                        self.port = int(place.group(1))
                        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
                        return
            time.sleep(0.02)
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            raise RuntimeError("the server did not start:\n" + f.read())

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns its exit code; the store stays."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.log.close()
        return code

    def close(self):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def get(self, path):
        with contextlib.closing(urllib.request.urlopen(self.url + path, timeout=10)) as answer:
            return answer.read().decode()


class ServerTest(unittest.TestCase):
    """Tests that share a server: `self.server`; `options` are those of `serve`, `config` its configuration."""

    options = ()
    config = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options, config=cls.config)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()


def until(condition, seconds=10):
    """Waits until the condition gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("it took too long")
        time.sleep(0.02)


def service_operations():
    """The names of all operations, from the table that the server is made of."""
    path = os.path.join(os.environ.get("top_srcdir", "."), "runtime/service/operations.def")
    with open(path, encoding="utf-8") as file:
        return sorted(re.findall(r'^OPERATION\("(\w+)"', file.read(), re.MULTILINE))
