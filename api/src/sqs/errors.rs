//! SQS's own errors: a row for each, and a constructor with AWS's wording for each way it comes about.
//!
//! Query codes and statuses are the `error` traits of the service model while it still was a query
//! model (2012-11-05); the JSON model has no statuses, which means 400. What AWS was seen to answer goes
//! before the models: it is 403 in JSON too for `PurgeQueueInProgress` and `OverLimit`. A wrong receipt
//! handle is 400 in both protocols, which is what the clients' conformance checks demand.

use std::fmt::Display;

use crate::error::{ApiError, ErrorSpec, INVALID_PARAMETER_VALUE, MISSING_PARAMETER, invalid_value, specs};

/// The code prefix that most of SQS's errors have in the query protocol.
macro_rules! legacy {
    ($name:literal) => {
        ErrorSpec::sender($name).query_code(concat!("AWS.SimpleQueueService.", $name))
    };
}

specs! {
    /// Two entries of a batch have the same id.
    BATCH_ENTRY_IDS_NOT_DISTINCT = legacy!("BatchEntryIdsNotDistinct");
    /// The messages of a batch are too long together.
    BATCH_REQUEST_TOO_LONG = legacy!("BatchRequestTooLong");
    /// A batch has no entries.
    EMPTY_BATCH_REQUEST = legacy!("EmptyBatchRequest");
    /// A queue URL is none.
    INVALID_ADDRESS = ErrorSpec::sender("InvalidAddress").query_status(404);
    /// There is no such queue attribute, or not for queues of this type.
    INVALID_ATTRIBUTE_NAME = ErrorSpec::sender("InvalidAttributeName");
    /// A queue attribute cannot have this value.
    INVALID_ATTRIBUTE_VALUE = ErrorSpec::sender("InvalidAttributeValue");
    /// The id of a batch entry has other characters, or too many.
    INVALID_BATCH_ENTRY_ID = legacy!("InvalidBatchEntryId");
    /// A message has characters that XML cannot carry.
    INVALID_MESSAGE_CONTENTS = ErrorSpec::sender("InvalidMessageContents");
    /// A message is visible again.
    MESSAGE_NOT_INFLIGHT = legacy!("MessageNotInflight");
    /// Too many messages are in flight, or a policy has too much of something.
    OVER_LIMIT = ErrorSpec::sender("OverLimit").status(403);
    /// A queue was purged a moment ago.
    PURGE_QUEUE_IN_PROGRESS = legacy!("PurgeQueueInProgress").status(403);
    /// A queue of this name was deleted a moment ago.
    QUEUE_DELETED_RECENTLY = legacy!("QueueDeletedRecently");
    /// There is no such queue. The longer text of the query protocol is what many programs look for.
    QUEUE_DOES_NOT_EXIST = ErrorSpec::sender("QueueDoesNotExist")
        .query_code("AWS.SimpleQueueService.NonExistentQueue")
        .query_message("The specified queue does not exist for this wsdl version.");
    /// A queue of this name exists with other attributes.
    QUEUE_NAME_EXISTS = ErrorSpec::sender("QueueNameExists").query_code("QueueAlreadyExists");
    /// A receipt handle is none of ours.
    RECEIPT_HANDLE_IS_INVALID = ErrorSpec::sender("ReceiptHandleIsInvalid");
    /// The server is overloaded; SDKs slow down and try again.
    REQUEST_THROTTLED = ErrorSpec::sender("RequestThrottled").query_status(403);
    /// A batch has more than ten entries.
    TOO_MANY_ENTRIES_IN_BATCH_REQUEST = legacy!("TooManyEntriesInBatchRequest");
    /// A queue or a move task that a member names does not exist.
    RESOURCE_NOT_FOUND = ErrorSpec::sender("ResourceNotFoundException").status(404);
    /// What is asked for exists in the model but not in the service.
    UNSUPPORTED_OPERATION = legacy!("UnsupportedOperation");
}

/// [`BATCH_ENTRY_IDS_NOT_DISTINCT`].
pub fn batch_entry_ids_not_distinct(id: &str) -> ApiError {
    ApiError::new(&BATCH_ENTRY_IDS_NOT_DISTINCT, format!("Id {id} repeated."))
}

/// [`BATCH_REQUEST_TOO_LONG`].
pub fn batch_request_too_long(bytes: usize, bytes_max: usize) -> ApiError {
    let message =
        format!("Batch requests cannot be longer than {bytes_max} bytes. You have sent {bytes} bytes.");
    ApiError::new(&BATCH_REQUEST_TOO_LONG, message)
}

/// [`EMPTY_BATCH_REQUEST`]; `entry` is what the query protocol calls an entry.
pub fn empty_batch_request(entry: &str) -> ApiError {
    ApiError::new(
        &EMPTY_BATCH_REQUEST,
        format!("There should be at least one {entry} in the request."),
    )
}

/// [`TOO_MANY_ENTRIES_IN_BATCH_REQUEST`].
pub fn too_many_entries(entries: usize, entries_max: usize) -> ApiError {
    let message =
        format!("Maximum number of entries per request are {entries_max}. You have sent {entries}.");
    ApiError::new(&TOO_MANY_ENTRIES_IN_BATCH_REQUEST, message)
}

/// [`INVALID_BATCH_ENTRY_ID`].
pub fn invalid_batch_entry_id() -> ApiError {
    ApiError::new(
        &INVALID_BATCH_ENTRY_ID,
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
         It can be at most 80 letters long.",
    )
}

/// [`INVALID_ADDRESS`].
pub fn invalid_address(url: &str) -> ApiError {
    ApiError::new(
        &INVALID_ADDRESS,
        format!("The address {url} is not valid for this endpoint."),
    )
}

/// [`INVALID_ATTRIBUTE_NAME`].
pub fn unknown_attribute(name: &str) -> ApiError {
    ApiError::new(&INVALID_ATTRIBUTE_NAME, format!("Unknown Attribute {name}."))
}

/// [`INVALID_ATTRIBUTE_NAME`], which AWS answers here although it is the values that exclude each other.
pub fn two_kinds_of_encryption() -> ApiError {
    ApiError::new(
        &INVALID_ATTRIBUTE_NAME,
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    )
}

/// [`INVALID_ATTRIBUTE_VALUE`].
pub fn invalid_attribute_value(name: &str) -> ApiError {
    ApiError::new(
        &INVALID_ATTRIBUTE_VALUE,
        format!("Invalid value for the parameter {name}."),
    )
}

/// [`INVALID_ATTRIBUTE_VALUE`] with a reason.
pub fn unfit_attribute_value(name: &str, reason: impl Display) -> ApiError {
    ApiError::new(
        &INVALID_ATTRIBUTE_VALUE,
        format!("Invalid value for the parameter {name}. Reason: {reason}"),
    )
}

/// [`INVALID_MESSAGE_CONTENTS`].
pub fn invalid_message_contents() -> ApiError {
    ApiError::new(
        &INVALID_MESSAGE_CONTENTS,
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | \
         #xE000 to #xFFFD | #x10000 to #x10FFFF.",
    )
}

/// [`MESSAGE_NOT_INFLIGHT`].
pub fn message_not_inflight() -> ApiError {
    ApiError::new(&MESSAGE_NOT_INFLIGHT, "The message referred to is not in flight.")
}

/// [`OVER_LIMIT`]: the queue has as many messages in flight as it may have.
pub fn too_many_in_flight() -> ApiError {
    ApiError::new(
        &OVER_LIMIT,
        "The number of in flight messages has reached its limit.",
    )
}

/// A receive with this attempt id was made before, and its messages are not as it left them.
pub fn attempt_not_retryable(attempt_id: &str) -> ApiError {
    invalid_value(
        attempt_id,
        "ReceiveRequestAttemptId",
        "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.",
    )
}

/// [`PURGE_QUEUE_IN_PROGRESS`].
pub fn purge_queue_in_progress(queue: &str) -> ApiError {
    let message = format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds.");
    ApiError::new(&PURGE_QUEUE_IN_PROGRESS, message)
}

/// [`QUEUE_DELETED_RECENTLY`].
pub fn queue_deleted_recently() -> ApiError {
    ApiError::new(
        &QUEUE_DELETED_RECENTLY,
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    )
}

/// [`QUEUE_DOES_NOT_EXIST`].
pub fn queue_does_not_exist() -> ApiError {
    ApiError::new(&QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.")
}

/// [`QUEUE_NAME_EXISTS`]: the queue has another value of `attribute`.
pub fn queue_name_exists(attribute: &str) -> ApiError {
    let message =
        format!("A queue already exists with the same name and a different value for attribute {attribute}");
    ApiError::new(&QUEUE_NAME_EXISTS, message)
}

/// [`RECEIPT_HANDLE_IS_INVALID`].
pub fn receipt_handle_is_invalid(handle: &str) -> ApiError {
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    ApiError::new(&RECEIPT_HANDLE_IS_INVALID, message)
}

/// A FIFO queue has handed the message out again, or may.
pub fn receipt_handle_expired(handle: impl Display) -> ApiError {
    invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
}

/// The message whose visibility is to change is gone.
pub fn message_is_gone(handle: impl Display) -> ApiError {
    let reason = "Message does not exist or is not available for visibility timeout change.";
    invalid_value(handle, "ReceiptHandle", reason)
}

/// A message would be invisible for more than twelve hours since it was received.
pub fn beyond_twelve_hours(visibility_timeout: impl Display) -> ApiError {
    let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
    invalid_value(visibility_timeout, "VisibilityTimeout", reason)
}

/// [`REQUEST_THROTTLED`].
pub fn request_throttled() -> ApiError {
    ApiError::new(
        &REQUEST_THROTTLED,
        "The request was denied due to request throttling.",
    )
}

/// A message is longer than its queue allows.
pub fn message_too_long(bytes_max: usize) -> ApiError {
    let message = format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {bytes_max} bytes."
    );
    ApiError::new(&INVALID_PARAMETER_VALUE, message)
}

/// A message to a FIFO queue has no group. AWS has another code for it in a batch.
pub fn message_group_missing(in_batch: bool) -> ApiError {
    let spec = if in_batch {
        &INVALID_PARAMETER_VALUE
    } else {
        &MISSING_PARAMETER
    };
    ApiError::new(spec, "The request must contain the parameter MessageGroupId.")
}

/// A message to a FIFO queue has nothing to know its duplicates by.
pub fn deduplication_id_missing() -> ApiError {
    ApiError::new(
        &INVALID_PARAMETER_VALUE,
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
         explicitly",
    )
}

/// A member is for the other type of queue.
pub fn unfit_for_queue_type(value: impl Display, member: &str) -> ApiError {
    invalid_value(
        value,
        member,
        "The request include parameter that is not valid for this queue type.",
    )
}

/// [`OVER_LIMIT`]: a policy has more of something than it may.
pub fn too_much_in_policy(what: &str, found: impl Display, max: impl Display) -> ApiError {
    let message = format!("{found} {what} were found, maximum allowed is {max}.");
    ApiError::new(&OVER_LIMIT, message)
}

/// A permission of this label is there.
pub fn label_exists(label: &str) -> ApiError {
    invalid_value(label, "Label", "Already exists.")
}

/// A permission of this label is not there.
pub fn no_such_label(label: &str) -> ApiError {
    invalid_value(label, "Label", "can't find label on existing policy.")
}

/// There are no permissions that one could be removed from.
pub fn no_policy(label: &str) -> ApiError {
    invalid_value(label, "Label", "can't find label.")
}

/// A queue would have more tags than it may.
pub fn too_many_tags(queue: &str) -> ApiError {
    ApiError::new(
        &INVALID_PARAMETER_VALUE,
        format!("Too many tags added for queue {queue}."),
    )
}

/// A message attribute breaks a rule.
pub fn invalid_message_attribute(message: impl Into<String>) -> ApiError {
    ApiError::new(&INVALID_PARAMETER_VALUE, message.into())
}

/// [`RESOURCE_NOT_FOUND`]: the queue that `member` names.
pub fn resource_not_found(member: &str) -> ApiError {
    let message = format!("The resource that you specified for the {member} parameter doesn't exist.");
    ApiError::new(&RESOURCE_NOT_FOUND, message)
}

/// [`RESOURCE_NOT_FOUND`]: a move task.
pub fn no_such_move_task() -> ApiError {
    ApiError::new(&RESOURCE_NOT_FOUND, "Task does not exist.")
}

/// A task handle is none of ours.
pub fn task_handle_is_invalid() -> ApiError {
    ApiError::new(
        &INVALID_PARAMETER_VALUE,
        "Value for parameter TaskHandle is invalid.",
    )
}

/// Only queues that others have for their dead letters can be a move task's source.
pub fn not_for_dead_letters() -> ApiError {
    let message = "Source queue must be configured as a Dead Letter Queue.";
    ApiError::new(&INVALID_PARAMETER_VALUE, message)
}

/// Messages would move to the queue that they are in.
pub fn move_to_itself() -> ApiError {
    let message = "Source queue arn and destination queue arn cannot be the same.";
    ApiError::new(&INVALID_PARAMETER_VALUE, message)
}

/// Messages would move from a FIFO queue to a standard one, or the other way.
pub fn move_to_other_type() -> ApiError {
    let message = "The source queue and destination queue must be of the same queue type.";
    ApiError::new(&INVALID_PARAMETER_VALUE, message)
}

/// Another move task of the queue has not ended.
pub fn move_task_runs() -> ApiError {
    let message = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
    ApiError::new(&INVALID_PARAMETER_VALUE, message)
}

/// [`UNSUPPORTED_OPERATION`]: only running tasks can be cancelled.
pub fn move_task_runs_not() -> ApiError {
    ApiError::new(&UNSUPPORTED_OPERATION, "Only running tasks can be cancelled.")
}
