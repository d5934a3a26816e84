"""FIFO queues of high throughput: their message groups are spread over partitions, and nobody notices."""

import collections
import json

from cluster import check, equal, none, receive_exactly, refused

GROUPS = [f"customer-{number}" for number in range(12)]


def _queue(cluster, stem, **attributes):
    attributes |= {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    return cluster.queue(stem, fifo=True, **attributes)


def _batch(sqs, url, pairs):
    """Sends messages of (group, body) in one batch; its results by body."""
    entries = [
        {"Id": str(n), "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body}
        for n, (group, body) in enumerate(pairs)
    ]
    reply = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert "Failed" not in reply, reply["Failed"]
    equal([done["Id"] for done in reply["Successful"]], [entry["Id"] for entry in entries], "ids")
    return {pairs[int(done["Id"])][1]: done for done in reply["Successful"]}


def _arn(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _look_at(sqs, url, count):
    """Receives so many messages, each once, and gives them back."""
    found = receive_exactly(sqs, url, count)
    # From behind: what is first in its group again is not taken before what is behind it.
    for message in reversed(found):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return found


def _take_all(cluster, url, count):
    """Receives and deletes, at one node after the other; bodies and sequence numbers by group, in the order in which they came."""
    found = collections.defaultdict(list)
    taken = 0
    while taken < count:
        for message in receive_exactly(cluster.node(taken), url, 1, most=1):
            system = message["Attributes"]
            found[system["MessageGroupId"]].append((message["Body"], system["SequenceNumber"]))
            cluster.node(taken + 1).delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken += 1
    none(cluster.node(0), url)
    return found


@check
def groups_keep_their_order(cluster):
    """each group has its order, and sequence numbers that rise; no two messages of the queue have the same"""
    url, sent = _queue(cluster, "spread"), {}
    for turn in range(3):
        for first in range(0, len(GROUPS), 6):
            pairs = [(group, f"{group}/{turn}") for group in GROUPS[first : first + 6]]
            sent |= _batch(cluster.node(turn), url, pairs)
    numbers = [done["SequenceNumber"] for done in sent.values()]
    equal(len(set(numbers)), len(numbers), "different sequence numbers")
    found = _take_all(cluster, url, len(sent))
    for group in GROUPS:
        equal([body for body, _ in found[group]], [f"{group}/{turn}" for turn in range(3)], group)
        shown = [number for _, number in found[group]]
        equal(shown, sorted(shown), "order of sequence numbers")
        equal(shown, [sent[body]["SequenceNumber"] for body, _ in found[group]], "sequence numbers")


@check
def repetitions_are_known_by_group(cluster):
    """the same id in the same group is the same message, also within a batch, and another one in another group"""
    url, sqs = _queue(cluster, "known"), cluster.node(0)
    entries = [
        {"Id": str(n), "MessageBody": "b", "MessageGroupId": group, "MessageDeduplicationId": "same"}
        for n, group in enumerate(["a", "b", "a", "c", "b"])
    ]
    done = sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    ids = [entry["MessageId"] for entry in done]
    equal([ids[2], ids[4]], ids[:2], "message ids of repetitions")
    equal(len(set(ids)), 3, "messages")
    again = cluster.node(1).send_message(
        QueueUrl=url, MessageBody="other", MessageGroupId="c", MessageDeduplicationId="same"
    )
    equal(again["MessageId"], ids[3], "message id")
    equal(len(receive_exactly(cluster.node(2), url, 3)), 3, "messages")


@check
def an_attempt_is_found_again(cluster):
    """a receive under the same attempt id gives the same messages, whichever partition they came from"""
    url = _queue(cluster, "attempts")
    for group in GROUPS[:6]:
        _batch(cluster.node(0), url, [(group, f"{group}/1")])
    attempts = [
        cluster.node(n).receive_message(
            QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=5, ReceiveRequestAttemptId=f"attempt-{n}"
        )["Messages"]
        for n in range(6)
    ]
    equal(len({messages[0]["MessageId"] for messages in attempts}), 6, "messages")
    for n, messages in enumerate(attempts):
        again = cluster.node(n + 1).receive_message(
            QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=5, ReceiveRequestAttemptId=f"attempt-{n}"
        )["Messages"]
        equal(again, messages, "messages")


@check
def dead_letters_keep_their_order(cluster):
    """from a queue of high throughput to another one and back: each group has its order there, too"""
    sqs = cluster.node(0)
    dead = _queue(cluster, "dead")
    policy = json.dumps({"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": 1})
    url = _queue(cluster, "dying", RedrivePolicy=policy)
    groups = GROUPS[:5]
    for turn in range(2):
        _batch(sqs, url, [(group, f"{group}/{turn}") for group in groups])
    _look_at(sqs, url, 10)
    none(sqs, url)
    expected = {group: [f"{group}/{turn}" for turn in range(2)] for group in groups}
    found = _look_at(cluster.node(1), dead, 10)
    bodies = collections.defaultdict(list)
    for message in found:
        bodies[message["Attributes"]["MessageGroupId"]].append(message["Body"])
    equal(dict(bodies), expected, "dead letters")
    sqs.start_message_move_task(SourceArn=_arn(sqs, dead))
    back = _take_all(cluster, url, 10)
    equal({group: [body for body, _ in back[group]] for group in groups}, expected, "what came back")


@check
def the_scope_stays(cluster):
    """a queue that was made for high throughput may get the limit of a queue, but not a wider scope of deduplication"""
    url, sqs = _queue(cluster, "scope"), cluster.node(0)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoThroughputLimit": "perQueue"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoThroughputLimit": "perMessageGroupId"})
    refused(
        "InvalidAttributeValue",
        cluster.node(1).set_queue_attributes,
        QueueUrl=url,
        Attributes={"FifoThroughputLimit": "perQueue", "DeduplicationScope": "queue"},
    )


@check
def a_purge_concerns_all_groups(cluster):
    """counts are of all partitions, and so is a purge"""
    url, sqs = _queue(cluster, "purged"), cluster.node(0)
    for first in range(0, len(GROUPS), 6):
        _batch(sqs, url, [(group, group) for group in GROUPS[first : first + 6]])
    name = "ApproximateNumberOfMessages"
    count = lambda node: node.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    equal(count(cluster.node(1)), str(len(GROUPS)), "messages")
    cluster.node(2).purge_queue(QueueUrl=url)
    equal(count(sqs), "0", "messages")
    # Ids are forgotten as well.
    _batch(sqs, url, [(group, group) for group in GROUPS[:6]])
    equal(len(receive_exactly(sqs, url, 6)), 6, "messages")
