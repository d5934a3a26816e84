"""Receipt handles: which ones delete and change what."""

from cluster import check, equal, invalid, none, one, refused


@check
def nonsense_is_refused(cluster):
    """what is no receipt handle is refused"""
    url, sqs = cluster.queue("nonsense"), cluster.node(0)
    for handle in ["nonsense", "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a=="]:
        for call, more in [
            (sqs.delete_message, {}),
            (sqs.change_message_visibility, {"VisibilityTimeout": 0}),
        ]:
            message = refused(
                "ReceiptHandleIsInvalid", call, "ReceiptHandleIsInvalid",
                QueueUrl=url, ReceiptHandle=handle, **more,
            )
            assert "receipt handle" in message, message


@check
def delete_twice(cluster):
    """deleting once more succeeds"""
    url = cluster.queue("twice")
    cluster.node(0).send_message(QueueUrl=url, MessageBody="m")
    handle = one(cluster.node(1), url)["ReceiptHandle"]
    for n in range(3):
        cluster.node(n).delete_message(QueueUrl=url, ReceiptHandle=handle)


@check
def an_old_handle_deletes(cluster):
    """on a standard queue an older delivery's handle still deletes"""
    url, sqs = cluster.queue("old"), cluster.node(1)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    old = one(sqs, url, VisibilityTimeout=0)["ReceiptHandle"]
    one(sqs, url, VisibilityTimeout=1)
    cluster.node(2).delete_message(QueueUrl=url, ReceiptHandle=old)
    none(sqs, url, wait=3)


@check
def an_expired_fifo_handle(cluster):
    """on a FIFO queue a handle is of no use once its timeout has passed"""
    url, sqs = cluster.queue("expired", fifo=True, ContentBasedDeduplication="true"), cluster.node(1)
    sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g")
    old = one(sqs, url, VisibilityTimeout=1)["ReceiptHandle"]
    new = one(sqs, url, wait=5)["ReceiptHandle"]
    message = invalid(cluster.node(2).delete_message, QueueUrl=url, ReceiptHandle=old)
    assert "The receipt handle has expired" in message, message
    sqs.delete_message(QueueUrl=url, ReceiptHandle=new)


@check
def change_what_is_not_in_flight(cluster):
    """only a message in flight has a timeout to change"""
    url, sqs = cluster.queue("not-in-flight"), cluster.node(0)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    handle = one(sqs, url)["ReceiptHandle"]
    change = {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 10}
    sqs.change_message_visibility(**{**change, "VisibilityTimeout": 0})
    refused(
        "AWS.SimpleQueueService.MessageNotInflight", cluster.node(1).change_message_visibility,
        "MessageNotInflight", **change,
    )
    handle = one(sqs, url)["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    invalid(sqs.change_message_visibility, **{**change, "ReceiptHandle": handle})


@check
def twelve_hours_at_most(cluster):
    """no message is hidden for more than twelve hours since it was received"""
    url, sqs = cluster.queue("twelve"), cluster.node(0)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    message = one(sqs, url, VisibilityTimeout=5)
    change = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    none(sqs, url)
    # By now some of the twelve hours is spent, so that all of them once more is too much.
    invalid(sqs.change_message_visibility, VisibilityTimeout=43200, **change)
    equal(one(sqs, url, wait=10)["MessageId"], message["MessageId"], "message id")
