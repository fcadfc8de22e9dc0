#!/usr/bin/python3
"""Kills `serve` at random with SIGKILL while executions with tasks, waits, maps and callbacks run.

Afterwards: each execution has ended exactly once with the right output; no event is lost or doubled; no handler
whose success is in the history was called again after it; nothing that was acknowledged is gone.

KILLS (default 60, on PostgreSQL 15; with QUICK set 15 and 4), EXECUTIONS (200), SEED.
"""
import collections
import json
import os
import random
import sqlite3
import threading
import time

from engine import ON_POSTGRES, ROLE, Checks, Refused, Server, history_faults

QUICK = bool(os.environ.get("QUICK"))
# On PostgreSQL a killed node's lease has to run out before its successor goes on: that takes a while each time.
KILLS = int(os.environ.get("KILLS", ("4" if QUICK else "15") if ON_POSTGRES else ("15" if QUICK else "60")))
EXECUTIONS = int(os.environ.get("EXECUTIONS", "200"))
STOPPED = 10  # further executions that wait for ever and are stopped
SEED = int(os.environ.get("SEED", str(int(time.time()))))

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"

# Speaks lines; writes down each call before it works, and each token that it is to pass on.
HANDLER = """#!/usr/bin/python3
import json, os, sys, time
log = open(os.environ["E2E_DIR"] + "/calls", "ab", buffering=0)
parent = os.getppid()
for line in sys.stdin:
    request = json.loads(line)
    payload, context = request["payload"], request["context"]
    log.write((json.dumps({"at": time.time(), "pid": os.getpid(), "orphan": os.getppid() != parent, "payload": payload,
                           "context": context}) + "\\n").encode())
    if payload.get("fails") and context["attempt"] == 0:
        answer = {"error": {"errorType": "Flaky", "errorMessage": "the first time fails"}}
    else:
        answer = {"result": {"did": payload["key"]}}
    print(json.dumps({"id": request["id"], **answer}), flush=True)
"""


def task(key, **more):
    return {"Type": "Task", "Resource": FUNCTION + "work",
            "Parameters": {"key.$": key, **more.pop("parameters", {})}, **more}


DEFINITION = {
    "StartAt": "First",
    "States": {
        "First": task("States.Format('{}/first', $.name)", ResultPath="$.first", Next="Sleep"),
        "Sleep": {"Type": "Wait", "Seconds": 1, "Next": "Each"},
        "Each": {
            "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2,
            "ItemSelector": {"name.$": "$.name", "item.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"StartAt": "Item", "States": {
                "Item": task("States.Format('{}/item{}', $.name, $.item)", OutputPath="$.did", End=True)}},
            "ResultPath": "$.each", "Next": "Ask"},
        "Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "work", "Payload": {
                "key.$": "States.Format('{}/ask', $.name)", "token.$": "$$.Task.Token"}},
            "ResultPath": "$.answer", "Next": "Flaky"},
        "Flaky": task("States.Format('{}/flaky', $.name)", parameters={"fails": True},
                      Retry=[{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 5}],
                      ResultPath="$.flaky", Next="Both"),
        "Both": {
            "Type": "Parallel", "ResultPath": "$.both", "Next": "Done",
            "Branches": [
                {"StartAt": "Left", "States": {
                    "Left": task("States.Format('{}/left', $.name)", OutputPath="$.did", End=True)}},
                {"StartAt": "Right", "States": {
                    "Right": {"Type": "Wait", "Seconds": 1, "OutputPath": "$.name", "End": True}}}]},
        "Done": {"Type": "Pass", "Parameters": {
            "name.$": "$.name", "first.$": "$.first.did", "each.$": "$.each", "answer.$": "$.answer",
            "flaky.$": "$.flaky.did", "both.$": "$.both"}, "End": True},
    },
}


def expected(name):
    return {"name": name, "first": f"{name}/first", "each": [f"{name}/item{i}" for i in range(3)],
            "answer": {"yes": name}, "flaky": f"{name}/flaky", "both": [f"{name}/left", name]}


class Campaign:
    def __init__(self):
        self.server = Server()
        self.server.handler("work.lines", HANDLER)
        self.random = random.Random(SEED)
        self.executions = {}  # name to ARN: acknowledged starts
        self.answered = set()  # names whose callback was acknowledged
        self.stopped = {}
        self.troubles = []
        self.over = threading.Event()

    def guard(self, work):
        try:
            work()
        except Exception as trouble:  # shown at the end: a thread must not fail in silence
            self.troubles.append(f"{work.__name__}: {trouble!r}")

    def start_all(self):
        """Starts spread over the time of the kills; a start without an answer is asked again by the same name."""
        client = self.server.client()
        pause = KILLS * (3.5 if ON_POSTGRES else 0.35) / EXECUTIONS
        for i in range(EXECUTIONS):
            name = f"run-{i:04d}"
            answer = client.persist("StartExecution", stateMachineArn=self.machine, name=name,
                                    input=json.dumps({"name": name, "items": [0, 1, 2]}))
            self.executions[name] = answer["executionArn"]
            if i % (EXECUTIONS // STOPPED) == 0:
                self.stop_one(client, f"stopped-{i:04d}")
            time.sleep(pause * self.random.uniform(0, 2))

    def stop_one(self, client, name):
        arn = client.persist("StartExecution", stateMachineArn=self.sleeper, name=name, input="{}")["executionArn"]
        client.persist("StopExecution", executionArn=arn, error="Enough", cause=name)
        self.stopped[name] = arn

    def answer_all(self):
        """Completes callbacks as their tokens come in. An answer may be acknowledged by nobody and yet be there."""
        client = self.server.client()
        seen = set()
        while not self.over.is_set():
            for call in self.calls():
                payload = call["payload"]
                if "token" not in payload or payload["token"] in seen:
                    continue
                seen.add(payload["token"])
                name = payload["key"].split("/")[0]
                try:
                    client.persist("SendTaskSuccess", taskToken=payload["token"], output=json.dumps({"yes": name}))
                    self.answered.add(name)
                except Refused as refusal:
                    if refusal.kind not in ("TaskTimedOut", "TaskDoesNotExist"):
                        raise
            time.sleep(0.05)

    def calls(self):
        try:
            with open(f"{self.server.folder}/calls", "rb") as file:
                return [json.loads(line) for line in file if line.endswith(b"\n")]
        except FileNotFoundError:
            return []

    def kill_all(self):
        for _ in range(KILLS):
            time.sleep(self.random.uniform(0.02, 0.7))
            self.server.kill()
            self.server.start()
            if ON_POSTGRES:
                self.server.ready(60)

    def wait_for_end(self, within_s):
        client = self.server.client()
        end = time.time() + within_s
        while time.time() < end:
            running = list(client.pages("ListExecutions", "executions", stateMachineArn=self.machine,
                                        statusFilter="RUNNING"))
            if not running:
                return True
            time.sleep(0.3)
        return False

    def run(self):
        self.server.start()
        assert self.server.ready(), self.server.log_text()
        client = self.server.client()
        self.machine = client.call("CreateStateMachine", name="killed", definition=json.dumps(DEFINITION),
                                   roleArn=ROLE)["stateMachineArn"]
        sleeper = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400, "End": True}}}
        self.sleeper = client.call("CreateStateMachine", name="sleeper", definition=json.dumps(sleeper),
                                   roleArn=ROLE)["stateMachineArn"]
        threads = [threading.Thread(target=self.guard, args=(work,)) for work in (self.start_all, self.answer_all)]
        for thread in threads:
            thread.start()
        self.kill_all()
        threads[0].join()
        self.ended = self.wait_for_end(120)
        self.over.set()
        threads[1].join()


def succeeded_tasks(events):
    """(key, time) of each task that reported success, found through the events before it."""
    by_id = {event["id"]: event for event in events}
    for event in events:
        if event["type"] not in ("LambdaFunctionSucceeded", "TaskSubmitted"):
            continue
        before = event
        while not before["type"].endswith("Scheduled"):
            before = by_id[before["previousEventId"]]
        details = before.get("lambdaFunctionScheduledEventDetails")
        given = json.loads(details["input"]) if details else json.loads(
            before["taskScheduledEventDetails"]["parameters"])["Payload"]
        yield given["key"], event["timestamp"]


def verify(campaign, checks):
    checks.that(not campaign.troubles, f"the clients had trouble: {campaign.troubles}")
    checks.that(campaign.ended, "executions still run two minutes after the last kill")
    client = campaign.server.client()
    listed = list(client.pages("ListExecutions", "executions", stateMachineArn=campaign.machine))
    checks.that(len(listed) == EXECUTIONS, f"{len(listed)} executions instead of {EXECUTIONS}")
    checks.that(len(campaign.executions) == EXECUTIONS, "not every start was acknowledged")
    calls = collections.defaultdict(list)
    for call in campaign.calls():
        calls[call["payload"]["key"]].append(call)
    wrong = collections.Counter()
    repeated = 0
    for name, arn in campaign.executions.items():
        description = client.call("DescribeExecution", executionArn=arn)
        if description["status"] != "SUCCEEDED" or json.loads(description["output"]) != expected(name):
            wrong["end"] += 1
            print(f"{name}: {description['status']} {description.get('output')} {description.get('cause')}")
            continue
        events = list(client.pages("GetExecutionHistory", "events", executionArn=arn, maxResults=1000))
        for fault in history_faults(events):
            wrong["history"] += 1
            print(f"{name}: {fault}")
        tasks = list(succeeded_tasks(events))
        keys = [key for key, _ in tasks]
        needed = {f"{name}/{task}" for task in ("first", "item0", "item1", "item2", "flaky", "left")}
        # The token may come back before the call that hands it out is seen to be taken: then no TaskSubmitted.
        if len(set(keys)) != len(keys) or set(keys) - {f"{name}/ask"} != needed:
            wrong["tasks"] += 1
            print(f"{name}: successes {tasks}")
        for key, at in tasks:
            repeated += len(calls[key]) - (2 if key.endswith("/flaky") else 1)
            # A line may lie in the pipe of a handler whose server was killed.
            if any(call["at"] > at + 0.002 and not call["orphan"] for call in calls[key]):
                wrong["called again"] += 1
                print(f"{key}: success at {at}, called at {[call['at'] for call in calls[key]]}")
            tokens = {(call["context"]["attempt"], call["context"]["idempotencyToken"]) for call in calls[key]}
            if len(tokens) != len({attempt for attempt, _ in tokens}):
                wrong["tokens"] += 1
                print(f"{key}: an attempt has more than one idempotency token")
        for state in ("Sleep", "Right"):
            entered, left = ([event["timestamp"] for event in events if event["type"] == kind and
                              event["state" + kind[len("WaitState"):] + "EventDetails"]["name"] == state]
                             for kind in ("WaitStateEntered", "WaitStateExited"))
            if left[0] - entered[0] < 0.999:
                wrong["early"] += 1
                print(f"{name}: {state} ended after {left[0] - entered[0]} s")
    for what in ("end", "history", "tasks", "called again", "tokens", "early"):
        checks.that(wrong[what] == 0, f"{wrong[what]} faults of the kind: {what}")
    aborted = [client.call("DescribeExecution", executionArn=arn) for arn in campaign.stopped.values()]
    checks.that(all(one["status"] == "ABORTED" and one["error"] == "Enough" for one in aborted),
                "an acknowledged stop is gone")
    checks.that(campaign.answered <= set(campaign.executions), "an answer to nobody")
    return repeated


def main():
    print(f"seed {SEED}: {KILLS} kills, {EXECUTIONS} executions", flush=True)
    checks = Checks()
    campaign = Campaign()
    try:
        began = time.time()
        campaign.run()
        repeated = verify(campaign, checks)
        calls = campaign.calls()
        checks.that(campaign.server.stop() == 0, "serve did not end well on SIGTERM")
        time.sleep(0.2)
        left = [pid for pid in {call["pid"] for call in calls} if os.path.exists(f"/proc/{pid}")]
        checks.that(not left, f"handlers are left behind: {left}")
        if not ON_POSTGRES:
            store = sqlite3.connect(f"{campaign.server.folder}/store.db")
            checks.that(store.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the database is damaged")
            store.close()
        print(f"{KILLS} kills in {time.time() - began:.0f} s, {len(calls)} calls of handlers, {repeated} of them again "
              f"after a kill, {len(campaign.answered)} callbacks acknowledged, {len(campaign.stopped)} stops")
    except Exception:
        checks.failed += 1
        raise
    finally:
        if checks.failed:
            print(campaign.server.log_text()[-3000:])
        campaign.server.close()
    checks.end()


main()
