//! What a majority has decided, and how another decision replaces it.
//!
//! Clocks are heard at different moments. Node 2's clock may have been wrong when it was heard last,
//! and right since. If node 3's clock jumps now, two of three clocks look wrong, although never more
//! than one of them was. So a decision that leaves the time so far waits until it has been made for
//! as long as what was heard counts. Then each clock behind it was heard again in between. A clock
//! that was wrong both times was wrong all the time, and so was each other one: a majority's clocks
//! show the new time at one moment, and it is right.
//!
//! Meanwhile the time goes on as before, with the monotonic clock.

use tokio::time::Instant;

use super::OFFSET_MS_MAX;
use super::agree::Allowed;
use super::reading::{FRESH, millis};

/// What a majority allowed, at a moment of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    at: Instant,
    allowed: Allowed,
    /// How many voters counted.
    voters: usize,
    /// Another time that a majority allows since then.
    leaving: Option<Leaving>,
}

/// A time that a majority has allowed without a break, which is not the one that is used.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    since: Instant,
    at: Instant,
    allowed: Allowed,
}

impl Decided {
    /// A decision of so many voters that count.
    pub(super) fn new(at: Instant, allowed: Allowed, voters: usize) -> Decided {
        Decided {
            at,
            allowed,
            voters,
            leaving: None,
        }
    }

    /// What is allowed at `now`.
    pub(super) fn at(self, now: Instant) -> Allowed {
        later(self.allowed, self.at, now)
    }

    /// Whether a majority decided not long ago.
    pub(super) fn is_fresh(self, now: Instant) -> bool {
        now.duration_since(self.at) < FRESH
    }

    /// What counts once `next` was decided. A decision of more voters replaces it at once: some
    /// could not be asked before.
    pub(super) fn followed_by(self, next: Decided) -> Decided {
        let Decided {
            at, allowed, voters, ..
        } = next;
        if voters > self.voters || !leaves(self.at(at), allowed) {
            return next;
        }
        let before = self.leaving.filter(|before| {
            let expected = later(before.allowed, before.at, at);
            at.duration_since(before.at) < FRESH && !leaves(expected, allowed)
        });
        let since = before.map_or(at, |before| before.since);
        if at.duration_since(since) > FRESH {
            return next;
        }
        let leaving = Some(Leaving { since, at, allowed });
        Decided { leaving, ..self }
    }
}

fn later(allowed: Allowed, at: Instant, now: Instant) -> Allowed {
    let elapsed = now.saturating_duration_since(at);
    allowed.later(millis(elapsed).0)
}

fn leaves(expected: Allowed, allowed: Allowed) -> bool {
    expected.apart_ms(allowed) > OFFSET_MS_MAX
}
