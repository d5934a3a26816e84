"""Every way to an error, as data: what is asked for, and what has to be answered."""

import base64
import json
from dataclasses import dataclass, field
from types import SimpleNamespace


@dataclass
class Row:
    """A call and its error."""

    operation: str
    error: str
    message: str
    arguments: dict = field(default_factory=dict)
    query_message: str | None = None


_ENTRIES = {
    "SendMessageBatch": {"MessageBody": "m"},
    "DeleteMessageBatch": {"ReceiptHandle": "r"},
    "ChangeMessageVisibilityBatch": {"ReceiptHandle": "r", "VisibilityTimeout": 1},
}
# What operations need besides a queue URL.
NEEDED = {
    "AddPermission": {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["SendMessage"]},
    "ChangeMessageVisibility": {"ReceiptHandle": "r", "VisibilityTimeout": 1},
    "DeleteMessage": {"ReceiptHandle": "r"},
    "DeleteQueue": {},
    "GetQueueAttributes": {"AttributeNames": ["All"]},
    "ListDeadLetterSourceQueues": {},
    "ListQueueTags": {},
    "PurgeQueue": {},
    "ReceiveMessage": {},
    "RemovePermission": {"Label": "l"},
    "SendMessage": {"MessageBody": "m"},
    "SetQueueAttributes": {"Attributes": {"DelaySeconds": "1"}},
    "TagQueue": {"Tags": {"k": "v"}},
    "UntagQueue": {"TagKeys": ["k"]},
    **{operation: {"Entries": [{"Id": "a", **entry}]} for operation, entry in _ENTRIES.items()},
}


def rows(at: SimpleNamespace):
    """The table, for queues and messages that are there; see `errors_conformance.fixture`."""
    parts = [_addresses, _batches, _attributes, _messages, _queues, _tasks, _values]
    return [row for part in parts for row in part(at)]


def _addresses(at):
    for operation, needed in NEEDED.items():
        missing = Row(operation, "QueueDoesNotExist", "The specified queue does not exist.")
        missing.query_message = "The specified queue does not exist for this wsdl version."
        missing.arguments = {"QueueUrl": at.url + "-never", **needed}
        yield missing
        message = "The address orders is not valid for this endpoint."
        yield Row(operation, "InvalidAddress", message, {"QueueUrl": "orders", **needed})
        message = "The request must contain the parameter QueueUrl."
        yield Row(operation, "MissingRequiredParameterException", message, needed)
        for member in needed.keys() - {"AttributeNames", "Entries"}:
            message = f"The request must contain the parameter {member}."
            arguments = {"QueueUrl": at.url, **needed}
            del arguments[member]
            yield Row(operation, "MissingRequiredParameterException", message, arguments)
    for operation in ("CreateQueue", "GetQueueUrl"):
        message = "The request must contain the parameter QueueName."
        yield Row(operation, "MissingRequiredParameterException", message)
    missing = Row("GetQueueUrl", "QueueDoesNotExist", "The specified queue does not exist.")
    missing.query_message = "The specified queue does not exist for this wsdl version."
    missing.arguments = {"QueueName": at.name + "-never"}
    yield missing


def _batches(at):
    for operation, entry in _ENTRIES.items():
        def row(error, message, ids, **more):
            entries = [{"Id": id, **entry, **more} for id in ids]
            return Row(operation, error, message, {"QueueUrl": at.url, "Entries": entries})

        yield row("EmptyBatchRequest", f"There should be at least one {operation}RequestEntry in the request.", [])
        message = "Maximum number of entries per request are 10. You have sent 11."
        yield row("TooManyEntriesInBatchRequest", message, map(str, range(11)))
        yield row("BatchEntryIdsNotDistinct", "Id a repeated.", ["a", "b", "a"])
        for bad in ["", "white space", "x" * 81]:
            message = (
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                "It can be at most 80 letters long."
            )
            yield row("InvalidBatchEntryId", message, ["a", bad])
    message = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes."
    entries = [{"Id": id, "MessageBody": "x" * 524_289} for id in "ab"]
    yield Row("SendMessageBatch", "BatchRequestTooLong", message, {"QueueUrl": at.url, "Entries": entries})


def _attributes(at):
    def changes(error, message, attributes, url=at.url):
        yield Row("SetQueueAttributes", error, message, {"QueueUrl": url, "Attributes": attributes})
        yield Row("CreateQueue", error, message, {"QueueName": at.name + "-new", "Attributes": attributes})

    unknown = "Unknown Attribute Colour."
    yield from changes("InvalidAttributeName", unknown, {"Colour": "blue"})
    yield from changes("InvalidAttributeName", "Unknown Attribute DeduplicationScope.", {"DeduplicationScope": "queue"})
    yield Row("GetQueueAttributes", "InvalidAttributeName", unknown, {"QueueUrl": at.url, "AttributeNames": ["Colour"]})
    both = {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}
    message = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    yield from changes("InvalidAttributeName", message, both)
    yield from changes("InvalidAttributeValue", "Invalid value for the parameter DelaySeconds.", {"DelaySeconds": "901"})
    message = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    arguments = {"QueueUrl": at.fifo_url, "Attributes": {"FifoQueue": "false"}}
    yield Row("SetQueueAttributes", "InvalidAttributeValue", message, arguments)


def _messages(at):
    message = (
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
        "#xE000 to #xFFFD | #x10000 to #x10FFFF."
    )
    yield Row("SendMessage", "InvalidMessageContents", message, {"QueueUrl": at.url, "MessageBody": "bell \x07"})
    lists = {"names": {"DataType": "String", "StringListValues": ["a"]}}
    message = "Message attribute list values in SendMessage operation are not supported."
    arguments = {"QueueUrl": at.url, "MessageBody": "m", "MessageAttributes": lists}
    yield Row("SendMessage", "UnsupportedOperation", message, arguments)

    change = {"QueueUrl": at.url, "VisibilityTimeout": 9}
    message = "The message referred to is not in flight."
    arguments = {**change, "ReceiptHandle": at.visible_again}
    yield Row("ChangeMessageVisibility", "MessageNotInflight", message, arguments)
    message = 'The input receipt handle "nonsense" is not a valid receipt handle.'
    for operation, arguments in [("ChangeMessageVisibility", change), ("DeleteMessage", {"QueueUrl": at.url})]:
        yield Row(operation, "ReceiptHandleIsInvalid", message, {**arguments, "ReceiptHandle": "nonsense"})
        foreign = f'The input receipt handle "{at.foreign}" is not a valid receipt handle.'
        yield Row(operation, "ReceiptHandleIsInvalid", foreign, {**arguments, "ReceiptHandle": at.foreign})
    message = "The request was denied due to request throttling."
    arguments = {"QueueUrl": at.polled, "WaitTimeSeconds": 1}
    yield Row("ReceiveMessage", "RequestThrottled", message, arguments)


def _queues(at):
    message = f"Only one PurgeQueue operation on {at.purged.rsplit('/', 1)[1]} is allowed every 60 seconds."
    yield Row("PurgeQueue", "PurgeQueueInProgress", message, {"QueueUrl": at.purged})
    message = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    yield Row("CreateQueue", "QueueDeletedRecently", message, {"QueueName": at.deleted})
    message = "A queue already exists with the same name and a different value for attribute DelaySeconds"
    arguments = {"QueueName": at.name, "Attributes": {"DelaySeconds": "9"}}
    yield Row("CreateQueue", "QueueNameExists", message, arguments)
    arguments = {"QueueUrl": at.url, "Label": "l", "AWSAccountIds": ["1" * 12]}
    message = "8 Actions were found, maximum allowed is 7."
    yield Row("AddPermission", "OverLimit", message, {**arguments, "Actions": ["SendMessage"] * 8})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}] * 21})
    message = "21 Statements were found, maximum allowed is 20."
    yield Row("SetQueueAttributes", "OverLimit", message, {"QueueUrl": at.url, "Attributes": {"Policy": policy}})


def _tasks(at):
    missing = "The resource that you specified for the SourceArn parameter doesn't exist."
    for operation in ("StartMessageMoveTask", "ListMessageMoveTasks"):
        yield Row(operation, "ResourceNotFoundException", missing, {"SourceArn": at.arn + "-never"})
        message = "The request must contain the parameter SourceArn."
        yield Row(operation, "MissingRequiredParameterException", message)
        message = (
            "You must use this format to specify the SourceArn: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
        yield Row(operation, "InvalidParameterValueException", message, {"SourceArn": at.name})
    message = "Source queue must be configured as a Dead Letter Queue."
    yield Row("StartMessageMoveTask", "InvalidParameterValueException", message, {"SourceArn": at.arn})
    document = json.dumps({"taskId": "01234567-89ab-cdef-0123-456789abcdef", "sourceArn": at.arn})
    never = {"TaskHandle": base64.b64encode(document.encode()).decode()}
    yield Row("CancelMessageMoveTask", "ResourceNotFoundException", "Task does not exist.", never)
    message = "The request must contain the parameter TaskHandle."
    yield Row("CancelMessageMoveTask", "MissingRequiredParameterException", message)


def _values(at):
    """The refusals that the model does not have, with the texts that tools look for."""

    def row(operation, message, **arguments):
        return Row(operation, "InvalidParameterValueException", message, arguments)

    def value(operation, member, value, reason, **arguments):
        message = f"Value {value} for parameter {member} is invalid. Reason: {reason}"
        return row(operation, message, **{member: value}, **arguments)

    reason = "Must be between 1 and 10, if provided."
    yield value("ReceiveMessage", "MaxNumberOfMessages", 11, reason, QueueUrl=at.url)
    send = {"QueueUrl": at.url, "MessageBody": "m"}
    attributes = {"empty": {"DataType": "String", "StringValue": ""}}
    message = "Message (user) attribute 'empty' must contain a non-empty value of type 'String'."
    yield row("SendMessage", message, MessageAttributes=attributes, **send)
    message = "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    yield row("SendMessage", message, QueueUrl=at.url, MessageBody="x" * 1_048_577)
    expired = "The receipt handle has expired."
    yield value("DeleteMessage", "ReceiptHandle", at.expired, expired, QueueUrl=at.fifo_url)
    gone = "Message does not exist or is not available for visibility timeout change."
    change = {"QueueUrl": at.url, "VisibilityTimeout": 9}
    yield value("ChangeMessageVisibility", "ReceiptHandle", at.gone, gone, **change)
    send = {"QueueUrl": at.fifo_url, "MessageBody": "m"}
    misfit = "The request include parameter that is not valid for this queue type."
    fifo = {**send, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    yield value("SendMessage", "DelaySeconds", 2, misfit, **fifo)
    message = (
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
        "provided explicitly"
    )
    yield row("SendMessage", message, MessageGroupId="g", **send)
    group = "The request must contain the parameter MessageGroupId."
    yield Row("SendMessage", "MissingRequiredParameterException", group, send)
    yield row("SendMessageBatch", group, QueueUrl=at.fifo_url, Entries=[{"Id": "a", "MessageBody": "m"}])
