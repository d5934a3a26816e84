//! Messages past their retention. They are out of everybody's reach at once, and are dropped in portions: what one batch does
//! is bounded by its commands, however many messages one instant makes too old.
//!
//! What is left is *stale*: still here, counted nowhere. A leader proposes [`Expire`](crate::command::queue::Expire) as long as
//! there is any, so that a queue which nobody uses gives its space back, too.
//!
//! A machine below level 1 drops everything at once, as binaries did that knew no levels. Then nothing is ever stale while a command
//! is performed.

use super::message::{Message, Place};
use super::{Moment, Queue};
use crate::command::queue::{Outcomes, QueueAnswer};
use crate::level::Level;
use crate::types::Millis;

/// Messages that one batch drops at most because of their age, or about twice as many if some came after younger ones.
pub const EXPIRED_MAX: usize = 4_096;
/// Messages at the front that are looked at for one that can be dropped: what leaves for another queue stays until it has arrived.
const LOOKED_AT_MAX: usize = 4 * EXPIRED_MAX;

impl Queue {
    /// Drops what is too old, as far as one batch may.
    pub(super) fn drop_expired(&mut self, now: Millis) {
        let max = match self.level >= Level::ONE {
            true => EXPIRED_MAX,
            false => usize::MAX,
        };
        let dropped = self.backlog.drop_expired(now, self.settings.retention, max);
        self.tally.expired += dropped as u64;
    }

    /// How many messages this replica has dropped because of their age, since it was opened.
    pub fn expired_count(&self) -> u64 {
        self.tally.expired
    }

    /// The command has nothing to do: what it is for has been done before the batch's first one.
    pub(super) fn expire(&self, _: Moment) -> QueueAnswer {
        QueueAnswer::Outcomes(Outcomes::default())
    }

    /// Whether a message is too old by the machine's own time, and not dropped yet.
    pub(super) fn is_stale(&self, message: &Message) -> bool {
        message.place() != Place::Leaving && self.is_expired(message, self.clock.now())
    }

    /// Whether a batch at `now` would find anything to drop.
    pub fn has_expired(&self, now: Millis) -> bool {
        self.expired_up_to(now, 1)
    }

    /// Whether a batch at `now` would find more to drop than it may.
    pub fn has_much_expired(&self, now: Millis) -> bool {
        self.expired_up_to(now, EXPIRED_MAX + 1)
    }

    /// Whether at least so many messages are too old at `now`. Costs little if the oldest message is not.
    fn expired_up_to(&self, now: Millis, count: usize) -> bool {
        let now = self.clock.clamp(now);
        let front = self.backlog.iter().take(LOOKED_AT_MAX);
        let front = front.take_while(|(_, message)| self.is_expired(message, now));
        let front = front.filter(|(_, message)| message.place() != Place::Leaving);
        let behind = self.backlog.stragglers().take(count);
        let behind = behind.take_while(|(sent, _)| sent.after(self.settings.retention) <= now);
        front.take(count).count().max(behind.count()) >= count
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost::Message as _;

    use super::*;
    use crate::command::queue::{
        ChangeVisibility, Configure, Expire, Outcome, Purge, QueueCommand, QueueOp, QueueReply, Receipt,
        Receive, Send, SendEntry, SetLevel, VisibilityEntry,
    };
    use crate::command::{Batch, Reply};

    const RETENTION: u64 = 60_000;
    const MESSAGES: usize = 3 * EXPIRED_MAX + 100;

    fn apply(queue: &mut Queue, now_ms: u64, op: QueueOp) -> QueueAnswer {
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

    fn send(queue: &mut Queue, now_ms: u64, messages: usize) {
        let entry = SendEntry {
            body: "m".into(),
            ..Default::default()
        };
        let entries = vec![entry; messages];
        apply(queue, now_ms, QueueOp::Send(Send { entries }));
    }

    fn receive(queue: &mut Queue, now_ms: u64) -> usize {
        let receive = Receive {
            max: 10,
            visibility_ms: 2 * RETENTION,
            ..Default::default()
        };
        match apply(queue, now_ms, QueueOp::Receive(receive)) {
            QueueAnswer::Received(received) => received.messages.len(),
            other => panic!("{other:?}"),
        }
    }

    /// A queue of a level with a long backlog, sent at 1 s.
    fn backlog(level: u32) -> Queue {
        let mut queue = Queue::new();
        apply(
            &mut queue,
            1_000,
            QueueOp::SetLevel(SetLevel { to: level.max(1) }),
        );
        queue.level = Level(level);
        let configure = Configure {
            version: 1,
            retention_ms: RETENTION,
            ..Default::default()
        };
        apply(&mut queue, 1_000, QueueOp::Configure(configure));
        send(&mut queue, 1_000, MESSAGES);
        queue
    }

    #[test]
    fn what_one_batch_drops_is_bounded_and_the_rest_is_out_of_reach() {
        let mut queue = backlog(1);
        assert_eq!(receive(&mut queue, 2_000), 10);
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
        assert_eq!(receive(&mut queue, now), 3, "what is not too old");
        assert_eq!(left - queue.backlog.len(), MESSAGES - 2 * EXPIRED_MAX);
        assert!(!queue.has_expired(Millis(now)));
    }

    #[test]
    fn a_receive_gives_out_nothing_that_is_stale() {
        let mut queue = backlog(1);
        let now = 1_000 + RETENTION;
        assert_eq!(receive(&mut queue, now), 0);
        assert_eq!(queue.backlog.len(), MESSAGES - EXPIRED_MAX);
        assert_eq!(queue.backlog.in_flight(), 0);
    }

    #[test]
    fn a_queue_that_nobody_uses_is_emptied_by_ticks() {
        let mut queue = backlog(1);
        let mut ticks = 0;
        while queue.has_expired(Millis(1_000 + RETENTION)) {
            apply(&mut queue, 1_000 + RETENTION, QueueOp::Expire(Expire {}));
            ticks += 1;
        }
        assert_eq!((queue.backlog.len(), ticks), (0, MESSAGES.div_ceil(EXPIRED_MAX)));
        assert_eq!(queue.backlog.bytes(), 0);
    }

    #[test]
    fn below_level_1_everything_goes_at_once() {
        let mut queue = backlog(0);
        assert_eq!(receive(&mut queue, 1_000 + RETENTION), 0);
        assert_eq!(queue.backlog.len(), 0);
    }

    #[test]
    fn a_purge_leaves_what_takes_long_to_others() {
        let mut queue = backlog(1);
        apply(&mut queue, 2_000, QueueOp::Purge(Purge::default()));
        assert_eq!(queue.backlog.len(), 0);
        assert!(queue.take_garbage().is_some() && queue.take_garbage().is_none());
        let delta = queue.take_delta();
        assert!(delta.clear && delta.puts.len() < 10, "{} rows", delta.puts.len());
    }
}
