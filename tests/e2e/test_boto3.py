"""The API as Python's SDK uses it."""
import json
import signal
import socket
import threading
import unittest
from unittest import mock

import boto3
from botocore.config import Config
from server import REGION, ROLE, Server, until

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"ok": True}, "End": True}}}
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 600, "End": True}}}
CALLBACK = {"StartAt": "Ask", "States": {"Ask": {
    "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {"QueueUrl": "https://example.com/queue", "MessageBody": {"token.$": "$$.Task.Token"}},
    "End": True}}}


CALLED = set()  # operations, by any test of this file


def client_of(server, inject_host_prefix=False, **settings):
    client = boto3.client("stepfunctions", endpoint_url=server.url, region_name=REGION, aws_access_key_id="test",
                          aws_secret_access_key="test-secret-test-secret",
                          config=Config(inject_host_prefix=inject_host_prefix, retries={"max_attempts": 0}, **settings))
    client.meta.events.register("before-call.sfn", lambda model, **_: CALLED.add(model.name))
    return client


class Boto3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.client = client_of(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        missing = set(cls.client.meta.service_model.operation_names) - CALLED
        assert not missing, f"no test calls {sorted(missing)}"

    def machine(self, name, definition, **more):
        return self.client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE,
                                                **more)["stateMachineArn"]

    def ended(self, execution):
        def look():
            answer = self.client.describe_execution(executionArn=execution)
            return answer if answer["status"] != "RUNNING" else None
        return until(look)

    def token_of(self, execution):
        def look():
            for event in self.client.get_execution_history(executionArn=execution)["events"]:
                if event["type"] == "TaskSubmitted":
                    scheduled = self.client.get_execution_history(executionArn=execution)["events"][2]
                    parameters = json.loads(scheduled["taskScheduledEventDetails"]["parameters"])
                    return parameters["MessageBody"]["token"]
            return None
        return until(look)

    def test_create_start_describe_and_history(self):
        machine = self.machine("plain", PASS)
        execution = self.client.start_execution(stateMachineArn=machine, name="first", input='{"a": 1}')
        answer = self.ended(execution["executionArn"])
        self.assertEqual(answer["status"], "SUCCEEDED")
        self.assertEqual(json.loads(answer["output"]), {"ok": True})
        self.assertEqual(json.loads(answer["input"]), {"a": 1})
        self.assertEqual(answer["startDate"], execution["startDate"])
        pages = self.client.get_paginator("get_execution_history").paginate(
            executionArn=execution["executionArn"], PaginationConfig={"PageSize": 2})
        events = [e for page in pages for e in page["events"]]
        self.assertEqual([e["id"] for e in events], [1, 2, 3, 4])
        self.assertEqual(events[-1]["type"], "ExecutionSucceeded")
        backwards = self.client.get_execution_history(executionArn=execution["executionArn"], reverseOrder=True)
        self.assertEqual([e["id"] for e in backwards["events"]], [4, 3, 2, 1])

    def test_lists_are_paginated(self):
        machine = self.machine("many", PASS)
        started = [self.client.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(7)]
        pages = self.client.get_paginator("list_executions").paginate(
            stateMachineArn=machine, PaginationConfig={"PageSize": 3})
        listed = [e["executionArn"] for page in pages for e in page["executions"]]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(set(listed), set(started))

    def test_errors_are_typed(self):
        missing = "arn:aws:states:us-east-1:123456789012:stateMachine:missing"
        with self.assertRaises(self.client.exceptions.StateMachineDoesNotExist):
            self.client.describe_state_machine(stateMachineArn=missing)
        with self.assertRaises(self.client.exceptions.InvalidArn):
            self.client.describe_execution(executionArn="nonsense")
        with self.assertRaises(self.client.exceptions.InvalidDefinition) as caught:
            self.machine("broken", {"StartAt": "A", "States": {}})
        self.assertIn("Invalid State Machine Definition", str(caught.exception))
        with self.assertRaises(self.client.exceptions.InvalidToken):
            self.client.send_task_success(taskToken="nonsense", output="{}")

    def test_names_are_taken_once(self):
        machine = self.machine("once", WAIT)
        first = self.client.start_execution(stateMachineArn=machine, name="n", input='{"a": 1}')
        again = self.client.start_execution(stateMachineArn=machine, name="n", input='{ "a":1 }')
        self.assertEqual(first["startDate"], again["startDate"])
        with self.assertRaises(self.client.exceptions.ExecutionAlreadyExists):
            self.client.start_execution(stateMachineArn=machine, name="n", input='{"a": 2}')
        self.client.stop_execution(executionArn=first["executionArn"], error="Enough", cause="for now")
        self.assertEqual(self.ended(first["executionArn"])["error"], "Enough")

    def test_callback(self):
        machine = self.machine("callback", CALLBACK)
        execution = self.client.start_execution(stateMachineArn=machine)["executionArn"]
        token = self.token_of(execution)
        self.client.send_task_heartbeat(taskToken=token)
        self.client.send_task_success(taskToken=token, output='{"answer": 42}')
        self.assertEqual(json.loads(self.ended(execution)["output"]), {"answer": 42})
        with self.assertRaises(self.client.exceptions.TaskTimedOut):
            self.client.send_task_success(taskToken=token, output="{}")

    def test_activity_worker(self):
        activity = self.client.create_activity(name="work")["activityArn"]
        machine = self.machine("worked", {"StartAt": "A", "States": {"A": {
            "Type": "Task", "Resource": activity, "End": True}}})
        polled = {}
        worker = threading.Thread(target=lambda: polled.update(
            client_of(self.server, read_timeout=70).get_activity_task(activityArn=activity, workerName="w")))
        worker.start()
        execution = self.client.start_execution(stateMachineArn=machine, input='{"n": 1}')["executionArn"]
        worker.join(20)
        self.assertEqual(json.loads(polled["input"]), {"n": 1})
        self.client.send_task_failure(taskToken=polled["taskToken"], error="No", cause="because")
        answer = self.ended(execution)
        self.assertEqual((answer["status"], answer["error"]), ("FAILED", "No"))
        self.assertEqual(self.client.describe_activity(activityArn=activity)["name"], "work")
        pages = self.client.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 1})
        self.assertEqual([a["activityArn"] for page in pages for a in page["activities"]], [activity])
        self.client.delete_activity(activityArn=activity)
        with self.assertRaises(self.client.exceptions.ActivityDoesNotExist):
            self.client.describe_activity(activityArn=activity)

    def test_a_started_execution_is_reported_with_its_redrive_state(self):
        machine = self.machine("started", PASS)
        fails = self.machine("fails", {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}})
        starter = self.machine("starter", {"StartAt": "S", "States": {"S": {
            "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync",
            "Parameters": {"StateMachineArn.$": "$.machine", "Input": {}}, "End": True}}})
        answer = self.ended(self.client.start_execution(
            stateMachineArn=starter, input=json.dumps({"machine": machine}))["executionArn"])
        output = json.loads(answer["output"])
        self.assertEqual((output["RedriveCount"], output["RedriveStatus"], output["RedriveStatusReason"]),
                         (0, "NOT_REDRIVABLE", "Execution is SUCCEEDED and cannot be redriven"))
        answer = self.ended(self.client.start_execution(
            stateMachineArn=starter, input=json.dumps({"machine": fails}))["executionArn"])
        cause = json.loads(answer["cause"])
        self.assertEqual((cause["RedriveCount"], cause["RedriveStatus"]), (0, "REDRIVABLE"))
        self.assertNotIn("RedriveStatusReason", cause)

    def test_a_map_run_has_floats_where_the_model_says_so(self):
        machine = self.machine("mapped", {"StartAt": "M", "States": {"M": {
            "Type": "Map", "End": True, "ToleratedFailurePercentage": 5, "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PASS}}}})
        execution = self.client.start_execution(stateMachineArn=machine, input="[1, 2]")["executionArn"]
        self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")
        run, = self.client.list_map_runs(executionArn=execution)["mapRuns"]
        answer = self.client.describe_map_run(mapRunArn=run["mapRunArn"])
        self.assertIsInstance(answer["toleratedFailurePercentage"], float)
        self.assertEqual(answer["toleratedFailurePercentage"], 5.0)
        self.assertEqual(answer["itemCounts"]["succeeded"], 2)

    def test_express_is_answered_at_once(self):
        machine = self.machine("express", PASS, type="EXPRESS")
        answer = self.client.start_sync_execution(stateMachineArn=machine, input="{}")
        self.assertEqual(answer["status"], "SUCCEEDED")
        self.assertEqual(json.loads(answer["output"]), {"ok": True})
        self.assertEqual(answer["billingDetails"]["billedMemoryUsedInMB"], 64)

    def test_the_host_prefix_leads_here(self):
        """StartSyncExecution goes to sync-HOST by itself; here the name service is made to know it."""
        machine = self.machine("prefixed", PASS, type="EXPRESS")
        asked, real = set(), socket.getaddrinfo

        def lookup(host, *arguments, **more):
            asked.add(host)
            return real(host.removeprefix("sync-"), *arguments, **more)
        with mock.patch("socket.getaddrinfo", lookup):
            answer = client_of(self.server, inject_host_prefix=True).start_sync_execution(stateMachineArn=machine)
        self.assertEqual(answer["status"], "SUCCEEDED")
        self.assertIn("sync-127.0.0.1", asked)

    def test_map_runs(self):
        machine = self.machine("mapping", {"StartAt": "M", "States": {"M": {
            "Type": "Map", "Label": "each", "End": True, "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "W",
                "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}}}})
        execution = self.client.start_execution(stateMachineArn=machine, input="[1, 2]")["executionArn"]
        run = until(lambda: self.client.list_map_runs(executionArn=execution)["mapRuns"])[0]["mapRunArn"]
        self.client.update_map_run(mapRunArn=run, maxConcurrency=3, toleratedFailureCount=1)
        described = self.client.describe_map_run(mapRunArn=run)
        self.assertEqual((described["maxConcurrency"], described["toleratedFailureCount"], described["status"],
                          described["itemCounts"]["total"]), (3, 1, "RUNNING", 2))
        self.client.stop_execution(executionArn=execution)
        self.assertEqual(self.ended(execution)["status"], "ABORTED")

    def test_tags(self):
        machine = self.machine("tagged", PASS, tags=[{"key": "a", "value": "1"}])
        self.client.tag_resource(resourceArn=machine, tags=[{"key": "b", "value": "2"}])
        self.client.untag_resource(resourceArn=machine, tagKeys=["a"])
        self.assertEqual(self.client.list_tags_for_resource(resourceArn=machine)["tags"],
                         [{"key": "b", "value": "2"}])

    def test_update_and_delete(self):
        machine = self.machine("updated", PASS)
        self.client.update_state_machine(stateMachineArn=machine, definition=json.dumps(WAIT))
        described = self.client.describe_state_machine(stateMachineArn=machine)
        self.assertEqual(json.loads(described["definition"]), WAIT)
        execution = self.client.start_execution(stateMachineArn=machine)["executionArn"]
        self.client.update_state_machine(stateMachineArn=machine, definition=json.dumps(PASS))
        kept = self.client.describe_state_machine_for_execution(executionArn=execution)
        self.assertEqual(json.loads(kept["definition"]), WAIT)
        pages = self.client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
        self.assertIn(machine, [m["stateMachineArn"] for page in pages for m in page["stateMachines"]])
        self.client.delete_state_machine(stateMachineArn=machine)
        with self.assertRaises(self.client.exceptions.StateMachineDoesNotExist):
            self.client.describe_state_machine(stateMachineArn=machine)


class Restart(unittest.TestCase):
    def test_what_was_acknowledged_survives_a_kill(self):
        server = Server()
        self.addCleanup(server.close)
        client = client_of(server)
        machine = client.create_state_machine(name="m", definition=json.dumps(CALLBACK),
                                              roleArn=ROLE)["stateMachineArn"]
        execution = client.start_execution(stateMachineArn=machine, name="e")["executionArn"]
        server.stop(signal.SIGKILL)
        server.start()
        client = client_of(server)
        self.assertEqual(client.describe_execution(executionArn=execution)["status"], "RUNNING")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
