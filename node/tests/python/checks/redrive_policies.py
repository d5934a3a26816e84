"""Which queue may send its dead letters where."""

import json

from cluster import check, equal, invalid, refused


def _arn(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _policy(target, count=3):
    return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count}, separators=(",", ":"))


def _set(sqs, url, **attributes):
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def _shown(sqs, url, name):
    reply = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return reply.get("Attributes", {}).get(name)


@check
def redrive_policy(cluster):
    """is shown with the count as it was sent, a number or text, and is cleared by an empty value"""
    sqs = cluster.node(0)
    target = _arn(sqs, cluster.queue("dead"))
    url = cluster.queue("source", RedrivePolicy=_policy(target, 5))
    equal(_shown(cluster.node(1), url, "RedrivePolicy"), _policy(target, 5), "policy")
    _set(cluster.node(1), url, RedrivePolicy=_policy(target, "1000"))
    equal(_shown(cluster.node(2), url, "RedrivePolicy"), _policy(target, "1000"), "policy")
    # The same queue with the same policy, however the number is spelt, is the same queue.
    name = url.rsplit("/", 1)[1]
    sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": _policy(target, 1000)})
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=name, Attributes={"RedrivePolicy": _policy(target, 9)})
    _set(cluster.node(2), url, RedrivePolicy="")
    equal(_shown(cluster.node(0), url, "RedrivePolicy"), None, "policy")


@check
def dead_letter_targets(cluster):
    """exist, belong to the same account and region, and are FIFO if and only if the source is"""
    sqs = cluster.node(1)
    url, target = cluster.queue("source"), _arn(sqs, cluster.queue("dead"))
    fifo = _arn(sqs, cluster.queue("dead", fifo=True))
    bad = {
        target + "x": "Dead letter target does not exist.",
        target.replace("000000000000", "111111111111"): "Dead-letter target owner should be same as the source.",
        target.replace("us-east-1", "eu-west-1"): "Dead-letter target should be in the same region as the source.",
        fifo: "Dead-letter queue must be same type of queue as the source..",
        "dead": "Dead-letter target ARN should be fully qualified ARN.",
    }
    for arn, reason in bad.items():
        policy = _policy(arn)
        expected = f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"
        arguments = {"Attributes": {"RedrivePolicy": policy}}
        equal(invalid(sqs.set_queue_attributes, QueueUrl=url, **arguments), expected, "message")
        equal(invalid(sqs.create_queue, QueueName=cluster.name("never"), **arguments), expected, "message")
    equal(_shown(sqs, url, "RedrivePolicy"), None, "policy after refusals")
    for count in [0, 1001, "0", "many", -1, 1.5]:
        invalid(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": _policy(target, count)})
    cluster.queue("source", fifo=True, RedrivePolicy=_policy(fifo))


@check
def redrive_allow_policy(cluster):
    """a queue for dead letters admits all, none, or up to ten"""
    sqs = cluster.node(2)
    dead = cluster.queue("dead", RedriveAllowPolicy='{"redrivePermission": "denyAll"}')
    target, url = _arn(sqs, dead), cluster.queue("source")
    policy = {"RedrivePolicy": _policy(target)}
    invalid(sqs.set_queue_attributes, QueueUrl=url, Attributes=policy)
    invalid(sqs.create_queue, QueueName=cluster.name("never"), Attributes=policy)
    some = {"redrivePermission": "byQueue", "sourceQueueArns": [_arn(sqs, url)]}
    _set(cluster.node(0), dead, RedriveAllowPolicy=json.dumps(some))
    equal(json.loads(_shown(cluster.node(1), dead, "RedriveAllowPolicy")), some, "policy")
    _set(cluster.node(1), url, **policy)
    invalid(sqs.create_queue, QueueName=cluster.name("never"), Attributes=policy)
    _set(cluster.node(1), dead, RedriveAllowPolicy="")
    cluster.queue("source", **policy)
    for bad in [
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "byQueue", "sourceQueueArns": [f"{target}{i}" for i in range(11)]},
        {"redrivePermission": "allowAll", "sourceQueueArns": [target]},
    ]:
        invalid(sqs.set_queue_attributes, QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(bad)})
    refused(
        "InvalidAttributeValue", sqs.set_queue_attributes, "InvalidAttributeValue",
        QueueUrl=dead, Attributes={"RedriveAllowPolicy": '{"redrivePermission": "some"}'},
    )


@check
def dead_letter_sources(cluster):
    """the queues whose dead letters go to a queue, in pages, as policies and queues come and go"""
    dead = cluster.queue("dead")
    target = _arn(cluster.node(0), dead)
    reply = cluster.node(1).list_dead_letter_source_queues(QueueUrl=dead)
    equal(reply["queueUrls"], [], "sources of a new queue")
    names = []
    for i in range(5):
        url = cluster.queue(f"source-{i}", RedrivePolicy=_policy(target))
        names.append(url.rsplit("/", 1)[1])

    def listed(node, **arguments):
        reply = cluster.node(node).list_dead_letter_source_queues(QueueUrl=dead, **arguments)
        return [url.rsplit("/", 1)[1] for url in reply["queueUrls"]], reply.get("NextToken")

    equal(listed(0), (names, None), "sources")
    first, token = listed(1, MaxResults=3)
    equal(first, names[:3], "first page")
    equal(listed(2, MaxResults=3, NextToken=token), (names[3:], None), "second page")
    pages = cluster.node(0).get_paginator("list_dead_letter_source_queues")
    pages = pages.paginate(QueueUrl=dead, PaginationConfig={"PageSize": 2})
    equal([len(page["queueUrls"]) for page in pages], [2, 2, 1], "sizes of pages")
    other = cluster.queue("other")
    invalid(cluster.node(1).list_dead_letter_source_queues, QueueUrl=other, MaxResults=3, NextToken=token)
    for arguments in [{"MaxResults": 0}, {"MaxResults": 1001}, {"NextToken": "made up"}]:
        invalid(cluster.node(1).list_dead_letter_source_queues, QueueUrl=dead, **arguments)

    base = dead.rsplit("/", 1)[0]
    _set(cluster.node(2), f"{base}/{names[0]}", RedrivePolicy="")
    cluster.node(0).delete_queue(QueueUrl=f"{base}/{names[1]}")
    _set(cluster.node(1), f"{base}/{names[2]}", RedrivePolicy=_policy(_arn(cluster.node(1), other)))
    equal(listed(1), (names[3:], None), "sources")
