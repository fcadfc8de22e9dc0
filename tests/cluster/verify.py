"""Compares everything that is in the store, read with SQL, with the model of workload.py and with what was
acknowledged."""
import collections
import json

import workload

STATUSES = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"]
ENDINGS = {"ExecutionSucceeded": "SUCCEEDED", "ExecutionFailed": "FAILED", "ExecutionTimedOut": "TIMED_OUT",
           "ExecutionAborted": "ABORTED"}
CALM_S = 10  # after the last disturbance, until everything is in its time again
LATE_WAIT_S = 5  # so late a Wait may end then, on a machine that has other things to do
LATE_S = 0.25  # a line may lie that long in the pipe of a handler whose node is gone


class Execution:
    """One row of `execution` with its history, as it is stored."""

    def __init__(self, row):
        (self.shard, self.id, self.arn, self.machine, self.status, self.map_run, self.started_ms,
         self.stopped_ms) = row
        self.status = STATUSES[self.status]
        self.kind = self.machine.split(":")[6].split("/")[0]
        self.name = self.arn.split(":")[-1]
        self.rows = []  # (first, last, events)
        self.events = []

    def add(self, first, last, events):
        self.rows.append((first, last, events))
        self.events += [event for event in events if event["id"]]


def read(database):
    """All executions, by ARN."""
    by_key, by_arn = {}, {}
    for row in database.json("SELECT shard, id, arn, machine, status, map_run, started_ms, stopped_ms"
                             " FROM orchestrator.execution"):
        execution = Execution(row)
        by_key[execution.shard, execution.id] = by_arn[execution.arn] = execution
    for shard, number, first, last, body in database.json(
            "SELECT shard, execution, first_event, last_event, body FROM orchestrator.history"
            " ORDER BY shard, execution, first_event, part"):
        by_key[shard, number].add(first, last, json.loads(body))
    return by_arn


def read_map_runs(database):
    """The records of all map runs, by ARN."""
    return {key: json.loads(body) for key, body in
            database.json("SELECT key, body FROM orchestrator.document WHERE kind = 'maprun'")}


# --- a history in itself -------------------------------------------------------------------------------------


def history_faults(execution):
    at = 1
    for first, last, events in execution.rows:
        ids = [event["id"] for event in events if event["id"]]
        if first != at or ids != list(range(first, last + 1)):
            yield f"the row {first} to {last} holds the events {ids}, where {at} comes next"
        at = last + 1
    events = execution.events
    if not events:
        yield "it has no events"
        return
    by_id = {event["id"]: event for event in events}
    for event in events:
        if not 0 <= event["prev"] < event["id"] or (event["prev"] and event["prev"] not in by_id):
            yield f"event {event['id']} follows {event['prev']}"
    times = [event["at"] for event in events]
    for before, after in zip(times, times[1:]):
        if after < before - 50:  # nodes read their clocks apart
            yield f"time goes back by {before - after} ms"
    types = [event["type"] for event in events]
    if types[0] != "ExecutionStarted" or types.count("ExecutionStarted") != 1:
        yield "it does not start once"
    endings = [kind for kind in types if kind in ENDINGS]
    if len(endings) != (0 if execution.status == "RUNNING" else 1) + types.count("ExecutionRedriven"):
        yield f"it ends as {endings}, with status {execution.status}"
    elif endings and execution.status != "RUNNING" and (types[-1] != endings[-1] or
                                                        ENDINGS[endings[-1]] != execution.status):
        yield f"its last event is {types[-1]}, with status {execution.status}"
    exits = collections.Counter()
    for event in events:
        if event["type"].endswith("StateExited"):
            before = event
            while before and not (before["type"].endswith("StateEntered") and before["name"] == event["name"]):
                before = by_id.get(before["prev"])
            if before is None:
                yield f"event {event['id']} leaves {event['name']}, which was not entered before"
            else:
                exits[before["id"]] += 1
    for number, count in exits.items():
        if count > 1:
            yield f"the state entered at event {number} is left {count} times"


# --- a history beside its model ------------------------------------------------------------------------------


def scheduled(by_id, event):
    while not event["type"].endswith("Scheduled"):
        event = by_id[event["prev"]]
    return event


def model_faults(execution, expected, allowed_statuses):
    events = execution.events
    if execution.status not in allowed_statuses:
        last = events[-1].get("details") if events else None
        yield f"status {execution.status}, expected {' or '.join(sorted(allowed_statuses))}: {last}"
        return
    if execution.status != expected["status"]:
        return  # something else that is allowed: cut off before the model's end
    last = events[-1]
    wanted = expected["output"]
    if execution.kind == "Callback" and isinstance(wanted, list):  # either of two will do
        wanted = last.get("value") if last.get("value") in wanted else wanted
    if execution.status == "SUCCEEDED" and last.get("value") != wanted:
        yield f"output {last.get('value')!r}, expected {expected['output']!r}"
    if expected["error"] and (last.get("details") or {}).get("error") != expected["error"]:
        yield f"error {last.get('details')}, expected {expected['error']}"
    entered = collections.Counter(event["name"] for event in events if event["type"].endswith("StateEntered"))
    if entered != +expected["entered"]:
        yield f"states entered {dict(entered)}, expected {dict(expected['entered'])}"
    by_id = {event["id"]: event for event in events}
    succeeded, failed = collections.Counter(), collections.Counter()
    for event in events:
        if event["type"] == "LambdaFunctionSucceeded":
            succeeded[scheduled(by_id, event)["value"]["key"]] += 1
        if event["type"] == "LambdaFunctionFailed":
            failed[scheduled(by_id, event)["value"]["key"]] += 1
            if event["details"].get("error") != "Flaky":
                yield f"event {event['id']}: {event['details']}"
        if event["type"] == "ActivitySucceeded":
            succeeded["chore"] += 1
    if execution.kind == "Chore" and succeeded.pop("chore", 0) != 1:
        yield "the activity did not succeed once"
    if succeeded != +expected["succeeded"]:
        yield f"calls that succeeded {dict(succeeded)}, expected {dict(expected['succeeded'])}"
    if failed != +expected["failed"]:
        yield f"calls that failed {dict(failed)}, expected {dict(+expected['failed'])}"
    yield from time_faults(execution, by_id)


def time_faults(execution, by_id):
    """Nothing comes before its time: what waits, is tried again, or times out."""
    for event in execution.events:
        before = by_id.get(event["prev"])
        if execution.kind in ("Each", "Retry") and event["type"] == "LambdaFunctionScheduled" and \
                before["type"] == "LambdaFunctionFailed" and event["at"] < before["at"] + 1000:
            yield f"event {event['id']}: tried again after {event['at'] - before['at']} ms"
        if event["type"] in ("TaskTimedOut", "ActivityTimedOut"):
            begun = scheduled(by_id, event)
            seconds = begun["details"].get("timeoutInSeconds")
            if seconds and event["at"] < begun["at"] + seconds * 1000:
                yield f"event {event['id']}: timed out after {event['at'] - begun['at']} ms of {seconds} s"
    until = {}
    for _, _, row in execution.rows:
        for event in row:
            if event["type"] == "~WaitSet":
                until[event["prev"]] = event["until"]
            elif event["type"] == "WaitStateExited" and event["at"] < until.get(event["prev"], 0):
                yield f"the Wait {event['name']} ended {until[event['prev']] - event['at']} ms early"


def late_faults(executions, calm_s):
    """Nothing comes long after its time once nobody disturbs: (what it is about, what is wrong)."""
    for arn, execution in executions.items():
        until = {}
        for _, _, row in execution.rows:
            for event in row:
                if event["type"] == "~WaitSet":
                    until[event["prev"]] = event["until"]
                elif event["type"] == "WaitStateExited" and until.get(event["prev"], 0) > (calm_s + CALM_S) * 1000:
                    late = event["at"] - until[event["prev"]]
                    if late > LATE_WAIT_S * 1000:
                        yield arn, f"the Wait {event['name']} ended {late} ms late"


def expectations(load, executions):
    """By ARN: (model, statuses that are allowed, whether it must be there)."""
    wanted = {}
    for start in load.starts.values():
        if not start.sent:
            continue
        model = workload.KINDS[start.kind].model(start.given)
        statuses = {model["status"]}
        if start.kind in workload.STOPPED and not start.stop_acknowledged:
            statuses.add("RUNNING")
        if start.kind == "Redriven" and not start.redrive_acknowledged:
            statuses.add("FAILED")
        wanted[start.arn] = (model, statuses, start.acknowledged)
        for name, kind, given in model["children"]:
            arn = start.arn.rsplit(":", 2)[0] + f":{kind}:{name}"
            expected = workload.KINDS[kind].model(given)
            stopped = start.kind in workload.STOPPED
            wanted[arn] = (expected, {end_of_child(executions.get(start.arn), expected)},
                           start.acknowledged and not stopped)
    return wanted


def end_of_child(parent, expected):
    """One that is stopped with its parent runs as long as that."""
    running = expected["status"] == "ABORTED" and parent and parent.status == "RUNNING"
    return "RUNNING" if running else expected["status"]


def store_faults(load, executions):
    """(what it is about, what is wrong), for everything in the store."""
    wanted = expectations(load, executions)
    children = collections.defaultdict(list)
    for arn, execution in executions.items():
        for fault in history_faults(execution):
            yield arn, fault
        if execution.map_run:
            children[execution.map_run].append(execution)
            model = workload.KINDS[execution.kind].child_model(execution.events[0]["value"])
            start = load.starts[execution.events[0]["value"]["name"]]
            for fault in model_faults(execution, model, {end_of_child(executions.get(start.arn), model)}):
                yield arn, fault
        elif arn not in wanted:
            yield arn, "nobody asked for it"
        else:
            for fault in model_faults(execution, wanted[arn][0], wanted[arn][1]):
                yield arn, fault
    for arn, (_, _, must) in wanted.items():
        if must and arn not in executions:
            yield arn, "its start was acknowledged, and it is not there"
    for start in load.starts.values():
        if start.kind == "Tree" and start.arn in executions:
            for run in map_runs_of(executions[start.arn]):
                children.pop(run, None)
        if start.kind == "Spread" and start.arn in executions:
            runs = map_runs_of(executions[start.arn])
            inputs = [child.events[0]["value"]["index"] for run in runs for child in children.pop(run, [])]
            if len(runs) != 1 or sorted(inputs) != list(range(len(start.given["items"]))):
                yield start.arn, f"map runs {runs} with children for the items {sorted(inputs)}"
    for run in children:
        yield run, "a map run that is in no history"


def map_runs_of(execution):
    return [event["details"]["mapRunArn"] for event in execution.events if event["type"] == "MapRunStarted"]


def record_faults(load, executions, records):
    """What DescribeMapRun would show is what became of the map run."""
    for start in load.starts.values():
        execution = executions.get(start.arn)
        for run in map_runs_of(execution) if execution else []:
            record = records.get(run)
            if record is None:
                if execution.status == "SUCCEEDED":
                    yield run, "it has no record"
                continue
            counts = record["executionCounts"]
            ended = {"RUNNING": "RUNNING", "SUCCEEDED": "SUCCEEDED", "ABORTED": "ABORTED"}[execution.status]
            if record["status"] != ended:
                yield run, f"its record says {record['status']}, its execution is {execution.status}"
            if counts["total"] != len(start.given["items"]) or (ended == "SUCCEEDED" and
                                                                counts["succeeded"] != counts["total"]):
                yield run, f"its record counts {counts} of {len(start.given['items'])} items"
            if not execution.started_ms <= record["startedMs"] <= record.get("stoppedMs", record["startedMs"]):
                yield run, f"it began at {record['startedMs']}, its execution at {execution.started_ms}"


# --- what was acknowledged and shown ---------------------------------------------------------------------------


def answer_faults(load, executions):
    for token, (arn, what) in load.callbacks.items():
        events = executions[arn].events if arn in executions else []
        if isinstance(what, dict):
            found = any(event["type"] == "TaskSucceeded" and event.get("value") == what for event in events)
        else:
            found = any(event["type"] == "TaskFailed" and event["details"].get("error") == what for event in events)
        if not found:
            yield arn, f"the answer to the token {token[:16]}... was acknowledged, and is not in the history"
    for arn, acknowledged in load.races.items():
        output = executions[arn].events[-1].get("value") if arn in executions else None
        by = [number for number, is_acknowledged in acknowledged.items() if is_acknowledged]
        if len(by) > 1 or (by and (output or {}).get("by") != by[0]):
            yield arn, f"of two answers {by} were acknowledged, and the output is {output}"
    for start in load.starts.values():
        execution = executions.get(start.arn)
        for what, shown, stored in (("start", start.started, execution and execution.started_ms),
                                    ("stop", start.stopped, execution and execution.stopped_ms)):
            if shown and stored and abs(shown * 1000 - stored) > 1:
                yield start.arn, f"its {what} was acknowledged as of {shown}, and was at {stored / 1000}"
    for token, count in load.given.items():
        if count > 1:
            yield token[:16], f"the task of the activity was given to {count} workers"
    done = collections.Counter(output["done"] for output in load.chores.values())
    for name, count in done.items():
        if count > 1:
            yield name, f"{count} answers to its activity were acknowledged"
        arn = load.starts[name].arn
        events = executions[arn].events if arn in executions else []
        if not any(event["type"] == "ActivitySucceeded" for event in events):
            yield arn, "the answer to its activity was acknowledged, and is not in the history"
    for start, status, output in load.seen:
        execution = executions.get(start.arn)
        if start.kind == "Redriven" and status == "FAILED":
            continue
        if execution is None or execution.status != status:
            yield start.arn, f"was shown as {status}, and is {execution.status if execution else 'not there'}"
        elif status == "SUCCEEDED" and json.loads(output) != execution.events[-1].get("value"):
            yield start.arn, f"was shown with the output {output}"
    for arn, shown in load.histories:
        execution = executions.get(arn)
        stored = [(event["id"], event["prev"], event["type"]) for event in execution.events] if execution else []
        if stored[:len(shown)] != shown:
            yield arn, f"its history was shown as {shown}, and is {stored}"


# --- the calls of handlers --------------------------------------------------------------------------------------


def call_faults(calls, executions, nodes):
    """An attempt has one idempotency token, and no call begins once its success is in the history."""
    tokens = collections.defaultdict(set)
    paused = {node.name: node.paused_spans for node in nodes}
    success = {}
    for execution in executions.values():
        by_id = {event["id"]: event for event in execution.events}
        for event in execution.events:
            if event["type"] == "LambdaFunctionSucceeded":
                success[execution.arn, scheduled(by_id, event)["value"]["key"]] = event["at"] / 1000
    for call in calls:
        payload, context = call["payload"], call["context"]
        arn = context["executionArn"]
        if ":express:" in arn:
            continue
        tokens[arn, payload["key"], context["attempt"], payload.get("redrives")].add(context["idempotencyToken"])
        ended = success.get((arn, payload["key"]))
        # A node that was paused between its commit and the call wakes up and makes it: the token is there for that.
        slept = any(begun < call["at"] < over + 5 for begun, over in paused.get(call["node"], []))
        if ended and call["at"] > ended + LATE_S and not slept:
            yield arn, f"{payload['key']} succeeded at {ended:.3f} and was called by {call['node']} at {call['at']:.3f}"
    for (arn, key, attempt, _), found in tokens.items():
        if len(found) > 1:
            yield arn, f"{key}, attempt {attempt}: idempotency tokens {sorted(found)}"


def repeated_calls(calls):
    """How many calls were made again under the same token."""
    return len(calls) - len({call["context"]["idempotencyToken"] for call in calls})
