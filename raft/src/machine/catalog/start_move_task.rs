//! StartMoveTask: begins to move the messages of a queue for dead letters.

use super::redrive::are_same_type;
use super::{Answer, Catalog, RowName, arn, refusal};
use crate::command::catalog::{CatalogAnswer, RefusalReason, ResourceKey};
use crate::command::move_tasks::{MovePart, MoveStatus, MoveTask, StartMoveTask};
use crate::types::Millis;

impl Catalog {
    pub(super) fn start_move_task(&mut self, now: Millis, command: StartMoveTask) -> Answer {
        let source = command.source.clone().unwrap_or_default();
        let groups = self.existing(&source)?.partitions.clone();
        if let Some(reason) = self.move_objection(&source, &command) {
            let subject = command.destination.as_ref().unwrap_or(&source);
            return Err(refusal(reason, arn::of_queue(subject)));
        }
        let parts = groups.into_iter().map(|group| MovePart {
            group,
            ..MovePart::default()
        });
        let task = MoveTask {
            number: self.next_version(),
            id: command.id,
            source: Some(source),
            destination: command.destination,
            rate_max: command.rate_max,
            started_ms: now.0,
            status: MoveStatus::Running.into(),
            parts: parts.collect(),
            failure: String::new(),
        };
        self.changes.touch(RowName::MoveTask(task.number));
        if let Some(gone) = self.move_tasks.add(task.clone()) {
            self.changes.touch(RowName::MoveTask(gone));
        }
        Ok(CatalogAnswer::MoveTask(Box::new(task)))
    }

    fn move_objection(&self, source: &ResourceKey, command: &StartMoveTask) -> Option<RefusalReason> {
        if self.dead_letter_sources.of(source, None).next().is_none() {
            return Some(RefusalReason::NotForDeadLetters);
        }
        if let Some(destination) = &command.destination {
            if destination == source {
                return Some(RefusalReason::MoveToItself);
            }
            if self.queue(destination).is_none() {
                return Some(RefusalReason::NoMoveDestination);
            }
            if !are_same_type(destination, source) {
                return Some(RefusalReason::MoveDestinationOfOtherType);
            }
        }
        if self.move_tasks.of(source).any(MoveTask::is_active) {
            return Some(RefusalReason::MoveTaskRuns);
        }
        let of_account = |task: &&MoveTask| {
            let source_of = task.source.as_ref();
            source_of.is_some_and(|other| other.account == source.account)
        };
        let active = self.active_move_tasks().filter(of_account).count();
        (active >= command.tasks_max as usize).then_some(RefusalReason::TooManyMoveTasks)
    }
}
