//! The command line. A server's settings come from flags, else from environment variables
//! `MILLRACE_…`, else from a TOML file whose keys are the flags' names with underscores.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use raft::group::Timing;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::LettersOptions;
use raft::types::NodeId;
use raft::wal::WalOptions;
use serde::Deserialize;

use crate::admission::Marks;
use crate::cluster::command::Cluster;
use crate::config::{CHECKPOINT_BYTES, Config, Limits, Partitions, REPLACE_AFTER, Saturation};
use crate::telemetry::LogFormat;

/// More partitions than a queue needs on any cluster of today.
const PARTITIONS_MAX: u32 = 64;

/// The largest batch of commands, twice: an entry must fit into a file of the log.
const SEGMENT_BYTES_MIN: u64 = 4 << 20;

/// Millrace: a replicated messaging cluster that speaks the wire protocols of AWS.
#[derive(Parser, Debug)]
#[command(name = "millrace", version)]
pub struct Cli {
    /// The form of the logs on standard error.
    #[arg(long, env = "MILLRACE_LOG_FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    /// Threads that serve requests [default: half of the processors].
    #[arg(long, env = "MILLRACE_WORKER_THREADS", global = true)]
    pub worker_threads: Option<usize>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run three nodes in this process, on loopback, for development.
    Dev(Dev),
    /// Run one node of a cluster.
    Server(Box<Server>),
    /// Show the nodes, groups, leaders and lag of a running cluster.
    Status(Status),
    /// Look at a cluster, drain and remove nodes, say who is to lead.
    Cluster(Cluster),
    /// Tell by the exit code whether a node is alive or ready.
    Health(crate::health::Flags),
    /// Send a message through a cluster and receive it.
    Smoke(crate::smoke::Flags),
    /// What a node does because it runs in a Kubernetes pod.
    #[command(subcommand)]
    Kubernetes(crate::kubernetes::Command),
}

/// Flags of `dev`.
#[derive(Args, Debug)]
pub struct Dev {
    /// Where the data goes.
    #[arg(long, env = "MILLRACE_DATA_DIR", default_value = "millrace-dev")]
    pub data_dir: PathBuf,
    /// Keep the data in a temporary folder that goes with the process.
    #[arg(long, conflicts_with = "data_dir")]
    pub ephemeral: bool,
    /// The first node's API port; its other ports and the other nodes' follow it.
    #[arg(long, env = "MILLRACE_PORT", default_value_t = 4566)]
    pub port: u16,
}

/// Flags of `status`.
#[derive(Args, Debug)]
pub struct Status {
    /// `host:port` of any node's admin listener.
    #[arg(long, env = "MILLRACE_ADMIN", default_value = "127.0.0.1:4568")]
    pub admin: String,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Forms of an answer.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Flags of `server`; each is also an environment variable and a key of the configuration file.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// A TOML file with any of the other settings.
    #[arg(long, env = "MILLRACE_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// This node's number: at least 1, unique in the cluster, never given to another machine.
    #[arg(long, env = "MILLRACE_NODE_ID")]
    pub node_id: Option<u64>,
    /// If a living cluster knows this number as another node's, or has taken this node out, join it as a new node with a number
    /// that the cluster gives. What a node that was taken out has on disk is deleted then [default: false].
    #[arg(long, env = "MILLRACE_RENUMBER", num_args = 0..=1, default_missing_value = "true")]
    pub renumber: Option<bool>,
    /// Where everything that must survive lives.
    #[arg(long, env = "MILLRACE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// `host:port` of the AWS API [default: 0.0.0.0:4566].
    #[arg(long, env = "MILLRACE_LISTEN")]
    pub listen: Option<String>,
    /// `host:port` of peers and administration [default: 0.0.0.0:4567].
    #[arg(long, env = "MILLRACE_PEER_LISTEN")]
    pub peer_listen: Option<String>,
    /// `host:port` of health, metrics and status [default: 0.0.0.0:4568].
    #[arg(long, env = "MILLRACE_ADMIN_LISTEN")]
    pub admin_listen: Option<String>,
    /// The host by which others reach this node [default: the host of --peer-listen].
    #[arg(long, env = "MILLRACE_ADVERTISE")]
    pub advertise: Option<String>,
    /// `host:port` of peer listeners where a cluster may be found, separated by commas.
    #[arg(long, env = "MILLRACE_SEEDS", value_delimiter = ',')]
    pub seeds: Option<Vec<String>>,
    /// How many nodes with empty folders found a cluster together [default: 1].
    #[arg(long, env = "MILLRACE_BOOTSTRAP_EXPECT")]
    pub bootstrap_expect: Option<usize>,
    /// The failure zone; replicas are spread over zones.
    #[arg(long, env = "MILLRACE_ZONE")]
    pub zone: Option<String>,
    /// Take the zone from the label topology.kubernetes.io/zone of this Kubernetes node [default: --zone].
    #[arg(long, env = "MILLRACE_ZONE_FROM_KUBERNETES_NODE")]
    pub zone_from_kubernetes_node: Option<String>,
    /// Replicas of each partition [default: 3].
    #[arg(long, env = "MILLRACE_REPLICAS")]
    pub replicas: Option<u32>,
    /// What a node has is placed elsewhere when it was not heard of for so many seconds [default: 600].
    #[arg(long, env = "MILLRACE_REPLACE_AFTER_SECONDS")]
    pub replace_after_seconds: Option<u64>,
    /// Partitions that a new standard queue begins with, up to 64 [default: 1].
    #[arg(long, env = "MILLRACE_PARTITIONS")]
    pub partitions: Option<u32>,
    /// Partitions that a standard queue may grow to while it is saturated, up to 64 [default: twice the number of nodes].
    #[arg(long, env = "MILLRACE_PARTITIONS_MAX")]
    pub partitions_max: Option<u32>,
    /// A queue grows when a partition of it has been saturated for so many seconds [default: 10].
    #[arg(long, env = "MILLRACE_GROW_AFTER_SECONDS")]
    pub grow_after_seconds: Option<u64>,
    /// A partition is saturated while this percentage of its log's batches are full and more commands wait [default: 80].
    #[arg(long, env = "MILLRACE_GROW_AT_PERCENT")]
    pub grow_at_percent: Option<u32>,
    /// Partitions of a new FIFO queue of high throughput, up to 64 [default: the number of nodes].
    #[arg(long, env = "MILLRACE_FIFO_PARTITIONS")]
    pub fifo_partitions: Option<u32>,
    /// How often leaders show themselves, in milliseconds [default: 150].
    #[arg(long, env = "MILLRACE_HEARTBEAT_MS")]
    pub heartbeat_ms: Option<u64>,
    /// Shortest patience with a silent leader after its lease, in milliseconds [default: 300].
    #[arg(long, env = "MILLRACE_ELECTION_MIN_MS")]
    pub election_min_ms: Option<u64>,
    /// Longest such patience, and a leader's lease, in milliseconds [default: 600].
    #[arg(long, env = "MILLRACE_ELECTION_MAX_MS")]
    pub election_max_ms: Option<u64>,
    /// Bytes by which a group's log may grow before its state is written to a checkpoint
    /// [default: 268435456].
    #[arg(long, env = "MILLRACE_CHECKPOINT_BYTES")]
    pub checkpoint_bytes: Option<u64>,
    /// Bytes of a file of the log, at least 4194304; a node keeps room for two on its disk, and uses up to 16
    /// [default: 67108864].
    #[arg(long, env = "MILLRACE_SEGMENT_BYTES")]
    pub segment_bytes: Option<u64>,
    /// What whole states of groups that are sent to other nodes may take of the network, in bytes a second; 0 for no bound
    /// [default: 33554432].
    #[arg(long, env = "MILLRACE_SNAPSHOT_BYTES_PER_SECOND")]
    pub snapshot_bytes_per_second: Option<u64>,
    /// Sends are refused once so many percent of the data folder's file system are used and less than 8 GiB are
    /// free, 10 to 98 [default: 90].
    #[arg(long, env = "MILLRACE_DISK_HIGH_PERCENT")]
    pub disk_high_percent: Option<u64>,
    /// They are taken again once no more than so many percent are used, less than --disk-high-percent
    /// [default: 5 less than that].
    #[arg(long, env = "MILLRACE_DISK_LOW_PERCENT")]
    pub disk_low_percent: Option<u64>,
    /// Memory that the node may have, in bytes; sends are refused while what is stored takes more than 60 % of it
    /// [default: the limit of the control group, or the machine's memory].
    #[arg(long, env = "MILLRACE_MEMORY_LIMIT_BYTES")]
    pub memory_limit_bytes: Option<u64>,
    /// Open client connections at most [default: 20000].
    #[arg(long, env = "MILLRACE_MAX_CONNECTIONS")]
    pub max_connections: Option<usize>,
    /// Requests under way at most; beyond them clients are throttled [default: 8192].
    #[arg(long, env = "MILLRACE_MAX_REQUESTS")]
    pub max_requests: Option<usize>,
    /// Act as a version that knows levels up to this one only, to try upgrades and roll-backs.
    #[arg(long, env = "MILLRACE_LEVEL_MAX", hide = true)]
    #[serde(skip)]
    pub level_max: Option<u32>,
    /// Waiting receives at most; beyond them clients are throttled [default: 50000].
    #[arg(long, env = "MILLRACE_MAX_POLLS")]
    pub max_polls: Option<usize>,
}

impl Server {
    /// Flags and variables over the file over the defaults.
    ///
    /// # Errors
    /// If the file cannot be read or a setting is missing or senseless.
    pub fn resolve(self) -> anyhow::Result<Config> {
        let file = match &self.config {
            Some(path) => read_file(path)?,
            None => Server::default(),
        };
        macro_rules! pick {
            ($field:ident) => {
                self.$field.or(file.$field)
            };
        }
        let node_id = pick!(node_id).context("--node-id is missing")?;
        anyhow::ensure!(node_id > 0, "--node-id must be at least 1");
        let peer_listen = pick!(peer_listen).unwrap_or_else(|| "0.0.0.0:4567".to_owned());
        let advertise = pick!(advertise).unwrap_or_else(|| host_of(&peer_listen));
        let unspecified = ["0.0.0.0", "[::]", ""].contains(&advertise.as_str());
        let seeds = pick!(seeds).unwrap_or_default();
        anyhow::ensure!(
            !unspecified || seeds.is_empty(),
            "--advertise is missing: other nodes cannot connect to {advertise}"
        );
        let default = Timing::default();
        let timing = Timing {
            heartbeat_ms: pick!(heartbeat_ms).unwrap_or(default.heartbeat_ms),
            election_min_ms: pick!(election_min_ms).unwrap_or(default.election_min_ms),
            election_max_ms: pick!(election_max_ms).unwrap_or(default.election_max_ms),
        };
        anyhow::ensure!(
            timing.heartbeat_ms < timing.election_min_ms && timing.election_min_ms < timing.election_max_ms,
            "--heartbeat-ms, --election-min-ms and --election-max-ms must rise in this order"
        );
        let disk_high_percent = pick!(disk_high_percent).unwrap_or(Marks::default().disk_high_percent);
        let disk_low_percent = pick!(disk_low_percent).unwrap_or(disk_high_percent.saturating_sub(5));
        anyhow::ensure!(
            (10..=98).contains(&disk_high_percent) && disk_low_percent < disk_high_percent,
            "--disk-high-percent must be from 10 to 98, and --disk-low-percent less than it"
        );
        let (limits, saturation) = (Limits::default(), Saturation::default());
        let wal = WalOptions::default();
        let snapshots = SnapshotOptions::default();
        Ok(Config {
            node_id: NodeId(node_id),
            renumber: pick!(renumber).unwrap_or(false),
            data_dir: pick!(data_dir).context("--data-dir is missing")?,
            listen: pick!(listen).unwrap_or_else(|| "0.0.0.0:4566".to_owned()),
            peer_listen,
            admin_listen: pick!(admin_listen).unwrap_or_else(|| "0.0.0.0:4568".to_owned()),
            advertise: if unspecified {
                "127.0.0.1".to_owned()
            } else {
                advertise
            },
            seeds,
            bootstrap_expect: pick!(bootstrap_expect).unwrap_or(1).max(1),
            zone: pick!(zone).unwrap_or_default(),
            zone_from_kubernetes_node: pick!(zone_from_kubernetes_node).filter(|node| !node.is_empty()),
            partitions: Partitions {
                replicas: pick!(replicas).unwrap_or(3).max(1),
                standard: pick!(partitions).unwrap_or(1).clamp(1, PARTITIONS_MAX),
                max: pick!(partitions_max).map(|max| max.clamp(1, PARTITIONS_MAX)),
                fifo: pick!(fifo_partitions).map(|fifo| fifo.clamp(1, PARTITIONS_MAX)),
                saturation: Saturation {
                    span: pick!(grow_after_seconds)
                        .map_or(saturation.span, |s| Duration::from_secs(s.max(1))),
                    percent: pick!(grow_at_percent).map_or(saturation.percent, |p| p.clamp(1, 100)),
                    ..saturation
                },
            },
            replace_after: pick!(replace_after_seconds)
                .map_or(REPLACE_AFTER, |s| Duration::from_secs(s.max(1))),
            timing,
            wal: WalOptions {
                segment_bytes: pick!(segment_bytes).map_or(wal.segment_bytes, |b| b.max(SEGMENT_BYTES_MIN)),
                ..wal
            },
            letters: LettersOptions::default(),
            checkpoint_bytes: pick!(checkpoint_bytes).unwrap_or(CHECKPOINT_BYTES),
            snapshots: SnapshotOptions {
                bytes_per_second: pick!(snapshot_bytes_per_second).unwrap_or(snapshots.bytes_per_second),
                ..snapshots
            },
            marks: Marks {
                disk_high_percent,
                disk_low_percent,
                memory_limit_bytes: pick!(memory_limit_bytes),
            },
            limits: Limits {
                connections: pick!(max_connections).unwrap_or(limits.connections),
                requests: pick!(max_requests).unwrap_or(limits.requests),
                polls: pick!(max_polls).unwrap_or(limits.polls),
                ..limits
            },
        })
    }
}

fn read_file(path: &Path) -> anyhow::Result<Server> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
}

fn host_of(address: &str) -> String {
    address
        .rsplit_once(':')
        .map_or(address, |(host, _)| host)
        .to_owned()
}
