"""Dead-letter queues: messages that were received often enough move, once, with all that they are."""

import json

from cluster import check, equal, none, one, receive, receive_exactly


def _pair(cluster, stem, fifo=False, receives=2, **attributes):
    """A queue and the one for its dead letters."""
    dead = cluster.queue(f"{stem}-dead", fifo)
    arn = cluster.node(0).get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    arn = arn["Attributes"]["QueueArn"]
    policy = {"deadLetterTargetArn": arn, "maxReceiveCount": receives}
    source = cluster.queue(stem, fifo, RedrivePolicy=json.dumps(policy), **attributes)
    return source, dead


def _counts(sqs, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return [int(attributes[name]) for name in names]


@check
def a_message_moves_with_all_that_it_is(cluster):
    """after maxReceiveCount receives it is in the other queue, with its id, times and attributes"""
    source, dead = _pair(cluster, "moves")
    sqs = cluster.node(0)
    colour = {"colour": {"DataType": "String", "StringValue": "green"}}
    sent = sqs.send_message(QueueUrl=source, MessageBody="poison", MessageAttributes=colour)
    tries = [one(cluster.node(i), source, VisibilityTimeout=0) for i in range(2)]
    equal([m["Attributes"]["ApproximateReceiveCount"] for m in tries], ["1", "2"], "counts")
    none(cluster.node(2), source)
    found = one(cluster.node(1), dead, MessageAttributeNames=["All"])
    equal(found["MessageId"], sent["MessageId"], "message id")
    equal(found["Body"], "poison", "body")
    equal(found["MessageAttributes"], colour, "message attributes")
    system = found["Attributes"]
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId"]:
        equal(system[name], tries[0]["Attributes"][name], name)
    equal(system["ApproximateReceiveCount"], "3", "receive count over both queues")
    arn = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])
    equal(system["DeadLetterQueueSourceArn"], arn["Attributes"]["QueueArn"], "source")
    equal(_counts(sqs, source), [0, 0], "counts of the source")
    equal(_counts(sqs, dead), [0, 1], "counts of the dead-letter queue")


@check
def others_are_received_in_its_place(cluster):
    """a receive that comes upon dead letters gives what is behind them"""
    source, dead = _pair(cluster, "behind", receives=1)
    sqs = cluster.node(0)
    for body in ["a", "b"]:
        sqs.send_message(QueueUrl=source, MessageBody=body)
    receive_exactly(sqs, source, 2, VisibilityTimeout=0)
    sqs.send_message(QueueUrl=source, MessageBody="c")
    equal(one(cluster.node(1), source, most=1)["Body"], "c", "body")
    # Had the queue several partitions, the receive might have come upon one of them only; this one comes upon all.
    none(cluster.node(0), source)
    moved = receive_exactly(cluster.node(2), dead, 2)
    equal(sorted(message["Body"] for message in moved), ["a", "b"], "bodies")


@check
def the_order_of_a_group_is_kept(cluster):
    """FIFO to FIFO: dead letters of a group keep their order, and the group goes on without them"""
    source, dead = _pair(cluster, "order", fifo=True, receives=1, ContentBasedDeduplication="true")
    sqs = cluster.node(0)
    for body in ["1", "2", "3", "4"]:
        sqs.send_message(QueueUrl=source, MessageBody=body, MessageGroupId="g")
    equal(len(receive(sqs, source, most=3, VisibilityTimeout=0)), 3, "messages")
    equal(one(cluster.node(1), source)["Body"], "4", "body")
    moved = receive_exactly(cluster.node(2), dead, 3)
    equal([message["Body"] for message in moved], ["1", "2", "3"], "bodies")
    equal({message["Attributes"]["MessageGroupId"] for message in moved}, {"g"}, "groups")


@check
def a_long_poll_waits_past_dead_letters(cluster):
    """a waiting receive is not woken for good by a message that moves"""
    source, dead = _pair(cluster, "poll", receives=1)
    cluster.node(0).send_message(QueueUrl=source, MessageBody="poison")
    one(cluster.node(0), source, VisibilityTimeout=0)
    none(cluster.node(1), source, wait=2)
    equal(one(cluster.node(2), dead)["Body"], "poison", "body")


@check
def without_the_other_queue_nothing_moves(cluster):
    """once the dead-letter queue is deleted, messages stay and are received on"""
    source, dead = _pair(cluster, "stays", receives=1)
    sqs = cluster.node(0)
    sqs.send_message(QueueUrl=source, MessageBody="poison")
    one(sqs, source, VisibilityTimeout=0)
    sqs.delete_queue(QueueUrl=dead)
    for count in ["2", "3"]:
        found = one(sqs, source, VisibilityTimeout=0)
        equal(found["Attributes"]["ApproximateReceiveCount"], count, "receive count")
