"use strict";
/** When messages are visible: long polls, timeouts, delays. */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { setTimeout: sleep } = require("node:timers/promises");
const { bodies, node, none, one, queue, receive } = require("../cluster");

/** A wake-up is far quicker, and the poll itself far longer. */
const WOKEN_MS = 5_000;

/** Starts a long poll of an empty queue, lets it wait, and demands that `wake` ends it soon; its messages. */
async function woken(sqs, url, wake) {
  const poll = receive(sqs, url, { WaitTimeSeconds: 20 });
  const early = await Promise.race([poll, sleep(500, "waits")]);
  assert.equal(early, "waits", "a poll of an empty queue ended early");
  const began = performance.now();
  await wake();
  const messages = await poll;
  const waited = performance.now() - began;
  assert.ok(waited < WOKEN_MS, `woken only after ${waited} ms`);
  return messages;
}

test("a long poll is woken by a message that another node takes", async () => {
  const url = await queue("wake");
  const send = () => node(2).sendMessage({ QueueUrl: url, MessageBody: "wake up" });
  assert.deepEqual(bodies(await woken(node(1), url, send)), ["wake up"]);
});

test("a long poll is woken by a message that is visible again", async () => {
  const url = await queue("rewake");
  await node(0).sendMessage({ QueueUrl: url, MessageBody: "again" });
  const { ReceiptHandle } = await one(node(0), url);
  const change = () => node(2).changeMessageVisibility({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 });
  assert.deepEqual(bodies(await woken(node(1), url, change)), ["again"]);
});

test("an empty poll has no Messages and lasts as long as asked", async () => {
  const url = await queue("empty");
  const began = performance.now();
  const reply = await node(1).receiveMessage({ QueueUrl: url, WaitTimeSeconds: 1 });
  assert.equal(reply.Messages, undefined);
  assert.ok(performance.now() - began >= 900);
});

test("a poll can be given up, and the next one gets the message", async () => {
  // Short, as the node may hear of the end only after it has answered.
  const url = await queue("abort", { VisibilityTimeout: "1" });
  const abortSignal = AbortSignal.timeout(500);
  const poll = node(1).receiveMessage({ QueueUrl: url, WaitTimeSeconds: 20 }, { abortSignal });
  await assert.rejects(poll, { name: "AbortError" });
  await node(0).sendMessage({ QueueUrl: url, MessageBody: "m" });
  assert.equal((await one(node(2), url)).Body, "m");
});

test("a message comes back when its timeout has passed, under a new handle", async () => {
  const url = await queue("expires", { VisibilityTimeout: "2" });
  await node(0).sendMessage({ QueueUrl: url, MessageBody: "m" });
  const first = await one(node(1), url);
  await none(node(2), url);
  const second = await one(node(0), url, { WaitTimeSeconds: 10 });
  assert.equal(second.MessageId, first.MessageId);
  assert.equal(second.Attributes.ApproximateReceiveCount, "2");
  assert.notEqual(second.ReceiptHandle, first.ReceiptHandle);
});

test("a delayed message shows itself after its delay, not before", async () => {
  const url = await queue("delay");
  const began = performance.now();
  await node(0).sendMessage({ QueueUrl: url, MessageBody: "late", DelaySeconds: 2 });
  await none(node(1), url);
  assert.equal((await one(node(1), url, { WaitTimeSeconds: 10 })).Body, "late");
  assert.ok(performance.now() - began >= 1_900);
});
