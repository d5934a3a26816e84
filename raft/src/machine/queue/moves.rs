//! Move: messages leave for other partitions on behalf of a move task.
//!
//! The task itself is in the catalog; here is only what it has got done in this partition, which counts exactly
//! what has arrived, whoever leads. A task moves what was here when it began: a message that comes while it runs,
//! perhaps because it was moved and failed again, stays.

use bytes::Bytes;
use prost::Message as _;

use super::line::Line;
use super::message::Place;
use super::{Queue, Unread};
use crate::command::queue::{Move, Outcome, Outcomes, QueueAnswer};
use crate::machine::row::{Delta, LoadError, Row, single_key};
use crate::machine::tables;
use crate::types::GroupId;

/// What the latest move task has got done.
#[derive(Default)]
pub(super) struct Moves {
    latest: MovesRecord,
    changed: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MovesRecord {
    #[prost(uint64, tag = "1")]
    task: u64,
    /// The first sequence that it does not move.
    #[prost(uint64, tag = "2")]
    end: u64,
    #[prost(uint64, tag = "3")]
    to_move: u64,
    #[prost(uint64, tag = "4")]
    moved: u64,
    /// Nothing more leaves.
    #[prost(bool, tag = "5")]
    closed: bool,
}

/// How far a partition has got with a move task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Visible messages that were there when it began.
    pub to_move: u64,
    /// Messages that have arrived.
    pub moved: u64,
    /// Messages on their way.
    pub under_way: usize,
    /// Whether any are left that are neither on their way nor in somebody's hands.
    pub some_left: bool,
    /// Whether nothing more leaves. Once nothing is under way either, this is the end, on whichever replica it is seen.
    pub closed: bool,
}

impl Moves {
    /// A message that left on behalf of a task, or of none, has arrived.
    pub(super) fn arrived(&mut self, task: u64) {
        if task != 0 && task == self.latest.task {
            self.latest.moved += 1;
            self.changed = true;
        }
    }

    fn row(&self) -> Option<Row> {
        let began = self.latest.task != 0;
        began.then(|| Row::encoded(single_key(tables::MOVES), &self.latest))
    }

    pub(super) fn rows(&self, rows: &mut Vec<Row>) {
        rows.extend(self.row());
    }

    pub(super) fn take_delta(&mut self, delta: &mut Delta) {
        if std::mem::take(&mut self.changed) {
            delta.puts.extend(self.row());
        }
    }

    /// Puts back what a row says.
    pub(super) fn load(value: Bytes) -> Result<Moves, LoadError> {
        let latest =
            MovesRecord::decode(value).map_err(|error| LoadError::undecodable(tables::MOVES, error))?;
        Ok(Moves {
            latest,
            changed: false,
        })
    }
}

impl Queue {
    pub(super) fn move_messages(&mut self, command: Move) -> QueueAnswer {
        if command.task > self.moves.latest.task {
            self.moves.latest = MovesRecord {
                task: command.task,
                end: self.next_sequence,
                to_move: (self.backlog.ready() - self.stale_places().ready) as u64,
                moved: 0,
                closed: false,
            };
            self.moves.changed = true;
        }
        if command.task == self.moves.latest.task && !self.moves.latest.closed {
            for moved in command.messages {
                if moved.sequence < self.moves.latest.end && self.is_next(moved.sequence) {
                    self.backlog
                        .depart(moved.sequence, GroupId(moved.target), command.task);
                }
            }
            self.moves.latest.closed = command.close;
            self.moves.changed |= command.close;
        }
        QueueAnswer::Outcomes(Outcomes {
            outcomes: vec![Outcome::Done.into()],
        })
    }

    /// Whether a message may go before all others that are not its like: any that is ready on a standard queue, the
    /// first one of an unlocked group on a FIFO queue.
    fn is_next(&self, sequence: u64) -> bool {
        self.within_reach(sequence)
            .is_some_and(|message| match &self.backlog.line {
                Line::Standard(_) => message.place() == Place::Ready,
                Line::Fifo(groups) => {
                    let group = groups.get(message.letter().group());
                    group.is_some_and(|group| group.is_open() && group.members().next() == Some(sequence))
                }
            })
    }

    /// How far a move task has got here; `None` if it has not begun.
    pub fn move_progress(&self, task: u64) -> Option<Progress> {
        let latest = &self.moves.latest;
        (latest.task == task).then(|| Progress {
            to_move: latest.to_move,
            moved: latest.moved,
            under_way: self.backlog.departures.of_task(task),
            some_left: self.left_to_move().next().is_some(),
            closed: latest.closed,
        })
    }

    /// The number of the latest move task; 0 if there was none.
    pub fn latest_move(&self) -> u64 {
        self.moves.latest.task
    }

    /// The first messages, at most `max`, that the latest move task could let go now, in order.
    pub fn movable(&self, max: usize) -> Unread {
        let next: Vec<u64> = match &self.backlog.line {
            Line::Standard(_) => self.left_to_move().take(max).collect(),
            Line::Fifo(groups) => {
                let end = self.moves.latest.end;
                let is_ready = |sequence: u64| {
                    let message = self.within_reach(sequence);
                    sequence < end && message.is_some_and(|message| message.place() == Place::Ready)
                };
                groups.pick(max, is_ready)
            }
        };
        let next = next.into_iter();
        let next = next.filter_map(|sequence| Some(self.backlog.get(sequence)?.delivered(sequence)));
        self.unread(next.collect())
    }

    /// Ready messages that were there when the latest task began.
    fn left_to_move(&self) -> impl Iterator<Item = u64> {
        let end = self.moves.latest.end;
        let old = self
            .backlog
            .iter()
            .take_while(move |(sequence, _)| *sequence < end);
        old.filter(|(_, message)| message.place() == Place::Ready && !self.is_stale(message))
            .map(|(sequence, _)| sequence)
    }
}
