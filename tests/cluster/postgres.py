"""A private PostgreSQL: its own data folder and socket, fsync and full_page_writes on, gone afterwards."""
import glob
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time


def find_binaries():
    """The folder with initdb, or None where the server is not installed."""
    folders = glob.glob("/usr/lib/postgresql/*/bin") + ["/usr/local/bin", "/usr/bin"]
    found = [folder for folder in folders if os.access(f"{folder}/initdb", os.X_OK)]
    return max(found, key=lambda folder: int("".join(filter(str.isdigit, folder)) or 0)) if found else None


class Postgres:
    """`settings`: further lines of postgresql.conf, as name=value."""

    def __init__(self, **settings):
        self.binaries = find_binaries()
        self.folder = tempfile.mkdtemp(prefix="orchestrator-pg-")
        self.data = f"{self.folder}/data"
        self.url = f"postgres://orchestrator@/postgres?host={self.folder}"
        self.user = {}
        if os.getuid() == 0:  # the server refuses to run as root
            names = {entry.pw_name for entry in pwd.getpwall()}
            account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", self.data, "-U", "orchestrator", "-A", "trust", "-E", "UTF8", "--locale=C")
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as file:
            for name, value in {"unix_socket_directories": f"'{self.folder}'", "listen_addresses": "''",
                                "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
                                "max_connections": 100, **settings}.items():
                file.write(f"{name} = {value}\n")
        self._control("start")

    def _run(self, program, *arguments):
        subprocess.run([f"{self.binaries}/{program}", *arguments], check=True, cwd=self.folder,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user)

    def _control(self, what, *options):
        self._run("pg_ctl", "-D", self.data, "-l", f"{self.folder}/log", "-w", "-t", "60", *options, what)

    def restart(self):
        """As if the power had failed: no checkpoint, all connections are lost, the log is replayed."""
        self._control("restart", "-m", "immediate")

    def sql(self, text, within_s=60):
        """Runs SQL; the rows of its answers, each a list of texts (null: None)."""
        end = time.monotonic() + within_s
        while True:
            done = subprocess.run([f"{self.binaries}/psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", "-P",
                                   "null=\x1e", "-h", self.folder, "-U", "orchestrator", "postgres"],
                                  input=text.encode(), capture_output=True, check=False)
            if done.returncode == 0:
                break
            if done.returncode != 2 or time.monotonic() > end:  # 2: the connection
                raise RuntimeError(done.stderr.decode())
            time.sleep(0.05)
        return [[None if cell == "\x1e" else cell for cell in line.split("\x1f")]
                for line in done.stdout.decode().split("\n") if line]

    def json(self, query):
        """The rows of a SELECT, each as a list of values."""
        rows = self.sql(f"SELECT to_json(r) FROM ({query}) r")
        return [list(json.loads(row[0]).values()) for row in rows]

    def cut(self, count=None):
        """Ends connections of the program: as many as are asked for, drawn by the server, or all."""
        limit = f"ORDER BY random() LIMIT {count}" if count else ""
        rows = self.sql("SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
                        f" WHERE application_name LIKE 'orchestrator %' {limit}) p", within_s=1)
        return len(rows)

    def log_text(self):
        with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        subprocess.run([f"{self.binaries}/pg_ctl", "-D", self.data, "-m", "immediate", "stop"], check=False,
                       cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user)
        shutil.rmtree(self.folder, ignore_errors=True)
