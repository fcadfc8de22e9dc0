#!/usr/bin/python3
"""Every command that takes --endpoint, on a store and over a guarded HTTPS server: both must say the same.

Also what the client says of servers that it cannot reach, trust, or satisfy.
"""
import json
import os
import re
import signal
import subprocess
import time

from engine import PROGRAM, Checks, Server, new_store

KEYS = """
keys:
  - {id: ADMIN, secret: admin-secret-0123456789, role: admin}
  - {id: READER, secret: reader-secret-0123456789, role: read}
"""
FILES = {
    "pass.json": '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}',
    "fail.json": '{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Bad.Luck", "Cause": "for once"}}}',
    "wrong.json": '{"StartAt": "No", "States": {"A": {"Type": "Pass", "End": true}}}',
    "wait.json": '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}',
    "token.json": '{"StartAt": "T", "States": {"T": {"Type": "Task", "End": true, "TimeoutSeconds": 3600, '
                  '"Resource": "arn:aws:states:us-east-1:123456789012:activity:work"}}}',
    "double.json": '{"StartAt": "D", "States": {"D": {"Type": "Task", "End": true, '
                   '"Resource": "arn:aws:lambda:us-east-1:1:function:double"}}}',
    "map.json": '{"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "each", "End": true, "ItemProcessor": '
                '{"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "A", '
                '"States": {"A": {"Type": "Pass", "End": true}}}}}}',
    "express.json": '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}',
}
# What differs from run to run.
VARYING = [
    (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[-+]\d\d:\d\d)", "TIME"),
    (r"\b1[789]\d{8}(\.\d+)?\b", "TIME"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\b\d+(\.\d+)? (ms|s)\b", "DURATION"),
    (r"\bAQAA[\w-]{40,}", "TOKEN"),
    (r" +", " "),
]
# The commands in the order of a story. {token} stands for what the last `activity poll` printed.
STORY = """
create pass.json
create pass.json -o json
create wait.json --name pass
create wrong.json
update pass.json --publish
update pass wait.json -o json
update pass pass.json
update missing pass.json
list machines
list versions --machine pass -o json
list aliases --machine pass
list aliases
run pass.json --name first --input [1,2]
run pass --name second --quiet
run pass.json --name first --input [3]
run fail.json --name failed
run double.json --name doubled --input 21
run express.json --type EXPRESS --input {"a":1}
run map.json --name mapped --input [1,2,3]
run missing
start pass --name third --wait
start wait.json --name waits
start wait.json --name waits -o json
start missing --name nothing
list executions -o json
list --status FAILED
list --machine pass
list map-runs --execution mapped -o ids
describe pass
describe first -o json
describe pass:first
describe wait:@latest
describe @latest
describe nothing
describe arn:aws:states:us-east-1:123456789012:nonsense:x
history first
history failed -o json
history first -o ids --reverse --limit 2
history mapped --type MapRunSucceeded -o jsonl
history nothing
history first --follow
stop waits --error Enough --cause because
stop waits nothing
describe waits -o json
redrive failed
redrive first
activity create work
activity create work -o json
activity create a/b
activity list
start token.json --name asks
activity poll work --worker me -o ids
task tokens
task heartbeat {token}
task success {token} --output {"answer":42}
task success {token}
task heartbeat {token}
describe asks -o json
start token.json --name asks-again
activity poll work -o ids
task failure {token} --error My.Error --cause why
task failure nonsense
history asks-again
activity delete work
graph pass
graph failed --output mermaid
graph missing
call ListStateMachines
call DescribeExecution --input {"executionArn":"arn:aws:states:us-east-1:123456789012:execution:pass:first"}
call DescribeExecution --input {}
call NoSuchOperation
delete pass:1
delete pass fail
delete missing
list machines -o ids
"""


def normal(text):
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text.strip()


class Side:
    """One of the two ways: a folder of its own, and what the environment says about store or server."""

    def __init__(self, folder, **environment):
        self.folder = folder
        os.makedirs(f"{folder}/functions")
        for name, text in FILES.items():
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        with open(f"{folder}/functions/double", "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nread -r line || true\necho $((line * 2))\n")
        os.chmod(f"{folder}/functions/double", 0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORCHESTRATOR_", "AWS_", "SFN_"))}
        self.environment = {**kept, "HOME": folder, "XDG_CONFIG_HOME": folder, "NO_COLOR": "1",
                            "ORCHESTRATOR_FUNCTIONS": f"{folder}/functions", **environment}
        self.token = ""

    def run(self, words, **environment):
        return subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=90, env={**self.environment, **environment})

    def tell(self, line):
        result = self.run([word.replace("{token}", self.token) for word in line.split()])
        if line.startswith("activity poll"):
            self.token = result.stdout.strip()
        return result.returncode, normal(result.stdout), normal(result.stderr)


def commands_with_endpoint():
    names = subprocess.run([PROGRAM, "completion", "commands"], capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        text = subprocess.run([PROGRAM, *name.split(), "--help"], capture_output=True, text=True, check=True).stdout
        if "--endpoint URL" in text:
            yield name


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out",
                    f"{folder}/certificate.pem"], check=True, capture_output=True)


def check_story(checks, local, remote):
    lines = STORY.strip().splitlines()
    for line in lines:
        here, there = local.tell(line), remote.tell(line)
        checks.that(here == there, f"{line}\n  store:    {here}\n  endpoint: {there}")
    here, there = local.run(["info", "-o", "json"]), remote.run(["info", "-o", "json"])
    checks.that(json.loads(here.stdout)["openExecutions"] == json.loads(there.stdout)["openExecutions"],
                f"info: {here} {there}")
    here, there = local.run(["nodes", "-o", "json"]), remote.run(["nodes", "-o", "json"])
    checks.that(isinstance(json.loads(here.stdout), list) and
                [node["state"] for node in json.loads(there.stdout)] == ["alive"], f"nodes: {here} {there}")
    told = {"info", "doctor", "env", "nodes"} | {name for name in commands_with_endpoint() for line in lines if f"{line} ".startswith(f"{name} ")}
    for name in commands_with_endpoint():
        checks.that(name in told, f"`{name}` is not in the story")


def check_refusals(checks, remote, port):
    """(what the environment says otherwise, options, exit code, text)"""
    https, http = f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port}"
    cases = [
        ({}, [], 0, ""),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, [], 1, "InvalidSignatureException: The request signature we calculated"),
        ({"AWS_ACCESS_KEY_ID": "NOBODY"}, [], 1, "UnrecognizedClientException: The security token included in the"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, [], 1, "MissingAuthenticationTokenException: Missing"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, [], 2, "an access key id is given without its secret"),
        ({"AWS_ACCESS_KEY_ID": ""}, [], 2, "a secret access key is given without its id"),
        ({"AWS_SESSION_TOKEN": "a/token+of=AWS"}, [], 0, ""),
        ({"AWS_ACCESS_KEY_ID": ""}, ["--access-key-id", "READER", "--secret-access-key", "reader-secret-0123456789"],
         0, ""),
        ({}, ["--region", "eu-west-1"], 1, "InvalidSignatureException: Credential should be scoped"),
        ({"AWS_CA_BUNDLE": ""}, [], 6, "--ca-file"),
        ({"AWS_CA_BUNDLE": "/nowhere"}, [], 6, "/nowhere"),
        ({}, ["--endpoint", http], 6, "https://"),
        ({}, ["--endpoint", f"https://localhost:{port}"], 6, "certificate"),
        ({}, ["--endpoint", "https://127.0.0.1:9"], 6, "could not reach the server at https://127.0.0.1:9"),
        ({}, ["--endpoint", "ftp://x"], 2, "expected http://HOST:PORT or https://HOST:PORT"),
        ({}, ["--endpoint", f"{https}/path"], 2, "expected http://HOST:PORT"),
        ({}, ["--endpoint", "https://"], 2, "expected http://HOST:PORT"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, [], 0, ""),
    ]
    for environment, options, code, text in cases:
        result = remote.run(["list", "machines", *options], **environment)
        checks.that(result.returncode == code and text in result.stderr,
                    f"{environment} {options}: {result.returncode} {result.stderr}")
    reader = {"AWS_ACCESS_KEY_ID": "READER", "AWS_SECRET_ACCESS_KEY": "reader-secret-0123456789"}
    for words in (["activity", "create", "a"], ["task", "tokens"]):
        result = remote.run(words, **reader)
        checks.that(result.returncode == 1 and "AccessDeniedException" in result.stderr, f"{words}: {result.stderr}")
    for words in (["run", "pass.json", "--functions", "functions"], ["run", "pass.json", "--clock", "virtual"]):
        result = remote.run(words)
        checks.that(result.returncode == 2, f"{words}: {result.returncode} {result.stderr}")


def check_interruption(checks, remote):
    process = subprocess.Popen([PROGRAM, "run", "wait.json"], cwd=remote.folder, env=remote.environment,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=20)[1].decode()
    checks.that(process.returncode == 130 and "goes on where it was" in text, f"{process.returncode}: {text}")


def check_elsewhere(checks):
    """ARNs are made with the server's region and account."""
    server = Server("--region", "eu-north-1", "--account", "111122223333")
    server.start()
    checks.that(server.ready(), server.log_text())
    side = Side(f"{server.folder}/client", ORCHESTRATOR_ENDPOINT=f"http://127.0.0.1:{server.port}")
    result = side.run(["run", "pass.json", "--name", "there", "-q"])
    checks.that(result.returncode == 0, result.stderr)
    result = side.run(["describe", "pass:there", "-o", "ids"])
    checks.that(result.stdout == "arn:aws:states:eu-north-1:111122223333:execution:pass:there\n",
                result.stdout + result.stderr)
    server.close()


def main():
    checks = Checks()
    server = Server()
    config = f"{server.folder}/config.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(KEYS)
    make_certificate(server.folder)
    local = Side(f"{server.folder}/local", ORCHESTRATOR_STORE=new_store(f"{server.folder}/local.db"))
    remote = Side(f"{server.folder}/remote", ORCHESTRATOR_ENDPOINT=f"https://127.0.0.1:{server.port}",
                  AWS_CA_BUNDLE=f"{server.folder}/certificate.pem", AWS_ACCESS_KEY_ID="ADMIN",
                  AWS_SECRET_ACCESS_KEY="admin-secret-0123456789")
    server.handler("double", "#!/bin/sh\nread -r line || true\necho $((line * 2))\n")
    server.options = ("--config", config, "--tls-cert", f"{server.folder}/certificate.pem", "--tls-key",
                      f"{server.folder}/key.pem")
    server.start()
    end = time.time() + 20
    while "listening" not in server.log_text() and time.time() < end:
        time.sleep(0.05)
    check_story(checks, local, remote)
    check_refusals(checks, remote, server.port)
    check_interruption(checks, remote)
    check_elsewhere(checks)
    checks.that("curl" not in open(f"/proc/{server.process.pid}/maps", encoding="utf-8").read(),
                "serve has loaded libcurl")
    server.close()
    checks.end()


if __name__ == "__main__":
    main()
