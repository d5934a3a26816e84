"""Message move tasks: dead letters that go back to where they came from, or elsewhere."""

import base64
import json
import time

from cluster import check, equal, invalid, none, one, receive_exactly, refused

LIMIT_S = 60


def _arn(cluster, url):
    attributes = cluster.node(0).get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return attributes["Attributes"]["QueueArn"]


def _pair(cluster, stem, fifo=False, **attributes):
    """A queue, the one for its dead letters, and that one's ARN. One receive makes a dead letter."""
    dead = cluster.queue(f"{stem}-dead", fifo)
    arn = _arn(cluster, dead)
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    return cluster.queue(stem, fifo, RedrivePolicy=policy, **attributes), dead, arn


def _dead_letters(cluster, source, dead, bodies, **arguments):
    """Sends messages and lets them die; returns them as they are in the other queue, visible."""
    sqs = cluster.node(0)
    for body in bodies:
        sqs.send_message(QueueUrl=source, MessageBody=body, **arguments)
    receive_exactly(sqs, source, len(bodies), VisibilityTimeout=0)
    none(sqs, source)
    found = receive_exactly(cluster.node(1), dead, len(bodies))
    for message in found:
        sqs.change_message_visibility(
            QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    return found


def _tasks(cluster, arn, most=10):
    return cluster.node(2).list_message_move_tasks(SourceArn=arn, MaxResults=most).get("Results", [])


def _ended(cluster, arn):
    """The latest task, once it has ended."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        task = _tasks(cluster, arn, 1)[0]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            assert "TaskHandle" not in task, f"an ended task has a handle: {task}"
            return task
        assert time.monotonic() < deadline, f"no end of {task}"
        time.sleep(0.1)


@check
def dead_letters_go_back_as_new_messages(cluster):
    """without a destination they go to their source, with an id, times and counts of their own"""
    source, dead, arn = _pair(cluster, "back")
    died = _dead_letters(cluster, source, dead, ["a", "b", "c"])
    handle = cluster.node(1).start_message_move_task(SourceArn=arn)["TaskHandle"]
    equal(json.loads(base64.b64decode(handle))["sourceArn"], arn, "source in the handle")
    task = _ended(cluster, arn)
    equal(task["Status"], "COMPLETED", "status")
    equal(task["ApproximateNumberOfMessagesMoved"], 3, "moved")
    equal(task["ApproximateNumberOfMessagesToMove"], 3, "to move")
    equal(task["SourceArn"], arn, "source")
    assert "DestinationArn" not in task and "MaxNumberOfMessagesPerSecond" not in task, task
    back = receive_exactly(cluster.node(2), source, 3)
    equal(sorted(m["Body"] for m in back), ["a", "b", "c"], "bodies")
    assert not {m["MessageId"] for m in back} & {m["MessageId"] for m in died}, "an old id"
    for message in back:
        equal(message["Attributes"]["ApproximateReceiveCount"], "1", "receive count")
        assert "DeadLetterQueueSourceArn" not in message["Attributes"], message["Attributes"]
    sent = max(int(m["Attributes"]["SentTimestamp"]) for m in died)
    assert all(int(m["Attributes"]["SentTimestamp"]) > sent for m in back), "an old time"
    none(cluster.node(0), dead)


@check
def dead_letters_go_elsewhere(cluster):
    """with a destination all go there, those too that a client sent to the queue"""
    source, dead, arn = _pair(cluster, "elsewhere")
    other = cluster.queue("elsewhere-other")
    _dead_letters(cluster, source, dead, ["died"])
    colour = {"colour": {"DataType": "String", "StringValue": "green"}}
    cluster.node(0).send_message(QueueUrl=dead, MessageBody="sent", MessageAttributes=colour)
    sqs = cluster.node(1)
    sqs.start_message_move_task(
        SourceArn=arn, DestinationArn=_arn(cluster, other), MaxNumberOfMessagesPerSecond=500
    )
    task = _ended(cluster, arn)
    equal([task["Status"], task["ApproximateNumberOfMessagesMoved"]], ["COMPLETED", 2], "task")
    equal(task["DestinationArn"], _arn(cluster, other), "destination")
    equal(task["MaxNumberOfMessagesPerSecond"], 500, "rate")
    moved = receive_exactly(sqs, other, 2, MessageAttributeNames=["All"])
    equal(
        sorted((m["Body"], m.get("MessageAttributes") == colour) for m in moved),
        [("died", False), ("sent", True)],
        "messages",
    )
    none(sqs, source)


@check
def a_task_fails_without_a_source(cluster):
    """a message that was sent to the queue by a client has nowhere to go back to"""
    source, dead, arn = _pair(cluster, "homeless")
    cluster.node(0).send_message(QueueUrl=dead, MessageBody="sent here")
    cluster.node(1).start_message_move_task(SourceArn=arn)
    task = _ended(cluster, arn)
    equal(task["Status"], "FAILED", "status")
    equal(task["FailureReason"], "CouldNotDetermineMessageSource", "reason")
    equal(one(cluster.node(2), dead)["Body"], "sent here", "body")


@check
def a_task_fails_without_a_destination(cluster):
    """once the source is deleted, its dead letters stay"""
    source, dead, arn = _pair(cluster, "gone")
    _dead_letters(cluster, source, dead, ["stays"])
    # Somebody must have it for dead letters, or no task can start.
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    cluster.queue("gone-second", RedrivePolicy=policy)
    cluster.node(0).delete_queue(QueueUrl=source)
    cluster.node(1).start_message_move_task(SourceArn=arn)
    task = _ended(cluster, arn)
    equal(task["Status"], "FAILED", "status")
    equal(task["FailureReason"], "AWS.SimpleQueueService.NonExistentQueue", "reason")
    equal(one(cluster.node(2), dead)["Body"], "stays", "body")


@check
def a_task_can_be_slow_and_be_cancelled(cluster):
    """the rate holds, one task runs at a time, and what has not moved stays"""
    source, dead, arn = _pair(cluster, "slow")
    sqs = cluster.node(0)
    other = cluster.queue("slow-other")
    for n in range(10):
        sqs.send_message(QueueUrl=dead, MessageBody=str(n))
    arguments = {"SourceArn": arn, "DestinationArn": _arn(cluster, other)}
    handle = sqs.start_message_move_task(MaxNumberOfMessagesPerSecond=1, **arguments)["TaskHandle"]
    message = invalid(cluster.node(1).start_message_move_task, **arguments)
    assert "already a task running" in message, message
    running = _tasks(cluster, arn)[0]
    equal([running["Status"], running["TaskHandle"]], ["RUNNING", handle], "task")
    receive_exactly(sqs, other, 2, most=1)
    cancelled = cluster.node(1).cancel_message_move_task(TaskHandle=handle)
    assert cancelled["ApproximateNumberOfMessagesMoved"] < 10, cancelled
    task = _ended(cluster, arn)
    equal(task["Status"], "CANCELLED", "status")
    moved = task["ApproximateNumberOfMessagesMoved"]
    assert 2 <= moved < 10, f"{moved} messages moved"
    receive_exactly(sqs, dead, 10 - moved)
    none(sqs, dead)
    refused("AWS.SimpleQueueService.UnsupportedOperation", sqs.cancel_message_move_task, TaskHandle=handle)
    # The latest comes first.
    sqs.start_message_move_task(**arguments)
    _ended(cluster, arn)
    equal([task["Status"] for task in _tasks(cluster, arn)], ["COMPLETED", "CANCELLED"], "tasks")
    equal(len(sqs.list_message_move_tasks(SourceArn=arn)["Results"]), 1, "results unless more are asked for")


@check
def the_order_of_a_group_is_kept_by_moves(cluster):
    """FIFO: dead letters of a group go back in their order, and keep their group"""
    source, dead, arn = _pair(cluster, "moves-order", fifo=True, ContentBasedDeduplication="true")
    bodies = ["1", "2", "3", "4"]
    died = _dead_letters(cluster, source, dead, bodies, MessageGroupId="g")
    equal([m["Body"] for m in died], bodies, "bodies of dead letters")
    # SQS replaces the deduplication id of a FIFO queue's dead letter by the message's id.
    equal([m["Attributes"]["MessageDeduplicationId"] for m in died], [m["MessageId"] for m in died], "ids")
    cluster.node(2).start_message_move_task(SourceArn=arn)
    equal(_ended(cluster, arn)["Status"], "COMPLETED", "status")
    back = receive_exactly(cluster.node(1), source, 4)
    equal([m["Body"] for m in back], bodies, "bodies")
    equal({m["Attributes"]["MessageGroupId"] for m in back}, {"g"}, "groups")


@check
def what_cannot_be_moved(cluster):
    """sources that are for no dead letters, destinations that do not fit, and what does not exist"""
    source, dead, arn = _pair(cluster, "refused")
    sqs = cluster.node(0)
    start = sqs.start_message_move_task
    absent = arn.rsplit(":", 1)[0] + ":" + cluster.name("absent")
    missing = ("ResourceNotFoundException", 404)
    message = refused(missing[0], start, status=missing[1], SourceArn=absent)
    assert "SourceArn" in message, message
    message = refused(missing[0], start, status=missing[1], SourceArn=arn, DestinationArn=absent)
    assert "DestinationArn" in message, message
    refused(missing[0], sqs.list_message_move_tasks, status=missing[1], SourceArn=absent)
    message = invalid(start, SourceArn=_arn(cluster, source))
    equal(message, "Source queue must be configured as a Dead Letter Queue.", "message")
    invalid(start, SourceArn=arn, DestinationArn=arn)
    fifo = cluster.queue("refused", fifo=True)
    invalid(start, SourceArn=arn, DestinationArn=_arn(cluster, fifo))
    invalid(start, SourceArn=arn, MaxNumberOfMessagesPerSecond=501)
    invalid(sqs.cancel_message_move_task, TaskHandle="nonsense")
    document = {"taskId": "01234567-89ab-4def-8123-456789abcdef", "sourceArn": arn}
    handle = base64.b64encode(json.dumps(document).encode()).decode()
    refused(missing[0], sqs.cancel_message_move_task, status=missing[1], TaskHandle=handle)
    equal(_tasks(cluster, arn), [], "tasks")
