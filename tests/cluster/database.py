"""The PostgreSQL of the cluster: it can be restarted, its connections cut, and it is asked until it answers."""
import json
import signal
import subprocess
import time

from postgres import Postgres, send_signal

NULL, CELL = "\x1e", "\x1f"


class Database(Postgres):
    """fsync, full_page_writes and synchronous_commit are on: what was acknowledged is on the disk."""

    def begin(self):
        """False: PostgreSQL's server is not installed."""
        there = self.start(fsync="on", full_page_writes="on", synchronous_commit="on", checkpoint_timeout="30s")
        self.store = self.url("cluster") if there else None
        return there

    def restart(self):
        """As if the power had failed: no checkpoint, all connections are lost, the log is replayed."""
        self._run(f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/data/log", "-w", "-t", "60",
                  "-m", "immediate", "restart")

    def freeze(self, seconds):
        """Nothing of it moves for that long, as when its disk or its machine hangs."""
        with self.frozen():
            time.sleep(seconds)

    def stall(self, seconds):
        """What one node sends to the database hangs there, commits and renewals, while the others go on without it."""
        rows = self.sql("SELECT pid FROM pg_stat_activity WHERE split_part(application_name, ' ', 3) = (SELECT"
                        " split_part(application_name, ' ', 3) FROM pg_stat_activity WHERE application_name LIKE"
                        " 'orchestrator writer %' ORDER BY random() LIMIT 1)", within_s=1)
        try:
            send_signal([int(row[0]) for row in rows], signal.SIGSTOP)
            time.sleep(seconds)
        finally:
            send_signal([int(row[0]) for row in rows], signal.SIGCONT)

    def hold_commits(self, pid, seconds):
        """The next commit of the node with this process stops before it proves its leases, for so long."""
        self.sql("BEGIN; SELECT 1 FROM orchestrator.writer WHERE id = (SELECT writer FROM audit.lease WHERE node LIKE"
                 f" '%:{pid}-%' ORDER BY n DESC LIMIT 1) FOR UPDATE; SELECT pg_sleep({seconds}); COMMIT", within_s=1)

    def sql(self, text, within_s=60):
        """Runs SQL; the rows of its answers, each a list of texts (null: None)."""
        end = time.monotonic() + within_s
        while True:
            done = subprocess.run([f"{self.bin}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-F", CELL, "-P",
                                   f"null={NULL}", "-h", self.folder, "-U", "orchestrator", "cluster"],
                                  input=text.encode(), capture_output=True, check=False)
            if done.returncode == 0:
                break
            if done.returncode != 2 or time.monotonic() > end:  # 2: the connection
                raise RuntimeError(done.stderr.decode())
            time.sleep(0.05)
        return [[None if cell == NULL else cell for cell in line.split(CELL)]
                for line in done.stdout.decode().split("\n") if line]

    def json(self, query):
        """The rows of a SELECT, each as a list of values."""
        return [list(json.loads(row[0]).values()) for row in self.sql(f"SELECT to_json(r) FROM ({query}) r")]

    def cut(self, count=None):
        """Ends connections of the program: as many as are asked for, drawn by the server, or all."""
        limit = f"ORDER BY random() LIMIT {count}" if count else ""
        rows = self.sql("SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
                        f" WHERE application_name LIKE 'orchestrator %' {limit}) p", within_s=1)
        return len(rows)

    def log_text(self):
        with open(f"{self.folder}/data/log", encoding="utf-8", errors="replace") as file:
            return file.read()
