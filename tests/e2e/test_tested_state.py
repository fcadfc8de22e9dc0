"""TestState: what it shows of a Map, what it takes for a mock, and how it words a failure."""
import http.client
import json
import unittest

from server import ServerTest

CHILD = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **CHILD}
READER = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}


class TestedState(ServerTest):
    def post(self, state, data, **members):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request("POST", "/", json.dumps({
            "definition": json.dumps({**state, "End": True}), "input": json.dumps(data), "inspectionLevel": "DEBUG",
            **members}), {"X-Amz-Target": "AWSStepFunctions.TestState"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def inspect(self, state, data, **members):
        """The members of inspectionData as values."""
        shown = self.post(state, data, mock={"result": "[]"}, **members)["inspectionData"]
        return {name: json.loads(value) if isinstance(value, str) else value for name, value in shown.items()}

    def test_batches(self):
        state = {"Type": "Map", "ItemProcessor": DISTRIBUTED, "ItemsPath": "$.i",
                 "ItemSelector": {"v.$": "$$.Map.Item.Value"},
                 "ItemBatcher": {"MaxItemsPerBatchPath": "$.n", "BatchInput": {"k.$": "$.k"}}}
        self.assertEqual(self.inspect(state, {"i": [1, 2, 3], "n": 2, "k": 5})["afterItemBatcher"], [
            {"BatchInput": {"k": 5}, "Items": [{"v": 1}, {"v": 2}]}, {"BatchInput": {"k": 5}, "Items": [{"v": 3}]}])
        self.assertEqual(self.inspect(state, {"i": [1, 2], "n": 0, "k": 5})["afterItemBatcher"], [
            {"BatchInput": {"k": 5}, "Items": [{"v": 1}, {"v": 2}]}])
        self.assertEqual(self.inspect(state, {"i": [1, 2], "n": "9" * 30, "k": 5})["afterItemBatcher"], [
            {"BatchInput": {"k": 5}, "Items": [{"v": 1}, {"v": 2}]}])
        failed = self.post(state, {"i": [1], "n": -1, "k": 5}, mock={"result": "[]"})
        self.assertEqual(failed["cause"], "MaxItemsPerBatch must be positive.")

    def test_data_of_a_reader(self):
        def shown(config, data):
            return self.inspect({"Type": "Map", "ItemProcessor": DISTRIBUTED, "ItemReader": {
                **READER, "ReaderConfig": config}, "ItemSelector": {"v.$": "$$.Map.Item.Value"}}, {},
                stateConfiguration={"mapItemReaderData": data})
        pointed = shown({"InputType": "JSON", "ItemsPointer": "/a", "MaxItems": 2}, '{"a": [1, 2, 3]}')
        self.assertEqual(pointed["afterItemsPointer"], [1, 2])
        self.assertEqual(pointed["afterItemSelector"], [{"v": 1}, {"v": 2}])
        rows = shown({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "a,b\n1,2")
        self.assertEqual(rows["afterItemSelector"], [{"v": {"a": "1", "b": "2"}}])
        rows = shown({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVHeaders": ["x"]}, "a,b\n1,2")
        self.assertEqual(rows["afterItemSelector"], [{"v": {"a": "1", "b": "2"}}])
        rows = shown({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"]}, "a,b\n1,2")
        self.assertEqual(rows["afterItemSelector"], [{"v": {"x": "a"}}, {"v": {"x": "1"}}])

    def test_items_of_a_reader_from_the_input(self):
        state = {"Type": "Map", "ItemProcessor": DISTRIBUTED, "ItemReader": READER, "ItemsPath": "$.orders"}
        self.assertEqual(self.inspect(state, {"orders": [1, 2]})["afterItemsPath"], [1, 2])

    def test_no_more_failures_than_items(self):
        state = {"Type": "Map", "ItemProcessor": DISTRIBUTED}
        answer = self.post(state, [1], mock={"result": "[]"}, stateConfiguration={"mapIterationFailureCount": 2})
        self.assertEqual(answer["message"],
                         "Map iteration failure count must be less than or equal to the number of Map iterations")

    def test_sync_is_mocked_with_the_execution(self):
        def answer(form, result):
            return self.post({"Type": "Task", "Resource": f"arn:aws:states:::states:startExecution.{form}",
                              "Parameters": {"StateMachineArn": "m"}}, {}, mock={"result": json.dumps(result)})
        execution = {"ExecutionArn": "e", "StateMachineArn": "m", "Status": "SUCCEEDED", "StartDate": "d",
                     "Output": "1"}
        missing = "Mock result schema validation error: Required field 'ExecutionArn' is missing"
        for form in ("sync", "sync:2"):
            self.assertEqual(answer(form, {})["message"], missing)
            self.assertEqual(answer(form, execution)["status"], "SUCCEEDED")
        execution["Output"] = {"parsed": True}
        self.assertEqual(answer("sync:2", execution)["status"], "SUCCEEDED")
        self.assertEqual(answer("sync", execution)["message"],
                         "Mock result schema validation error: Field 'Output' must be a string")

    def test_a_state_inside_a_map_sees_its_item(self):
        inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {
            "item.$": "$$.Map.Item", "name.$": "$$.State.Name"}, "End": True}}}
        machine = {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}}
        answer = self.post({}, {"a": 1}, definition=json.dumps(machine), stateName="P")
        self.assertEqual(json.loads(answer["output"]), {"item": {"Index": 0, "Value": {"a": 1}}, "name": "StateName"})

    def test_a_cause_stands_alone(self):
        self.assertEqual(self.post({"Type": "Pass", "InputPath": "$.n"}, {})["cause"],
                         "Invalid path '$.n' : No results for path: $['n']")
        self.assertEqual(self.post({"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $nope %}"}, {})["cause"],
                         "The JSONata expression '$nope' specified for the field 'Output' returned nothing (undefined).")


if __name__ == "__main__":
    unittest.main()
