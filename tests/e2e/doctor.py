#!/usr/bin/python3
"""`doctor` finds what is wrong and says so; `env` prints variables that a shell takes as they are meant."""
import email.utils
import http.server
import json
import os
import subprocess
import threading
import time

from engine import PROGRAM, Checks, Server

CONFIG = """
keys:
  - {id: ADMIN, secret: admin-secret-0123456789, role: admin}
  - {id: WORKER, secret: worker-secret-0123456789, role: token}
"""


class Program:
    def __init__(self, folder):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORCHESTRATOR_", "AWS_", "SFN_"))}
        self.environment = {**kept, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder}

    def run(self, *words, **environment):
        return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=60,
                              stdin=subprocess.DEVNULL, env={**self.environment, **environment})

    def findings(self, *words, **environment):
        """check to (status, message), and the exit code"""
        result = self.run("doctor", "-o", "json", *words, **environment)
        entries = json.loads(result.stdout)
        return {entry["check"]: (entry["status"], entry["message"]) for entry in entries}, result.returncode


class Clock(http.server.BaseHTTPRequestHandler):
    """Another server, whose clock is wrong."""
    offset_s = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"region":"us-east-1","account":"1"}'
        self.send_response_only(200)
        self.send_header("Date", email.utils.formatdate(time.time() + self.offset_s, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def check_local(checks, program, folder):
    found, code = program.findings()
    checks.that(code == 0 and found["store"][0] == "ok" and "will be made" in found["store"][1], f"fresh: {found}")
    checks.that(found["server"][0] == "warning" and found["environment"][0] == "warning", f"no server: {found}")
    checks.that(not os.path.exists(f"{folder}/orchestrator"), "looking makes no store")
    noise = f"{folder}/noise.db"
    with open(noise, "wb") as file:
        file.write(os.urandom(100000))
    found, code = program.findings("--store", f"sqlite:{noise}")
    checks.that(code == 1 and found["store"][0] == "fault", f"a store that is none: {found}")
    os.mkdir(f"{folder}/handlers")
    with open(f"{folder}/handlers/plain", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n")
    found, code = program.findings("--functions", f"{folder}/handlers")
    checks.that(code == 0 and found["functions"][0] == "warning" and "plain" in found["functions"][1], f"{found}")
    os.chmod(f"{folder}/handlers/plain", 0o755)
    found, code = program.findings("--functions", f"{folder}/handlers")
    checks.that(found["functions"] == ("ok", f"{folder}/handlers: 1 handlers"), f"{found}")
    os.chmod(f"{folder}/handlers", 0o777)
    found, code = program.findings("--functions", f"{folder}/handlers")
    checks.that(found["functions"][0] == "warning" and "anybody" in found["functions"][1], f"{found}")
    for option, check in (("--functions", "functions"), ("--buckets", "buckets"), ("--mock-config", "mock file")):
        found, code = program.findings(option, f"{folder}/nowhere")
        checks.that(code == 1 and found[check][0] == "fault", f"{option}: {found}")
    config = f"{folder}/config.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG)
    os.chmod(config, 0o644)
    found, _ = program.findings("--config", config)
    checks.that(found["configuration"][0] == "warning" and "others may read" in found["configuration"][1], f"{found}")
    os.chmod(config, 0o600)
    found, _ = program.findings("--config", config)
    checks.that(found["configuration"][0] == "ok" and "signed" in found["configuration"][1], f"{found}")
    with open(config, "a", encoding="utf-8") as file:
        file.write("  - {id: SHORT, secret: short, role: admin}\n")
    found, code = program.findings("--config", config)
    checks.that(code == 1 and found["configuration"][0] == "fault" and "keys[2]" in found["configuration"][1],
                f"{found}")


def check_server(checks, program, folder):
    config = f"{folder}/guarded.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG)
    server = Server("--config", config)
    server.start()
    checks.that(server.ready(), server.log_text())
    endpoint = f"http://127.0.0.1:{server.port}"
    admin = {"AWS_ACCESS_KEY_ID": "ADMIN", "AWS_SECRET_ACCESS_KEY": "admin-secret-0123456789"}
    for environment, status, text in (
            (admin, "ok", "takes them"),
            ({}, "fault", "wants signed requests"),
            ({**admin, "AWS_ACCESS_KEY_ID": "NOBODY"}, "fault", 'no key "NOBODY"'),
            ({**admin, "AWS_SECRET_ACCESS_KEY": "wrong"}, "fault", "InvalidSignatureException"),
            ({"AWS_ACCESS_KEY_ID": "WORKER", "AWS_SECRET_ACCESS_KEY": "worker-secret-0123456789"}, "warning", "role")):
        found, code = program.findings("--endpoint", endpoint, **environment)
        checks.that(found["server"][0] == "ok" and found["credentials"][0] == status and
                    text in found["credentials"][1] and code == (status == "fault"), f"{environment}: {found}")
    found, _ = program.findings("--endpoint", endpoint, AWS_ENDPOINT_URL_SFN=endpoint, AWS_REGION="eu-west-1", **admin)
    checks.that(found["environment"][0] == "ok" and found["region"][0] == "warning", f"{found}")
    found, _ = program.findings("--endpoint", endpoint, AWS_ENDPOINT_URL="http://other:1", **admin)
    checks.that(found["environment"][0] == "warning" and "other:1" in found["environment"][1], f"{found}")
    if found["sync- prefix"][0] != "ok": # where the name service makes something of any name
        checks.that("sync-127.0.0.1" in found["sync- prefix"][1], f"{found}")
        found, _ = program.findings("--endpoint", endpoint, AWS_DISABLE_HOST_PREFIX_INJECTION="true", **admin)
        checks.that(found["sync- prefix"][0] == "ok", f"{found}")
    text = program.run("doctor", "--endpoint", endpoint).stdout
    checks.that("fault    credentials" in text and "set AWS_ACCESS_KEY_ID" in text, text)
    server.close()
    found, code = program.findings("--endpoint", endpoint)
    checks.that(code == 1 and found["server"][0] == "fault", f"nobody there: {found}")


def check_clock(checks, program):
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Clock)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{other.server_port}"
    for Clock.offset_s, status in ((0, "ok"), (-300, "warning"), (3600, "fault")):
        found, code = program.findings("--endpoint", endpoint)
        checks.that(found["clock"][0] == status and code == (status == "fault"), f"{Clock.offset_s} s: {found}")
    other.shutdown()


def evaluated(program, *words, **environment):
    """What a shell has after eval "$(orchestrator env)"."""
    script = 'eval "$("$0" env "$@")" && env -0'
    result = subprocess.run(["sh", "-c", script, PROGRAM, *words], capture_output=True, check=True, timeout=60,
                            env={**program.environment, **environment})
    return dict(line.split("=", 1) for line in result.stdout.decode().split("\0") if "=" in line)


def check_env(checks, program, folder):
    values = evaluated(program)
    checks.that(values["AWS_ENDPOINT_URL_SFN"] == values["AWS_ENDPOINT_URL_STEPFUNCTIONS"] == "http://127.0.0.1:8083" and
                values["AWS_ACCESS_KEY_ID"] == "test" and values["AWS_REGION"] == values["AWS_DEFAULT_REGION"] ==
                "us-east-1" and values["PATH"] == program.environment["PATH"], f"{values}")
    values = evaluated(program, AWS_ACCESS_KEY_ID="MINE", ORCHESTRATOR_REGION="eu-north-1",
                       ORCHESTRATOR_LISTEN="0.0.0.0:9000")
    checks.that(values["AWS_ACCESS_KEY_ID"] == "MINE" and "AWS_SECRET_ACCESS_KEY" not in values and
                values["AWS_REGION"] == "eu-north-1" and values["AWS_ENDPOINT_URL_SFN"] == "http://127.0.0.1:9000",
                f"{values}")
    hostile = "/x'; touch '" + folder + "/touched'; echo $(touch \"" + folder + "/touched\") `id`\\"
    values = evaluated(program, "--ca-file", hostile)
    checks.that(values["AWS_CA_BUNDLE"] == hostile and not os.path.exists(f"{folder}/touched"), f"{values}")
    text = program.run("env", "-o", "fish", "--ca-file", "a'b\\c").stdout
    checks.that("set -gx AWS_CA_BUNDLE 'a\\'b\\\\c'\n" in text, text)
    values = json.loads(program.run("env", "-o", "json", "--endpoint", "https://sfn.example:1").stdout)
    checks.that(values["AWS_ENDPOINT_URL_SFN"] == "https://sfn.example:1", f"{values}")
    for words in (("-o", "csh"), ("--endpoint", "ftp://x"), ("--listen", "x:y")):
        result = program.run("env", *words)
        checks.that(result.returncode == 2 and not result.stdout, f"{words}: {result}")


def main():
    checks = Checks()
    server = Server() # its folder only
    program = Program(server.folder)
    check_local(checks, program, server.folder)
    check_server(checks, program, server.folder)
    check_clock(checks, program)
    check_env(checks, program, server.folder)
    server.close()
    checks.end()


if __name__ == "__main__":
    main()
