"""The API as JavaScript's SDK uses it, with its host prefix for synchronous executions."""
import json
import os
import shutil
import subprocess
import unittest

from server import Server

FOLDER = os.path.join(os.environ.get("top_builddir", "build"), "js-sdk")
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js_sdk.mjs")


class JavaScript(unittest.TestCase):
    def setUp(self):
        if not shutil.which("npm"):
            self.skipTest("npm is not installed")
        package = os.path.join(FOLDER, "node_modules", "@aws-sdk", "client-sfn")
        if not os.path.isdir(package):
            os.makedirs(FOLDER, exist_ok=True)
            result = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", FOLDER,
                                     "@aws-sdk/client-sfn@3"], capture_output=True, text=True, timeout=240, check=False)
            if result.returncode != 0:
                self.skipTest("npm could not fetch the SDK")
        self.server = Server()
        self.addCleanup(self.server.close)

    def test_all(self):
        shutil.copy(PROGRAM, FOLDER)
        result = subprocess.run(["node", os.path.join(FOLDER, "js_sdk.mjs"), self.server.url], capture_output=True,
                                text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout), {
            "status": "SUCCEEDED", "events": 4, "sync": {"n": 1}, "error": "StateMachineDoesNotExist",
            "tested": "SUCCEEDED"})


if __name__ == "__main__":
    unittest.main()
