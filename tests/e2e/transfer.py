#!/usr/bin/python3
"""An execution goes from one store into another as a file, unchanged; what is not whole or not closed is refused."""
import json
import os
import subprocess

from engine import PROGRAM, ROLE, Checks, Server
from postgres import Postgres
from retention import is_there, until

MAPPING = {"StartAt": "M", "States": {"M": {
    "Type": "Map", "End": True, "Label": "Items", "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"twice.$": "States.Array($, $)"}, "End": True}}}}}}
FLAKY = {"StartAt": "A", "States": {
    "A": {"Type": "Pass", "Result": {"text": "\u00e4\u0000\U0001f600", "number": 1.50, "large": 12345678901234567890},
          "ResultPath": "$.a", "Next": "T"},
    "T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:flaky", "End": True}}}
WAITING = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
FAILS = "#!/bin/sh\n[ -e \"$E2E_DIR/mended\" ] && echo '\"done\"' || { echo broken >&2; exit 1; }\n"


def run(*arguments, code=0, data=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ORCHESTRATOR_")}
    done = subprocess.run([PROGRAM, *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment, timeout=120)
    text = done.stdout + (done.stderr if code else b"")
    assert done.returncode == code, f"{arguments}: exit {done.returncode}: {(done.stdout + done.stderr)[-600:]}"
    return text


def create(client, name, definition):
    return client.call("CreateStateMachine", name=name, roleArn=ROLE, definition=json.dumps(definition),
                       publish=True)["stateMachineArn"]


def ended(client, arn):
    return until(lambda: client.call("DescribeExecution", executionArn=arn)["status"] != "RUNNING")


def story(client, arn):
    """All that the API tells about an execution."""
    told = {"execution": client.call("DescribeExecution", executionArn=arn),
            "machine": client.call("DescribeStateMachineForExecution", executionArn=arn),
            "events": list(client.pages("GetExecutionHistory", "events", executionArn=arn)), "runs": []}
    for run_ in client.pages("ListMapRuns", "mapRuns", executionArn=arn):
        told["runs"].append([client.call("DescribeMapRun", mapRunArn=run_["mapRunArn"]),
                             [story(client, child["executionArn"]) for child in sorted(
                                 client.pages("ListExecutions", "executions", mapRunArn=run_["mapRunArn"]),
                                 key=lambda child: child["executionArn"])]])
    return told


class Fixture:
    """A source with executions, exported while it runs."""

    def __init__(self, checks):
        self.checks = checks
        self.source = Server()
        self.source.handler("flaky", FAILS)
        self.source.start()
        assert self.source.ready(), self.source.log_text()
        self.client = self.source.client()
        mapping, flaky, waiting = (create(self.client, name, definition) for name, definition in
                                   (("Mapping", MAPPING), ("Flaky", FLAKY), ("Waiting", WAITING)))
        self.arns = {"mapping": self.start(mapping, [1, "zwei", {"drei": 3.0}]),
                     "flaky": self.start(flaky + ":1", {"x": 1})}
        self.waiting = self.start(waiting, {})
        for arn in self.arns.values():
            ended(self.client, arn)
        self.stories = {name: story(self.client, arn) for name, arn in self.arns.items()}
        self.files = {}
        for name, arn in self.arns.items():
            self.files[name] = f"{self.source.folder}/{name}.jsonl"
            with open(self.files[name], "wb") as file:
                file.write(run("export", arn, "--store", self.source.store))

    def start(self, machine, value):
        return self.client.call("StartExecution", stateMachineArn=machine, name="x", input=json.dumps(value))["executionArn"]

    def text(self, name):
        with open(self.files[name], "rb") as file:
            return file.read()


def refusals(fixture):
    checks = fixture.checks
    said = run("export", fixture.waiting, "--store", fixture.source.store, code=1).decode()
    checks.that("is still running" in said, f"an open execution is not exported: {said}")
    said = run("export", fixture.waiting + "x", "--store", fixture.source.store, code=5).decode()
    checks.that("there is no execution" in said, f"one that is not there neither: {said}")
    whole = fixture.text("mapping")
    lines = whole.splitlines(keepends=True)
    empty = "sqlite:" + fixture.source.folder + "/empty.db"
    for what, data, says in (
            ("cut off", b"".join(lines[:-1]), "its last line is missing"),
            ("cut in a line", whole[:len(whole) // 2], ""),
            ("a line missing", b"".join(lines[:3] + lines[4:]), ""),
            ("another status", whole.replace(b'"SUCCEEDED","startedMs"', b'"FAILED","startedMs"'), "sum is not the one"),
            ("another definition", whole.replace(b"States.Array", b"States.Arrax"), "is another one"),
            ("a newer format", whole.replace(b'"version":1', b'"version":2', 1), "version 2 of the format"),
            ("empty", b"", "the file is empty"),
            ("something else", b'{"a": 1}\n', "no export"),
            ("no JSON", b"hello\n", ""),
            ("more", whole + b"{}\n", "follows the end"),
            ("open", whole.replace(b'"SUCCEEDED","startedMs"', b'"RUNNING","startedMs"'), "is still running")):
        code = 6 if what == "a newer format" else 1
        said = run("import", "-", "--store", empty, code=code, data=data).decode()
        checks.that(says in said and "standard input" in said, f"{what}: {said}")
    said = run("import", "/nowhere.jsonl", "--store", empty, code=2).decode()
    checks.that("/nowhere.jsonl" in said, f"a file that is not there: {said}")
    checks.that(not os.path.exists(fixture.source.folder + "/empty.db"), "a store is not even opened for them")


def into(fixture, url, name):
    """Into a store whose server runs meanwhile; the other way round what comes out is the same file."""
    checks = fixture.checks
    target = Server()
    target.store = url
    target.handler("flaky", FAILS)
    target.start()
    checks.that(target.ready(), f"{name}: the target's server starts")
    client = target.client()
    own = create(client, "Flaky", WAITING)
    said = run("import", *fixture.files.values(), "--store", url).decode()
    checks.that("imported 5 executions" in said, f"{name}: all are imported: {said}")
    for which, arn in fixture.arns.items():
        got, wanted = story(client, arn), dict(fixture.stories[which])
        if which == "flaky":  # the machine of that name is another one here
            for part in (got, wanted):
                part["machine"] = part["machine"]["definition"]
        checks.that(got == wanted, f"{name}: {which} is told alike: {got} instead of {wanted}")
        again = run("export", arn, "--store", url)
        if which == "mapping":
            checks.that(again == fixture.text(which), f"{name}: exported again it is the same file")
    listed = list(client.pages("ListExecutions", "executions", stateMachineArn=own))
    checks.that([item["executionArn"] for item in listed] == [fixture.arns["flaky"]], f"{name}: it is listed: {listed}")
    checks.that(json.loads(client.call("DescribeStateMachine", stateMachineArn=own)["definition"]) == WAITING,
                f"{name}: a machine that is there stays as it is")
    said = run("import", fixture.files["mapping"], "--store", url, code=1).decode()
    checks.that("there is an execution" in said, f"{name}: twice is refused: {said}")
    open(target.folder + "/mended", "w", encoding="utf-8").close()
    client.call("RedriveExecution", executionArn=fixture.arns["flaky"])
    ended(client, fixture.arns["flaky"])
    checks.that(client.call("DescribeExecution", executionArn=fixture.arns["flaky"])["status"] == "SUCCEEDED",
                f"{name}: a failed one can be redriven here")
    checks.that(target.stop() == 0, f"{name}: the server ends")
    target.close()
    return fixture.arns["flaky"]


def all_or_nothing(fixture, url, flaky):
    """The second file's execution is there: the first one's is not written either."""
    run("prune", "--older-than", "0s", "--machine", "Mapping", "--store", url)
    said = run("import", fixture.files["mapping"], fixture.files["flaky"], "--store", url, code=1).decode()
    fixture.checks.that(flaky in said, f"one that is there refuses all: {said}")
    server = Server()
    server.store = url
    server.start()
    server.ready()
    fixture.checks.that(not is_there(server.client(), fixture.arns["mapping"]), "the other one was not written")
    server.stop()
    server.close()
    run("import", fixture.files["mapping"], "--store", url)


def main():
    checks = Checks()
    fixture = Fixture(checks)
    refusals(fixture)
    postgres = Postgres()
    targets = {"SQLite": "sqlite:" + fixture.source.folder + "/target.db"}
    if postgres.start():
        targets["PostgreSQL"] = postgres.url("target")
    else:
        print("skipped on PostgreSQL: its server is not installed", flush=True)
    for name, url in targets.items():
        flaky = into(fixture, url, name)
        all_or_nothing(fixture, url, flaky)
    if "PostgreSQL" in targets:  # and back
        back = "sqlite:" + fixture.source.folder + "/back.db"
        run("import", "-", "--store", back, data=run("export", fixture.arns["mapping"], "--store", targets["PostgreSQL"]))
        checks.that(run("export", fixture.arns["mapping"], "--store", back) == fixture.text("mapping"), "and back")
    fixture.source.close()
    postgres.close()
    checks.end()


if __name__ == "__main__":
    main()
