#!/usr/bin/python3
"""Work that crosses nodes: three processes of `serve` on one PostgreSQL of its own, some with handlers, some without.

Skipped (exit 77) where PostgreSQL's server is not installed.
"""
import concurrent.futures
import json
import os
import time

from crossing import Cluster
from engine import Checks, Refused

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"

# Speaks lines; writes down each call before it answers.
QUICK = """#!/usr/bin/python3
import json, os, sys
log = open(os.environ["E2E_DIR"] + "/calls", "ab", buffering=0)
for line in sys.stdin:
    call = json.loads(line)
    log.write((json.dumps({"name": call["function"], "token": call["context"]["idempotencyToken"],
                           "n": call["payload"]["n"]}) + "\\n").encode())
    print(json.dumps({"id": call["id"], "result": {"n": call["payload"]["n"], "by": call["function"]}}), flush=True)
"""

# Works as long as the file `hold` is in the folder of its node.
SLOW = """#!/usr/bin/python3
import json, os, sys, time
folder = os.environ["E2E_DIR"]
payload = json.load(sys.stdin)
with open(folder + "/calls", "a") as log:
    log.write(json.dumps({"name": "slow", "pid": os.getpid(), "n": payload["n"],
                          "token": os.environ["ORCHESTRATOR_IDEMPOTENCY_TOKEN"]}) + "\\n")
while os.path.exists(folder + "/hold"):
    time.sleep(0.02)
print(json.dumps({"n": payload["n"], "by": "slow"}))
"""

MAP = {
    "StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "Each", "End": True, "ItemsPath": "$.items", "MaxConcurrency": 10,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Nap", "States": {
                "Nap": {"Type": "Wait", "Seconds": 1, "Next": "Item"},
                "Item": {"Type": "Pass", "Parameters": {"n.$": "$"}, "End": True}}}}}}

NESTED = {
    "StartAt": "Child", "States": {"Child": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True,
        "OutputPath": "$.Output",
        "Parameters": {"StateMachineArn.$": "$.machine", "Input": {"items": [1]}}}}}


def children_lie_with_their_parents(checks, cluster):
    client = cluster.nodes[0].client()
    each = cluster.machine("each", MAP)
    parent = client.call("StartExecution", stateMachineArn=each, input='{"items": [1, 2, 3, 4, 5, 6, 7, 8, 9]}')
    outcome = cluster.outcome(client, parent["executionArn"])
    checks.that(outcome.get("output") == '[{"n":1},{"n":2},{"n":3},{"n":4},{"n":5},{"n":6},{"n":7},{"n":8},{"n":9}]',
                f"a distributed Map has the output of its children: {outcome}")
    rows = cluster.query("SELECT c.shard = p.shard FROM orchestrator.execution c, orchestrator.execution p"
                         f" WHERE c.map_run IS NOT NULL AND p.arn = '{parent['executionArn']}'")
    checks.that(rows == [["t"]] * 9, f"its children lie on its shard: {rows}")

    nested = cluster.machine("nested", NESTED)
    parents = [client.call("StartExecution", stateMachineArn=nested, input=f'{{"machine": "{each}"}}')["executionArn"]
               for _ in range(3)]
    for arn in parents:
        checks.that(cluster.outcome(client, arn).get("output") == '[{"n":1}]', "a nested execution gives its output")
    shards = {kind: sorted(cluster.query("SELECT shard FROM orchestrator.execution WHERE map_run IS NULL"
                                         f" AND arn LIKE '%:{kind}:%' AND arn <> '{parent['executionArn']}'"))
              for kind in ("nested", "each")}
    checks.that(shards["nested"] == shards["each"], f"nested executions lie on the shards of their parents: {shards}")


def task(name, **more):
    return {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": FUNCTION + name, "End": True, **more}}}


def start_everywhere(cluster, machine, count):
    """Executions that are asked for at one node after the other, and so lie on the shards of all."""
    clients = [node.client() for node in cluster.nodes if node.process.poll() is None]
    return [clients[n % len(clients)].call("StartExecution", stateMachineArn=machine, input=json.dumps({"n": n}))
            ["executionArn"] for n in range(count)]


def until(condition, within_s=15):
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def tasks_go_where_their_function_is(checks, cluster):
    one, two, three = cluster.nodes
    client = one.client()
    alpha, both, none = (cluster.machine(name, task(name)) for name in ("alpha", "both", "none"))
    arns = start_everywhere(cluster, alpha, 24)
    outputs = [cluster.outcome(client, arn).get("output") for arn in arns]
    checks.that(outputs == [f'{{"n":{n},"by":"alpha"}}' for n in range(24)],
                f"a function of one node serves the executions of all: {outputs}")
    checks.that(sorted(call["n"] for call in two.calls()) == list(range(24)) and not one.calls() and not three.calls(),
                "each task was done once, by the node that has the function")

    arns = start_everywhere(cluster, both, 24)
    outcomes = [cluster.outcome(client, arn) for arn in arns]
    checks.that(all(outcome["status"] == "SUCCEEDED" for outcome in outcomes), f"a function of two nodes: {outcomes}")
    did = [sum(call["name"] == "both" for call in node.calls()) for node in (two, three)]
    checks.that(sum(did) == 24 and min(did) >= 4, f"those who have a function take turns: {did}")

    outcome = cluster.outcome(client, start_everywhere(cluster, none, 1)[0])
    checks.that(outcome.get("error") == "Lambda.ResourceNotFoundException", f"nobody has the function: {outcome}")

    one.handler("late.lines.py", QUICK)
    late = cluster.machine("late", task("late"))
    checks.that(until(lambda: [cluster.outcome(client, arn)["status"] for arn in start_everywhere(cluster, late, 3)]
                      == ["SUCCEEDED"] * 3), "a function that is new is known to the others after a while")


def cancelled_tasks_end_elsewhere(checks, cluster):
    two = cluster.nodes[1]
    client = cluster.nodes[0].client()
    open(f"{two.folder}/hold", "w", encoding="ascii").close()
    slow = cluster.machine("slow", task("slow"))
    arns = start_everywhere(cluster, slow, 6)
    checks.that(until(lambda: sum(call["name"] == "slow" for call in two.calls()) == 6), "six tasks are at work")
    pids = [call["pid"] for call in two.calls() if call["name"] == "slow"]
    for arn in arns:
        client.call("StopExecution", executionArn=arn)
    checks.that(until(lambda: not any(is_running(pid) for pid in pids), 5),
                "StopExecution ends the work of a task on another node")
    os.unlink(f"{two.folder}/hold")


class Worker:
    """Polls one node for an activity until it is told to stop, and does what it gets."""

    def __init__(self, node, activity):
        self.client = node.client(timeout=70)
        self.activity = activity
        self.stops = False
        self.done = []

    def run(self):
        while not self.stops:
            try:
                got = self.client.call("GetActivityTask", activityArn=self.activity, workerName=f"at {self.client.port}")
            except (OSError, ValueError):
                return  # the node went away
            if got.get("taskToken"):
                n = json.loads(got["input"])["n"]
                self.done.append((n, got["taskToken"], time.time()))
                self.client.call("SendTaskSuccess", taskToken=got["taskToken"], output=json.dumps({"n": n}))


def activities_are_served_anywhere(checks, cluster):
    client = cluster.nodes[0].client()
    activity = client.call("CreateActivity", name="hands")["activityArn"]
    machine = cluster.machine("hands", {"StartAt": "Work", "States": {
        "Work": {"Type": "Task", "Resource": activity, "TimeoutSeconds": 60, "End": True}}})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # Tasks that wait for a worker of another node.
        arns = start_everywhere(cluster, machine, 12)
        lone = Worker(cluster.nodes[0], activity)
        pool.submit(lone.run)
        checks.that(until(lambda: len(lone.done) == 12), f"a worker at one node gets the tasks of all: {lone.done}")
        # Workers that wait for tasks of other nodes.
        time.sleep(0.5)
        took = []
        for n in range(12, 24):
            begun = time.time()
            arns += start_one(cluster, machine, n)
            until(lambda: len(lone.done) > n)
            took.append(lone.done[-1][2] - begun if len(lone.done) > n else 99)
        print(f"from start to the worker, over nodes: median {sorted(took)[6] * 1000:.0f} ms, most {max(took) * 1000:.0f} ms")
        checks.that(sorted(took)[6] < 0.5, f"a worker that waits gets a task of another node quickly: {took}")
        # Many of both.
        workers = [lone] + [Worker(node, activity) for node in cluster.nodes * 2]
        for worker in workers[1:]:
            pool.submit(worker.run)
        for n in range(24, 96):
            arns += start_one(cluster, machine, n)
        outcomes = [cluster.outcome(client, arn) for arn in arns]
        done = [entry for worker in workers for entry in worker.done]
        checks.that(all(outcome["status"] == "SUCCEEDED" for outcome in outcomes),
                    f"every task is done: {[o for o in outcomes if o['status'] != 'SUCCEEDED']}")
        checks.that(sorted(n for n, _, _ in done) == list(range(96)),
                    f"each task went to one worker: {sorted(n for n, _, _ in done)}")
        checks.that(len({token for _, token, _ in done}) == len(done), "no token was given twice")
        for worker in workers:
            worker.stops = True
        for n in range(len(workers)):  # the polls that wait get one more each
            start_one(cluster, machine, 1000 + n)


def start_one(cluster, machine, n):
    """At one node after the other."""
    node = cluster.nodes[n % len(cluster.nodes)]
    return [node.client().call("StartExecution", stateMachineArn=machine, input=json.dumps({"n": n}))["executionArn"]]


def children_elsewhere(checks, cluster):
    client = cluster.nodes[0].client()
    child = cluster.machine("child", {"StartAt": "Nap", "States": {
        "Nap": {"Type": "Wait", "SecondsPath": "$.nap", "OutputPath": "$.n", "End": True}}})
    parent = cluster.machine("parent", {"StartAt": "Child", "States": {"Child": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "OutputPath": "$.Output",
        "End": True, "Parameters": {"StateMachineArn": child, "Name.$": "$.name", "Input.$": "$"}}}})

    def start(n, nap):
        return cluster.nodes[n % 3].client().call("StartExecution", stateMachineArn=parent, input=json.dumps(
            {"n": n, "nap": nap, "name": f"child-{nap}-{n}"}))["executionArn"]

    arns = [start(n, 1) for n in range(12)]
    outputs = [cluster.outcome(client, arn).get("output") for arn in arns]
    checks.that(outputs == [str(n) for n in range(12)], f"a nested execution on another node gives its output: {outputs}")

    arns = [start(n, 3600) for n in range(6)]
    children = [arn.replace(":parent:", ":child:").rsplit(":", 1)[0] + f":child-3600-{n}" for n, arn in enumerate(arns)]

    def status(arn):
        try:
            return client.call("DescribeExecution", executionArn=arn)["status"]
        except Refused:
            return None

    checks.that(until(lambda: {status(arn) for arn in children} == {"RUNNING"}), "six children wait")
    time.sleep(0.5)
    for arn in arns:
        client.call("StopExecution", executionArn=arn)
    checks.that(until(lambda: {status(arn) for arn in children} == {"ABORTED"}),
                f"who is stopped stops its children on other nodes: {[status(arn) for arn in children]}")


def children_on_their_way(checks, cluster):
    """Who is stopped while the start of its child waits on another node stops the child nevertheless."""
    client = cluster.nodes[0].client()
    child = cluster.machine("late-child", {"StartAt": "Nap", "States": {
        "Nap": {"Type": "Wait", "Seconds": 3600, "End": True}}})
    parent = cluster.machine("late-parent", {"StartAt": "Child", "States": {"Child": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True,
        "Parameters": {"StateMachineArn": child, "Name.$": "$.name", "Input.$": "$"}}}})
    prefix = child.replace(":stateMachine:", ":execution:") + ":"

    def statuses():
        return dict(cluster.query(f"SELECT arn, status FROM orchestrator.executions WHERE arn LIKE '{prefix}%'"))

    with cluster.held_commits(cluster.nodes[1]):
        arns = [client.call("StartExecution", stateMachineArn=parent, input=json.dumps({"name": f"late{n}"}))["executionArn"]
                for n in range(12)]  # without a name: of the node that is asked
        until(lambda: len(cluster.query("SELECT 1 FROM orchestrator.inbox WHERE body LIKE '%late%'")) > 0
              and len(statuses()) > 0)
        time.sleep(0.5)
        held = 12 - len(statuses())
        checks.that(0 < held < 12, f"the starts of some children are held: {held}")
        for arn in arns:
            client.call("StopExecution", executionArn=arn)
        time.sleep(0.5)
    time.sleep(1)
    checks.that(until(lambda: set(statuses().values()) == {"ABORTED"}),
                f"children whose start was on its way are stopped: {statuses()}")
    print(f"{held} starts were held, {len(statuses()) - 12 + held} of them were carried out")


def work_of_a_dead_node(checks, cluster):
    one, two, three = cluster.nodes
    client = one.client()
    open(f"{two.folder}/hold", "w", encoding="ascii").close()
    before = len(two.calls())
    slow = one.client().call("ListStateMachines")["stateMachines"]
    slow = next(machine["stateMachineArn"] for machine in slow if machine["name"] == "slow")
    arns = [start_one(cluster, slow, n)[0] for n in range(6)]
    checks.that(until(lambda: len(two.calls()) == before + 6), "six tasks are at work on the node that will die")
    tokens = sorted(call["token"] for call in two.calls()[before:])
    three.handler("slow.py", SLOW)
    declares = f"SELECT 1 FROM orchestrator.node WHERE name LIKE '%:{three.process.pid}-%' AND info LIKE '%slow%'"
    checks.that(until(lambda: cluster.query(declares)), "a node tells what handlers it has got since it began")
    time.sleep(1.5)  # the others look at it every second
    two.kill()
    begun = time.time()
    outcomes = [cluster.outcome(client, arn) for arn in arns]
    print(f"the tasks of a dead node were done elsewhere after {time.time() - begun:.1f} s")
    checks.that([outcome.get("output") for outcome in outcomes] == [f'{{"n":{n},"by":"slow"}}' for n in range(6)],
                f"they are done by another node: {outcomes}")
    again = sorted(call["token"] for call in three.calls() if call["name"] == "slow")
    checks.that(again == tokens, f"under the same idempotency tokens: {again} {tokens}")


def main():
    checks = Checks()
    with Cluster() as cluster:
        cluster.add()
        children_lie_with_their_parents(checks, cluster)
        cluster.add({"alpha.lines.py": QUICK, "both.lines.py": QUICK, "slow.py": SLOW})
        cluster.add({"both.lines.py": QUICK})
        checks.that(cluster.balanced(), "three nodes share the shards")
        tasks_go_where_their_function_is(checks, cluster)
        cancelled_tasks_end_elsewhere(checks, cluster)
        activities_are_served_anywhere(checks, cluster)
        children_elsewhere(checks, cluster)
        children_on_their_way(checks, cluster)
        work_of_a_dead_node(checks, cluster)
    checks.end()


main()
