"""The API as JavaScript's SDK uses it: every operation, with its host prefix for synchronous executions."""
import fcntl
import json
import os
import re
import shutil
import subprocess
import unittest

from server import Server, service_operations

FOLDER = os.path.join(os.environ.get("top_builddir", "build"), "js-sdk")
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js_sdk.mjs")


def sdk():
    """The newest that runs on this Node.js: Debian 12's is 18."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return "@aws-sdk/client-sfn@" + ("3" if int(re.match(r"v(\d+)", version).group(1)) >= 20 else "3.879.0")


def installed():
    """Fetches the SDK once, while the same test on another store waits for it."""
    package = os.path.join(FOLDER, "node_modules", "@aws-sdk", "client-sfn")
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(package):
            return True
        return subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", FOLDER, sdk()],
                              capture_output=True, timeout=240, check=False).returncode == 0


class JavaScript(unittest.TestCase):
    def setUp(self):
        if not shutil.which("npm") or not shutil.which("node"):
            self.skipTest("npm is not installed")
        if not installed():
            self.skipTest("npm could not fetch the SDK")
        self.server = Server()
        self.addCleanup(self.server.close)

    def test_every_operation(self):
        program = os.path.join(FOLDER, f"js_sdk.{os.getpid()}.mjs")  # modules are looked for beside it
        shutil.copy(PROGRAM, program)
        self.addCleanup(os.remove, program)
        result = subprocess.run(["node", program, self.server.url], capture_output=True, text=True, timeout=120,
                                check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout), service_operations())
        page = self.server.get("/metrics")
        for operation in service_operations():
            self.assertIn(f'states_api_calls_total{{operation="{operation}",error=""}}', page)


if __name__ == "__main__":
    unittest.main()
