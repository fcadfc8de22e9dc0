"""The server below the SDKs: bad requests, limits, authentication, TLS, the pages for operators."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import unittest

from server import PROGRAM, ROLE, Server, ServerTest, until

KEYS = """
keys:
  - {id: READER, secret: reader-secret-0123456789, role: read}
  - {id: ADMIN, secret: admin-secret-0123456789, role: admin}
"""


def post(server, operation, body, headers=None, context=None):
    make = http.client.HTTPSConnection if context else http.client.HTTPConnection
    connection = make("127.0.0.1", server.port, timeout=10, **({"context": context} if context else {}))
    try:
        connection.request("POST", "/", body, {"X-Amz-Target": "AWSStepFunctions." + operation,
                                               "Content-Type": "application/x-amz-json-1.0", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text[:1] == b"{" else text, dict(answer.getheaders())
    finally:
        connection.close()


class Plain(ServerTest):
    options = ("--audit-log", "-")

    def test_framework_errors(self):
        status, answer, headers = post(self.server, "NoSuchThing", "{}")
        self.assertEqual((status, answer["__type"]), (404, "UnknownOperationException"))
        self.assertIn("x-amzn-RequestId", headers)
        for body in ("{", "[]", "null", '{"maxResults": "many"}', '{"maxResults": 1.5}', "\x00", '{"a": "\ud800"}'):
            status, answer, _ = post(self.server, "ListStateMachines", body.encode("utf-8", "surrogatepass"))
            self.assertEqual((status, answer["__type"]), (400, "SerializationException"), body)

    def test_all_violations_are_told(self):
        status, answer, _ = post(self.server, "CreateStateMachine", json.dumps({"name": "x" * 81, "type": "ODD"}))
        self.assertEqual((status, answer["__type"]), (400, "ValidationException"))
        self.assertTrue(answer["message"].startswith("4 validation errors detected: "), answer["message"])
        self.assertIn("Value null at 'definition' failed to satisfy constraint: Member must not be null",
                      answer["message"])

    def test_keep_alive(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        for _ in range(3):
            connection.request("POST", "/", "{}", {"X-Amz-Target": "AWSStepFunctions.ListActivities"})
            self.assertEqual(json.loads(connection.getresponse().read()), {"activities": []})
        connection.close()

    def test_large_bodies_are_refused(self):
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n")
            self.assertIn(b" 413 ", s.makefile("rb").readline())

    def test_deep_bodies_are_refused(self):
        status, answer, _ = post(self.server, "ListStateMachines", "[" * 100000)
        self.assertEqual((status, answer["__type"]), (400, "SerializationException"))

    def test_a_client_that_goes_away_costs_nothing(self):
        _, answer, _ = post(self.server, "CreateActivity", json.dumps({"name": "left"}))
        body = json.dumps({"activityArn": answer["activityArn"]})
        with socket.create_connection(("127.0.0.1", self.server.port)) as s:
            s.sendall((f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.GetActivityTask\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        _, answer, _ = post(self.server, "DeleteActivity", body)
        self.assertEqual(answer, {})
        end = "orchestrator_requests_at_work 0"
        for _ in range(100):
            if end in self.server.get("/metrics"):
                return
        self.fail("the poll of a client that is gone is still at work")

    def test_a_tested_state_shows_its_variables(self):
        task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
                "Parameters": {"FunctionName": "f"}, "Assign": {"code.$": "$.StatusCode"},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "X", "Assign": {"caught.$": "$.Error"}}]}

        def test(**members):
            _, answer, _ = post(self.server, "TestState", json.dumps({
                "definition": json.dumps(task), "roleArn": ROLE, "inspectionLevel": "DEBUG", **members}))
            return answer["status"], json.loads(answer["inspectionData"].get("variables", "null"))

        self.assertEqual(test(mock={"result": '{"StatusCode": 200}'}), ("SUCCEEDED", {"code": 200}))
        self.assertEqual(test(mock={"result": '{"StatusCode": 200}'}, variables='{"a": 1, "code": 2}'),
                         ("SUCCEEDED", {"a": 1, "code": 200}))
        self.assertEqual(test(mock={"errorOutput": {"error": "E", "cause": ""}}), ("CAUGHT_ERROR", {"caught": "E"}))
        self.assertEqual(test(mock={"errorOutput": {}}), ("CAUGHT_ERROR", {"caught": None}))

    def test_a_redrive_is_repeated_safely(self):
        definition = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E"}}}
        _, machine, _ = post(self.server, "CreateStateMachine", json.dumps({
            "name": "fails", "roleArn": ROLE, "definition": json.dumps(definition)}))
        _, started, _ = post(self.server, "StartExecution", json.dumps({"stateMachineArn": machine["stateMachineArn"]}))
        body = json.dumps({"executionArn": started["executionArn"]})
        until(lambda: post(self.server, "DescribeExecution", body)[1]["status"] == "FAILED")
        redrive = json.dumps({"executionArn": started["executionArn"], "clientToken": "once"})
        answers = [post(self.server, "RedriveExecution", redrive)[:2] for _ in range(3)]
        self.assertEqual([status for status, _ in answers], [200, 200, 200])
        self.assertEqual(len({answer["redriveDate"] for _, answer in answers}), 1)
        until(lambda: post(self.server, "DescribeExecution", body)[1]["status"] == "FAILED")
        self.assertEqual(post(self.server, "DescribeExecution", body)[1]["redriveCount"], 1)

    def test_a_key_of_the_customers_is_refused(self):
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
        owned, managed = {"type": "AWS_OWNED_KEY"}, {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/mine"}
        for operation, members in (("CreateActivity", {}), ("CreateStateMachine", {"definition": definition,
                                                                                   "roleArn": ROLE})):
            for configuration, text in ((managed, "no provider of keys"), ({**owned, "kmsKeyId": "alias/mine"},
                                                                           "Custom kmsKeyId is not allowed")):
                status, answer, _ = post(self.server, operation, json.dumps({
                    "name": "encrypted", "encryptionConfiguration": configuration, **members}))
                self.assertEqual((status, answer["__type"]), (400, "InvalidEncryptionConfiguration"))
                self.assertIn(text, answer["message"])
            status, answer, _ = post(self.server, operation, json.dumps({
                "name": "encrypted", "encryptionConfiguration": owned, **members}))
            self.assertEqual(status, 200, answer)
            if operation == "CreateActivity":
                post(self.server, "DeleteActivity", json.dumps({"activityArn": answer["activityArn"]}))
        arn = json.dumps({"stateMachineArn": answer["stateMachineArn"]})
        self.assertEqual(post(self.server, "DescribeStateMachine", arn)[1]["encryptionConfiguration"], owned)
        status, answer, _ = post(self.server, "UpdateStateMachine", json.dumps({
            "stateMachineArn": answer["stateMachineArn"], "encryptionConfiguration": managed}))
        self.assertEqual(answer["__type"], "InvalidEncryptionConfiguration")

    def test_pages_for_operators(self):
        post(self.server, "ListStateMachines", "{}")
        self.assertEqual(self.server.get("/health"), "ok\n")
        self.assertEqual(self.server.get("/ready"), "ready\n")
        page = self.server.get("/metrics")
        self.assertIn("states_executions_started_total", page)
        self.assertIn('states_api_calls_total{operation="ListStateMachines",error=""}', page)

    def test_requests_are_audited(self):
        post(self.server, "CreateActivity", json.dumps({"name": "audited"}))
        with open(self.server.log.name, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f if line.startswith("{")]
        line = [entry for entry in lines if entry["resource"] == "audited"][0]
        self.assertEqual((line["operation"], line["status"], line["error"]), ("CreateActivity", 200, None))


class Authenticated(ServerTest):
    config = KEYS

    def call(self, key, secret, method, **arguments):
        import boto3
        from botocore.config import Config
        client = boto3.client("stepfunctions", endpoint_url=self.server.url, region_name="us-east-1",
                              aws_access_key_id=key, aws_secret_access_key=secret,
                              config=Config(retries={"max_attempts": 0}))
        try:
            return getattr(client, method)(**arguments)
        except client.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    def test_signatures(self):
        self.assertEqual(self.call("ADMIN", "admin-secret-0123456789", "list_activities")["activities"], [])
        self.assertEqual(self.call("ADMIN", "another-secret-0123456", "list_activities"), "InvalidSignatureException")
        self.assertEqual(self.call("NOBODY", "admin-secret-0123456789", "list_activities"),
                         "UnrecognizedClientException")
        self.assertEqual(post(self.server, "ListActivities", "{}")[1]["__type"], "MissingAuthenticationTokenException")
        self.assertEqual(post(self.server, "ListActivities", "{}", {"Authorization": "Basic x"})[1]["__type"],
                         "IncompleteSignatureException")

    def test_roles(self):
        secret = "reader-secret-0123456789"
        self.assertEqual(self.call("READER", secret, "list_activities")["activities"], [])
        self.assertEqual(self.call("READER", secret, "create_activity", name="a"), "AccessDeniedException")


class OffLoopback(unittest.TestCase):
    def test_needs_keys(self):
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run([PROGRAM, "serve", "--listen", "0.0.0.0:0", "--store", f"sqlite:{folder}/s.db"],
                                    capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("loopback", result.stderr)


class Tls(unittest.TestCase):
    def test_https(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                            "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
            server = Server("--tls-cert", certificate, "--tls-key", key, scheme="https")
            self.addCleanup(server.close)
            context = ssl.create_default_context(cafile=certificate)
            context.check_hostname = False
            self.assertEqual(post(server, "ListActivities", "{}", context=context)[1], {"activities": []})


class Sizes(unittest.TestCase):
    """The limits that AWS sets are defaults."""

    ECHO = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})

    def answer_to(self, arguments, characters):
        server = Server(*arguments)
        self.addCleanup(server.close)
        _, machine, _ = post(server, "CreateStateMachine", json.dumps({
            "name": "echo", "roleArn": ROLE, "definition": self.ECHO, "type": "EXPRESS"}))
        return post(server, "StartSyncExecution", json.dumps({
            "stateMachineArn": machine["stateMachineArn"], "input": json.dumps("x" * (characters - 2))}))[:2]

    def test_a_payload_is_as_large_as_is_set(self):
        self.assertEqual(self.answer_to([], 262144)[1]["status"], "SUCCEEDED")
        status, answer = self.answer_to([], 262145)
        self.assertEqual((status, answer["__type"]), (400, "ValidationException"))
        self.assertEqual(answer["message"], "1 validation error detected: Value at 'input' failed to satisfy "
                         "constraint: Member must have size less than or equal to 262144 bytes in UTF-8 encoding")
        self.assertEqual(self.answer_to(["--payload-limit", "300000"], 300000)[1]["status"], "SUCCEEDED")
        self.assertIn("equal to 300000", self.answer_to(["--payload-limit", "300000"], 300001)[1]["message"])
        self.assertIn("equal to 100", self.answer_to(["--payload-limit", "100"], 101)[1]["message"])

    def test_a_request_is_as_large_as_is_set(self):
        unlimited = ["--payload-limit", "unlimited"]
        self.assertEqual(self.answer_to(unlimited, 4000000)[0], 413)
        status, answer = self.answer_to([*unlimited, "--request-limit", "5000000"], 4000000)
        self.assertEqual((status, len(answer["output"])), (200, 4000000))


class Buckets(unittest.TestCase):
    def test_items_say_where_they_are_from(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/b")
            with open(f"{folder}/b/items.json", "w", encoding="utf-8") as f:
                f.write("[1]")
            server = Server("--buckets", folder)
            self.addCleanup(server.close)

            def source(name, **reader):
                state = {"Type": "Map", "End": True, "ItemSelector": {"from.$": "$$.Map.Item.Source"}, "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "I",
                    "States": {"I": {"Type": "Pass", "End": True}}}, **reader}
                _, machine, _ = post(server, "CreateStateMachine", json.dumps({
                    "name": name, "roleArn": ROLE, "definition": json.dumps({"StartAt": "M", "States": {"M": state}})}))
                _, started, _ = post(server, "StartExecution", json.dumps({
                    "stateMachineArn": machine["stateMachineArn"], "input": "[1]"}))
                body = json.dumps({"executionArn": started["executionArn"]})
                until(lambda: post(server, "DescribeExecution", body)[1]["status"] == "SUCCEEDED")
                return json.loads(post(server, "DescribeExecution", body)[1]["output"])[0]["from"]

            self.assertEqual(source("input"), "STATE_DATA")
            self.assertEqual(source("members", ItemsPath="$$.StateMachine", ItemSelector={
                "from.$": "$$.Map.Item.Key"}), "Id")
            self.assertEqual(source("object", ItemReader={
                "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "b", "Key": "items.json"}}), "s3://b/items.json")
            self.assertEqual(source("listing", ItemReader={
                "Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b"}}), "s3://b")

    def test_manifests(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/b")
            with open(f"{folder}/b/manifest.json", "w", encoding="utf-8") as f:
                json.dump({"fileSchema": "Bucket, Key", "files": [{"key": "1.csv"}]}, f)
            with open(f"{folder}/b/1.csv", "w", encoding="utf-8") as f:
                f.write("b,one\nb,two\n")
            server = Server("--buckets", folder)
            self.addCleanup(server.close)

            def end(name, config):
                state = {"Type": "Map", "End": True, "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "I",
                    "States": {"I": {"Type": "Pass", "End": True}}}, "ItemReader": {
                        "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
                        "Parameters": {"Bucket": "b", "Key": "manifest.json"}}}
                _, machine, _ = post(server, "CreateStateMachine", json.dumps({
                    "name": name, "roleArn": ROLE, "definition": json.dumps({"StartAt": "M", "States": {"M": state}})}))
                _, started, _ = post(server, "StartExecution", json.dumps({
                    "stateMachineArn": machine["stateMachineArn"]}))
                body = json.dumps({"executionArn": started["executionArn"]})
                until(lambda: post(server, "DescribeExecution", body)[1]["status"] != "RUNNING")
                return post(server, "DescribeExecution", body)[1]

            listed = [{"Bucket": "b", "Key": "one"}, {"Bucket": "b", "Key": "two"}]
            self.assertEqual(json.loads(end("type", {"InputType": "MANIFEST"})["output"]), listed)
            self.assertEqual(json.loads(end("inventory", {"ManifestType": "S3_INVENTORY"})["output"]), listed)
            self.assertEqual(end("athena", {"ManifestType": "ATHENA_DATA", "InputType": "CSV"})["cause"],
                             "The ManifestType 'ATHENA_DATA' is not supported.")

    def test_a_failed_child_is_told_as_a_whole(self):
        server = Server()
        self.addCleanup(server.close)
        children = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "C", "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}], "Default": "P"},
            "F": {"Type": "Fail", "Error": "E", "Cause": "why"}, "P": {"Type": "Pass", "End": True}}}

        def output(name, **writer):
            state = {"Type": "Map", "End": True, "ToleratedFailurePercentage": 50, "ItemProcessor": children, **writer}
            _, machine, _ = post(server, "CreateStateMachine", json.dumps({
                "name": name, "roleArn": ROLE, "definition": json.dumps({"StartAt": "M", "States": {"M": state}})}))
            _, started, _ = post(server, "StartExecution", json.dumps({
                "stateMachineArn": machine["stateMachineArn"], "input": "[1, 2]"}))
            body = json.dumps({"executionArn": started["executionArn"]})
            until(lambda: post(server, "DescribeExecution", body)[1]["status"] == "SUCCEEDED")
            return json.loads(post(server, "DescribeExecution", body)[1]["output"])

        good, bad = output("tolerated")
        self.assertEqual((good, bad["Input"], bad["Error"], bad["Cause"], bad["Status"], bad["RedriveStatus"]),
                         (1, "2", "E", "why", "FAILED", "REDRIVABLE_BY_MAP_RUN"))
        good, bad = output("records", ResultWriter={"WriterConfig": {"OutputType": "JSON", "Transformation": "NONE"}})
        self.assertEqual((good["Output"], good["RedriveStatusReason"]),
                         ("1", "Execution is SUCCEEDED and cannot be redriven"))
        self.assertRegex(good["StartDate"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$")
        self.assertNotIn("Output", bad)


if __name__ == "__main__":
    unittest.main()
