//! What a run is: written to its folder before it begins, so that its clients, its judge and its reader know it.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sim_tests::rng::Rng;

use crate::schedule::Occurrence;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What was drawn, was drawn from this.
    pub seed: u64,
    /// Nodes that found the cluster.
    pub nodes: u64,
    /// So long clients make new work.
    pub load_ms: u64,
    /// The last part of that time, in which nothing is done to the cluster any more.
    pub calm_ms: u64,
    /// So long everything may take to be emptied afterwards.
    pub drain_ms: u64,
    /// Where clients find the cluster: each attempt of a call goes to one of these.
    pub endpoints: Vec<String>,
    /// Queues of the steady load, by which availability is measured.
    pub steady: Vec<String>,
    /// Sends to each of them in a second.
    pub rate: u64,
    /// The simulation's workloads that run beside it, by name.
    pub workloads: Vec<String>,
    /// Partitions of a standard queue: to begin with.
    pub partitions: u32,
    /// How many a standard queue may grow to.
    pub partitions_max: u32,
    /// Partitions of a FIFO queue of high throughput.
    pub fifo_partitions: u32,
    /// Checkpoints are written after so much log.
    pub checkpoint_bytes: u64,
    /// By how much the nodes' clocks may differ.
    pub clock_slack_ms: u64,
    /// Versions of what was tested.
    pub versions: Vec<String>,
    /// What is done to the cluster.
    pub schedule: Vec<Occurrence>,
}

/// Workloads of the simulation that come to their end soon after the load does. The others wait for minutes, look
/// into nodes of the simulation, or need clocks that run away.
pub const WORKLOADS: &[&str] = &[
    "standard",
    "fifo",
    "own_writes",
    "one_group",
    "visibility",
    "delays",
    "attributes",
    "dead_letters",
    "move_tasks",
    "attempts",
    "tenants",
    "partitions",
];

/// The file in a run's folder.
pub const FILE: &str = "plan.json";

impl Plan {
    /// Draws what differs from run to run, but for the schedule.
    pub fn draw_load(&mut self, workloads: usize) {
        let rng = Rng::new(self.seed);
        let mut all = WORKLOADS.to_vec();
        rng.child("workloads").shuffle(&mut all);
        self.workloads = all.into_iter().take(workloads).map(str::to_owned).collect();
        self.partitions = *rng.child("partitions").pick(&[1, 1, 1, 3]);
        self.partitions_max = *rng.child("partitions max").pick(&[1, 1, 4]);
        self.fifo_partitions = *rng.child("fifo partitions").pick(&[1, 2, 3]);
        self.checkpoint_bytes = *rng.child("checkpoints").pick(&[256 << 10, 1 << 20, 16 << 20]);
    }

    /// The plan of the run in this folder.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(folder: &Path) -> anyhow::Result<Plan> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Writes it to its folder.
    ///
    /// # Errors
    /// If that is not possible.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::write(folder.join(FILE), serde_json::to_string_pretty(self)?)?;
        Ok(())
    }
}
