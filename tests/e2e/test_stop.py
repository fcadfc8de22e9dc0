"""How `serve` stops: what is at work ends, what comes is sent away, nothing is lost or done twice."""
import http.client
import json
import os
import signal
import tempfile
import threading
import time
import unittest

from server import ROLE, Server, until

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
TASKS = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": FUNCTION + "slow", "Next": "B"},
                                    "B": {"Type": "Task", "Resource": FUNCTION + "slow", "End": True}}}
SYNC = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": FUNCTION + "slow", "Next": "W"},
                                   "W": {"Type": "Task", "Resource": FUNCTION + "slow", "End": True}}}


class Stop(unittest.TestCase):
    def serve(self, seconds, *arguments):
        """A server whose function `slow` takes that long and notes each call."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.calls = os.path.join(folder.name, "calls")
        handler = os.path.join(folder.name, "slow.sh")
        with open(handler, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho began >>{self.calls}\nsleep {seconds}\necho ended >>{self.calls}\necho 1\n")
        os.chmod(handler, 0o755)
        server = Server("--functions", folder.name, *arguments)
        self.addCleanup(server.close)
        return server

    def called(self, word):
        try:
            with open(self.calls, encoding="utf-8") as f:
                return f.read().split().count(word)
        except FileNotFoundError:
            return 0

    def post(self, server, operation, body):
        """(status, answer, Connection header)"""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        try:
            connection.request("POST", "/", json.dumps(body), {"X-Amz-Target": "AWSStepFunctions." + operation})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.getheader("Connection")
        finally:
            connection.close()

    def start(self, server, definition, name, kind="STANDARD"):
        machine = self.post(server, "CreateStateMachine", {"name": name, "roleArn": ROLE, "type": kind,
                                                           "definition": json.dumps(definition)})[1]["stateMachineArn"]
        if kind == "EXPRESS":
            return machine
        return self.post(server, "StartExecution", {"stateMachineArn": machine})[1]["executionArn"]

    def status(self, server, path):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def later(self, *arguments):
        """Calls in a thread; what comes back is in the list once it has come."""
        results = []
        thread = threading.Thread(target=lambda: results.append(self.post(*arguments)))
        thread.start()
        self.addCleanup(thread.join)
        return results

    def test_what_is_at_work_ends(self):
        server = self.serve(1.5)
        execution = self.start(server, TASKS, "tasks")
        express = self.start(server, SYNC, "sync", "EXPRESS")
        activity = self.post(server, "CreateActivity", {"name": "a"})[1]["activityArn"]
        poll = self.later(server, "GetActivityTask", {"activityArn": activity})
        sync = self.later(server, "StartSyncExecution", {"stateMachineArn": express})
        until(lambda: self.called("began") == 2)
        self.assertEqual(self.status(server, "/ready"), 200)

        server.process.send_signal(signal.SIGTERM)
        until(lambda: self.status(server, "/ready") == 503, 1)
        self.assertEqual(self.status(server, "/health"), 200)
        until(lambda: poll, 1)
        self.assertEqual(poll[0], (200, {}, "close"))
        code, answer, connection = self.post(server, "StartExecution", {"stateMachineArn": express})
        self.assertEqual((code, answer["__type"], connection), (503, "ServiceUnavailable", "close"))
        self.assertEqual(server.process.wait(15), 0)
        self.assertEqual(sync[0][1]["status"], "SUCCEEDED")  # its second task was started after the signal
        self.assertEqual((self.called("began"), self.called("ended")), (3, 3))

        server.start()  # B waited for this
        until(lambda: self.post(server, "DescribeExecution", {"executionArn": execution})[1]["status"] == "SUCCEEDED")
        self.assertEqual((self.called("began"), self.called("ended")), (4, 4))
        history = self.post(server, "GetExecutionHistory", {"executionArn": execution})[1]["events"]
        self.assertEqual([event["type"] for event in history].count("LambdaFunctionSucceeded"), 2)

    def test_the_limit(self):
        server = self.serve(30, "--stop-timeout", "1")
        execution = self.start(server, TASKS, "tasks")
        until(lambda: self.called("began") == 1)
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertTrue(0.9 < time.monotonic() - began < 8, time.monotonic() - began)
        server.start()  # the task that was cut off runs again
        until(lambda: self.called("began") == 2)
        self.assertEqual(self.post(server, "DescribeExecution", {"executionArn": execution})[1]["status"], "RUNNING")

    def test_nothing_to_wait_for(self):
        server = self.serve(0)
        activity = self.post(server, "CreateActivity", {"name": "a"})[1]["activityArn"]
        poll = self.later(server, "GetActivityTask", {"activityArn": activity})
        time.sleep(0.2)
        began = time.monotonic()
        self.assertEqual(server.stop(signal.SIGINT), 0)
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(poll[0][:2], (200, {}))

    def test_starts_are_acknowledged_or_not_there(self):
        """Starts come all the time while the server stops: an acknowledged one is durable, and the others are refused."""
        server = self.serve(0)
        machine = self.post(server, "CreateStateMachine", {"name": "m", "roleArn": ROLE, "definition": json.dumps(
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})})[1]["stateMachineArn"]
        started, refused = [], []

        def starter():
            while True:
                try:
                    code, answer, _ = self.post(server, "StartExecution", {"stateMachineArn": machine})
                except OSError:
                    return
                (started if code == 200 else refused).append(answer)

        threads = [threading.Thread(target=starter) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        self.assertEqual(server.stop(), 0)
        for thread in threads:
            thread.join()
        self.assertGreater(len(started), 20)
        self.assertTrue(all(answer["__type"] == "ServiceUnavailable" for answer in refused), refused[:1])
        server.start()
        for answer in started:
            self.assertEqual(self.post(server, "DescribeExecution", {"executionArn": answer["executionArn"]})[0], 200)


if __name__ == "__main__":
    unittest.main()
