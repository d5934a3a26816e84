//! What tests of a partition's parts have in common.

use bytes::Bytes;
use prost::Message as _;

use super::Queue;
use crate::command::queue::{
    Configure, Delivered, QueueAnswer, QueueCommand, QueueOp, QueueReply, Receive, Send, SendEntry, SetLevel,
};
use crate::command::{Batch, Reply};
use crate::level::Level;

/// A queue of a level, at 1 s, and how long its messages live.
pub(super) fn queue(level: Level, retention_ms: u64) -> Queue {
    let mut queue = Queue::new();
    let to = level.0;
    apply(&mut queue, 1_000, QueueOp::SetLevel(SetLevel { to: to.max(1) }));
    queue.level = level;
    configure(&mut queue, 1_000, retention_ms);
    queue
}

/// Another retention.
pub(super) fn configure(queue: &mut Queue, now_ms: u64, retention_ms: u64) {
    let configure = Configure {
        version: queue.config_version() + 1,
        fifo: queue.is_fifo(),
        retention_ms,
        ..Configure::default()
    };
    apply(queue, now_ms, QueueOp::Configure(configure));
}

/// A batch of one command.
pub(super) fn apply(queue: &mut Queue, now_ms: u64, op: QueueOp) -> QueueAnswer {
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(op),
    };
    let mut replies = queue.apply(&Batch {
        now_ms,
        seed: now_ms,
        commands: vec![command.encode_to_vec().into()],
        ..Batch::default()
    });
    match replies.pop() {
        Some(Reply::Queue(QueueReply { answer: Some(answer) })) => answer,
        other => panic!("{other:?}"),
    }
}

/// So many messages, all alike.
pub(super) fn send(queue: &mut Queue, now_ms: u64, messages: usize) {
    let entry = SendEntry {
        body: "m".into(),
        ..SendEntry::default()
    };
    let entries = vec![entry; messages];
    apply(queue, now_ms, QueueOp::Send(Send { entries }));
}

/// What a receive gets.
pub(super) fn receive(queue: &mut Queue, now_ms: u64, max: u32, visibility_ms: u64) -> Vec<Delivered> {
    let receive = Receive {
        max,
        visibility_ms,
        ..Receive::default()
    };
    match apply(queue, now_ms, QueueOp::Receive(receive)) {
        QueueAnswer::Received(received) => received.messages,
        other => panic!("{other:?}"),
    }
}
