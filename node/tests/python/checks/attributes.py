"""Queue attributes."""

import time

from cluster import check, equal, one, refused

DEFAULTS = {
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


def _all(sqs, url, names=("All",)):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names)).get("Attributes", {})


@check
def defaults(cluster):
    """a new queue has the documented defaults"""
    began = int(time.time())
    url = cluster.queue("defaults")
    found = _all(cluster.node(1), url)
    equal({key: found.get(key) for key in DEFAULTS}, DEFAULTS, "attributes")
    name = url.rsplit("/", 1)[1]
    equal(found["QueueArn"], f"arn:aws:sqs:us-east-1:000000000000:{name}", "ARN")
    for key in ["CreatedTimestamp", "LastModifiedTimestamp"]:
        assert began - 1 <= int(found[key]) <= time.time() + 1, (key, found[key])
    assert not set(found) & set(FIFO_DEFAULTS), f"FIFO attributes on a standard queue: {found}"


@check
def fifo_defaults(cluster):
    """a new FIFO queue has the documented defaults too"""
    found = _all(cluster.node(1), cluster.queue("defaults", fifo=True))
    expected = {**DEFAULTS, **FIFO_DEFAULTS}
    equal({key: found.get(key) for key in expected}, expected, "attributes")


@check
def get_some(cluster):
    """only what was asked for; nothing if nothing was; unknown names are refused"""
    sqs, url = cluster.node(2), cluster.queue("some")
    equal(set(_all(sqs, url, ["QueueArn", "DelaySeconds"])), {"QueueArn", "DelaySeconds"}, "names")
    assert not sqs.get_queue_attributes(QueueUrl=url).get("Attributes"), "attributes without being asked"
    refused(
        "InvalidAttributeName", sqs.get_queue_attributes, "InvalidAttributeName",
        QueueUrl=url, AttributeNames=["Colour"],
    )


@check
def set_and_get(cluster):
    """what one node sets, the next one shows, and the rest stays"""
    url = cluster.queue("set")
    new = {
        "DelaySeconds": "7",
        "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "61",
        "ReceiveMessageWaitTimeSeconds": "3",
        "VisibilityTimeout": "44",
    }
    cluster.node(0).set_queue_attributes(QueueUrl=url, Attributes=new)
    found = _all(cluster.node(1), url)
    equal({key: found[key] for key in new}, new, "attributes")
    cluster.node(1).set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    found = _all(cluster.node(2), url)
    equal((found["DelaySeconds"], found["VisibilityTimeout"]), ("0", "44"), "attributes")


@check
def values_have_ranges(cluster):
    """values outside of the documented ranges are refused, on both ways in"""
    sqs, url = cluster.node(0), cluster.queue("ranges")
    bad = {
        "DelaySeconds": ["-1", "901", "x"],
        "MaximumMessageSize": ["1023", "1048577"],
        "MessageRetentionPeriod": ["59", "1209601"],
        "ReceiveMessageWaitTimeSeconds": ["-1", "21"],
        "VisibilityTimeout": ["-1", "43201", "1.5"],
    }
    for name, values in bad.items():
        for value in values:
            attributes = {name: value}
            refused(
                "InvalidAttributeValue", sqs.set_queue_attributes, "InvalidAttributeValue",
                QueueUrl=url, Attributes=attributes,
            )
            refused(
                "InvalidAttributeValue", sqs.create_queue, "InvalidAttributeValue",
                QueueName=cluster.name("never"), Attributes=attributes,
            )
    found = _all(sqs, url)
    equal({key: found.get(key) for key in DEFAULTS}, DEFAULTS, "attributes after refusals")


@check
def names_are_known(cluster):
    """unknown names are refused, FIFO names on a standard queue too, and the type never changes"""
    sqs = cluster.node(1)
    standard, fifo = cluster.queue("known"), cluster.queue("known", fifo=True)
    refuse = lambda url, attributes: refused(  # noqa: E731
        "InvalidAttributeName", sqs.set_queue_attributes, "InvalidAttributeName",
        QueueUrl=url, Attributes=attributes,
    )
    refuse(standard, {"Colour": "blue"})
    refuse(standard, {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:x"})
    equal(refuse(standard, {"FifoQueue": "true"}), "Unknown Attribute FifoQueue.", "message")
    refuse(standard, {"ContentBasedDeduplication": "true"})
    message = refused(
        "InvalidAttributeValue", sqs.set_queue_attributes, "InvalidAttributeValue",
        QueueUrl=fifo, Attributes={"FifoQueue": "false"},
    )
    assert "Modifying queue type is not supported" in message, message
    refused(
        "InvalidAttributeName", sqs.create_queue, "InvalidAttributeName",
        QueueName=cluster.name("never"), Attributes={"Colour": "blue"},
    )


@check
def counts(cluster):
    """visible, in-flight and delayed messages are counted apart"""
    url = cluster.queue("counts")
    sqs = cluster.node(1)
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="m")
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    one(sqs, url, most=1)
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    for node in cluster.nodes:
        found = _all(node, url, names)
        equal([found[name] for name in names], ["2", "1", "1"], "visible, in flight, delayed")


@check
def encryption(cluster):
    """a KMS key and managed encryption exclude each other: setting one ends the other"""
    sqs, url = cluster.node(1), cluster.queue("sealed")
    names = ["SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"]

    def shown():
        found = _all(cluster.node(2), url, names)
        return [found.get(name) for name in names]

    equal(shown(), ["true", None, None], "encryption of a new queue")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    equal(shown(), ["false", "alias/aws/sqs", "300"], "encryption with a key")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    equal(shown(), ["true", None, None], "managed encryption")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "k", "KmsDataKeyReusePeriodSeconds": "60"})
    equal(shown(), ["false", "k", "60"], "encryption with a key")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": ""})
    equal(shown(), ["false", None, None], "encryption without a key")
    both = {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}
    refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes=both)
    refused("InvalidAttributeName", sqs.create_queue, QueueName=cluster.name("never"), Attributes=both)


@check
def throughput_by_group(cluster):
    """FifoThroughputLimit=perMessageGroupId demands DeduplicationScope=messageGroup, now and later"""
    sqs, url = cluster.node(0), cluster.queue("throughput", fifo=True)
    limit, scope = {"FifoThroughputLimit": "perMessageGroupId"}, {"DeduplicationScope": "messageGroup"}
    refuse = lambda attributes: refused(  # noqa: E731
        "InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes=attributes
    )
    refuse(limit)
    sqs.set_queue_attributes(QueueUrl=url, Attributes=scope)
    sqs.set_queue_attributes(QueueUrl=url, Attributes=limit)
    refuse({"DeduplicationScope": "queue"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"})
    cluster.queue("throughput", fifo=True, **limit, **scope)
    attributes = {"FifoQueue": "true", **limit}
    refused("InvalidAttributeValue", sqs.create_queue, QueueName=cluster.name("never", True), Attributes=attributes)
