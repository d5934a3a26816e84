//! Another delay for a FIFO queue, which is that of the messages that are delayed already, too (SQS).
//!
//! These may be all that was sent in a quarter of an hour. So from level 1 on they get it in
//! portions, in the order of their deadlines: the first one with the settings, one with each batch
//! that follows, and a leader proposes ticks until all have it. One whose turn has not come when
//! its old delay ends gets the new one then: nothing becomes visible early. Until then readers, who
//! only say when to look, go by the old delay.

use std::ops::Bound;

use super::Queue;
use super::message::{Message, Place};
use crate::level::Level;
use crate::types::Millis;

/// Timers that one batch, or one change of settings, looks at.
const PORTION: usize = 4_096;

/// What is left to do.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Redelay {
    #[prost(uint64, tag = "1")]
    delay_ms: u64,
    /// Messages from this sequence on were sent with the new settings.
    #[prost(uint64, tag = "2")]
    end: u64,
    /// The first timer that was not looked at yet.
    #[prost(uint64, tag = "3")]
    next_ms: u64,
    #[prost(uint64, tag = "4")]
    next_sequence: u64,
    /// The last one that may be such a message's.
    #[prost(uint64, tag = "5")]
    last_ms: u64,
    /// When the settings came. What was visible then stays so.
    #[prost(uint64, tag = "6")]
    at_ms: u64,
}

impl Redelay {
    /// Where a message is to be, if it is concerned.
    pub(super) fn place(&self, sequence: u64, message: &Message, now: Millis) -> Option<Place> {
        let Place::Delayed(until) = message.place() else {
            return None;
        };
        let until_now = message.letter().sent().after(Millis(self.delay_ms));
        let is_concerned = sequence < self.end && until.0 > self.at_ms;
        is_concerned.then(|| Place::delayed(until_now, now))
    }
}

impl Queue {
    /// Gives delayed messages another delay, from when they were sent. What is visible already stays
    /// so.
    pub(super) fn redelay(&mut self, now: Millis, delay: Millis) {
        if self.level < Level::ONE {
            return self.backlog.delay_by(now, delay);
        }
        self.redelay = self.backlog.timers.last().map(|last| Redelay {
            delay_ms: delay.0,
            end: self.next_sequence,
            last_ms: last.0,
            at_ms: now.0,
            ..Redelay::default()
        });
        self.redelay_more(now);
    }

    /// The next portion.
    pub(super) fn redelay_more(&mut self, now: Millis) {
        let Some(mut redelay) = self.redelay.take() else {
            return;
        };
        if self.backlog.delayed() == 0 {
            return;
        }
        let first = Bound::Included((Millis(redelay.next_ms), redelay.next_sequence));
        let last = Bound::Included((Millis(redelay.last_ms), u64::MAX));
        let timers = self.backlog.timers.within(first, last);
        let portion: Vec<(Millis, u64)> = timers.take(PORTION).collect();
        for (_, sequence) in &portion {
            let message = self.backlog.get(*sequence);
            let place = message.and_then(|message| {
                let place = redelay.place(*sequence, message, now);
                place.filter(|place| *place != message.place())
            });
            if let Some(place) = place {
                self.backlog.put(*sequence, place);
            }
        }
        self.timers_handled += portion.len() as u64;
        if let Some((deadline, sequence)) = portion.last().filter(|_| portion.len() == PORTION) {
            (redelay.next_ms, redelay.next_sequence) = (deadline.0, sequence + 1);
            self.redelay = Some(redelay);
        }
    }
}

#[cfg(test)]
mod tests;
