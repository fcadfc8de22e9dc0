"""The API as JavaScript's SDK uses it: every operation, with its host prefix for synchronous executions."""
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


class JavaScript(unittest.TestCase):
    def setUp(self):
        if not shutil.which("npm") or not shutil.which("node"):
            self.skipTest("npm is not installed")
        package = os.path.join(FOLDER, "node_modules", "@aws-sdk", "client-sfn")
        if not os.path.isdir(package):
            os.makedirs(FOLDER, exist_ok=True)
            result = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", FOLDER, sdk()],
                                    capture_output=True, text=True, timeout=240, check=False)
            if result.returncode != 0:
                self.skipTest("npm could not fetch the SDK")
        self.server = Server()
        self.addCleanup(self.server.close)

    def test_every_operation(self):
        shutil.copy(PROGRAM, FOLDER)
        result = subprocess.run(["node", os.path.join(FOLDER, "js_sdk.mjs"), self.server.url], capture_output=True,
                                text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout), service_operations())
        page = self.server.get("/metrics")
        for operation in service_operations():
            self.assertIn(f'states_api_calls_total{{operation="{operation}",error=""}}', page)


if __name__ == "__main__":
    unittest.main()
