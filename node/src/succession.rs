//! Who leads next when a leader gives that up. Once it has set out to, it proposes nothing any more in its term, whatever
//! becomes of it. So it does not as long as nobody could take over at once, and serves meanwhile.

use std::time::Duration;

use raft::group::{Follower, Group, NotDone};
use raft::peers::Peers;
use raft::types::NodeId;

/// A successor lacks no more entries than this: until it has them, the group would wait.
const BEHIND_MAX: u64 = 16;

/// Why leadership was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum NotHandedOver {
    /// It may be different in a moment.
    #[error("nobody who may lead is up to date and answers")]
    NobodyReady,
    /// The replica has stopped, which is found by others.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

/// Has the follower lead a group that is least behind, of those that `may_lead` and could at once. Returns when it was asked to.
///
/// # Errors
/// See [`NotHandedOver`].
pub async fn hand_over(
    group: &Group,
    peers: &Peers,
    may_lead: impl Fn(NodeId) -> bool,
) -> Result<NodeId, NotHandedOver> {
    let may_lead = |node| peers.is_connected(node) && may_lead(node);
    let successor = successor(&group.followers(), group.lease(), may_lead);
    let successor = successor.ok_or(NotHandedOver::NobodyReady)?;
    group.hand_over(successor).await?;
    Ok(successor)
}

/// Has another node lead a group of which no majority answers this one, its leader: nothing is lost by it, because this one can
/// commit nothing. Returns when that one was asked to.
///
/// # Errors
/// See [`NotHandedOver`]. Nobody is ready if this node is cut off: then the others find that out by themselves.
pub async fn give_up(group: &Group, peers: &Peers) -> Result<NodeId, NotHandedOver> {
    let successor = last_heard(&group.followers(), |node| peers.is_connected(node));
    let successor = successor.ok_or(NotHandedOver::NobodyReady)?;
    group.hand_over(successor).await?;
    Ok(successor)
}

/// The follower that this node has heard of last: one that died is silent for longer than one that is slow.
fn last_heard(followers: &[Follower], may_lead: impl Fn(NodeId) -> bool) -> Option<NodeId> {
    let voters = followers
        .iter()
        .filter(|follower| follower.votes && may_lead(follower.node));
    let heard = voters.min_by_key(|follower| {
        (
            follower.heard.unwrap_or(Duration::MAX),
            follower.lag,
            follower.node,
        )
    });
    heard.map(|follower| follower.node)
}

fn successor(followers: &[Follower], lease: Duration, may_lead: impl Fn(NodeId) -> bool) -> Option<NodeId> {
    let ready = followers.iter().filter(|follower| {
        let answers = follower.heard.is_some_and(|heard| heard < lease);
        follower.votes && answers && may_lead(follower.node)
    });
    let level = ready.filter_map(|follower| Some((follower.lag?, follower.node)));
    let (lag, node) = level.min()?;
    (lag <= BEHIND_MAX).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_millis(600);

    fn follower(node: u64, lag: u64, heard_ms: u64) -> Follower {
        Follower {
            node: NodeId(node),
            votes: true,
            lag: Some(lag),
            heard: Some(Duration::from_millis(heard_ms)),
        }
    }

    #[test]
    fn who_is_least_behind_leads_next_if_it_can_at_once() {
        let of = |followers: &[Follower]| successor(followers, LEASE, |_| true).map(|node| node.0);
        assert_eq!(of(&[follower(2, 3, 100), follower(3, 1, 500)]), Some(3));
        assert_eq!(of(&[follower(2, 3, 100), follower(3, 3, 100)]), Some(2));
        assert_eq!(
            of(&[follower(2, 0, 600), follower(3, 9, 100)]),
            Some(3),
            "a dead one lacks nothing"
        );
        assert_eq!(of(&[follower(2, 0, 600), follower(3, 17, 100)]), None);
        let learner = Follower {
            votes: false,
            ..follower(2, 0, 1)
        };
        let new = Follower {
            lag: None,
            heard: None,
            ..follower(3, 0, 1)
        };
        assert_eq!(of(&[learner, new]), None);
        assert_eq!(of(&[]), None);
        let slow = [follower(2, 0, 3_000), follower(3, 40, 1_500), learner, new];
        assert_eq!(last_heard(&slow, |_| true), Some(NodeId(3)));
        assert_eq!(last_heard(&slow, |node| node == NodeId(2)), Some(NodeId(2)));
        assert_eq!(last_heard(&[learner], |_| true), None);
        let other = successor(&[follower(2, 0, 1), follower(3, 1, 1)], LEASE, |node| {
            node != NodeId(2)
        });
        assert_eq!(other, Some(NodeId(3)));
    }
}
