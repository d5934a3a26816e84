//! A leader that no majority answers in time gives up (etcd's check quorum; Ongaro's thesis, 6.2).
//!
//! Its lease has run out, so that it serves nobody; but followers that hear it late, over a slow link or one that is lossy, go on
//! taking it for the leader, and elect nobody as long as that lasts. So it asks one of them to take over, and sends no
//! heartbeats from then on. If nobody is better off, leadership comes back, and whoever has just given it up waits longer the next time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use raft::groups::Groups;
use raft::peers::Peers;
use raft::types::GroupId;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::succession;

/// How often leaders are looked at.
const INTERVAL: Duration = Duration::from_millis(100);
/// How often patience doubles: from one lease to eight.
const DOUBLED_MAX: u32 = 3;
/// After so long without giving up, patience is what it was at first.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Looks after the groups that this node leads, until `stop`.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn watch(groups: Arc<Groups>, peers: Arc<Peers>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched: BTreeMap<GroupId, Watched> = BTreeMap::new();
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let now = Instant::now();
        watched.retain(|_, group| group.is_worth_keeping(now));
        for group in groups.list() {
            let is_confirmed = group.is_confirmed().unwrap_or(true);
            if is_confirmed && !watched.contains_key(&group.id()) {
                continue;
            }
            let term = group.leadership().term;
            let seen = watched.entry(group.id()).or_default();
            if !seen.gives_up(term, is_confirmed, group.lease()) {
                continue;
            }
            match succession::give_up(&group, &peers).await {
                Ok(to) => {
                    tracing::warn!(group = %group.id(), term, %to, "no majority answers in time; another node is to lead");
                    seen.given_up(now);
                }
                Err(error) => tracing::debug!(group = %group.id(), %error, "no majority answers"),
            }
        }
    }
    Ok(())
}

/// A group of which no majority answered this node, its leader, a while ago.
#[derive(Default)]
struct Watched {
    /// The term, and how many looks in a row have found in it that no majority answered.
    silent: Option<(u64, u32)>,
    /// When it was given up last, and how often patience has doubled since.
    given_up: Option<(Instant, u32)>,
}

impl Watched {
    /// One look: whether the group is to be given up. Looks count, not time: after a pause of this node itself, the first of them
    /// finds old answers.
    fn gives_up(&mut self, term: u64, is_confirmed: bool, lease: Duration) -> bool {
        if is_confirmed {
            self.silent = None;
            return false;
        }
        let before = self.silent.filter(|(of, _)| *of == term);
        let looks = before.map_or(0, |(_, looks)| looks) + 1;
        self.silent = Some((term, looks));
        let doubled = self.given_up.map_or(0, |(_, doubled)| doubled);
        INTERVAL * looks > lease * 2_u32.pow(doubled)
    }

    fn given_up(&mut self, now: Instant) {
        let doubled = self
            .given_up
            .map_or(1, |(_, doubled)| (doubled + 1).min(DOUBLED_MAX));
        self.given_up = Some((now, doubled));
        self.silent = None;
    }

    fn is_worth_keeping(&mut self, now: Instant) -> bool {
        self.given_up = self
            .given_up
            .filter(|(at, _)| now.duration_since(*at) < FORGOTTEN);
        self.silent.is_some() || self.given_up.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_millis(600);

    /// Looks each 100 ms for so many of them; `is_confirmed` says what each finds. Gives the looks at which it gave up.
    fn looks(
        watched: &mut Watched,
        begin: Instant,
        count: u32,
        is_confirmed: impl Fn(u32) -> bool,
    ) -> Vec<u32> {
        let look = |n: &u32| {
            let now = begin + INTERVAL * *n;
            watched.is_worth_keeping(now);
            let gives_up = watched.gives_up(1, is_confirmed(*n), LEASE);
            if gives_up {
                watched.given_up(now);
            }
            gives_up
        };
        (0..count).filter(look).collect()
    }

    #[test]
    fn a_leader_without_a_majority_gives_up_after_a_lease_and_then_waits_longer() {
        let mut watched = Watched::default();
        let begin = Instant::now();
        let gave_up = looks(&mut watched, begin, 190, |_| false);
        assert_eq!(gave_up, [6, 19, 44, 93, 142]);
        // A minute later it is as it was.
        let later = begin + INTERVAL * 190 + FORGOTTEN;
        assert_eq!(looks(&mut watched, later, 9, |n| n == 0), [7]);
        watched.given_up = None;
        watched.gives_up(1, true, LEASE);
        assert!(!watched.is_worth_keeping(later));
    }

    #[test]
    fn a_majority_that_answers_now_and_then_is_enough() {
        let mut watched = Watched::default();
        let begin = Instant::now();
        assert_eq!(looks(&mut watched, begin, 500, |n| n % 7 == 0), [0; 0]);
        assert_eq!(looks(&mut watched, begin, 9, |n| n == 0), [7]);
    }

    #[test]
    fn what_was_so_in_another_term_does_not_count() {
        let mut watched = Watched::default();
        for term in 1..20 {
            for _ in 0..6 {
                assert!(!watched.gives_up(term, false, LEASE), "term {term}");
            }
        }
        assert!(watched.gives_up(19, false, LEASE));
    }
}
