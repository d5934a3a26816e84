//! The tenants of a standard queue, which are its message groups, and who of them is noisy.
//!
//! A tenant is noisy while it has
//! - more than a tenth of all messages in flight, and at least two of its own: these are slow tenants. SQS counts from 30
//!   on, which may be more than all consumers of a small cluster hold;
//! - or more than a tenth of the last 100 deliveries: with few consumers hardly anything is in flight when the next
//!   receive comes. SQS takes its share of recent processing time here, which a machine does not know.
//!
//! A tenant that had none of the last 100 deliveries is quiet, whatever it has in flight. So nobody starves: a tenant
//! that was passed over for so long competes by age, and what comes later is younger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::message::Place;
use super::recent::{DELIVERIES, Recent};
use crate::planted::{Bug, planted};

/// A noisy tenant has more than one part in so many.
const SHARE: usize = 10;
/// With fewer in flight a tenant is not noisy for that.
const IN_FLIGHT_MIN: usize = 2;

/// All tenants that have messages, other than delayed ones.
#[derive(Default)]
pub(super) struct Tenants {
    by_name: BTreeMap<Arc<str>, Tenant>,
    /// Those with a ready message, by the first one.
    heads: BTreeMap<u64, Arc<str>>,
    /// How many messages are ready.
    ready: usize,
    pub(super) recent: Recent,
}

#[derive(Default)]
struct Tenant {
    ready: BTreeSet<u64>,
    in_flight: usize,
}

/// What a tenant takes up.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    pub(super) in_flight: usize,
    /// How many of the last deliveries were its.
    pub(super) recent: usize,
}

impl Usage {
    /// Whether that is too much when consumers have so many messages in all.
    pub(super) fn is_noisy(self, in_flight: usize) -> bool {
        let holds_much = self.in_flight >= IN_FLIGHT_MIN && self.in_flight * SHARE > in_flight;
        let got_much = self.recent * SHARE > DELIVERIES;
        self.recent > 0 && (holds_much || got_much) && !planted(Bug::NoiseUnheard)
    }
}

impl Tenants {
    /// How many of their messages are ready.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// The tenants with ready messages, the one with the oldest first: these messages, and what it takes up.
    pub(super) fn by_age(&self) -> impl Iterator<Item = (&BTreeSet<u64>, Usage)> {
        self.heads.values().map(|name| {
            let tenant = self.by_name.get(name).expect("a tenant at the head has messages");
            let usage = Usage {
                in_flight: tenant.in_flight,
                recent: self.recent.count(name),
            };
            (&tenant.ready, usage)
        })
    }

    /// A tenant's message came, or came back.
    pub(super) fn arrived(&mut self, name: &str, sequence: u64, place: Place) {
        self.change(name, |tenant| tenant.put(sequence, place));
    }

    /// A tenant's message went from `place`.
    pub(super) fn left(&mut self, name: &str, sequence: u64, place: Place) {
        self.change(name, |tenant| tenant.take(sequence, place));
    }

    /// A tenant's message changed its place.
    pub(super) fn moved(&mut self, name: &str, sequence: u64, from: Place, to: Place) {
        self.change(name, |tenant| {
            tenant.take(sequence, from);
            tenant.put(sequence, to);
        });
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Tenant)) {
        let tenant = match self.by_name.get_mut(name) {
            Some(tenant) => tenant,
            None => self.by_name.entry(name.into()).or_default(),
        };
        let (head, ready) = (tenant.ready.first().copied(), tenant.ready.len());
        change(tenant);
        self.ready = self.ready + tenant.ready.len() - ready;
        let new_head = tenant.ready.first().copied();
        let is_gone = tenant.ready.is_empty() && tenant.in_flight == 0;
        if head != new_head {
            let known = head.and_then(|head| self.heads.remove(&head));
            if let Some(sequence) = new_head {
                let name = known.or_else(|| Some(self.by_name.get_key_value(name)?.0.clone()));
                self.heads.extend(name.map(|name| (sequence, name)));
            }
        }
        if is_gone {
            self.by_name.remove(name);
        }
    }
}

impl Tenant {
    /// A message is in this place now; delayed ones and those that leave do not count.
    fn put(&mut self, sequence: u64, place: Place) {
        match place {
            Place::Ready => {
                self.ready.insert(sequence);
            }
            Place::InFlight(_) => self.in_flight += 1,
            Place::Delayed(_) | Place::Leaving => {}
        }
    }

    /// A message is no longer in this place.
    fn take(&mut self, sequence: u64, place: Place) {
        match place {
            Place::Ready => {
                self.ready.remove(&sequence);
            }
            Place::InFlight(_) => self.in_flight -= 1,
            Place::Delayed(_) | Place::Leaving => {}
        }
    }
}
