"""/metrics: the counts and times that CloudWatch would have, in a form that Prometheus reads; and the log's lines."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from server import PROGRAM, ROLE, Server, until
from test_http import post

HANDLER = "#!/bin/sh\nread -r line\ncase $line in *bad*) echo oh no >&2; exit 1;; *slow*) sleep 30;; esac\necho \"$line\"\n"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"


def single(state):
    return json.dumps({"StartAt": "A", "States": {"A": {"End": True, **state}}})


def parse(page):
    """{(name, labels as text): value}; fails where the page is not Prometheus' text format."""
    values, kinds, family = {}, {}, None
    for line in page.splitlines():
        described = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
        if described:
            family = described.group(2)
            if described.group(1) == "TYPE":
                assert family not in kinds, f"{family} is in two places"
                kinds[family] = described.group(3)
            continue
        sample = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})? (\S+)', line)
        assert sample and sample.group(1).startswith(family), line
        values[sample.group(1), sample.group(2) or ""] = float(sample.group(3))
    for family in [name for name, kind in kinds.items() if kind == "histogram"]:
        for (name, labels), count in list(values.items()):
            if name != family + "_count":
                continue
            inner = labels[1:-1] + "," if labels else ""
            buckets = [value for (bucket, own), value in values.items()
                       if bucket == family + "_bucket" and own.startswith("{" + inner + "le=")]
            assert buckets == sorted(buckets) and buckets[-1] == count, f"{name}{labels}: {buckets}"
    return values


class Metrics(unittest.TestCase):
    OPTIONS = ()

    def setUp(self):
        self.functions = tempfile.mkdtemp(prefix="orchestrator-functions-")
        self.addCleanup(shutil.rmtree, self.functions)
        handler = os.path.join(self.functions, "work")
        with open(handler, "w", encoding="utf-8") as file:
            file.write(HANDLER)
        os.chmod(handler, 0o755)
        self.server = Server("--functions", self.functions, *self.OPTIONS)
        self.addCleanup(self.server.close)

    def call(self, operation, **members):
        status, answer, _ = post(self.server, operation, json.dumps(members))
        self.assertEqual(status, 200, answer)
        return answer

    def machine(self, name, definition, **more):
        return self.call("CreateStateMachine", name=name, definition=definition, roleArn=ROLE, **more)["stateMachineArn"]

    def ended(self, machine, **more):
        arn = self.call("StartExecution", stateMachineArn=machine, **more)["executionArn"]
        until(lambda: self.call("DescribeExecution", executionArn=arn)["status"] != "RUNNING")
        return arn

    def value(self, name, labels=""):
        return parse(self.server.get("/metrics")).get((name, labels), 0)

    def test_executions(self):
        good = self.machine("good", single({"Type": "Pass"}))
        for _ in range(3):
            self.ended(good)
        self.ended(self.machine("bad", json.dumps({"StartAt": "A", "States": {"A": {"Type": "Fail"}}})))
        late = self.machine("late", json.dumps({"TimeoutSeconds": 1, **json.loads(single(
            {"Type": "Wait", "Seconds": 60}))}))
        waits = self.machine("waits", single({"Type": "Wait", "Seconds": 600}))
        stopped, other = (self.call("StartExecution", stateMachineArn=waits)["executionArn"] for _ in range(2))
        self.call("StopExecution", executionArn=stopped)
        express = self.machine("express", single({"Type": "Pass"}), type="EXPRESS")
        self.call("StartSyncExecution", stateMachineArn=express)
        self.ended(late)
        expected = {"started": {"good": 3, "bad": 1, "late": 1, "waits": 2, "express": 1},
                    "succeeded": {"good": 3, "express": 1}, "failed": {"bad": 1}, "aborted": {"waits": 1},
                    "timed_out": {"late": 1}}
        values = parse(self.server.get("/metrics"))
        for what, machines in expected.items():
            for machine in expected["started"]:
                self.assertEqual(values[f"states_executions_{what}_total", f'{{state_machine="{machine}"}}'],
                                 machines.get(machine, 0), (what, machine))
        self.assertEqual(values["states_execution_time_seconds_count", '{state_machine="good"}'], 3)
        self.assertGreaterEqual(values["states_execution_time_seconds_sum", '{state_machine="late"}'], 1)
        self.assertEqual(values["orchestrator_executions_open", ""], 1)
        self.call("StopExecution", executionArn=other)
        self.assertEqual(self.value("orchestrator_executions_open"), 0)
        self.call("RedriveExecution", executionArn=other)
        self.assertEqual(self.value("orchestrator_executions_open"), 1)
        self.assertGreater(self.value("orchestrator_commit_seconds_count"), 5)
        self.assertGreater(self.value("orchestrator_commit_executions_sum"), 5)

    def test_functions(self):
        machine = self.machine("works", single({"Type": "Task", "Resource": FUNCTION, "TimeoutSeconds": 1}))
        express = self.machine("works-express", single({"Type": "Task", "Resource": FUNCTION}), type="EXPRESS")
        for text in ('"fine"', '"bad"', '"slow"'):
            self.ended(machine, input=text)
        self.call("StartSyncExecution", stateMachineArn=express, input='"fine"')
        for what, count in (("scheduled", 4), ("started", 4), ("succeeded", 2), ("failed", 1), ("timed_out", 1),
                            ("heartbeat_timed_out", 0)):
            self.assertEqual(self.value(f"states_lambda_functions_{what}_total"), count, what)
        for what in ("run_time", "schedule_time", "time"):
            self.assertEqual(self.value(f"states_lambda_function_{what}_seconds_count"), 4, what)
        self.assertGreaterEqual(self.value("states_lambda_function_run_time_seconds_sum"), 0.9)

    def test_activities(self):
        activity = self.call("CreateActivity", name="work")["activityArn"]
        machine = self.machine("worked", single({"Type": "Task", "Resource": activity, "HeartbeatSeconds": 1,
                                                 "TimeoutSeconds": 9}))
        alone = self.machine("alone", single({"Type": "Task", "Resource": activity, "TimeoutSeconds": 1}))
        def work(operation=None, **members):
            arn = self.call("StartExecution", stateMachineArn=machine)["executionArn"]
            token = self.call("GetActivityTask", activityArn=activity)["taskToken"]
            if operation:
                self.call(operation, taskToken=token, **members)
            until(lambda: self.call("DescribeExecution", executionArn=arn)["status"] != "RUNNING")
        work("SendTaskSuccess", output="1")
        work("SendTaskFailure", error="E")
        work() # its heartbeat does not come
        self.ended(alone) # nobody takes it
        for what, count in (("scheduled", 4), ("started", 3), ("succeeded", 1), ("failed", 1), ("timed_out", 1),
                            ("heartbeat_timed_out", 1)):
            self.assertEqual(self.value(f"states_activities_{what}_total"), count, what)
        self.assertEqual(self.value("states_activity_schedule_time_seconds_count"), 3)
        self.assertEqual(self.value("states_activity_run_time_seconds_count"), 3)
        self.assertEqual(self.value("states_activity_time_seconds_count"), 4)
        self.assertGreaterEqual(self.value("states_activity_time_seconds_sum"), 2)


class Log(Metrics):
    """The log as JSON; what is counted stays the same."""
    OPTIONS = ("--log-format", "json", "--log-level", "info")
    test_executions = test_activities = None

    def test_lines(self):
        self.ended(self.machine("logs", single({"Type": "Task", "Resource": FUNCTION})), input='"bad"')
        self.server.stop()
        with open(os.path.join(self.server.folder, "log"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertTrue(all({"at", "level", "message"} <= set(line) for line in lines), lines)
        self.assertIn(("info", "stopping"), [(line["level"], line["message"]) for line in lines])
        self.assertTrue(lines[0]["message"].startswith("listening on http://"), lines)
        self.assertIn(("work", "oh no"), [(line.get("function"), line["message"]) for line in lines])

    def test_levels(self):
        def log_of(*options):
            with tempfile.TemporaryDirectory() as folder:
                process = subprocess.Popen([PROGRAM, "serve", "--listen", "127.0.0.1:0", "--store",
                                            f"sqlite:{folder}/s.db", *options], stderr=subprocess.PIPE, text=True)
                process.stderr.readline()
                process.terminate()
                return process.communicate(timeout=30)[1]
        self.assertIn("info: stopping\n", log_of())
        self.assertNotIn("stopping", log_of("--log-level", "warning"))
        result = subprocess.run([PROGRAM, "serve", "--log-level", "loud"], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--log-level: expected debug, info, warning or error", result.stderr)
        result = subprocess.run([PROGRAM, "serve", "--log-format", "xml"], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    unittest.main()
