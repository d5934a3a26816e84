"use strict";
/** What happens when the SDK tries again: a call takes effect once. */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { bodies, client, endpoints, node, none, one, queue, receiveExactly } = require("../cluster");
const { lossy, loseReply, refuse } = require("../lossy");

/** Runs with a client whose first tries meet these accidents; gives what `run` gave and how often the node was asked. */
async function unlucky(accidents, run, options = {}) {
  const proxy = await lossy(endpoints[0], accidents);
  const sqs = client(proxy.endpoint, options);
  try {
    return { reply: await run(sqs), asked: proxy.forwarded };
  } finally {
    sqs.destroy();
    proxy.close();
  }
}

test("a send whose reply is lost is sent again and is there once", async () => {
  const url = await queue("lost");
  const send = (sqs) => sqs.sendMessage({ QueueUrl: url, MessageBody: "once" });
  const { reply, asked } = await unlucky([loseReply, loseReply], send);
  assert.equal(asked, 3);
  assert.equal(reply.$metadata.attempts, 3);
  const message = await one(node(1), url);
  assert.equal(message.MessageId, reply.MessageId);
  await none(node(2), url, 1);
});

test("a batch whose reply is lost is there once", async () => {
  const url = await queue("lost-batch");
  const Entries = ["a", "b"].map((body) => ({ Id: body, MessageBody: body }));
  const { asked } = await unlucky([loseReply], (sqs) => sqs.sendMessageBatch({ QueueUrl: url, Entries }));
  assert.equal(asked, 2);
  assert.deepEqual(bodies(await receiveExactly(node(1), url, 2)).sort(), ["a", "b"]);
  await none(node(2), url, 1);
});

test("a receive whose reply is lost hands the same delivery out again", async () => {
  const url = await queue("lost-receive");
  await node(0).sendMessage({ QueueUrl: url, MessageBody: "m" });
  const { reply, asked } = await unlucky([loseReply], (sqs) => one(sqs, url));
  assert.equal(asked, 2);
  assert.equal(reply.Attributes.ApproximateReceiveCount, "1");
  await node(1).deleteMessage({ QueueUrl: url, ReceiptHandle: reply.ReceiptHandle });
});

test("a purge and a delete whose replies are lost succeed", async () => {
  const url = await queue("lost-ends");
  await unlucky([loseReply], (sqs) => sqs.purgeQueue({ QueueUrl: url }));
  await unlucky([loseReply], (sqs) => sqs.deleteQueue({ QueueUrl: url }));
});

test("throttling and unavailability are waited out, in both of the SDK's modes", async () => {
  const url = await queue("throttled");
  const accidents = [refuse(400, "com.amazonaws.sqs#RequestThrottled"), refuse(503, "com.amazon.coral.service#ServiceUnavailable")];
  for (const retryMode of ["standard", "adaptive"]) {
    const send = (sqs) => sqs.sendMessage({ QueueUrl: url, MessageBody: "m" });
    const { reply } = await unlucky(accidents, send, { retryMode });
    assert.equal(reply.$metadata.attempts, 3, retryMode);
  }
});

test("a client without an endpoint of its own goes where the queue URL says", async () => {
  const url = await queue("host");
  const logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const sqs = client(undefined, { logger });
  await sqs.sendMessage({ QueueUrl: url, MessageBody: "by URL" });
  assert.equal((await one(node(1), url)).Body, "by URL");
  sqs.destroy();
});
