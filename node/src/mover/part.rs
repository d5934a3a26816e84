//! One partition's part in one move task.

use std::time::Duration;

use raft::command::catalog::CatalogOp;
use raft::command::move_tasks::{MovePart, MoveStatus, MoveTask, ReportMoveTask};
use raft::command::queue::{Move, Moved, QueueOp};
use raft::group::Group;
use raft::machine::queue::{Progress, Queue};
use raft::planted::{Bug, planted};
use raft::types::{GroupId, Millis};
use tokio::time::Instant;

use super::pace::Pace;
use super::{Mover, destinations};
use crate::router::RouteError;

/// Messages on their way at a time: enough to keep the carrier busy.
const UNDER_WAY_MAX: usize = 1_000;
/// How long to wait for a change before looking again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often progress is reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How long the catalog may take to catch up.
const PATIENCE: Duration = Duration::from_secs(2);
/// SQS ends a task that takes longer.
const SPAN: Millis = Millis(36 * 60 * 60 * 1000);
/// What SQS says then is not known; this is ours.
const TOO_LONG: &str = "TaskTimedOut";

/// What to do next.
enum Next {
    /// Another step at once.
    Step,
    /// A step when something has changed.
    Wait,
    /// Nothing: the part has ended.
    End,
}

/// When and what was reported last.
#[derive(Default)]
struct Reported {
    at: Option<Instant>,
    moved: Option<u64>,
}

impl Mover {
    /// Moves messages until the part has ended, this node leads no more, or something is in the way.
    pub(super) async fn move_part(&self, number: u64, origin: GroupId) {
        let task = |mover: &Mover| mover.errands.catalog.read(|c| c.move_task(number).cloned());
        let mut pace = task(self).map_or(Pace::new(0, 1), |task| Pace::new(task.rate_max, task.parts.len()));
        let mut reported = Reported::default();
        loop {
            let (group, task) = (self.led(origin), task(self));
            let (Some(group), Some(task)) = (group, task) else {
                return;
            };
            if !task.is_active() {
                return;
            }
            let mut applied = group.replica().applied();
            applied.mark_unchanged();
            match self.step(&group, &task, &mut pace, &mut reported).await {
                Ok(Next::Step) => {}
                Ok(Next::Wait) => {
                    // Whether something has changed or not, it looks again.
                    let _ = tokio::time::timeout(PAUSE, applied.changed()).await;
                }
                Ok(Next::End) => return,
                Err(error) => {
                    tracing::debug!(task = number, %origin, %error, "messages cannot move yet");
                    return;
                }
            }
        }
    }

    async fn step(
        &self,
        group: &Group,
        task: &MoveTask,
        pace: &mut Pace,
        reported: &mut Reported,
    ) -> Result<Next, RouteError> {
        // Messages that are too old and still there are passed over one by one, while the state is
        // locked: no more of them than a batch leaves.
        self.polls.catch_up_with_time(group).await;
        if self.polls.is_behind(group) {
            return Ok(Next::Wait);
        }
        let Some(progress) = read(group, |queue| queue.move_progress(task.number)).flatten() else {
            if read(group, Queue::latest_move).is_some_and(|latest| latest > task.number) {
                // This node does not know yet that the task has ended.
                return Ok(Next::Wait);
            }
            self.command(group, task, Vec::new(), false).await?;
            return Ok(Next::Step);
        };
        let goes_on = task.status() == MoveStatus::Running && task.failure.is_empty();
        let is_late = Millis(task.started_ms).after(SPAN) < self.errands.catalog.time();
        let failure = if is_late && task.failure.is_empty() {
            Some(TOO_LONG)
        } else if goes_on && !progress.closed && progress.under_way < UNDER_WAY_MAX {
            let (left, failure) = self.move_some(group, task, pace.batch()).await?;
            if left > 0 {
                self.report(group, task, &progress, None, reported).await?;
                pace.after(left).await;
                return Ok(Next::Step);
            }
            failure
        } else {
            None
        };
        if let Some(reason) = failure {
            self.report(group, task, &progress, Some((false, reason)), reported)
                .await?;
        }
        let is_over = !goes_on || failure.is_some() || !progress.some_left;
        let closed = progress.closed || (is_over && planted(Bug::MoveUnclosed));
        if is_over && !closed {
            // Another leader, who does not know that yet, must not go on.
            self.command(group, task, Vec::new(), true).await?;
            return Ok(Next::Step);
        }
        let end = closed && progress.under_way == 0;
        let last = end.then_some((true, ""));
        self.report(group, task, &progress, last, reported).await?;
        Ok(if end { Next::End } else { Next::Wait })
    }

    /// Lets some messages go. Returns how many, and why the next one cannot go, if it cannot.
    async fn move_some(
        &self,
        group: &Group,
        task: &MoveTask,
        max: usize,
    ) -> Result<(usize, Option<&'static str>), RouteError> {
        let messages = match read(group, |queue| queue.movable(max)) {
            Some(messages) => {
                let messages = group.read_letters(messages).await;
                messages.map_err(|_| RouteError::Unavailable(group.id()))?
            }
            None => Vec::new(),
        };
        let catalog = &self.errands.catalog;
        let (mut moved, mut failure) = destinations::of(task, &messages, catalog);
        if failure.is_some() && moved.is_empty() {
            // Before a task fails for a queue that is not known here, it is asked for.
            let caught_up = catalog.catch_up(PATIENCE).await;
            caught_up.map_err(|_| RouteError::Unavailable(GroupId::CATALOG))?;
            (moved, failure) = destinations::of(task, &messages, catalog);
        }
        let count = moved.len();
        if count > 0 {
            self.command(group, task, moved, false).await?;
        }
        Ok((count, failure))
    }

    /// Lets messages go, and nothing after them if that is to be all.
    async fn command(
        &self,
        group: &Group,
        task: &MoveTask,
        messages: Vec<Moved>,
        close: bool,
    ) -> Result<(), RouteError> {
        let command = Move {
            task: task.number,
            messages,
            close,
        };
        self.errands.queue(group.id(), QueueOp::Move(command)).await?;
        self.polls.tell_of_departures(group);
        Ok(())
    }

    /// Reports how far the part has got: from time to time, or with `end` at once: whether it has ended, and why it fails.
    async fn report(
        &self,
        group: &Group,
        task: &MoveTask,
        progress: &Progress,
        end: Option<(bool, &str)>,
        reported: &mut Reported,
    ) -> Result<(), RouteError> {
        let is_due = reported.at.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL);
        if end.is_none() && (!is_due || reported.moved == Some(progress.moved)) {
            return Ok(());
        }
        let (ended, failure) = end.unwrap_or_default();
        let report = ReportMoveTask {
            number: task.number,
            part: Some(MovePart {
                group: group.id().0,
                to_move: Some(progress.to_move),
                moved: progress.moved,
                ended,
            }),
            failure: failure.to_owned(),
        };
        self.errands.catalog(CatalogOp::ReportMoveTask(report)).await?;
        *reported = Reported {
            at: Some(Instant::now()),
            moved: Some(progress.moved),
        };
        Ok(())
    }
}

fn read<T>(group: &Group, mut read: impl FnMut(&Queue) -> T) -> Option<T> {
    group.replica().read(|machine| machine.as_queue().map(&mut read))
}
