//! Which move tasks there are, by source. A source's ended tasks are kept for those who ask what became of
//! them: the last ten, as many as SQS tells of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, RowName};
use crate::command::catalog::ResourceKey;
use crate::command::move_tasks::{MoveStatus, MoveTask};

/// Tasks of a source that are kept.
const KEPT: usize = 10;

/// Move tasks by number, and their numbers by source.
#[derive(Default)]
pub(super) struct MoveTasks {
    by_number: BTreeMap<u64, MoveTask>,
    by_source: BTreeMap<ResourceKey, BTreeSet<u64>>,
}

impl MoveTasks {
    pub(super) fn get(&self, number: u64) -> Option<&MoveTask> {
        self.by_number.get(&number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &MoveTask> {
        self.by_number.values()
    }

    /// A source's tasks, the latest first.
    pub(super) fn of<'a>(&'a self, source: &ResourceKey) -> impl Iterator<Item = &'a MoveTask> + use<'a> {
        let numbers = self.by_source.get(source).into_iter().flatten().rev();
        numbers.filter_map(|number| self.by_number.get(number))
    }

    /// Adds a task. Returns the number of an older one that went for it.
    pub(super) fn add(&mut self, task: MoveTask) -> Option<u64> {
        let source = task.source.clone().unwrap_or_default();
        let numbers = self.by_source.entry(source).or_default();
        numbers.insert(task.number);
        let gone = if numbers.len() > KEPT {
            numbers.pop_first()
        } else {
            None
        };
        self.by_number.insert(task.number, task);
        gone.inspect(|number| {
            self.by_number.remove(number);
        })
    }

    /// Forgets the tasks of a source. Returns their numbers.
    pub(super) fn remove_all(&mut self, source: &ResourceKey) -> BTreeSet<u64> {
        let numbers = self.by_source.remove(source).unwrap_or_default();
        for number in &numbers {
            self.by_number.remove(number);
        }
        numbers
    }
}

impl Catalog {
    /// A move task.
    pub fn move_task(&self, number: u64) -> Option<&MoveTask> {
        self.move_tasks.get(number)
    }

    /// The move tasks that have not ended, by number.
    pub fn active_move_tasks(&self) -> impl Iterator<Item = &MoveTask> {
        self.move_tasks.iter().filter(|task| task.is_active())
    }

    /// The last ten move tasks of a queue, the latest first.
    pub fn move_tasks_of<'a>(&'a self, source: &ResourceKey) -> impl Iterator<Item = &'a MoveTask> + use<'a> {
        self.move_tasks.of(source)
    }

    /// Changes a task, and ends it once all its partitions have ended their parts.
    pub(super) fn change_move_task(&mut self, number: u64, change: impl FnOnce(&mut MoveTask)) {
        let Some(task) = self.move_tasks.by_number.get_mut(&number) else {
            return;
        };
        change(task);
        if task.is_active() && task.parts.iter().all(|part| part.ended) {
            let end = match task.status() {
                _ if !task.failure.is_empty() => MoveStatus::Failed,
                MoveStatus::Cancelling => MoveStatus::Cancelled,
                _ => MoveStatus::Completed,
            };
            task.set_status(end);
        }
        self.changes.touch(RowName::MoveTask(number));
        self.next_version();
    }
}
