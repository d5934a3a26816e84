//! What a majority has decided, at a moment at which all clocks behind it are known.
//!
//! Readings of clocks are of different moments. Node 2's clock may have been wrong at its last
//! reading, and right since. If node 3's clock jumps now, two of three clocks look wrong, although
//! never more than one of them was. So a decision is about one moment. Only clocks count that were
//! read before and after that moment, and were not set in between.

use std::cmp::Reverse;

use raft::types::Millis;
use tokio::time::Instant;

use super::agree::{Allowed, allowed};
use super::reading::{FRESH, Reading, millis};

/// What a majority allowed, at a moment of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    at: Instant,
    allowed: Allowed,
}

impl Decided {
    /// Decides by the clocks of `voters` voters, at the moment at which most clocks are known. None
    /// if the clocks allow no time at any moment later than that of `before`.
    pub(super) fn by(readings: &[Reading], voters: usize, before: Option<Decided>) -> Option<Decided> {
        let moments = readings.iter().map(Reading::until);
        let news = moments.filter(|at| before.is_none_or(|before| before.at < *at));
        let mut known: Vec<(Vec<Millis>, Instant)> = news.map(|at| (showed(readings, at), at)).collect();
        known.sort_unstable_by_key(|(clocks, at)| Reverse((clocks.len(), *at)));
        known.into_iter().find_map(|(clocks, at)| {
            let allowed = allowed(clocks, voters)?;
            // Of a time that is open still, what was known before says more.
            let narrowed = before.and_then(|before| before.at(at).intersection(allowed));
            let allowed = narrowed.unwrap_or(allowed);
            Some(Decided { at, allowed })
        })
    }

    /// What is allowed at `now`.
    pub(super) fn at(self, now: Instant) -> Allowed {
        let elapsed = now.saturating_duration_since(self.at);
        self.allowed.later(millis(elapsed).0)
    }

    /// Whether a majority decided not long ago.
    pub(super) fn is_fresh(self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < FRESH
    }
}

/// The clocks that are known at a moment.
fn showed(readings: &[Reading], moment: Instant) -> Vec<Millis> {
    readings
        .iter()
        .filter_map(|reading| reading.showed(moment))
        .collect()
}
