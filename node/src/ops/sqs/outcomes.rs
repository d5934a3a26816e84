//! What became of receipts, as SQS's errors.

use api::error::{self, ApiError};
use api::sqs::batch::{DoneEntry, FailedEntry, Output};
use api::sqs::change_message_visibility::{beyond_twelve_hours, no_such_message, not_in_flight};
use api::sqs::delete_message::{Handle, receipt_expired};
use api::sqs::errors;
use raft::command::queue::{Outcome, QueueAnswer};

use super::{Result, misfit};
use crate::catalog::QueueView;

/// The outcome of the one receipt of a command.
pub(super) fn single(answer: &QueueAnswer, handle: &Handle, visibility_ms: u64) -> Result<()> {
    let QueueAnswer::Outcomes(outcomes) = answer else {
        return Err(misfit(answer));
    };
    let outcome = outcomes.outcomes.first().ok_or_else(|| misfit(answer))?;
    of(*outcome, handle, visibility_ms)
}

/// What one outcome means for the client.
pub(super) fn of(outcome: i32, handle: &Handle, visibility_ms: u64) -> Result<()> {
    match Outcome::try_from(outcome) {
        Ok(Outcome::Done) => Ok(()),
        Ok(Outcome::ReceiptExpired) => Err(receipt_expired(&handle.text)),
        Ok(Outcome::NoSuchMessage) => Err(no_such_message(&handle.text)),
        Ok(Outcome::NotInFlight) => Err(not_in_flight()),
        Ok(Outcome::BeyondTwelveHours) => Err(beyond_twelve_hours(visibility_ms)),
        other => Err(ApiError::new(
            &error::INTERNAL,
            format!("unexpected outcome {other:?}"),
        )),
    }
}

/// Refuses a handle that another queue gave.
pub(super) fn check(handle: &Handle, queue: &QueueView) -> Result<()> {
    if queue.record.partitions.contains(&handle.receipt.group) {
        Ok(())
    } else {
        Err(errors::invalid_receipt_handle(&handle.text))
    }
}

/// A batch's answer, from each entry's id and fate.
pub(super) fn batch(fates: impl IntoIterator<Item = (String, Result<()>)>) -> Output<DoneEntry> {
    let mut output = Output::default();
    for (id, fate) in fates {
        match fate {
            Ok(()) => output.successful.push(DoneEntry { id }),
            Err(error) => output.failed.push(FailedEntry::new(id, &error)),
        }
    }
    output
}
