//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Breaks a real Millrace cluster on purpose, and judges what its clients saw.
#[derive(Parser, Debug)]
#[command(name = "chaos", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Starts a cluster, puts load on it, breaks it by a schedule, judges, and writes a report.
    Run(Box<Run>),
    /// Judges the run in a folder again, also one that was interrupted.
    Judge {
        /// The folder of the run.
        folder: PathBuf,
    },
    /// Says which faults there are.
    Faults,
    /// The clients of the run in a folder; `run` starts them.
    #[command(hide = true)]
    Clients {
        /// The folder of the run.
        folder: PathBuf,
    },
}

/// Where the cluster runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Where {
    /// Processes in network namespaces of this machine.
    Local,
    /// A release that is there already.
    Kubernetes,
}

/// Flags of `run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// What schedule, load and settings are drawn from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long clients make new work [default: what the schedule's file says, or 3].
    #[arg(long)]
    pub minutes: Option<f64>,
    /// Nodes that found the cluster [default: what the schedule's file says, or 3].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub nodes: Option<u64>,
    /// A TOML file that says what happens when, instead of the seed.
    #[arg(long)]
    pub schedule: Option<PathBuf>,
    /// Draw from these kinds of faults only, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub faults: Option<Vec<String>>,
    /// The folder of the run, which must not exist [default: chaos-run-SEED-TIME].
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// The `millrace` binary [default: the one beside this program].
    #[arg(long)]
    pub binary: Option<PathBuf>,
    /// The binary that nodes begin with; a rolling upgrade leads to --binary.
    #[arg(long)]
    pub binary_before: Option<PathBuf>,
    /// A further flag of `millrace server`, such as --server-flag=--replicas=5.
    #[arg(long)]
    pub server_flag: Vec<String>,
    /// Queues of the steady load: so many standard ones, and so many FIFO ones.
    #[arg(long, default_value_t = 3)]
    pub queues: u64,
    /// Sends a second to each queue of the steady load.
    #[arg(long, default_value_t = 20)]
    pub rate: u64,
    /// So many of the simulation's workloads run beside it.
    #[arg(long, default_value_t = 6)]
    pub workloads: usize,
    /// Seconds at the end of the load in which nothing is done to the cluster.
    #[arg(long, default_value_t = 8)]
    pub calm: u64,
    /// Seconds that emptying all queues may take in the end: each has one client, and some have many thousands of messages by then.
    #[arg(long, default_value_t = 600)]
    pub drain: u64,
    /// Keep the nodes' data also if nothing was wrong.
    #[arg(long)]
    pub keep_data: bool,
    /// Where the cluster runs.
    #[arg(long, value_enum, default_value_t = Where::Local)]
    pub target: Where,
    /// Kubernetes: the StatefulSet's name.
    #[arg(long, default_value = "millrace")]
    pub release: String,
    /// Kubernetes: its namespace.
    #[arg(long, default_value = "default")]
    pub namespace: String,
    /// Kubernetes: where this machine reaches the API, such as http://10.0.0.5:30566 [default: a port-forward to each pod].
    #[arg(long)]
    pub endpoint: Vec<String>,
    /// Kubernetes: COMMAND cut|mend POD POD makes and mends partitions.
    #[arg(long)]
    pub partition_hook: Option<String>,
    /// Kubernetes: the image that a rolling upgrade leads to.
    #[arg(long)]
    pub image_after: Option<String>,
    /// Kubernetes: by how many milliseconds the nodes' clocks may differ.
    #[arg(long, default_value_t = 250)]
    pub clock_slack: u64,
}
