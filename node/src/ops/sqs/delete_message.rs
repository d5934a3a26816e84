//! DeleteMessage and DeleteMessageBatch.

use api::sqs::batch::{DoneEntry, Output};
use api::sqs::delete_message::{BatchInput, Handle, Input};
use raft::command::queue::{Delete, QueueAnswer, QueueOp, Receipt};

use super::{Context, Result, misfit, outcomes};

pub(super) async fn delete(context: &Context<'_>, input: Input) -> Result<()> {
    let queue = context.queue(input.queue()?).await?;
    let handle = input.handle()?;
    outcomes::check(&handle, &queue)?;
    let op = QueueOp::Delete(Delete {
        receipts: vec![receipt(&handle)],
    });
    let answer = context.partition(&queue, op, None).await?;
    outcomes::single(&answer, &handle, 0)
}

pub(super) async fn delete_batch(context: &Context<'_>, input: BatchInput) -> Result<Output<DoneEntry>> {
    let (queue, entries) = input.validate()?;
    let queue = context.queue(queue).await?;
    let checked: Vec<(String, Result<Handle>)> = entries
        .into_iter()
        .map(|(id, handle)| (id, handle.and_then(|h| outcomes::check(&h, &queue).map(|()| h))))
        .collect();
    let receipts: Vec<Receipt> = checked
        .iter()
        .filter_map(|(_, h)| h.as_ref().ok())
        .map(receipt)
        .collect();
    let mut done = Vec::new();
    if !receipts.is_empty() {
        let wanted = receipts.len();
        let answer = context
            .partition(&queue, QueueOp::Delete(Delete { receipts }), None)
            .await?;
        match answer {
            QueueAnswer::Outcomes(outcomes) if outcomes.outcomes.len() == wanted => done = outcomes.outcomes,
            other => return Err(misfit(&other)),
        }
    }
    let mut done = done.into_iter();
    Ok(outcomes::batch(checked.into_iter().map(|(id, handle)| {
        let fate = handle.and_then(|h| outcomes::of(done.next().unwrap_or_default(), &h, 0));
        (id, fate)
    })))
}

pub(super) fn receipt(handle: &Handle) -> Receipt {
    Receipt {
        sequence: handle.receipt.sequence,
        delivery: handle.receipt.delivery,
    }
}
