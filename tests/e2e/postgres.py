"""A PostgreSQL of the test's own, in a folder that is gone afterwards; listens on a socket in it alone."""
import contextlib
import glob
import os
import pwd
import signal
import subprocess
import tempfile


def _binaries():
    for pattern in ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/bin", "/usr/bin"):
        for folder in sorted(glob.glob(pattern), reverse=True):
            if all(os.access(f"{folder}/{name}", os.X_OK) for name in ("initdb", "pg_ctl", "psql")):
                return folder
    return None


def _parent(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def send_signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # a connection that has ended


class Postgres:
    """None of it is there until start(); url(database) makes a database of that name when asked the first time."""

    def __init__(self):
        self.bin = _binaries()
        self.temporary = tempfile.TemporaryDirectory(prefix="orchestrator-pg-")
        self.folder = self.temporary.name
        self.databases = set()

    def _run(self, *words):
        """The server refuses to run as root."""
        options = {}
        if os.getuid() == 0:
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        return subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=True, timeout=120, **options).stdout.decode()

    def start(self, **settings):
        """False: PostgreSQL's server is not installed. Settings are those of postgresql.conf."""
        if self.bin is None:
            return False
        self._run(f"{self.bin}/initdb", "-D", f"{self.folder}/data", "-U", "orchestrator", "-A", "trust", "-E", "UTF8",
                  "--locale=C")
        self.settings = "".join(f" -c {name}={value}" for name, value in settings.items())
        self._serve()
        return True

    def _serve(self):
        self._run(f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/data/log", "-w", "start",
                  "-o", f"-k {self.folder} -c listen_addresses='' -c logging_collector=off{self.settings}")

    def log_text(self):
        with open(f"{self.folder}/data/log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def restart(self):
        """As after a power cut."""
        self._run(f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        self._serve()

    @contextlib.contextmanager
    def frozen(self):
        """Nothing of it moves inside, as when its disk or its machine hangs."""
        with open(f"{self.folder}/data/postmaster.pid", encoding="ascii") as file:
            head = int(file.readline())
        group = [head] + [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _parent(int(pid)) == head]
        try:
            send_signal(group, signal.SIGSTOP)
            yield
        finally:
            send_signal(group, signal.SIGCONT)

    def query(self, database, sql):
        """The rows as lists of texts."""
        text = subprocess.run([f"{self.bin}/psql", "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U",
                               "orchestrator", "-d", database, "-c", sql], stdout=subprocess.PIPE, check=True,
                              timeout=120).stdout.decode()
        return [line.split("\t") for line in text.splitlines()]

    def url(self, database):
        if database not in self.databases:
            self.query("postgres", f"CREATE DATABASE {database}")
            self.databases.add(database)
        return f"postgres://orchestrator@/{database}?host={self.folder}"

    def close(self):
        if self.bin and os.path.exists(f"{self.folder}/data/postmaster.pid"):
            self._run(f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        self.temporary.cleanup()
