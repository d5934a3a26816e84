"""FIFO queues: order, locks, deduplication."""

import concurrent.futures
import hashlib
import time

from cluster import check, equal, invalid, none, one, receive, receive_exactly, refused


def _send(sqs, url, body, group="g", **more):
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)


def _bodies(messages):
    return [message["Body"] for message in messages]


def _delete(sqs, url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@check
def order_and_sequence(cluster):
    """a group keeps its order over all nodes, and sequence numbers rise"""
    url = cluster.queue("order", fifo=True, ContentBasedDeduplication="true")
    replies = [_send(cluster.node(i), url, str(i)) for i in range(12)]
    numbers = [reply["SequenceNumber"] for reply in replies]
    assert all(len(number) == 20 and number.isdigit() for number in numbers), numbers
    equal(numbers, sorted(set(numbers)), "sequence numbers")
    found = []
    while len(found) < 12:
        for message in receive_exactly(cluster.node(len(found)), url, 1, most=1):
            found.append(message)
            _delete(cluster.node(len(found) + 1), url, message)
    equal(_bodies(found), [str(i) for i in range(12)], "bodies")
    equal([m["Attributes"]["SequenceNumber"] for m in found], numbers, "sequence numbers")


@check
def attributes_of_a_message(cluster):
    """group, deduplication id and sequence number come back"""
    url = cluster.queue("shown", fifo=True, ContentBasedDeduplication="true")
    sqs = cluster.node(0)
    sent = _send(sqs, url, "content")
    system = one(cluster.node(1), url)["Attributes"]
    equal(system["MessageGroupId"], "g", "group")
    equal(system["SequenceNumber"], sent["SequenceNumber"], "sequence number")
    equal(system["MessageDeduplicationId"], hashlib.sha256(b"content").hexdigest(), "deduplication id")
    _send(sqs, url, "explicit", group="h", MessageDeduplicationId="mine")
    equal(one(sqs, url)["Attributes"]["MessageDeduplicationId"], "mine", "deduplication id")


@check
def a_group_is_locked(cluster):
    """while a message is in flight, its group waits and other groups do not"""
    url = cluster.queue("lock", fifo=True, ContentBasedDeduplication="true")
    for body in ["a1", "a2", "b1"]:
        _send(cluster.node(0), url, body, group=body[0])
    first = one(cluster.node(1), url, most=1)
    equal(first["Body"], "a1", "body")
    equal(_bodies(receive(cluster.node(2), url)), ["b1"], "bodies of other groups")
    none(cluster.node(0), url)
    _delete(cluster.node(1), url, first)
    equal(_bodies(receive(cluster.node(2), url)), ["a2"], "bodies after the delete")


@check
def a_lock_ends_with_the_timeout(cluster):
    """an undeleted message comes back first, before what was behind it"""
    url = cluster.queue("timeout", fifo=True, ContentBasedDeduplication="true")
    for body in ["1", "2", "3"]:
        _send(cluster.node(0), url, body)
    both = receive(cluster.node(1), url, most=2, VisibilityTimeout=2)
    equal(_bodies(both), ["1", "2"], "bodies")
    none(cluster.node(2), url)
    again = receive(cluster.node(2), url, wait=10)
    equal(_bodies(again), ["1", "2", "3"], "bodies after the timeout")


@check
def a_lock_outlasts_part_of_a_reply(cluster):
    """as long as one message of a reply is in flight, the group waits"""
    url = cluster.queue("partly", fifo=True, ContentBasedDeduplication="true")
    for body in ["1", "2", "3"]:
        _send(cluster.node(0), url, body)
    both = receive(cluster.node(1), url, most=2)
    equal(_bodies(both), ["1", "2"], "bodies")
    _delete(cluster.node(1), url, both[0])
    none(cluster.node(2), url)
    _delete(cluster.node(0), url, both[1])
    equal(_bodies(receive(cluster.node(2), url)), ["3"], "bodies")


@check
def visibility_zero_frees_the_group(cluster):
    """giving a message back makes it the next one again"""
    url = cluster.queue("back", fifo=True, ContentBasedDeduplication="true")
    for body in ["1", "2"]:
        _send(cluster.node(0), url, body)
    first = one(cluster.node(1), url, most=1)
    cluster.node(2).change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    equal(_bodies(receive(cluster.node(0), url)), ["1", "2"], "bodies")


@check
def an_attempt_is_made_again(cluster):
    """a receive under the same attempt id gives the same messages and handles, and their timeout starts anew"""
    url = cluster.queue("attempt", fifo=True, ContentBasedDeduplication="true")
    for body in ["1", "2", "3"]:
        _send(cluster.node(0), url, body)
    again = {"most": 2, "wait": 20, "VisibilityTimeout": 3, "ReceiveRequestAttemptId": "one"}
    first = receive(cluster.node(1), url, **again)
    equal(_bodies(first), ["1", "2"], "bodies")
    began = time.monotonic()
    while time.monotonic() - began < 4:
        # The group is locked: without the id nothing is there, and with it nobody waits.
        none(cluster.node(2), url)
        asked = time.monotonic()
        equal(receive(cluster.node(2), url, **again), first, "messages")
        assert time.monotonic() - asked < 2, "a known attempt waited"
        time.sleep(0.5)
    for message in first:
        _delete(cluster.node(0), url, message)
    message = invalid(cluster.node(1).receive_message, QueueUrl=url, ReceiveRequestAttemptId="one")
    equal(
        message,
        "Value one for parameter ReceiveRequestAttemptId is invalid. "
        "Reason: The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.",
        "message",
    )
    equal(_bodies(receive(cluster.node(2), url, ReceiveRequestAttemptId="two")), ["3"], "bodies")


@check
def an_attempt_ends_with_a_change(cluster):
    """an attempt cannot be made again once the visibility of a message was changed"""
    url, sqs = cluster.queue("changed", fifo=True, ContentBasedDeduplication="true"), cluster.node(0)
    _send(sqs, url, "1")
    handle = one(sqs, url, ReceiveRequestAttemptId="one")["ReceiptHandle"]
    cluster.node(1).change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=20)
    invalid(cluster.node(2).receive_message, QueueUrl=url, ReceiveRequestAttemptId="one")


@check
def attempt_ids_are_checked(cluster):
    """an attempt id has the characters of other ids; on a standard queue it means nothing"""
    url, sqs = cluster.queue("ids", fifo=True), cluster.node(0)
    for bad in ["", "sp ace", "\u00e9", "x" * 129]:
        invalid(sqs.receive_message, QueueUrl=url, ReceiveRequestAttemptId=bad)
    sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="!~" * 64)
    url = cluster.queue("ids")
    for body in ["1", "2"]:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    found = [one(sqs, url, most=1, ReceiveRequestAttemptId="one")["Body"] for _ in range(2)]
    equal(sorted(found), ["1", "2"], "bodies")


@check
def explicit_deduplication(cluster):
    """the same id is the same message, whatever its body and group, also once it is deleted"""
    url = cluster.queue("dedup", fifo=True)
    first = _send(cluster.node(0), url, "body", MessageDeduplicationId="d")
    same = _send(cluster.node(1), url, "other body", group="other", MessageDeduplicationId="d")
    for key in ["MessageId", "SequenceNumber"]:
        equal(same[key], first[key], key)
    _delete(cluster.node(2), url, one(cluster.node(2), url))
    late = _send(cluster.node(2), url, "body", MessageDeduplicationId="d")
    equal(late["MessageId"], first["MessageId"], "message id after the delete")
    none(cluster.node(0), url, wait=1)
    other = _send(cluster.node(0), url, "body", MessageDeduplicationId="e")
    assert other["MessageId"] != first["MessageId"], "another id is another message"


@check
def content_based_deduplication(cluster):
    """the same body is the same message, unless an explicit id says otherwise"""
    url = cluster.queue("content", fifo=True, ContentBasedDeduplication="true")
    first = _send(cluster.node(0), url, "body")
    again = _send(cluster.node(1), url, "body", MessageAttributes={"a": {"DataType": "String", "StringValue": "v"}})
    equal(again["MessageId"], first["MessageId"], "message id; attributes do not count")
    explicit = _send(cluster.node(2), url, "body", MessageDeduplicationId="own")
    assert explicit["MessageId"] != first["MessageId"], "an explicit id wins"
    equal(_bodies(receive_exactly(cluster.node(0), url, 2)), ["body", "body"], "bodies")


@check
def deduplication_by_group(cluster):
    """with DeduplicationScope=messageGroup an id counts within its group only"""
    url = cluster.queue(
        "scope", fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId"
    )
    ids = [
        _send(cluster.node(i), url, "body", group=group, MessageDeduplicationId="d")["MessageId"]
        for i, group in enumerate(["a", "b", "a"])
    ]
    equal((ids[0] == ids[2], ids[0] == ids[1]), (True, False), "same group, other group")


@check
def purge_forgets_ids(cluster):
    """after a purge, an id may be used again"""
    url = cluster.queue("forget", fifo=True)
    first = _send(cluster.node(0), url, "body", MessageDeduplicationId="d")
    cluster.node(1).purge_queue(QueueUrl=url)
    again = _send(cluster.node(2), url, "body", MessageDeduplicationId="d")
    assert again["MessageId"] != first["MessageId"], "the purge has kept the id"
    equal(one(cluster.node(0), url)["MessageId"], again["MessageId"], "message id")


@check
def fifo_sends_are_checked(cluster):
    """group and deduplication id are needed and well formed; a message has no delay of its own"""
    url, sqs = cluster.queue("sends", fifo=True), cluster.node(0)
    message = refused(
        "MissingParameter", sqs.send_message, "MissingRequiredParameterException",
        QueueUrl=url, MessageBody="m", MessageDeduplicationId="d",
    )
    equal(message, "The request must contain the parameter MessageGroupId.", "message")
    message = invalid(sqs.send_message, QueueUrl=url, MessageBody="m", MessageGroupId="g")
    equal(
        message,
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        "message",
    )
    good = {"QueueUrl": url, "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for bad in [
        {"DelaySeconds": 2},
        {"MessageGroupId": "sp ace"},
        {"MessageGroupId": "x" * 129},
        {"MessageDeduplicationId": "sp ace"},
        {"MessageDeduplicationId": "x" * 129},
    ]:
        invalid(sqs.send_message, **{**good, **bad})
    sqs.send_message(**good, DelaySeconds=0)


@check
def throughput_needs_scope(cluster):
    """FifoThroughputLimit=perMessageGroupId demands DeduplicationScope=messageGroup"""
    url, sqs = cluster.queue("limit", fifo=True), cluster.node(0)
    limit, scope = {"FifoThroughputLimit": "perMessageGroupId"}, {"DeduplicationScope": "messageGroup"}
    # The reference demands it and leaves the code open between these two.
    refused(("InvalidAttributeValue", "InvalidParameterValue"), sqs.set_queue_attributes, QueueUrl=url, Attributes=limit)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={**limit, **scope})


@check
def a_fifo_queues_delay_is_retroactive(cluster):
    """another DelaySeconds counts for messages that are there already, and wakes who waits for them"""
    url, sqs = cluster.queue("retroactive", fifo=True, DelaySeconds="900"), cluster.node(0)
    _send(sqs, url, "late", MessageDeduplicationId="d")
    none(cluster.node(1), url)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(one, cluster.node(1), url, wait=20)
        cluster.node(2).set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
        equal(waiting.result()["Body"], "late", "body")
