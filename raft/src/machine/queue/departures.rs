//! Messages that leave for another partition: dead letters, and what is moved on request.
//!
//! Two groups cannot change in one step. A departing message therefore stays here, out of everybody's
//! reach, under a number that rises with each departure. Whoever leads this group has the target take it
//! in, again and again until it says so, and only then is it removed here. The target keeps the highest
//! number that it has taken in from each origin: what it is sent again is no new message. Departures for one
//! target arrive in the order of their numbers.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use prost::Message as _;

use super::message::Place;
use super::{Queue, Unread};
use crate::command::queue::{Outcome, Outcomes, QueueAnswer, Settle};
use crate::machine::row::{Delta, LoadError, Row, number_in_key, numbered_key};
use crate::machine::tables;
use crate::types::GroupId;

/// One message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Rises with each departure of the partition.
    pub number: u64,
    /// The message's sequence here.
    pub sequence: u64,
    /// The partition that it is to go to.
    pub target: GroupId,
    /// The move task that moves it; 0 if it is a dead letter.
    pub task: u64,
    /// It was deleted since. Whether it is in the other partition by then, nobody here knows: it does not come back, but it arrives.
    pub deleted: bool,
}

/// All that are on their way.
#[derive(Default)]
pub(super) struct Departures {
    /// How many there have been.
    count: u64,
    by_number: BTreeMap<u64, Departure>,
    by_sequence: BTreeMap<u64, u64>,
    /// Those up to this number were there at the last cut.
    saved: u64,
    /// Those of the last cut that have ended since.
    gone: Vec<u64>,
    /// Those of the last cut that were deleted since.
    touched: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DepartureRecord {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(uint64, tag = "2")]
    target: u64,
    #[prost(uint64, tag = "3")]
    task: u64,
    #[prost(bool, tag = "4")]
    deleted: bool,
}

impl Departures {
    /// None on their way, after so many.
    pub(super) fn after(count: u64) -> Departures {
        Departures {
            count,
            saved: count,
            ..Departures::default()
        }
    }

    /// How many there have been.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// How many are on their way.
    pub(super) fn under_way(&self) -> usize {
        self.by_number.len()
    }

    pub(super) fn begin(&mut self, sequence: u64, target: GroupId, task: u64) {
        self.count += 1;
        self.insert(Departure {
            number: self.count,
            sequence,
            target,
            task,
            deleted: false,
        });
    }

    fn insert(&mut self, departure: Departure) {
        self.by_number.insert(departure.number, departure);
        self.by_sequence.insert(departure.sequence, departure.number);
    }

    /// The message arrived, came back, or is gone for another reason.
    pub(super) fn end(&mut self, sequence: u64) {
        if let Some(number) = self.by_sequence.remove(&sequence) {
            self.by_number.remove(&number);
            if number <= self.saved {
                self.gone.push(number);
            }
        }
    }

    /// Notes that a message was deleted, if it is on its way.
    pub(super) fn delete(&mut self, sequence: u64) -> bool {
        let number = self.by_sequence.get(&sequence);
        let Some(departure) = number.and_then(|number| self.by_number.get_mut(number)) else {
            return false;
        };
        if departure.number <= self.saved && !departure.deleted {
            self.touched.push(departure.number);
        }
        departure.deleted = true;
        true
    }

    fn settled_by(&self, settle: &Settle) -> Vec<Departure> {
        let until = self.by_number.range(..=settle.up_to);
        until
            .map(|(_, departure)| *departure)
            .filter(|departure| departure.target == GroupId(settle.target))
            .collect()
    }

    /// How many are on their way on behalf of a move task.
    pub(super) fn of_task(&self, task: u64) -> usize {
        let all = self.by_number.values();
        all.filter(|departure| departure.task == task).count()
    }

    pub(super) fn rows(&self, rows: &mut Vec<Row>) {
        rows.extend(self.by_number.values().map(row));
    }

    /// The number after those that the last cut held.
    pub(super) fn saved_end(&self) -> u64 {
        self.saved + 1
    }

    /// Rows of those with numbers in a range.
    pub(super) fn rows_in(&self, numbers: Range<u64>) -> impl Iterator<Item = (u64, Row)> {
        let there = self.by_number.range(numbers);
        there.map(|(number, departure)| (*number, row(departure)))
    }

    pub(super) fn take_delta(&mut self, delta: &mut Delta) {
        let gone = std::mem::take(&mut self.gone).into_iter();
        let gone = gone.map(|number| numbered_key(tables::DEPARTURES, number));
        delta.deletes.extend(gone);
        let touched = std::mem::take(&mut self.touched).into_iter();
        let touched = touched.filter_map(|number| self.by_number.get(&number));
        let new = self.by_number.range(self.saved + 1..);
        let new = new.map(|(_, departure)| departure);
        delta.puts.extend(touched.chain(new).map(row));
        self.saved = self.count;
    }

    /// Puts back what a row says.
    pub(super) fn load(&mut self, key: &[u8], value: Bytes) -> Result<(), LoadError> {
        let record = DepartureRecord::decode(value)
            .map_err(|error| LoadError::undecodable(tables::DEPARTURES, error))?;
        let number = number_in_key(key)?;
        if number > self.count {
            return Err(LoadError::Damaged(
                "a departure with a number still to come".into(),
            ));
        }
        self.insert(Departure {
            number,
            sequence: record.sequence,
            target: GroupId(record.target),
            task: record.task,
            deleted: record.deleted,
        });
        Ok(())
    }
}

fn row(departure: &Departure) -> Row {
    let record = DepartureRecord {
        sequence: departure.sequence,
        target: departure.target.0,
        task: departure.task,
        deleted: departure.deleted,
    };
    Row::encoded(numbered_key(tables::DEPARTURES, departure.number), &record)
}

impl Queue {
    pub(super) fn settle(&mut self, settle: &Settle) -> QueueAnswer {
        for departure in self.backlog.departures.settled_by(settle) {
            if settle.returned && !departure.deleted {
                self.backlog.put(departure.sequence, Place::Ready);
                continue;
            }
            self.backlog.remove(departure.sequence);
            if !settle.returned {
                self.moves.arrived(departure.task);
            }
        }
        QueueAnswer::Outcomes(Outcomes {
            outcomes: vec![Outcome::Done.into()],
        })
    }

    /// Whether a message is on its way to another partition.
    pub fn has_departures(&self) -> bool {
        !self.backlog.departures.by_number.is_empty()
    }

    /// How many messages have begun to leave so far.
    pub fn departed(&self) -> u64 {
        self.backlog.departures.count()
    }

    /// The first messages on their way, by number: at most `max` of them, and no more of them after those
    /// that reach `bytes_max`.
    pub fn departures(&self, max: usize, bytes_max: usize) -> (Vec<Departure>, Unread) {
        let mut bytes = 0;
        let all = self.backlog.departures.by_number.values().take(max);
        let first = all.map_while(|departure| {
            if bytes >= bytes_max {
                return None;
            }
            let message = self.backlog.get(departure.sequence)?;
            bytes += message.letter().approximate_bytes() as usize;
            Some((*departure, message.delivered(departure.sequence)))
        });
        let (departures, delivered) = first.unzip();
        (departures, self.unread(delivered))
    }
}
