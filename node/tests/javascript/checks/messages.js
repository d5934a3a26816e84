"use strict";
/** Single messages: bodies, attributes, digests. */

const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const { test } = require("node:test");
const { node, none, one, queue } = require("../cluster");
const { digest } = require("../digest");

const ATTRIBUTES = {
  text: { DataType: "String", StringValue: "grün & <tag>" },
  "price.net": { DataType: "Number.euro", StringValue: "-12.50" },
  raw: { DataType: "Binary.bytes", BinaryValue: Uint8Array.from({ length: 256 }, (_, i) => i) },
};

test("a message goes in, comes out and is gone once deleted", async () => {
  const url = await queue("simple", { VisibilityTimeout: "2" });
  const sent = await node(0).sendMessage({ QueueUrl: url, MessageBody: "hello" });
  assert.equal(sent.MD5OfMessageBody, createHash("md5").update("hello").digest("hex"));
  assert.equal(sent.SequenceNumber, undefined, "a standard queue has no sequence numbers");
  const message = await one(node(1), url);
  assert.deepEqual([message.Body, message.MessageId], ["hello", sent.MessageId]);
  assert.equal(message.Attributes.ApproximateReceiveCount, "1");
  await node(2).deleteMessage({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle });
  await none(node(0), url, 3);
});

test("every allowed character comes back as it was sent", async () => {
  const url = await queue("bodies");
  const bodies = ["tab\tline\nreturn\rend", "  spaces  ", "<a>&amp;\"'</a>", "Grüße 世界 🦀 \uE000 \u{10FFFF}", "%20+&=?#"];
  for (const body of bodies) {
    await node(1).sendMessage({ QueueUrl: url, MessageBody: body });
    const message = await one(node(2), url);
    assert.equal(message.Body, body);
    await node(0).deleteMessage({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle });
  }
});

test("attributes come back as sent, and both digests are right", async () => {
  const url = await queue("attributes");
  const sent = await node(0).sendMessage({ QueueUrl: url, MessageBody: "m", MessageAttributes: ATTRIBUTES });
  assert.equal(sent.MD5OfMessageAttributes, digest(ATTRIBUTES));
  const message = await one(node(1), url, { MessageAttributeNames: ["All"], VisibilityTimeout: 0 });
  assert.equal(message.MD5OfMessageAttributes, digest(ATTRIBUTES));
  assert.deepEqual(message.MessageAttributes, ATTRIBUTES);
  const some = await one(node(2), url, { MessageAttributeNames: ["price.*"] });
  assert.deepEqual(Object.keys(some.MessageAttributes), ["price.net"]);
  assert.equal(some.MD5OfMessageAttributes, digest({ "price.net": ATTRIBUTES["price.net"] }));
});

test("the trace header is a system attribute with a digest of its own", async () => {
  const url = await queue("trace");
  const header = { AWSTraceHeader: { DataType: "String", StringValue: "Root=1-5759e988-bd862e3fe1be46a994272793" } };
  const sent = await node(0).sendMessage({ QueueUrl: url, MessageBody: "m", MessageSystemAttributes: header });
  assert.equal(sent.MD5OfMessageSystemAttributes, digest(header));
  assert.equal(sent.MD5OfMessageAttributes, undefined);
  const message = await one(node(1), url);
  assert.equal(message.Attributes.AWSTraceHeader, header.AWSTraceHeader.StringValue);
});
