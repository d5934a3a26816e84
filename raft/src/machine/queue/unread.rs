//! Deliveries whose letters are still in files: applying entries never waits for a disk.
//!
//! Only who needs a reply reads them, which is the leader's node, after the machine has done its part.

use std::io;

use super::Queue;
use super::letter::{Letter, Stored};
use crate::command::queue::{Delivered, QueueAnswer, QueueReply};

/// Deliveries, some of them without what was sent.
pub struct Unread {
    delivered: Vec<Delivered>,
    /// The places of those, and where their letters are.
    missing: Vec<(usize, Stored)>,
}

impl Unread {
    /// Whether nothing has to be read.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The deliveries as they are.
    pub fn into_delivered(self) -> Vec<Delivered> {
        self.delivered
    }

    /// Reads what is missing. Blocks on the disk.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(mut self) -> io::Result<Vec<Delivered>> {
        let (places, letters): (Vec<usize>, Vec<Stored>) = self.missing.into_iter().unzip();
        for (place, letter) in places.into_iter().zip(Stored::read_all(&letters)?) {
            let delivered = &mut self.delivered[place];
            *delivered = letter.complete(std::mem::take(delivered));
        }
        Ok(self.delivered)
    }
}

/// A reply to a receive with deliveries that are not complete yet.
pub struct UnreadReply(Unread);

impl UnreadReply {
    /// The complete reply. Blocks on the disk.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(self) -> io::Result<QueueReply> {
        let messages = self.0.read()?;
        Ok(QueueReply {
            answer: Some(QueueAnswer::Received(crate::command::queue::Received {
                messages,
            })),
        })
    }
}

impl std::fmt::Debug for UnreadReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} messages to be read", self.0.delivered.len())
    }
}

impl Queue {
    /// Deliveries of messages that are here, with where to find what they lack.
    pub(super) fn unread(&self, delivered: Vec<Delivered>) -> Unread {
        let stored = |delivered: &Delivered| {
            let message = self.backlog.get(delivered.receipt?.sequence)?;
            match message.letter() {
                Letter::Stored(stored) => Some(stored.clone()),
                Letter::Held(_) => None,
            }
        };
        let missing = delivered.iter().enumerate();
        let missing = missing.filter(|(_, delivered)| delivered.message_id.is_empty());
        let missing = missing.filter_map(|(place, delivered)| Some((place, stored(delivered)?)));
        Unread {
            missing: missing.collect(),
            delivered,
        }
    }

    /// An answer, or what it takes to complete it.
    pub(super) fn complete(&self, answer: QueueAnswer) -> Result<QueueAnswer, UnreadReply> {
        match answer {
            QueueAnswer::Received(received) if received.messages.iter().any(|m| m.message_id.is_empty()) => {
                Err(UnreadReply(self.unread(received.messages)))
            }
            answer => Ok(answer),
        }
    }

    /// Letters that a checkpoint has put into files leave memory, except those of the first `front` sequences: they are
    /// handed out next.
    pub(in crate::machine) fn release(&mut self, stored: Vec<(u64, Stored)>, front: u64) {
        let first = self.backlog.iter().next().map_or(0, |(sequence, _)| sequence);
        for (sequence, stored) in stored {
            let may = sequence >= first.saturating_add(front);
            self.backlog.release(sequence, stored, may);
        }
    }
}
