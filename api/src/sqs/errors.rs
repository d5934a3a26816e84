//! The errors of SQS. JSON and query spell some of them differently.

use std::fmt::Display;

use crate::error::{ApiError, ErrorKind};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $shape:literal, $code:literal, $status:literal;)*) => {
        $($(#[$doc])* pub static $name: ErrorKind =
            ErrorKind { shape: $shape, query_code: $code, status: $status };)*
    };
}

kinds! {
    /// There is no such queue.
    QUEUE_DOES_NOT_EXIST = "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400;
    /// There is one with other attributes.
    QUEUE_NAME_EXISTS = "QueueNameExists", "QueueAlreadyExists", 400;
    /// It was deleted less than 60 seconds ago.
    QUEUE_DELETED_RECENTLY = "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", 400;
    /// There is no such attribute.
    INVALID_ATTRIBUTE_NAME = "InvalidAttributeName", "InvalidAttributeName", 400;
    /// The attribute cannot have this value.
    INVALID_ATTRIBUTE_VALUE = "InvalidAttributeValue", "InvalidAttributeValue", 400;
    /// The parameter cannot have this value.
    INVALID_PARAMETER_VALUE = "InvalidParameterValueException", "InvalidParameterValue", 400;
    /// A required parameter is missing.
    MISSING_PARAMETER = "MissingRequiredParameterException", "MissingParameter", 400;
    /// The body has characters that are not allowed.
    INVALID_MESSAGE_CONTENTS = "InvalidMessageContents", "InvalidMessageContents", 400;
    /// This is no receipt handle of this queue.
    RECEIPT_HANDLE_IS_INVALID = "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400;
    /// The message is not in flight.
    MESSAGE_NOT_INFLIGHT = "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", 400;
    /// The queue was purged less than 60 seconds ago.
    PURGE_QUEUE_IN_PROGRESS = "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403;
    /// Too many messages are in flight.
    OVER_LIMIT = "OverLimit", "OverLimit", 403;
    /// A batch without entries.
    EMPTY_BATCH = "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400;
    /// A batch with more than ten entries.
    TOO_MANY_ENTRIES = "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400;
    /// Two entries have the same id.
    IDS_NOT_DISTINCT = "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400;
    /// An entry's id is malformed.
    INVALID_ENTRY_ID = "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400;
    /// The entries together are too long.
    BATCH_TOO_LONG = "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400;
}

/// A required parameter is missing.
pub fn missing(parameter: &str) -> ApiError {
    ApiError::new(
        &MISSING_PARAMETER,
        format!("The request must contain the parameter {parameter}."),
    )
}

/// A parameter's value is not allowed.
pub fn invalid(value: impl Display, parameter: &str, reason: &str) -> ApiError {
    let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
    ApiError::new(&INVALID_PARAMETER_VALUE, message)
}

/// There is no such queue.
pub fn no_such_queue() -> ApiError {
    ApiError::new(&QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.")
}

/// A handle that this service never gave, or gave for another queue.
pub fn invalid_receipt_handle(handle: &str) -> ApiError {
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    ApiError::new(&RECEIPT_HANDLE_IS_INVALID, message)
}
