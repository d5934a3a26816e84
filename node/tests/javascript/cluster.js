"use strict";
/** Clients of the cluster under test, queues that exist for one run, and what all checks need. */

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { SQS } = require("@aws-sdk/client-sqs");

const endpoints = process.argv.slice(2);
assert.ok(endpoints.length > 0, "usage: node conformance.js URL [URL ...]");

/** A client as an application would make it. */
function client(endpoint, more = {}) {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return new SQS({ endpoint, region: "us-east-1", credentials, ...more });
}

const clients = endpoints.map((endpoint) => client(endpoint));
const urls = [];

/** The client of a node; any number will do, also if there are fewer nodes. */
const node = (n) => clients[n % clients.length];

/** A queue name that nobody else uses. */
const name = (stem, fifo = false) => `js-${stem}-${randomUUID().slice(0, 8)}${fifo ? ".fifo" : ""}`;

/** Deletes this queue at the end. */
function remember(url) {
  urls.push(url);
  return url;
}

/** A new queue's URL. */
async function queue(stem, Attributes = {}) {
  const QueueName = name(stem, Attributes.FifoQueue === "true");
  const { QueueUrl } = await node(0).createQueue({ QueueName, Attributes });
  return remember(QueueUrl);
}

const fifoQueue = (stem, attributes = {}) => queue(stem, { FifoQueue: "true", ...attributes });

/** Deletes the queues of this run; checks may have deleted some of them. */
async function clean() {
  for (const QueueUrl of urls) {
    await node(0).deleteQueue({ QueueUrl }).catch((error) => {
      if (error.name !== "QueueDoesNotExist") throw error;
    });
  }
  for (const one of clients) one.destroy();
}

/** One long poll; its messages. */
async function receive(sqs, QueueUrl, more = {}) {
  const defaults = { MaxNumberOfMessages: 10, WaitTimeSeconds: 5, MessageSystemAttributeNames: ["All"] };
  const { Messages } = await sqs.receiveMessage({ QueueUrl, ...defaults, ...more });
  return Messages ?? [];
}

/** Polls until so many messages have come; with none for a whole poll it fails. */
async function receiveExactly(sqs, url, count, more = {}) {
  const messages = [];
  while (messages.length < count) {
    const some = await receive(sqs, url, more);
    assert.ok(some.length > 0, `${messages.length} of ${count} messages came`);
    messages.push(...some);
  }
  assert.equal(messages.length, count);
  return messages;
}

/** The next message, which must be the only one. */
const one = async (sqs, url, more) => (await receiveExactly(sqs, url, 1, more))[0];

/** Demands that nothing is visible. */
async function none(sqs, url, seconds = 0) {
  assert.deepEqual(await receive(sqs, url, { WaitTimeSeconds: seconds }), []);
}

const bodies = (messages) => messages.map((message) => message.Body);

module.exports = {
  bodies,
  clean,
  client,
  endpoints,
  fifoQueue,
  name,
  node,
  none,
  one,
  queue,
  receive,
  receiveExactly,
  remember,
};
