// Drives the server at the address given with @aws-sdk/client-sfn through every operation; prints what it saw as JSON.
import * as sfn from "@aws-sdk/client-sfn";
import {NodeHttpHandler} from "@smithy/node-http-handler";
import assert from "node:assert/strict";
import dns from "node:dns";
import http from "node:http";

const endpoint = process.argv[2];
const settings = {
    endpoint, region: "us-east-1", maxAttempts: 1,
    credentials: {accessKeyId: "test", secretAccessKey: "test-secret-test-secret"},
};
const client = new sfn.SFNClient({...settings, disableHostPrefix: true});
const roleArn = "arn:aws:iam::123456789012:role/test";
const called = new Set();

// call("StartExecution", {...}): the command of that name.
const call = (operation, input, by = client) => {
    called.add(operation);
    return by.send(new sfn[`${operation}Command`](input));
};
const single = (state) => JSON.stringify({StartAt: "A", States: {A: {End: true, ...state}}});
const create = async (name, state, more = {}) =>
    (await call("CreateStateMachine", {name, definition: single(state), roleArn, ...more})).stateMachineArn;
const start = async (stateMachineArn, input = {}, more = {}) =>
    (await call("StartExecution", {stateMachineArn, input: JSON.stringify(input), ...more})).executionArn;
const until = async (look) => {
    for (const end = Date.now() + 20000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
        const value = await look();
        if (value)
            return value;
    }
    throw new Error(`it took too long: ${look}`);
};
const ended = (executionArn) => until(async () => {
    const execution = await call("DescribeExecution", {executionArn});
    return execution.status !== "RUNNING" && execution;
});
const refused = async (kind, promise) => {
    const error = await promise.then(() => assert.fail(`not refused: ${kind.name}`), (caught) => caught);
    assert.ok(error instanceof kind, `${error}`);
    assert.equal(typeof error.$metadata.requestId, "string");
    return error;
};
const all = async (pages, member) => {
    const items = [];
    for await (const page of pages)
        items.push(...page[member]);
    return items;
};

async function executions() {
    const stateMachineArn = await create("js", {Type: "Pass"});
    const arns = [];
    for (let n = 0; n < 5; n++)
        arns.push(await start(stateMachineArn, {n}));
    const execution = await ended(arns[0]);
    assert.equal(execution.status, "SUCCEEDED");
    assert.deepEqual(JSON.parse(execution.output), {n: 0});
    assert.ok(execution.startDate instanceof Date && execution.stopDate >= execution.startDate);
    called.add("GetExecutionHistory");
    const events = await all(sfn.paginateGetExecutionHistory({client, pageSize: 3}, {executionArn: arns[0]}), "events");
    assert.deepEqual(events.map(({id, previousEventId, type}) => [id, previousEventId, type]), [
        [1, 0, "ExecutionStarted"], [2, 0, "PassStateEntered"], [3, 2, "PassStateExited"], [4, 3, "ExecutionSucceeded"]]);
    called.add("ListExecutions");
    const listed = await all(sfn.paginateListExecutions({client, pageSize: 2}, {stateMachineArn}), "executions");
    assert.deepEqual(new Set(listed.map((entry) => entry.executionArn)), new Set(arns));
    called.add("ListStateMachines");
    const machines = await all(sfn.paginateListStateMachines({client, pageSize: 1}, {}), "stateMachines");
    assert.ok(machines.some((entry) => entry.stateMachineArn === stateMachineArn));
    const waits = await create("js-waits", {Type: "Wait", Seconds: 600});
    const waiting = await start(waits, {}, {name: "once"});
    assert.equal(await start(waits, {}, {name: "once"}), waiting);
    await refused(sfn.ExecutionAlreadyExists, start(waits, {other: 1}, {name: "once"}));
    await call("StopExecution", {executionArn: waiting, error: "Enough", cause: "of it"});
    assert.equal((await ended(waiting)).error, "Enough");
    await call("RedriveExecution", {executionArn: waiting});
    assert.equal((await call("DescribeExecution", {executionArn: waiting})).redriveCount, 1);
    const revision = await call("DescribeStateMachineForExecution", {executionArn: waiting});
    assert.equal(revision.stateMachineArn, waits);
}

async function machines() {
    const stateMachineArn = await create("js-versions", {Type: "Pass"}, {tags: [{key: "a", value: "1"}]});
    await call("UpdateStateMachine", {stateMachineArn, definition: single({Type: "Succeed", End: undefined})});
    assert.match((await call("DescribeStateMachine", {stateMachineArn})).definition, /Succeed/);
    const version = (await call("PublishStateMachineVersion", {stateMachineArn})).stateMachineVersionArn;
    const versions = await call("ListStateMachineVersions", {stateMachineArn});
    assert.deepEqual(versions.stateMachineVersions.map((entry) => entry.stateMachineVersionArn), [version]);
    const route = {routingConfiguration: [{stateMachineVersionArn: version, weight: 100}]};
    const {stateMachineAliasArn} = await call("CreateStateMachineAlias", {name: "live", ...route});
    await call("UpdateStateMachineAlias", {stateMachineAliasArn, description: "what runs", ...route});
    assert.equal((await call("DescribeStateMachineAlias", {stateMachineAliasArn})).description, "what runs");
    assert.equal((await call("ListStateMachineAliases", {stateMachineArn})).stateMachineAliases.length, 1);
    const execution = await ended(await start(stateMachineAliasArn));
    assert.equal(execution.stateMachineVersionArn, version);
    await refused(sfn.ConflictException, call("DeleteStateMachineVersion", {stateMachineVersionArn: version}));
    await call("DeleteStateMachineAlias", {stateMachineAliasArn});
    await call("DeleteStateMachineVersion", {stateMachineVersionArn: version});
    await call("TagResource", {resourceArn: stateMachineArn, tags: [{key: "b", value: "2"}]});
    await call("UntagResource", {resourceArn: stateMachineArn, tagKeys: ["a"]});
    assert.deepEqual((await call("ListTagsForResource", {resourceArn: stateMachineArn})).tags, [{key: "b", value: "2"}]);
    await call("DeleteStateMachine", {stateMachineArn});
    await refused(sfn.StateMachineDoesNotExist, call("DescribeStateMachine", {stateMachineArn}));
    const checked = await call("ValidateStateMachineDefinition", {definition: single({Type: "Pass", Next: "B"})});
    assert.equal(checked.result, "FAIL");
    const error = await refused(sfn.InvalidDefinition, create("js-broken", {Type: "Odd"}));
    assert.match(error.message, /^Invalid State Machine Definition: /);
}

async function activities() {
    const {activityArn} = await call("CreateActivity", {name: "js-work"});
    assert.equal((await call("DescribeActivity", {activityArn})).name, "js-work");
    called.add("ListActivities");
    assert.equal((await all(sfn.paginateListActivities({client}, {}), "activities")).length, 1);
    const stateMachineArn = await create("js-worked", {Type: "Task", Resource: activityArn, HeartbeatSeconds: 600});
    const work = call("GetActivityTask", {activityArn, workerName: "js"}); // polls before there is work
    const executionArn = await start(stateMachineArn, {n: 1});
    const task = await work;
    assert.deepEqual(JSON.parse(task.input), {n: 1});
    await call("SendTaskHeartbeat", {taskToken: task.taskToken});
    await call("SendTaskSuccess", {taskToken: task.taskToken, output: '{"done": true}'});
    assert.deepEqual(JSON.parse((await ended(executionArn)).output), {done: true});
    await refused(sfn.TaskTimedOut, call("SendTaskSuccess", {taskToken: task.taskToken, output: "{}"}));
    await call("DeleteActivity", {activityArn});
}

async function callbacks() {
    const stateMachineArn = await create("js-callback", {
        Type: "Task", Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        Parameters: {QueueUrl: "https://example.com/queue", MessageBody: {"token.$": "$$.Task.Token"}}});
    const executionArn = await start(stateMachineArn);
    const taskToken = await until(async () => {
        const {events} = await call("GetExecutionHistory", {executionArn});
        const scheduled = events.find(({type}) => type === "TaskScheduled");
        return scheduled && JSON.parse(scheduled.taskScheduledEventDetails.parameters).MessageBody.token;
    });
    await until(() => call("SendTaskFailure", {taskToken, error: "No", cause: "because"}).then(() => true));
    const {status, error, cause} = await ended(executionArn);
    assert.deepEqual({status, error, cause}, {status: "FAILED", error: "No", cause: "because"});
    await refused(sfn.InvalidToken, call("SendTaskFailure", {taskToken: "nonsense"}));
}

async function mapRuns() {
    const stateMachineArn = await create("js-map", {
        Type: "Map", Label: "each", ItemProcessor: {
            ProcessorConfig: {Mode: "DISTRIBUTED", ExecutionType: "STANDARD"},
            StartAt: "W", States: {W: {Type: "Wait", "SecondsPath": "$", End: true}}}});
    const executionArn = await start(stateMachineArn, [0, 600]);
    const mapRunArn = (await until(async () => (await call("ListMapRuns", {executionArn})).mapRuns[0])).mapRunArn;
    await call("UpdateMapRun", {mapRunArn, maxConcurrency: 7});
    const run = await call("DescribeMapRun", {mapRunArn});
    assert.deepEqual([run.maxConcurrency, run.itemCounts.total, run.status], [7, 2, "RUNNING"]);
    await call("StopExecution", {executionArn});
    assert.equal((await ended(executionArn)).status, "ABORTED");
}

// StartSyncExecution and TestState as the SDK sends them by itself: to sync-HOST, which is made known here.
async function prefixed() {
    const hosts = new Set();
    const lookup = (host, options, done) => {
        hosts.add(host);
        dns.lookup(host.replace(/^sync-/, ""), options, done);
    };
    const requestHandler = new NodeHttpHandler({httpAgent: new http.Agent({lookup})});
    const by = new sfn.SFNClient({...settings, endpoint: endpoint.replace("127.0.0.1", "localhost"), requestHandler});
    const stateMachineArn = await create("js-express", {Type: "Pass"}, {type: "EXPRESS"});
    const sync = await call("StartSyncExecution", {stateMachineArn, input: '{"n": 1}'}, by);
    assert.deepEqual([sync.status, JSON.parse(sync.output)], ["SUCCEEDED", {n: 1}]);
    const tested = await call("TestState", {definition: '{"Type": "Pass", "End": true}', roleArn, input: "[1]"}, by);
    assert.deepEqual([tested.status, tested.output], ["SUCCEEDED", "[1]"]);
    assert.ok(hosts.has("sync-localhost"), [...hosts].join());
    by.destroy();
}

for (const scenario of [executions, machines, activities, callbacks, mapRuns, prefixed])
    await scenario();
console.log(JSON.stringify([...called].sort()));
