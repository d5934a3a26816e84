//! Amazon SQS.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use api::error::{self, ApiError};
use api::sqs::queue_url::QueueRef;
use api::sqs::sequence_number::SequenceNumber;
use api::sqs::{Operation, errors};
use api::types::MessageId;
use bytes::Bytes;
use http::Response;
use prost::Message;
use raft::command::Reply;
use raft::command::catalog::{CatalogAnswer, CatalogCommand, CatalogOp, CatalogReply, ResourceKey};
use raft::command::queue::{QueueAnswer, QueueCommand, QueueOp, QueueReply};
use raft::planted::{Bug, planted};
use raft::types::{GroupId, NodeId};

use super::Context;
use crate::catalog::{Partition, QueueView};
use crate::router::{Command, RouteError};

mod add_permission;
mod cancel_message_move_task;
mod change_message_visibility;
mod change_message_visibility_batch;
mod create_queue;
mod delete_message;
mod delete_message_batch;
mod delete_queue;
mod get_queue_attributes;
mod get_queue_url;
mod list_dead_letter_source_queues;
mod list_message_move_tasks;
mod list_queue_tags;
mod list_queues;
mod move_tasks;
mod purge_queue;
mod put;
mod receipts;
mod receive_message;
mod refusals;
mod remove_permission;
mod send_message;
mod send_message_batch;
mod set_queue_attributes;
mod start_message_move_task;
mod tag_queue;
mod take;
mod untag_queue;

type Result<T> = std::result::Result<T, ApiError>;

/// Decodes a call's input, does the operation, and encodes what it answered.
macro_rules! answer {
    ($context:ident, $operation:path) => {{
        let (call, request_id) = ($context.call, $context.request_id);
        match call.decode() {
            Ok(input) => match $operation($context, input).await {
                Ok(output) => call.reply(&output, request_id),
                Err(error) => call.fail(&error, request_id),
            },
            Err(error) => call.fail(&error, request_id),
        }
    }};
}

/// Does what an SQS call asks for.
pub(super) async fn dispatch(context: &Context<'_>, operation: Operation) -> Response<Bytes> {
    match operation {
        Operation::AddPermission => answer!(context, add_permission::add),
        Operation::CancelMessageMoveTask => answer!(context, cancel_message_move_task::cancel),
        Operation::ChangeMessageVisibility => answer!(context, change_message_visibility::change),
        Operation::ChangeMessageVisibilityBatch => answer!(context, change_message_visibility_batch::change),
        Operation::CreateQueue => answer!(context, create_queue::create),
        Operation::DeleteMessage => answer!(context, delete_message::delete),
        Operation::DeleteMessageBatch => answer!(context, delete_message_batch::delete),
        Operation::DeleteQueue => answer!(context, delete_queue::delete),
        Operation::GetQueueAttributes => answer!(context, get_queue_attributes::get),
        Operation::GetQueueUrl => answer!(context, get_queue_url::get),
        Operation::ListDeadLetterSourceQueues => answer!(context, list_dead_letter_source_queues::list),
        Operation::ListMessageMoveTasks => answer!(context, list_message_move_tasks::list),
        Operation::ListQueueTags => answer!(context, list_queue_tags::list),
        Operation::ListQueues => answer!(context, list_queues::list),
        Operation::PurgeQueue => answer!(context, purge_queue::purge),
        Operation::ReceiveMessage => answer!(context, receive_message::receive),
        Operation::RemovePermission => answer!(context, remove_permission::remove),
        Operation::SendMessage => answer!(context, send_message::send),
        Operation::SendMessageBatch => answer!(context, send_message_batch::send),
        Operation::SetQueueAttributes => answer!(context, set_queue_attributes::set),
        Operation::StartMessageMoveTask => answer!(context, start_message_move_task::start),
        Operation::TagQueue => answer!(context, tag_queue::tag),
        Operation::UntagQueue => answer!(context, untag_queue::untag),
    }
}

impl Context<'_> {
    /// The resource that a queue is, in the region that the caller addresses.
    fn key(&self, queue: &QueueRef) -> ResourceKey {
        ResourceKey {
            account: queue.account.to_string(),
            region: self.call.caller.region.to_string(),
            name: queue.name.to_string(),
        }
    }

    /// A queue that must exist.
    async fn queue(&self, queue: &QueueRef) -> Result<Arc<QueueView>> {
        let key = self.key(queue);
        match self
            .frontend
            .catalog
            .queue(&key, self.frontend.limits.patience)
            .await
        {
            Ok(Some(view)) => Ok(view),
            Ok(None) => Err(errors::queue_does_not_exist()),
            Err(_) => Err(error::service_unavailable()),
        }
    }

    /// The same, as it is now: for operations about the queue itself, which must see what another
    /// node has acknowledged a moment ago. Those about messages need not ask: the partition's leader
    /// knows whether it is still there.
    async fn queue_now(&self, queue: &QueueRef) -> Result<Arc<QueueView>> {
        self.catch_up().await?;
        self.queue(queue).await
    }

    /// Returns when the local catalog has everything that was acknowledged before the call.
    async fn catch_up(&self) -> Result<()> {
        let (catalog, patience) = (&self.frontend.catalog, self.frontend.limits.patience);
        let caught_up = catalog.catch_up(patience).await;
        caught_up.map_err(|_| error::service_unavailable())
    }

    /// Gets a command done by the catalog, which may refuse it.
    async fn catalog(&self, op: CatalogOp) -> Result<CatalogAnswer> {
        match self.catalog_answer(op).await? {
            CatalogAnswer::Refused(refusal) => Err(refusals::error(&refusal)),
            answer => Ok(answer),
        }
    }

    /// The same, whatever the answer.
    async fn catalog_answer(&self, op: CatalogOp) -> Result<CatalogAnswer> {
        let command = CatalogCommand {
            invocation: self.invocation.clone(),
            op: Some(op),
        };
        let command = Command {
            group: GroupId::CATALOG,
            replicas: Arc::from([] as [NodeId; 0]),
            bytes: command.encode_to_vec().into(),
            receive: None,
        };
        match self.frontend.router.command(command).await.map_err(route_error)? {
            Reply::Catalog(CatalogReply { answer: Some(answer) }) => Ok(answer),
            other => Err(misfit(&other)),
        }
    }

    /// Gets something done by a partition of a queue. `wait` is for receives.
    async fn partition(
        &self,
        partition: &Partition,
        op: QueueOp,
        wait: Option<Duration>,
    ) -> Result<QueueAnswer> {
        self.command(partition, self.encode(op), wait).await
    }

    /// The command that asks a partition for something.
    fn encode(&self, op: QueueOp) -> Bytes {
        let command = QueueCommand {
            invocation: self.invocation.clone(),
            op: Some(op),
        };
        command.encode_to_vec().into()
    }

    /// Gets a command done by a partition of a queue. `wait` is for receives.
    async fn command(
        &self,
        partition: &Partition,
        bytes: Bytes,
        wait: Option<Duration>,
    ) -> Result<QueueAnswer> {
        let mut waited = Duration::ZERO;
        self.command_waiting(partition, bytes, wait, &mut waited).await
    }

    /// The same; adds to `waited` the time in which there was nothing to receive.
    async fn command_waiting(
        &self,
        partition: &Partition,
        bytes: Bytes,
        wait: Option<Duration>,
        waited: &mut Duration,
    ) -> Result<QueueAnswer> {
        let command = Command {
            group: partition.group,
            replicas: partition.replicas.clone(),
            bytes,
            receive: wait,
        };
        let reply = match self.frontend.router.command_waiting(command, waited).await {
            Err(RouteError::NoSuchGroup(_)) => Err(errors::queue_does_not_exist()),
            // A queue that was deleted meanwhile has no leader any more.
            Err(RouteError::Unavailable(group)) if self.is_gone(group).await => {
                Err(errors::queue_does_not_exist())
            }
            routed => routed.map_err(route_error),
        };
        match reply? {
            Reply::Queue(QueueReply { answer: Some(answer) }) => Ok(answer),
            other => Err(misfit(&other)),
        }
    }

    /// A number that is the same for repetitions of the call and evenly spread over all calls.
    fn number(&self) -> u64 {
        u64::from(crc32c::crc32c(&self.invocation))
    }

    /// Whether the client may have made the same call before.
    fn may_be_retry(&self) -> bool {
        let is_first = self.call.invocation.is_none() || self.call.attempt == Some(1);
        !is_first && !planted(Bug::GrowthUnnoticed)
    }

    async fn is_gone(&self, group: GroupId) -> bool {
        let catalog = &self.frontend.catalog;
        catalog.catch_up(Duration::from_secs(1)).await.is_ok() && catalog.read(|c| c.group(group).is_none())
    }
}

fn route_error(error: RouteError) -> ApiError {
    match error {
        RouteError::Busy(_) => errors::request_throttled(),
        RouteError::Unavailable(_) | RouteError::NoSuchGroup(_) => error::service_unavailable(),
        RouteError::Quarantined(_) => error::quarantined(),
    }
}

/// The reply to a command was of another kind.
fn misfit(answer: &dyn Debug) -> ApiError {
    tracing::error!(?answer, "the answer does not fit the command");
    error::internal_failure()
}

/// A message's id, as machines have it.
fn message_id(bytes: &Bytes) -> Result<MessageId> {
    let id = bytes.as_ref().try_into().map_err(|_| misfit(bytes))?;
    Ok(MessageId(id))
}

/// A message's sequence within its partition as its receiver is told, which is on FIFO queues only. No two messages of a queue
/// have the same: their partitions, which never become more, take turns.
fn sequence_number(queue: &QueueView, group: GroupId, sequence: u64) -> Option<SequenceNumber> {
    let mut partitions = queue.partitions.iter();
    let place = partitions.position(|partition| partition.group == group)? as u64;
    let number = sequence * queue.partitions.len() as u64 + place;
    queue.settings.fifo.then_some(SequenceNumber(number))
}
