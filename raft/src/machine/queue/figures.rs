//! Numbers for those who watch over queues, at a cost that does not grow with the backlog.

use super::Queue;
use super::view::Counts;
use crate::types::Millis;

/// Messages that came and went since this replica was opened. No part of the state: a replica that
/// starts again, or is given a state, begins at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sent; neither repetitions nor what came from another queue.
    pub sent: u64,
    /// Handed out, each time that it was.
    pub received: u64,
    /// Deleted by who received them.
    pub deleted: u64,
    /// Dropped because of their age.
    pub expired: u64,
}

/// What a partition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages by place.
    pub counts: Counts,
    /// When the oldest message was sent, apart from those that are past their retention or on their
    /// way to another queue.
    pub oldest_sent: Option<Millis>,
    /// Messages past their retention that are still held. They are in no other number.
    pub expired: u64,
    /// What came and went.
    pub tally: Tally,
}

impl Queue {
    /// What the partition holds at `now`. Of messages whose delay or visibility timeout has ended
    /// since the last batch, no more than `changes_max` count where they are by now; the rest
    /// counts where it was, until the next batch puts that right.
    pub fn figures(&self, now: Millis, changes_max: usize) -> Figures {
        let now = self.clock.clamp(now);
        Figures {
            counts: self.counts_within(now, changes_max),
            oldest_sent: self.oldest_at(now),
            expired: self.expired_places(now).total() as u64,
            tally: self.tally,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::queue::{Delete, QueueOp, Receipt};
    use crate::level::Level;
    use crate::machine::queue::testing::{apply, queue, receive, send};

    #[test]
    fn what_came_and_went_is_counted() {
        let mut queue = queue(Level::ONE, 10_000);
        assert_eq!(queue.figures(Millis(1_000), 10), Figures::default());
        send(&mut queue, 2_000, 3);
        send(&mut queue, 3_000, 1);
        receive(&mut queue, 4_000, 2, 1_000);
        let receipts = vec![
            Receipt {
                sequence: 1,
                delivery: 1,
            };
            2
        ];
        apply(&mut queue, 4_500, QueueOp::Delete(Delete { receipts }));
        let figures = queue.figures(Millis(4_500), 10);
        let tally = Tally {
            sent: 4,
            received: 2,
            deleted: 1,
            expired: 0,
        };
        assert_eq!(figures.tally, tally);
        assert_eq!(figures.oldest_sent, Some(Millis(2_000)));
        assert_eq!(
            (
                figures.counts.visible,
                figures.counts.in_flight,
                figures.counts.delayed
            ),
            (2, 1, 0)
        );
    }

    #[test]
    fn what_time_has_brought_counts() {
        let mut queue = queue(Level::ONE, 10_000);
        send(&mut queue, 2_000, 6);
        send(&mut queue, 8_000, 2);
        receive(&mut queue, 8_500, 4, 1_000);
        for now in [8_500, 9_500, 11_999, 12_000, 17_999, 18_000] {
            let figures = queue.figures(Millis(now), 100);
            assert_eq!(figures.counts, queue.counts(Millis(now)), "at {now}");
        }
        let oldest = |now, max| queue.figures(Millis(now), max).oldest_sent;
        assert_eq!(oldest(11_999, 100), Some(Millis(2_000)));
        assert_eq!(oldest(12_000, 100), Some(Millis(8_000)));
        assert_eq!(oldest(18_000, 100), None);
        // Three of four are back, and the rest is not looked at. What is too old always counts as
        // gone.
        assert_eq!(queue.figures(Millis(9_500), 3).counts.in_flight, 1);
        let bounded = queue.figures(Millis(12_000), 3);
        assert_eq!((bounded.counts.visible, bounded.counts.in_flight), (2, 0));
        assert_eq!((bounded.expired, bounded.oldest_sent), (6, Some(Millis(8_000))));
    }
}
