//! ReportMoveTask: notes how far a partition has got. Reports may come late, twice, and from a leader of
//! yesterday: what a partition has moved never gets less, and what has ended stays so.

use super::{Answer, Catalog};
use crate::command::catalog::{CatalogAnswer, Done};
use crate::command::move_tasks::ReportMoveTask;

impl Catalog {
    pub(super) fn report_move_task(&mut self, command: ReportMoveTask) -> Answer {
        let report = command.part.unwrap_or_default();
        let concerned = self.move_tasks.get(command.number).filter(|task| {
            let mut parts = task.parts.iter();
            task.is_active() && parts.any(|part| part.group == report.group && !part.ended)
        });
        if concerned.is_some() {
            self.change_move_task(command.number, |task| {
                if task.failure.is_empty() {
                    task.failure = command.failure;
                }
                let parts = task.parts.iter_mut();
                for part in parts.filter(|part| part.group == report.group) {
                    part.to_move = report.to_move.or(part.to_move);
                    part.moved = part.moved.max(report.moved);
                    part.ended = report.ended;
                }
            });
        }
        Ok(CatalogAnswer::Done(Done {}))
    }
}
