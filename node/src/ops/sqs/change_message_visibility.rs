//! ChangeMessageVisibility and ChangeMessageVisibilityBatch.

use api::sqs::batch::{DoneEntry, Output};
use api::sqs::change_message_visibility::{BatchInput, Change, Input};
use raft::command::queue::{ChangeVisibility, QueueAnswer, QueueOp, VisibilityEntry};

use super::delete_message::receipt;
use super::{Context, Result, misfit, outcomes};

pub(super) async fn change(context: &Context<'_>, input: Input) -> Result<()> {
    let queue = context.queue(input.queue()?).await?;
    let change = input.change()?;
    outcomes::check(&change.handle, &queue)?;
    let op = QueueOp::ChangeVisibility(ChangeVisibility {
        entries: vec![entry(&change)],
    });
    let answer = context.partition(&queue, op, None).await?;
    outcomes::single(&answer, &change.handle, change.visibility_ms)
}

pub(super) async fn change_batch(context: &Context<'_>, input: BatchInput) -> Result<Output<DoneEntry>> {
    let (queue, entries) = input.validate()?;
    let queue = context.queue(queue).await?;
    let checked: Vec<(String, Result<Change>)> = entries
        .into_iter()
        .map(|(id, change)| {
            (
                id,
                change.and_then(|c| outcomes::check(&c.handle, &queue).map(|()| c)),
            )
        })
        .collect();
    let entries: Vec<VisibilityEntry> = checked
        .iter()
        .filter_map(|(_, c)| c.as_ref().ok())
        .map(entry)
        .collect();
    let mut done = Vec::new();
    if !entries.is_empty() {
        let wanted = entries.len();
        let op = QueueOp::ChangeVisibility(ChangeVisibility { entries });
        match context.partition(&queue, op, None).await? {
            QueueAnswer::Outcomes(outcomes) if outcomes.outcomes.len() == wanted => done = outcomes.outcomes,
            other => return Err(misfit(&other)),
        }
    }
    let mut done = done.into_iter();
    Ok(outcomes::batch(checked.into_iter().map(|(id, change)| {
        let fate =
            change.and_then(|c| outcomes::of(done.next().unwrap_or_default(), &c.handle, c.visibility_ms));
        (id, fate)
    })))
}

fn entry(change: &Change) -> VisibilityEntry {
    VisibilityEntry {
        receipt: Some(receipt(&change.handle)),
        visibility_ms: change.visibility_ms,
    }
}
