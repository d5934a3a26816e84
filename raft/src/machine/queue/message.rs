//! A message: what was sent, and what has happened to it since, which is small and copied.

use super::ages::At;
use super::letter::{Letter, Packed, Stored};
use crate::command::queue::{Delivered, Receipt};
use crate::types::Millis;

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// May be handed out, as far as it is concerned.
    Ready,
    /// Not yet visible for the first time.
    Delayed(Millis),
    /// Handed out and invisible to others.
    InFlight(Millis),
    /// On its way to another partition: [`super::departures`].
    Leaving,
}

impl Place {
    /// When time alone makes it ready.
    pub(super) fn until(self) -> Option<Millis> {
        match self {
            Place::Ready | Place::Leaving => None,
            Place::Delayed(until) | Place::InFlight(until) => Some(until),
        }
    }

    /// Whether it can be handed out at `now`, as far as it is concerned.
    pub(super) fn is_ready_at(self, now: Millis) -> bool {
        self == Place::Ready || self.until().is_some_and(|until| until <= now)
    }

    /// Delayed until then, if that is to come.
    pub(super) fn delayed(until: Millis, now: Millis) -> Place {
        match until > now {
            true => Place::Delayed(until),
            false => Place::Ready,
        }
    }

    /// Whether a consumer has it at `now`.
    pub(super) fn is_in_flight_at(self, now: Millis) -> bool {
        matches!(self, Place::InFlight(until) if until > now)
    }
}

/// What has happened to a message.
#[derive(Clone, Copy)]
pub(super) struct History {
    pub(super) place: Place,
    pub(super) first_received: Millis,
    pub(super) last_received: Millis,
    pub(super) receive_count: u32,
    /// Whether its visibility was changed since it was last received.
    pub(super) changed: bool,
}

/// A message in the backlog. It holds its [`History`] in a form that is a third smaller.
pub(super) struct Message {
    letter: Letter,
    until: Millis,
    first_received: Millis,
    last_received: Millis,
    receive_count: u32,
    state: State,
    /// Whether its visibility was changed since it was last received.
    pub(super) changed: bool,
    /// Whether it is already listed as changed since the last cut.
    pub(super) touched: bool,
    /// Whether it came after younger ones: see [`super::ages`].
    pub(super) is_late: bool,
}

/// A [`Place`] without its time.
#[derive(Clone, Copy)]
enum State {
    Ready,
    Delayed,
    InFlight,
    Leaving,
}

impl Message {
    /// One that was just sent, or has just come from another queue.
    pub(super) fn new(letter: Letter, place: Place) -> Message {
        let never = Millis(0);
        let history = History {
            place,
            first_received: never,
            last_received: never,
            receive_count: 0,
            changed: false,
        };
        Message::with_history(letter, history)
    }

    /// One that may have been received before.
    pub(super) fn with_history(letter: Letter, history: History) -> Message {
        let mut message = Message {
            letter,
            until: Millis(0),
            first_received: history.first_received,
            last_received: history.last_received,
            receive_count: history.receive_count,
            state: State::Ready,
            changed: history.changed,
            touched: false,
            is_late: false,
        };
        message.put(history.place);
        message
    }

    pub(super) fn letter(&self) -> &Letter {
        &self.letter
    }

    /// What places it among the others by age.
    pub(super) fn at(&self, sequence: u64) -> At {
        At {
            sent: self.letter.sent(),
            sequence,
            is_late: self.is_late,
        }
    }

    pub(super) fn history(&self) -> History {
        History {
            place: self.place(),
            first_received: self.first_received,
            last_received: self.last_received,
            receive_count: self.receive_count,
            changed: self.changed,
        }
    }

    pub(super) fn place(&self) -> Place {
        match self.state {
            State::Ready => Place::Ready,
            State::Delayed => Place::Delayed(self.until),
            State::InFlight => Place::InFlight(self.until),
            State::Leaving => Place::Leaving,
        }
    }

    /// Puts it into another place.
    pub(super) fn put(&mut self, place: Place) {
        self.until = place.until().unwrap_or_default();
        self.state = match place {
            Place::Ready => State::Ready,
            Place::Delayed(_) => State::Delayed,
            Place::InFlight(_) => State::InFlight,
            Place::Leaving => State::Leaving,
        };
    }

    /// Counts a delivery and returns it.
    pub(super) fn deliver(&mut self, sequence: u64, now: Millis) -> Delivered {
        if self.first_received == Millis(0) {
            self.first_received = now;
        }
        self.last_received = now;
        self.receive_count += 1;
        self.changed = false;
        self.delivered(sequence)
    }

    /// Its latest delivery, as a reply; without what was sent if that is in a file ([`super::unread`]).
    pub(super) fn delivered(&self, sequence: u64) -> Delivered {
        let delivered = Delivered {
            receipt: Some(Receipt {
                sequence,
                delivery: self.receive_count,
            }),
            first_received_ms: self.first_received.0,
            receive_count: self.receive_count,
            ..Delivered::default()
        };
        match &self.letter {
            Letter::Held(packed) => packed.complete(delivered),
            Letter::Stored(_) => delivered,
        }
    }

    /// Lets the letter leave memory: it is in a file now.
    pub(super) fn release(&mut self, stored: Stored) {
        self.letter = Letter::Stored(stored);
    }
}

impl Packed {
    /// A delivery with what was sent.
    pub(super) fn complete(&self, delivered: Delivered) -> Delivered {
        let parts = self.parts();
        let [message_id, body, attributes] = self.shared();
        Delivered {
            message_id,
            body,
            attributes,
            sent_ms: parts.sent.0,
            group: parts.group.to_owned(),
            deduplication_id: parts.deduplication_id.to_owned(),
            ..delivered
        }
    }
}
