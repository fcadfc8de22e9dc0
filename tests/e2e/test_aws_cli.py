"""The API as the AWS CLI uses it."""
import json
import os
import subprocess
import threading
import unittest

from server import REGION, ROLE, ServerTest, until

PASS = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'


class AwsCli(ServerTest):
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
        listed = self.aws("list-executions", "--state-machine-arn", machine, "--status-filter", "SUCCEEDED")
        self.assertEqual([e["executionArn"] for e in listed["executions"]], [execution])
        self.aws("update-state-machine", "--state-machine-arn", machine, "--definition", PASS.replace("true", "true, \"Comment\": \"new\""))
        self.aws("tag-resource", "--resource-arn", machine, "--tags", "key=a,value=1")
        self.assertEqual(self.aws("list-tags-for-resource", "--resource-arn", machine)["tags"],
                         [{"key": "a", "value": "1"}])
        self.aws("delete-state-machine", "--state-machine-arn", machine)

    def test_a_worker_and_what_is_stopped(self):
        activity = self.aws("create-activity", "--name", "cli-work")["activityArn"]
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": activity, "End": True}}})
        machine = self.aws("create-state-machine", "--name", "cli-worked", "--role-arn", ROLE, "--definition",
                           definition)["stateMachineArn"]
        polled = {}
        worker = threading.Thread(target=lambda: polled.update(
            self.aws("get-activity-task", "--activity-arn", activity, "--worker-name", "cli")))
        worker.start()
        execution = self.aws("start-execution", "--state-machine-arn", machine, "--input", '{"n": 1}')["executionArn"]
        worker.join(30)
        self.assertEqual(json.loads(polled["input"]), {"n": 1})
        self.aws("send-task-heartbeat", "--task-token", polled["taskToken"])
        self.aws("send-task-success", "--task-token", polled["taskToken"], "--task-output", '{"done": true}')
        until(lambda: self.aws("describe-execution", "--execution-arn", execution)["status"] == "SUCCEEDED")
        self.assertIn("(TaskTimedOut)", self.aws("send-task-failure", "--task-token", polled["taskToken"], fails=True))
        execution = self.aws("start-execution", "--state-machine-arn", machine, "--name", "stopped")["executionArn"]
        self.aws("stop-execution", "--execution-arn", execution, "--error", "Enough")
        self.assertEqual(self.aws("describe-execution", "--execution-arn", execution)["error"], "Enough")
        events = self.aws("get-execution-history", "--execution-arn", execution, "--reverse-order")["events"]
        self.assertEqual(events[0]["type"], "ExecutionAborted")


if __name__ == "__main__":
    unittest.main()
