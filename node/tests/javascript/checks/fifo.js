"use strict";
/** FIFO queues: order, locks, duplicates. */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { bodies, fifoQueue, node, none, one, receive, receiveExactly } = require("../cluster");

const send = (sqs, QueueUrl, MessageBody, more = {}) =>
  sqs.sendMessage({ QueueUrl, MessageBody, MessageGroupId: "g", ...more });

test("a group keeps its order over all nodes, and sequence numbers rise", async () => {
  const url = await fifoQueue("order", { ContentBasedDeduplication: "true" });
  const sent = [];
  for (let i = 0; i < 6; i += 1) sent.push((await send(node(i), url, `${i}`)).SequenceNumber);
  assert.deepEqual([...sent].sort(), sent);
  assert.ok(sent.every((number) => /^\d{20}$/.test(number)), `${sent}`);
  const found = [];
  for (let i = 0; i < 6; i += 1) {
    const message = await one(node(i), url, { MaxNumberOfMessages: 1 });
    found.push(message);
    await node(i + 1).deleteMessage({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle });
  }
  assert.deepEqual(bodies(found), ["0", "1", "2", "3", "4", "5"]);
  assert.deepEqual(found.map((message) => message.Attributes.SequenceNumber), sent);
});

test("a group waits while one of its messages is in flight, other groups do not", async () => {
  const url = await fifoQueue("lock", { ContentBasedDeduplication: "true" });
  for (const [body, MessageGroupId] of [["a1", "a"], ["a2", "a"], ["b1", "b"]]) {
    await send(node(0), url, body, { MessageGroupId });
  }
  const first = await one(node(1), url, { MaxNumberOfMessages: 1 });
  assert.equal(first.Body, "a1");
  assert.deepEqual(bodies(await receive(node(2), url)), ["b1"]);
  await none(node(0), url);
  await node(1).deleteMessage({ QueueUrl: url, ReceiptHandle: first.ReceiptHandle });
  assert.deepEqual(bodies(await receive(node(2), url)), ["a2"]);
});

test("a duplicate answers what the first one answered and adds nothing", async () => {
  const url = await fifoQueue("duplicate");
  const id = { MessageDeduplicationId: "d" };
  const first = await send(node(0), url, "body", id);
  const again = await send(node(1), url, "another body", { ...id, MessageGroupId: "other" });
  assert.deepEqual([again.MessageId, again.SequenceNumber], [first.MessageId, first.SequenceNumber]);
  const { ReceiptHandle } = await one(node(2), url);
  await node(0).deleteMessage({ QueueUrl: url, ReceiptHandle });
  assert.equal((await send(node(1), url, "body", id)).MessageId, first.MessageId, "also once it is deleted");
  await none(node(2), url, 1);
});

test("with deduplication by group, an id counts within its group only", async () => {
  const url = await fifoQueue("scope", { DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" });
  const ids = [];
  for (const MessageGroupId of ["a", "b", "a"]) {
    const sent = await send(node(ids.length), url, MessageGroupId, { MessageGroupId, MessageDeduplicationId: "d" });
    ids.push(sent.MessageId);
  }
  assert.equal(ids[0], ids[2]);
  assert.notEqual(ids[0], ids[1]);
  assert.deepEqual(bodies(await receiveExactly(node(0), url, 2)).sort(), ["a", "b"]);
});
