"""When messages are visible: timeouts, delays, long polls."""

import threading
import time

from cluster import check, equal, invalid, none, one, receive, receive_exactly


@check
def visibility_expires(cluster):
    """a received message is hidden, and comes back when its timeout has passed"""
    url = cluster.queue("expires", VisibilityTimeout="2")
    cluster.node(0).send_message(QueueUrl=url, MessageBody="m")
    began = time.monotonic()
    first = one(cluster.node(1), url)
    none(cluster.node(2), url)
    second = one(cluster.node(0), url, wait=10)
    waited = time.monotonic() - began
    assert 1.9 <= waited <= 5, f"came back after {waited:.2f} s"
    equal(second["MessageId"], first["MessageId"], "message id")
    equal(second["Attributes"]["ApproximateReceiveCount"], "2", "receive count")
    assert second["ReceiptHandle"] != first["ReceiptHandle"], "a receipt handle is of one delivery"
    key = "ApproximateFirstReceiveTimestamp"
    equal(second["Attributes"][key], first["Attributes"][key], key)


@check
def visibility_of_one_receive(cluster):
    """the receive's own timeout wins; zero leaves the message visible and counts"""
    url, sqs = cluster.queue("own"), cluster.node(1)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    for count in ["1", "2"]:
        equal(one(sqs, url, VisibilityTimeout=0)["Attributes"]["ApproximateReceiveCount"], count, "count")
    one(sqs, url, VisibilityTimeout=1)
    none(sqs, url)
    one(cluster.node(2), url, wait=5)


@check
def visibility_is_changed(cluster):
    """a timeout can be cut to zero and made longer, through any node"""
    url = cluster.queue("change", VisibilityTimeout="2")
    cluster.node(0).send_message(QueueUrl=url, MessageBody="m")
    first = one(cluster.node(0), url)
    change = lambda n, message, seconds: cluster.node(n).change_message_visibility(  # noqa: E731
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
    )
    change(1, first, 0)
    second = one(cluster.node(2), url, wait=0)
    began = time.monotonic()
    change(0, second, 5)
    one(cluster.node(1), url, wait=10)
    waited = time.monotonic() - began
    assert 4.9 <= waited <= 8, f"came back after {waited:.2f} s, not 5"


@check
def delay_of_one_message(cluster):
    """a delayed message shows itself when its delay ends, to a poll that waits already"""
    url = cluster.queue("delay")
    began = time.monotonic()
    cluster.node(0).send_message(QueueUrl=url, MessageBody="late", DelaySeconds=2)
    cluster.node(0).send_message(QueueUrl=url, MessageBody="soon")
    equal(one(cluster.node(1), url)["Body"], "soon", "body")
    equal(one(cluster.node(1), url, wait=10)["Body"], "late", "body")
    waited = time.monotonic() - began
    assert 1.9 <= waited <= 5, f"came after {waited:.2f} s"


@check
def delay_of_the_queue(cluster):
    """a queue's delay holds unless the message has its own, zero included"""
    url, sqs = cluster.queue("delayed", DelaySeconds="2"), cluster.node(1)
    began = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="queue")
    sqs.send_message(QueueUrl=url, MessageBody="own", DelaySeconds=0)
    equal(one(sqs, url, wait=0)["Body"], "own", "body")
    equal(one(sqs, url, wait=10)["Body"], "queue", "body")
    waited = time.monotonic() - began
    assert 1.9 <= waited <= 5, f"came after {waited:.2f} s"


@check
def numbers_have_ranges(cluster):
    """numbers outside of the documented ranges are refused"""
    url, sqs = cluster.queue("numbers"), cluster.node(0)
    for most in [0, 11, -1]:
        message = invalid(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=most)
        equal(
            message,
            f"Value {most} for parameter MaxNumberOfMessages is invalid. "
            "Reason: Must be between 1 and 10, if provided.",
            "message",
        )
    for wait in [-1, 21]:
        invalid(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=wait)
    for timeout in [-1, 43201]:
        invalid(sqs.receive_message, QueueUrl=url, VisibilityTimeout=timeout)
    for delay in [-1, 901]:
        invalid(sqs.send_message, QueueUrl=url, MessageBody="m", DelaySeconds=delay)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    handle = one(sqs, url)["ReceiptHandle"]
    for timeout in [-1, 43201]:
        invalid(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=timeout)


@check
def ten_at_most(cluster):
    """a receive returns one message by default, ten at most, and each only once"""
    url = cluster.queue("ten")
    for i in range(15):
        cluster.node(i).send_message(QueueUrl=url, MessageBody=str(i))
    sqs = cluster.node(1)
    first = sqs.receive_message(QueueUrl=url)["Messages"]
    equal(len(first), 1, "messages by default")
    some = receive(sqs, url, most=10)
    assert 1 <= len(some) <= 10, len(some)
    rest = receive_exactly(sqs, url, 14 - len(some)) if len(some) < 14 else []
    equal(sorted(int(m["Body"]) for m in first + some + rest), list(range(15)), "bodies")
    none(sqs, url)


@check
def a_poll_waits(cluster):
    """an empty poll lasts as long as asked; zero overrides the queue's own wait"""
    url, sqs = cluster.queue("wait", ReceiveMessageWaitTimeSeconds="2"), cluster.node(1)
    for wait, least, most in [({}, 1.9, 4), ({"WaitTimeSeconds": 0}, 0, 1), ({"WaitTimeSeconds": 1}, 0.9, 3)]:
        began = time.monotonic()
        equal(sqs.receive_message(QueueUrl=url, **wait).get("Messages"), None, "messages")
        waited = time.monotonic() - began
        assert least <= waited <= most, f"{wait}: waited {waited:.2f} s"


@check
def a_poll_is_woken_from_another_node(cluster):
    """polls on two nodes each get one of two messages that a third node takes"""
    url = cluster.queue("wake")
    found = []

    def poll(n):
        messages = receive(cluster.node(n), url, most=1, wait=20)
        found.extend((m["Body"], time.monotonic()) for m in messages)

    polls = [threading.Thread(target=poll, args=[n]) for n in (1, 2)]
    for thread in polls:
        thread.start()
    # Both polls last: nothing is there.
    polls[0].join(timeout=1.0)
    assert all(thread.is_alive() for thread in polls), "a poll of an empty queue ended early"
    sent = time.monotonic()
    for body in ["one", "two"]:
        cluster.node(0).send_message(QueueUrl=url, MessageBody=body)
    for thread in polls:
        thread.join(timeout=30)
    equal(sorted(body for body, _ in found), ["one", "two"], "bodies")
    slowest = max(at for _, at in found) - sent
    assert slowest < 3, f"woken only after {slowest:.2f} s"


@check
def a_poll_is_woken_by_visibility(cluster):
    """a poll wakes when somebody makes a message visible again"""
    url = cluster.queue("rewake", VisibilityTimeout="60")
    cluster.node(0).send_message(QueueUrl=url, MessageBody="m")
    handle = one(cluster.node(0), url)["ReceiptHandle"]
    found = []
    poll = threading.Thread(target=lambda: found.extend(receive(cluster.node(1), url, wait=20)))
    began = time.monotonic()
    poll.start()
    poll.join(timeout=0.5)
    assert poll.is_alive(), "a poll of an empty queue ended early"
    cluster.node(2).change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    poll.join(timeout=30)
    equal([m["Body"] for m in found], ["m"], "bodies")
    assert time.monotonic() - began < 5, "woken too late"

