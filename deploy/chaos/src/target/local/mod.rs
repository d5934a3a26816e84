//! A cluster of `millrace server` processes of this machine, each in a network namespace of its own. The harness is
//! in a sandbox that takes everything with it when it ends, see [`crate::sandbox`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;
use sim_tests::rng::Rng;

use super::{Status, unsupported};
use crate::journal::Journal;
use crate::plan::Plan;
use crate::stage::Occasion;

mod admin;
mod disk;
mod net;
mod process;
mod rot;

pub use net::Net;
use process::Process;

/// How long a node may take to end when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks whether a node is ready.
const LOOK: Duration = Duration::from_millis(50);
/// How long a drained node may take to give away what it has.
const DRAIN_LIMIT: Duration = Duration::from_secs(120);
/// Before queues are recovered once more.
const RECOVER_PAUSE: Duration = Duration::from_secs(1);
/// Nodes that the network has addresses for.
const NODES_MAX: u64 = 200;

/// The cluster.
pub struct Local {
    /// What connects the nodes.
    pub net: Net,
    folder: PathBuf,
    journal: Rc<Journal>,
    nodes: RefCell<BTreeMap<u64, Rc<Process>>>,
    /// What new processes run.
    binary: RefCell<PathBuf>,
    /// What they run after an upgrade.
    upgrade: Option<PathBuf>,
    flags: Vec<String>,
    founders: u64,
    small: u64,
    next: Cell<u64>,
    /// Whether the cluster has given numbers itself: then it may have given the next one.
    has_renumbered: Cell<bool>,
}

impl Local {
    /// Makes the network, starts the nodes and waits until all are ready.
    ///
    /// # Errors
    /// If that does not come about.
    pub async fn launch(
        plan: &Plan,
        folder: PathBuf,
        journal: Rc<Journal>,
        binary: PathBuf,
        before: Option<PathBuf>,
        more_flags: &[String],
    ) -> anyhow::Result<Local> {
        let net = Net::create(journal.clone())?;
        let mut flags = Vec::new();
        let seeds: Vec<String> = (1..=plan.nodes)
            .map(|node| format!("{}:4567", net::address(node)))
            .collect();
        for (flag, value) in [
            ("--seeds", seeds.join(",")),
            ("--bootstrap-expect", plan.nodes.to_string()),
            ("--partitions", plan.partitions.to_string()),
            ("--partitions-max", plan.partitions_max.to_string()),
            ("--fifo-partitions", plan.fifo_partitions.to_string()),
            ("--checkpoint-bytes", plan.checkpoint_bytes.to_string()),
        ] {
            flags.extend([flag.to_owned(), value]);
        }
        flags.extend_from_slice(more_flags);
        let local = Local {
            net,
            folder,
            journal,
            nodes: RefCell::default(),
            upgrade: before.is_some().then(|| binary.clone()),
            binary: RefCell::new(before.unwrap_or(binary)),
            flags,
            founders: plan.nodes,
            small: plan.nodes,
            next: Cell::new(plan.nodes + 1),
            has_renumbered: Cell::new(false),
        };
        for node in 1..=plan.nodes {
            local.found(node)?;
        }
        for node in 1..=plan.nodes {
            let ready = tokio::time::timeout(Duration::from_secs(60), local.await_ready(node)).await;
            ready.with_context(|| format!("node {node} did not become ready; see node-{node}.log"))?;
        }
        Ok(local)
    }

    /// Where clients find the nodes that found a cluster.
    pub fn endpoints(nodes: u64) -> Vec<String> {
        (1..=nodes)
            .map(|node| format!("http://{}:4566", net::address(node)))
            .collect()
    }

    fn found(&self, node: u64) -> anyhow::Result<()> {
        self.net.add(node)?;
        let data = self.folder.join(format!("node-{node}"));
        std::fs::create_dir_all(&data)?;
        if node == self.small {
            disk::mount(&data)?;
        }
        let address = net::address(node);
        let mut arguments = vec!["server".to_owned()];
        for (flag, value) in [
            ("--node-id", node.to_string()),
            ("--data-dir", data.join("data").display().to_string()),
            ("--listen", format!("{address}:4566")),
            ("--peer-listen", format!("{address}:4567")),
            ("--admin-listen", format!("{address}:4568")),
            ("--advertise", address),
        ] {
            arguments.extend([flag.to_owned(), value]);
        }
        arguments.extend_from_slice(&self.flags);
        let log = self.folder.join(format!("node-{node}.log"));
        let process = Process::new(node, arguments, data, log, self.journal.clone());
        if self.has_renumbered.get() {
            process.renumber();
        }
        process.start(&self.binary.borrow())?;
        self.nodes.borrow_mut().insert(node, process);
        Ok(())
    }

    fn node(&self, node: u64) -> anyhow::Result<Rc<Process>> {
        let nodes = self.nodes.borrow();
        nodes
            .get(&node)
            .cloned()
            .with_context(|| format!("there is no node {node}"))
    }

    pub(super) fn members(&self) -> Vec<u64> {
        self.nodes.borrow().keys().copied().collect()
    }

    pub(super) async fn status(&self, node: u64) -> Option<Status> {
        serde_json::from_str(&admin::get(&net::address(node), "/status").await?).ok()
    }

    pub(super) async fn waiting_receives(&self, node: u64) -> Option<u64> {
        let metrics = admin::get(&net::address(node), "/metrics").await?;
        let mut lines = metrics.lines();
        lines.find_map(|line| line.strip_prefix("millrace_polls_waiting ")?.parse().ok())
    }

    pub(super) async fn await_ready(&self, node: u64) {
        while admin::get(&net::address(node), "/health/ready").await.is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) async fn kill(&self, node: u64) -> anyhow::Result<()> {
        let process = self.node(node)?;
        process.forget();
        process.signal(Signal::KILL);
        process.gone().await;
        Ok(())
    }

    pub(super) async fn start(&self, node: u64) -> anyhow::Result<()> {
        self.node(node)?.start(&self.binary.borrow())
    }

    /// Asks a node to end, and waits for it.
    async fn stop(&self, node: u64) -> anyhow::Result<()> {
        let process = self.node(node)?;
        process.forget();
        process.signal(Signal::TERM);
        if tokio::time::timeout(STOP_LIMIT, process.gone()).await.is_err() {
            self.journal.wrong(
                "nodes end when asked",
                format!("node {node} has not after {STOP_LIMIT:?}"),
            );
            process.signal(Signal::KILL);
            process.gone().await;
        }
        Ok(())
    }

    pub(super) async fn restart(&self, node: u64) -> anyhow::Result<()> {
        self.stop(node).await?;
        self.start(node).await
    }

    pub(super) fn begin_upgrade(&self) -> anyhow::Result<String> {
        match &self.upgrade {
            None => unsupported("there is no other version: --binary-before says which to begin with"),
            Some(new) if *self.binary.borrow() == *new => {
                unsupported("all nodes have the new version already")
            }
            Some(new) => Ok(format!(" to {}", new.display())),
        }
    }

    pub(super) async fn upgrade(&self, nodes: &[u64]) -> anyhow::Result<()> {
        if let Some(new) = &self.upgrade {
            self.binary.borrow_mut().clone_from(new);
        }
        for node in nodes {
            self.restart(*node).await?;
            self.await_ready(*node).await;
        }
        Ok(())
    }

    pub(super) async fn join(&self) -> anyhow::Result<u64> {
        let node = self.next.get();
        ensure!(node <= NODES_MAX, "there are no more addresses");
        self.next.set(node + 1);
        self.found(node)?;
        Ok(node)
    }

    /// Runs `millrace cluster …` on a node that stays.
    async fn cluster(&self, at: u64, words: &[&str]) -> anyhow::Result<()> {
        let server = format!("{}:4567", net::address(at));
        self.operate(&[words, &["--server", &server]].concat()).await
    }

    /// Runs `millrace cluster …`.
    async fn operate(&self, words: &[&str]) -> anyhow::Result<()> {
        let mut command = tokio::process::Command::new(self.binary.borrow().as_path());
        command.arg("cluster").args(words).kill_on_drop(true);
        let output = tokio::time::timeout(DRAIN_LIMIT, command.output());
        let output = output
            .await
            .with_context(|| format!("cluster {words:?} takes too long"))??;
        let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "cluster {words:?}: {error}");
        Ok(())
    }

    pub(super) async fn can_leave(&self) -> anyhow::Result<()> {
        if self.operate(&["--help"]).await.is_err() {
            return unsupported("the binary has no `cluster` command");
        }
        Ok(())
    }

    pub(super) async fn can_recover(&self) -> anyhow::Result<()> {
        if self.operate(&["unsafe-recover", "--help"]).await.is_err() {
            return unsupported("the binary has no `unsafe-recover`");
        }
        Ok(())
    }

    pub(super) async fn recover_catalog(&self, node: u64) -> anyhow::Result<()> {
        let data = self.node(node)?.data.join("data").display().to_string();
        self.operate(&["unsafe-recover", "catalog", "--data-dir", &data, "--yes"])
            .await
    }

    /// The catalog first takes all groups for unsettled: an order that was decided on before that is refused. So it is
    /// tried again for a while.
    pub(super) async fn recover_groups(&self, node: u64) -> anyhow::Result<()> {
        let recover = async {
            while let Err(error) = self.cluster(node, &["unsafe-recover", "all", "--yes"]).await {
                self.journal.note(format!("{error:#}"));
                tokio::time::sleep(RECOVER_PAUSE).await;
            }
        };
        let recovered = tokio::time::timeout(DRAIN_LIMIT, recover).await;
        recovered.with_context(|| format!("queues do not go on with node {node} alone"))
    }

    /// Clients know the founders only, and the small disk shall be filled again: so they stay, unless nobody else can go.
    pub(super) fn leaver(&self, occasion: &mut Occasion, joined: Option<u64>) -> u64 {
        let members = self.members();
        let may = |node: &&u64| Some(**node) != joined && **node != self.small;
        let later: Vec<u64> = members
            .iter()
            .filter(may)
            .copied()
            .filter(|node| *node > self.founders)
            .collect();
        let any: Vec<u64> = members.iter().filter(may).copied().collect();
        *occasion.rng.pick(if later.is_empty() { &any } else { &later })
    }

    pub(super) async fn leave(&self, node: u64) -> anyhow::Result<()> {
        let at = self
            .members()
            .into_iter()
            .find(|other| *other != node)
            .unwrap_or(node);
        let number = self.number(node).await.to_string();
        self.cluster(at, &["drain", &number, "--wait"]).await?;
        self.cluster(at, &["remove", &number]).await?;
        self.stop(node).await?;
        self.nodes.borrow_mut().remove(&node);
        Ok(())
    }

    pub(super) async fn cut(&self, from: u64, to: u64) -> anyhow::Result<()> {
        self.net.cut(from, to)
    }

    pub(super) async fn mend(&self, from: u64, to: u64) -> anyhow::Result<()> {
        self.net.mend(from, to)
    }

    pub(super) fn freeze(&self, node: u64) -> anyhow::Result<()> {
        self.node(node)?.signal(Signal::STOP);
        Ok(())
    }

    pub(super) fn thaw(&self, node: u64) -> anyhow::Result<()> {
        self.node(node)?.signal(Signal::CONT);
        Ok(())
    }

    pub(super) fn small_disk(&self) -> anyhow::Result<u64> {
        Ok(self.small)
    }

    pub(super) fn fill_disk(&self, node: u64) -> anyhow::Result<()> {
        let process = self.node(node)?;
        process.may_end(true);
        disk::fill(&process.data)
    }

    pub(super) fn free_disk(&self, node: u64) -> anyhow::Result<()> {
        let process = self.node(node)?;
        disk::free(&process.data)?;
        process.may_end(false);
        Ok(())
    }

    /// The number that a node has in the cluster: another one than its address if its disk was replaced.
    async fn number(&self, node: u64) -> u64 {
        self.status(node).await.map_or(node, |status| status.node)
    }

    pub(super) async fn spoil(&self, node: u64, rng: &mut Rng) -> anyhow::Result<String> {
        let process = self.node(node)?;
        process.number.set(self.number(node).await);
        self.kill(node).await?;
        process.may_end(true);
        rot::harm(&process.data.join("data"), rng)
    }

    pub(super) async fn replace_disk(&self, node: u64) -> anyhow::Result<String> {
        let process = self.node(node)?;
        let refusal = process.last_words();
        self.kill(node).await?;
        std::fs::remove_dir_all(process.data.join("data"))?;
        process.renumber();
        self.has_renumbered.set(true);
        self.start(node).await?;
        // Whoever has its address by now must be known before the old number can be said to be lost.
        let ready = tokio::time::timeout(STOP_LIMIT, self.await_ready(node)).await;
        ready.with_context(|| format!("node {node} does not join with an empty disk"))?;
        let at = self.members().into_iter().find(|other| *other != node);
        let number = process.number.get().to_string();
        self.cluster(at.unwrap_or(node), &["remove", &number, "--lost"])
            .await?;
        Ok(refusal)
    }

    pub(super) fn is_sound(&self, node: u64) -> anyhow::Result<()> {
        self.node(node)?.may_end(false);
        Ok(())
    }

    pub(super) async fn wipe(&self, nodes: &[u64]) -> anyhow::Result<()> {
        for node in nodes {
            self.kill(*node).await?;
            std::fs::remove_dir_all(self.node(*node)?.data.join("data"))?;
        }
        Ok(())
    }

    /// Ends all nodes politely, and looks into what they said.
    ///
    /// # Errors
    /// If a log cannot be read.
    pub async fn end(&self) -> anyhow::Result<()> {
        futures::future::try_join_all(self.members().into_iter().map(|node| self.stop(node))).await?;
        for node in 1..self.next.get() {
            let log = std::fs::read(self.folder.join(format!("node-{node}.log")))?;
            let log = String::from_utf8_lossy(&log);
            if let Some(line) = log.lines().find(|line| line.contains("panicked at")) {
                self.journal.wrong("no panic", format!("node {node}: {line}"));
            }
        }
        Ok(())
    }
}
