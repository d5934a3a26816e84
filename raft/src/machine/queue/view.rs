//! What a leader may know of a partition without a command: whether a receive is worth proposing,
//! when to look again, and numbers for metrics.
//!
//! Machines work off timers only when a batch arrives. A reader therefore says what time it is, and
//! is told what a batch with that time would find.

use std::collections::BTreeSet;

use super::Queue;
use super::expire::EXPIRED_MAX;
use super::groups::Group;
use super::line::Line;
use super::message::{Message, Place};
use super::receive::MAX_IN_FLIGHT;
use crate::machine::idempotency;
use crate::types::Millis;

/// Messages too old that are looked at to find which groups of a FIFO queue they free: what two
/// batches leave, and more.
const EXPIRED_SEEN_MAX: usize = 2 * EXPIRED_MAX;

/// How many messages there are, by place. What is too old is nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Neither in flight nor delayed; on FIFO queues also those that their group holds back.
    pub visible: u64,
    /// Handed out and invisible.
    pub in_flight: u64,
    /// Not yet visible for the first time.
    pub delayed: u64,
}

impl Queue {
    /// Whether a receive at `now` would find a message (the limit of messages in flight aside).
    pub fn has_visible(&self, now: Millis) -> bool {
        let Line::Standard(ready) = &self.backlog.line else {
            return self.visible_count(now) > 0;
        };
        let now = self.clock.clamp(now);
        let mut due = self.due(now);
        ready.len() > self.expired_places(now).ready || due.any(|(_, message)| !self.is_expired(message, now))
    }

    /// How many partitions the queue has, as far as this one knows.
    pub fn partitions(&self) -> u32 {
        self.settings.partitions
    }

    /// How many more messages consumers may have at `now`.
    pub fn room(&self, now: Millis) -> u64 {
        let in_flight = if self.backlog.in_flight() < MAX_IN_FLIGHT {
            // Time can only make it less.
            self.backlog.in_flight() as u64
        } else {
            self.counts(now).in_flight
        };
        (MAX_IN_FLIGHT as u64).saturating_sub(in_flight)
    }

    /// Whether consumers have as many messages at `now` as they may.
    pub fn is_full(&self, now: Millis) -> bool {
        self.room(now) == 0
    }

    /// How many receives of one message each would find one at `now`: visible messages on standard
    /// queues, groups that can give out a message on FIFO queues. Costs as much as time has brought
    /// since the last batch. While much more is too old than a batch drops, some of the groups that
    /// have such messages may count as they were before these became too old.
    pub fn visible_count(&self, now: Millis) -> u64 {
        let now = self.clock.clamp(now);
        let due = self
            .due(now)
            .filter(|(_, message)| !self.is_expired(message, now));
        let count = match &self.backlog.line {
            Line::Standard(ready) => ready.len() - self.expired_places(now).ready + due.count(),
            Line::Fifo(groups) => {
                let expired = self.expired(now).take(EXPIRED_SEEN_MAX);
                let changed: BTreeSet<&str> = self
                    .due(now)
                    .chain(expired)
                    .map(|(_, m)| m.letter().group())
                    .collect();
                let changed: Vec<&Group> = changed.into_iter().filter_map(|name| groups.get(name)).collect();
                let before = changed.iter().filter(|group| group.is_open()).count();
                let after = changed.iter().filter(|group| self.opens(group, now)).count();
                groups.open_count() - before + after
            }
        };
        count as u64
    }

    /// The next instant after `now` at which an invisible message may become receivable; before
    /// that, only a command changes what a receive finds.
    pub fn next_change(&self, now: Millis) -> Option<Millis> {
        let now = self.clock.clamp(now);
        let timer = self.backlog.timers.next_after(now);
        // Age also frees a FIFO group, when it ends a message that locks or delays it.
        let hides_some = self.backlog.in_flight() + self.backlog.delayed() > 0;
        let expiry = (self.settings.fifo && hides_some)
            .then(|| self.oldest_at(now))
            .flatten()
            .map(|sent| sent.after(self.settings.retention));
        timer.into_iter().chain(expiry).min()
    }

    /// How many messages are where at `now`.
    pub fn counts(&self, now: Millis) -> Counts {
        self.counts_within(now, usize::MAX)
    }

    /// The same, with no more than `changes_max` of the timers that have run out since the last
    /// batch.
    pub(super) fn counts_within(&self, now: Millis, changes_max: usize) -> Counts {
        let now = self.clock.clamp(now);
        let mut total = self.backlog.len() as u64;
        let mut in_flight = self.backlog.in_flight() as u64;
        let mut delayed = self.backlog.delayed() as u64;
        let expired = self.expired_places(now);
        total -= expired.total() as u64;
        in_flight -= expired.in_flight as u64;
        delayed -= expired.delayed as u64;
        let due = self
            .due(now)
            .take(changes_max)
            .filter(|(_, message)| !self.is_expired(message, now));
        for (_, message) in due {
            match message.place() {
                Place::Ready => {}
                Place::InFlight(_) | Place::Leaving => in_flight -= 1,
                Place::Delayed(_) => delayed -= 1,
            }
        }
        Counts {
            visible: total - in_flight - delayed,
            in_flight,
            delayed,
        }
    }

    /// The version of the settings in force; 0 before the first ones.
    pub fn config_version(&self) -> u64 {
        self.settings.version
    }

    /// Whether it orders by message group.
    pub fn is_fifo(&self) -> bool {
        self.settings.fifo
    }

    /// When the oldest message was sent, by the machine's own time.
    pub fn oldest_sent(&self) -> Option<Millis> {
        self.oldest_at(self.clock.now())
    }

    /// About how many bytes the messages have, in memory or in files.
    pub fn approximate_bytes(&self) -> u64 {
        self.backlog.bytes()
    }

    /// Whether a command with this invocation was answered and is remembered. A receive with such
    /// an invocation is worth proposing even if nothing is visible.
    pub fn knows_invocation(&self, invocation: &[u8]) -> bool {
        idempotency::key(invocation).is_some_and(|key| self.invocations.get(&key).is_some())
    }

    /// Messages whose timer has run out but has not been worked off.
    fn due(&self, now: Millis) -> impl Iterator<Item = (u64, &Message)> {
        let due = self.backlog.timers.due(now);
        due.filter_map(|sequence| Some((sequence, self.backlog.get(sequence)?)))
    }

    /// Whether a batch at `now` would find a group open.
    fn opens(&self, group: &Group, now: Millis) -> bool {
        let members = group.members().filter_map(|sequence| self.backlog.get(sequence));
        let in_flight = |message: &&Message| matches!(message.place(), Place::InFlight(_));
        let is_over = |m: &Message| m.place().is_ready_at(now) || self.is_expired(m, now);
        let unlocked = members
            .clone()
            .filter(in_flight)
            .take(group.in_flight())
            .all(is_over);
        let mut remaining = members.filter(|message| !self.is_expired(message, now));
        unlocked
            && remaining
                .next()
                .is_some_and(|first| first.place().is_ready_at(now))
    }
}
