//! The line of a standard queue: the oldest ready message first, but no tenant at the expense of others.
//!
//! A tenant is a message group; a message without a group is a tenant of its own (SQS: fair queues). Tenants who
//! take up more than their share of the consumers are noisy: [`super::tenants`]. Messages of quiet tenants go first,
//! in the order of their age; then those of the noisy tenant with the fewest messages in flight, then with the fewest
//! recent deliveries, then the oldest. Each message of a receive is chosen as if those before it were in flight already.
//!
//! Who is noisy is found out when messages are picked, from counters, and only for tenants at the head of the line: no more
//! than 18 can be noisy at a time. Counters follow from the messages, and recent deliveries are in the meta row. A
//! queue that has not seen a group has one set of sequences and nothing else.

use std::collections::{BTreeSet, btree_set};
use std::iter::Copied;

use super::letter::Letter;
use super::message::Place;
use super::tenants::{Tenants, Usage};

/// What is ready on a standard queue.
#[derive(Default)]
pub(super) struct Ready {
    /// Messages without a group, by sequence.
    alone: BTreeSet<u64>,
    /// The others. Not there before the first one.
    tenants: Option<Box<Tenants>>,
}

impl Ready {
    /// How many messages are ready.
    pub(super) fn len(&self) -> usize {
        self.alone.len() + self.tenants.as_ref().map_or(0, |tenants| tenants.ready())
    }

    /// A message came, or came back to its place.
    pub(super) fn arrived(&mut self, letter: &Letter, sequence: u64, place: Place) {
        if !letter.group().is_empty() {
            let tenants = self.tenants.get_or_insert_default();
            tenants.arrived(letter.group(), sequence, place);
        } else if place == Place::Ready {
            self.alone.insert(sequence);
        }
    }

    /// A message went from `place`.
    pub(super) fn left(&mut self, letter: &Letter, sequence: u64, place: Place) {
        match &mut self.tenants {
            Some(tenants) if !letter.group().is_empty() => tenants.left(letter.group(), sequence, place),
            _ => {
                self.alone.remove(&sequence);
            }
        }
    }

    /// A message changed its place.
    pub(super) fn moved(&mut self, letter: &Letter, sequence: u64, from: Place, to: Place) {
        if let Some(tenants) = &mut self.tenants {
            let group = letter.group();
            if matches!((from, to), (Place::Ready, Place::InFlight(_))) {
                tenants.recent.push(group);
            }
            if !group.is_empty() {
                tenants.moved(group, sequence, from, to);
                return;
            }
        }
        if to == Place::Ready {
            self.alone.insert(sequence);
        } else {
            self.alone.remove(&sequence);
        }
    }

    /// The messages that a receive takes now, in order. Consumers have `in_flight` messages of the queue.
    pub(super) fn pick(&self, max: usize, in_flight: usize) -> Vec<u64> {
        let Some(tenants) = &self.tenants else {
            return self.alone.iter().take(max).copied().collect();
        };
        let mut contenders = vec![Contender::new(&self.alone, None)];
        let mut quiet = 0;
        for (ready, usage) in tenants.by_age() {
            // A younger tenant has no chance: one of these quiet ones has given nothing yet whenever a message is chosen.
            if quiet == max {
                break;
            }
            quiet += usize::from(!usage.is_noisy(in_flight));
            contenders.push(Contender::new(ready, Some(usage)));
        }
        let chosen = (in_flight..in_flight + max).map_while(|in_flight| {
            let with_messages = contenders.iter_mut().filter(|contender| contender.next.is_some());
            let first = with_messages.min_by_key(|contender| contender.rank(in_flight));
            first.and_then(Contender::give)
        });
        chosen.collect()
    }

    /// The tenants of the last deliveries, for a row: [`super::recent`].
    pub(super) fn recent(&self) -> Vec<String> {
        self.tenants
            .as_ref()
            .map_or_else(Vec::new, |tenants| tenants.recent.names())
    }

    /// Takes back what [`Ready::recent`] gave.
    pub(super) fn load_recent(&mut self, names: &[String]) {
        if !names.is_empty() {
            let recent = &mut self.tenants.get_or_insert_default().recent;
            names.iter().for_each(|name| recent.push(name));
        }
    }
}

/// A tenant in one receive; or all messages without a group, which are quiet each.
struct Contender<'a> {
    next: Option<u64>,
    later: Copied<btree_set::Iter<'a, u64>>,
    usage: Option<Usage>,
}

impl<'a> Contender<'a> {
    fn new(ready: &'a BTreeSet<u64>, usage: Option<Usage>) -> Contender<'a> {
        let mut later = ready.iter().copied();
        Contender {
            next: later.next(),
            later,
            usage,
        }
    }

    /// The lowest goes first: noisy or not, then what a noisy tenant takes up, then age.
    fn rank(&self, in_flight: usize) -> (bool, usize, usize, Option<u64>) {
        match self.usage {
            Some(usage) if usage.is_noisy(in_flight) => (true, usage.in_flight, usage.recent, self.next),
            _ => (false, 0, 0, self.next),
        }
    }

    /// Its next message, which from then on counts as delivered.
    fn give(&mut self) -> Option<u64> {
        if let Some(usage) = &mut self.usage {
            usage.in_flight += 1;
            usage.recent += 1;
        }
        std::mem::replace(&mut self.next, self.later.next())
    }
}
