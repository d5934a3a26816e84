"use strict";
/**
 * Errors as the SDK shows them: a class for each that the model has, named like it; the query protocol's code
 * as `Code`, which is also the name of those that the model does not have; and whose fault it is as `Type`.
 */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const sdk = require("@aws-sdk/client-sqs");
const { fifoQueue, name, node, one, queue } = require("../cluster");

const LEGACY = "AWS.SimpleQueueService.";

/** Demands an error of this name and query code; if the SDK has a class of that name, one of the class. */
async function fails(call, error, { Code = error, status = 400, message } = {}) {
  await assert.rejects(call, (found) => {
    assert.deepEqual(
      { name: found.name, Code: found.Code, Type: found.Type, status: found.$metadata.httpStatusCode },
      { name: error, Code, Type: "Sender", status },
    );
    assert.equal(found.Error.Code, Code);
    assert.equal(found.$fault, "client");
    assert.ok(found instanceof (sdk[error] ?? sdk.SQSServiceException), `no instance of ${error}`);
    assert.ok(found.$metadata.requestId);
    if (message) assert.match(found.message, message);
    return true;
  });
}

test("a queue that does not exist", async () => {
  const QueueUrl = `${await queue("here")}-not`;
  const expected = { Code: `${LEGACY}NonExistentQueue`, message: /^The specified queue does not exist/ };
  await fails(node(0).getQueueUrl({ QueueName: name("never") }), "QueueDoesNotExist", expected);
  await fails(node(1).sendMessage({ QueueUrl, MessageBody: "m" }), "QueueDoesNotExist", expected);
  await fails(node(2).receiveMessage({ QueueUrl }), "QueueDoesNotExist", expected);
});

test("a queue that exists with other attributes, or existed a moment ago", async () => {
  const url = await queue("there", { DelaySeconds: "1" });
  const QueueName = url.split("/").at(-1);
  const create = (n, DelaySeconds) => node(n).createQueue({ QueueName, Attributes: { DelaySeconds } });
  await fails(create(1, "2"), "QueueNameExists", { Code: "QueueAlreadyExists", message: /DelaySeconds$/ });
  await node(2).deleteQueue({ QueueUrl: url });
  await fails(create(0, "1"), "QueueDeletedRecently", { Code: `${LEGACY}QueueDeletedRecently` });
});

test("a receipt handle that is none, and one whose message is visible", async () => {
  const QueueUrl = await queue("handles");
  const bad = { QueueUrl, ReceiptHandle: "nonsense" };
  await fails(node(0).deleteMessage(bad), "ReceiptHandleIsInvalid", { message: /nonsense/ });
  await fails(node(1).changeMessageVisibility({ ...bad, VisibilityTimeout: 1 }), "ReceiptHandleIsInvalid");
  await node(2).sendMessage({ QueueUrl, MessageBody: "m" });
  const { ReceiptHandle } = await one(node(0), QueueUrl, { VisibilityTimeout: 0 });
  const change = node(1).changeMessageVisibility({ QueueUrl, ReceiptHandle, VisibilityTimeout: 9 });
  await fails(change, "MessageNotInflight", { Code: `${LEGACY}MessageNotInflight` });
});

test("a second purge within a minute", async () => {
  const QueueUrl = await queue("purge");
  await node(0).purgeQueue({ QueueUrl });
  const expected = { Code: `${LEGACY}PurgeQueueInProgress`, status: 403 };
  await fails(node(1).purgeQueue({ QueueUrl }), "PurgeQueueInProgress", expected);
});

test("batches that are none", async () => {
  const QueueUrl = await queue("batches");
  const entry = (Id, MessageBody = "m") => ({ Id, MessageBody });
  const long = "x".repeat(600_000);
  const batches = {
    EmptyBatchRequest: [],
    TooManyEntriesInBatchRequest: Array.from({ length: 11 }, (_, i) => entry(`${i}`)),
    BatchEntryIdsNotDistinct: [entry("a"), entry("a")],
    InvalidBatchEntryId: [entry("white space")],
    BatchRequestTooLong: [entry("a", long), entry("b", long)],
  };
  for (const [error, Entries] of Object.entries(batches)) {
    await fails(node(0).sendMessageBatch({ QueueUrl, Entries }), error, { Code: `${LEGACY}${error}` });
  }
});

test("attributes that are none", async () => {
  const QueueUrl = await queue("attributes");
  const set = (Attributes) => node(0).setQueueAttributes({ QueueUrl, Attributes });
  await fails(set({ Colour: "blue" }), "InvalidAttributeName");
  await fails(set({ DelaySeconds: "901" }), "InvalidAttributeValue");
});

test("messages that no queue takes, or not this one", async () => {
  const send = (QueueUrl, more) => node(1).sendMessage({ QueueUrl, MessageBody: "m", ...more });
  const standard = await queue("contents");
  await fails(send(standard, { MessageBody: "\x07" }), "InvalidMessageContents");
  const long = { message: /Message must be shorter than 1048576 bytes/ };
  await fails(send(standard, { MessageBody: "x".repeat(1_048_577) }), "InvalidParameterValue", long);
  await fails(send(await fifoQueue("contents")), "MissingParameter", { message: /MessageGroupId/ });
});

test("a policy that is full", async () => {
  const permission = { QueueUrl: await queue("full"), Label: "l", AWSAccountIds: ["1".repeat(12)] };
  const Actions = Array.from({ length: 8 }, () => "SendMessage");
  await fails(node(0).addPermission({ ...permission, Actions }), "OverLimit", { status: 403 });
});

test("a task whose queue does not exist", async () => {
  const SourceArn = `arn:aws:sqs:us-east-1:000000000000:${name("never")}`;
  const expected = { status: 404, message: /SourceArn/ };
  await fails(node(0).startMessageMoveTask({ SourceArn }), "ResourceNotFoundException", expected);
});
