#!/usr/bin/env python3
"""What clients of the query protocol rely on: forms in, XML out, and the codes of errors.

    query_conformance.py URL [URL ...]

The operations' behaviour is covered over AWS JSON; here it is the shapes, each with the members that the
API's XML model gives them.
"""

import base64
import hashlib
import json

from cluster import Cluster, check, equal, main
from digest import digest
from query import Query, Refused, named, numbered, pairs


class QueryCluster(Cluster):
    """The same nodes, with query clients beside boto3's."""

    def __init__(self, endpoints):
        super().__init__(endpoints)
        self._queries = [Query(endpoint.rstrip("/")) for endpoint in endpoints]

    def query(self, n):
        return self._queries[n % len(self._queries)]


def refused(code, query, *arguments, status=400, **parameters):
    try:
        query(*arguments, **parameters)
    except Refused as error:
        equal((error.status, error.kind, error.code), (status, "Sender", code), "error")
        assert error.message, "an error without a message"
        return error.message
    raise AssertionError(f"accepted, where {code} was due")


def receive(query, url, **parameters):
    parameters.setdefault("WaitTimeSeconds", 5)
    return query("ReceiveMessage", QueueUrl=url, **parameters).findall("Message")


@check
def query_queues(cluster):
    """CreateQueue, GetQueueUrl, ListQueues with pages, DeleteQueue"""
    name = cluster.name("query")
    attributes = named("Attribute", {"VisibilityTimeout": "33", "DelaySeconds": "0"})
    reply = cluster.query(0)("CreateQueue", QueueName=name, **attributes)
    url = reply.findtext("QueueUrl")
    cluster.remember(url)
    assert url.endswith("/" + name), url
    equal(cluster.query(1)("GetQueueUrl", QueueName=name).findtext("QueueUrl").rsplit("/", 1)[1], name, "name")
    equal(cluster.query(1)("GetQueueUrl", get=True, QueueName=name).tag, "GetQueueUrlResult", "GET")
    for i in range(2):
        more = cluster.query(i)("CreateQueue", QueueName=f"{name}-{i}").findtext("QueueUrl")
        cluster.remember(more)
    page = cluster.query(2)("ListQueues", QueueNamePrefix=name, MaxResults=2)
    equal(len(page.findall("QueueUrl")), 2, "queues on the first page")
    token = page.findtext("NextToken")
    page = cluster.query(2)("ListQueues", QueueNamePrefix=name, MaxResults=2, NextToken=token)
    equal((len(page.findall("QueueUrl")), page.findtext("NextToken")), (1, None), "the last page")
    equal(cluster.query(2)("ListQueues", QueueNamePrefix=name + "-none").findall("QueueUrl"), [], "no queues")
    cluster.query(0)("DeleteQueue", QueueUrl=url)
    refused("AWS.SimpleQueueService.NonExistentQueue", cluster.query(1), "GetQueueUrl", QueueName=name)


@check
def query_attributes(cluster):
    """SetQueueAttributes, GetQueueAttributes"""
    url = cluster.queue("query-attributes")
    cluster.query(1)("SetQueueAttributes", QueueUrl=url, **named("Attribute", {"DelaySeconds": "5"}))
    reply = cluster.query(2)("GetQueueAttributes", QueueUrl=url, **numbered("AttributeName", ["All"]))
    found = pairs(reply, "Attribute")
    equal((found["DelaySeconds"], found["VisibilityTimeout"]), ("5", "30"), "attributes")
    reply = cluster.query(2)("GetQueueAttributes", QueueUrl=url, **numbered("AttributeName", ["QueueArn"]))
    equal(set(pairs(reply, "Attribute")), {"QueueArn"}, "names")


@check
def query_tags(cluster):
    """TagQueue, ListQueueTags, UntagQueue; keys and values are elements of their own names"""
    url = cluster.queue("query-tags")
    equal(len(cluster.query(0)("ListQueueTags", QueueUrl=url)), 0, "members without tags")
    tags = [{"Key": "team", "Value": "shop"}, {"Key": "Stage", "Value": ""}]
    cluster.query(0)("TagQueue", QueueUrl=url, **numbered("Tag", tags))
    reply = cluster.query(1)("ListQueueTags", QueueUrl=url)
    found = [{part.tag: part.text or "" for part in tag} for tag in reply.findall("Tag")]
    equal(sorted(found, key=lambda tag: tag["Key"]), sorted(tags, key=lambda tag: tag["Key"]), "tags")
    cluster.query(2)("UntagQueue", QueueUrl=url, **numbered("TagKey", ["team", "never"]))
    reply = cluster.query(0)("ListQueueTags", QueueUrl=url)
    equal([tag.findtext("Key") for tag in reply.findall("Tag")], ["Stage"], "keys")


@check
def query_dead_letter_sources(cluster):
    """ListDeadLetterSourceQueues with pages"""
    dead = cluster.queue("query-dead")
    target = f"arn:aws:sqs:us-east-1:000000000000:{dead.rsplit('/', 1)[1]}"
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": "3"})
    urls = [cluster.queue(f"query-source-{i}", RedrivePolicy=policy) for i in range(3)]
    equal(len(cluster.query(0)("ListDeadLetterSourceQueues", QueueUrl=urls[0])), 0, "members without sources")
    found, token = [], {}
    while token is not None:
        page = cluster.query(len(found))("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=2, **token)
        found += [url.text.rsplit("/", 1)[1] for url in page.findall("QueueUrl")]
        next_token = page.findtext("NextToken")
        token = {"NextToken": next_token} if next_token else None
    equal(found, [url.rsplit("/", 1)[1] for url in urls], "sources")
    bad = {"QueueUrl": dead, "NextToken": "made up"}
    refused("InvalidParameterValue", cluster.query(1), "ListDeadLetterSourceQueues", **bad)


@check
def query_move_tasks(cluster):
    """StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask"""
    dead, other = cluster.queue("query-move-dead"), cluster.queue("query-move-other")
    arns = [f"arn:aws:sqs:us-east-1:000000000000:{url.rsplit('/', 1)[1]}" for url in (dead, other)]
    policy = json.dumps({"deadLetterTargetArn": arns[0], "maxReceiveCount": 3})
    cluster.queue("query-move-source", RedrivePolicy=policy)
    for n in range(3):
        cluster.query(n)("SendMessage", QueueUrl=dead, MessageBody=n)
    arguments = {"SourceArn": arns[0], "DestinationArn": arns[1], "MaxNumberOfMessagesPerSecond": 1}
    handle = cluster.query(0)("StartMessageMoveTask", **arguments).findtext("TaskHandle")
    refused("InvalidParameterValue", cluster.query(1), "StartMessageMoveTask", **arguments)
    tasks = cluster.query(1)("ListMessageMoveTasks", SourceArn=arns[0], MaxResults=10)
    (task,) = tasks.findall("ListMessageMoveTasksResultEntry")
    equal([task.findtext(name) for name in ("Status", "TaskHandle")], ["RUNNING", handle], "task")
    moved = cluster.query(2)("CancelMessageMoveTask", TaskHandle=handle)
    assert int(moved.findtext("ApproximateNumberOfMessagesMoved")) <= 3
    absent = arns[0] + "-absent"
    refused("ResourceNotFoundException", cluster.query(0), "ListMessageMoveTasks", status=404, SourceArn=absent)


@check
def query_permissions(cluster):
    """AddPermission and RemovePermission"""
    url = cluster.queue("query-permissions")
    accounts = numbered("AWSAccountId", ["1" * 12, "2" * 12])
    actions = numbered("ActionName", ["SendMessage", "ReceiveMessage"])
    equal(cluster.query(0)("AddPermission", QueueUrl=url, Label="l", **accounts, **actions), None, "result")
    names = numbered("AttributeName", ["Policy"])
    reply = cluster.query(1)("GetQueueAttributes", QueueUrl=url, **names)
    [statement] = json.loads(pairs(reply, "Attribute")["Policy"])["Statement"]
    equal(statement["Action"], ["SQS:SendMessage", "SQS:ReceiveMessage"], "actions")
    equal(len(statement["Principal"]["AWS"]), 2, "principals")
    more = {"QueueUrl": url, "Label": "l", **numbered("AWSAccountId", ["1" * 12])}
    refused("OverLimit", cluster.query(2), "AddPermission", status=403, **more, **numbered("ActionName", ["*"] * 8))
    refused("InvalidParameterValue", cluster.query(2), "AddPermission", **more, **numbered("ActionName", ["*"]))
    cluster.query(2)("RemovePermission", QueueUrl=url, Label="l")
    refused("InvalidParameterValue", cluster.query(0), "RemovePermission", QueueUrl=url, Label="l")


@check
def query_messages(cluster):
    """SendMessage with attributes, ReceiveMessage, ChangeMessageVisibility, DeleteMessage"""
    url = cluster.queue("query-messages")
    body = "line\r\n<tag> & \"Grüße\" 🦀 + %"
    attributes = {
        "text": {"DataType": "String", "StringValue": "v&w"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    wire = numbered("MessageAttribute", [
        {"Name": "text", "Value.DataType": "String", "Value.StringValue": "v&w"},
        {"Name": "raw", "Value.DataType": "Binary", "Value.BinaryValue": base64.b64encode(b"\x00\xff").decode()},
    ])
    sent = cluster.query(0)("SendMessage", QueueUrl=url, MessageBody=body, **wire)
    equal(sent.findtext("MD5OfMessageBody"), hashlib.md5(body.encode()).hexdigest(), "digest of the body")
    equal(sent.findtext("MD5OfMessageAttributes"), digest(attributes), "digest of the attributes")
    equal(sent.find("SequenceNumber"), None, "sequence number")

    names = {**numbered("AttributeName", ["All"]), **numbered("MessageAttributeName", ["All"])}
    [message] = receive(cluster.query(1), url, **names)
    equal(message.findtext("Body"), body, "body")
    equal(message.findtext("MessageId"), sent.findtext("MessageId"), "message id")
    equal(message.findtext("MD5OfBody"), sent.findtext("MD5OfMessageBody"), "digest")
    equal(message.findtext("MD5OfMessageAttributes"), digest(attributes), "digest")
    equal(pairs(message, "Attribute")["ApproximateReceiveCount"], "1", "receive count")
    values = {a.findtext("Name"): a.find("Value") for a in message.findall("MessageAttribute")}
    equal(values["text"].findtext("StringValue"), "v&w", "text")
    equal(base64.b64decode(values["raw"].findtext("BinaryValue")), b"\x00\xff", "raw")

    handle = message.findtext("ReceiptHandle")
    cluster.query(2)("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    [again] = receive(cluster.query(0), url)
    cluster.query(1)("DeleteMessage", QueueUrl=url, ReceiptHandle=again.findtext("ReceiptHandle"))
    equal(receive(cluster.query(2), url, WaitTimeSeconds=0), [], "messages")


@check
def query_on_the_queue_url(cluster):
    """older SDKs post to the queue URL itself, which then implies QueueUrl"""
    url = cluster.queue("query-path")
    cluster.query(1)("SendMessage", url, MessageBody="by path")
    [message] = cluster.query(2)("ReceiveMessage", url, WaitTimeSeconds=5).findall("Message")
    equal(message.findtext("Body"), "by path", "body")
    cluster.query(0)("DeleteMessage", url, ReceiptHandle=message.findtext("ReceiptHandle"))
    cluster.query(0)("PurgeQueue", url)


@check
def query_batches(cluster):
    """SendMessageBatch, ChangeMessageVisibilityBatch, DeleteMessageBatch, each failing in part"""
    url = cluster.queue("query-batches")
    query = cluster.query(1)
    entries = [
        {"Id": "a", "MessageBody": "A"},
        {"Id": "bad", "MessageBody": "B", "DelaySeconds": 901},
        {"Id": "c", "MessageBody": "C"},
    ]
    reply = query("SendMessageBatch", QueueUrl=url, **numbered("SendMessageBatchRequestEntry", entries))
    sent = reply.findall("SendMessageBatchResultEntry")
    equal([e.findtext("Id") for e in sent], ["a", "c"], "successful")
    equal([e.findtext("MD5OfMessageBody") for e in sent], [hashlib.md5(b).hexdigest() for b in (b"A", b"C")], "digests")
    [failed] = reply.findall("BatchResultErrorEntry")
    found = [failed.findtext(name) for name in ("Id", "Code", "SenderFault")]
    equal(found, ["bad", "InvalidParameterValue", "true"], "failed")
    assert failed.findtext("Message"), "a failure without a message"

    handles = []
    while len(handles) < 2:
        messages = receive(query, url, MaxNumberOfMessages=10)
        assert messages, f"{len(handles)} of 2 messages came"
        handles += [m.findtext("ReceiptHandle") for m in messages]
    for action, more in [("ChangeMessageVisibility", {"VisibilityTimeout": 50}), ("DeleteMessage", {})]:
        entries = [{"Id": f"e{i}", "ReceiptHandle": handle, **more} for i, handle in enumerate([*handles, "nonsense"])]
        reply = query(f"{action}Batch", QueueUrl=url, **numbered(f"{action}BatchRequestEntry", entries))
        done = [e.findtext("Id") for e in reply.findall(f"{action}BatchResultEntry")]
        equal(done, ["e0", "e1"], "successful")
        [failed] = reply.findall("BatchResultErrorEntry")
        equal((failed.findtext("Id"), failed.findtext("Code")), ("e2", "ReceiptHandleIsInvalid"), "failed")


@check
def query_fifo(cluster):
    """a FIFO queue's sequence number, and a duplicate's"""
    url = cluster.queue("query", fifo=True)
    parameters = {"QueueUrl": url, "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    replies = [cluster.query(i)("SendMessage", **parameters) for i in range(2)]
    for key in ["MessageId", "SequenceNumber"]:
        first, again = (reply.findtext(key) for reply in replies)
        assert first, f"no {key}"
        equal(again, first, key)
    [message] = receive(cluster.query(2), url, **numbered("AttributeName", ["MessageGroupId"]))
    equal(pairs(message, "Attribute"), {"MessageGroupId": "g"}, "attributes")


@check
def query_errors(cluster):
    """the codes of this protocol"""
    url, query = cluster.queue("query-errors"), cluster.query(0)
    prefix = "AWS.SimpleQueueService."
    refused("InvalidAction", query, "MakeCoffee")
    refused("MissingParameter", query, "SendMessage", QueueUrl=url)
    refused(prefix + "NonExistentQueue", query, "SendMessage", QueueUrl=url + "-never", MessageBody="m")
    refused("InvalidParameterValue", query, "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=11)
    refused("ReceiptHandleIsInvalid", query, "DeleteMessage", QueueUrl=url, ReceiptHandle="nonsense")
    refused("InvalidMessageContents", query, "SendMessage", QueueUrl=url, MessageBody="\x07")
    refused("InvalidAttributeName", query, "SetQueueAttributes", QueueUrl=url, **named("Attribute", {"Colour": "blue"}))
    refused("InvalidAttributeValue", query, "SetQueueAttributes", QueueUrl=url, **named("Attribute", {"DelaySeconds": "901"}))
    refused(prefix + "EmptyBatchRequest", query, "SendMessageBatch", QueueUrl=url)
    name = url.rsplit("/", 1)[1]
    refused("QueueAlreadyExists", query, "CreateQueue", QueueName=name, **named("Attribute", {"DelaySeconds": "9"}))
    query("PurgeQueue", QueueUrl=url)
    refused(prefix + "PurgeQueueInProgress", query, "PurgeQueue", QueueUrl=url, status=403)
    cluster.query(1)("DeleteQueue", QueueUrl=url)
    refused(prefix + "QueueDeletedRecently", query, "CreateQueue", QueueName=name)


if __name__ == "__main__":
    main(QueryCluster)
