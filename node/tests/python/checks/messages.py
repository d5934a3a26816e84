"""Single messages: bodies, attributes, digests, sizes."""

import hashlib
import time
import uuid

from cluster import check, equal, invalid, one, receive, refused
from digest import digest

ATTRIBUTES = {
    "text": {"DataType": "String", "StringValue": "grün & <tag>"},
    "price": {"DataType": "Number.euro", "StringValue": "-12.50"},
    "Raw.bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    "text-2": {"DataType": "String.custom", "StringValue": "x" * 300},
}


@check
def send_receive_delete(cluster):
    """a message goes in, comes out with its system attributes, and is gone once deleted"""
    url = cluster.queue("simple", VisibilityTimeout="2")
    before = int(time.time() * 1000)
    sent = cluster.node(0).send_message(QueueUrl=url, MessageBody="hello")
    equal(sent["MD5OfMessageBody"], hashlib.md5(b"hello").hexdigest(), "MD5")
    uuid.UUID(sent["MessageId"])
    assert "SequenceNumber" not in sent and "MD5OfMessageAttributes" not in sent, sent
    message = one(cluster.node(1), url)
    equal((message["Body"], message["MessageId"]), ("hello", sent["MessageId"]), "message")
    equal(message["MD5OfBody"], sent["MD5OfMessageBody"], "MD5")
    system = message["Attributes"]
    equal(system["ApproximateReceiveCount"], "1", "receive count")
    assert system["SenderId"], system
    after = int(time.time() * 1000)
    sent_at, first = int(system["SentTimestamp"]), int(system["ApproximateFirstReceiveTimestamp"])
    assert before - 50 <= sent_at <= first <= after + 50, (before, sent_at, first, after)
    cluster.node(2).delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    equal(receive(cluster.node(0), url, wait=3), [], "messages after the delete")


@check
def bodies_survive(cluster):
    """every allowed character comes back as it was sent"""
    url, sqs = cluster.queue("bodies"), cluster.node(1)
    bodies = [
        "tab\tline\nreturn\rend",
        "  leading and trailing  ",
        "<xml>&amp;\"quoted\"'</xml>",
        '{"json": "\\u0000 as text"}',
        "Grüße, 世界, 🦀, \ud7ff \ue000 \ufffd \U00010000 \U0010ffff",
        "%20+&=?#",
        "x" * 100_000,
    ]
    for body in bodies:
        cluster.node(0).send_message(QueueUrl=url, MessageBody=body)
        message = one(sqs, url)
        equal(message["Body"], body, "body")
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@check
def bodies_are_checked(cluster):
    """empty bodies and forbidden characters are refused"""
    url, sqs = cluster.queue("forbidden"), cluster.node(0)
    refused("MissingParameter", sqs.send_message, "MissingRequiredParameterException", QueueUrl=url, MessageBody="")
    for body in ["nul\x00", "bell\x07", "\ufffe", "\uffff"]:
        refused(
            "InvalidMessageContents", sqs.send_message, "InvalidMessageContents",
            QueueUrl=url, MessageBody=body,
        )


@check
def message_attributes(cluster):
    """attributes come back as sent, and both digests are right"""
    url = cluster.queue("attributes")
    sent = cluster.node(0).send_message(QueueUrl=url, MessageBody="m", MessageAttributes=ATTRIBUTES)
    equal(sent["MD5OfMessageAttributes"], digest(ATTRIBUTES), "digest on send")
    message = one(cluster.node(1), url, MessageAttributeNames=["All"])
    equal(message["MessageAttributes"], ATTRIBUTES, "attributes")
    equal(message["MD5OfMessageAttributes"], digest(ATTRIBUTES), "digest on receive")


@check
def message_attributes_by_name(cluster):
    """only the attributes asked for, by name or prefix, and the digest covers just these"""
    url, sqs = cluster.queue("filter"), cluster.node(1)
    sqs.send_message(QueueUrl=url, MessageBody="m", MessageAttributes=ATTRIBUTES)
    wishes = [
        (["All"], set(ATTRIBUTES)),
        ([".*"], set(ATTRIBUTES)),
        (["price"], {"price"}),
        (["text", "absent"], {"text"}),
        (["Raw.*"], {"Raw.bytes"}),
        ([], set()),
        (["absent"], set()),
    ]
    for names, expected in wishes:
        message = one(sqs, url, MessageAttributeNames=names, VisibilityTimeout=0)
        found = message.get("MessageAttributes", {})
        equal(set(found), expected, f"attributes for {names}")
        wanted = digest(found) if found else None
        equal(message.get("MD5OfMessageAttributes"), wanted, f"digest for {names}")


@check
def system_attributes_by_name(cluster):
    """only the system attributes asked for, by the old parameter and the new one"""
    url, sqs = cluster.queue("system"), cluster.node(2)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    get = lambda **names: set(  # noqa: E731
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=5, **names)["Messages"][0]
        .get("Attributes", {})
    )
    equal(get(), set(), "attributes without being asked")
    equal(get(AttributeNames=["SenderId"]), {"SenderId"}, "old parameter")
    equal(get(MessageSystemAttributeNames=["SentTimestamp"]), {"SentTimestamp"}, "new parameter")
    both = get(AttributeNames=["SenderId"], MessageSystemAttributeNames=["SentTimestamp"])
    equal(both, {"SenderId", "SentTimestamp"}, "both parameters")


@check
def message_attributes_are_checked(cluster):
    """bad attributes are refused"""
    url, sqs = cluster.queue("bad-attributes"), cluster.node(0)
    string = {"DataType": "String", "StringValue": "v"}
    bad = [
        {"empty": {"DataType": "String", "StringValue": ""}},
        {"type": {"DataType": "Colour", "StringValue": "v"}},
        {"number": {"DataType": "Number", "StringValue": "twelve"}},
        {"AWS.reserved": string},
        {".dot": string},
        {"two..dots": string},
        {"sp ace": string},
        {"n" * 257: string},
        {f"a{i}": string for i in range(11)},
    ]
    for attributes in bad:
        invalid(sqs.send_message, QueueUrl=url, MessageBody="m", MessageAttributes=attributes)
    equal(receive(sqs, url, wait=0), [], "messages after refusals")


@check
def trace_header(cluster):
    """the X-Ray header is a system attribute with a digest of its own"""
    url = cluster.queue("trace")
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = cluster.node(0).send_message(QueueUrl=url, MessageBody="m", MessageSystemAttributes=header)
    equal(sent["MD5OfMessageSystemAttributes"], digest(header), "digest")
    assert "MD5OfMessageAttributes" not in sent, sent
    message = one(cluster.node(1), url)
    equal(message["Attributes"]["AWSTraceHeader"], header["AWSTraceHeader"]["StringValue"], "header")


@check
def sizes(cluster):
    """a message may be as long as the queue allows, attributes included, and no longer"""
    url, sqs = cluster.queue("sizes", MaximumMessageSize="1024"), cluster.node(0)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1024)
    message = invalid(sqs.send_message, QueueUrl=url, MessageBody="x" * 1025)
    equal(message, "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.", "message")
    invalid(sqs.send_message, QueueUrl=url, MessageBody="ü" * 513)
    attribute = {"name": {"DataType": "String", "StringValue": "v"}}
    extra = len("name" + "String" + "v")
    sqs.send_message(QueueUrl=url, MessageBody="x" * (1024 - extra), MessageAttributes=attribute)
    invalid(sqs.send_message, QueueUrl=url, MessageBody="x" * (1025 - extra), MessageAttributes=attribute)


@check
def a_whole_mebibyte(cluster):
    """the largest message goes through, and one more byte does not"""
    url, body = cluster.queue("mebibyte"), "0123456789abcdef" * 65536
    cluster.node(0).send_message(QueueUrl=url, MessageBody=body)
    assert one(cluster.node(1), url)["Body"] == body, "the body has changed"
    invalid(cluster.node(0).send_message, QueueUrl=url, MessageBody=body + "x")


@check
def a_group_on_a_standard_queue(cluster):
    """a standard queue takes a message group (fair queues), but no deduplication id"""
    url, sqs = cluster.queue("fair"), cluster.node(0)
    sent = sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="tenant-1")
    assert "SequenceNumber" not in sent, sent
    equal(one(sqs, url)["Attributes"]["MessageGroupId"], "tenant-1", "group")
    invalid(sqs.send_message, QueueUrl=url, MessageBody="m", MessageDeduplicationId="d")
