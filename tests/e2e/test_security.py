"""What a guarded server says to who may not: the errors of AWS, and nothing else."""
import calendar
import hashlib
import hmac
import http.client
import json
import os
import re
import time
import unittest
import uuid

from server import ROLE, ServerTest, until

SECRETS = {role: f"{role}-secret-0123456789" for role in ("read", "run", "admin", "token")}
CONFIG = "keys:\n" + "".join(f"  - {{id: {role.upper()}, secret: {secret}, role: {role}}}\n"
                             for role, secret in SECRETS.items())
ALLOWED = {"READ": {"read", "run", "admin"}, "RUN": {"run", "admin"}, "TOKEN": {"run", "admin", "token"},
           "ADMIN": {"admin"}}


def operations():
    """(name, access) of each operation"""
    path = os.path.join(os.environ.get("top_srcdir", "."), "runtime/service/operations.def")
    with open(path, encoding="utf-8") as file:
        return re.findall(r'^OPERATION\("(\w+)", \w+, SERVICE_(\w+)\)', file.read(), re.MULTILINE)


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Request:
    """A signed request, as the rules of Signature Version 4 make it; attributes may be changed before it is signed."""

    def __init__(self, server, operation, role="admin", **members):
        self.host = f"127.0.0.1:{server.port}"
        self.port = server.port
        self.key, self.secret = role.upper(), SECRETS[role]
        self.body = json.dumps(members)
        self.time = time.time()
        self.region, self.service, self.path, self.query = "us-east-1", "states", "/", ""
        self.headers = {"content-type": "application/x-amz-json-1.0", "host": self.host,
                        "x-amz-target": "AWSStepFunctions." + operation, "unique": str(uuid.uuid4())}
        self.unsigned = {}

    def sign(self):
        self.headers["x-amz-date"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.time))
        names = sorted(name for name in self.headers if name not in self.unsigned)
        signed = ";".join(names)
        canonical = "\n".join(["POST", self.path, self.query, *(f"{n}:{self.headers[n]}" for n in names), "", signed,
                               hashlib.sha256(self.body.encode()).hexdigest()])
        scope = f"{self.headers['x-amz-date'][:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in scope.split("/"):
            key = digest(key, part)
        self.headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={signed}, "
                                         f"Signature={digest(key, text).hex()}")
        return self

    def send(self):
        """status, body, headers"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", self.path + ("?" + self.query if self.query else ""), self.body, self.headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()


class Guarded(ServerTest):
    options = ("--audit-log", "-", "--metrics-token", "figures-0123456789")
    config = CONFIG

    def request(self, operation="ListActivities", role="admin", **members):
        return Request(self.server, operation, role, **members)

    def refused(self, request, kind, text="", status=403):
        got, body, headers = request.send()
        self.assertEqual((got, body.get("__type")), (status, kind), body)
        self.assertEqual(set(body), {"__type", "message"})
        self.assertIn(text, body["message"])
        self.assertEqual(headers["x-amzn-errortype"], kind)
        self.assertRegex(headers["x-amzn-requestid"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")

    def test_a_good_request(self):
        status, body, _ = self.request().sign().send()
        self.assertEqual((status, set(body)), (200, {"activities"}))

    def test_missing_and_malformed(self):
        self.refused(self.request(), "MissingAuthenticationTokenException", "Missing Authentication Token")
        for text in ("Basic YTpi", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=ADMIN", "Bearer figures-0123456789",
                     "AWS4-HMAC-SHA256 Credential=ADMIN/20260101/us-east-1/states/aws4_request, SignedHeaders=host"):
            request = self.request().sign()
            request.headers["authorization"] = text
            self.refused(request, "IncompleteSignatureException")
        request = self.request().sign()
        del request.headers["x-amz-date"]
        self.refused(request, "IncompleteSignatureException")

    def test_keys(self):
        request = self.request()
        request.key = "NOBODY"
        self.refused(request.sign(), "UnrecognizedClientException", "security token included in the request is invalid")
        request = self.request()
        request.secret = SECRETS["read"]
        self.refused(request.sign(), "InvalidSignatureException", "The request signature we calculated does not match")
        request = self.request().sign()
        request.headers["authorization"] = request.headers["authorization"][:-1]
        self.refused(request, "InvalidSignatureException", "does not match")

    def test_dates(self):
        for offset_s, text in ((-1000, "Signature expired: "), (1000, "Signature not yet current: ")):
            request = self.request()
            request.time += offset_s
            self.refused(request.sign(), "InvalidSignatureException", text)
        request = self.request()
        request.time -= 600
        self.assertEqual(request.sign().send()[0], 200)

    def test_tampering(self):
        changes = {"body": lambda r: setattr(r, "body", '{"maxResults": 1}'),
                   "target": lambda r: r.headers.update({"x-amz-target": "AWSStepFunctions.ListStateMachines"}),
                   "host": lambda r: r.headers.update(host="example.com"),
                   "date": lambda r: r.headers.update({"x-amz-date": time.strftime(
                       "%Y%m%dT%H%M%SZ", time.gmtime(r.time + 1))}),
                   "header": lambda r: r.headers.update(unique="other"),
                   "query": lambda r: setattr(r, "query", "a=b"),
                   "path": lambda r: setattr(r, "path", "/x")}
        for what, change in changes.items():
            with self.subTest(what):
                request = self.request().sign()
                change(request)
                self.refused(request, "InvalidSignatureException")
        for name in ("host", "x-amz-target", "x-amz-date"):
            request = self.request()
            request.unsigned = {name}
            self.refused(request.sign(), "InvalidSignatureException", "must cover")
        for stated in ("UNSIGNED-PAYLOAD", hashlib.sha256(b"other").hexdigest()):
            request = self.request()
            request.headers["x-amz-content-sha256"] = stated
            self.refused(request.sign(), "InvalidSignatureException")

    def test_scopes(self):
        request = self.request()
        request.region = "eu-west-1"
        self.refused(request.sign(), "InvalidSignatureException", "valid region, not 'eu-west-1'")
        request = self.request()
        request.service = "lambda"
        self.refused(request.sign(), "InvalidSignatureException", "correct service: 'states'")
        request = self.request().sign()
        day = request.headers["x-amz-date"][:8]
        request.headers["authorization"] = request.headers["authorization"].replace(f"/{day}/", "/20200101/")
        self.refused(request, "InvalidSignatureException", "Date in Credential scope does not match")

    def test_a_presigned_query_is_no_signature(self):
        request = self.request()
        request.query = ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ADMIN%2F20260101%2Fus-east-1%2Fstates%2F"
                         "aws4_request&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=" + "0" * 64)
        self.refused(request, "MissingAuthenticationTokenException")

    def test_roles(self):
        for operation, access in operations():
            for role in SECRETS:
                with self.subTest(operation=operation, role=role):
                    # members that no operation knows: whoever is allowed hears of what is missing, or lists
                    status, body, _ = self.request(operation, role).sign().send()
                    if role in ALLOWED[access]:
                        self.assertNotEqual(body.get("__type"), "AccessDeniedException")
                    else:
                        self.assertEqual((status, body["__type"]), (400, "AccessDeniedException"))
                        self.assertIn(f"user/{role.upper()} is not authorized to perform: states:{operation}",
                                      body["message"])

    def test_a_change_is_taken_once(self):
        change = self.request("CreateActivity", name="once").sign()
        self.assertEqual(change.send()[0], 200)
        for _ in range(2):
            self.refused(change, "ThrottlingException", "Sign it with a new date", 400)
        again = self.request("CreateActivity", name="once").sign()
        self.assertEqual(again.send()[0], 200)
        look = self.request().sign()
        self.assertEqual([look.send()[0] for _ in range(3)], [200, 200, 200])

    def test_a_client_that_signs_nothing_unique_gets_through(self):
        """boto3 signs two equal calls of one second alike: it comes back by itself."""
        import boto3
        client = boto3.client("stepfunctions", endpoint_url=self.server.url, region_name="us-east-1",
                              aws_access_key_id="ADMIN", aws_secret_access_key=SECRETS["admin"])
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
        machine = client.create_state_machine(name="unique", definition=definition, roleArn=ROLE)["stateMachineArn"]
        started = {client.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(2)}
        self.assertEqual(len(started), 2)

    def test_pages_for_operators(self):
        def get(path, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text
        self.assertEqual(get("/health"), (200, "ok\n"))
        for headers in ({}, {"Authorization": "Bearer figures-012345678"}, {"Authorization": "Bearer figures-9876543210"}):
            status, text = get("/metrics", **headers)
            self.assertEqual((status, json.loads(text)["__type"]), (403, "MissingAuthenticationTokenException"))
        status, text = get("/metrics", Authorization="Bearer figures-0123456789")
        self.assertEqual(status, 200)
        self.assertIn("states_executions_started_total", text)

    def test_changes_and_refusals_are_audited(self):
        _, _, headers = self.request("CreateActivity", name="audited").sign().send()
        self.request("CreateActivity", "read", name="not-allowed").sign().send()
        self.request().send()
        self.request().sign().send()
        def lines():
            with open(self.server.log.name, encoding="utf-8") as file:
                return [json.loads(line) for line in file if line.startswith("{")]
        line = until(lambda: [entry for entry in lines() if entry["requestId"] == headers["x-amzn-requestid"]])[0]
        self.assertLess(abs(calendar.timegm(time.strptime(line.pop("at"), "%Y-%m-%dT%H:%M:%SZ")) - time.time()), 60)
        del line["ms"]
        self.assertEqual(line, {"requestId": headers["x-amzn-requestid"], "peer": "127.0.0.1", "key": "ADMIN",
                                "operation": "CreateActivity", "resource": "audited", "status": 200, "error": None})
        errors = {(entry["operation"], entry["key"], entry["error"]) for entry in lines()}
        self.assertIn(("CreateActivity", "READ", "AccessDeniedException"), errors)
        self.assertIn(("ListActivities", None, "MissingAuthenticationTokenException"), errors)
        self.assertNotIn(("ListActivities", "ADMIN", None), errors)


if __name__ == "__main__":
    unittest.main()
