"""Nodes on a PostgreSQL of their own, each with its own handlers: what crossing_test.py is written in."""
import json
import time

from engine import ROLE, Server
from postgres import Postgres


class Node(Server):
    """One process of `serve` on the shared store; its handlers are its own."""

    def __init__(self, store, *options):
        super().__init__(*options)
        self.store = store


class Cluster:
    """A database, the nodes on it, and what they have in common."""

    def __init__(self):
        self.postgres = Postgres()
        self.nodes = []
        self.there = self.postgres.start()  # False: PostgreSQL's server is not installed

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
