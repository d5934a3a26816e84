"use strict";
/** Batches: ten entries, each with a fate of its own. */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { bodies, fifoQueue, node, none, queue, receiveExactly } = require("../cluster");

const ids = (entries) => entries.map((entry) => entry.Id);
const fates = (entries) => entries.map(({ Id, Code, SenderFault }) => [Id, Code, SenderFault]);

test("ten messages go at once", async () => {
  const url = await queue("batch");
  const Entries = Array.from({ length: 10 }, (_, i) => ({ Id: `e-${i}`, MessageBody: `body ${i}` }));
  const reply = await node(0).sendMessageBatch({ QueueUrl: url, Entries });
  assert.equal(reply.Failed, undefined);
  assert.deepEqual(ids(reply.Successful), ids(Entries));
  const found = bodies(await receiveExactly(node(1), url, 10));
  assert.deepEqual(found.sort(), Entries.map((entry) => entry.MessageBody));
});

test("bad messages of a batch fail alone", async () => {
  const url = await queue("send-part");
  const Entries = [
    { Id: "good", MessageBody: "good" },
    { Id: "late", MessageBody: "late", DelaySeconds: 901 },
    { Id: "bell", MessageBody: "\x07" },
    { Id: "fine", MessageBody: "fine" },
  ];
  const reply = await node(1).sendMessageBatch({ QueueUrl: url, Entries });
  assert.deepEqual(ids(reply.Successful), ["good", "fine"]);
  assert.deepEqual(fates(reply.Failed), [
    ["late", "InvalidParameterValue", true],
    ["bell", "InvalidMessageContents", true],
  ]);
  assert.ok(reply.Failed.every((entry) => entry.Message));
  assert.deepEqual(bodies(await receiveExactly(node(2), url, 2)).sort(), ["fine", "good"]);
});

test("bad handles of a batch fail alone, in a change and in a delete", async () => {
  const url = await queue("handles", { VisibilityTimeout: "2" });
  for (const body of ["a", "b"]) await node(0).sendMessage({ QueueUrl: url, MessageBody: body });
  const messages = await receiveExactly(node(1), url, 2);
  const Entries = messages.map(({ ReceiptHandle }, i) => ({ Id: `m${i}`, ReceiptHandle }));
  Entries.splice(1, 0, { Id: "bad", ReceiptHandle: "nonsense" });
  const changes = Entries.map((entry) => ({ ...entry, VisibilityTimeout: 3 }));
  const changed = await node(2).changeMessageVisibilityBatch({ QueueUrl: url, Entries: changes });
  const deleted = await node(0).deleteMessageBatch({ QueueUrl: url, Entries });
  for (const reply of [changed, deleted]) {
    assert.deepEqual(ids(reply.Successful), ["m0", "m1"]);
    assert.deepEqual(fates(reply.Failed), [["bad", "ReceiptHandleIsInvalid", true]]);
  }
  await none(node(1), url, 4);
});

test("a FIFO batch keeps its order", async () => {
  const url = await fifoQueue("batch", { ContentBasedDeduplication: "true" });
  const Entries = ["1", "2", "3"].map((body) => ({ Id: body, MessageBody: body, MessageGroupId: "g" }));
  const reply = await node(0).sendMessageBatch({ QueueUrl: url, Entries });
  const numbers = reply.Successful.map((entry) => BigInt(entry.SequenceNumber));
  assert.ok(numbers[0] < numbers[1] && numbers[1] < numbers[2], `${numbers}`);
  assert.deepEqual(bodies(await receiveExactly(node(1), url, 3)), ["1", "2", "3"]);
});
