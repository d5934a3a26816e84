//! CancelMoveTask: has a move task end early.

use super::{Answer, Catalog, arn, refusal};
use crate::command::catalog::{CatalogAnswer, RefusalReason};
use crate::command::move_tasks::{CancelMoveTask, MoveStatus};

impl Catalog {
    pub(super) fn cancel_move_task(&mut self, command: &CancelMoveTask) -> Answer {
        let source = command.source.clone().unwrap_or_default();
        self.existing(&source)?;
        let task = self.move_tasks.of(&source).find(|task| task.id == command.id);
        let Some(task) = task else {
            return Err(refusal(RefusalReason::NoSuchMoveTask, arn::of_queue(&source)));
        };
        if task.status() != MoveStatus::Running {
            return Err(refusal(RefusalReason::MoveTaskRunsNot, arn::of_queue(&source)));
        }
        let mut task = task.clone();
        self.change_move_task(task.number, |task| task.set_status(MoveStatus::Cancelling));
        task.set_status(MoveStatus::Cancelling);
        Ok(CatalogAnswer::MoveTask(Box::new(task)))
    }
}
