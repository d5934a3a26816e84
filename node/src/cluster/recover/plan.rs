//! Which groups are meant, who goes on with them, and what still holds once the operator has agreed.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use raft::group::epoch;

use super::judge::{Verdict, judge, log_of, members};
use super::{ALL, Flags, told};
use crate::cluster::pb;

/// What the cluster is to be told.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) requests: Vec<pb::UnsafeRecoverRequest>,
    /// Groups that are meant and are not recovered, and why.
    pub(super) left_out: Vec<String>,
}

/// Decides on all groups that are meant.
///
/// # Errors
/// If there is none that can be recovered.
pub(super) fn plan(flags: &Flags, status: &pb::ClusterStatus) -> anyhow::Result<Plan> {
    let is_all = flags.what == ALL;
    let (mut requests, mut left_out) = (Vec::new(), Vec::new());
    for group in meant(&flags.what, &status.groups)? {
        match judge(group, status) {
            Verdict::HasMajority => {}
            Verdict::Lost => match request(group, flags.survivor) {
                Ok(request) => requests.push(request),
                Err(error) if is_all => left_out.push(format!("{error:#}; the group is left out")),
                Err(error) => return Err(error),
            },
            verdict => left_out.push(told::why_not(group, &verdict)),
        }
    }
    if requests.is_empty() {
        ensure!(left_out.is_empty(), "{}", left_out.join("\n"));
        ensure!(!is_all, "every group has a majority");
        bail!(
            "{} has a majority of its replicas: nothing is to be recovered, and recovering would lose messages",
            flags.what
        );
    }
    Ok(Plan { requests, left_out })
}

/// Whether the same would be decided by a later status.
///
/// # Errors
/// If not, with the reason.
pub(super) fn confirm(
    flags: &Flags,
    decided: &pb::UnsafeRecoverRequest,
    status: &pb::ClusterStatus,
) -> anyhow::Result<()> {
    let group = status.groups.iter().find(|group| group.id == decided.group);
    let group = group.context("it was deleted meanwhile")?;
    match judge(group, status) {
        Verdict::Lost => {}
        Verdict::HasMajority => bail!("it has a majority again"),
        verdict => bail!("{}", told::why_not(group, &verdict)),
    }
    let now = request(group, flags.survivor)?;
    ensure!(
        (now.version, now.epoch) == (decided.version, decided.epoch),
        "it was moved or recovered meanwhile; try again"
    );
    ensure!(
        now.survivor == decided.survivor,
        "another replica of it answers meanwhile, on node {}; try again",
        now.survivor
    );
    Ok(())
}

/// The groups that are meant.
fn meant<'a>(what: &str, groups: &'a [pb::Group]) -> anyhow::Result<Vec<&'a pb::Group>> {
    let of_queues = groups.iter().filter(|group| group.kind == "queue");
    if what == ALL {
        return Ok(of_queues.collect());
    }
    let is_meant = |group: &&pb::Group| match what.parse::<u64>() {
        Ok(number) => group.id == number,
        Err(_) => is_called(group.queue.as_deref().unwrap_or_default(), what),
    };
    let meant: Vec<&pb::Group> = of_queues.filter(is_meant).collect();
    ensure!(!meant.is_empty(), "there is no group or queue called {what}");
    let queues: BTreeSet<_> = meant.iter().map(|group| &group.queue).collect();
    ensure!(
        queues.len() == 1,
        "several queues are called {what}: say ACCOUNT/REGION/NAME"
    );
    Ok(meant)
}

/// Whether a queue has this name, or this full name.
fn is_called(full: &str, what: &str) -> bool {
    full == what || full.rsplit('/').next() == Some(what)
}

fn request(group: &pb::Group, wished: Option<u64>) -> anyhow::Result<pb::UnsafeRecoverRequest> {
    let terms = group
        .replica_states
        .iter()
        .filter_map(|replica| replica.last_term);
    // The catalog may have forgotten an epoch that replicas are in.
    let latest = terms.map(epoch::of_term).fold(group.epoch, u64::max);
    Ok(pb::UnsafeRecoverRequest {
        group: group.id,
        version: group.version,
        survivor: survivor(group, wished)?.node,
        epoch: latest + 1,
    })
}

/// The member's replica that goes on: the one that is wished, or the one whose log is the most complete.
fn survivor(group: &pb::Group, wished: Option<u64>) -> anyhow::Result<&pb::ReplicaState> {
    let members = members(group);
    let replicas = group.replica_states.iter();
    let mut replicas = replicas.filter(|replica| members.contains(&replica.node));
    match wished {
        None => replicas
            .max_by_key(|replica| (log_of(replica), Reverse(replica.node)))
            .with_context(|| format!("no replica of group {} answers", group.id)),
        Some(wished) => replicas.find(|replica| replica.node == wished).with_context(|| {
            let answering = group.replica_states.iter().any(|replica| replica.node == wished);
            let reason = if answering {
                "is no member"
            } else {
                "does not answer with a replica"
            };
            format!("node {wished} {reason} of group {}", group.id)
        }),
    }
}

#[cfg(test)]
mod tests;
