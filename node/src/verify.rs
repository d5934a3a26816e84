//! Compares the states of replicas by itself, now and then: a node walks over the groups that it
//! leads, one at a time and slowly. A group that has not changed since is not compared again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use raft::group::Group;
use raft::groups::Groups;
use raft::types::GroupId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often it looks for a group that is due. So many groups of a node are compared at most.
const INTERVAL: Duration = Duration::from_secs(5);
/// A group is not compared again before this time has passed.
const EVERY: Duration = Duration::from_secs(3_600);
/// Between two slices of a state, of 256 KiB each.
const PAUSE: Duration = Duration::from_secs(1);

/// When a group was compared, and what it had applied then.
struct Compared {
    at: Instant,
    applied: u64,
}

/// Compares what this node leads, until `stop`.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn run(groups: Arc<Groups>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval_at(Instant::now() + EVERY, INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut compared = BTreeMap::new();
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let Some(group) = next(&groups, &mut compared) else {
            continue;
        };
        match stop.run_until_cancelled(group.verify(PAUSE)).await {
            Some(Ok(pass)) => {
                tracing::debug!(group = %group.id(), slices = pass.slices, "the replicas were compared");
            }
            Some(Err(error)) => {
                tracing::debug!(group = %group.id(), %error, "the replicas cannot be compared now");
            }
            None => break,
        }
        let applied = group.progress().applied;
        compared.insert(
            group.id(),
            Compared {
                at: Instant::now(),
                applied,
            },
        );
    }
    Ok(())
}

/// The group that this node leads and that was not compared for longest, if one is due.
fn next(groups: &Groups, compared: &mut BTreeMap<GroupId, Compared>) -> Option<Arc<Group>> {
    let led = groups.list().into_iter().filter(|group| group.leadership().leads);
    let led: Vec<Arc<Group>> = led.collect();
    compared.retain(|id, _| led.iter().any(|group| group.id() == *id));
    let is_due = |group: &&Arc<Group>| {
        compared
            .get(&group.id())
            .is_none_or(|last| last.at.elapsed() >= EVERY && last.applied != group.progress().applied)
    };
    let due = led.iter().filter(is_due);
    due.min_by_key(|group| compared.get(&group.id()).map(|last| last.at))
        .cloned()
}
