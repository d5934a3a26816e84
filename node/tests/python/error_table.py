"""How errors of SQS's model are spelt in each protocol, and which of them nothing causes."""

from dataclasses import dataclass

MODEL = "com.amazonaws.sqs"
COMMON = "com.amazon.coral.service"
LEGACY = "AWS.SimpleQueueService."


@dataclass
class Error:
    """How an error is spelt, apart from its message."""

    code: str
    json_status: int = 400
    query_status: int = 400
    namespace: str = MODEL


ERRORS = {
    "BatchEntryIdsNotDistinct": Error(LEGACY + "BatchEntryIdsNotDistinct"),
    "BatchRequestTooLong": Error(LEGACY + "BatchRequestTooLong"),
    "EmptyBatchRequest": Error(LEGACY + "EmptyBatchRequest"),
    "InvalidAddress": Error("InvalidAddress", query_status=404),
    "InvalidAttributeName": Error("InvalidAttributeName"),
    "InvalidAttributeValue": Error("InvalidAttributeValue"),
    "InvalidBatchEntryId": Error(LEGACY + "InvalidBatchEntryId"),
    "InvalidMessageContents": Error("InvalidMessageContents"),
    "InvalidParameterValueException": Error("InvalidParameterValue", namespace=COMMON),
    "MessageNotInflight": Error(LEGACY + "MessageNotInflight"),
    "MissingRequiredParameterException": Error("MissingParameter", namespace=COMMON),
    "OverLimit": Error("OverLimit", 403, 403),
    "PurgeQueueInProgress": Error(LEGACY + "PurgeQueueInProgress", 403, 403),
    "QueueDeletedRecently": Error(LEGACY + "QueueDeletedRecently"),
    "QueueDoesNotExist": Error(LEGACY + "NonExistentQueue"),
    "QueueNameExists": Error("QueueAlreadyExists"),
    "ReceiptHandleIsInvalid": Error("ReceiptHandleIsInvalid"),
    "RequestThrottled": Error("RequestThrottled", query_status=403),
    "ResourceNotFoundException": Error("ResourceNotFoundException", 404, 404),
    "TooManyEntriesInBatchRequest": Error(LEGACY + "TooManyEntriesInBatchRequest"),
    "UnsupportedOperation": Error(LEGACY + "UnsupportedOperation"),
}

# Errors of the model that no request can cause, for the reasons that api/README.md gives.
NO_CAUSE = {
    "InvalidIdFormat",
    "InvalidSecurity",
    "KmsAccessDenied",
    "KmsDisabled",
    "KmsInvalidKeyUsage",
    "KmsInvalidState",
    "KmsNotFound",
    "KmsOptInRequired",
    "KmsThrottled",
}
# Errors for which one operation stands: overload is judged before operations differ, nothing else is unsupported,
# and 120,000 messages in flight are too many for this.
SHOWN_ONCE = {"OverLimit", "RequestThrottled", "UnsupportedOperation"}
# Their queues are named in other ways.
NO_QUEUE_URL = {
    "CancelMessageMoveTask",
    "CreateQueue",
    "GetQueueUrl",
    "ListMessageMoveTasks",
    "ListQueues",
    "StartMessageMoveTask",
}
