#!/usr/bin/python3
"""A PostgreSQL that hangs: its processes are stopped for some seconds, all of them or one that has a commit in hand. A node
goes on answering meanwhile: what needs no database as ever, and everything else with an error that is worth another try,
soon. Nothing is lost or done twice, though what was on its way when they stopped is carried out when they wake.

FROZEN_S says for how long the requests of all kinds are tried (5). Skipped (exit 77) where PostgreSQL's server is not installed.
"""
import http.client
import os
import signal
import threading
import time

from crossing import Cluster
from engine import Checks, Client, Refused, history_faults
from postgres import send_signal

FROZEN_S = float(os.environ.get("FROZEN_S", 5))
EVERY_S = 0.5
ASK_S = 2      # runtime/store/postgres_priv.h: how long a silent database holds the loop
COMMIT_S = 10  # and how long a commit waits for it
COMMITS_S = COMMIT_S + 2
SLACK_S = 1.5  # other programs may use the machine
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": True}}}
NAP = {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 3600, "End": True}}}


class Asking:
    """Requests of all kinds, one of each every half second; what became of them, and how long it took."""

    def __init__(self, node, calls):
        self.node, self.calls = node, calls
        self.answers = {kind: [] for kind in calls}  # (begun, seconds, error or None)
        self.began = time.monotonic()
        self.threads = []

    def _ask(self, kind, number):
        begun = time.monotonic()
        try:
            self.calls[kind](number)
            error = None
        except Refused as refused:
            error = refused.kind
        except (OSError, http.client.HTTPException, ValueError) as broken:
            error = repr(broken)
        self.answers[kind].append((begun - self.began, time.monotonic() - begun, error))

    def go_on(self, seconds):
        number = 0
        while time.monotonic() - self.began < seconds:
            for kind in self.calls:
                thread = threading.Thread(target=self._ask, args=(kind, number))
                thread.start()
                self.threads.append(thread)
            number += 1
            time.sleep(max(0, self.began + number * EVERY_S - time.monotonic()))
        return number

    def end(self):
        for thread in self.threads:
            thread.join()
        for kind, answers in self.answers.items():
            early = [took for begun, took, _ in answers if begun < ASK_S + SLACK_S]
            late = [took for begun, took, _ in answers if begun >= ASK_S + SLACK_S] or [0]
            errors = sorted({error or "ok" for _, _, error in answers})
            print(f"{kind:20} at first {max(early):6.2f} s, then {max(late):6.2f} s at most: {', '.join(errors)}")

    def slowest(self, kind, after_s=0.0):
        return max(took for begun, took, _ in self.answers[kind] if begun >= after_s)

    def errors(self, kind):
        return {error for _, _, error in self.answers[kind]}


def until(holds, within_s=10):
    end = time.monotonic() + within_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)


def get(node, path):
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Refused(str(answer.status), path)
    finally:
        connection.close()


def call(node, operation, **members):
    client = Client(node.port, timeout=60)
    try:
        return client.call(operation, **members)
    finally:
        if client.connection:
            client.connection.close()


def hangs(checks, cluster):
    node = cluster.nodes[0]
    machine = cluster.machine("pass", PASS)
    express = call(node, "CreateStateMachine", name="express", roleArn="arn:aws:iam::123456789012:role/test",
                   type="EXPRESS", definition='{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')
    nap = call(node, "StartExecution", stateMachineArn=cluster.machine("nap", NAP), name="nap")["executionArn"]
    ended = call(node, "StartExecution", stateMachineArn=machine, name="before")["executionArn"]
    checks.that(cluster.outcome(node.client(), ended)["status"] == "SUCCEEDED", "executions run before")
    acknowledged = {}

    def start(number):
        acknowledged[f"n{number}"] = call(node, "StartExecution", stateMachineArn=machine, name=f"n{number}")

    asking = Asking(node, {
        "/health": lambda number: get(node, "/health"),
        "/metrics": lambda number: get(node, "/metrics"),
        "StartSyncExecution": lambda number: call(node, "StartSyncExecution", stateMachineArn=express["stateMachineArn"]),
        "DescribeExecution": lambda number: call(node, "DescribeExecution", executionArn=nap),
        "GetExecutionHistory": lambda number: call(node, "GetExecutionHistory", executionArn=ended),
        "StartExecution": start,
    })
    with cluster.postgres.frozen():
        names = [f"n{number}" for number in range(asking.go_on(FROZEN_S))]
        early = dict(acknowledged)
    woke = time.monotonic()
    asking.end()

    checks.that(not early, f"nothing is acknowledged that is not on disk: {early}")
    for kind in ("/health", "/metrics"):
        checks.that(asking.errors(kind) == {None}, f"{kind} is answered: {asking.errors(kind)}")
    for kind in ("StartSyncExecution", "DescribeExecution", "GetExecutionHistory", "StartExecution"):
        checks.that(asking.errors(kind) <= {None, "ServiceUnavailable"},
                    f"{kind} is answered, or with an error that is worth another try: {asking.errors(kind)}")
    for kind in ("/health", "/metrics", "StartSyncExecution", "DescribeExecution", "GetExecutionHistory"):
        checks.that(asking.slowest(kind) < ASK_S + SLACK_S, f"{kind} takes {asking.slowest(kind):.2f} s at most")
        later = asking.slowest(kind, ASK_S + SLACK_S)
        checks.that(later < SLACK_S, f"{kind} takes {later:.2f} s at most once the node knows")
    took = asking.slowest("StartExecution")
    checks.that(took < COMMIT_S + ASK_S + SLACK_S, f"StartExecution takes {took:.2f} s at most")

    all_once(checks, cluster, machine, names, acknowledged)
    print(f"everything was there {time.monotonic() - woke:.2f} s after the end", flush=True)


class Starting:
    """Starts by several clients that never rest: so some are in a commit whenever it is that something happens."""

    def __init__(self, node, machine, prefix, clients=12, pause_s=0.01):
        self.node, self.machine = node, machine
        self.pause_s = pause_s
        self.names, self.acknowledged, self.answers = [], {}, []
        self.ends = False
        self.threads = [threading.Thread(target=self._start, args=(f"{prefix}{n}-",)) for n in range(clients)]
        for thread in self.threads:
            thread.start()

    def _start(self, prefix):
        number = 0
        while not self.ends:
            name = f"{prefix}{number}"
            number += 1
            self.names.append(name)
            begun = time.monotonic()
            try:
                answer = call(self.node, "StartExecution", stateMachineArn=self.machine, name=name)
                self.acknowledged[name] = answer
                error = None
            except Refused as refused:
                error = refused.kind
            self.answers.append((begun, time.monotonic() - begun, error))
            time.sleep(self.pause_s if error is None else 0.3)

    def end(self):
        self.ends = True
        for thread in self.threads:
            thread.join()

    def slowest(self):
        return max(took for _, took, _ in self.answers)

    def errors(self):
        return {error for _, _, error in self.answers}


def all_once(checks, cluster, machine, names, acknowledged):
    """Starts that were refused or not answered can be made again: each name is one execution with a good history."""
    client = cluster.nodes[0].client()
    refused = [name for name in names if name not in acknowledged]
    faults, late = [], 0
    for name in refused + list(acknowledged)[-100:]:
        try:
            client.persist("StartExecution", stateMachineArn=machine, name=name)
        except Refused as refusal:  # it was carried out, and has ended
            if refusal.kind != "ExecutionAlreadyExists":
                faults.append(f"{name} cannot be started again: {refusal}")
            late += name not in acknowledged
        arn = machine.replace(":stateMachine:", ":execution:") + ":" + name
        outcome = cluster.outcome(client, arn)
        events = list(client.pages("GetExecutionHistory", "events", executionArn=arn))
        if outcome["status"] != "SUCCEEDED" or history_faults(events):
            faults.append(f"{name}: {outcome['status']}, {history_faults(events)}")
        if name in acknowledged and abs(outcome["startDate"] - acknowledged[name]["startDate"]) > 0.001:
            faults.append(f"{name}: what was acknowledged is another one")
    print(f"{late} of {len(refused)} starts that were refused were carried out", flush=True)
    checks.that(not faults, f"{len(faults)} executions are not as they should be: {faults[:3]}")
    rows = cluster.query("SELECT count(*), count(DISTINCT arn), count(*) FILTER (WHERE status = 'SUCCEEDED') FROM"
                         f" orchestrator.executions WHERE machine = '{machine}' AND arn NOT LIKE '%:before'")
    checks.that(rows == [[str(len(names))] * 3], f"{rows} rows of {len(names)} executions")


def commits_hang(checks, cluster):
    """All of the database stops while commits are under way, for longer than a commit waits."""
    node = cluster.nodes[0]
    machine = cluster.machine("stream", PASS)
    starting = Starting(node, machine, "all")
    time.sleep(0.5)
    with cluster.held_commits(node):  # so one waits for a lock when everything stops
        time.sleep(0.3)
        with cluster.postgres.frozen():
            time.sleep(COMMITS_S)
            known = len(starting.acknowledged)
    checks.that(known > 10, f"starts were acknowledged before: {known}")
    until(lambda: len(starting.acknowledged) > known + 20)
    starting.end()
    print(f"StartExecution, commits hang: {starting.slowest():.2f} s at most", flush=True)
    checks.that(starting.errors() <= {None, "ServiceUnavailable"}, f"starts are told to try again: {starting.errors()}")
    checks.that(starting.slowest() < COMMIT_S + ASK_S + SLACK_S, f"and in time: {starting.slowest():.2f} s")
    checks.that(len(starting.acknowledged) > known, "and go on afterwards")
    all_once(checks, cluster, machine, starting.names, starting.acknowledged)


def a_commit_hangs(checks, cluster):
    """One connection stops in the middle of its work, with the locks that it has, and the others do not."""
    node = cluster.nodes[0]
    machine = cluster.machine("one", PASS)
    starting = Starting(node, machine, "one", pause_s=0.05)
    time.sleep(0.5)
    rows = []
    while not rows:
        rows = cluster.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'orchestrator writer %' AND"
                             " state <> 'idle'")
    pids = [int(row[0]) for row in rows]
    checks.that(pids, "a commit is under way")
    asking = Asking(node, {"/health": lambda number: get(node, "/health"),
                           "DescribeStateMachine": lambda number: call(node, "DescribeStateMachine",
                                                                       stateMachineArn=machine)})
    try:
        send_signal(pids, signal.SIGSTOP)
        asking.go_on(COMMITS_S + 2)
    finally:
        send_signal(pids, signal.SIGCONT)
    asking.end()
    for kind in asking.calls:
        checks.that(asking.slowest(kind) < SLACK_S, f"{kind} takes {asking.slowest(kind):.2f} s at most")
    known = len(starting.acknowledged)
    until(lambda: len(starting.acknowledged) > known + 20)
    starting.end()
    print(f"StartExecution, one commit hangs: {starting.slowest():.2f} s at most", flush=True)
    checks.that(starting.errors() <= {None, "ServiceUnavailable"}, f"starts are told to try again: {starting.errors()}")
    checks.that(starting.slowest() < COMMIT_S + ASK_S + SLACK_S, f"and in time: {starting.slowest():.2f} s")
    all_once(checks, cluster, machine, starting.names, starting.acknowledged)


def leases_come_back(checks, cluster):
    """No lease is left with a node that does not know of it."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        rows = cluster.query("SELECT node, count(*) FROM orchestrator.lease GROUP BY node")
        if len(rows) == 1 and rows[0][0] and not cluster.query(
                "SELECT 1 FROM orchestrator.node WHERE expires < now()"):
            break
        time.sleep(0.1)
    checks.that(len(rows) == 1 and rows[0][0], f"the node has all shards again: {rows}")


def main():
    checks = Checks()
    with Cluster() as cluster:
        cluster.add()
        hangs(checks, cluster)
        commits_hang(checks, cluster)
        a_commit_hangs(checks, cluster)
        leases_come_back(checks, cluster)
        checks.that(cluster.nodes[0].stop() == 0, "the node stops")
    checks.end()


main()
