//! The order in which ready messages are handed out: one line for a standard queue, which is fair to its
//! tenants, a line for each message group of a FIFO queue.

use super::fair::Ready;
use super::groups::Groups;
use super::letter::Letter;
use super::message::Place;

/// What is ready, in order.
pub(super) enum Line {
    /// Ready messages.
    Standard(Ready),
    /// All messages by group.
    Fifo(Groups),
}

impl Line {
    pub(super) fn new(fifo: bool) -> Line {
        if fifo {
            Line::Fifo(Groups::default())
        } else {
            Line::Standard(Ready::default())
        }
    }

    /// A message came, or came back to its place. `is_ready` tells the place of all messages.
    pub(super) fn arrived(
        &mut self,
        letter: &Letter,
        sequence: u64,
        place: Place,
        is_ready: impl Fn(u64) -> bool,
    ) {
        match self {
            Line::Standard(ready) => ready.arrived(letter, sequence, place),
            Line::Fifo(groups) => groups.arrived(letter.group(), sequence, place, is_ready),
        }
    }

    /// A message went from `place`.
    pub(super) fn left(
        &mut self,
        letter: &Letter,
        sequence: u64,
        place: Place,
        is_ready: impl Fn(u64) -> bool,
    ) {
        match self {
            Line::Standard(ready) => ready.left(letter, sequence, place),
            Line::Fifo(groups) => groups.left(letter.group(), sequence, place, is_ready),
        }
    }

    /// A message changed its place.
    pub(super) fn moved(
        &mut self,
        letter: &Letter,
        sequence: u64,
        from: Place,
        to: Place,
        is_ready: impl Fn(u64) -> bool,
    ) {
        match self {
            Line::Standard(ready) => ready.moved(letter, sequence, from, to),
            Line::Fifo(groups) => groups.moved(letter.group(), from, to, is_ready),
        }
    }

    /// The messages that a receive takes now, in order. Consumers have `in_flight` messages.
    pub(super) fn pick(&self, max: usize, in_flight: usize, is_ready: impl Fn(u64) -> bool) -> Vec<u64> {
        match self {
            Line::Standard(ready) => ready.pick(max, in_flight),
            Line::Fifo(groups) => groups.pick(max, is_ready),
        }
    }
}
