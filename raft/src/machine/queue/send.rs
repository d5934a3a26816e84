//! Send: adds messages at the end, except those whose deduplication id was seen.

use bytes::Bytes;

use super::dedup::{self, Original};
use super::letter::{Letter, Parts};
use super::message::{Message, Place};
use super::message_id::message_id;
use super::{Moment, Queue};
use crate::command::queue::{QueueAnswer, Send, SendEntry, Sent, SentEntry};
use crate::planted::{Bug, POISON, draw, planted};
use crate::types::Millis;

impl Queue {
    pub(super) fn send(&mut self, moment: Moment, command: Send) -> QueueAnswer {
        let entries = command.entries.iter();
        let entries = entries
            .map(|entry| self.send_once(moment, entry))
            .map(|sent| SentEntry {
                message_id: Bytes::copy_from_slice(&sent.id),
                sequence: sent.sequence,
            });
        QueueAnswer::Sent(Sent {
            entries: entries.collect(),
        })
    }

    /// Adds a message, or finds the one that it repeats. An entry of the same command counts too.
    fn send_once(&mut self, moment: Moment, entry: &SendEntry) -> Original {
        if !self.settings.fifo || entry.deduplication_id.is_empty() {
            return self.add(moment, entry);
        }
        let within = self.settings.deduplicate_by_group.then_some(entry.group.as_str());
        let key = dedup::key(&entry.deduplication_id, within);
        if let Some(original) = self.deduplication.get_at(&key, moment.now) {
            return *original;
        }
        let sent = self.add(moment, entry);
        self.deduplication.record(key, moment.now, sent);
        sent
    }

    fn add(&mut self, moment: Moment, entry: &SendEntry) -> Original {
        assert!(
            !planted(Bug::PoisonPanics) || entry.body != POISON,
            "a poisoned message was sent"
        );
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.tally.sent += 1;
        let seed = if planted(Bug::OwnRandomness) {
            draw()
        } else {
            moment.seed
        };
        let id = message_id(seed, moment.now, sequence);
        let letter = Letter::new(&Parts {
            id,
            sent: moment.now,
            group: &entry.group,
            deduplication_id: &entry.deduplication_id,
            body: &entry.body,
            attributes: &entry.attributes,
        });
        let place = match entry.delay_ms {
            0 => Place::Ready,
            delay => Place::Delayed(moment.now.after(Millis(delay))),
        };
        self.backlog.add(sequence, Message::new(letter, place));
        Original { id, sequence }
    }
}
