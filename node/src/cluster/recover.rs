//! `millrace cluster unsafe-recover`: groups whose majority is lost for good.
//!
//! It says first what it costs. The survivor with the most complete log goes on; the command names it, and what each of the
//! replicas that answer has. What the lost ones had beyond that is lost, acknowledged or not.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use raft::env::Env;
use raft::types::GroupId;

use super::pb;

/// What stands for all queues' groups without a majority.
const ALL: &str = "all";
const CATALOG: &str = "catalog";

/// Flags of `unsafe-recover`.
#[derive(Args, Debug)]
pub struct Flags {
    /// A group's number, a queue's name, `all` for every queue's groups without a majority, or `catalog`.
    ///
    /// Recover the catalog first if it is lost, too: on the stopped node that has the most of it, with --data-dir. Compare the
    /// nodes by --dry-run. Start that node afterwards, then the others.
    pub what: String,
    /// The node whose replica goes on [default: the one with the most complete log].
    #[arg(long)]
    pub survivor: Option<u64>,
    /// For the catalog: the data folder of the survivor, which must be stopped.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Only say what it would do, and what it would cost.
    #[arg(long)]
    pub dry_run: bool,
    /// Do it without asking.
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
}

impl Flags {
    /// Whether the catalog is to be recovered.
    pub fn is_of_catalog(&self) -> bool {
        self.what == CATALOG || self.what == GroupId::CATALOG.0.to_string()
    }

    /// Whether the operator wants it, after `cost` was printed.
    pub(super) fn is_confirmed(&self, cost: &str) -> anyhow::Result<bool> {
        // On standard error: the answer of the command is a document.
        eprintln!("{cost}");
        if self.dry_run || self.yes {
            return Ok(self.yes);
        }
        ensure!(
            std::io::stdin().is_terminal(),
            "nothing was done: there is no terminal to ask at; say --yes or --dry-run"
        );
        eprint!("Type {} to do it: ", self.what);
        std::io::stderr().flush()?;
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed)?;
        ensure!(typed.trim() == self.what, "nothing was done");
        Ok(true)
    }
}

/// What the cluster is to be told; nothing if the operator does not want it.
pub(super) fn decide(
    env: &Env,
    flags: &Flags,
    status: &pb::ClusterStatus,
) -> anyhow::Result<Vec<pb::UnsafeRecoverRequest>> {
    let groups = chosen(&flags.what, &status.groups)?;
    let mut requests = Vec::new();
    let mut cost = String::new();
    for group in groups {
        let survivor = survivor(group, flags.survivor)?;
        write!(cost, "{}", told(group, survivor, env.clock.now().0))?;
        requests.push(pb::UnsafeRecoverRequest {
            group: group.id,
            version: group.version,
            survivor: survivor.node,
            epoch: group.epoch + 1,
        });
    }
    cost += "\nWhat only the lost replicas had is lost for good, acknowledged or not, and repeated calls may take effect \
             twice.\nTheir nodes must not come back and reach clients before they reach this cluster.";
    Ok(if flags.is_confirmed(&cost)? {
        requests
    } else {
        Vec::new()
    })
}

/// The groups that are meant. All of them have lost their majorities.
fn chosen<'a>(what: &str, groups: &'a [pb::Group]) -> anyhow::Result<Vec<&'a pb::Group>> {
    let of_queues = groups.iter().filter(|group| group.kind == "queue");
    if what == ALL {
        let lost: Vec<&pb::Group> = of_queues.filter(|group| !has_majority(group)).collect();
        ensure!(!lost.is_empty(), "every group that answers has a majority");
        return Ok(lost);
    }
    let is_meant = |group: &&pb::Group| match what.parse::<u64>() {
        Ok(number) => group.id == number,
        Err(_) => is_called(group.queue.as_deref().unwrap_or_default(), what),
    };
    let meant: Vec<&pb::Group> = of_queues.filter(is_meant).collect();
    ensure!(
        !meant.is_empty(),
        "no replica of a group or queue called {what} answers: there is nothing to go on from"
    );
    let queues: std::collections::BTreeSet<_> = meant.iter().map(|group| &group.queue).collect();
    ensure!(
        queues.len() == 1,
        "several queues are called {what}: say ACCOUNT/REGION/NAME"
    );
    let lost: Vec<&pb::Group> = meant.into_iter().filter(|group| !has_majority(group)).collect();
    ensure!(
        !lost.is_empty(),
        "{what} has a majority of its replicas: nothing is to be recovered, and recovering would lose messages"
    );
    Ok(lost)
}

/// Whether a queue has this name, or this full name.
fn is_called(full: &str, what: &str) -> bool {
    full == what || full.rsplit('/').next() == Some(what)
}

/// Whether enough replicas answer. A leader with a lease proves it, whoever answers here.
fn has_majority(group: &pb::Group) -> bool {
    let answer = group.replica_states.iter();
    let members = if group.moving.is_empty() {
        &group.replicas
    } else {
        &group.moving
    };
    let there = answer.clone().filter(|replica| members.contains(&replica.node));
    answer.clone().any(|replica| replica.leads) || there.count() > group.replicas.len() / 2
}

/// The replica that goes on: the one that is wished, or the one whose log is the most complete.
fn survivor(group: &pb::Group, wished: Option<u64>) -> anyhow::Result<&pb::ReplicaState> {
    let replicas = group.replica_states.iter();
    let Some(wished) = wished else {
        let fullest = replicas.max_by_key(|replica| (log_of(replica), std::cmp::Reverse(replica.node)));
        return fullest.with_context(|| format!("no replica of group {} answers", group.id));
    };
    let Some(replica) = replicas.clone().find(|replica| replica.node == wished) else {
        bail!(
            "node {wished} does not answer with a replica of group {}",
            group.id
        );
    };
    Ok(replica)
}

/// Logs compare as in an election.
fn log_of(replica: &pb::ReplicaState) -> (u64, u64) {
    (replica.last_term.unwrap_or(0), replica.last_index.unwrap_or(0))
}

/// What is left of a group, and who goes on.
fn told(group: &pb::Group, survivor: &pb::ReplicaState, now_ms: u64) -> String {
    let queue = group.queue.as_deref().unwrap_or("-");
    let mut text = format!("group {} of queue {queue}, epoch {}\n", group.id, group.epoch);
    let nodes = group.replicas.iter().chain(&group.moving);
    for node in nodes.collect::<std::collections::BTreeSet<_>>() {
        let replica = group.replica_states.iter().find(|replica| replica.node == *node);
        text += &match replica {
            None => format!("  node {node}: lost\n"),
            Some(replica) => {
                let (term, index) = log_of(replica);
                let applied = replica.applied;
                let ago = now_ms.saturating_sub(replica.applied_ms) / 1_000;
                format!(
                    "  node {node}: log up to entry {index} of term {term}, {applied} entries applied, the last one \
                     {ago} s ago\n"
                )
            }
        };
    }
    let ago = now_ms.saturating_sub(survivor.applied_ms) / 1_000;
    text + &format!(
        "  -> node {} goes on. Messages that were acknowledged in the last {ago} s, and deletes, may be lost.\n",
        survivor.node
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(node: u64, last_term: u64, last_index: u64) -> pb::ReplicaState {
        pb::ReplicaState {
            node,
            last_term: Some(last_term),
            last_index: Some(last_index),
            applied: last_index,
            applied_ms: 60_000,
            leads: false,
        }
    }

    fn group(id: u64, queue: &str, replicas: &[u64], states: Vec<pb::ReplicaState>) -> pb::Group {
        pb::Group {
            id,
            kind: "queue".to_owned(),
            queue: Some(queue.to_owned()),
            replicas: replicas.to_vec(),
            replica_states: states,
            ..Default::default()
        }
    }

    fn ids(what: &str, groups: &[pb::Group]) -> Result<Vec<u64>, String> {
        let chosen = chosen(what, groups).map_err(|e| e.to_string())?;
        Ok(chosen.iter().map(|group| group.id).collect())
    }

    #[test]
    fn only_groups_without_a_majority_are_chosen() {
        let groups = [
            group(1, "0/r/a", &[1, 2, 3], vec![replica(1, 1, 9)]),
            group(2, "0/r/a", &[1, 2, 3], vec![replica(1, 1, 9), replica(2, 1, 9)]),
            group(3, "0/r/b", &[1, 2, 3], vec![replica(3, 1, 9)]),
            group(4, "1/r/b", &[1, 2, 3], vec![replica(3, 1, 9)]),
            group(5, "0/r/c", &[1, 2, 3], vec![replica(1, 1, 9), replica(3, 1, 9)]),
        ];
        assert_eq!(ids("a", &groups), Ok(vec![1]));
        assert_eq!(ids("4", &groups), Ok(vec![4]));
        assert_eq!(ids("all", &groups), Ok(vec![1, 3, 4]));
        assert_eq!(ids("1/r/b", &groups), Ok(vec![4]));
        assert!(ids("b", &groups).unwrap_err().contains("several queues"));
        assert!(ids("c", &groups).unwrap_err().contains("has a majority"));
        assert!(ids("d", &groups).unwrap_err().contains("no replica"));
    }

    #[test]
    fn who_leads_with_a_majority_shows_that_there_is_one() {
        let mut leads = replica(1, 1, 9);
        leads.leads = true;
        let groups = [group(1, "0/r/a", &[1, 2, 3], vec![leads])];
        assert!(ids("a", &groups).unwrap_err().contains("has a majority"));
    }

    #[test]
    fn the_most_complete_log_goes_on_unless_another_is_wished() {
        let states = vec![replica(1, 3, 50), replica(2, 4, 40), replica(3, 4, 41)];
        let group = group(7, "0/r/q", &[1, 2, 3, 4, 5, 6, 7], states);
        assert_eq!(survivor(&group, None).unwrap().node, 3);
        assert_eq!(survivor(&group, Some(1)).unwrap().node, 1);
        let error = survivor(&group, Some(5)).unwrap_err().to_string();
        assert!(error.contains("node 5 does not answer"), "{error}");
        let text = told(&group, survivor(&group, None).unwrap(), 72_000);
        assert!(text.contains("node 4: lost"), "{text}");
        assert!(text.contains("node 1: log up to entry 50 of term 3"), "{text}");
        assert!(
            text.contains("node 3 goes on. Messages that were acknowledged in the last 12 s"),
            "{text}"
        );
    }
}
