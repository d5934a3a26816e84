//! `millrace cluster`: asks any node, and waits for what takes long.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use raft::env::Env;
use raft::types::GroupId;
use tonic::transport::Channel;

use super::pb::retried::State;
use super::pb::{self, admin_client::AdminClient};
use super::verify::verify;
use super::{catalog, recover};
use crate::cli::Output;
use crate::status;

/// How often a long work is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long one question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);
/// Looks in a row at which nothing was left to do, before that is believed: what follows from a change is planned a moment later.
const CALM_LOOKS: u32 = 4;
/// Looks in a row at which replicas had nowhere to go because nodes did not answer, before these are waited for no more.
const STUCK_LOOKS: u32 = 20;

/// Flags of `cluster`.
#[derive(Args, Debug)]
pub struct Cluster {
    /// `host:port` of any node's peer listener.
    #[arg(
        long,
        env = "MILLRACE_SERVER",
        default_value = "127.0.0.1:4567",
        global = true
    )]
    pub server: String,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t, global = true)]
    pub output: Output,
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a cluster.
#[derive(Subcommand, Debug)]
pub enum Action {
    /// Show nodes, groups, leaders, lag, and what is on its way.
    Status,
    /// Say what a further node must be started with.
    Add,
    /// Have a node give away all that it has: replicas, leaders, its vote in the catalog.
    Drain {
        /// The node's number.
        node: u64,
        /// Return when that is done.
        #[arg(long)]
        wait: bool,
        /// Have it no more: the node may be given replicas again.
        #[arg(long, conflicts_with = "wait")]
        undo: bool,
    },
    /// Take a node that has nothing left out of the cluster for good. Its number is never used again.
    Remove {
        /// The node's number.
        node: u64,
        /// It is dead and will not come back: place what it has elsewhere first, and wait for that.
        #[arg(long)]
        lost: bool,
    },
    /// Have a node lead a group of which it has a replica.
    Transfer {
        /// The group's number; 0 is the catalog.
        group: u64,
        /// The node's number.
        node: u64,
    },
    /// Open quarantined replicas again, for example after an upgrade that fixed what they could not cope with.
    ///
    /// A replica is quarantined when its state machine panics on a log entry, or when files of its checkpoint cannot be
    /// read. Its data stays. `millrace cluster status` says which replicas are quarantined, where and why. A replica that
    /// still cannot go on is quarantined again.
    Retry {
        /// The group's number, `catalog`, the queue's name, or `account/region/name`.
        #[arg(value_name = "GROUP|QUEUE")]
        what: String,
        /// Only the replica of this node; all replicas if it is absent.
        #[arg(long)]
        node: Option<u64>,
        /// Do not read the replica's checkpoint; replace it by another replica's state, once that is there.
        #[arg(long)]
        from_peer: bool,
    },
    /// Compare the states of all replicas, while the cluster works. Fails if some differ.
    Verify {
        /// Only this queue's: its name, or `account/region/name`.
        queue: Option<String>,
    },
    /// Show the cluster's level and what each node knows; hold the level for a roll-back, or release it.
    ///
    /// A new version brings a new level, which the cluster takes by itself once every node runs the
    /// version. After that, no node can run the version before. Hold the level to keep that choice.
    Upgrade {
        /// Keep the level where it is.
        #[arg(long)]
        hold: bool,
        /// Let the level rise again.
        #[arg(long, conflicts_with = "hold")]
        release: bool,
    },
    /// Wait until replicas and leaders are evenly placed. They are evened out all the time anyway.
    Rebalance,
    /// Give up the lost majority of a group, and go on with one replica. Acknowledged messages may be lost.
    UnsafeRecover(recover::Flags),
}

/// Does it.
///
/// # Errors
/// What the cluster has against it, or that nobody answers.
pub async fn run(env: &Env, cluster: Cluster) -> anyhow::Result<()> {
    if let Action::UnsafeRecover(flags) = &cluster.action
        && flags.is_of_catalog()
    {
        return catalog::recover(env, flags).await;
    }
    let mut asker = Asker::connect(env, &cluster.server).await?;
    match cluster.action {
        Action::Status => {}
        Action::Verify { queue } => return verify(env, &mut asker, queue.as_deref(), cluster.output).await,
        Action::Add => return add(&asker.status().await?, cluster.output),
        Action::Drain { node, wait, undo } => {
            asker.drain(node, !undo).await?;
            if wait {
                asker.await_empty(node).await?;
            }
        }
        Action::Remove { node, lost } => {
            if lost {
                asker.ensure_lost(node).await?;
                asker.drain(node, true).await?;
                asker.await_empty(node).await?;
            }
            asker.remove(node).await?;
        }
        Action::Transfer { group, node } => {
            let request = pb::TransferRequest { group, node };
            asker.0.transfer(request).await.map_err(said)?;
        }
        Action::Retry {
            what,
            node,
            from_peer,
        } => return asker.retry(&what, node, from_peer, cluster.output).await,
        Action::Upgrade { hold, release } => {
            if hold || release {
                let request = pb::UpgradeRequest { hold };
                asker.0.upgrade(request).await.map_err(said)?;
            }
            return show_levels(&asker.status().await?, cluster.output);
        }
        Action::Rebalance => asker.await_even().await?,
        Action::UnsafeRecover(flags) => recover::recover(env, &mut asker, &flags).await?,
    }
    show(&asker.status().await?, cluster.output)
}

/// Has a node give away all that it has, waits for that, and takes it out of the cluster.
///
/// # Errors
/// What the cluster has against it, or that nobody answers.
pub async fn leave(env: &Env, server: &str, node: u64) -> anyhow::Result<()> {
    let mut asker = Asker::connect(env, server).await?;
    asker.drain(node, true).await?;
    asker.await_empty(node).await?;
    asker.remove(node).await
}

fn show(status: &pb::ClusterStatus, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Table => print!("{}", status::table(status)),
        Output::Json => println!("{}", serde_json::to_string_pretty(status)?),
    }
    Ok(())
}

/// The cluster's level and what each node knows.
fn show_levels(status: &pb::ClusterStatus, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Table => print!("{}", status::levels(status)),
        Output::Json => {
            let node = |n: &pb::Node| {
                serde_json::json!({
                    "id": n.id, "version": n.version, "level": n.level, "held": n.held, "alive": n.alive,
                })
            };
            let told = serde_json::json!({
                "level": status.level,
                "held": status.nodes.iter().any(|n| n.held),
                "groups_below": status.groups_below,
                "nodes": status.nodes.iter().map(node).collect::<Vec<_>>(),
            });
            println!("{}", serde_json::to_string_pretty(&told)?);
        }
    }
    Ok(())
}

/// What a further node must be started with.
fn add(status: &pb::ClusterStatus, output: Output) -> anyhow::Result<()> {
    let number = status.nodes.iter().map(|node| node.id).max().unwrap_or(0) + 1;
    let seeds: Vec<&str> = status.nodes.iter().map(|node| node.peer.as_str()).collect();
    let seeds = seeds.join(",");
    match output {
        Output::Json => {
            let told = serde_json::json!({"node_id": number, "seeds": seeds, "renumber": true});
            println!("{}", serde_json::to_string_pretty(&told)?);
        }
        Output::Table => println!(
            "Start it with an empty data folder; it joins by itself and gets its share of replicas and leaders:\n\n    \
             millrace server --node-id {number} --renumber --data-dir DIR --advertise HOST --seeds {seeds}\n"
        ),
    }
    Ok(())
}

pub(super) struct Asker(AdminClient<Channel>);

impl Asker {
    async fn connect(env: &Env, server: &str) -> anyhow::Result<Asker> {
        let channel = raft::peers::connect(env.net.clone(), server).await;
        let channel = channel.with_context(|| format!("nobody answers at {server}"))?;
        Ok(Asker(AdminClient::new(channel)))
    }

    async fn remove(&mut self, node: u64) -> anyhow::Result<()> {
        let request = pb::RemoveRequest { node };
        self.0.remove(request).await.map(drop).map_err(said)
    }

    pub(super) async fn status(&mut self) -> anyhow::Result<pb::ClusterStatus> {
        let asked = tokio::time::timeout(ASK_TIMEOUT, self.0.status(pb::StatusRequest {})).await;
        let answer = asked.context("no answer in time")?;
        Ok(answer.map_err(said)?.into_inner())
    }

    async fn drain(&mut self, node: u64, drain: bool) -> anyhow::Result<()> {
        let request = pb::DrainRequest { node, drain };
        self.0.drain(request).await.map(drop).map_err(said)
    }

    pub(super) async fn unsafe_recover(&mut self, request: pb::UnsafeRecoverRequest) -> anyhow::Result<()> {
        self.0.unsafe_recover(request).await.map(drop).map_err(said)
    }

    async fn retry(
        &mut self,
        what: &str,
        node: Option<u64>,
        from_peer: bool,
        output: Output,
    ) -> anyhow::Result<()> {
        let group = group_of(what);
        let request = pb::RetryRequest {
            group,
            queue: group.is_none().then(|| what.to_owned()),
            node,
            from_peer,
            here: false,
        };
        let replicas = self.0.retry(request).await.map_err(said)?.into_inner().replicas;
        match output {
            Output::Json => println!("{}", serde_json::to_string_pretty(&replicas)?),
            Output::Table => replicas
                .iter()
                .for_each(|replica| println!("{}", outcome(replica))),
        }
        let was_any = replicas.iter().any(|r| r.state() != State::NotQuarantined);
        anyhow::ensure!(was_any, "no replica of {what} was quarantined");
        let failed = replicas
            .iter()
            .any(|r| matches!(r.state(), State::Quarantined | State::Unreachable));
        anyhow::ensure!(!failed, "not every replica of {what} could be opened");
        Ok(())
    }

    async fn ensure_lost(&mut self, node: u64) -> anyhow::Result<()> {
        let status = self.status().await?;
        let is_alive = status.nodes.iter().any(|n| n.id == node && n.alive);
        anyhow::ensure!(!is_alive, "node {node} is not lost: it answers; drain it instead");
        Ok(())
    }

    /// Waits until a node has nothing left.
    async fn await_empty(&mut self, node: u64) -> anyhow::Result<()> {
        let mut bar = Bar::default();
        let mut stuck = 0;
        loop {
            let status = self.status().await?;
            let Some(line) = status.nodes.iter().find(|n| n.id == node) else {
                bail!("there is no node {node}");
            };
            bar.left(line.placed, || format!("replicas on node {node}"));
            let silent = away(&status, node);
            stuck = if line.stuck { stuck + 1 } else { 0 };
            // Who is away may only be starting again.
            if line.stuck && (silent.is_empty() || stuck >= STUCK_LOOKS) {
                let placed = line.placed;
                let why = if silent.is_empty() {
                    "there are too few other nodes to take them".to_owned()
                } else {
                    format!("there are too few other nodes that answer to take them; nodes {silent:?} do not")
                };
                bail!("node {node} keeps {placed} replicas: {why}");
            }
            if line.placed == 0 && !line.catalog_voter {
                bar.done();
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until nothing is on its way, and nothing should be.
    async fn await_even(&mut self) -> anyhow::Result<()> {
        let mut bar = Bar::default();
        let mut calm = 0;
        while calm < CALM_LOOKS {
            let status = self.status().await?;
            let moving = status
                .groups
                .iter()
                // Without any replica, it goes nowhere.
                .filter(|group| !group.moving.is_empty() && !group.replica_states.is_empty())
                .count();
            let led_elsewhere = status.groups.iter().filter(|group| {
                group.kind == "queue"
                    && group.leader.is_some()
                    && group.leader.as_ref() != group.replicas.first()
            });
            let on_their_way = moving as u64 + led_elsewhere.count() as u64;
            let left = status.planned.unwrap_or(0) + on_their_way;
            bar.left(left, || "groups to be placed elsewhere".to_owned());
            let is_even = status.planned.is_some() && left == 0;
            calm = if is_even { calm + 1 } else { 0 };
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bar.done();
        Ok(())
    }
}

/// The nodes that do not answer, apart from one.
fn away(status: &pb::ClusterStatus, but: u64) -> Vec<u64> {
    let silent = status.nodes.iter().filter(|node| !node.alive && node.id != but);
    silent.map(|node| node.id).collect()
}

/// How far a long work has come, if somebody looks on.
#[derive(Default)]
struct Bar {
    shown: Option<ProgressBar>,
    most: u64,
}

impl Bar {
    fn left(&mut self, left: u64, of_what: impl Fn() -> String) {
        self.most = self.most.max(left);
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(left), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(self.most);
        bar.set_position(self.most - left);
        bar.set_message(of_what());
    }

    fn done(&self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

/// The group that is meant, unless it is a queue.
fn group_of(what: &str) -> Option<u64> {
    match what {
        "catalog" => Some(GroupId::CATALOG.0),
        what => what.strip_prefix('g').unwrap_or(what).parse().ok(),
    }
}

/// What came of a replica, for people.
fn outcome(replica: &pb::Retried) -> String {
    let (group, node, reason) = (GroupId(replica.group), replica.node, &replica.reason);
    match replica.state() {
        State::NotQuarantined => format!("{group} on node {node}: not quarantined"),
        State::Open => format!("{group} on node {node}: open"),
        State::Opening => format!("{group} on node {node}: on its way: {reason}"),
        State::Quarantined => format!("{group} on node {node}: quarantined again: {reason}"),
        State::Unreachable | State::Unspecified => format!("{group} on node {node}: no answer: {reason}"),
    }
}

/// What the cluster has said.
pub(super) fn said(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("{}", status.message())
}
