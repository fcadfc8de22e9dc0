"""What the operations answer, member by member: refusals in AWS's words, and what documentation says of members."""
import http.client
import json
import time
import unittest

from server import ROLE, ServerTest, until

STATES = "arn:aws:states:us-east-1:123456789012:"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
WAIT = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 600, "End": True}}})


class Answers(ServerTest):
    def post(self, operation, headers=(), **members):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request("POST", "/", json.dumps(members),
                           {"X-Amz-Target": f"AWSStepFunctions.{operation}", **dict(headers)})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    def ask(self, operation, **members):
        status, answer = self.post(operation, **members)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, error, message, operation, **members):
        status, answer = self.post(operation, **members)
        self.assertEqual((status, answer.get("__type"), answer.get("message")), (400, error, message))
        return answer

    def machine(self, name, definition=PASS, **more):
        return self.ask("CreateStateMachine", name=name, definition=definition, roleArn=ROLE, **more)["stateMachineArn"]

    def test_a_role_is_one_of_iam(self):
        machine = self.machine("role")
        for role in ("x", "arn:aws:iam::1234:role/r", "arn:aws:iam::123456789012:user/u", "arn:aws:iam::123456789012:role/",
                     "arn:aws:iam::aws:policy/AWSBatchFullAccess"):
            message = f"Invalid Role Arn: '{role}'"
            self.refused("InvalidArn", message, "CreateStateMachine", name="n", definition=PASS, roleArn=role)
            self.refused("InvalidArn", message, "UpdateStateMachine", stateMachineArn=machine, roleArn=role)
        self.ask("UpdateStateMachine", stateMachineArn=machine, roleArn="arn:aws-cn:iam::123456789012:role/path/r")

    def test_a_log_group_is_one_of_cloudwatch(self):
        def logging(arn, level="ALL"):
            return {"level": level, "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}} if arn else {}]}
        group = "arn:aws:logs:us-east-1:123456789012:log-group:g"
        for arn, message in ((None, "Must set valid CloudWatch Log Group ARN."),
                             ("g", "Must set valid CloudWatch Log Group ARN."),
                             (ROLE, "Provided ARN is not CloudWatch Logs Log Group ARN."),
                             ("arn:aws:logs", "Provided ARN is not CloudWatch Logs Log Group ARN."),
                             (group, "Log Group ARN must be provided with '*' qualifier.")):
            self.refused("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {message}",
                         "CreateStateMachine", name="logs", definition=PASS, roleArn=ROLE,
                         loggingConfiguration=logging(arn))
        self.machine("logs", loggingConfiguration=logging(f"{group}:*"))
        self.machine("logs-off", loggingConfiguration=logging(group, "OFF"))

    def test_keys_of_encryption(self):
        for key, message in (({"type": "CUSTOMER_MANAGED_KMS_KEY"}, "Must set a valid kmsKeyId."),
                             ({"type": "AWS_OWNED_KEY", "kmsKeyId": "k"},
                              "Custom kmsKeyId is not allowed when selecting AWS_OWNED_KEY."),
                             ({"type": "AWS_OWNED_KEY", "kmsDataKeyReusePeriodSeconds": 60},
                              "Custom kmsDataKeyReusePeriodSeconds is not allowed when selecting AWS_OWNED_KEY.")):
            for operation, members in (("CreateStateMachine", {"definition": PASS, "roleArn": ROLE}),
                                       ("CreateActivity", {})):
                self.refused("InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: {message}",
                             operation, name="keys", encryptionConfiguration=key, **members)

    def test_a_map_inside_a_machine_is_no_machine(self):
        machine = self.machine("labelled")
        for operation, members in (("StartExecution", {}), ("DeleteStateMachine", {}),
                                   ("UpdateStateMachine", {"roleArn": ROLE})):
            answer = self.refused("ValidationException", "This API does not support labelled ARNs.", operation,
                                  stateMachineArn=f"{machine}/map", **members)
            self.assertEqual(answer["reason"], "API_DOES_NOT_SUPPORT_LABELED_ARNS")

    def test_a_token_goes_with_its_arguments(self):
        machine = self.machine("pages")
        for _ in range(2):
            self.ask("StartExecution", stateMachineArn=machine)
        token = self.ask("ListExecutions", stateMachineArn=machine, maxResults=1)["nextToken"]
        self.refused("InvalidToken", "Invalid Token: 'Input inconsistent with page token'", "ListExecutions",
                     stateMachineArn=machine, statusFilter="ABORTED", nextToken=token)
        self.refused("InvalidToken", "Invalid Token: 'Invalid token'", "ListExecutions", stateMachineArn=machine,
                     nextToken=token[:-4])
        self.assertEqual(len(self.ask("ListExecutions", stateMachineArn=machine, nextToken=token)["executions"]), 1)

    def test_filters_of_map_runs(self):
        machine = self.machine("filters")
        self.refused("ValidationException", "redriveFilter needs mapRunArn.", "ListExecutions", stateMachineArn=machine,
                     redriveFilter="REDRIVEN")
        self.refused("ValidationException", "The statusFilter PENDING_REDRIVE needs mapRunArn.", "ListExecutions",
                     stateMachineArn=machine, statusFilter="PENDING_REDRIVE")

    def test_children_say_their_map_run_and_items(self):
        machine = self.machine("children", json.dumps({"StartAt": "M", "States": {"M": {
            "Type": "Map", "Label": "each", "End": True, "ItemBatcher": {"MaxItemsPerBatch": 2}, "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P",
                "States": {"P": {"Type": "Pass", "End": True}}}}}}))
        execution = self.ask("StartExecution", stateMachineArn=machine, input="[1, 2, 3]")["executionArn"]
        until(lambda: self.ask("DescribeExecution", executionArn=execution)["status"] == "SUCCEEDED")
        run = self.ask("ListMapRuns", executionArn=execution)["mapRuns"][0]["mapRunArn"]
        children = self.ask("ListExecutions", mapRunArn=run)["executions"]
        self.assertEqual(sorted((c["mapRunArn"], c["itemCount"]) for c in children), [(run, 1), (run, 2)])
        listed = self.ask("ListExecutions", stateMachineArn=f"{machine}/each")["executions"]
        self.assertEqual([set(c) & {"mapRunArn", "itemCount"} for c in listed], [set(), set()])
        self.assertEqual(self.ask("DescribeExecution", executionArn=children[0]["executionArn"])["mapRunArn"], run)
        self.assertEqual(self.ask("ListExecutions", mapRunArn=run, redriveFilter="REDRIVEN")["executions"], [])

    def test_metadata_only(self):
        machine = self.machine("metadata", WAIT)
        execution = self.ask("StartExecution", stateMachineArn=machine)["executionArn"]
        for operation, members in (("DescribeStateMachine", {"stateMachineArn": machine}),
                                   ("DescribeStateMachineForExecution", {"executionArn": execution})):
            self.assertEqual(self.ask(operation, **members)["definition"], WAIT)
            self.assertEqual(self.ask(operation, includedData="METADATA_ONLY", **members)["definition"], "{}")

    def test_a_trace_header_of_the_request_comes_first(self):
        machine = self.machine("traced")
        for members in ({}, {"traceHeader": "Root=of-the-body"}):
            status, answer = self.post("StartExecution", {"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793"},
                                       stateMachineArn=machine, **members)
            self.assertEqual(status, 200, answer)
            described = self.ask("DescribeExecution", executionArn=answer["executionArn"])
            self.assertEqual(described["traceHeader"], "Root=1-5759e988-bd862e3fe1be46a994272793")
        status, answer = self.post("StartExecution", {"X-Amzn-Trace-Id": "Root=\xe9"}, stateMachineArn=machine)
        self.assertEqual(status, 200, answer)
        self.assertNotIn("traceHeader", self.ask("DescribeExecution", executionArn=answer["executionArn"]))

    def test_the_input_is_shown_as_it_was_given(self):
        machine = self.machine("input")
        given = '{ "a": 1.0,\n  "b": "\\u0041" }'
        arn = self.ask("StartExecution", stateMachineArn=machine, input=given)["executionArn"]
        until(lambda: self.ask("DescribeExecution", executionArn=arn)["status"] == "SUCCEEDED")
        answer = self.ask("DescribeExecution", executionArn=arn)
        self.assertEqual((answer["input"], json.loads(answer["output"])), (given, json.loads(given)))
        started = self.ask("GetExecutionHistory", executionArn=arn)["events"][0]["executionStartedEventDetails"]
        self.assertEqual(started, {"input": given, "inputDetails": {"truncated": False}, "roleArn": ROLE})
        started = self.ask("GetExecutionHistory", executionArn=arn,
                           includeExecutionData=False)["events"][0]["executionStartedEventDetails"]
        self.assertEqual(started, {"roleArn": ROLE})

    def test_an_update_that_changes_nothing_keeps_its_date(self):
        version = self.ask("CreateStateMachine", name="again", definition=PASS, roleArn=ROLE,
                           publish=True)["stateMachineVersionArn"]
        routing = [{"stateMachineVersionArn": version, "weight": 100}]
        alias = self.ask("CreateStateMachineAlias", name="live", routingConfiguration=routing)["stateMachineAliasArn"]
        first = self.ask("UpdateStateMachineAlias", stateMachineAliasArn=alias, description="d")
        time.sleep(0.01)
        self.assertEqual(self.ask("UpdateStateMachineAlias", stateMachineAliasArn=alias, description="d",
                                  routingConfiguration=routing), first)
        self.assertEqual(self.ask("DescribeStateMachineAlias", stateMachineAliasArn=alias)["updateDate"],
                         first["updateDate"])
        self.assertGreater(self.ask("UpdateStateMachineAlias", stateMachineAliasArn=alias,
                                    description="e")["updateDate"], first["updateDate"])

    def test_what_is_refused_first_by_a_start(self):
        machine = self.machine("order")
        missing = f"{STATES}stateMachine:missing"
        self.refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{missing}'", "StartExecution",
                     stateMachineArn=missing, name="a b", input="{")
        self.refused("InvalidName", "Invalid Name: 'a b'", "StartExecution", stateMachineArn=machine, name="a b",
                     input="{")

    def test_another_description_is_another_version(self):
        machine = self.machine("described", publish=True, versionDescription="first")
        for members in ({}, {"versionDescription": "first"}):
            answer = self.ask("UpdateStateMachine", stateMachineArn=machine, definition=PASS, publish=True, **members)
            self.assertEqual(answer["stateMachineVersionArn"], f"{machine}:1")
        second = self.ask("UpdateStateMachine", stateMachineArn=machine, definition=PASS, publish=True,
                          versionDescription="second")["stateMachineVersionArn"]
        self.assertEqual(second, f"{machine}:2")
        self.assertEqual(self.ask("DescribeStateMachine", stateMachineArn=second)["description"], "second")
        self.assertNotIn("description", self.ask("DescribeStateMachine", stateMachineArn=machine))

    def test_of_a_timeout_the_history_tells(self):
        machine = self.machine("late", json.dumps({"TimeoutSeconds": 1, **json.loads(WAIT)}))
        arn = self.ask("StartExecution", stateMachineArn=machine)["executionArn"]
        execution = until(lambda: [x for x in [self.ask("DescribeExecution", executionArn=arn)]
                                   if x["status"] != "RUNNING"])[0]
        self.assertEqual((execution["status"], execution.get("error"), execution.get("cause")), ("TIMED_OUT", None, None))
        last = self.ask("GetExecutionHistory", executionArn=arn)["events"][-1]
        self.assertEqual(last["executionTimedOutEventDetails"], {"error": "States.Timeout"})

    def test_what_a_tested_state_is_given(self):
        state = json.dumps({"Type": "Pass", "End": True})
        refused = "Invalid State Machine Execution Input: '%s'"
        self.refused("InvalidExecutionInput", refused % "Invalid execution input.", "TestState", definition=state, input="")
        self.refused("InvalidExecutionInput", refused % "Unrecognized token 'not': was expecting (JSON String, Number, "
                     "Array, Object or token 'null', 'true' or 'false')", "TestState", definition=state, input="not json")
        self.refused("ValidationException", "TestState does not support Context when a mock is not specified.",
                     "TestState", definition=state, context='{"State": {"Name": "A"}}')
        self.assertEqual(self.ask("TestState", definition=state)["output"], "{}")


if __name__ == "__main__":
    unittest.main()
