//! What time brings: delays and visibility timeouts that end. They are worked off in portions, the
//! earliest first, so that what one batch does is bounded, however many end at one instant.
//!
//! A message whose time has come and that was not worked off yet is *overdue*. Its receipt is worth
//! as much as if it were visible again. But no receive finds it, and it holds its group back: that
//! keeps the order and the lock of a FIFO group. Therefore a leader proposes
//! [`Expire`](crate::command::queue::Expire) as long as there is more than a batch works off, and a
//! receive comes after that. The limits of messages in flight and the shares of tenants count an
//! overdue message where it was.
//!
//! A machine below level 1 works off everything at once, as binaries did that knew no levels.

use super::Queue;
use super::message::Place;
use crate::command::queue::Receipt;
use crate::level::Level;
use crate::types::Millis;

/// Delays and timeouts that one batch ends at most.
pub const DUE_MAX: usize = 4_096;
/// With more than this a batch may leave some, if time goes on until it is applied.
const DUE_MUCH: usize = DUE_MAX / 2;
/// With more than this a batch has work to do that should not become more.
const DUE_MANY: usize = 1_024;

impl Queue {
    /// Makes messages ready whose time has come, as far as one batch may.
    pub(super) fn end_timers(&mut self, now: Millis) {
        let max = match self.level >= Level::ONE {
            true => DUE_MAX,
            false => usize::MAX,
        };
        self.timers_handled += self.backlog.advance(now, max, self.redelay.as_ref());
    }

    /// The same for one message, whose turn has not come yet.
    pub(super) fn end_timer(&mut self, sequence: u64) {
        let (now, place) = (self.clock.now(), self.backlog.get(sequence).map(|m| m.place()));
        let until = place.and_then(Place::until);
        if until.is_some_and(|until| until <= now) {
            self.backlog.put(sequence, Place::Ready);
        }
    }

    /// Whether a message is in flight under this very delivery.
    pub(super) fn is_held_by(&self, receipt: &Receipt) -> bool {
        self.backlog.get(receipt.sequence).is_some_and(|message| {
            message.place().is_in_flight_at(self.clock.now())
                && message.history().receive_count == receipt.delivery
        })
    }

    /// How much time has brought in batches of this replica, since it was opened: messages that were
    /// dropped because of their age, delays and timeouts that ended or got another end.
    pub fn brought_by_time(&self) -> u64 {
        self.tally.expired + self.timers_handled
    }

    /// Whether a batch at `now` would have many messages to make visible, so that it is better done
    /// without waiting for more.
    pub fn has_many_due(&self, now: Millis) -> bool {
        self.redelay.is_some() || self.has_more_due(now, DUE_MANY)
    }

    /// Whether a batch at `now`, or soon after, may find more to make visible than it may.
    pub fn has_much_due(&self, now: Millis) -> bool {
        self.redelay.is_some() || self.has_more_due(now, DUE_MUCH)
    }

    fn has_more_due(&self, now: Millis, than: usize) -> bool {
        let due = self.backlog.timers.due(self.clock.clamp(now));
        due.take(than + 1).count() > than
    }
}

#[cfg(test)]
mod tests;
