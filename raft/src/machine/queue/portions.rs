//! A cut in portions: entries are applied between them, and the last portion makes the cut.
//!
//! A portion has rows as they are when it is taken. What changes afterwards has changed since the
//! portion, and is in a later one. So all portions together, of each row the latest, are the changes
//! up to the last one.

use super::Queue;
use super::rows::message_row;
use crate::machine::row::{Delta, numbered_key};
use crate::machine::tables;

impl Queue {
    /// About as many rows of what changed since the last cut; none if no more is left, or if the
    /// whole state is to be cut. Then the cut itself is due.
    pub(in crate::machine) fn cut_some(&mut self, rows_max: usize) -> Option<Delta> {
        if self.since_cut.clear || self.changed_rows() <= rows_max {
            return None;
        }
        let mut delta = Delta::default();
        let room = |delta: &Delta| rows_max.saturating_sub(delta.puts.len() + delta.deletes.len());
        self.invocations.take_some(room(&delta), &mut delta);
        self.deduplication.take_some(room(&delta), &mut delta);
        self.attempts.take_some(room(&delta), &mut delta);
        let changes = &mut self.backlog.changes;
        let kept = changes.gone.len().saturating_sub(room(&delta));
        let gone = changes.gone.split_off(kept).into_iter();
        let gone = gone.map(|sequence| numbered_key(tables::MESSAGES, sequence));
        delta.deletes.extend(gone);
        let touched = self.backlog.take_touched(room(&delta)).into_iter();
        delta.puts.extend(touched.map(message_row));
        self.take_new(room(&delta), &mut delta);
        Some(delta)
    }

    /// Messages that came since the last cut, the oldest first.
    pub(super) fn take_new(&mut self, max: usize, delta: &mut Delta) {
        let begin = self.backlog.changes.saved_end;
        let mut end = self.next_sequence;
        let mut left = max;
        for (sequence, message) in self.backlog.iter_from(begin) {
            if left == 0 {
                end = sequence;
                break;
            }
            delta.puts.push(message_row((sequence, message)));
            left -= 1;
        }
        self.backlog.changes.saved_end = end;
    }

    fn changed_rows(&self) -> usize {
        let changes = &self.backlog.changes;
        let new = self.next_sequence.saturating_sub(changes.saved_end);
        let of_windows = [
            self.invocations.new_entries(),
            self.deduplication.new_entries(),
            self.attempts.new_entries(),
        ];
        let of_messages = changes.touched.len() + changes.gone.len();
        of_windows.iter().sum::<usize>() + of_messages + usize::try_from(new).unwrap_or(usize::MAX)
    }
}
