//! What a node is told: flags, environment variables and a TOML file, in that order of precedence.

use std::path::PathBuf;
use std::time::Duration;

use raft::group::Timing;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::LettersOptions;
use raft::types::NodeId;
use raft::wal::WalOptions;

/// The configuration of one node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its number, unique in the cluster and never given to another machine.
    pub node_id: NodeId,
    /// If a living cluster knows this number as another node's, or has taken this node out, it joins as a new node with a number
    /// that the cluster gives.
    pub renumber: bool,
    /// Where everything that must survive lives.
    pub data_dir: PathBuf,
    /// `host:port` of the AWS API.
    pub listen: String,
    /// `host:port` of peers and administration (gRPC).
    pub peer_listen: String,
    /// `host:port` of health, metrics and status (HTTP).
    pub admin_listen: String,
    /// The host by which other nodes and tools reach this one.
    pub advertise: String,
    /// `host:port` of peer listeners where a cluster may be found.
    pub seeds: Vec<String>,
    /// How many nodes with empty folders found a cluster together.
    pub bootstrap_expect: usize,
    /// The failure zone, or empty.
    pub zone: String,
    /// The Kubernetes node whose zone the binary puts into `zone` before the node runs.
    pub zone_from_kubernetes_node: Option<String>,
    /// How queues are divided.
    pub partitions: Partitions,
    /// What a node has is placed elsewhere once it was not heard of for so long.
    pub replace_after: Duration,
    /// Raft's times.
    pub timing: Timing,
    /// The log's sizes.
    pub wal: WalOptions,
    /// How letters of a long backlog go into files.
    pub letters: LettersOptions,
    /// A group's log may grow by this much before its state is written to a checkpoint.
    pub checkpoint_bytes: u64,
    /// How whole states of groups travel to other nodes.
    pub snapshots: SnapshotOptions,
    /// Bounds on what clients may occupy.
    pub limits: Limits,
}

/// How queues are divided into partitions.
#[derive(Clone, Copy, Debug)]
pub struct Partitions {
    /// Replicas of each.
    pub replicas: u32,
    /// How many a new standard queue begins with.
    pub standard: u32,
    /// How many a standard queue may have in the end; if not given, twice as many as there are nodes.
    pub max: Option<u32>,
    /// How many a new FIFO queue of high throughput has, for good; if not given, as many as there are nodes.
    pub fifo: Option<u32>,
    /// When a standard queue is to grow.
    pub saturation: Saturation,
}

impl Default for Partitions {
    fn default() -> Partitions {
        Partitions {
            replicas: 3,
            standard: 1,
            max: None,
            fifo: None,
            saturation: Saturation::default(),
        }
    }
}

/// When a partition has too much to do.
#[derive(Clone, Copy, Debug)]
pub struct Saturation {
    /// So many of a hundred batches could not hold all the commands that waited,
    pub percent: u32,
    /// each second for so long.
    pub span: Duration,
    /// A queue that has grown does not grow again before this time.
    pub rest: Duration,
}

impl Default for Saturation {
    fn default() -> Saturation {
        Saturation {
            percent: 80,
            span: Duration::from_secs(10),
            rest: Duration::from_secs(60),
        }
    }
}

/// What [`Config::replace_after`] is unless something else is asked for: longer than a machine takes to start again.
pub const REPLACE_AFTER: Duration = Duration::from_secs(600);
/// What [`Config::checkpoint_bytes`] is unless something else is asked for.
pub const CHECKPOINT_BYTES: u64 = 256 << 20;

/// Bounds on what clients may occupy. Beyond them a request gets the service's throttling error.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open client connections; the next one waits in the listener's backlog.
    pub connections: usize,
    /// Requests being worked on, waiting polls not counted.
    pub requests: usize,
    /// Receives that wait for a message.
    pub polls: usize,
    /// Bytes of a request body. The largest batch is 1 MiB of content, which escapes may triple.
    pub body_bytes: usize,
    /// Bytes of all bodies together that are being read or worked on.
    pub bodies_bytes: usize,
    /// How long a request may look for a leader before it is answered with an error.
    pub patience: Duration,
}

/// File descriptors that clients' connections leave to the node itself: log, checkpoints, peers.
const DESCRIPTORS_RESERVED: usize = 512;

impl Limits {
    /// Takes back connections for which the operating system would give no descriptor.
    pub fn fit_descriptors(&mut self, descriptors: usize) {
        let left = descriptors
            .saturating_sub(DESCRIPTORS_RESERVED)
            .max(descriptors / 2);
        if left < self.connections {
            tracing::warn!(
                connections = left,
                descriptors,
                "fewer connections than configured: too few descriptors"
            );
            self.connections = left;
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            requests: 8_192,
            polls: 50_000,
            body_bytes: 6 << 20,
            bodies_bytes: 512 << 20,
            patience: Duration::from_secs(10),
        }
    }
}
