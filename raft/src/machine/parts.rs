//! Reading a state in parts, while it changes.
//!
//! A copy of a long backlog's rows takes a second, in which nothing can be applied. So whoever sends a state to another node reads a
//! part at a time, and then takes the deltas that were cut since it began: whatever a delta does not mention has not changed since the cut before. That
//! holds only for what that cut held: a row that came after it and went before the next one is in no delta. So no more is read than that.

use crate::machine::Row;

/// A place in a state, where a slice of it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Which of the numbered tables, counting from 1; at 0 there is all that has no numbers.
    pub table: u64,
    /// The first number in that table.
    pub next: u64,
}

/// How far reading has got.
pub struct Parts {
    /// Which of the numbered tables is next, counting from 1; at 0 there is all that has no numbers.
    pub(super) table: usize,
    /// The first number that was not read yet.
    pub(super) next: u64,
    /// For each numbered table, the number after those of the last cut.
    pub(super) ends: Vec<u64>,
}

impl Parts {
    /// Of numbered tables with these ends.
    pub(super) fn of(ends: Vec<u64>) -> Parts {
        Parts {
            table: 0,
            next: 0,
            ends,
        }
    }

    /// Goes to a place, from where everything is read that is there now, in a cut or not.
    pub(super) fn go_to(&mut self, at: Position) {
        let last = self.ends.len() + 1;
        self.table = usize::try_from(at.table).map_or(last, |table| table.min(last));
        self.next = at.next;
        self.ends.fill(u64::MAX);
    }

    /// Where reading goes on; none if everything was read.
    pub(super) fn position(&self) -> Option<Position> {
        let (table, next) = (self.table as u64, self.next);
        (!self.is_done()).then_some(Position { table, next })
    }

    /// Whether everything was read.
    pub fn is_done(&self) -> bool {
        self.table > self.ends.len()
    }

    /// Whatever `read` gives, once.
    pub(super) fn take_whole(&mut self, read: impl FnOnce() -> Vec<Row>) -> Vec<Row> {
        if self.table > 0 {
            return Vec::new();
        }
        self.table = 1;
        read()
    }

    /// Adds rows of the present table, which `numbered` gives from the next number on, until they have about `bytes_max`. Once there are no more,
    /// the next table follows.
    pub(super) fn take_numbered(
        &mut self,
        numbered: impl Iterator<Item = (u64, Row)>,
        rows: &mut Vec<Row>,
        bytes: &mut usize,
        bytes_max: usize,
    ) {
        for (number, row) in numbered {
            self.next = number + 1;
            *bytes += row.approximate_bytes();
            rows.push(row);
            if *bytes >= bytes_max {
                return;
            }
        }
        self.table += 1;
        self.next = 0;
    }
}
