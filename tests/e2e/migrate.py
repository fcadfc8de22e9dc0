#!/usr/bin/python3
"""A whole store moves into another one: open executions go on there, and nothing runs in both."""
import json
import os
import re
import signal
import subprocess

from engine import PROGRAM, ROLE, Checks, Refused, Server, history_faults
from postgres import Postgres
from retention import Store, until
from transfer import run, story

ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
DEFINITIONS = {
    "Closed": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"in.$": "$"}, "End": True}}},
    "Asking": {"StartAt": "A", "States": {"A": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True,
        "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token", "name.$": "$$.Execution.Name"}}}}},
    "Timed": {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 12, "Next": "P"},
                                        "P": {"Type": "Pass", "Result": "late", "End": True}}},
    "Working": {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": FUNCTION + "work", "End": True}}},
    "Manual": {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": ACTIVITY + "manual", "End": True}}},
    "Mapping": {"StartAt": "M", "States": {"M": {
        "Type": "Map", "End": True, "MaxConcurrency": 2, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "I", "States": {
                "I": {"Type": "Task", "Resource": FUNCTION + "item", "Next": "W"},
                "W": {"Type": "Wait", "Seconds": 3, "End": True}}}}}},
}
ASK = """#!/usr/bin/python3
import json, os, sys
event = json.load(sys.stdin)
with open(os.environ["E2E_DIR"] + "/tokens", "a") as file:
    file.write(json.dumps(event) + "\\n")
print("null")
"""
WORK = """#!/bin/sh
echo call >>"$E2E_DIR/calls"
[ -e "$E2E_DIR/quick" ] || sleep 60
echo '"worked"'
"""
ITEM = """#!/bin/sh
read -r item
echo "$item" >>"$E2E_DIR/items"
echo "$item"
"""


class Life:
    """Servers one after the other on the stores that the executions move through."""

    def __init__(self, checks, url):
        self.checks = checks
        self.server = Server()
        self.server.store = url
        for name, text in (("ask", ASK), ("work", WORK), ("item", ITEM)):
            self.server.handler(name, text)
        self.begin()

    def begin(self):
        self.server.start()
        self.checks.that(self.server.ready(), "serve starts: " + self.server.log_text()[-500:])
        self.client = self.server.client(timeout=70)

    def end(self):
        self.checks.that(self.server.stop() == 0, "serve ends")

    def path(self, name):
        return f"{self.server.folder}/{name}"

    def lines(self, name):
        if not os.path.exists(self.path(name)):
            return []
        with open(self.path(name), encoding="utf-8") as file:
            return file.read().splitlines()

    def create(self):
        self.client.call("CreateActivity", name="manual")
        self.machines = {name: self.client.call("CreateStateMachine", name=name, roleArn=ROLE, publish=True,
                                                definition=json.dumps(definition))["stateMachineArn"]
                         for name, definition in DEFINITIONS.items()}

    def start(self, machine, name, value=None):
        return self.client.call("StartExecution", stateMachineArn=self.machines[machine], name=name,
                                input=json.dumps(value if value is not None else {}))["executionArn"]

    def token(self, name):
        return {json.loads(line)["name"]: json.loads(line)["token"] for line in self.lines("tokens")}.get(name)

    def output(self, arn, within_s=30):
        until(lambda: self.client.call("DescribeExecution", executionArn=arn)["status"] != "RUNNING", within_s)
        told = self.client.call("DescribeExecution", executionArn=arn)
        faults = history_faults(list(self.client.pages("GetExecutionHistory", "events", executionArn=arn)))
        self.checks.that(not faults, f"{arn}: {faults}")
        return told.get("output", told["status"])

    def migrate(self, url):
        text = run("migrate", "--from", self.server.store, "--to", url).decode()
        said = run("list", "--store", self.server.store, code=1).decode()
        self.checks.that("was moved to another one" in said, f"nobody opens the source any more: {said}")
        said = run("migrate", "--from", self.server.store, "--to", url, code=1).decode()
        self.checks.that("moved there already" in said, f"a second time is refused: {said}")
        self.server.store = url
        return text


def moves(checks, urls):
    life = Life(checks, urls[0])
    life.create()
    closed = [life.start("Closed", f"c{i}", {"i": i, "text": "\u00e4\u0000"}) for i in range(300)]
    asking = [life.start("Asking", f"a{i}") for i in range(len(urls))]
    timed = life.start("Timed", "t")
    working = life.start("Working", "w")
    manual = life.start("Manual", "m")
    mapping = life.start("Mapping", "d", [1, 2, 3, 4, 5])
    checks.that(until(lambda: all(life.token(f"a{i}") for i in range(len(urls))) and life.lines("calls") and
                      len(life.lines("items")) == 2), "all is at work")
    tokens = [life.token(f"a{i}") for i in range(len(urls))]
    page = life.client.call("ListExecutions", stateMachineArn=life.machines["Closed"], maxResults=10)
    stories = [story(life.client, arn) for arn in closed[:5]]
    said = run("migrate", "--from", urls[0], "--to", urls[1], code=6).decode()
    checks.that("another process runs the executions" in said and "stop " in said, f"a store that is run stays: {said}")
    life.end()
    text = life.migrate(urls[1])
    counted = [int(number) for number in re.findall(r"\d+", text)]
    checks.that(counted[0] >= 304 + len(urls) + 2 and 4 + len(urls) <= counted[1] <= 4 + len(urls) + 5,
                f"it counts: {text}")

    if len(urls) == 2:
        open(life.path("quick"), "w", encoding="utf-8").close()
    life.begin()
    checks.that([story(life.client, arn) for arn in closed[:5]] == stories, "closed executions are told alike")
    rest = life.client.call("ListExecutions", stateMachineArn=life.machines["Closed"], maxResults=10,
                            nextToken=page["nextToken"])
    checks.that(len(rest["executions"]) == 10 and not {item["name"] for item in rest["executions"]} &
                {item["name"] for item in page["executions"]}, "a page token of before goes on")
    life.client.call("SendTaskSuccess", taskToken=tokens[0], output='"answered"')
    checks.that(life.output(asking[0]) == '"answered"', "a token of before completes its task")
    try:
        life.client.call("SendTaskSuccess", taskToken=tokens[0], output='"twice"')
        checks.that(False, "a token is good once")
    except Refused as refused:
        checks.that(refused.kind == "TaskTimedOut", f"a token is good once: {refused}")
    # It was at work when the first server ended; where this is not the last one it is started once more after it.
    checks.that(until(lambda: len(life.lines("calls")) == 2), "a running task is started again")
    task = life.client.call("GetActivityTask", activityArn=ACTIVITY + "manual")
    checks.that(task.get("taskToken"), "an activity task waits here")
    checks.that(life.output(timed) == '"late"', "a timer fires")
    if len(urls) == 2:
        finish(life, working, manual, mapping, task["taskToken"], closed)
        return
    life.end()
    life.migrate(urls[2])
    open(life.path("quick"), "w", encoding="utf-8").close()
    life.begin()
    life.client.call("SendTaskSuccess", taskToken=tokens[1], output='"again"')
    checks.that(life.output(asking[1]) == '"again"', "a token of the first store completes its task in the third")
    finish(life, working, manual, mapping, task["taskToken"], closed)


def finish(life, working, manual, mapping, token, closed):
    checks = life.checks
    life.client.call("SendTaskSuccess", taskToken=token, output='"by hand"')
    checks.that(life.output(manual) == '"by hand"', "so does that of an activity")
    checks.that(life.output(working) == '"worked"', "the task comes to its end")
    checks.that(life.output(mapping) == "[1,2,3,4,5]", "the map run comes to its end")
    checks.that(sorted(life.lines("items")) == ["1", "2", "3", "4", "5"], f"each item once: {life.lines('items')}")
    new = life.start("Closed", "new")
    checks.that(life.output(new) == '{"in":{}}', "new executions run")
    listed = [item["name"] for item in life.client.call("ListExecutions", stateMachineArn=life.machines["Closed"],
                                                        maxResults=1000)["executions"]]
    checks.that(listed[0] == "new" and len(listed) == len(closed) + 1, "and are listed first")
    life.end()
    life.server.close()


def refusals(checks, folder, target):
    """target: a store with something in it."""
    source = f"sqlite:{folder}/source.db"
    run("activity", "create", "one", "--store", source)
    said = run("migrate", "--from", source, "--to", source, code=1).decode()
    checks.that("the same store" in said, f"into itself: {said}")
    run("activity", "create", "two", "--store", target)
    said = run("migrate", "--from", source, "--to", target, code=1).decode()
    checks.that("the target is not empty: 0 executions, 1 documents" in said, f"into a full one: {said}")
    said = run("migrate", "--from", source, code=2).decode()
    checks.that("--from and --to" in said, f"both must be said: {said}")
    run("list", "--store", source)  # it stays as it is
    store = Store(source)
    store.ask("SELECT 1")
    text = run("migrate", "--from", f"{folder}/source.db", "--to", f"{folder}/other.db", "--quiet").decode()
    checks.that("moved 0 executions (0 open)" in text and "1 documents" in text, f"paths are SQLite files: {text}")


def killed(checks, url):
    """SIGKILL at any moment: the source stays or the target is whole; never both, never neither."""
    server = Server()
    server.start()
    server.ready()
    client = server.client()
    machine = client.call("CreateStateMachine", name="Many", roleArn=ROLE,
                          definition=json.dumps(DEFINITIONS["Closed"]))["stateMachineArn"]
    for i in range(1500):
        client.call("StartExecution", stateMachineArn=machine, name=f"n{i}", input="{}")
    server.stop()
    ended_ms = None
    kills = 0
    delay = 0.002
    while ended_ms is None and kills < 200:
        process = subprocess.Popen([PROGRAM, "migrate", "--from", server.store, "--to", url, "--quiet"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        out, errors = process.communicate()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ORCHESTRATOR_")}
        opened = [subprocess.run([PROGRAM, "list", "machines", "-o", "ids", "--store", store], env=environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout.count(b"Many")
                  for store in (server.store, url)]
        if process.returncode == 0:
            ended_ms = delay
            checks.that(b"moved 1500 executions" in out, f"in the end it is done: {out}")
            checks.that(opened == [0, 1], "then the target alone can be opened")
        elif process.returncode > 0:
            checks.that(b"moved there already" in errors and opened == [0, 1], f"only when all is done: {errors}")
            ended_ms = delay
        else:
            checks.that(opened != [1, 1], f"killed after {delay:.3f} s: never both")
        delay *= 1.15
    checks.that(kills > 3, f"it was killed {kills} times")
    checks.that(Store(url).count("execution") == 1500, "nothing is lost")
    server.close()


def main():
    checks = Checks()
    folder = Server()
    postgres = Postgres()
    there = postgres.start()
    path = f"sqlite:{folder.folder}/"
    refusals(checks, folder.folder, postgres.url("filled") if there else path + "full.db")
    killed(checks, path + "whole.db")
    if there:
        moves(checks, [path + "first.db", postgres.url("second"), path + "third.db"])
        moves(checks, [postgres.url("a"), postgres.url("b") + "&shards=5"])
    else:
        print("skipped on PostgreSQL: its server is not installed", flush=True)
        moves(checks, [path + "first.db", path + "second.db", path + "third.db"])
    folder.close()
    postgres.close()
    checks.end()


if __name__ == "__main__":
    main()
