"""What is run, and what must come of it: each kind is a definition, a way to draw inputs, and a model.

The model computes from the input alone: the status, the output, how often each state is entered, and which calls of
handlers succeed and fail how often, by the key that each call carries. A kind that is `early` takes its time: none is
started in the last part of a run.
"""
import collections

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:chores"
RETRY = [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 4}]

# Speaks lines. Writes down each call before it works; answers late calls in the order in which they are due.
HANDLER = """#!/usr/bin/python3
import json, os, sys, threading, time
log = os.open(os.environ["CALLS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
lock = threading.Lock()

def answer(reply):
    with lock:
        try:
            print(json.dumps(reply), flush=True)
        except OSError:
            os._exit(0)  # the node is gone

for line in sys.stdin:
    request = json.loads(line)
    payload, context = request["payload"], request["context"]
    os.write(log, (json.dumps({"at": time.time(), "node": os.environ["NODE"], "pid": os.getpid(), "payload": payload,
                               "context": context}) + "\\n").encode())
    reply = {"id": request["id"]}
    if context["attempt"] < payload.get("fails", 0) or payload.get("redrives", 1) < 1:
        reply["error"] = {"errorType": "Flaky", "errorMessage": payload["key"]}
    else:
        reply["result"] = {"did": payload["key"], "value": payload.get("value", 0) * 2 + 1}
    if payload.get("sleep"):
        timer = threading.Timer(payload["sleep"], answer, [reply])
        timer.daemon = True
        timer.start()
    else:
        answer(reply)
"""


def key(part):
    return f"States.Format('{{}}/{part}', $.name)"


def task(part, **more):
    parameters = {"key.$": key(part), **more.pop("parameters", {})}
    return {"Type": "Task", "Resource": FUNCTION, "Parameters": parameters, **more}


def expect(output=None, entered=(), succeeded=(), failed=None, status="SUCCEEDED", error=None, children=()):
    """children: (name, kind, input) of executions that this one starts by name. What a stopped one was to start may not
    be there."""
    return {"status": status, "output": output, "error": error, "entered": collections.Counter(entered),
            "succeeded": collections.Counter(succeeded), "failed": collections.Counter(failed or {}),
            "children": children}


class Sequence:
    """Pass, Task, a counting loop, Task."""
    weight = 6
    definition = {
        "StartAt": "Add", "States": {
            "Add": {"Type": "Pass", "Parameters": {"name.$": "$.name", "loops.$": "$.loops", "i": 0,
                                                   "a.$": "States.MathAdd($.n, 1)"}, "Next": "First"},
            "First": task("first", parameters={"value.$": "$.a"}, ResultPath="$.first", Next="Loop"),
            "Loop": {"Type": "Pass", "Parameters": {"i.$": "States.MathAdd($.i, 1)"}, "ResultPath": "$.count",
                     "Next": "Keep"},
            "Keep": {"Type": "Pass", "InputPath": "$.count.i", "ResultPath": "$.i", "Next": "More"},
            "More": {"Type": "Choice", "Default": "Last", "Choices": [
                {"Variable": "$.i", "NumericLessThanPath": "$.loops", "Next": "Loop"}]},
            "Last": task("last", parameters={"value.$": "$.first.value"}, ResultPath="$.last", Next="Done"),
            "Done": {"Type": "Pass", "Parameters": {"name.$": "$.name", "i.$": "$.i", "v.$": "$.last.value"},
                     "End": True}}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "n": random.randrange(1000), "loops": random.randint(1, 6)}

    @staticmethod
    def model(given):
        name, loops = given["name"], given["loops"]
        return expect({"name": name, "i": loops, "v": ((given["n"] + 1) * 2 + 1) * 2 + 1},
                      {"Add": 1, "First": 1, "Loop": loops, "Keep": loops, "More": loops, "Last": 1, "Done": 1},
                      [f"{name}/first", f"{name}/last"])


class Callback:
    """Hands out a token; what comes back says yes or no, or comes never, or two come at once, of which one counts."""
    weight = 6
    definition = {
        "StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                    "Parameters": {"FunctionName": "work", "Payload": {
                        "key.$": key("ask"), "token.$": "$$.Task.Token", "verdict.$": "$.verdict", "beats.$": "$.beats",
                        "delay.$": "$.delay"}},
                    "TimeoutSecondsPath": "$.patience", "HeartbeatSeconds": 600, "ResultPath": "$.answer",
                    "Catch": [{"ErrorEquals": ["No"], "Next": "Refused"},
                              {"ErrorEquals": ["States.Timeout"], "Next": "Late"}],
                    "Next": "Accepted"},
            "Accepted": {"Type": "Pass", "OutputPath": "$.answer", "Next": "Thank"},
            "Thank": {"Type": "Pass", "End": True},
            "Refused": {"Type": "Pass", "Result": "refused", "End": True},
            "Late": {"Type": "Pass", "Result": "late", "End": True}}}

    @staticmethod
    def draw(random, name):
        verdict = random.choices(["yes", "no", "never", "race"], [6, 2, 1, 2])[0]
        return {"name": name, "verdict": verdict, "patience": random.randint(2, 5) if verdict == "never" else 900,
                "beats": random.choice([0, 0, 0, 1, 3]), "delay": random.choice([0, 0, 0.5, 3])}

    @staticmethod
    def model(given):
        name = given["name"]
        if given["verdict"] == "yes":
            return expect({"yes": name}, ["Ask", "Accepted", "Thank"])
        if given["verdict"] == "no":
            return expect("refused", ["Ask", "Refused"])
        if given["verdict"] == "race":
            return expect([{"yes": name, "by": 1}, {"yes": name, "by": 2}], ["Ask", "Accepted", "Thank"])
        return expect("late", ["Ask", "Late"])


class Timers:
    """Waits."""
    weight = 3
    definition = {
        "StartAt": "Short", "States": {
            "Short": {"Type": "Wait", "SecondsPath": "$.short", "Next": "Mark"},
            "Mark": {"Type": "Pass", "Result": True, "ResultPath": "$.marked", "Next": "Long"},
            "Long": {"Type": "Wait", "SecondsPath": "$.long", "Next": "After"},
            "After": task("after", parameters={"value.$": "$.long"}, End=True)}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "short": random.randint(1, 3), "long": random.choice([1, 2, 5])}

    @staticmethod
    def model(given):
        return expect({"did": f"{given['name']}/after", "value": given["long"] * 2 + 1},
                      ["Short", "Mark", "Long", "After"], [f"{given['name']}/after"])


class Sleeper(Timers):
    """Waits long enough for the execution to leave memory."""
    weight = 2
    early = True

    @staticmethod
    def draw(random, name):
        return {"name": name, "short": random.randint(1, 2), "long": random.randint(31, 33)}


class Each:
    """A Map of Tasks, some of which fail once or twice."""
    weight = 3
    definition = {
        "StartAt": "Each", "States": {
            "Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 4,
                     "ItemSelector": {"name.$": "$.name", "item.$": "$$.Map.Item.Value",
                                      "index.$": "$$.Map.Item.Index"},
                     "ItemProcessor": {"StartAt": "Item", "States": {
                         "Item": {"Type": "Task", "Resource": FUNCTION, "Retry": RETRY, "Parameters": {
                             "key.$": "States.Format('{}/item{}', $.name, $.index)", "value.$": "$.item.value",
                             "fails.$": "$.item.fails"}, "OutputPath": "$.value", "End": True}}},
                     "End": True}}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "items": [{"value": random.randrange(100), "fails": random.choice([0, 0, 0, 0, 1, 2])}
                                        for _ in range(random.randint(0, 10))]}

    @staticmethod
    def model(given):
        name, items = given["name"], given["items"]
        return expect([item["value"] * 2 + 1 for item in items], {"Each": 1, "Item": len(items)},
                      [f"{name}/item{i}" for i in range(len(items))],
                      {f"{name}/item{i}": item["fails"] for i, item in enumerate(items) if item["fails"]})


def distributed(child_type):
    return {
        "StartAt": "Spread", "States": {
            "Spread": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 5, "Label": "Spread",
                       "ItemSelector": {"name.$": "$.name", "value.$": "$$.Map.Item.Value",
                                        "index.$": "$$.Map.Item.Index"},
                       "ItemProcessor": {
                           "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": child_type},
                           "StartAt": "Before", "States": {
                               "Before": {"Type": "Pass", "Next": "Item"},
                               "Item": {"Type": "Task", "Resource": FUNCTION, "Parameters": {
                                   "key.$": "States.Format('{}/item{}', $.name, $.index)", "value.$": "$.value"},
                                        "OutputPath": "$.value", "End": True}}},
                       "Next": "Sum"},
            "Sum": {"Type": "Pass", "End": True}}}


class Spread:
    """A distributed Map: the items run as executions of their own."""
    weight = 2
    definition = distributed("STANDARD")

    @staticmethod
    def draw(random, name):
        return {"name": name, "items": [random.randrange(100) for _ in range(random.randint(1, 10))]}

    @staticmethod
    def model(given):
        return expect([value * 2 + 1 for value in given["items"]], ["Spread", "Sum"])

    @staticmethod
    def child_model(given):
        return expect(given["value"] * 2 + 1, ["Before", "Item"], [f"{given['name']}/item{given['index']}"])


class SpreadExpress(Spread):
    """The same with Express children."""
    weight = 1
    definition = distributed("EXPRESS")


class Fork:
    """Branches: a Task, a Wait, a Map of Pass states, a Task that takes its time."""
    weight = 3
    definition = {
        "StartAt": "Fork", "States": {
            "Fork": {"Type": "Parallel", "End": True, "Branches": [
                {"StartAt": "Left", "States": {"Left": task("left", OutputPath="$.did", End=True)}},
                {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 1, "OutputPath": "$.name",
                                                        "End": True}}},
                {"StartAt": "Few", "States": {"Few": {
                    "Type": "Map", "ItemsPath": "$.few", "End": True,
                    "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}}}}}},
                {"StartAt": "Slow", "States": {"Slow": task("slow", parameters={"sleep.$": "$.sleep"},
                                                            OutputPath="$.did", End=True)}}]}}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "few": [1, 2, 3], "sleep": random.choice([0, 0.2, 1, 4])}

    @staticmethod
    def model(given):
        name = given["name"]
        return expect([f"{name}/left", name, [1, 2, 3], f"{name}/slow"],
                      {"Fork": 1, "Left": 1, "Rest": 1, "Few": 1, "One": 3, "Slow": 1},
                      [f"{name}/left", f"{name}/slow"])


class Retry:
    """A handler that fails a known number of times: retried to the end, caught, or the end of the execution."""
    weight = 3
    definition = {
        "StartAt": "Try", "States": {
            "Try": task("try", parameters={"fails.$": "$.fails"}, Retry=RETRY, ResultPath="$.tried", Next="Again"),
            "Again": task("again", parameters={"fails.$": "$.more"}, ResultPath="$.again",
                          Retry=[{**RETRY[0], "MaxAttempts": 1}],
                          Catch=[{"ErrorEquals": ["Flaky"], "Next": "Caught"}], Next="Good"),
            "Good": {"Type": "Pass", "Result": "good", "End": True},
            "Caught": {"Type": "Pass", "Result": "caught", "End": True}}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "fails": random.choice([0, 1, 2, 3, 99]), "more": random.choice([0, 1, 2])}

    @staticmethod
    def model(given):
        name, fails, more = given["name"], given["fails"], given["more"]
        if fails > 4:
            return expect(entered=["Try"], failed={f"{name}/try": 5}, status="FAILED", error="Flaky")
        if more > 1:
            return expect("caught", ["Try", "Again", "Caught"], [f"{name}/try"],
                          {f"{name}/try": fails, f"{name}/again": 2})
        return expect("good", ["Try", "Again", "Good"], [f"{name}/try", f"{name}/again"],
                      {f"{name}/try": fails, f"{name}/again": more})


class Chore:
    """A task of an activity: worked off by pollers. An answer to a poll may get lost, so the task is given again."""
    weight = 3
    definition = {
        "StartAt": "Chore", "States": {
            "Chore": {"Type": "Task", "Resource": ACTIVITY, "TimeoutSeconds": 8, "ResultPath": "$.chore",
                      "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "BackoffRate": 1,
                                 "MaxAttempts": 99}], "Next": "Done"},
            "Done": {"Type": "Pass", "OutputPath": "$.chore", "End": True}}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "n": random.randrange(1000)}

    @staticmethod
    def model(given):
        return expect({"done": given["name"], "n": given["n"] + 1}, ["Chore", "Done"])


class Nested:
    """Starts an execution of Sequence by name and waits for its end."""
    weight = 2
    definition = {
        "StartAt": "Child", "States": {
            "Child": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
                      "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Sequence",
                                     "Name.$": "$.child.name", "Input.$": "$.child"},
                      "OutputPath": "$.Output", "End": True}}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "child": Sequence.draw(random, f"{name}-child")}

    @staticmethod
    def model(given):
        return expect(Sequence.model(given["child"])["output"], ["Child"],
                      children=[(given["child"]["name"], "Sequence", given["child"])])


class Redriven:
    """Fails until it is redriven."""
    weight = 1
    definition = {
        "StartAt": "Before", "States": {
            "Before": task("before", ResultPath=None, Next="Fix"),
            "Fix": task("fix", parameters={"redrives.$": "$$.Execution.RedriveCount"}, OutputPath="$.did", End=True)}}

    @staticmethod
    def draw(_random, name):
        return {"name": name}

    @staticmethod
    def model(given):
        name = given["name"]
        return expect(f"{name}/fix", ["Before", "Fix"], [f"{name}/before", f"{name}/fix"], {f"{name}/fix": 1})


class Stopped:
    """Waits for a day, and is stopped."""
    weight = 1
    definition = {"StartAt": "Day", "States": {"Day": {"Type": "Wait", "Seconds": 86400, "End": True}}}

    @staticmethod
    def draw(_random, name):
        return {"name": name}

    @staticmethod
    def model(_given):
        return expect(entered=["Day"], status="ABORTED", error="Enough")


class Day(Stopped):
    """The same, started and stopped by another execution."""
    weight = 0

    @staticmethod
    def model(_given):
        return expect(entered=["Day"], status="ABORTED")


class Tree:
    """Waits for a nested execution and for the children of a distributed Map, and is stopped with all of them."""
    weight = 2
    definition = {
        "StartAt": "Both", "States": {
            "Both": {"Type": "Parallel", "End": True, "Branches": [
                {"StartAt": "Child", "States": {"Child": {
                    "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True,
                    "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Day",
                                   "Name.$": "$.child.name", "Input.$": "$.child"}}}},
                {"StartAt": "Spread", "States": {"Spread": {
                    "Type": "Map", "ItemsPath": "$.items", "Label": "Tree", "End": True,
                    "ItemSelector": {"name.$": "$.name", "index.$": "$$.Map.Item.Index"},
                    "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                                      **Stopped.definition}}}}]}}}

    @staticmethod
    def draw(random, name):
        return {"name": name, "items": list(range(random.randint(1, 4))), "child": {"name": f"{name}-child"}}

    @staticmethod
    def model(given):
        return expect(entered=["Both", "Child", "Spread"], status="ABORTED", error="Enough",
                      children=[(given["child"]["name"], "Day", given["child"])])

    @staticmethod
    def child_model(_given):
        return expect(entered=["Day"], status="ABORTED")


KINDS = {kind.__name__: kind for kind in (Sequence, Callback, Timers, Sleeper, Each, Spread, SpreadExpress, Fork, Retry,
                                          Chore, Nested, Redriven, Stopped, Day, Tree)}
STOPPED = ("Stopped", "Tree")  # kinds that run until they are stopped

# Express, started and waited for in one request: nothing of it is kept, so only its answer can be looked at.
QUICK = {"StartAt": "First", "States": {
    "First": task("quick", parameters={"value.$": "$.n"}, ResultPath="$.first", Next="All"),
    "All": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": {"StartAt": "One", "States": {
        "One": {"Type": "Pass", "End": True}}}, "ResultPath": "$.items", "Next": "Done"},
    "Done": {"Type": "Pass", "Parameters": {"v.$": "$.first.value", "items.$": "$.items"}, "End": True}}}
