"""Nodes on a PostgreSQL of their own, each with its own handlers: what crossing_test.py is written in."""
import contextlib
import json
import os
import subprocess
import sys
import time

from engine import ROLE, Server
from postgres import Postgres


class Node(Server):
    """One process of `serve` on the shared store; its handlers are its own."""

    def __init__(self, store, *options):
        super().__init__(*options)
        self.store = store

    def calls(self, name="calls"):
        """What its handlers have written down, a JSON object a line."""
        path = f"{self.folder}/{name}"
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]


class Cluster:
    """A database, the nodes on it, and what they have in common."""

    def __init__(self):
        self.postgres = Postgres()
        self.nodes = []
        if not self.postgres.start():
            print("skipped: PostgreSQL's server is not installed")
            sys.exit(77)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            for number, node in enumerate(self.nodes):
                print(f"--- log of node {number}\n{node.log_text()[-4000:]}")
        for node in self.nodes:
            node.close()
        self.postgres.close()

    def add(self, handlers=None, options=()):
        """A node that runs; handlers: name to text."""
        node = Node(self.postgres.url("nodes"), *options)
        self.nodes.append(node)
        for name, text in (handlers or {}).items():
            node.handler(name, text)
        node.start()
        if not node.ready():
            raise RuntimeError("a node does not start:\n" + node.log_text())
        return node

    def machine(self, name, definition):
        return self.nodes[0].client().call("CreateStateMachine", name=name, roleArn=ROLE,
                                           definition=json.dumps(definition))["stateMachineArn"]

    def balanced(self, within_s=20):
        """Waits until each node that runs has shards."""
        count = sum(node.process.poll() is None for node in self.nodes)
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            owners = self.query("SELECT node, count(*) FROM orchestrator.lease WHERE node <> '' GROUP BY node")
            if len(owners) == count and max(int(n) for _, n in owners) - min(int(n) for _, n in owners) <= count:
                return True
            time.sleep(0.05)
        return False

    def outcome(self, client, arn, within_s=30):
        """What DescribeExecution says once the execution has ended (or has not in time)."""
        end = time.monotonic() + within_s
        while True:
            outcome = client.call("DescribeExecution", executionArn=arn)
            if outcome["status"] != "RUNNING" or time.monotonic() > end:
                return outcome
            time.sleep(0.02)

    def query(self, sql):
        return self.postgres.query("nodes", sql)

    @contextlib.contextmanager
    def held_commits(self, node):
        """No commit of the node ends inside; for 30 s at most."""
        sql = ("BEGIN; SELECT 1 FROM orchestrator.writer WHERE id = (SELECT writer FROM orchestrator.node WHERE name LIKE"
               f" '%:{node.process.pid}-%') FOR UPDATE; SELECT pg_sleep(30)")
        holder = subprocess.Popen([f"{self.postgres.bin}/psql", "-Xq", "-h", self.postgres.folder, "-U", "orchestrator",
                                   "-d", "nodes", "-c", sql], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asleep = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        while holder.poll() is None and not self.query(f"SELECT 1 {asleep}"):
            time.sleep(0.02)
        try:
            yield
        finally:
            self.query(f"SELECT pg_terminate_backend(pid) {asleep}")
            holder.wait()
