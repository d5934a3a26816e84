//! Nodes that form one cluster, in a folder of their own.

use std::net::SocketAddr;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tempfile::TempDir;

use super::poll;
use super::ports::Ports;
use super::process::{Process, Release};
use super::status;

/// How long a cluster may take to be born, or a restarted node to catch up.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a group may be without a leader.
const LEADER_LIMIT: Duration = Duration::from_secs(30);
/// Clusters to try when a stranger takes one of our ports before we do.
const ATTEMPTS: usize = 3;
const LOG_LINES: usize = 60;
const PORTS_PER_NODE: usize = 3;

/// One cluster at a time: see the head of the test binary.
static ALONE: Mutex<()> = Mutex::new(());

/// A cluster of real processes. Dropping it kills them; if the test is failing, it prints the ends of
/// their logs and leaves their folder in place.
pub(crate) struct Cluster {
    pub(super) nodes: Vec<Process>,
    /// The peer listeners of those that founded it.
    pub(super) founders: Vec<SocketAddr>,
    folder: Option<TempDir>,
    ports: Ports,
    _alone: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Starts `size` nodes and waits until all are ready.
    pub(crate) fn start(size: usize) -> Self {
        Self::start_with(size, &[])
    }

    /// As [`Cluster::start`], each node with further flags.
    pub(crate) fn start_with(size: usize, flags: &[&str]) -> Self {
        Self::start_as(Release::Current, size, flags)
    }

    /// As [`Cluster::start_with`], with a version of Millrace.
    pub(crate) fn start_as(release: Release, size: usize, flags: &[&str]) -> Self {
        let mut alone = ALONE.lock();
        for attempt in 1.. {
            let mut cluster = Self::describe(size, flags, alone);
            cluster.nodes.iter_mut().for_each(|node| node.run_as(release));
            match cluster.bring_up() {
                Ok(()) => return cluster,
                Err(reason) if attempt < ATTEMPTS && cluster.lost_a_port() => {
                    eprintln!("trying other ports: {reason}");
                }
                Err(reason) => panic!("the cluster did not start: {reason}"),
            }
            drop(cluster);
            alone = ALONE.lock();
        }
        unreachable!("the last attempt returns or panics")
    }

    /// Nodes that do not run yet.
    pub(crate) fn describe_only(size: usize) -> Self {
        Self::describe(size, &[], ALONE.lock())
    }

    fn describe(size: usize, flags: &[&str], alone: MutexGuard<'static, ()>) -> Self {
        let ports = Ports::reserve().expect("loopback has free ports");
        let folder = tempfile::Builder::new()
            .prefix("cluster-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("the target folder is writable");
        let address = |node: usize, nth: usize| {
            ports.address(u16::try_from(node * PORTS_PER_NODE + nth).expect("a small number"))
        };
        let peers: Vec<_> = (0..size).map(|node| address(node, 1)).collect();
        let nodes = (0..size)
            .map(|i| {
                let addresses = [address(i, 0), address(i, 1), address(i, 2)];
                Process::new(i + 1, folder.path(), addresses, &peers).with(flags)
            })
            .collect();
        Self {
            nodes,
            founders: peers,
            folder: Some(folder),
            ports,
            _alone: alone,
        }
    }

    fn bring_up(&mut self) -> Result<(), String> {
        for node in &mut self.nodes {
            node.start().map_err(|e| e.to_string())?;
        }
        (0..self.nodes.len()).try_for_each(|i| self.await_ready(i))
    }

    /// Describes one more node, which is no founder, and gives its number. It does not run yet.
    pub(crate) fn add(&mut self, flags: &[&str]) -> usize {
        let i = self.nodes.len();
        let nth = |n: usize| u16::try_from(i * PORTS_PER_NODE + n).expect("a small number");
        let addresses = [0, 1, 2].map(|n| self.ports.address(nth(n)));
        let folder = self.folder.as_ref().expect("it goes last").path();
        self.nodes
            .push(Process::new(i + 1, folder, addresses, &self.founders).with(flags));
        i
    }

    pub(super) fn await_ready(&mut self, i: usize) -> Result<(), String> {
        let node = &mut self.nodes[i];
        let what = format!("node {} to be ready", i + 1);
        poll::until(READY_LIMIT, &what, || {
            if node.is_ready() {
                return Some(Ok(()));
            }
            (!node.runs()).then(|| Err(format!("node {} ended", i + 1)))
        })?
    }

    fn lost_a_port(&self) -> bool {
        self.nodes
            .iter()
            .any(|node| node.log_tail(LOG_LINES).contains("ddress already in use"))
    }

    /// The admin listener of node `i`.
    pub(crate) fn admin(&self, i: usize) -> SocketAddr {
        self.nodes[i].admin
    }

    /// The URL of node `i`'s AWS API; nodes count from 0 here.
    pub(crate) fn endpoint(&self, i: usize) -> String {
        format!("http://{}", self.nodes[i].api)
    }

    /// The URLs of all nodes.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        (0..self.nodes.len()).map(|i| self.endpoint(i)).collect()
    }

    /// An address that no node listens on and that nobody else takes.
    pub(crate) fn spare_address(&self) -> SocketAddr {
        self.ports
            .address(u16::try_from(self.nodes.len() * PORTS_PER_NODE).expect("a small number"))
    }

    /// The addresses of the nodes' AWS APIs.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.api).collect()
    }

    /// The node that leads the queue's group, asked of each running node in turn until one names a
    /// running node; for a while after a death, some still name the dead.
    pub(crate) fn leader_of(&mut self, queue: &str) -> usize {
        let nodes = &mut self.nodes;
        poll::until(LEADER_LIMIT, &format!("a leader of {queue}"), || {
            let running: Vec<bool> = nodes.iter_mut().map(Process::runs).collect();
            let asked = nodes.iter().zip(&running).filter(|(_, runs)| **runs);
            asked
                .filter_map(|(node, _)| status::leader_of(node.admin, queue))
                .map(|id| id - 1)
                .find(|i| running.get(*i) == Some(&true))
        })
        .unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Kills node `i` with SIGKILL.
    pub(crate) fn kill(&mut self, i: usize) {
        assert!(self.nodes[i].runs(), "node {} ended by itself", i + 1);
        self.nodes[i].kill().expect("our own child can be killed");
    }

    /// Stops node `i` with SIGTERM, which it obeys with success.
    pub(crate) fn terminate(&mut self, i: usize) {
        let status = self.nodes[i]
            .terminate()
            .unwrap_or_else(|reason| panic!("{reason}"));
        assert!(status.success(), "node {} answered SIGTERM with {status}", i + 1);
    }

    /// Starts nodes again on their old folders and addresses and waits until they are ready.
    pub(crate) fn restart(&mut self, which: &[usize]) {
        for &i in which {
            self.nodes[i].start().expect("the binary can be started");
        }
        for &i in which {
            self.await_ready(i).unwrap_or_else(|reason| panic!("{reason}"));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // A node that cannot be killed is reported by its own drop.
            let _ = node.kill();
        }
        if std::thread::panicking() {
            for (i, node) in self.nodes.iter().enumerate() {
                eprintln!(
                    "--- the end of node {}'s log ---\n{}",
                    i + 1,
                    node.log_tail(LOG_LINES)
                );
            }
            if let Some(folder) = self.folder.take() {
                eprintln!("--- data and logs are kept in {} ---", folder.keep().display());
            }
        }
    }
}
