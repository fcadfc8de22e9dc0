#!/usr/bin/python3
"""What goes wrong around the program ends in a clear error, never in a crash or without an end."""
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import tempfile

from engine import ON_POSTGRES, PROGRAM, Checks, new_store

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"

# handler file, its text, what the error says
HANDLERS = {
    "missing": (None, None, r"Lambda.ResourceNotFoundException: Function not found: .*function:missing"),
    "garbage": ("garbage.sh", "#!/bin/sh\necho not json\n", r"garbage returned what is not JSON: line 1 column 1"),
    "long": ("long.sh", "#!/bin/sh\nhead -c 10485760 /dev/zero | tr '\\0' 1\n", r"long wrote more than the \d+ bytes"),
    "bytes": ("bytes.sh", "#!/bin/sh\nprintf '\"\\377\\376\"'\n", r"bytes returned what is not JSON: .*valid UTF-8"),
    "killed": ("killed.sh", "#!/bin/sh\necho last words >&2\nkill -9 $$\n", r"ended by signal 9 .*last words"),
    "refusing": ("refusing.sh", "#!/bin/sh\necho why >&2\nexit 3\n", r"why"),
    "folder": ("folder.sh", None, r"Function not found"),
    "unstarted": ("unstarted.sh", "#!/no/such/program\n", r"unstarted"),
    "babbling": ("babbling.lines", "#!/bin/sh\nread line\necho not json\nsleep 60\n", r"a line that is no answer"),
    "wide": ("wide.lines", "#!/bin/sh\nread line\nhead -c 10485760 /dev/zero | tr '\\0' 1\nsleep 60\n", r"wide"),
    "broken": ("broken.lines.py", "#!/usr/bin/python3\nimport json, sys\nfor line in sys.stdin:\n"
               "    sys.stdout.buffer.write(b'{\"id\":\"' + json.loads(line)['id'].encode() + b'\",\"result\":\"\\xff\"}\\n')\n"
               "    sys.stdout.buffer.flush()\n", r"valid UTF-8"),
    "gone": ("gone.lines", "#!/bin/sh\nread line\nexit 0\n", r"gone"),
}


class Bench:
    def __init__(self, checks):
        self.checks = checks
        self.temporary = tempfile.TemporaryDirectory(prefix="orchestrator-test-")
        self.folder = self.temporary.name
        os.mkdir(f"{self.folder}/functions")
        self.stores = {}

    def path(self, name, text=None):
        path = f"{self.folder}/{name}"
        if text is not None:
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, what, code, pattern, *arguments, **options):
        """Ends in time with that exit code and says so: the pattern is in what it prints."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ORCHESTRATOR_")}
        environment["HOME"] = self.folder
        try:
            done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, env=environment, timeout=60, **options)
        except subprocess.TimeoutExpired:
            self.checks.that(False, f"{what}: does not end")
            return ""
        text = done.stdout.decode(errors="replace")
        self.checks.that(done.returncode == code and re.search(pattern, text, re.S),
                         f"{what}: exit {done.returncode}, expected {code} and {pattern!r} in {text[-600:]!r}")
        return text

    def store(self, name="store.db"):
        """The store of this name: the same one each time."""
        if name not in self.stores:
            self.stores[name] = new_store(self.path(name))
        return self.stores[name]


def definition(function):
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": FUNCTION + function, "End": True}}})


def handlers(bench):
    os.mkdir(bench.path("functions/folder.sh"))
    for name, (file, text, pattern) in HANDLERS.items():
        if text:
            os.chmod(bench.path(f"functions/{file}", text), 0o755)
        bench.run(f"handler {name}", 1, pattern, "run", bench.path(f"{name}.asl.json", definition(name)), "--store",
                  bench.store())


def definitions(bench):
    deep = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Result":' + "[" * 1000 + "]" * 1000 + "}}}"
    bench.run("a value nested 1,000 deep", 1, r"nesting depth", "validate", bench.path("deep.json", deep))
    nested = '{"StartAt":"S","States":{"S":{"Type":"Pass","End":true}}}'
    for i in range(1000):
        nested = f'{{"StartAt":"S{i}","States":{{"S{i}":{{"Type":"Parallel","Branches":[{nested}],"End":true}}}}}}'
    bench.run("states nested 1,000 deep", 1, r"nesting depth", "validate", bench.path("nested.json", nested))
    yaml = "StartAt: A\nStates: " + "{a: " * 1000 + "1" + "}" * 1000 + "\n"
    bench.run("YAML nested 1,000 deep", 1, r"error", "validate", bench.path("deep.yaml", yaml))
    bench.run("an unfinished definition", 1, r"error", "validate", bench.path("cut.json", '{"StartAt": "A", "States'))
    bench.run("an empty definition", 1, r"error", "validate", bench.path("empty.json", ""))
    bench.run("a definition in no encoding", 1, r"error", "validate", bench.path("bytes.json", b'{"StartAt": "\xff\xfe"}'))
    bench.run("a definition that is not there", 2, r"nowhere\.json", "validate", bench.path("nowhere.json"))
    task = bench.path("plain.asl.json", json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))
    bench.run("an input that is no JSON", 2, r"column 2", "run", task, "--input", "{oops", "--store", bench.store())
    bench.run("an input nested 1,000 deep", 2, r"nesting", "run", task, "--input", "[" * 1000 + "]" * 1000, "--store",
              bench.store())
    large = bench.path("large.json", json.dumps("x" * 300000))
    bench.run("an input over the limit", 1, r"262144", "run", task, "--input", "@" + large, "--store", bench.store())


def stores(bench):
    plain = bench.path("plain.asl.json", json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))
    noise = bench.path("noise.db", os.urandom(100000))
    with open(noise, "rb") as file:
        before = file.read()
    for command in (("list",), ("run", plain), ("info",)):
        bench.run(f"noise instead of a database: {command[0]}", 6, r"noise\.db: .*(damaged|no SQLite database)", *command,
                  "--store", "sqlite:" + noise)
    with open(noise, "rb") as file:
        bench.checks.that(file.read() == before, "a foreign file was changed")
    foreign = bench.path("foreign.db")
    with sqlite3.connect(foreign) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    bench.run("another program's database", 6, r"another program", "list", "--store", "sqlite:" + foreign)
    good = bench.path("good.db")
    bench.run("a good store", 0, r"", "run", plain, "--store", "sqlite:" + good)
    with open(good, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(80000))
    bench.run("a damaged database", 6, r"damaged", "list", "--store", "sqlite:" + good)
    bench.run("a folder that cannot be written", 6, r"/proc/none", "run", plain, "--store", "sqlite:/proc/none/store.db")
    bench.run("a folder instead of a file", 6, r"functions", "list", "--store", "sqlite:" + bench.path("functions"))
    bench.run("no kind of store", 2, r"store", "list", "--store", "nosuch:thing")
    if os.geteuid() == 0 and subprocess.run([PROGRAM, "--version"], user=65534, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.chmod(bench.folder, 0o755)
        os.mkdir(bench.path("closed"), 0o555)
        bench.run("a read-only folder", 6, r"closed", "run", plain, "--store", "sqlite:" + bench.path("closed/store.db"),
                  user=65534)


def databases(bench):
    """What can be wrong with a PostgreSQL."""
    def at(database, **more):
        return os.environ["TEST_STORE"].replace("{}", database) + "".join(f"&{k}={v}" for k, v in more.items())

    plain = bench.path("plain.asl.json", json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))
    for command in (("list",), ("run", plain), ("info",)):
        bench.run(f"no such database: {command[0]}", 6, r'database "nowhere" does not exist', *command, "--store",
                  at("nowhere"))
    bench.run("no such role", 6, r'role "nobody" does not exist', "list", "--store", at("postgres", user="nobody"))
    bench.run("nobody listens", 6, r"/proc/none", "list", "--store", "postgres://x@/y?host=/proc/none")
    bench.run("no such setting", 6, r"colour", "list", "--store", at("postgres", colour="red"))
    bench.run("a database that may not be written", 6, r"read-only", "run", plain, "--store",
              at("postgres", options="-cdefault_transaction_read_only%3Don"))


def full_disk(bench):
    """Files may not grow beyond a limit: every write past it fails as on a full disk."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400000, 400000))

    loop = {"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)", "text.$": "$.text"}, "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 0, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 2000, "Next": "A"}], "Default": "D"},
        "D": {"Type": "Succeed"}}}
    path = bench.path("loop.asl.json", json.dumps(loop))
    bench.run("a full disk", 1, r"no space left", "run", path, "--input",
              json.dumps({"n": 0, "text": "x" * 1000}), "--store", bench.store("full.db"), preexec_fn=limit)
    bench.run("the store after a full disk", 0, r"", "list", "--store", bench.store("full.db"))


def main():
    checks = Checks()
    bench = Bench(checks)
    handlers(bench)
    definitions(bench)
    if ON_POSTGRES:
        databases(bench)
    else:
        stores(bench)
        full_disk(bench)
    bench.temporary.cleanup()
    checks.end()


main()
