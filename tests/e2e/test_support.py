"""What users test their workflows with: mock files, scaled waits, a clock that jumps."""
import json
import os
import tempfile
import time
import unittest

from server import ROLE, Server, until
from test_http import post

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
ANY = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 5}


def task(name, **more):
    return {"Type": "Task", "Resource": FUNCTION + name, "End": True, **more}


def block(state, **states):
    return {"StartAt": next(iter(states)), "States": states, **state}


RETRIED = block({}, Work=task("work", Retry=[ANY]))
MAPPED = block({}, Each={"Type": "Map", "MaxConcurrency": 1, "End": True,
                         "ItemProcessor": block({}, Work=task("work", Retry=[ANY]))})
PARALLEL = block({}, Both={"Type": "Parallel", "End": True, "Branches": [
    block({}, Left=task("work")), block({}, Right=task("work", Retry=[ANY]))]})
LOOP = block({}, Work=task("work", End=None, Next="More"), More={
    "Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 2, "Next": "Work"}], "Default": "Done"},
    Done={"Type": "Succeed"})
del LOOP["States"]["Work"]["End"]
SERVICE = block({}, Send={"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True, "Parameters": {
    "QueueUrl": "https://example.com/q", "MessageBody": "hello"}})
CALLBACK = block({}, Ask={"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
                          "Parameters": {"QueueUrl": "https://example.com/q", "MessageBody": {
                              "token.$": "$$.Task.Token"}}})
THROW = {"Throw": {"Error": "Flaky", "Cause": "not yet"}}
MOCKS = {
    "StateMachines": {
        "retried": {"TestCases": {"Third": {"Work": "ThirdTime"}, "Never": {"Work": "NeverWell"}, "Plain": {}}},
        "mapped": {"TestCases": {"Counts": {"Work": "EachItsOwn"}}},
        "parallel": {"TestCases": {"Counts": {"Left": "First", "Right": "SecondTime"}}},
        "loop": {"TestCases": {"Counts": {"Work": "Numbers"}}},
        "service": {"TestCases": {"Sent": {"Send": "Message"}}},
        "callback": {"TestCases": {"Answered": {"Ask": "First"}}},
    },
    "MockedResponses": {
        "ThirdTime": {"0-1": THROW, "2": {"Return": {"time": 3}}},
        "NeverWell": {"0-9": THROW},
        "EachItsOwn": {"0": {"Return": "a"}, "1": THROW, "2": {"Return": "b"}, "3": {"Return": "c"}},
        "First": {"0": {"Return": {"first": True}}},
        "SecondTime": {"0": THROW, "1": {"Return": {"second": True}}},
        "Numbers": {"0": {"Return": {"n": 0}}, "1": {"Return": {"n": 1}}, "2": {"Return": {"n": 2}}},
        "Message": {"0": {"Return": {"MessageId": "m"}}},
    },
}


class Tested(unittest.TestCase):
    def call(self, operation, **members):
        status, answer, _ = post(self.server, operation, json.dumps(members))
        self.assertEqual(status, 200, answer)
        return answer

    def machine(self, name, definition, **more):
        return self.call("CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE,
                         **more)["stateMachineArn"]

    def ended(self, machine, **more):
        arn = self.call("StartExecution", stateMachineArn=machine, **more)["executionArn"]
        return until(lambda: [answer for answer in [self.call("DescribeExecution", executionArn=arn)]
                              if answer["status"] != "RUNNING"])[0]

    def types(self, execution):
        events = self.call("GetExecutionHistory", executionArn=execution["executionArn"])["events"]
        return [event["type"] for event in events]


class Mocks(Tested):
    """SFN_MOCK_CONFIG and test cases after a #; the clock jumps over the retriers' delays."""
    def setUp(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(MOCKS, file)
        self.addCleanup(os.unlink, file.name)
        self.server = Server("--clock", "virtual", environment={"SFN_MOCK_CONFIG": file.name})
        self.addCleanup(self.server.close)

    def output(self, name, definition, case, **more):
        execution = self.ended(self.machine(name, definition) + f"#{case}", **more)
        self.assertEqual(execution["status"], "SUCCEEDED", execution)
        return json.loads(execution["output"]), execution

    def test_retries_count(self):
        output, execution = self.output("retried", RETRIED, "Third")
        self.assertEqual(output, {"time": 3})
        self.assertEqual(self.types(execution).count("LambdaFunctionFailed"), 2)
        self.assertEqual(execution["stateMachineArn"].rsplit(":", 1)[1], "retried")
        failed = self.ended(self.machine("retried", RETRIED) + "#Never")
        self.assertEqual((failed["status"], failed["error"], failed["cause"]), ("FAILED", "Flaky", "not yet"))

    def test_each_execution_counts_from_the_beginning(self):
        for _ in range(3):
            self.assertEqual(self.output("retried", RETRIED, "Third")[0], {"time": 3})

    def test_inside_a_map_invocations_go_on_from_item_to_item(self):
        output, execution = self.output("mapped", MAPPED, "Counts", input="[1, 2, 3]")
        self.assertEqual(output, ["a", "b", "c"])
        self.assertEqual(self.types(execution).count("LambdaFunctionFailed"), 1)

    def test_inside_a_parallel_each_state_counts_for_itself(self):
        output, _ = self.output("parallel", PARALLEL, "Counts")
        self.assertEqual(output, [{"first": True}, {"second": True}])

    def test_a_loop_comes_to_the_same_state(self):
        self.assertEqual(self.output("loop", LOOP, "Counts")[0], {"n": 2})

    def test_services_and_callbacks(self):
        self.assertEqual(self.output("service", SERVICE, "Sent")[0], {"MessageId": "m"})
        output, execution = self.output("callback", CALLBACK, "Answered")
        self.assertEqual(output, {"first": True})
        self.assertIn("TaskSubmitted", self.types(execution))

    def test_express(self):
        machine = self.machine("mapped", MAPPED, type="EXPRESS")
        answer = self.call("StartSyncExecution", stateMachineArn=machine + "#Counts", input="[1, 2, 3]")
        self.assertEqual(json.loads(answer["output"]), ["a", "b", "c"])

    def test_what_is_refused(self):
        machine = self.machine("retried", RETRIED)
        status, answer, _ = post(self.server, "StartExecution", json.dumps({"stateMachineArn": machine + "#Nothing"}))
        self.assertEqual(status, 400, answer)
        self.assertIn("Nothing", answer["message"])
        # not mocked, and no handler is there
        failed = self.ended(machine + "#Plain")
        self.assertEqual(failed["status"], "FAILED")


class Waits(Tested):
    def test_a_scale(self):
        self.server = Server(environment={"WAIT_TIME_SCALE": "0.001"})
        self.addCleanup(self.server.close)
        machine = self.machine("waits", block({}, Wait={"Type": "Wait", "Seconds": 500, "End": True}))
        began = time.monotonic()
        execution = self.ended(machine)
        self.assertEqual(execution["status"], "SUCCEEDED")
        self.assertTrue(0.4 < time.monotonic() - began < 5)
        self.assertTrue(0.4 < execution["stopDate"] - execution["startDate"] < 5)


class Clock(Tested):
    """Time jumps to the next timer whenever nothing else can move; what is shown follows."""
    def setUp(self):
        self.server = Server("--clock", "virtual")
        self.addCleanup(self.server.close)

    def took(self, execution):
        return round(execution["stopDate"] - execution["startDate"])

    def test_waits_take_no_time(self):
        began = time.monotonic()
        day = self.machine("day", block({}, Wait={"Type": "Wait", "Seconds": 86400, "End": True}))
        first, second = self.ended(day), self.ended(day)
        self.assertEqual((self.took(first), self.took(second)), (86400, 86400))
        self.assertGreaterEqual(second["startDate"], first["stopDate"])
        events = self.call("GetExecutionHistory", executionArn=first["executionArn"])["events"]
        self.assertEqual([round(event["timestamp"] - first["startDate"]) for event in events], [0, 0, 86400, 86400])
        self.assertLess(time.monotonic() - began, 10)

    def test_timers_fire_in_their_order(self):
        branches = [block({}, **{f"Wait{seconds}": {"Type": "Wait", "Seconds": seconds, "End": True}})
                    for seconds in (300, 100, 200)]
        machine = self.machine("order", block({}, All={"Type": "Parallel", "Branches": branches, "End": True}))
        execution = self.ended(machine)
        events = self.call("GetExecutionHistory", executionArn=execution["executionArn"])["events"]
        exits = [(event["stateExitedEventDetails"]["name"], round(event["timestamp"] - execution["startDate"]))
                 for event in events if event["type"] == "WaitStateExited"]
        self.assertEqual(exits, [("Wait100", 100), ("Wait200", 200), ("Wait300", 300)])

    def test_timeouts_and_retries(self):
        activity = self.call("CreateActivity", name="nobody")["activityArn"]
        machine = self.machine("late", block({}, Work={
            "Type": "Task", "Resource": activity, "TimeoutSeconds": 3600, "End": True,
            "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 10, "BackoffRate": 2, "MaxAttempts": 2}]}))
        execution = self.ended(machine)
        self.assertEqual((execution["status"], execution["error"]), ("FAILED", "States.Timeout"))
        self.assertEqual(self.took(execution), 3 * 3600 + 10 + 20)

    def test_work_outside_gets_its_turn(self):
        """A worker that polls is faster than a timeout of hours."""
        activity = self.call("CreateActivity", name="work")["activityArn"]
        machine = self.machine("worked", block({}, Work={
            "Type": "Task", "Resource": activity, "TimeoutSeconds": 3600, "End": True}))
        arn = self.call("StartExecution", stateMachineArn=machine)["executionArn"]
        token = self.call("GetActivityTask", activityArn=activity)["taskToken"]
        self.call("SendTaskSuccess", taskToken=token, output='"done"')
        execution = until(lambda: [answer for answer in [self.call("DescribeExecution", executionArn=arn)]
                                   if answer["status"] != "RUNNING"])[0]
        self.assertEqual((execution["status"], execution["output"]), ("SUCCEEDED", '"done"'))

    def test_a_token_holder_gets_its_turn(self):
        machine = self.machine("asked", block({}, Ask={**CALLBACK["States"]["Ask"], "TimeoutSeconds": 3600}))
        arn = self.call("StartExecution", stateMachineArn=machine)["executionArn"]
        scheduled = until(lambda: [event for event in self.call("GetExecutionHistory", executionArn=arn)["events"]
                                   if event["type"] == "TaskScheduled"])[0]
        token = json.loads(scheduled["taskScheduledEventDetails"]["parameters"])["MessageBody"]["token"]
        self.call("SendTaskSuccess", taskToken=token, output='"answered"')
        self.assertEqual(until(lambda: self.call("DescribeExecution", executionArn=arn).get("output")), '"answered"')
        self.assertEqual((self.ended(machine)["error"]), "States.Timeout")

    def test_express(self):
        machine = self.machine("express", block({}, Wait={"Type": "Wait", "Seconds": 200, "End": True}), type="EXPRESS")
        began = time.monotonic()
        answer = self.call("StartSyncExecution", stateMachineArn=machine)
        self.assertEqual(self.took(answer), 200)
        self.assertEqual(answer["billingDetails"]["billedDurationInMilliseconds"], 200000)
        self.assertLess(time.monotonic() - began, 5)


if __name__ == "__main__":
    unittest.main()
