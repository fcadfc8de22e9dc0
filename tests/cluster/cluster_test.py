#!/usr/bin/python3
"""Nodes on one PostgreSQL under a mixed load, while nodes are killed, paused and stopped, the database is restarted and
connections are cut. Then everything must end, and be as the model says.

SECONDS_OF_CHAOS (60), NODES (3), RATE (starts a second, 25), SEED, SETTLE (seconds within
which everything must end after the last disturbance, 90), PAUSE (seconds of the longest pause, 8), ACTIONS (of
chaos.py, with commas: only these; "none"), KEEP (a folder for the logs when something is wrong).
Exit 77 where PostgreSQL is not installed.
"""
import json
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import audit
import engine
import verify
import workload
from chaos import Chaos
from database import Database
from load import Load
from nodes import Node

DURATION_S = float(os.environ.get("SECONDS_OF_CHAOS", "60"))
NODES = int(os.environ.get("NODES", "3"))
RATE = float(os.environ.get("RATE", "25"))
SETTLE_S = float(os.environ.get("SETTLE", "90"))
SEED = os.environ.get("SEED") or str(int(time.time()))
PAUSE_S_MAX = float(os.environ.get("PAUSE", "8"))
ACTIONS = os.environ["ACTIONS"].split(",") if os.environ.get("ACTIONS") else None
SHOWN_FAULTS = 40


def read_calls(path):
    try:
        with open(path, "rb") as file:
            return [json.loads(line) for line in file if line.endswith(b"\n")]
    except FileNotFoundError:
        return []


def still_open(database, load):
    """Executions that have not ended, but for those that nobody is known to have stopped."""
    left = []
    for arn, machine in database.json("SELECT arn, machine FROM orchestrator.execution WHERE status IN (0, 5)"):
        start = load.starts.get(arn.split(":")[-1])
        if start is None:  # one that another one has started
            start = load.starts.get(arn.split(":")[-1].removesuffix("-child"))
        kind = machine.split(":")[6].split("/")[0]
        unknown = start and start.kind in workload.STOPPED and not start.stop_acknowledged
        # The children of a map run have names of their own; verify.py looks at them beside their parents.
        if not unknown and not (start is None and kind in workload.STOPPED):
            left.append(arn)
    return left


def settle(database, load, within_s):
    end = time.monotonic() + within_s
    left = still_open(database, load)
    while time.monotonic() < end and (left or load.due):
        time.sleep(0.3)
        left = still_open(database, load)
    return left


class Run:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="orchestrator-cluster-")
        os.mkdir(f"{self.folder}/functions")
        path = f"{self.folder}/functions/work.lines.py"
        with open(path, "w", encoding="utf-8") as file:
            file.write(workload.HANDLER)
        os.chmod(path, 0o755)
        self.database = Database()
        self.faults = []
        self.nodes = []

    def fault(self, kind, about, text):
        self.faults.append((kind, about, text))

    def make_schema(self, node):
        """The first node that opens the store does; it has to be gone before the triggers come."""
        node.start()
        end = time.monotonic() + 30
        while not node.is_ready() and time.monotonic() < end:
            time.sleep(0.05)
        if not node.stop():
            self.fault("program", node.name, "did not end well on SIGTERM")

    def play(self):
        self.nodes = [Node(f"node{i}", self.folder, self.database.store, f"{self.folder}/functions")
                      for i in range(NODES)]
        self.make_schema(self.nodes[0])
        audit.install(self.database)
        self.load = Load(self.nodes, f"{self.folder}/calls", SEED, RATE, DURATION_S)
        with open(f"{self.folder}/chaos.log", "w", encoding="utf-8") as log:
            self.chaos = Chaos(self.nodes, self.database, SEED, PAUSE_S_MAX, ACTIONS, log)
            for node in self.nodes:
                node.start()
            self.chaos.begin()
            self.load.set_up()
            self.load.begin()
            time.sleep(1)
            self.chaos.run(DURATION_S)
            self.load.end_starts()
            self.chaos.note("calm")
            calm = time.monotonic()
            self.calm_s = time.time()
            left = settle(self.database, self.load, SETTLE_S)
            self.settled_s = time.monotonic() - calm
            self.load.end()
            self.chaos.end()
        for arn in left:
            self.fault("stuck", arn, f"has not ended {SETTLE_S:.0f} s after the last disturbance")
        for node in self.nodes:
            if not node.stop():
                self.fault("program", node.name, "did not end well on SIGTERM")
        time.sleep(0.3)

    def check(self):
        self.executions = verify.read(self.database)
        self.calls = read_calls(f"{self.folder}/calls")
        for node in self.nodes:
            for number in node.crashes:
                self.fault("program", node.name, f"died of signal {number} by itself")
        for text in self.load.faults:
            self.fault("client", "", text)
        for text in self.chaos.faults:
            self.fault("program", "", text)
        self.rows, self.takes, unproven = audit.check(self.database)
        for text in unproven:
            self.fault("fencing", "", text)
        records = verify.read_map_runs(self.database)
        for kind, found in (("store", verify.store_faults(self.load, self.executions)),
                            ("store", verify.record_faults(self.load, self.executions, records)),
                            ("store", verify.late_faults(self.executions, self.calm_s)),
                            ("acknowledged", verify.answer_faults(self.load, self.executions)),
                            ("calls", verify.call_faults(self.calls, self.executions, self.nodes))):
            for about, text in found:
                self.fault(kind, about, text)

    def report(self):
        load, counts = self.load, self.chaos.counts
        acknowledged = sum(start.acknowledged for start in load.starts.values())
        print(f"{counts['kill']} kills, {counts['pause']} pauses, {counts['overtake']} commits overtaken, "
              f"{counts['stop']} graceful stops, {counts['restart']} restarts and {counts['freeze']} freezes of "
              f"PostgreSQL, {counts['cut']} cuts and {counts['stall']} stalls of connections; settled in "
              f"{self.settled_s:.1f} s")
        print(f"{len(self.executions)} executions checked ({acknowledged} of {len(load.starts)} starts acknowledged), "
              f"{sum(len(one.events) for one in self.executions.values())} events")
        print(f"acknowledged: {len(load.callbacks)} callbacks, {len(load.chores)} activity tasks, "
              f"{sum(start.stop_acknowledged for start in load.starts.values())} stops, "
              f"{sum(start.redrive_acknowledged for start in load.starts.values())} redrives, {load.sync_answers} "
              "synchronous answers")
        print(f"{len(self.calls)} calls of handlers, {verify.repeated_calls(self.calls)} of them again; {self.rows} rows "
              f"written under a proven lease, {self.takes} leases taken; {len(load.histories) + len(load.seen)} looks "
              "compared")
        for kind, about, text in self.faults[:SHOWN_FAULTS]:
            print(f"VIOLATION ({kind}) {about}: {text}")
        print(f"violations: {len(self.faults)}")

    def keep_logs(self):
        folder = os.environ.get("KEEP") or tempfile.mkdtemp(prefix="orchestrator-cluster-kept-")
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        with open(f"{folder}/postgres.log", "w", encoding="utf-8") as file:
            file.write(self.database.log_text())
        with open(f"{folder}/executions.json", "w", encoding="utf-8") as file:
            for execution in self.executions.values():
                file.write(json.dumps({"arn": execution.arn, "shard": execution.shard, "id": execution.id,
                                       "status": execution.status, "rows": execution.rows}) + "\n")
        with open(f"{folder}/violations", "w", encoding="utf-8") as file:
            for fault in self.faults:
                file.write(": ".join(fault) + "\n")
        print(f"logs are kept in {folder}")

    def close(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        self.database.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    print(f"seed {SEED}: {NODES} nodes, {DURATION_S:.0f} s, {RATE:.0f} starts a second", flush=True)
    run = Run()
    try:
        if not run.database.begin():
            print("skipped: PostgreSQL's server is not installed")
            sys.exit(77)
        run.play()
        run.check()
        run.report()
        if run.faults:
            run.keep_logs()
    finally:
        run.close()
    checks = engine.Checks()
    for kind in ("stuck", "program", "client", "fencing", "store", "acknowledged", "calls"):
        checks.that(not [fault for fault in run.faults if fault[0] == kind], f"violations of the kind: {kind}")
    checks.end()


main()
