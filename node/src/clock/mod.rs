//! The agreed clock: what a node takes for the time, whatever its own clock shows.
//!
//! A leader stamps its time into the log, and every replica expires messages by that. So one clock
//! that is a year ahead would delete what all nodes hold, and one that is behind would stop
//! visibility timeouts. Therefore each node asks the others for their clocks each second. It uses
//! its own one as long as that is within [`OFFSET_MS_MAX`] of what a majority of the catalog's
//! voters allows (`agree.rs`), and the nearest allowed time otherwise.
//!
//! What was allowed goes on with the monotonic clock while too few nodes are heard, or while those
//! that are heard contradict each other. A node that has just started knows nothing of before: it
//! stamps nothing until a majority has decided (`decided.rs`). It does not keep anything on disk,
//! nor set the machine's clock.
//!
//! A cluster of one node has nobody to compare with. Its clock counts as it is at the start; a jump
//! later is refused as long as the process runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raft::env::Clock;
use raft::planted::{Bug, planted};
use raft::types::{Millis, NodeId};
use tokio::time::Instant;

mod agree;
mod decided;
mod reading;
mod report;

use decided::Decided;
use reading::Reading;
pub(crate) use report::Report;

/// A clock that is off by more is not used, in milliseconds. Clocks that are synchronised differ by
/// less than a tenth of it.
pub const OFFSET_MS_MAX: u64 = 1_000;

/// The own clock and the monotonic one are looked at together. What took longer says nothing.
const OWN_LOOK_MAX: Duration = Duration::from_millis(100);

/// The node's own clock, corrected by what a majority allows.
pub struct AgreedClock {
    own: Arc<dyn Clock>,
    me: NodeId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    voters: BTreeSet<NodeId>,
    heard: BTreeMap<NodeId, Heard>,
    /// What this node's own clock shows.
    own: Option<Reading>,
    /// What was last decided.
    decided: Option<Decided>,
}

/// What is known of another node's clock.
#[derive(Clone, Copy)]
enum Heard {
    Clock(Reading),
    /// Its version does not tell; so it does not count.
    Nothing(Instant),
}

/// How a node's clock compares with the agreed time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How far the node's own clock is ahead of what is allowed, in milliseconds; negative if it is
    /// behind. `None` while the time is unknown.
    pub offset_ms: Option<i64>,
    /// Whether a majority's clocks decide the time now. If not, it goes on with the monotonic
    /// clock.
    pub agreed: bool,
}

impl Standing {
    /// Whether the node's own clock is not used.
    pub fn is_off(&self) -> bool {
        self.offset_ms
            .is_some_and(|offset| offset.unsigned_abs() > OFFSET_MS_MAX)
    }
}

impl AgreedClock {
    /// Over a node's own clock. The time is unknown at first.
    pub fn new(own: Arc<dyn Clock>, me: NodeId) -> Arc<AgreedClock> {
        Arc::new(AgreedClock {
            own,
            me,
            state: Mutex::default(),
        })
    }

    /// What the node's own clock shows: what other nodes are told.
    pub fn own(&self) -> Millis {
        self.own.now()
    }

    /// How the own clock compares with the agreed time.
    pub fn standing(&self) -> Standing {
        let (now, own) = (Instant::now(), self.own.now());
        let decided = self.state.lock().decided;
        Standing {
            offset_ms: decided.map(|decided| decided.at(now).offset_ms(own)),
            agreed: decided.is_some_and(|decided| decided.is_fresh(now)),
        }
    }

    /// The voters whose majority decides, and what is known of their clocks, for a text.
    fn clocks(&self) -> String {
        let now = Instant::now();
        let state = self.state.lock();
        let clock = |voter: &NodeId| {
            let shown = state.reading(*voter, self.me, now);
            let shown = shown.map_or_else(
                || "not heard".to_owned(),
                |shown| format!("{} ms", shown.clock(now).0),
            );
            format!("node {voter}: {shown}")
        };
        state.voters.iter().map(clock).collect::<Vec<_>>().join(", ")
    }

    /// A node told what its clock shows, asked for it at `asked`; `None` if its version does not
    /// tell.
    pub(crate) fn heard(&self, node: NodeId, asked: Instant, clock: Option<Millis>) {
        let answered = Instant::now();
        let mut state = self.state.lock();
        let Some(clock) = clock else {
            state.heard.insert(node, Heard::Nothing(answered));
            return;
        };
        let earlier = match state.heard.get(&node) {
            Some(Heard::Clock(earlier)) => Some(*earlier),
            _ => None,
        };
        if let Some(reading) = Reading::new(asked, answered, clock) {
            state.heard.insert(node, Heard::Clock(reading.after(earlier)));
        }
    }

    /// Decides anew, by a majority of `voters`; changes nothing if they do not say enough.
    pub(crate) fn decide(&self, voters: BTreeSet<NodeId>) {
        let (now, own) = (Instant::now(), self.own.now());
        // This process may have stood still in between.
        if now.elapsed() > OWN_LOOK_MAX {
            return;
        }
        let mut state = self.state.lock();
        state.voters = voters;
        state.own = Reading::new(now, now, own).map(|reading| reading.after(state.own));
        let telling = state.telling(now);
        let off = |decided: Decided| decided.at(now).offset_ms(own).unsigned_abs() > OFFSET_MS_MAX;
        let alone = telling.len() == 1 && telling.contains(&self.me);
        if alone && state.decided.is_some_and(off) {
            return;
        }
        let readings = telling
            .iter()
            .filter_map(|voter| state.reading(*voter, self.me, now));
        let readings: Vec<Reading> = readings.collect();
        if let Some(decided) = Decided::by(&readings, telling.len(), state.decided) {
            state.decided = Some(decided);
        }
    }
}

impl State {
    /// The voters that count: all but those whose version does not tell its clock.
    fn telling(&self, now: Instant) -> BTreeSet<NodeId> {
        let silent = |voter: &NodeId| match self.heard.get(voter) {
            Some(Heard::Nothing(at)) => now.duration_since(*at) < reading::FRESH,
            _ => false,
        };
        self.voters
            .iter()
            .copied()
            .filter(|voter| !silent(voter))
            .collect()
    }

    /// What a node's clock shows, if that is known.
    fn reading(&self, node: NodeId, me: NodeId, now: Instant) -> Option<Reading> {
        if node == me {
            return self.own;
        }
        match self.heard.get(&node)? {
            Heard::Clock(reading) if reading.is_fresh(now) => Some(*reading),
            _ => None,
        }
    }
}

impl Clock for AgreedClock {
    fn now(&self) -> Millis {
        self.stamp().unwrap_or_default()
    }

    fn stamp(&self) -> Option<Millis> {
        let (now, own) = (Instant::now(), self.own.now());
        if planted(Bug::ClockTrusted) {
            return Some(own);
        }
        let decided = self.state.lock().decided?;
        let allowed = decided.at(now);
        Some(if allowed.offset_ms(own).unsigned_abs() > OFFSET_MS_MAX {
            own.clamp(allowed.earliest, allowed.latest)
        } else {
            own
        })
    }
}

#[cfg(test)]
mod tests;
