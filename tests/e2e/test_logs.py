"""What loggingConfiguration asks for: a file a log group with the records that CloudWatch Logs would get."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from server import PROGRAM, ROLE, Server, until
from test_http import post

FAILS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Bad"},
                                    "Bad": {"Type": "Fail", "Error": "E", "Cause": "C"}}}
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"ok": 1}, "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
MAP = {"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "each", "End": True, "ItemProcessor": {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PASS}}}}


def logging(level, data=True, group="/aws/vendedlogs/states/test"):
    return {"level": level, "includeExecutionData": data, "destinations": [{"cloudWatchLogsLogGroup": {
        "logGroupArn": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"}}]}


class Logs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="orchestrator-logs-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = Server("--logs", self.folder)
        self.addCleanup(self.server.close)

    def call(self, operation, **members):
        # after a kill a shard may be somebody's for a moment yet: that is retryable, and SDKs try again as well
        def ask():
            told = post(self.server, operation, json.dumps(members))
            return told if told[0] != 503 else None
        status, answer, _ = until(ask, 20)
        self.assertEqual(status, 200, answer)
        return answer

    def machine(self, name, definition, configuration, **more):
        return self.call("CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE,
                         loggingConfiguration=configuration, **more)["stateMachineArn"]

    def ended(self, machine, **more):
        arn = self.call("StartExecution", stateMachineArn=machine, **more)["executionArn"]
        until(lambda: self.call("DescribeExecution", executionArn=arn)["status"] != "RUNNING")
        return arn

    def records(self, arn, name="+aws+vendedlogs+states+test.jsonl"):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file if line.endswith("\n")]
        return [record for record in records if record["execution_arn"] == arn]

    def types(self, arn, **more):
        return [record["type"] for record in self.records(arn, **more)]

    def test_records_are_those_of_cloudwatch(self):
        arn = self.ended(self.machine("all", PASS, logging("ALL")), input='{"a":1}')
        until(lambda: len(self.records(arn)) == 4)
        history = self.call("GetExecutionHistory", executionArn=arn)["events"]
        for record, event in zip(self.records(arn), history):
            details = [value for key, value in event.items() if key.endswith("EventDetails")][0]
            self.assertEqual(record, {
                "id": str(event["id"]), "type": event["type"], "details": details,
                "previous_event_id": str(event["previousEventId"]),
                "event_timestamp": str(round(event["timestamp"] * 1000)), "execution_arn": arn, "redrive_count": "0"})

    def test_levels(self):
        expected = {
            "ALL": ["ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"],
            "ERROR": ["FailStateEntered", "ExecutionFailed"], "FATAL": ["ExecutionFailed"]}
        for level, types in expected.items():
            arn = self.ended(self.machine(f"level-{level}", FAILS, logging(level)))
            until(lambda: self.types(arn) == types)
        silent = [self.ended(self.machine(f"silent-{level}", definition, logging(level))) for level, definition in (
            ("OFF", FAILS), ("ERROR", PASS), ("FATAL", PASS))]
        self.server.stop()
        for arn in silent:
            self.assertEqual(self.types(arn), [])

    def test_without_execution_data(self):
        arn = self.ended(self.machine("bare", PASS, logging("ALL", data=False)), input='{"secret":1}')
        until(lambda: len(self.records(arn)) == 4)
        self.assertEqual([record["details"] for record in self.records(arn)],
                         [{"roleArn": ROLE}, {"name": "A"}, {"name": "A"}, {}])

    def test_express_children_and_redrive(self):
        express = self.machine("express", PASS, logging("ALL", group="other/group#1"), type="EXPRESS")
        arn = self.call("StartSyncExecution", stateMachineArn=express)["executionArn"]
        until(lambda: len(self.types(arn, name="other+group%231.jsonl")) == 4)
        arn = self.ended(self.machine("map", MAP, logging("ALL")), input="[1,2]")
        run = self.call("ListMapRuns", executionArn=arn)["mapRuns"][0]["mapRunArn"]
        children = self.call("ListExecutions", mapRunArn=run)["executions"]
        self.assertEqual(len(children), 2)
        for child in children:
            until(lambda: len(self.types(child["executionArn"])) == 4)
        arn = self.ended(self.machine("again", FAILS, logging("ERROR")))
        self.call("RedriveExecution", executionArn=arn)
        until(lambda: [record["redrive_count"] for record in self.records(arn)][-1:] == ["1"])

    def test_a_restart_goes_on(self):
        machine = self.machine("waits", WAIT, logging("ALL"))
        arn = self.call("StartExecution", stateMachineArn=machine)["executionArn"]
        until(lambda: len(self.records(arn)) == 2)
        self.server.stop(signal.SIGKILL)
        self.server.start()
        self.call("StopExecution", executionArn=arn)
        until(lambda: self.types(arn)[-1] == "ExecutionAborted")
        self.assertEqual([record["id"] for record in self.records(arn)], ["1", "2", "3"])

    def test_standard_output(self):
        def run(*words):
            result = subprocess.run([PROGRAM, *words, "--store", f"sqlite:{self.folder}/own.db"], capture_output=True,
                                    text=True, timeout=60, check=True)
            return result.stdout.splitlines()
        run("call", "CreateStateMachine", "--input", json.dumps({
            "name": "here", "definition": json.dumps(PASS), "roleArn": ROLE, "loggingConfiguration": logging("ALL")}))
        lines = [json.loads(line) for line in run("run", "here", "--quiet", "--logs", "-")]
        self.assertIn({"ok": 1}, lines)
        self.assertEqual([line["type"] for line in lines if "type" in line],
                         ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"])

    def test_a_folder_that_cannot_be(self):
        result = subprocess.run([PROGRAM, "serve", "--listen", "127.0.0.1:0", "--logs", "/dev/null", "--store",
                                 f"sqlite:{self.folder}/own.db"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 6)
        self.assertIn("/dev/null: the logs need a folder that can be written to", result.stderr)

    def test_a_full_disk_stops_nothing(self):
        os.symlink("/dev/full", os.path.join(self.folder, "full.jsonl"))
        machine = self.machine("full", PASS, logging("ALL", group="full"))
        for _ in range(3):
            arn = self.ended(machine)
        self.assertEqual(self.call("DescribeExecution", executionArn=arn)["status"], "SUCCEEDED")
        def warned():
            with open(self.server.log.name, encoding="utf-8") as file:
                return "lines of the log group full are lost: No space left on device" in file.read()
        until(warned)

    def test_a_large_file_makes_way(self):
        path = os.path.join(self.folder, "large.jsonl")
        with open(path, "wb") as file:
            file.truncate(64 << 20)
        machine = self.machine("large", PASS, logging("ALL", group="large"))
        self.ended(machine)
        until(lambda: os.path.exists(path + ".1"))
        arn = self.ended(machine)
        until(lambda: len(self.records(arn, name="large.jsonl")) == 4)


if __name__ == "__main__":
    unittest.main()
