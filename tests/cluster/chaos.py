"""What is done to the cluster: kills, pauses, stops, and what can happen to its database. One seed, one course."""
import collections
import random
import subprocess
import threading
import time

LEASE_S = 3  # how long a node that does not renew keeps its shards (runtime/store/postgres.c)
# How often each, relative to the others.
ACTIONS = {"kill": 5, "pause": 3, "stop": 3, "restart": 1, "cut": 3, "freeze": 1, "stall": 2, "overtake": 3}


class Chaos:
    """`actions`: names out of ACTIONS, or None for all."""

    def __init__(self, nodes, database, seed, pause_s_max, actions, log):
        self.nodes, self.database, self.log = nodes, database, log
        self.random = random.Random(f"{seed}/chaos")
        self.pause_s_max = pause_s_max
        self.actions = {name: weight for name, weight in ACTIONS.items() if actions is None or name in actions}
        self.counts = collections.Counter()
        self.faults = []
        self.over = threading.Event()
        self.threads = []

    def note(self, text):
        self.log.write(f"{time.time():.3f} {text}\n")
        self.log.flush()

    def supervise(self):
        while not self.over.is_set():
            for node in self.nodes:
                node.supervise()
            time.sleep(0.1)

    def begin(self):
        self.supervisor = threading.Thread(target=self.supervise, daemon=True)
        self.supervisor.start()

    def run(self, duration_s):
        """Something every second or so; several nodes may be down at once."""
        end = time.monotonic() + duration_s
        if not self.actions:
            time.sleep(duration_s)
        while self.actions and time.monotonic() < end:
            time.sleep(self.random.uniform(0.2, 2.0))
            action = self.random.choices(list(self.actions), list(self.actions.values()))[0]
            node = self.random.choice(self.nodes)
            span = self.random.random()
            if action in ("restart", "cut", "freeze", "stall"):
                getattr(self, action)(span)
                continue
            if not node.lock.acquire(blocking=False):
                continue  # something happens to it already
            thread = threading.Thread(target=self.guarded, args=(action, node, span), daemon=True)
            self.threads.append(thread)
            thread.start()
        for thread in self.threads:
            thread.join()

    def guarded(self, action, node, span):
        try:
            self.note(f"{action} {node.name}")
            getattr(self, action)(node, span)
            self.counts[action] += 1
            self.note(f"{action} {node.name}: over")
        except Exception as trouble:  # a thread must not fail in silence
            self.faults.append(f"{action} {node.name}: {trouble!r}")
        finally:
            node.lock.release()

    def kill(self, node, span):
        node.kill()
        time.sleep(span * 3 if span > 0.3 else 0)
        node.start()

    def pause(self, node, span):
        node.pause(0.1 + span * span * self.pause_s_max)

    def overtake(self, node, span):
        """Its leases are taken while a commit of it is on its way: that must not be written any more."""
        seconds = LEASE_S + 1.5 + span * self.pause_s_max / 2
        holding = threading.Thread(target=self.hold, args=(node.process.pid, seconds), daemon=True)
        holding.start()
        time.sleep(0.3)
        node.pause(seconds)
        holding.join()

    def hold(self, pid, seconds):
        try:
            self.database.hold_commits(pid, seconds)
        except RuntimeError:
            pass  # the database ended meanwhile

    def stop(self, node, span):
        if not node.stop():
            self.faults.append(f"{node.name} did not end well on SIGTERM")
        time.sleep(span * 3 if span > 0.3 else 0)
        node.start()

    def restart(self, _span):
        self.note("restart of the database")
        try:
            self.database.restart()
            self.counts["restart"] += 1
        except subprocess.CalledProcessError as trouble:
            self.faults.append(f"the database did not start again: {trouble}")
        self.note("restart of the database: over")

    def freeze(self, span):
        self.note(f"freeze of the database, {span * self.pause_s_max:.1f} s")
        self.database.freeze(span * self.pause_s_max)
        self.counts["freeze"] += 1
        self.note("freeze of the database: over")

    def stall(self, span):
        self.note(f"stall of a node's connections, {span * self.pause_s_max:.1f} s")
        try:
            self.database.stall(span * self.pause_s_max)
            self.counts["stall"] += 1
        except RuntimeError:
            pass  # the database ended: as good as a cut
        self.note("stall of a node's connections: over")

    def cut(self, span):
        self.note("cut")
        try:
            self.database.cut(None if span < 0.3 else 1 + int(span * 3))
            self.counts["cut"] += 1
        except RuntimeError:
            pass  # the database ended or is full: as good as a cut

    def end(self):
        self.over.set()
        self.supervisor.join()
