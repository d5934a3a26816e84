//! How the moves that this node carries out get on: when each last made progress, and what it waits
//! for.
//!
//! The node that leads the catalog asks for this (`survey.rs`). A move that makes no progress must
//! not keep others from beginning, and an operator has to know of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;
use raft::group::Group;
use raft::types::{GroupId, NodeId};
use tokio::time::Instant;

/// The pause after a step that failed, and the longest one, after several in a row.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A state that was begun anew so often does not get there.
const RESTARTS_MAX: u32 = 5;

/// The moves that this node carries out.
#[derive(Default)]
pub struct Stalls(Mutex<BTreeMap<GroupId, Move>>);

/// What is seen of a group: another value is progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version of the placement that is carried out.
    pub version: u64,
    /// Voters and learners.
    pub members: (BTreeSet<NodeId>, BTreeSet<NodeId>),
    /// How many entries all learners lack together; unknown as long as one has not answered.
    pub lag: Option<u64>,
    /// When a part of the state was last asked for, and of which transfer.
    pub asked: Option<(Instant, u64)>,
}

impl Seen {
    /// What is seen of a group that is led here.
    pub fn of(group: &Group, version: u64) -> Seen {
        let members = group.members();
        let lags: BTreeMap<NodeId, Option<u64>> = group.lags().into_iter().collect();
        let learners = members.1.iter();
        let lag = learners.map(|node| lags.get(node).copied().flatten()).sum();
        Seen {
            version,
            members,
            lag,
            asked: group.last_asked_for_state(),
        }
    }

    /// Whether something got done since an earlier look. More entries to send are no progress, and
    /// neither is a state that is sent again and again.
    fn is_further_than(&self, earlier: &Seen, restarts: u32) -> bool {
        let is_nearer = match (self.lag, earlier.lag) {
            (Some(lag), Some(earlier)) => lag < earlier,
            (lag, earlier) => lag.is_some() && earlier.is_none(),
        };
        let is_asked = self.asked.is_some() && self.asked != earlier.asked;
        is_nearer || (is_asked && restarts < RESTARTS_MAX) || self.is_another_than(earlier)
    }

    fn is_another_than(&self, earlier: &Seen) -> bool {
        self.version != earlier.version || self.members != earlier.members
    }
}

struct Move {
    seen: Seen,
    /// The latest transfer of the state, and how often another one has followed.
    transfer: Option<u64>,
    restarts: u32,
    since: Instant,
    reason: String,
    /// Steps that failed in a row, and when the next may be tried.
    failures: u32,
    due: Instant,
}

/// A move, for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// For how long it has made no progress.
    pub still: Duration,
    /// What it waits for.
    pub reason: String,
}

impl Stalls {
    /// Looks at a move. Says whether its next step may be tried.
    pub fn look(&self, group: GroupId, seen: Seen, now: Instant) -> bool {
        let mut moves = self.0.lock();
        let known = moves.entry(group).or_insert_with(|| Move {
            seen: seen.clone(),
            transfer: None,
            restarts: 0,
            since: now,
            reason: String::new(),
            failures: 0,
            due: now,
        });
        if seen.is_another_than(&known.seen) {
            known.restarts = 0;
        }
        if let Some((_, transfer)) = seen.asked {
            let before = known.transfer.replace(transfer);
            known.restarts += u32::from(before.is_some_and(|before| before != transfer));
        }
        if seen.is_further_than(&known.seen, known.restarts) {
            known.since = now;
            known.failures = 0;
            known.due = now;
        }
        known.seen = seen;
        known.due <= now
    }

    /// A step of a move waits for something that is looked at again soon.
    pub fn waits(&self, group: GroupId, reason: String) {
        if let Some(known) = self.0.lock().get_mut(&group) {
            known.reason = reason;
        }
    }

    /// A step of a move failed: the next one is tried after a pause that doubles with each failure
    /// in a row.
    pub fn failed(&self, group: GroupId, reason: String, now: Instant) {
        if let Some(known) = self.0.lock().get_mut(&group) {
            known.reason = reason;
            let pause = PAUSE.saturating_mul(2_u32.saturating_pow(known.failures));
            known.failures = known.failures.saturating_add(1);
            known.due = now + pause.min(PAUSE_MAX);
        }
    }

    /// A step of a move was done.
    pub fn done(&self, group: GroupId) {
        if let Some(known) = self.0.lock().get_mut(&group) {
            known.reason.clear();
            known.failures = 0;
        }
    }

    /// Forgets all other moves.
    pub fn retain(&self, groups: &BTreeSet<GroupId>) {
        self.0.lock().retain(|group, _| groups.contains(group));
    }

    /// How a move gets on, if this node carries one out.
    pub fn of(&self, group: GroupId, now: Instant) -> Option<Stall> {
        let moves = self.0.lock();
        let known = moves.get(&group)?;
        Some(Stall {
            still: now.duration_since(known.since),
            reason: known.reason.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId(7);

    fn seen(version: u64, learners: &[u64], lag: Option<u64>) -> Seen {
        let learners = learners.iter().copied().map(NodeId).collect();
        Seen {
            version,
            members: (BTreeSet::from([NodeId(1)]), learners),
            lag,
            asked: None,
        }
    }

    fn still(stalls: &Stalls, now: Instant) -> u64 {
        stalls.of(GROUP, now).unwrap().still.as_secs()
    }

    #[test]
    fn progress_is_what_gets_done_and_not_what_is_left_to_do() {
        let (stalls, begin) = (Stalls::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        stalls.look(GROUP, seen(1, &[], None), at(0));
        stalls.look(GROUP, seen(1, &[2], None), at(10));
        assert_eq!(still(&stalls, at(15)), 5, "a learner");
        stalls.look(GROUP, seen(1, &[2], Some(500)), at(20));
        assert_eq!(still(&stalls, at(20)), 0, "it has answered");
        stalls.look(GROUP, seen(1, &[2], Some(900)), at(30));
        assert_eq!(still(&stalls, at(30)), 10, "it falls behind");
        stalls.look(GROUP, seen(1, &[2], Some(899)), at(40));
        assert_eq!(still(&stalls, at(40)), 0, "it comes nearer");
        let asked = Seen {
            asked: Some((at(50), 1)),
            ..seen(1, &[2], Some(899))
        };
        stalls.look(GROUP, asked.clone(), at(50));
        assert_eq!(still(&stalls, at(51)), 1, "it asked for a part of the state");
        stalls.look(GROUP, asked, at(60));
        assert_eq!(still(&stalls, at(61)), 11);
        stalls.look(GROUP, seen(2, &[2], Some(899)), at(70));
        assert_eq!(still(&stalls, at(70)), 0, "it goes elsewhere");
        stalls.retain(&BTreeSet::new());
        assert_eq!(stalls.of(GROUP, at(70)), None);
    }

    #[test]
    fn a_state_that_is_sent_again_and_again_is_no_progress() {
        let (stalls, begin) = (Stalls::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let asked = |seconds: u64, transfer| Seen {
            asked: Some((at(seconds), transfer)),
            ..seen(1, &[2], None)
        };
        // One transfer may take as long as it takes.
        for second in 0..100 {
            stalls.look(GROUP, asked(second, 1), at(second));
        }
        assert_eq!(still(&stalls, at(100)), 1);
        for second in 100..120 {
            stalls.look(GROUP, asked(second, second), at(second));
        }
        // The first start anew was at second 100.
        let last_counted = 100 + u64::from(RESTARTS_MAX) - 2;
        assert_eq!(still(&stalls, at(120)), 120 - last_counted);
        let elsewhere = Seen {
            version: 2,
            ..asked(120, 120)
        };
        stalls.look(GROUP, elsewhere, at(120));
        assert_eq!(still(&stalls, at(120)), 0);
    }

    #[test]
    fn steps_that_fail_are_tried_ever_more_rarely_until_there_is_progress() {
        let (stalls, begin) = (Stalls::default(), Instant::now());
        let mut now = begin;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert!(stalls.look(GROUP, seen(1, &[], None), now));
            stalls.failed(GROUP, "no majority".to_owned(), now);
            let began = now;
            while !stalls.look(GROUP, seen(1, &[], None), now) {
                now += PAUSE;
            }
            pauses.push(now.duration_since(began).as_millis());
        }
        let doubling = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000];
        assert_eq!(pauses, [doubling.as_slice(), &[30_000; 3]].concat());
        assert_eq!(stalls.of(GROUP, now).unwrap().reason, "no majority");
        stalls.failed(GROUP, "no majority".to_owned(), now);
        assert!(!stalls.look(GROUP, seen(1, &[], None), now));
        assert!(
            stalls.look(GROUP, seen(1, &[2], None), now),
            "there is a new learner"
        );
        stalls.done(GROUP);
        assert_eq!(stalls.of(GROUP, now).unwrap().reason, "");
    }
}
