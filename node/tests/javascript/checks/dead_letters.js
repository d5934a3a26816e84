"use strict";
/** Dead-letter queues: a message that was received often enough moves. */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { setTimeout: sleep } = require("node:timers/promises");
const { node, none, one, queue } = require("../cluster");

const arn = async (url) => {
  const reply = await node(0).getQueueAttributes({ QueueUrl: url, AttributeNames: ["QueueArn"] });
  return reply.Attributes.QueueArn;
};

async function pair(stem, maxReceiveCount) {
  const dead = await queue(`${stem}-dead`);
  const policy = { deadLetterTargetArn: await arn(dead), maxReceiveCount };
  return { dead, source: await queue(stem, { RedrivePolicy: JSON.stringify(policy) }) };
}

test("after maxReceiveCount receives a message is in the other queue, with all that it is", async () => {
  const { dead, source } = await pair("moves", 2);
  const colour = { colour: { DataType: "String", StringValue: "green" } };
  const sent = await node(0).sendMessage({ QueueUrl: source, MessageBody: "poison", MessageAttributes: colour });
  for (const n of [0, 1]) await one(node(n), source, { VisibilityTimeout: 0 });
  await none(node(2), source);
  const found = await one(node(1), dead, { MessageAttributeNames: ["All"] });
  assert.deepEqual([found.MessageId, found.Body], [sent.MessageId, "poison"]);
  assert.deepEqual(found.MessageAttributes, colour);
  assert.equal(found.Attributes.DeadLetterQueueSourceArn, await arn(source));
});

test("the sources of a dead-letter queue are listed", async () => {
  const { dead, source } = await pair("sources", 1);
  const reply = await node(1).listDeadLetterSourceQueues({ QueueUrl: dead });
  assert.deepEqual(reply.queueUrls.map((url) => new URL(url).pathname), [new URL(source).pathname]);
});

test("a move task brings dead letters back to where they came from", async () => {
  const { dead, source } = await pair("back", 1);
  await node(0).sendMessage({ QueueUrl: source, MessageBody: "poison" });
  await one(node(1), source, { VisibilityTimeout: 0 });
  await none(node(2), source);
  await one(node(0), dead, { VisibilityTimeout: 0 });
  const SourceArn = await arn(dead);
  const { TaskHandle } = await node(1).startMessageMoveTask({ SourceArn });
  assert.equal((await one(node(2), source)).Body, "poison");
  let task;
  do {
    await sleep(100);
    [task] = (await node(0).listMessageMoveTasks({ SourceArn })).Results;
  } while (task.Status === "RUNNING");
  assert.deepEqual([task.Status, task.ApproximateNumberOfMessagesMoved], ["COMPLETED", 1]);
  const expected = { name: "UnsupportedOperation", Code: "AWS.SimpleQueueService.UnsupportedOperation" };
  await assert.rejects(node(1).cancelMessageMoveTask({ TaskHandle }), expected);
});
