//! FIFO order and lock. A group gives out its messages from the front only, and none at all while
//! one of them is in flight; a front message that is still delayed holds back the rest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::message::Place;
use crate::planted::{Bug, planted};

/// All message groups that have messages.
#[derive(Default)]
pub(super) struct Groups {
    by_name: BTreeMap<Arc<str>, Group>,
    /// Groups that can give out a message now, by the sequence of their first one.
    open: BTreeMap<u64, Arc<str>>,
}

/// One message group.
#[derive(Default)]
pub(super) struct Group {
    /// Its messages in order, wherever they are.
    members: VecDeque<u64>,
    in_flight: usize,
    /// Its key in `Groups::open`, if it has one.
    open: Option<u64>,
}

impl Group {
    /// Its messages in order.
    pub(super) fn members(&self) -> impl Iterator<Item = u64> + Clone {
        self.members.iter().copied()
    }

    /// How many of them are in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether it can give out a message now.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

impl Groups {
    /// A group that has messages.
    pub(super) fn get(&self, name: &str) -> Option<&Group> {
        self.by_name.get(name)
    }

    /// How many groups can give out a message now.
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// A message came, or came back to its place in the order. `is_ready` tells the place of all.
    pub(super) fn arrived(
        &mut self,
        name: &str,
        sequence: u64,
        place: Place,
        is_ready: impl Fn(u64) -> bool,
    ) {
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name.into(), Group::default());
        }
        self.change(name, |group| {
            let turn = group.members.partition_point(|member| *member < sequence);
            group.members.insert(turn, sequence);
            group.in_flight += usize::from(matches!(place, Place::InFlight(_)));
        });
        self.reopen(name, is_ready);
    }

    /// A message went. `is_ready` tells the place of the others.
    pub(super) fn left(&mut self, name: &str, sequence: u64, place: Place, is_ready: impl Fn(u64) -> bool) {
        self.change(name, |group| {
            if let Ok(position) = group.members.binary_search(&sequence) {
                group.members.remove(position);
            }
            group.in_flight -= usize::from(matches!(place, Place::InFlight(_)));
        });
        self.reopen(name, is_ready);
    }

    /// A message changed its place. `is_ready` tells the new place of all.
    pub(super) fn moved(&mut self, name: &str, from: Place, to: Place, is_ready: impl Fn(u64) -> bool) {
        self.change(name, |group| {
            group.in_flight += usize::from(matches!(to, Place::InFlight(_)));
            group.in_flight -= usize::from(matches!(from, Place::InFlight(_)));
        });
        self.reopen(name, is_ready);
    }

    /// What a receive takes now: from the group whose first message is the oldest as many as are
    /// ready, then from the next group.
    pub(super) fn pick(&self, max: usize, is_ready: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut picked = Vec::with_capacity(max);
        for name in self.open.values() {
            if picked.len() == max {
                break;
            }
            let group = self.by_name.get(name).expect("an open group has messages");
            let ready = group.members().take_while(|sequence| is_ready(*sequence));
            picked.extend(ready.take(max - picked.len()));
        }
        picked
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Group)) {
        let group = self
            .by_name
            .get_mut(name)
            .expect("the group of a message is known");
        change(group);
    }

    /// Puts a group that changed where it now belongs.
    fn reopen(&mut self, name: &str, is_ready: impl Fn(u64) -> bool) {
        let group = self
            .by_name
            .get_mut(name)
            .expect("the group of a message is known");
        let first = group.members.front().copied();
        let open =
            first.filter(|first| (group.in_flight == 0 || planted(Bug::GroupUnlocked)) && is_ready(*first));
        let was_open = std::mem::replace(&mut group.open, open);
        if was_open != open {
            if let Some(sequence) = was_open {
                self.open.remove(&sequence);
            }
            if let Some(sequence) = open {
                let (name, _) = self.by_name.get_key_value(name).expect("it was just found");
                self.open.insert(sequence, name.clone());
            }
        }
        if first.is_none() {
            self.by_name.remove(name);
        }
    }
}
