"""The API as the AWS CLI uses it."""
import json
import os
import subprocess
import unittest

from server import REGION, ROLE, Server, until

PASS = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'


class AwsCli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def aws(self, *arguments, fails=False):
        environment = dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_PAGER="",
                           AWS_DEFAULT_REGION=REGION)
        result = subprocess.run(["aws", "--endpoint-url", self.server.url, "stepfunctions", *arguments],
                                capture_output=True, text=True, env=environment, timeout=60, check=False)
        self.assertEqual(result.returncode != 0, fails, result.stderr)
        return result.stderr if fails else json.loads(result.stdout or "{}")

    def test_a_machine_and_its_execution(self):
        machine = self.aws("create-state-machine", "--name", "cli", "--role-arn", ROLE, "--definition",
                           PASS)["stateMachineArn"]
        execution = self.aws("start-execution", "--state-machine-arn", machine, "--input", '{"a": 1}')["executionArn"]
        until(lambda: self.aws("describe-execution", "--execution-arn", execution)["status"] == "SUCCEEDED")
        events = self.aws("get-execution-history", "--execution-arn", execution, "--page-size", "1")["events"]
        self.assertEqual([e["type"] for e in events],
                         ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"])
        error = self.aws("describe-state-machine", "--state-machine-arn", machine + "x", fails=True)
        self.assertIn("(StateMachineDoesNotExist)", error)


if __name__ == "__main__":
    unittest.main()
