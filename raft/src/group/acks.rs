//! When the followers last acknowledged this leader, by what it sent them.
//!
//! A follower that answers an append follows the leader from then on for at least one lease: it
//! elects nobody else meanwhile. When it took the append in is not known here, but that it was not
//! before it left. So the lease counts from the moment at which the answered request was sent.
//!
//! openraft keeps such times, too, but goes by what a follower's log has: a late answer counts for
//! requests that were sent later and ask for no more, answered or not (`tests/openraft_lease.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;

use crate::types::NodeId;

/// What the followers of one group have acknowledged. Times are of [`crate::env::Uptime`].
#[derive(Default)]
pub(super) struct Acks(Mutex<Acknowledged>);

#[derive(Default)]
struct Acknowledged {
    term: u64,
    /// When the latest request was sent that a follower has answered.
    sent: BTreeMap<NodeId, Duration>,
    matched: BTreeMap<NodeId, Matched>,
}

/// The last entry that a follower said it has.
#[derive(Clone, Copy, Default)]
struct Matched {
    index: u64,
    /// It lacks that one after all.
    is_lost: bool,
}

/// A follower lacks what it had said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// The last entry that it had said to have.
    pub(super) had: u64,
    /// Whether that was not known.
    pub(super) is_news: bool,
}

impl Acks {
    /// A follower accepts a leader of that term, in answer to what was sent then.
    pub(super) fn record(&self, term: u64, follower: NodeId, sent: Duration) {
        let mut known = self.0.lock();
        if term > known.term {
            *known = Acknowledged {
                term,
                ..Acknowledged::default()
            };
        }
        if term == known.term {
            let latest = known.sent.entry(follower).or_default();
            *latest = sent.max(*latest);
        }
    }

    /// A follower has everything up to an entry.
    pub(super) fn matches(&self, term: u64, follower: NodeId, index: u64) {
        let mut known = self.0.lock();
        if term == known.term {
            let last = known.matched.entry(follower).or_default();
            if last.is_lost || index > last.index {
                let is_lost = false;
                *last = Matched { index, is_lost };
            }
        }
    }

    /// A follower lacks an entry. Says so if it had said to have it.
    pub(super) fn lacks(&self, term: u64, follower: NodeId, index: u64) -> Option<Lost> {
        let mut known = self.0.lock();
        if term != known.term {
            return None;
        }
        let last = known.matched.get_mut(&follower)?;
        let (had, is_news) = (last.index, !last.is_lost);
        last.is_lost |= index <= had;
        (index <= had).then_some(Lost { had, is_news })
    }

    /// The latest time for which a majority of each set of voters follows `me` as the leader of a
    /// term; `me` itself does so now. None if there is no such time.
    pub(super) fn followed_since(
        &self,
        term: u64,
        me: NodeId,
        voters: &[BTreeSet<NodeId>],
        now: Duration,
    ) -> Option<Duration> {
        let known = self.0.lock();
        let of = |node: &NodeId| match *node == me {
            true => Some(now),
            false => known.sent.get(node).copied().filter(|_| known.term == term),
        };
        let of_majority = |set: &BTreeSet<NodeId>| {
            let mut times: Vec<Duration> = set.iter().filter_map(of).collect();
            times.sort_unstable_by(|a, b| b.cmp(a));
            times.get(set.len() / 2).copied()
        };
        let of_all: Option<Vec<_>> = voters.iter().map(of_majority).collect();
        of_all?.into_iter().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId(1);
    const NOW: Duration = Duration::from_secs(100);

    fn set(nodes: &[u64]) -> BTreeSet<NodeId> {
        nodes.iter().copied().map(NodeId).collect()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_is_a_majority_that_counts() {
        let acks = Acks::default();
        let since = |nodes: &[u64]| acks.followed_since(3, ME, &[set(nodes)], NOW);
        assert_eq!(since(&[1]), Some(NOW));
        assert_eq!(since(&[1, 2, 3]), None);
        acks.record(3, NodeId(2), at(10));
        assert_eq!(since(&[1, 2, 3]), Some(at(10)));
        assert_eq!(since(&[1, 2, 3, 4]), None);
        acks.record(3, NodeId(3), at(20));
        assert_eq!(since(&[1, 2, 3]), Some(at(20)));
        assert_eq!(since(&[1, 2, 3, 4, 5]), Some(at(10)));
        assert_eq!(since(&[1, 2]), Some(at(10)));
        // Who leads without a vote needs a majority of the others.
        assert_eq!(since(&[2, 3, 4]), Some(at(10)));
    }

    #[test]
    fn a_change_of_members_needs_both_majorities() {
        let acks = Acks::default();
        acks.record(3, NodeId(2), at(30));
        acks.record(3, NodeId(4), at(20));
        acks.record(3, NodeId(5), at(10));
        let joint = [set(&[1, 2, 3]), set(&[1, 4, 5])];
        assert_eq!(acks.followed_since(3, ME, &joint, NOW), Some(at(20)));
        let joint = [set(&[1, 2, 3]), set(&[1, 6, 7])];
        assert_eq!(acks.followed_since(3, ME, &joint, NOW), None);
    }

    #[test]
    fn a_follower_that_lost_what_it_had_is_news_once() {
        let acks = Acks::default();
        acks.record(3, NodeId(2), at(1));
        assert_eq!(acks.lacks(3, NodeId(2), 7), None);
        acks.matches(3, NodeId(2), 9);
        acks.matches(3, NodeId(2), 8);
        // It lacks what it never said to have.
        assert_eq!(acks.lacks(3, NodeId(2), 10), None);
        assert_eq!(acks.lacks(2, NodeId(2), 9), None);
        assert_eq!(acks.lacks(3, NodeId(3), 9), None);
        let lost = |had, is_news| Some(Lost { had, is_news });
        assert_eq!(acks.lacks(3, NodeId(2), 9), lost(9, true));
        // openraft looks for what it still has.
        assert_eq!(acks.lacks(3, NodeId(2), 9), lost(9, false));
        assert_eq!(acks.lacks(3, NodeId(2), 4), lost(9, false));
        acks.matches(3, NodeId(2), 3);
        assert_eq!(acks.lacks(3, NodeId(2), 4), None);
        assert_eq!(acks.lacks(3, NodeId(2), 2), lost(3, true));
        // In another term everything begins anew.
        acks.matches(3, NodeId(2), 9);
        acks.record(4, NodeId(2), at(2));
        assert_eq!(acks.lacks(4, NodeId(2), 9), None);
    }

    #[test]
    fn answers_count_by_when_their_request_left_and_for_their_term() {
        let acks = Acks::default();
        let since = |term| acks.followed_since(term, ME, &[set(&[1, 2])], NOW);
        acks.record(3, NodeId(2), at(10));
        // Late answers to earlier requests, and to those of an earlier term.
        acks.record(3, NodeId(2), at(5));
        acks.record(2, NodeId(2), at(50));
        assert_eq!((since(2), since(3), since(4)), (None, Some(at(10)), None));
        acks.record(4, NodeId(2), at(60));
        assert_eq!((since(3), since(4)), (None, Some(at(60))));
    }
}
