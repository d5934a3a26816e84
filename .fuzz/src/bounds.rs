//! What is decoded and accepted is within the bounds that the service documents.

use api::error::ApiError;
use api::protocol::{Call, Operation};
use api::sqs::attributes::{self, Map, QueueSettings};
use api::sqs::batch::{Entry, EntryId};
use api::sqs::change_message_visibility::Change;
use api::sqs::message::{OutgoingMessage, PreparedMessage, SentBy};
use api::sqs::queue_arn::QueueArn;
use api::sqs::queue_url::QueueRef;
use api::sqs::tags::Tags;
use api::sqs::{self, body};

/// Decodes the input of a call and checks it. Fails as the call would.
pub fn check(call: &Call) -> Result<(), ApiError> {
    use sqs::Operation::*;
    let Operation::Sqs(operation) = call.operation;
    match operation {
        AddPermission => permission(&call.decode()?),
        CancelMessageMoveTask => arn(&call.decode::<sqs::cancel_message_move_task::Input>()?.task.source),
        ChangeMessageVisibility => {
            let input: sqs::change_message_visibility::Input = call.decode()?;
            queue(&input.queue);
            input.change.iter().for_each(change);
        }
        ChangeMessageVisibilityBatch => {
            let input: sqs::change_message_visibility_batch::Input = call.decode()?;
            queue(&input.queue);
            entries(&input.entries).for_each(change);
        }
        CreateQueue => {
            let input: sqs::create_queue::Input = call.decode()?;
            new_attributes(&input.attributes, input.name.is_fifo());
            tags(&input.tags, 50);
        }
        DeleteMessage => queue(&call.decode::<sqs::delete_message::Input>()?.queue),
        DeleteMessageBatch => {
            let input: sqs::delete_message_batch::Input = call.decode()?;
            queue(&input.queue);
            entries(&input.entries).for_each(drop);
        }
        DeleteQueue => queue(&call.decode::<sqs::delete_queue::Input>()?.queue),
        GetQueueAttributes => queue(&call.decode::<sqs::get_queue_attributes::Input>()?.queue),
        GetQueueUrl => drop(call.decode::<sqs::get_queue_url::Input>()?),
        ListDeadLetterSourceQueues => {
            let input: sqs::list_dead_letter_source_queues::Input = call.decode()?;
            queue(&input.queue);
            drop(input.page(&call.caller.region)?);
        }
        ListMessageMoveTasks => {
            let input: sqs::list_message_move_tasks::Input = call.decode()?;
            arn(&input.source);
            assert!((1..=10).contains(&input.results_max));
        }
        ListQueueTags => queue(&call.decode::<sqs::list_queue_tags::Input>()?.queue),
        ListQueues => drop(call.decode::<sqs::list_queues::Input>()?.page(&call.caller)?),
        PurgeQueue => queue(&call.decode::<sqs::purge_queue::Input>()?.queue),
        ReceiveMessage => receive(&call.decode()?),
        RemovePermission => queue(&call.decode::<sqs::remove_permission::Input>()?.queue),
        SendMessage => {
            let input: sqs::send_message::Input = call.decode()?;
            queue(&input.queue);
            message(&input.message, SentBy::Single);
        }
        SendMessageBatch => {
            let input: sqs::send_message_batch::Input = call.decode()?;
            queue(&input.queue);
            let sizes = entries(&input.entries).map(|outgoing| message(outgoing, SentBy::Batch));
            assert!(sizes.sum::<usize>() <= 1 << 20);
        }
        SetQueueAttributes => {
            let input: sqs::set_queue_attributes::Input = call.decode()?;
            queue(&input.queue);
            changes(&input.changes, input.queue.name.is_fifo());
        }
        StartMessageMoveTask => {
            let input: sqs::start_message_move_task::Input = call.decode()?;
            arn(&input.source);
            input.destination.iter().for_each(arn);
            assert!(input.rate_max.is_none_or(|rate| (1..=500).contains(&rate)));
        }
        TagQueue => {
            let input: sqs::tag_queue::Input = call.decode()?;
            queue(&input.queue);
            tags(&input.tags, 50);
        }
        UntagQueue => {
            let input: sqs::untag_queue::Input = call.decode()?;
            assert!(
                input
                    .keys
                    .iter()
                    .all(|key| (1..=128).contains(&key.chars().count()))
            );
        }
    }
    Ok(())
}

/// A queue is the one that its URL names, whatever the host.
pub fn queue(queue: &QueueRef) {
    assert!((1..=80).contains(&queue.name.as_str().len()));
    for host in ["localhost:4566", "[::1]", ""] {
        assert_eq!(QueueRef::parse(&queue.url(host)).as_ref(), Ok(queue));
    }
}

/// A queue is the one that its ARN names.
pub fn arn(arn: &QueueArn) {
    queue(&arn.queue);
    assert_eq!(QueueArn::read(&arn.to_string()).as_ref(), Some(arn));
}

/// The attributes of a new queue are in their canonical form, and settings are within their ranges.
pub fn new_attributes(new: &attributes::NewAttributes, fifo: bool) {
    let again = attributes::of_new_queue(new.given.clone(), fifo);
    assert_eq!(again.as_ref(), Ok(new), "not canonical");
    let settings = QueueSettings::of(&new.complete);
    assert_eq!(settings.fifo, fifo);
    assert!(settings.delay_ms <= 900_000);
    assert!((1024..=1 << 20).contains(&settings.message_bytes_max));
    assert!((60_000..=1_209_600_000).contains(&settings.retention_ms));
    assert!(settings.receive_wait_ms <= 20_000);
    assert!(settings.visibility_timeout_ms <= 43_200_000);
}

/// Changes lead to attributes that a new queue could have been given, and making them twice changes nothing more.
pub fn changes(changes: &attributes::Changes, fifo: bool) {
    let mut current = attributes::complete(&Map::new(), fifo);
    let Ok(first) = changes.clone().against(&current, 1) else {
        return;
    };
    assert!(first.keys().all(|name| attributes::is_settable(name)));
    current.extend(first);
    current.retain(|_, value| !value.is_empty());
    let second = changes
        .clone()
        .against(&current, 1)
        .expect("what was right is right again");
    let mut after = current.clone();
    after.extend(second);
    after.retain(|_, value| !value.is_empty());
    assert_eq!(after, current, "the second time is another");
    let given: Map = current.clone();
    let new = attributes::of_new_queue(given, fifo).expect("a queue has what it may have");
    assert_eq!(new.complete, current);
}

fn entries<T>(entries: &[Entry<T>]) -> impl Iterator<Item = &T> {
    assert!((1..=10).contains(&entries.len()));
    let mut ids: Vec<&EntryId> = entries.iter().map(|entry| &entry.id).collect();
    ids.sort_by_key(|id| id.as_str());
    ids.dedup();
    assert_eq!(ids.len(), entries.len(), "two entries of one id");
    assert!(ids.iter().all(|id| (1..=80).contains(&id.as_str().len())));
    entries.iter().filter_map(|entry| entry.content.as_ref().ok())
}

fn change(change: &Change) {
    assert!(change.visibility_timeout_seconds <= 43_200);
}

fn permission(input: &sqs::add_permission::Input) {
    queue(&input.queue);
    assert!((1..=80).contains(&input.label.len()));
    assert!((1..=50).contains(&input.accounts.len()));
    assert!((1..=7).contains(&input.actions.len()));
}

fn receive(input: &sqs::receive_message::Input) {
    queue(&input.queue);
    assert!((1..=10).contains(&input.messages_max));
    assert!(
        input
            .visibility_timeout_seconds
            .is_none_or(|seconds| seconds <= 43_200)
    );
    assert!(input.wait_seconds.is_none_or(|seconds| seconds <= 20));
    assert!(
        input
            .attempt_id
            .as_ref()
            .is_none_or(|id| (1..=128).contains(&id.len()))
    );
}

/// What a message weighs.
fn message(message: &OutgoingMessage, by: SentBy) -> usize {
    let standard = attributes::complete(&Map::new(), false);
    let given = Map::from([("ContentBasedDeduplication".to_owned(), "true".to_owned())]);
    let fifo = attributes::complete(&given, true);
    let ways = [standard, fifo].map(|attributes| {
        let settings = QueueSettings::of(&attributes);
        let prepared = message.clone().prepare(&settings, by).ok()?;
        assert_eq!(settings.fifo, !prepared.deduplication_id.is_empty());
        Some(prepared)
    });
    ways.iter().flatten().map(bytes).max().unwrap_or(0)
}

fn bytes(message: &PreparedMessage) -> usize {
    assert!(!message.body.is_empty());
    assert!(message.delay_ms <= 900_000);
    assert!(message.group.len() <= 128 && message.deduplication_id.len() <= 128);
    assert!(message.attributes.len() <= 10);
    assert!(
        message
            .attributes
            .is_sorted_by(|left, right| left.name < right.name)
    );
    carried(std::str::from_utf8(&message.body).expect("a body is a text"));
    for attribute in &message.attributes {
        assert!((1..=256).contains(&attribute.name.len()) && (1..=256).contains(&attribute.data_type.len()));
        assert!(!attribute.value.is_empty());
        carried(&attribute.name);
        carried(&attribute.data_type);
    }
    message.trace_header.iter().for_each(|header| carried(header));
    let attributes = message.attributes.iter().map(|attribute| attribute.size());
    let size = message.body.len() + attributes.sum::<usize>();
    assert!(size <= 1 << 20);
    size
}

fn tags(tags: &Tags, max: usize) {
    assert!(tags.len() <= max);
    for (key, value) in tags {
        assert!((1..=128).contains(&key.chars().count()) && value.chars().count() <= 256);
        carried(key);
        carried(value);
    }
}

/// Replies of the query protocol can hold it as it is.
fn carried(text: &str) {
    assert!(body::check(text).is_ok(), "XML cannot hold {text:?}");
}
