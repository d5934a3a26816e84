"""Batches: ten entries, each with a fate of its own."""

from checks.messages import ATTRIBUTES
from cluster import check, equal, invalid, none, receive_exactly, refused
from digest import digest

ERROR = "AWS.SimpleQueueService."


def _send(sqs, url, entries):
    return sqs.send_message_batch(QueueUrl=url, Entries=entries)


def _ids(entries):
    return [entry["Id"] for entry in entries]


@check
def send_batch(cluster):
    """ten messages at once, each with its id, digests and delay"""
    url = cluster.queue("batch")
    entries = [{"Id": f"e-{i}", "MessageBody": f"body {i}"} for i in range(10)]
    entries[3]["MessageAttributes"] = ATTRIBUTES
    entries[7]["DelaySeconds"] = 2
    reply = _send(cluster.node(0), url, entries)
    assert not reply.get("Failed"), reply
    equal(_ids(reply["Successful"]), _ids(entries), "ids")
    equal(len({e["MessageId"] for e in reply["Successful"]}), 10, "message ids")
    equal(reply["Successful"][3]["MD5OfMessageAttributes"], digest(ATTRIBUTES), "digest")
    messages = receive_exactly(cluster.node(1), url, 10)
    equal({m["Body"] for m in messages}, {e["MessageBody"] for e in entries}, "bodies")
    equal(messages[-1]["Body"], "body 7", "the delayed one")


@check
def send_batch_in_part(cluster):
    """bad entries fail alone"""
    url = cluster.queue("part")
    entries = [
        {"Id": "good", "MessageBody": "good"},
        {"Id": "late", "MessageBody": "late", "DelaySeconds": 901},
        {"Id": "contents", "MessageBody": "\x07"},
        {"Id": "fine", "MessageBody": "fine"},
    ]
    reply = _send(cluster.node(0), url, entries)
    equal(_ids(reply["Successful"]), ["good", "fine"], "successful")
    failed = {e["Id"]: (e["Code"], e["SenderFault"]) for e in reply["Failed"]}
    expected = {"late": ("InvalidParameterValue", True), "contents": ("InvalidMessageContents", True)}
    equal(failed, expected, "failed")
    assert all(entry["Message"] for entry in reply["Failed"]), reply["Failed"]
    equal({m["Body"] for m in receive_exactly(cluster.node(1), url, 2)}, {"good", "fine"}, "bodies")


@check
def delete_batch_in_part(cluster):
    """bad handles fail alone, good ones delete"""
    url, sqs = cluster.queue("delete-part", VisibilityTimeout="2"), cluster.node(1)
    _send(sqs, url, [{"Id": str(i), "MessageBody": str(i)} for i in range(3)])
    handles = [m["ReceiptHandle"] for m in receive_exactly(sqs, url, 3)]
    entries = [{"Id": f"d{i}", "ReceiptHandle": handle} for i, handle in enumerate(handles)]
    entries.insert(1, {"Id": "bad", "ReceiptHandle": "nonsense"})
    reply = cluster.node(2).delete_message_batch(QueueUrl=url, Entries=entries)
    equal(_ids(reply["Successful"]), ["d0", "d1", "d2"], "successful")
    equal([(e["Id"], e["Code"], e["SenderFault"]) for e in reply["Failed"]], [("bad", "ReceiptHandleIsInvalid", True)], "failed")
    none(sqs, url, wait=3)


@check
def change_batch_in_part(cluster):
    """visibilities change one by one"""
    url, sqs = cluster.queue("change-part"), cluster.node(1)
    _send(sqs, url, [{"Id": str(i), "MessageBody": str(i)} for i in range(3)])
    handles = {m["Body"]: m["ReceiptHandle"] for m in receive_exactly(sqs, url, 3)}
    entries = [
        {"Id": "now", "ReceiptHandle": handles["0"], "VisibilityTimeout": 0},
        {"Id": "bad", "ReceiptHandle": "nonsense", "VisibilityTimeout": 0},
        {"Id": "long", "ReceiptHandle": handles["1"], "VisibilityTimeout": 43201},
        {"Id": "too", "ReceiptHandle": handles["2"], "VisibilityTimeout": 0},
    ]
    reply = cluster.node(2).change_message_visibility_batch(QueueUrl=url, Entries=entries)
    equal(_ids(reply["Successful"]), ["now", "too"], "successful")
    failed = {e["Id"]: e["Code"] for e in reply["Failed"]}
    equal(failed, {"bad": "ReceiptHandleIsInvalid", "long": "InvalidParameterValue"}, "failed")
    equal({m["Body"] for m in receive_exactly(sqs, url, 2)}, {"0", "2"}, "bodies")


@check
def batches_are_checked(cluster):
    """too many, none, equal or bad ids: the whole request is refused, for every kind of batch"""
    url, sqs = cluster.queue("checked"), cluster.node(0)
    kinds = [
        (sqs.send_message_batch, {"MessageBody": "m"}),
        (sqs.delete_message_batch, {"ReceiptHandle": "r"}),
        (sqs.change_message_visibility_batch, {"ReceiptHandle": "r", "VisibilityTimeout": 1}),
    ]
    cases = [
        ([], "EmptyBatchRequest"),
        ([str(i) for i in range(11)], "TooManyEntriesInBatchRequest"),
        (["same", "other", "same"], "BatchEntryIdsNotDistinct"),
        (["dot.ted"], "InvalidBatchEntryId"),
        (["x" * 81], "InvalidBatchEntryId"),
        ([""], "InvalidBatchEntryId"),
    ]
    for call, rest in kinds:
        for ids, name in cases:
            entries = [{"Id": id, **rest} for id in ids]
            message = refused(ERROR + name, call, name, QueueUrl=url, Entries=entries)
            if len(ids) == 11:
                equal(message, "Maximum number of entries per request are 10. You have sent 11.", "message")
    none(sqs, url)


@check
def a_batch_has_a_length(cluster):
    """one mebibyte for all entries together, attributes included"""
    url, sqs = cluster.queue("length"), cluster.node(0)
    half = "x" * (512 * 1024)
    reply = _send(sqs, url, [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}])
    equal(len(reply["Successful"]), 2, "successful")
    refused(
        ERROR + "BatchRequestTooLong", sqs.send_message_batch, "BatchRequestTooLong",
        QueueUrl=url, Entries=[{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}],
    )


@check
def fifo_batch(cluster):
    """a batch keeps its order; without group or deduplication id it is refused as a whole"""
    url, sqs = cluster.queue("batch", fifo=True), cluster.node(1)
    entries = [
        {"Id": str(i), "MessageBody": str(i), "MessageGroupId": "g", "MessageDeduplicationId": f"d{i}"}
        for i in range(10)
    ]
    reply = _send(sqs, url, entries)
    numbers = [int(entry["SequenceNumber"]) for entry in reply["Successful"]]
    equal(numbers, sorted(set(numbers)), "sequence numbers")
    equal([m["Body"] for m in receive_exactly(cluster.node(2), url, 10)], [str(i) for i in range(10)], "bodies")
    message = invalid(sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "m", "MessageDeduplicationId": "d"}])
    equal(message, "The request must contain the parameter MessageGroupId.", "message")
    invalid(sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "m", "MessageGroupId": "g"}])
