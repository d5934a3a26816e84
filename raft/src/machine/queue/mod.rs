//! One partition of a queue: messages, who holds them and until when, and for FIFO queues the
//! order and deduplication that SQS promises.
//!
//! Invariants:
//! - A message is in exactly one place: ready, delayed until a time, or in flight until a time.
//! - Sequences rise by one with each message; with the clock clamped, sequence order is also order
//!   of sending. A message that becomes ready again takes its old place in that order.
//! - Standard queues hand out messages in that order, but those of quiet tenants before those of noisy ones: `fair.rs`.
//! - On FIFO queues no message of a group is handed out while another one of the group is in flight.
//! - Nothing happens by itself: what time has brought is worked off when a batch arrives, a bounded
//!   number of messages at a time (`due.rs`, `expire.rs`). The read-only accessors therefore take
//!   the reader's time into account.
//!
//! Messages that leave for another partition, such as dead letters, concern two groups: `departures.rs`.

use bytes::Bytes;
use prost::Message as _;

use crate::command::queue::{Delivered, QueueAnswer, QueueCommand, QueueOp, QueueReply, Recall, Receipt};
use crate::command::{Batch, Reply};
use crate::level::{self, Level};
use crate::machine::clock::Clock;
use crate::machine::window::{Window, WindowStats};
use crate::machine::{MachineKind, idempotency};
use crate::types::Millis;

mod ages;
mod attempts;
mod backlog;
mod change_visibility;
mod chunk;
mod configure;
mod dedup;
mod delete;
mod departures;
mod due;
mod expire;
mod fair;
mod figures;
mod garbage;
mod groups;
mod import;
mod letter;
mod line;
mod memory;
mod message;
mod message_id;
mod moves;
mod pages;
mod portions;
mod purge;
mod recall;
mod receive;
mod recent;
mod record;
mod redelay;
mod remembered;
mod rows;
mod send;
mod set_level;
mod share;
mod tenants;
#[cfg(test)]
mod testing;
mod timers;
mod unread;
mod view;

pub use chunk::{Bits, Chunk, ChunkWriter};
pub use departures::Departure;
pub use due::DUE_MAX;
pub use expire::EXPIRED_MAX;
pub use figures::{Figures, Tally};
pub use garbage::Garbage;
pub use letter::Stored;
pub use moves::Progress;
pub use receive::LEAVING_MAX;
pub use record::MessageRow;
pub use share::share;
pub use unread::{Unread, UnreadReply};
pub use view::Counts;

use attempts::Attempts;
use backlog::Backlog;
use configure::Settings;
use dedup::Deduplication;
use import::Origins;
use moves::Moves;
use redelay::Redelay;
use remembered::Remembered;

/// The state of a queue partition.
pub struct Queue {
    clock: Clock,
    /// What the machine behaves by: see `level.rs`.
    level: Level,
    settings: Settings,
    next_sequence: u64,
    last_purge: Option<Millis>,
    /// Messages that were sent until then were too old by earlier settings: `expire.rs`.
    gone_until: Option<Millis>,
    /// When the present settings last decided what is too old. No part of the state: a batch says so
    /// before it uses it.
    judged_at: Millis,
    /// Delayed messages are to get another delay.
    redelay: Option<Redelay>,
    backlog: Backlog,
    deduplication: Deduplication,
    attempts: Attempts,
    invocations: Window<Remembered>,
    origins: Origins,
    moves: Moves,
    since_cut: rows::SinceCut,
    tally: Tally,
    /// Delays and timeouts that were worked off since this replica was opened. No part of the state.
    timers_handled: u64,
    /// What was purged, until [`Queue::take_garbage`].
    garbage: Garbage,
}

/// What a batch gives to each of its commands.
#[derive(Clone, Copy)]
struct Moment {
    now: Millis,
    seed: u64,
}

impl Queue {
    /// An empty partition: standard, until it is configured.
    pub(super) fn new() -> Queue {
        Queue {
            clock: Clock::default(),
            level: Level::ZERO,
            settings: Settings::default(),
            next_sequence: 1,
            last_purge: None,
            gone_until: None,
            judged_at: Millis::default(),
            redelay: None,
            backlog: Backlog::new(false),
            deduplication: Deduplication::empty(),
            attempts: Attempts::empty(),
            invocations: Window::new(idempotency::queue(Level::ZERO, u64::MAX)),
            origins: Origins::default(),
            moves: Moves::default(),
            since_cut: rows::SinceCut::default(),
            tally: Tally::default(),
            timers_handled: 0,
            garbage: Garbage::default(),
        }
    }

    /// What is no part of the state any more, if there is some since the last call.
    pub(in crate::machine) fn take_garbage(&mut self) -> Option<Garbage> {
        let garbage = std::mem::take(&mut self.garbage);
        (!garbage.is_empty()).then_some(garbage)
    }

    /// The time of the last batch.
    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(super) fn apply(&mut self, batch: &Batch) -> Vec<Reply> {
        self.judged_at = self.clock.now();
        let now = self.clock.advance(batch.now_ms);
        let remember_bytes = match batch.remember_bytes {
            0 => idempotency::QUEUE_BYTES,
            bytes => bytes,
        };
        self.invocations
            .limit(idempotency::queue(self.level, remember_bytes));
        self.deduplication.limit(dedup::limits(self.level));
        self.attempts.limit(attempts::limits(self.level));
        self.invocations.expire(now);
        self.deduplication.expire(now);
        self.attempts.expire(now);
        self.end_timers(now);
        self.redelay_more(now);
        if !self.begins_with_newer_settings(now, batch) {
            self.drop_expired(now);
            self.judged_at = now;
        }
        let moment = Moment {
            now,
            seed: batch.seed,
        };
        let commands = batch.commands.iter();
        commands.map(|command| self.reply(moment, command)).collect()
    }

    fn reply(&mut self, moment: Moment, command: &Bytes) -> Reply {
        if !level::need(MachineKind::Queue, command).is_met_by(self.level) {
            return Reply::Unintelligible;
        }
        match QueueCommand::decode(command.clone()) {
            Ok(QueueCommand {
                invocation,
                op: Some(op),
            }) => {
                let answer = self.once(moment, &invocation, op);
                match self.complete(answer) {
                    Ok(answer) => Reply::Queue(QueueReply { answer: Some(answer) }),
                    Err(unread) => Reply::Unread(Box::new(unread)),
                }
            }
            Ok(QueueCommand { op: None, .. }) | Err(_) => Reply::Unintelligible,
        }
    }

    /// Performs an operation unless it was performed before under the same invocation.
    fn once(&mut self, moment: Moment, invocation: &[u8], op: QueueOp) -> QueueAnswer {
        let Some(key) = idempotency::key(invocation) else {
            return self.perform(moment, op);
        };
        let remembered = self.invocations.get(&key);
        if let Some(first) = remembered.and_then(|first| first.again(&op, |receipt| self.held(receipt))) {
            if idempotency::renews(self.level) {
                let interval = idempotency::RENEWED_AFTER;
                self.invocations.renew(&key, moment.now, interval);
            }
            return first;
        }
        // What is deleted stays deleted: repeating that does no harm, and leaves the window to others.
        let worth_remembering = !matches!(
            op,
            QueueOp::Delete(_) | QueueOp::Configure(_) | QueueOp::SetLevel(_)
        );
        let answer = self.perform(moment, op);
        if worth_remembering && let Some(remembered) = Remembered::of(&answer) {
            self.invocations.record(key, moment.now, remembered);
        }
        answer
    }

    /// A delivery, if its message still is in flight under it.
    fn held(&self, receipt: &Receipt) -> Option<Delivered> {
        let message = self.within_reach(receipt.sequence)?;
        let is_held = self.is_held_by(receipt);
        is_held.then(|| message.delivered(receipt.sequence))
    }

    /// What it remembers of answered calls.
    pub(super) fn remembered(&self) -> WindowStats {
        self.invocations.stats()
    }

    fn perform(&mut self, moment: Moment, op: QueueOp) -> QueueAnswer {
        match op {
            QueueOp::Send(send) => self.send(moment, send),
            QueueOp::Receive(receive) => self.receive(moment, receive),
            QueueOp::Delete(delete) => self.delete(delete),
            QueueOp::ChangeVisibility(change) => self.change_visibility(moment, change),
            QueueOp::Purge(purge) => self.purge(moment, &purge),
            QueueOp::Configure(configure) => self.configure(moment, configure),
            QueueOp::Import(import) => self.import(moment, import),
            QueueOp::Settle(settle) => self.settle(&settle),
            QueueOp::Move(command) => self.move_messages(command),
            QueueOp::Recall(Recall {}) => self.recall(),
            QueueOp::SetLevel(set) => self.set_level(set),
            QueueOp::Expire(_) => self.expire(moment),
        }
    }
}
