//! Small checks that many operations' wire forms need.

use serde::Deserialize;

use super::queue_url::QueueRef;
use super::receipt::ReceiptHandle;
use crate::error::{self, ApiError};

/// The wire form of operations that take a queue and nothing else.
#[derive(Debug, Deserialize)]
pub struct OnlyQueue {
    #[serde(rename = "QueueUrl")]
    pub queue_url: Option<String>,
}

/// A member that must be there and not be empty.
pub(super) fn required(value: Option<String>, member: &str) -> Result<String, ApiError> {
    value
        .filter(|text| !text.is_empty())
        .ok_or_else(|| error::missing_parameter(member))
}

/// The queue that an operation is for.
pub(super) fn queue(url: Option<String>) -> Result<QueueRef, ApiError> {
    QueueRef::parse(&required(url, "QueueUrl")?)
}

/// A number between two others, or absent.
pub(super) fn ranged(
    value: Option<i64>,
    member: &str,
    min: u32,
    max: u32,
    reason: &str,
) -> Result<Option<u32>, ApiError> {
    let check = |number: i64| {
        let fits = u32::try_from(number).ok().filter(|n| (min..=max).contains(n));
        fits.ok_or_else(|| error::invalid_value(number, member, reason))
    };
    value.map(check).transpose()
}

/// The delivery that an operation is for.
pub(super) fn receipt(handle: Option<String>) -> Result<ReceiptHandle, ApiError> {
    ReceiptHandle::parse(&required(handle, "ReceiptHandle")?)
}
