// Drives the server at the address given with @aws-sdk/client-sfn; prints what it saw as JSON.
import {
    CreateStateMachineCommand, DescribeExecutionCommand, DescribeStateMachineCommand, paginateGetExecutionHistory,
    SFNClient, StartExecutionCommand, StartSyncExecutionCommand, TestStateCommand,
} from "@aws-sdk/client-sfn";

const settings = {
    endpoint: process.argv[2], region: "us-east-1",
    credentials: {accessKeyId: "test", secretAccessKey: "test-secret-test-secret"},
};
const client = new SFNClient({...settings, disableHostPrefix: true});
const roleArn = "arn:aws:iam::123456789012:role/test";
const definition = JSON.stringify({StartAt: "A", States: {A: {Type: "Pass", End: true}}});

const create = (name, type) => client.send(new CreateStateMachineCommand({name, definition, roleArn, type}));
const {stateMachineArn} = await create("js", "STANDARD");
const {executionArn} = await client.send(new StartExecutionCommand({stateMachineArn, input: "{\"n\": 1}"}));
let status = "RUNNING";
while (status === "RUNNING")
    ({status} = await client.send(new DescribeExecutionCommand({executionArn})));
let events = 0;
for await (const page of paginateGetExecutionHistory({client, pageSize: 3}, {executionArn}))
    events += page.events.length;

const express = await create("js-express", "EXPRESS");
const sync = await client.send(new StartSyncExecutionCommand({
    stateMachineArn: express.stateMachineArn, input: "{\"n\": 1}"}));
const tested = await client.send(new TestStateCommand({definition: "{\"Type\": \"Pass\", \"End\": true}", roleArn}));
let error = null;
try {
    await client.send(new DescribeStateMachineCommand({stateMachineArn: stateMachineArn + "x"}));
} catch (caught) {
    error = caught.name;
}
console.log(JSON.stringify({status, events, sync: JSON.parse(sync.output), error, tested: tested.status}));
