"""The load: threads that start executions, answer callbacks, work off activities, stop, redrive and look.

Every request goes to a node drawn at random; one without an answer is asked again under the same name or token, as a
client of the API does. What was acknowledged is written down for verify.py.
"""
import heapq
import json
import random
import threading
import time

import engine
import workload
from nodes import RETRYABLE, Client, Refused, Unavailable


STARTERS = 20  # many: each waits for its answer, and a node may be away for seconds


class Start:
    """One execution that was asked for."""

    def __init__(self, name, kind, given):
        self.name, self.kind, self.given = name, kind, given
        self.arn = f"arn:aws:states:us-east-1:123456789012:execution:{kind}:{name}"
        self.acknowledged = False
        self.sent = False  # at least once
        self.started = self.stopped = None  # when, as it was answered
        self.stop_acknowledged = self.redrive_acknowledged = False


class Load:
    def __init__(self, nodes, calls_path, seed, rate, duration_s):
        self.nodes, self.calls_path, self.seed = nodes, calls_path, seed
        self.rate, self.duration_s = rate, duration_s
        self.lock = threading.Lock()
        self.starts = {}  # by name
        self.callbacks = {}  # token to (execution ARN, output or error), acknowledged
        self.races = {}  # execution ARN to the two outputs that were sent at once, each with whether it was acknowledged
        self.chores = {}  # token to output, acknowledged
        self.given = {}  # token to how often a worker was given it
        self.sync_answers = 0
        self.seen = []  # (ARN, kind, status, output) of ended executions, and
        self.histories = []  # (ARN, events) as they were shown meanwhile
        self.faults = []
        self.over = threading.Event()  # no more starts
        self.done = threading.Event()  # everything has ended
        self.due = []  # heap of (moment, number, function, arguments)
        self.number = 0
        self.machines = {}
        self.threads = []

    # --- what all threads share

    def fault(self, text):
        self.faults.append(text)

    def client(self, title):
        return Client(self.nodes, random.Random(f"{self.seed}/{title}"))

    def later(self, delay_s, work, *arguments):
        with self.lock:
            self.number += 1
            heapq.heappush(self.due, (time.monotonic() + delay_s, self.number, work, arguments))

    def run(self, work, title):
        def guarded():
            try:
                work(self.client(title))
            except Exception as trouble:  # a thread must not fail in silence
                self.fault(f"{title}: {type(trouble).__name__}: {trouble}")
        thread = threading.Thread(target=guarded, name=title, daemon=True)
        thread.start()
        self.threads.append(thread)

    # --- life

    def set_up(self):
        client = self.client("set up")
        for name, kind in workload.KINDS.items():
            self.machines[name] = self.create(client, name, kind.definition, "STANDARD")
        self.quick = self.create(client, "Quick", workload.QUICK, "EXPRESS")
        client.persist("CreateActivity", name="chores")

    @staticmethod
    def create(client, name, definition, kind):
        return client.persist("CreateStateMachine", name=name, definition=json.dumps(definition), type=kind,
                              roleArn=engine.ROLE)["stateMachineArn"]

    def begin(self):
        self.begun = time.monotonic()
        for i in range(STARTERS):
            self.run(self.start_executions, f"starter {i}")
        for i in range(4):
            self.run(self.do_what_is_due, f"doer {i}")
        for i in range(3):
            self.run(self.work_off_chores, f"worker {i}")
        self.run(self.start_quick, "quick")
        self.run(self.look, "observer")
        self.run(self.read_calls, "reader of calls")

    def end_starts(self):
        self.over.set()
        for thread in self.threads:
            if thread.name.startswith(("starter", "quick")):
                thread.join()

    def end(self):
        self.done.set()
        for thread in self.threads:
            thread.join()

    # --- starts

    def start_executions(self, client):
        draw = client.random
        late_from = self.begun + max(self.duration_s - 25, self.duration_s / 3)
        while not self.over.is_set():
            late = time.monotonic() > late_from
            kinds = [kind for kind in workload.KINDS.values() if not (late and getattr(kind, "early", False))]
            kind = draw.choices(kinds, [kind.weight for kind in kinds])[0].__name__
            with self.lock:
                name = f"{kind}-{len(self.starts):05d}"
                start = self.starts[name] = Start(name, kind, None)
            start.given = workload.KINDS[kind].draw(draw, name)
            self.start_one(client, start, persistent=draw.random() > 0.05)
            time.sleep(draw.expovariate(self.rate / STARTERS))

    def start_one(self, client, start, persistent):
        """One of twenty is not asked for again: whether it is there stays unknown."""
        request = {"stateMachineArn": self.machines[start.kind], "name": start.name, "input": json.dumps(start.given)}
        start.sent = True
        try:
            answer = client.persist("StartExecution", **request) if persistent else client.once("StartExecution",
                                                                                                **request)
        except (*RETRYABLE, Unavailable):
            return
        except Refused as refusal:
            # It has ended already when it is asked for again.
            if refusal.kind != "ExecutionAlreadyExists" or not client.unknown:
                self.fault(f"{start.name}: the start was refused: {refusal}")
                return
            answer = {"executionArn": start.arn}
        if answer is None:
            return
        start.started = answer.get("startDate")
        if answer["executionArn"] != start.arn:
            self.fault(f"{start.name}: started as {answer['executionArn']}")
        start.acknowledged = True
        if start.kind in workload.STOPPED:
            self.later(client.random.uniform(0, 3), self.stop, start)
        if start.kind == "Redriven":
            self.later(1, self.redrive, start)

    def stop(self, client, start):
        try:
            answer = client.persist("StopExecution", executionArn=start.arn, error="Enough", cause=start.name)
            start.stop_acknowledged = answer is not None
            start.stopped = answer and answer["stopDate"]
        except Refused as refusal:
            self.fault(f"{start.name}: the stop was refused: {refusal}")

    def redrive(self, client, start):
        description = client.persist("DescribeExecution", executionArn=start.arn)
        if description is None or description["status"] == "RUNNING":
            self.later(0.5, self.redrive, start)
            return
        if description["status"] != "FAILED":
            self.fault(f"{start.name}: {description['status']} before it was redriven")
            return
        try:
            start.redrive_acknowledged = client.persist("RedriveExecution", executionArn=start.arn) is not None
        except Refused as refusal:
            if refusal.kind != "ExecutionNotRedrivable" or not client.unknown:
                self.fault(f"{start.name}: the redrive was refused: {refusal}")

    def start_quick(self, client):
        while not self.over.is_set():
            number = client.random.randrange(1000)
            given = {"name": "quick", "n": number, "items": [1, 2, 3]}
            try:
                answer = client.once("StartSyncExecution", stateMachineArn=self.quick, input=json.dumps(given))
            except (*RETRYABLE, Unavailable):
                time.sleep(0.05)
                continue
            if answer["status"] != "SUCCEEDED" or json.loads(answer["output"]) != {"v": number * 2 + 1,
                                                                                   "items": [1, 2, 3]}:
                self.fault(f"StartSyncExecution: {answer}")
            self.sync_answers += 1
            time.sleep(0.05)

    # --- answers to tasks

    def read_calls(self, _client):
        """Follows the log of the handlers for tokens that are to be answered."""
        known = set()
        while not self.done.is_set():
            try:
                file = open(self.calls_path, "rb")
                break
            except FileNotFoundError:
                time.sleep(0.05)
        else:
            return
        rest = b""
        with file:
            while not self.done.is_set():
                text = rest + file.read()
                *lines, rest = text.split(b"\n")
                for line in lines:
                    call = json.loads(line)
                    payload = call["payload"]
                    if payload.get("verdict", "never") == "never" or payload["token"] in known:
                        continue
                    known.add(payload["token"])
                    if payload["verdict"] == "race":
                        self.races[call["context"]["executionArn"]] = {1: False, 2: False}
                        self.later(payload["delay"], self.race, call, 1)
                        self.later(payload["delay"], self.race, call, 2)
                    else:
                        self.later(payload["delay"], self.answer, call)
                time.sleep(0.02)

    def do_what_is_due(self, client):
        while not self.done.is_set():
            with self.lock:
                work = heapq.heappop(self.due) if self.due and self.due[0][0] <= time.monotonic() else None
            if work:
                work[2](client, *work[3])
            else:
                time.sleep(0.01)

    def answer(self, client, call):
        payload = call["payload"]
        token, name = payload["token"], payload["key"].split("/")[0]
        try:
            for _ in range(payload["beats"]):
                client.persist("SendTaskHeartbeat", taskToken=token)
            if payload["verdict"] == "yes":
                what = {"yes": name}
                answer = client.persist("SendTaskSuccess", taskToken=token, output=json.dumps(what))
            else:
                what = "No"
                answer = client.persist("SendTaskFailure", taskToken=token, error=what, cause=name)
        except Refused as refusal:
            # An earlier try without an answer may have done it, and then the task is over.
            if refusal.kind not in ("TaskTimedOut", "TaskDoesNotExist") or not client.unknown:
                self.fault(f"{payload['key']}: the answer was refused: {refusal}")
            return
        if answer is not None:
            self.callbacks[token] = (call["context"]["executionArn"], what)

    def race(self, client, call, number):
        """One of two answers that are sent at once: not more than one may be acknowledged."""
        name, arn = call["payload"]["key"].split("/")[0], call["context"]["executionArn"]
        try:
            answer = client.persist("SendTaskSuccess", taskToken=call["payload"]["token"],
                                    output=json.dumps({"yes": name, "by": number}))
            self.races[arn][number] = answer is not None
        except Refused as refusal:
            if refusal.kind not in ("TaskTimedOut", "TaskDoesNotExist"):
                self.fault(f"{name}: the answer was refused: {refusal}")

    def work_off_chores(self, client):
        while not self.done.is_set():
            try:
                given = client.once("GetActivityTask", timeout=client.random.choice([1, 5]),
                                    activityArn=workload.ACTIVITY)
            except (*RETRYABLE, Unavailable):
                time.sleep(0.02)
                continue
            if not given.get("taskToken"):
                continue
            with self.lock:
                self.given[given["taskToken"]] = self.given.get(given["taskToken"], 0) + 1
            chore = json.loads(given["input"])
            output = {"done": chore["name"], "n": chore["n"] + 1}
            try:
                answer = client.persist("SendTaskSuccess", taskToken=given["taskToken"], output=json.dumps(output),
                                        give_up_s=30)
                if answer is not None:
                    self.chores[given["taskToken"]] = output
            except Refused as refusal:
                if refusal.kind not in ("TaskTimedOut", "TaskDoesNotExist"):
                    self.fault(f"{chore['name']}: the answer was refused: {refusal}")

    # --- looking

    def look(self, client):
        """What is shown once must stay true: verify.py compares it with the end."""
        while not self.done.is_set():
            time.sleep(0.05)
            with self.lock:
                candidates = [start for start in self.starts.values() if start.acknowledged]
            if not candidates:
                continue
            start = client.random.choice(candidates)
            try:
                if client.random.random() < 0.5:
                    shown = client.once("DescribeExecution", executionArn=start.arn)
                    if shown["status"] != "RUNNING":
                        self.seen.append((start, shown["status"], shown.get("output")))
                else:
                    shown = client.once("GetExecutionHistory", executionArn=start.arn, maxResults=1000)
                    self.histories.append((start.arn, [(event["id"], event["previousEventId"], event["type"])
                                                       for event in shown["events"]]))
            except (*RETRYABLE, Unavailable):
                continue
            except Refused as refusal:
                self.fault(f"{start.name}: acknowledged, but: {refusal}")
