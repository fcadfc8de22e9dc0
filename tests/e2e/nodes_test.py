#!/usr/bin/python3
"""Several processes of `serve` on one PostgreSQL: who owns what when nodes join, leave, die and are paused, and requests
that reach a node which does not own the execution.

Skipped (exit 77) where PostgreSQL's server is not installed.
"""
import json
import os
import signal
import subprocess
import threading
import time

from crossing import Cluster
from engine import PROGRAM, Checks, Client, Refused, history_faults

WAIT = {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "Out"},
                                     "Out": {"Type": "Pass", "Result": "done", "End": True}}}
CALLBACK = {"StartAt": "Ask", "States": {"Ask": {
    "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "HeartbeatSeconds": 60, "End": True,
    "Parameters": {"MessageBody": {"Token.$": "$$.Task.Token"}}}}}
FAILING = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Not", "Cause": "now"}}}
SHARDS = 64


def owners(cluster):
    """How many shards each live node has, in the order of their names; shards without one are under ''."""
    rows = cluster.query("SELECT coalesce(n.name, ''), count(*) FROM orchestrator.lease l LEFT JOIN orchestrator.node n"
                         " ON n.name = l.node AND n.expires > now() GROUP BY 1 ORDER BY 1")
    return [(name, int(count)) for name, count in rows]


def until(holds, within_s):
    """The seconds it took; None: it did not come true."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        if holds():
            return time.monotonic() - began
        time.sleep(0.02)
    return None


def balanced(cluster, nodes):
    def holds():
        counts = [count for name, count in owners(cluster) if name]
        return len(counts) == nodes and sum(counts) == SHARDS and max(counts) <= -(-SHARDS // nodes)
    return holds


def tokens(cluster, arn):
    text = subprocess.run([PROGRAM, "task", "tokens", "--store", cluster.postgres.url("nodes"), "-o", "json"],
                          check=True, capture_output=True, text=True, timeout=60).stdout
    return [task["taskToken"] for task in json.loads(text) if task["executionArn"] == arn]


def kind_of(call):
    try:
        call()
    except Refused as refused:
        return refused.kind
    return None


def requests_reach_the_owner(checks, cluster):
    """Every kind of request, of executions on all shards, through a node that owns a third of them."""
    first, second = cluster.nodes[0].client(), cluster.nodes[1].client()
    wait = cluster.machine("wait", WAIT)
    callback = cluster.machine("callback", CALLBACK)
    failing = cluster.machine("failing", FAILING)
    names = [f"n{i}" for i in range(40)]
    arns = [first.call("StartExecution", stateMachineArn=wait, name=name, input='{"seconds": 600}')["executionArn"]
            for name in names]
    shards = cluster.query("SELECT count(DISTINCT shard) FROM orchestrator.execution")
    checks.that(int(shards[0][0]) > 20, f"the executions lie on many shards: {shards}")
    again = [second.call("StartExecution", stateMachineArn=wait, name=name, input='{"seconds": 600}')["executionArn"]
             for name in names]
    checks.that(again == arns, "a start with the same name and input is the same start on another node")
    kinds = {kind_of(lambda: second.call("StartExecution", stateMachineArn=wait, name=name, input='{"seconds": 1}'))
             for name in names}
    checks.that(kinds == {"ExecutionAlreadyExists"}, f"a name that is taken is refused on every node: {kinds}")
    chosen = [second.call("StartExecution", stateMachineArn=wait, input='{"seconds": 600}')["executionArn"]
              for _ in range(20)]
    for arn in arns + chosen:
        second.call("StopExecution", executionArn=arn, error="E", cause="C")
    states = {first.call("DescribeExecution", executionArn=arn)["status"] for arn in arns + chosen}
    checks.that(states == {"ABORTED"}, f"all were stopped: {states}")
    kinds = {kind_of(lambda: second.call("StopExecution", executionArn=arns[0][:-2] + f"none{i}")) for i in range(20)}
    checks.that(kinds == {"ExecutionDoesNotExist"}, f"none is stopped that is not there: {kinds}")

    asks = [first.call("StartExecution", stateMachineArn=callback, name=f"c{i}")["executionArn"] for i in range(12)]
    for number, arn in enumerate(asks):
        if until(lambda: tokens(cluster, arn), 10) is None:
            checks.that(False, "a callback waits for its token")
            continue
        token = tokens(cluster, arn)[0]
        second.call("SendTaskHeartbeat", taskToken=token)
        if number % 2:
            second.call("SendTaskFailure", taskToken=token, error="Nope")
        else:
            second.call("SendTaskSuccess", taskToken=token, output=f'{{"n": {number}}}')
        kind = kind_of(lambda: first.call("SendTaskSuccess", taskToken=token, output="{}"))
        checks.that(kind == "TaskTimedOut", f"a token completes its task once: {kind}")
        outcome = cluster.outcome(second, arn)
        checks.that(outcome["status"] == ("FAILED" if number % 2 else "SUCCEEDED"), f"a callback ends it: {outcome}")

    fails = [first.call("StartExecution", stateMachineArn=failing, name=f"f{i}")["executionArn"] for i in range(12)]
    for arn in fails:
        cluster.outcome(first, arn)
        second.call("RedriveExecution", executionArn=arn)
        checks.that(cluster.outcome(first, arn).get("redriveCount") == 1, "a redrive reaches the owner")
    return wait


def command_line_asks(checks, cluster):
    """It is no node, and leaves its request to the owner of the first shard, who may have to ask another one."""
    for i in range(6):
        done = subprocess.run([PROGRAM, "start", "wait", "--name", f"cli{i}", "--input", '{"seconds": 0}', "--store",
                               cluster.postgres.url("nodes")], capture_output=True, text=True, timeout=60)
        if not checks.that(done.returncode == 0, f"the command line starts an execution: {done.stderr}"):
            break
        outcome = cluster.outcome(cluster.nodes[0].client(), done.stdout.strip())
        checks.that(outcome["status"] == "SUCCEEDED", f"and it runs: {outcome}")


def start_waits(cluster, machine, prefix, seconds, count=60):
    client = cluster.nodes[0].client()
    return [client.persist("StartExecution", stateMachineArn=machine, name=f"{prefix}{i}",
                           input=json.dumps({"seconds": seconds}))["executionArn"] for i in range(count)]


def all_end(checks, cluster, arns, what, within_s=30):
    client = cluster.nodes[0].client()
    outcomes = [cluster.outcome(client, arn, within_s) for arn in arns]
    checks.that(all(outcome["status"] == "SUCCEEDED" for outcome in outcomes),
                f"{what}: {[o for o in outcomes if o['status'] != 'SUCCEEDED'][:3]}")
    faults = [fault for arn in arns[:20] for fault in history_faults(
        client.call("GetExecutionHistory", executionArn=arn, maxResults=1000)["events"])]
    checks.that(not faults, f"{what}, with good histories: {faults[:3]}")


def nodes_join(checks, cluster):
    cluster.add()
    checks.that(owners(cluster)[0][1] == SHARDS, f"one node owns all: {owners(cluster)}")
    wait = cluster.machine("early", WAIT)
    arns = start_waits(cluster, wait, "early", 3)
    for nodes in (2, 3):
        cluster.add()
        took = until(balanced(cluster, nodes), 10)
        checks.that(took is not None and took < 5, f"{nodes} nodes share the shards: {owners(cluster)} after {took} s")
    all_end(checks, cluster, arns, "executions end whose shards moved while they waited")


def node_is_killed(checks, cluster, machine):
    arns = start_waits(cluster, machine, "kill", 4)
    time.sleep(1.5)
    cluster.nodes[2].kill()
    took = until(balanced(cluster, 2), 15)
    checks.that(took is not None and took < 7, f"a killed node's shards are taken over in seconds: {took}")
    all_end(checks, cluster, arns, "executions of a killed node end")
    cluster.nodes[2].start()
    checks.that(cluster.nodes[2].ready() and until(balanced(cluster, 3), 10) is not None, "the node comes back")


def node_stops(checks, cluster, machine):
    arns = start_waits(cluster, machine, "stop", 2)
    checks.that(cluster.nodes[2].stop() == 0, "a node stops")
    took = until(balanced(cluster, 2), 5)
    checks.that(took is not None and took < 1, f"its shards are taken over at once: {took}")
    all_end(checks, cluster, arns, "executions of a node that stopped end")
    cluster.nodes[2].start()
    checks.that(cluster.nodes[2].ready() and until(balanced(cluster, 3), 10) is not None, "the node comes back")


def node_is_paused(checks, cluster, machine):
    """The paused one still believes that it owns its shards when it wakes up."""
    arns = start_waits(cluster, machine, "pause", 4)
    paused = cluster.nodes[1]
    os.kill(paused.process.pid, signal.SIGSTOP)
    took = until(balanced(cluster, 2), 15)
    checks.that(took is not None and took < 7, f"a paused node's shards are taken over: {took}")
    time.sleep(1)
    os.kill(paused.process.pid, signal.SIGCONT)
    late = paused.client()
    started = late.persist("StartExecution", stateMachineArn=machine, name="late", input='{"seconds": 0}')
    checks.that(until(balanced(cluster, 3), 15) is not None, f"it joins again: {owners(cluster)}")
    all_end(checks, cluster, arns + [started["executionArn"]], "executions of a paused node end")
    checks.that("lost to other nodes" in paused.log_text(), "the paused node says that it lost its shards")


def poll_later(node, activity, answers):
    thread = threading.Thread(target=lambda: answers.append(
        Client(node.port, 30).call("GetActivityTask", activityArn=activity)))
    thread.start()
    return thread


def polls_of_a_node_that_stops(checks, cluster):
    """Those that wait are answered at once; one whose task is being started gets it, here or on another node."""
    other, stopping = cluster.nodes[0], cluster.nodes[2]
    activity = other.client().call("CreateActivity", name="work")["activityArn"]
    machine = cluster.machine("work", {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": activity,
                                                                          "TimeoutSeconds": 60, "End": True}}})
    for where, owner in (("its own", stopping), ("another", other)):
        # Without a name they lie on a shard of the node that is asked.
        arns = [owner.client().persist("StartExecution", stateMachineArn=machine)["executionArn"] for _ in range(2)]
        first = stopping.client(30).call("GetActivityTask", activityArn=activity)
        checks.that(first.get("taskToken"), f"a task of {where} node comes")
        given, waiting = [], []
        with cluster.held_commits(owner):
            threads = [poll_later(stopping, activity, given)]
            time.sleep(0.5)  # it is being started, by the node that now has its commits held
            threads.append(poll_later(stopping, activity, waiting))
            time.sleep(0.3)
            stopping.process.send_signal(signal.SIGTERM)
            took = until(lambda: waiting, 2) if owner is stopping else 0
            checks.that(took is not None and took < 1, f"a poll that waits is answered at once: {took}")
            checks.that(not given, f"a task of {where} node is not given before its start is on disk: {given}")
        for thread in threads:
            thread.join()
        checks.that(stopping.process.wait(20) == 0, "the node stops")
        answers = [answer for answer in given + waiting if answer.get("taskToken")]
        checks.that(len(given) == len(waiting) == 1 and len(answers) == 1,
                    f"a task of {where} node that was being started is given: {given}, {waiting}")
        for answer in [first] + answers:
            other.client().persist("SendTaskSuccess", taskToken=answer["taskToken"], output='"done"')
        all_end(checks, cluster, arns, f"executions with tasks of {where} node end")
        stopping.start()
        checks.that(stopping.ready() and until(balanced(cluster, 3), 10) is not None, "the node comes back")


def database_restarts(checks, cluster, machine):
    arns = start_waits(cluster, machine, "db", 3, 30)
    cluster.postgres.restart()
    began = time.monotonic()
    arns += start_waits(cluster, machine, "after", 0, 10)
    checks.that(time.monotonic() - began < 20, "requests go on after the database was restarted")
    all_end(checks, cluster, arns, "executions go on after the database was restarted")
    checks.that(until(balanced(cluster, 3), 10) is not None, f"everybody is there: {owners(cluster)}")


def idle_is_quiet(checks, cluster, machine):
    """What three nodes with waiting executions ask the database in some seconds."""
    client = cluster.nodes[0].client()
    arns = start_waits(cluster, machine, "idle", 3600, 200)
    time.sleep(3)

    cluster.query("ALTER SYSTEM SET log_min_duration_statement = 0")
    cluster.query("SELECT pg_reload_conf()")
    time.sleep(6)
    cluster.query("ALTER SYSTEM RESET log_min_duration_statement")
    cluster.query("SELECT pg_reload_conf()")
    rate = cluster.postgres.log_text().count(" ms  execute ") / 6
    checks.that(2 < rate < 5, f"three idle nodes ask the database {rate:.1f} times a second")
    for arn in arns:
        client.persist("StopExecution", executionArn=arn)


def main():
    checks = Checks()
    with Cluster() as cluster:
        nodes_join(checks, cluster)
        machine = requests_reach_the_owner(checks, cluster)
        command_line_asks(checks, cluster)
        node_stops(checks, cluster, machine)
        polls_of_a_node_that_stops(checks, cluster)
        node_is_killed(checks, cluster, machine)
        node_is_paused(checks, cluster, machine)
        database_restarts(checks, cluster, machine)
        idle_is_quiet(checks, cluster, machine)
    checks.end()


main()
