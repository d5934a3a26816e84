"use strict";
/** Queues: create, find, list in pages, attributes, tags, permissions. */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { paginateListQueues } = require("@aws-sdk/client-sqs");
const { name, node, queue, remember } = require("../cluster");

const tail = (url) => url.split("/").at(-1);

test("the same queue is found on every node, and created again without harm", async () => {
  const url = await queue("find", { VisibilityTimeout: "41" });
  for (const n of [0, 1, 2]) {
    const found = await node(n).getQueueUrl({ QueueName: tail(url) });
    assert.equal(new URL(found.QueueUrl).pathname, new URL(url).pathname);
    const again = await node(n).createQueue({ QueueName: tail(url), Attributes: { VisibilityTimeout: "41" } });
    assert.equal(again.QueueUrl, found.QueueUrl);
  }
});

test("the paginator lists all queues of a prefix, each once", async () => {
  const stem = name("list");
  const names = [];
  for (const i of [0, 1, 2, 3, 4]) {
    remember((await node(i).createQueue({ QueueName: `${stem}-${i}` })).QueueUrl);
    names.push(`${stem}-${i}`);
  }
  const found = [];
  for await (const page of paginateListQueues({ client: node(1), pageSize: 2 }, { QueueNamePrefix: stem })) {
    assert.ok(page.QueueUrls.length <= 2);
    found.push(...page.QueueUrls.map(tail));
  }
  assert.deepEqual(found.sort(), names);
  assert.equal((await node(2).listQueues({ QueueNamePrefix: `${stem}-none` })).QueueUrls, undefined);
});

test("attributes that one node sets, the next one shows", async () => {
  const url = await queue("attributes");
  await node(0).setQueueAttributes({ QueueUrl: url, Attributes: { DelaySeconds: "7", MaximumMessageSize: "2048" } });
  const { Attributes } = await node(1).getQueueAttributes({ QueueUrl: url, AttributeNames: ["All"] });
  assert.deepEqual([Attributes.DelaySeconds, Attributes.MaximumMessageSize, Attributes.VisibilityTimeout], ["7", "2048", "30"]);
  assert.equal(Attributes.QueueArn, `arn:aws:sqs:us-east-1:000000000000:${tail(url)}`);
  const some = await node(2).getQueueAttributes({ QueueUrl: url, AttributeNames: ["DelaySeconds"] });
  assert.deepEqual(some.Attributes, { DelaySeconds: "7" });
});

test("tags are added, replaced, listed and removed", async () => {
  const url = await queue("tags");
  assert.equal((await node(0).listQueueTags({ QueueUrl: url })).Tags, undefined, "tags of a new queue");
  await node(0).tagQueue({ QueueUrl: url, Tags: { team: "shop", "cost centre": "Zürich" } });
  await node(1).tagQueue({ QueueUrl: url, Tags: { team: "yard" } });
  const { Tags } = await node(2).listQueueTags({ QueueUrl: url });
  assert.deepEqual(Tags, { team: "yard", "cost centre": "Zürich" });
  await node(2).untagQueue({ QueueUrl: url, TagKeys: ["team", "never"] });
  assert.deepEqual((await node(0).listQueueTags({ QueueUrl: url })).Tags, { "cost centre": "Zürich" });
});

test("permissions are statements of the policy", async () => {
  const url = await queue("permissions");
  const permission = { Label: "send", AWSAccountIds: ["111111111111"], Actions: ["SendMessage"] };
  await node(0).addPermission({ QueueUrl: url, ...permission });
  const { Attributes } = await node(1).getQueueAttributes({ QueueUrl: url, AttributeNames: ["Policy"] });
  const [statement] = JSON.parse(Attributes.Policy).Statement;
  assert.deepEqual([statement.Sid, statement.Action], ["send", "SQS:SendMessage"]);
  await node(2).removePermission({ QueueUrl: url, Label: "send" });
  assert.equal((await node(0).getQueueAttributes({ QueueUrl: url, AttributeNames: ["Policy"] })).Attributes, undefined);
});
