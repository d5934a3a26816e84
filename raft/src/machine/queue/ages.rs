//! Messages by age: which is the oldest, and how many are where of those that are too old.
//!
//! Sent messages come in the order of their age. What comes from another queue keeps the time at
//! which it was sent there, and may be older than what came before it: it is *late*. Both parts
//! are sorted by age, and so is what is made of them together, whichever way messages were parted.
//! That differs between replicas: one that was loaded has forgotten what was younger and is gone.
//!
//! Neighbours are counted together in blocks, so that counting the messages of an age costs a look
//! at each block of them. Messages on their way elsewhere have no place here: age does not end
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::message::Place;
use crate::types::Millis;

/// Sequences of a block.
const BLOCK: u64 = 256;
/// Milliseconds of a block of late messages.
const LATE_BLOCK_MS: u64 = 1_024;

/// All messages but those on their way elsewhere.
#[derive(Default)]
pub(super) struct Ages {
    newest: Millis,
    /// Messages in the order of their age, by sequence divided by the size of a block.
    blocks: BTreeMap<u64, Block>,
    /// The others.
    late: BTreeSet<(Millis, u64)>,
    /// Those by time divided by the span of a block.
    late_blocks: BTreeMap<u64, Places>,
}

/// Neighbours.
#[derive(Default)]
struct Block {
    /// None of them is younger, nor is one of a later block older.
    newest: Millis,
    places: Places,
}

/// How many messages are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) ready: usize,
    pub(super) delayed: usize,
    pub(super) in_flight: usize,
}

/// What places a message among the others.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) sent: Millis,
    pub(super) sequence: u64,
    /// What [`Ages::arrives`] said.
    pub(super) is_late: bool,
}

impl Ages {
    /// A message comes, with a higher sequence than all before. Returns whether it is late.
    pub(super) fn arrives(&mut self, sent: Millis) -> bool {
        let is_late = sent < self.newest;
        self.newest = self.newest.max(sent);
        is_late
    }

    /// A message is in this place from now on.
    pub(super) fn put(&mut self, at: At, place: Place) {
        if place == Place::Leaving {
            return;
        }
        let places = if at.is_late {
            self.late.insert((at.sent, at.sequence));
            self.late_blocks.entry(at.sent.0 / LATE_BLOCK_MS).or_default()
        } else {
            let block = self.blocks.entry(at.sequence / BLOCK).or_default();
            block.newest = block.newest.max(at.sent);
            &mut block.places
        };
        places.change(place, 1);
    }

    /// A message is in this place no longer.
    pub(super) fn take(&mut self, at: At, place: Place) {
        if place == Place::Leaving {
            return;
        }
        let Some(places) = self.places(at) else { return };
        places.change(place, -1);
        if places.total() == 0 {
            match at.is_late {
                true => drop(self.late_blocks.remove(&(at.sent.0 / LATE_BLOCK_MS))),
                false => drop(self.blocks.remove(&(at.sequence / BLOCK))),
            }
        }
        if at.is_late {
            self.late.remove(&(at.sent, at.sequence));
        }
    }

    /// A message is in another place.
    pub(super) fn moved(&mut self, at: At, from: Place, to: Place) {
        if from == Place::Leaving || to == Place::Leaving {
            self.take(at, from);
            self.put(at, to);
        } else if let Some(places) = self.places(at) {
            places.change(from, -1);
            places.change(to, 1);
        }
    }

    /// The counts of a message's block.
    fn places(&mut self, at: At) -> Option<&mut Places> {
        match at.is_late {
            true => self.late_blocks.get_mut(&(at.sent.0 / LATE_BLOCK_MS)),
            false => Some(&mut self.blocks.get_mut(&(at.sequence / BLOCK))?.places),
        }
    }

    /// Messages that were sent no later than `until`. `messages` gives those with sequences in a
    /// range, in order.
    pub(super) fn count<I: Iterator<Item = (At, Place)>>(
        &self,
        until: Millis,
        messages: impl Fn(Range<u64>) -> I,
        late: impl Fn(u64) -> Option<Place>,
    ) -> Places {
        let mut counted = Places::default();
        for (number, block) in &self.blocks {
            if block.newest <= until {
                counted.add(block.places);
                continue;
            }
            let here = messages(range(*number)).filter(|(at, _)| !at.is_late);
            let here = here.take_while(|(at, _)| at.sent <= until);
            here.for_each(|(_, place)| counted.change(place, 1));
            break;
        }
        let last = until.0 / LATE_BLOCK_MS;
        let whole = until.after(Millis(1)).0.is_multiple_of(LATE_BLOCK_MS);
        let before = self.late_blocks.range(..last + u64::from(whole));
        before.for_each(|(_, places)| counted.add(*places));
        if !whole {
            let rest = self
                .late
                .range((Millis(last * LATE_BLOCK_MS), 0)..=(until, u64::MAX));
            let places = rest.filter_map(|(_, sequence)| late(*sequence));
            places.for_each(|place| counted.change(place, 1));
        }
        counted
    }

    /// The sequences of blocks with messages that are not late, in order.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.blocks.keys().map(|number| range(*number))
    }

    /// The same without blocks that have nothing younger than `until`.
    pub(super) fn ranges_after(&self, until: Millis) -> impl Iterator<Item = Range<u64>> {
        let younger = self
            .blocks
            .iter()
            .skip_while(move |(_, block)| block.newest <= until);
        younger.map(|(number, _)| range(*number))
    }

    /// Late messages, the oldest first.
    pub(super) fn late(&self) -> impl Iterator<Item = (Millis, u64)> {
        self.late.iter().copied()
    }

    /// Late messages that were sent after `until`, the oldest first.
    pub(super) fn late_after(&self, until: Millis) -> impl Iterator<Item = (Millis, u64)> {
        self.late.range((until.after(Millis(1)), 0)..).copied()
    }
}

impl Places {
    pub(super) fn total(self) -> usize {
        self.ready + self.delayed + self.in_flight
    }

    fn add(&mut self, more: Places) {
        self.ready += more.ready;
        self.delayed += more.delayed;
        self.in_flight += more.in_flight;
    }

    fn change(&mut self, place: Place, difference: isize) {
        let count = match place {
            Place::Ready => &mut self.ready,
            Place::Delayed(_) => &mut self.delayed,
            Place::InFlight(_) => &mut self.in_flight,
            Place::Leaving => return,
        };
        *count = count
            .checked_add_signed(difference)
            .expect("each message is counted once");
    }
}

fn range(block: u64) -> Range<u64> {
    block * BLOCK..(block + 1) * BLOCK
}
