//! Amazon SQS.

use std::sync::Arc;
use std::time::Duration;

use api::error::{self, ApiError};
use api::protocol::Call;
use api::sqs::{Operation, QueueRef, errors};
use bytes::Bytes;
use http::Response;
use prost::Message;
use raft::command::Reply;
use raft::command::catalog::{CatalogAnswer, CatalogCommand, CatalogOp, CatalogReply, ResourceKey};
use raft::command::queue::{QueueAnswer, QueueCommand, QueueOp, QueueReply};
use raft::types::{GroupId, NodeId};

use super::Context;
use crate::catalog::QueueView;
use crate::router::{Command, RouteError};

mod change_message_visibility;
mod create_queue;
mod delete_message;
mod delete_queue;
mod get_queue_attributes;
mod list_queues;
mod outcomes;
mod purge_queue;
mod receive_message;
mod send_message;
mod set_queue_attributes;

type Result<T> = std::result::Result<T, ApiError>;

/// Decodes a call's input, does the operation, and encodes what it answered.
macro_rules! answer {
    ($context:ident, $call:ident, $operation:path) => {
        match $call.decode() {
            Ok(input) => match $operation($context, input).await {
                Ok(output) => $call.reply(&output, $context.request_id),
                Err(error) => $call.fail(&error, $context.request_id),
            },
            Err(error) => $call.fail(&error, $context.request_id),
        }
    };
}

/// The same for operations that answer nothing.
macro_rules! answer_empty {
    ($context:ident, $call:ident, $operation:path) => {
        match $call.decode() {
            Ok(input) => match $operation($context, input).await {
                Ok(()) => $call.reply_empty($context.request_id),
                Err(error) => $call.fail(&error, $context.request_id),
            },
            Err(error) => $call.fail(&error, $context.request_id),
        }
    };
}

/// Does what an SQS call asks for.
pub(super) async fn dispatch(context: &Context<'_>, call: &Call, operation: Operation) -> Response<Bytes> {
    match operation {
        Operation::CreateQueue => answer!(context, call, create_queue::create),
        Operation::GetQueueUrl => answer!(context, call, list_queues::get_url),
        Operation::ListQueues => answer!(context, call, list_queues::list),
        Operation::GetQueueAttributes => answer!(context, call, get_queue_attributes::get),
        Operation::SendMessage => answer!(context, call, send_message::send),
        Operation::SendMessageBatch => answer!(context, call, send_message::send_batch),
        Operation::ReceiveMessage => answer!(context, call, receive_message::receive),
        Operation::DeleteMessageBatch => answer!(context, call, delete_message::delete_batch),
        Operation::ChangeMessageVisibilityBatch => {
            answer!(context, call, change_message_visibility::change_batch)
        }
        Operation::DeleteQueue => answer_empty!(context, call, delete_queue::delete),
        Operation::SetQueueAttributes => answer_empty!(context, call, set_queue_attributes::set),
        Operation::PurgeQueue => answer_empty!(context, call, purge_queue::purge),
        Operation::DeleteMessage => answer_empty!(context, call, delete_message::delete),
        Operation::ChangeMessageVisibility => {
            answer_empty!(context, call, change_message_visibility::change)
        }
    }
}

impl Context<'_> {
    /// The resource that a queue's URL or name means: in the caller's account if it names none.
    fn key(&self, queue: QueueRef) -> ResourceKey {
        ResourceKey {
            account: queue.account.unwrap_or_else(|| self.account.clone()),
            region: self.region.clone(),
            name: queue.name,
        }
    }

    /// A queue that must exist.
    async fn queue(&self, queue: QueueRef) -> Result<Arc<QueueView>> {
        let key = self.key(queue);
        match self
            .frontend
            .catalog
            .queue(&key, self.frontend.limits.patience)
            .await
        {
            Ok(Some(view)) => Ok(view),
            Ok(None) => Err(errors::no_such_queue()),
            Err(_) => Err(unavailable()),
        }
    }

    /// Gets a command done by the catalog.
    async fn catalog(&self, op: CatalogOp) -> Result<CatalogAnswer> {
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
            other => Err(unexpected(&other)),
        }
    }

    /// Gets a command done by a partition of a queue. `wait` is for receives.
    async fn partition(&self, queue: &QueueView, op: QueueOp, wait: Option<Duration>) -> Result<QueueAnswer> {
        let command = QueueCommand {
            invocation: self.invocation.clone(),
            op: Some(op),
        };
        let command = Command {
            group: queue.group(),
            replicas: queue.replicas.clone(),
            bytes: command.encode_to_vec().into(),
            receive: wait,
        };
        let reply = match self.frontend.router.command(command).await {
            // A queue that was deleted meanwhile has no leader any more.
            Err(RouteError::Unavailable(group)) if self.is_gone(group).await => Err(errors::no_such_queue()),
            routed => routed.map_err(route_error),
        };
        match reply? {
            Reply::Queue(QueueReply { answer: Some(answer) }) => Ok(answer),
            other => Err(unexpected(&other)),
        }
    }

    async fn is_gone(&self, group: GroupId) -> bool {
        let catalog = &self.frontend.catalog;
        catalog.catch_up(Duration::from_secs(1)).await.is_ok() && catalog.read(|c| c.group(group).is_none())
    }
}

fn route_error(error: RouteError) -> ApiError {
    match error {
        RouteError::Busy(_) => ApiError::new(
            &error::THROTTLED,
            "The request was denied due to request throttling.",
        ),
        RouteError::Unavailable(_) => unavailable(),
    }
}

fn unavailable() -> ApiError {
    ApiError::new(
        &error::UNAVAILABLE,
        "The request has failed due to a temporary failure of the server.",
    )
}

fn unexpected(reply: &Reply) -> ApiError {
    tracing::error!(?reply, "the reply does not fit the command");
    ApiError::new(
        &error::INTERNAL,
        "The request processing has failed because of an unknown error.",
    )
}

/// The reply to a command about messages was of another kind.
fn misfit(answer: &QueueAnswer) -> ApiError {
    tracing::error!(?answer, "the answer does not fit the command");
    ApiError::new(
        &error::INTERNAL,
        "The request processing has failed because of an unknown error.",
    )
}

/// A message's id as text: a UUID.
fn message_id(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .enumerate()
        .fold(String::with_capacity(36), |mut text, (at, byte)| {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A sequence within a partition as FIFO queues tell it: 20 digits, strictly rising.
fn sequence_number(sequence: u64) -> String {
    // AWS's own begin with 18; the steps leave room for partitions.
    format!("{}", 10_000_000_000_000_000_000 + sequence * 256)
}
