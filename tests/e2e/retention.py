#!/usr/bin/python3
"""Closed executions go when their time is over, with all that belongs to them; nothing else does. On both stores."""
import json
import os
import sqlite3
import subprocess
import time

from engine import PROGRAM, ROLE, Checks, Refused, Server
from postgres import Postgres

CALLBACK = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
DEFINITIONS = {
    "Short": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}},
    "Kept": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1, "End": True}}},
    "Failing": {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E", "Cause": "C"}}},
    "Waiting": {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 9, "End": True}}},
    "Mapping": {"StartAt": "M", "States": {"M": {
        "Type": "Map", "End": True, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}}}},
}


class Store:
    """What is in a store, asked in SQL."""

    def __init__(self, url, postgres=None, database=None):
        self.url, self.postgres, self.database = url, postgres, database

    def ask(self, sql):
        if self.postgres:
            return [int(row[0]) for row in self.postgres.query(self.database, "SET search_path = orchestrator; " + sql)]
        connection = sqlite3.connect(self.url.removeprefix("sqlite:"), timeout=20)
        rows = [int(row[0]) for row in connection.execute(sql)]
        connection.close()
        return rows

    def count(self, table, where="1 = 1"):
        return self.ask(f"SELECT count(*) FROM {table} WHERE {where}")[0]


def run(*arguments, code=0):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ORCHESTRATOR_")}
    done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment, timeout=60)
    text = done.stdout.decode()
    assert done.returncode == code, f"{arguments}: exit {done.returncode}: {text}"
    return text


def until(condition, within_s=30):
    end = time.time() + within_s
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def create(client):
    machines = {}
    for name, definition in DEFINITIONS.items():
        machines[name] = client.call("CreateStateMachine", name=name, roleArn=ROLE,
                                     definition=json.dumps(definition))["stateMachineArn"]
    return machines


def start(client, machines, name, execution, value=None):
    return client.call("StartExecution", stateMachineArn=machines[name], name=execution,
                       input=json.dumps(value or {}))["executionArn"]


def is_there(client, arn):
    try:
        client.call("DescribeExecution", executionArn=arn)
        return True
    except Refused as refused:
        return refused.kind != "ExecutionDoesNotExist"


def serve_with_retention(checks, store):
    server = Server()
    server.store = store.url
    config = f"{server.folder}/config.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write("retention: {default: 2s, machines: {Kept: forever}}\n")
    server.options = ("--config", config)
    server.start()
    checks.that(server.ready(), "serve starts with a retention: " + server.log_text())
    client = server.client()
    machines = create(client)
    going = [start(client, machines, "Short", f"s{i}") for i in range(120)]
    going += [start(client, machines, "Failing", "f"), start(client, machines, "Mapping", "m", [1, 2, 3])]
    staying = [start(client, machines, "Kept", "k"), start(client, machines, "Waiting", "w")]
    checks.that(until(lambda: store.count("execution", "map_run IS NOT NULL") == 3), "the map run has its children")
    checks.that(until(lambda: not any(is_there(client, arn) for arn in going)), "what was closed for 2 s is gone")
    checks.that(until(lambda: store.count("execution") == 2), "and the children of the map run")
    checks.that(until(lambda: store.count("document", "kind = 'maprun'") == 0), "and its record")
    checks.that(store.count("history", "execution NOT IN (SELECT id FROM execution)") == 0, "no history is left over")
    checks.that(all(is_there(client, arn) for arn in staying), "what is kept or running is there")
    checks.that(client.call("DescribeExecution", executionArn=staying[1])["status"] == "RUNNING", "the wait still waits")
    checks.that(until(lambda: client.call("DescribeExecution", executionArn=staying[1])["status"] == "SUCCEEDED", 15),
                "and comes to its end")
    checks.that(until(lambda: not is_there(client, staying[1])), "and then goes too")
    again = start(client, machines, "Mapping", "again", [1])
    checks.that(until(lambda: not is_there(client, again)), "another map run after that ends and goes")
    checks.that("retention: removed" in server.log_text(), "the log says so")
    checks.that(server.stop() == 0, "serve ends")
    server.close()


def prune(checks, store):
    server = Server()
    server.store = store.url
    server.start()
    checks.that(server.ready(), "serve starts")
    client = server.client()
    machines = create(client)
    for i in range(5):
        start(client, machines, "Short", f"p{i}")
    start(client, machines, "Mapping", "pm", [1, 2])
    waiting = start(client, machines, "Waiting", "pw")
    checks.that(until(lambda: store.count("execution", "status = 1") == 9), "eight have ended, one is of before")
    checks.that("would remove 0 executions" in run("prune", "--older-than", "1h", "--dry-run", "--store", store.url),
                "nothing is an hour old")
    time.sleep(1.3)
    text = run("prune", "--older-than", "1s", "--dry-run", "--store", store.url)
    checks.that("would remove 7 executions, 2 child executions of 1 map runs" in text, f"a dry run counts: {text}")
    checks.that(store.count("execution", "status = 1") == 9, "and removes nothing")
    text = run("prune", "--older-than", "1s", "--machine", "Mapping", "--store", store.url)
    checks.that("removed 1 executions, 2 child executions of 1 map runs, 0 definitions" in text,
                f"one machine's alone: {text}")
    text = run("prune", "--older-than", "1s", "--store", store.url)
    checks.that("removed 6 executions" in text, f"then the others, while a server runs: {text}")
    checks.that(store.count("execution") == 1 and is_there(client, waiting), "what runs stays")
    client.call("DeleteStateMachine", stateMachineArn=machines["Failing"])
    checks.that(server.stop() == 0, "serve ends")
    server.close()
    before = store.count("document", "kind = 'definition'")
    text = run("prune", "--older-than", "1s", "--store", store.url)
    checks.that("2 definitions" in text and store.count("document", "kind = 'definition'") == before - 2,
                f"definitions that nothing refers to go when nobody runs the store: {text}")
    checks.that("status" in run("describe", waiting, "--store", store.url), "the one that waits keeps its own")
    checks.that("--older-than" in run("prune", "--store", store.url, code=2), "an age must be said")
    checks.that("expected a time" in run("prune", "--older-than", "soon", "--store", store.url, code=2), "a known one")


def settings(checks):
    server = Server()
    config = f"{server.folder}/config.yaml"
    for text, says in (("retention: {default: soon}", "retention: default: expected a time"),
                       ("retention: {machines: {A: 5}}", "retention: machines: A: expected a time"),
                       ("retention: {all: 5d}", 'unknown setting "all"'),
                       ("retention: 5x", "--retention: expected a time")):
        with open(config, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        said = run("serve", "--config", config, "--store", server.store, "--listen", "127.0.0.1:0", code=1)
        checks.that(says in said, f"{text}: {said}")
    said = run("serve", "--retention", "1h", "--clock", "virtual", "--store", server.store, "--listen", "127.0.0.1:0",
               code=1)
    checks.that("real clock" in said, f"no retention by a virtual clock: {said}")
    server.close()


def main():
    checks = Checks()
    folder = Server()
    settings(checks)
    postgres = Postgres()
    stores = [Store(folder.store)]
    if postgres.start():
        stores.append(Store(postgres.url("retention"), postgres, "retention"))
    else:
        print("skipped on PostgreSQL: its server is not installed", flush=True)
    for store in stores:
        serve_with_retention(checks, store)
        prune(checks, store)
    postgres.close()
    folder.close()
    checks.end()


if __name__ == "__main__":
    main()
