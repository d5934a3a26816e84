//! What an operator, or bad luck, can do to the nodes of a cluster, and what they say about it.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::cluster::Cluster;
use super::poll;
use super::process::{MILLRACE, Process, Release};

/// How long a restarted replica may take to have everything.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
/// How long the level may take to rise.
const LEVEL_LIMIT: Duration = Duration::from_secs(60);

impl Cluster {
    /// The data folder of node `i`.
    pub(crate) fn data(&self, i: usize) -> &Path {
        &self.nodes[i].data
    }

    /// Waits until the cluster has its level, and node `i` has noted that in its data folder.
    pub(crate) fn await_level(&self, i: usize) {
        let identity = self.data(i).join("node.json");
        let risen = poll::until(LEVEL_LIMIT, "the level to rise", || {
            let contents: Value = serde_json::from_slice(&std::fs::read(&identity).ok()?).ok()?;
            (contents["level"] == 1).then_some(())
        });
        risen.unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// What node `i` has logged in all its lives.
    pub(crate) fn log(&self, i: usize) -> String {
        self.nodes[i].log()
    }

    /// The command line of node `i`, without the program.
    pub(crate) fn arguments(&self, i: usize) -> &[String] {
        self.nodes[i].arguments()
    }

    /// From its next start on, node `i` runs this version.
    pub(crate) fn run_as(&mut self, i: usize, release: Release) {
        self.nodes[i].run_as(release);
    }

    /// Starts node `i` and waits for nothing.
    pub(crate) fn launch(&mut self, i: usize) {
        self.nodes[i].start().expect("the binary can be started");
    }

    /// Waits until node `i` ends by itself.
    pub(crate) fn await_end(&mut self, i: usize, limit: Duration) -> ExitStatus {
        let ended = self.nodes[i].await_end(limit);
        ended.unwrap_or_else(|reason| panic!("node {}: {reason}", i + 1))
    }

    /// Whether node `i` runs.
    pub(crate) fn runs(&mut self, i: usize) -> bool {
        self.nodes[i].runs()
    }

    /// Whether node `i` says that it takes requests.
    pub(crate) fn is_ready(&self, i: usize) -> bool {
        self.nodes[i].is_ready()
    }

    /// Waits until node `i` takes connections on its admin port.
    pub(crate) fn await_listening(&self, i: usize) {
        let admin = self.nodes[i].admin;
        let connects = || std::net::TcpStream::connect(admin).ok().map(drop);
        poll::until(CATCH_UP_LIMIT, "a node to listen", connects).unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Freezes node `i`: its connections stay open and nobody answers.
    pub(crate) fn freeze(&self, i: usize) {
        self.nodes[i]
            .signal(Signal::STOP)
            .expect("our own child takes signals");
    }

    /// Lets node `i` go on.
    pub(crate) fn thaw(&self, i: usize) {
        self.nodes[i]
            .signal(Signal::CONT)
            .expect("our own child takes signals");
    }

    /// From now on node `i` can write no file beyond so many bytes.
    pub(crate) fn limit_files(&self, i: usize, bytes: u64) {
        self.nodes[i].limit_files(bytes).expect("limits can be lowered");
    }

    /// Sets the clock of node `i` so far off. Before its first start at the latest this must have been done once.
    pub(crate) fn shift_clock(&self, i: usize, offset_ms: i64) {
        self.nodes[i]
            .shift_clock(offset_ms)
            .expect("the folder is writable");
    }

    /// Asks node `i` with `millrace cluster`. What the command prints, or says why it failed.
    pub(crate) fn operate(&self, i: usize, arguments: &[&str]) -> Result<Value, String> {
        let server = self.nodes[i].peer.to_string();
        let out = Command::new(MILLRACE)
            .args(["cluster", "--output", "json", "--server", &server])
            .args(arguments)
            .output()
            .map_err(|e| e.to_string())?;
        if !out.status.success() {
            return Err(String::from_utf8_lossy(&out.stderr).into_owned());
        }
        serde_json::from_slice(&out.stdout).map_err(|e| e.to_string())
    }

    /// `millrace status` of node `i`, with further flags.
    pub(crate) fn status_text(&self, i: usize, flags: &[&str]) -> String {
        let admin = self.nodes[i].admin.to_string();
        let mut command = Command::new(MILLRACE);
        command.args(["status", "--admin", &admin]).args(flags);
        let out = command.output().expect("the binary can be started");
        let errors = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "status ended with {}: {errors}", out.status);
        String::from_utf8(out.stdout).expect("status is text")
    }

    /// Variables for the environment of all nodes, from their next start on.
    pub(crate) fn set_environment(&mut self, variables: &[(&'static str, &'static str)]) {
        for node in &mut self.nodes {
            node.environment = variables.to_vec();
        }
    }

    /// The cluster as node `i` sees it.
    pub(crate) fn status(&self, i: usize) -> Value {
        let text = self.status_text(i, &["--output", "json"]);
        serde_json::from_str(&text).expect("status is JSON")
    }

    /// What node `i` says about its own replica of a queue's partition, such as `checkpointed`.
    pub(crate) fn replica(&self, i: usize, queue: &str) -> Option<Value> {
        self.replica_where(i, |replica| {
            let full = replica["queue"].as_str();
            full.and_then(|full| full.rsplit('/').next()) == Some(queue)
        })
    }

    fn replica_where(&self, i: usize, which: impl Fn(&Value) -> bool) -> Option<Value> {
        self.replicas(i)?.into_iter().find(which)
    }

    fn replicas(&self, i: usize) -> Option<Vec<Value>> {
        let answer = super::raw(self.nodes[i].admin, "GET", "/status", &[], b"").ok()?;
        let mut status: Value = serde_json::from_str(&answer.body).ok()?;
        Some(std::mem::take(status["replicas"].as_array_mut()?))
    }

    /// Waits until the first node has so many partitions of a queue, each with so many entries at least.
    pub(crate) fn await_partitions(&self, queue: &str, partitions: usize, entries: u64) {
        let name = format!("/{queue}");
        let there = poll::until(
            CATCH_UP_LIMIT,
            &format!("{partitions} partitions of {queue}"),
            || {
                let replicas = self.replicas(0)?.into_iter();
                let of_it =
                    replicas.filter(|r| r["queue"].as_str().is_some_and(|full| full.ends_with(&name)));
                let used = of_it.filter(|replica| replica["applied"].as_u64() >= Some(entries));
                (used.count() >= partitions).then_some(())
            },
        );
        there.unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Waits until so many receives wait at leaders, on all nodes together.
    pub(crate) fn await_waiting(&self, receives: u64) {
        let there = poll::until(CATCH_UP_LIMIT, &format!("{receives} waiting receives"), || {
            let on_nodes = self.nodes.iter().map(|node| {
                let answer = super::raw(node.admin, "GET", "/metrics", &[], b"").ok()?;
                let mut lines = answer.body.lines();
                lines.find_map(|line| line.strip_prefix("millrace_polls_waiting ")?.parse::<u64>().ok())
            });
            (on_nodes.sum::<Option<u64>>()? == receives).then_some(())
        });
        there.unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Waits until node `i` has a checkpoint of a queue's partition that covers at least `entries`.
    pub(crate) fn await_checkpoint(&self, i: usize, queue: &str, entries: u64) {
        self.await_index(i, "checkpointed", entries, || self.replica(i, queue));
    }

    /// Waits until node `i` has no more of a queue's log before the entry `first`.
    pub(crate) fn await_purge(&self, i: usize, queue: &str, first: u64) {
        self.await_index(i, "first", first, || self.replica(i, queue));
    }

    /// The same for the catalog.
    pub(crate) fn await_catalog_purge(&self, i: usize, first: u64) {
        self.await_index(i, "first", first, || {
            self.replica_where(i, |replica| replica["kind"] == "catalog")
        });
    }

    fn await_index(&self, i: usize, name: &str, at_least: u64, replica: impl Fn() -> Option<Value>) {
        let what = format!("node {}: {name} to be {at_least}", i + 1);
        poll::until(CATCH_UP_LIMIT, &what, || {
            let index = replica()?[name].as_u64()?;
            (index >= at_least).then_some(())
        })
        .unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Waits until every replica of the running nodes has applied all that the cluster knows.
    pub(crate) fn await_caught_up(&mut self) {
        let running: Vec<bool> = self.nodes.iter_mut().map(Process::runs).collect();
        let first = running.iter().position(|runs| *runs).expect("some node runs");
        let expected = running.iter().filter(|runs| **runs).count();
        let mut last = Value::Null;
        let caught_up = poll::until(CATCH_UP_LIMIT, "all replicas to catch up", || {
            last = self.status(first);
            let groups = last["groups"].as_array()?;
            let level = |group: &Value| {
                let lag = group["lag"].as_object();
                group["leader"].is_u64()
                    && lag.is_some_and(|lag| lag.len() >= expected.min(3) && lag.values().all(|n| *n == 0))
            };
            (!groups.is_empty() && groups.iter().all(level)).then_some(())
        });
        caught_up.unwrap_or_else(|reason| panic!("{reason}: {last:#}"));
    }
}
