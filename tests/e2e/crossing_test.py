#!/usr/bin/python3
"""Work that crosses nodes: three processes of `serve` on one PostgreSQL of its own, some with handlers, some without.

Skipped (exit 77) where PostgreSQL's server is not installed.
"""
import sys

from crossing import Cluster
from engine import Checks

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


def main():
    checks = Checks()
    with Cluster() as cluster:
        if not cluster.there:
            print("skipped: PostgreSQL's server is not installed")
            sys.exit(77)
        cluster.add()
        children_lie_with_their_parents(checks, cluster)
    checks.end()


main()
