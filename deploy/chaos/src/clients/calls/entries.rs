//! Attributes of queues, and entries of batches, as the SDK has them.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use serde_json::Value;

use super::{list, number, text};

/// The SDK wants a map of std's; which order it is in does not matter here.
pub(super) fn attributes<M: FromIterator<(QueueAttributeName, String)>>(value: &Value) -> Option<M> {
    let all: BTreeMap<String, Value> = value.as_object()?.clone().into_iter().collect();
    let texts = all
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().into(), text(value)?)));
    Some(texts.collect())
}

pub(super) fn sends(value: &Value) -> Option<Vec<SendMessageBatchRequestEntry>> {
    let each = list(value).iter().map(|entry| {
        SendMessageBatchRequestEntry::builder()
            .set_id(text(&entry["Id"]))
            .set_message_body(text(&entry["MessageBody"]))
            .set_message_group_id(text(&entry["MessageGroupId"]))
            .set_message_deduplication_id(text(&entry["MessageDeduplicationId"]))
            .set_delay_seconds(number(&entry["DelaySeconds"]))
            .build()
    });
    each.collect::<Result<_, _>>().ok()
}

pub(super) fn deletes(value: &Value) -> Option<Vec<DeleteMessageBatchRequestEntry>> {
    let each = list(value).iter().map(|entry| {
        DeleteMessageBatchRequestEntry::builder()
            .set_id(text(&entry["Id"]))
            .set_receipt_handle(text(&entry["ReceiptHandle"]))
            .build()
    });
    each.collect::<Result<_, _>>().ok()
}

pub(super) fn changes(value: &Value) -> Option<Vec<ChangeMessageVisibilityBatchRequestEntry>> {
    let each = list(value).iter().map(|entry| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .set_id(text(&entry["Id"]))
            .set_receipt_handle(text(&entry["ReceiptHandle"]))
            .set_visibility_timeout(number(&entry["VisibilityTimeout"]))
            .build()
    });
    each.collect::<Result<_, _>>().ok()
}
