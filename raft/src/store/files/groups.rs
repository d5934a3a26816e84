//! What the store knows of each group.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::warm::Warm;
use crate::types::GroupId;

/// One group.
#[derive(Default)]
pub(super) struct Group {
    /// Its files, in order. The last one counts. One before it is there until that one is proven.
    pub(super) generations: Vec<u64>,
    /// The newest generation that was put aside; 0 if none was.
    pub(super) aside: u64,
    /// A whole state that is put together. In a box, because few groups have one.
    pub(super) draft: Option<Box<Draft>>,
}

/// All groups.
#[derive(Default)]
pub(super) struct Groups {
    all: BTreeMap<GroupId, Group>,
    pub(super) warm: Warm,
}

impl Group {
    /// The file that counts.
    pub(super) fn newest(&self) -> Option<u64> {
        self.generations.last().copied()
    }

    /// A number that no file of the group has.
    pub(super) fn next_generation(&self) -> u64 {
        self.newest().unwrap_or(0).max(self.aside) + 1
    }
}

impl Groups {
    pub(super) fn of(&mut self, group: GroupId) -> &mut Group {
        self.all.entry(group).or_default()
    }

    /// Forgets a group.
    pub(super) fn remove(&mut self, group: GroupId) {
        self.all.remove(&group);
        drop(self.warm.take(group));
    }

    /// There is a file of this generation.
    pub(super) fn add(&mut self, group: GroupId, generation: u64) {
        let generations = &mut self.of(group).generations;
        generations.push(generation);
        generations.sort_unstable();
    }

    /// There is one of this generation that was put aside.
    pub(super) fn set_aside(&mut self, group: GroupId, generation: u64) {
        let aside = &mut self.of(group).aside;
        *aside = generation.max(*aside);
    }

    pub(super) fn with_checkpoint(&self) -> Vec<GroupId> {
        let with = self.all.iter().filter(|(_, group)| group.newest().is_some());
        with.map(|(group, _)| *group).collect()
    }
}
