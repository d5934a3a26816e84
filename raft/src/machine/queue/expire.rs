//! Messages past their retention. They are out of everybody's reach at once, and are dropped in
//! portions: what one batch does is bounded by its commands, however many messages one instant
//! makes too old.
//!
//! What is left is *stale*: still here, and for every command as if it were not. A receive passes
//! over what it would take and is stale; a stale message that locks or delays its group does so
//! until it is dropped. Therefore a leader proposes [`Expire`](crate::command::queue::Expire) as
//! long as there is more than a batch drops, and a receive comes after that.
//!
//! The oldest go first, and of those sent at the same time the first. This is the same on every
//! replica.
//!
//! A longer retention brings nothing back: what was too old before it came is gone, dropped or not,
//! as on SQS. What was on its way elsewhere then, or comes from there, is not.
//!
//! A machine below level 1 drops everything at once, as binaries did that knew no levels. What
//! becomes too old within a batch, as a message from another queue may, is there until the next
//! one.

use prost::Message as _;

use super::ages::Places;
use super::message::{Message, Place};
use super::{Moment, Queue};
use crate::command::Batch;
use crate::command::queue::{Outcomes, QueueAnswer, QueueCommand, QueueOp};
use crate::level::Level;
use crate::types::Millis;

/// Messages that one batch drops at most because of their age.
pub const EXPIRED_MAX: usize = 4_096;
/// With more messages too old than this a batch may leave some, if time goes on until it is
/// applied.
const EXPIRED_MANY: usize = EXPIRED_MAX / 2;

impl Queue {
    /// Drops what is too old, as far as one batch may.
    pub(super) fn drop_expired(&mut self, now: Millis) {
        let max = match self.level >= Level::ONE {
            true => EXPIRED_MAX,
            false => usize::MAX,
        };
        if let Some(until) = self.expired_until(now) {
            let dropped = self.backlog.drop_sent(until, max);
            self.tally.expired += dropped as u64;
        }
        if let Some(until) = self.gone_until
            && self.backlog.sent_until(until).next().is_none()
        {
            self.gone_until = None;
        }
    }

    /// Other settings are about to come into force: what is too old by the present ones stays so.
    pub(super) fn leave_gone(&mut self) {
        if self.level >= Level::ONE {
            let until = self.expired_until(self.judged_at);
            self.gone_until = until.filter(|until| self.backlog.sent_until(*until).next().is_some());
        }
    }

    /// A message comes that was sent at this time, and is not gone: rather than lose it, those that
    /// were sent since may come back.
    pub(super) fn spare(&mut self, sent: Millis) {
        if self.gone_until.is_some_and(|until| sent <= until) {
            self.gone_until = sent.0.checked_sub(1).map(Millis);
        }
    }

    /// Whether something is too old by settings that are not the latest: a partition without
    /// commands hears of new ones with the batch that would end it. They decide then.
    pub(super) fn begins_with_newer_settings(&self, now: Millis, batch: &Batch) -> bool {
        if self.level < Level::ONE || !self.has_expired(now) {
            return false;
        }
        let mut ops = batch.commands.iter().map(|command| {
            let command = QueueCommand::decode(command.clone());
            command.ok().and_then(|command| command.op)
        });
        let first = ops.find(|op| !matches!(op, Some(QueueOp::SetLevel(_))));
        matches!(first, Some(Some(QueueOp::Configure(settings))) if settings.version > self.settings.version)
    }

    /// The command has nothing to do: what it is for has been done before the batch's first one.
    pub(super) fn expire(&self, _: Moment) -> QueueAnswer {
        QueueAnswer::Outcomes(Outcomes::default())
    }

    /// Whether a message is as good as dropped: too old by the machine's own time.
    pub(super) fn is_stale(&self, message: &Message) -> bool {
        let may_be = self.level >= Level::ONE && message.place() != Place::Leaving;
        may_be && self.is_expired(message, self.clock.now())
    }

    /// A message that commands may do something with.
    pub(super) fn within_reach(&self, sequence: u64) -> Option<&Message> {
        let message = self.backlog.get(sequence)?;
        (!self.is_stale(message)).then_some(message)
    }

    /// How many messages are stale, by place.
    pub(super) fn stale_places(&self) -> Places {
        match self.level >= Level::ONE {
            true => self.expired_places(self.clock.now()),
            false => Places::default(),
        }
    }

    /// Whether a batch at `now` would find anything to drop.
    pub fn has_expired(&self, now: Millis) -> bool {
        self.expired(self.clock.clamp(now)).next().is_some()
    }

    /// Whether a batch at `now`, or soon after, may find more to drop than it may.
    pub fn has_much_expired(&self, now: Millis) -> bool {
        self.expired_places(self.clock.clamp(now)).total() > EXPIRED_MANY
    }

    /// Whether a message is too old at `now`. What is on its way elsewhere may be so, and stays.
    pub(super) fn is_expired(&self, message: &Message, now: Millis) -> bool {
        self.expired_until(now)
            .is_some_and(|until| message.letter().sent() <= until)
    }

    /// Messages that are too old at `now` but still here, the oldest first.
    pub(super) fn expired(&self, now: Millis) -> impl Iterator<Item = (u64, &Message)> {
        let until = self.expired_until(now).into_iter();
        until.flat_map(|until| self.backlog.sent_until(until))
    }

    /// How many these are, by place.
    pub(super) fn expired_places(&self, now: Millis) -> Places {
        let until = self.expired_until(now);
        until.map_or_else(Places::default, |until| self.backlog.count_sent(until))
    }

    /// When the oldest message was sent that is neither too old at `now` nor on its way elsewhere.
    pub(super) fn oldest_at(&self, now: Millis) -> Option<Millis> {
        match self.expired_until(now) {
            Some(until) => self.backlog.oldest_after(until),
            None => self.backlog.oldest(),
        }
    }

    /// Messages that were sent until then are too old at `now`, if any can be.
    fn expired_until(&self, now: Millis) -> Option<Millis> {
        let too_old = now.0.checked_sub(self.settings.retention.0).map(Millis);
        too_old.max(self.gone_until)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost::Message as _;

    use super::*;
    use crate::command::Batch;
    use crate::command::queue::{
        ChangeVisibility, Expire, Import, Imported, Outcome, Purge, QueueCommand, QueueOp, Receipt,
        VisibilityEntry,
    };
    use crate::machine::queue::testing::{apply, configure, queue, receive, send};

    const RETENTION: u64 = 60_000;
    const MESSAGES: usize = 2 * EXPIRED_MAX + 100;

    /// How many messages a receive gets.
    fn received(queue: &mut Queue, now_ms: u64) -> usize {
        receive(queue, now_ms, 10, 2 * RETENTION).len()
    }

    /// A queue of a level with a long backlog, sent at 1 s.
    fn backlog(level: u32) -> Queue {
        let mut queue = queue(Level(level), RETENTION);
        send(&mut queue, 1_000, MESSAGES);
        queue
    }

    #[test]
    fn what_one_batch_drops_is_bounded_and_the_rest_is_out_of_reach() {
        let mut queue = backlog(1);
        assert_eq!(received(&mut queue, 2_000), 10);
        let now = 1_000 + RETENTION;
        assert!(!queue.has_expired(Millis(now - 1)) && queue.has_much_expired(Millis(now)));
        let visible = |queue: &Queue| queue.counts(Millis(now)).visible;
        assert_eq!((visible(&queue), queue.visible_count(Millis(now))), (0, 0));
        send(&mut queue, now, 3);
        let mut left = queue.backlog.len();
        assert_eq!(MESSAGES + 3 - left, EXPIRED_MAX, "dropped by one batch");
        assert_eq!(visible(&queue), 3);

        // A receipt of what is gone is worth nothing, be it dropped or not.
        let receipt = Receipt {
            sequence: MESSAGES as u64,
            delivery: 1,
        };
        let entry = VisibilityEntry {
            receipt: Some(receipt),
            visibility_ms: 1_000,
        };
        let change = ChangeVisibility { entries: vec![entry] };
        let QueueAnswer::Outcomes(told) = apply(&mut queue, now, QueueOp::ChangeVisibility(change)) else {
            panic!("no outcomes");
        };
        assert_eq!(told.outcomes, [i32::from(Outcome::NoSuchMessage)]);
        assert_eq!(left - queue.backlog.len(), EXPIRED_MAX);
        left = queue.backlog.len();

        assert!(!queue.has_much_expired(Millis(now)), "one more batch is enough");
        assert_eq!(received(&mut queue, now), 3, "what is not too old");
        assert_eq!(left - queue.backlog.len(), MESSAGES - 2 * EXPIRED_MAX);
        assert!(!queue.has_expired(Millis(now)));
    }

    #[test]
    fn a_receive_gives_out_nothing_that_is_stale() {
        let mut queue = backlog(1);
        let now = 1_000 + RETENTION;
        assert_eq!(received(&mut queue, now), 0);
        assert_eq!(queue.backlog.len(), MESSAGES - EXPIRED_MAX);
        assert_eq!(queue.backlog.in_flight(), 0);
    }

    #[test]
    fn a_queue_that_nobody_uses_is_emptied_by_ticks() {
        let mut queue = backlog(1);
        send(&mut queue, 1_000, 20_000 - MESSAGES);
        let mut dropped = Vec::new();
        while queue.has_expired(Millis(1_000 + RETENTION)) {
            let before = queue.brought_by_time();
            apply(&mut queue, 1_000 + RETENTION, QueueOp::Expire(Expire {}));
            dropped.push(queue.brought_by_time() - before);
        }
        assert_eq!(dropped, [4_096, 4_096, 4_096, 4_096, 3_616]);
        assert_eq!((queue.backlog.len(), queue.backlog.bytes()), (0, 0));
    }

    #[test]
    fn numbers_are_right_while_much_is_too_old() {
        let mut queue = backlog(1);
        received(&mut queue, 2_000);
        send(&mut queue, 30_000, 300);
        for now in [1_000 + RETENTION, 30_000 + RETENTION - 1] {
            let figures = queue.figures(Millis(now), 0);
            assert_eq!(figures.expired as usize, MESSAGES);
            assert_eq!((figures.counts.visible, figures.counts.in_flight), (300, 0));
            assert_eq!(figures.oldest_sent, Some(Millis(30_000)));
            assert_eq!(queue.visible_count(Millis(now)), 300);
        }
        let figures = queue.figures(Millis(30_000 + RETENTION), 0);
        assert_eq!((figures.counts.visible, figures.oldest_sent), (0, None));
    }

    #[test]
    fn a_longer_retention_brings_nothing_back() {
        let mut queue = backlog(1);
        let now = 1_000 + RETENTION;
        send(&mut queue, 30_000, 3);
        apply(&mut queue, now, QueueOp::Expire(Expire {}));
        configure(&mut queue, now + 1, 100 * RETENTION);
        for _ in 0..2 {
            assert_eq!(queue.counts(Millis(now + 1)).visible, 3);
            // What was remembered of it is part of the state.
            let rows = queue.rows().into_iter().map(|row| (row.key, row.value.encode()));
            queue = Queue::load(rows, Vec::new()).unwrap();
        }
        assert_eq!(received(&mut queue, now + 2), 3);
        assert_eq!((queue.backlog.len(), queue.gone_until), (3, None));
    }

    /// A partition that had nothing to do hears of the settings too late to say when they were made.
    #[test]
    fn a_longer_retention_that_comes_first_spares_what_was_not_found_to_be_too_old() {
        let mut queue = backlog(1);
        configure(&mut queue, 1_000 + RETENTION, 100 * RETENTION);
        assert_eq!(queue.backlog.len(), MESSAGES);
        assert_eq!(received(&mut queue, 1_000 + RETENTION), 10);
    }

    #[test]
    fn what_comes_from_another_queue_is_not_gone() {
        let mut queue = backlog(1);
        let now = 1_000 + RETENTION;
        apply(&mut queue, now, QueueOp::Expire(Expire {}));
        configure(&mut queue, now, 100 * RETENTION);
        let imported = Imported {
            number: 1,
            message_id: Bytes::from_static(&[7; 16]),
            sent_ms: 500,
            ..Imported::default()
        };
        let import = Import {
            origin: 5,
            messages: vec![imported],
        };
        send(&mut queue, now, 1);
        apply(&mut queue, now, QueueOp::Import(import));
        apply(&mut queue, now, QueueOp::Expire(Expire {}));
        assert!(queue.within_reach(queue.next_sequence - 1).is_some());
    }

    #[test]
    fn below_level_1_everything_goes_at_once() {
        let mut queue = backlog(0);
        assert_eq!(received(&mut queue, 1_000 + RETENTION), 0);
        assert_eq!(queue.backlog.len(), 0);
    }

    #[test]
    fn a_purge_leaves_what_takes_long_to_others() {
        let mut queue = backlog(1);
        for call in 0..1_000_u128 {
            let purge = QueueCommand {
                invocation: call.to_be_bytes().to_vec().into(),
                op: Some(QueueOp::Purge(Purge { forced: call == 0 })),
            };
            let commands = vec![purge.encode_to_vec().into()];
            queue.apply(&Batch {
                now_ms: 2_000,
                commands,
                ..Batch::default()
            });
        }
        assert_eq!(queue.invocations.len(), 1_000);
        assert_eq!(queue.backlog.len(), 0);
        assert!(queue.take_garbage().is_some() && queue.take_garbage().is_none());
        let (delta, later) = queue.cut();
        assert!(delta.clear && delta.puts.len() < 10, "{} rows", delta.puts.len());
        assert_eq!(later.add_to(delta).puts.len(), queue.rows().len());
    }
}
