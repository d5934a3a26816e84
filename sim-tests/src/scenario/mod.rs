//! What a run is, drawn from its seed before it begins: how many nodes and clients, which workloads,
//! and when which fault happens. A [`Cut`] takes something away afterwards, without changing what is left; a
//! [`Case`] holds all of a scenario in a file, for the day on which seeds are drawn from otherwise.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::faults::ruin::RUIN;
use crate::faults::wipe::WIPE;
use crate::faults::{FAULTS, Fault};
use crate::rng::Rng;
use crate::workload::WORKLOADS;

mod case;
mod cut;
mod text;

pub use case::Case;
pub use cut::Cut;

/// The fault numbered so happens then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occurrence {
    /// Its place in the schedule, for `--only`.
    pub number: usize,
    /// Its place in [`FAULTS`].
    #[serde(with = "text::fault")]
    pub fault: usize,
    /// When it begins.
    #[serde(rename = "at_ms", with = "text::ms")]
    pub at: Duration,
    /// When it ends, if it has an end.
    #[serde(rename = "until_ms", with = "text::ms")]
    pub until: Duration,
    /// What it draws from.
    #[serde(with = "text::rng")]
    pub rng: Rng,
}

/// A host of clients.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its number, which it is named after and draws from.
    pub number: usize,
    /// Its place in [`WORKLOADS`].
    #[serde(with = "text::workload")]
    pub workload: usize,
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What everything else was drawn from.
    pub seed: u64,
    /// Nodes.
    pub nodes: u64,
    /// When clients begin.
    #[serde(rename = "begin_ms", with = "text::ms")]
    pub begin: Duration,
    /// When faults have ended and clients stop making new work.
    #[serde(rename = "load_end_ms", with = "text::ms")]
    pub load_end: Duration,
    /// When everything must have come to its end.
    #[serde(rename = "deadline_ms", with = "text::ms")]
    pub deadline: Duration,
    /// The one node whose data faults may destroy.
    pub victim: u64,
    /// How long a message between two hosts takes at most.
    #[serde(rename = "latency_max_ms", with = "text::ms")]
    pub latency_max: Duration,
    /// Checkpoints are written after so much log.
    pub checkpoint_bytes: u64,
    /// Partitions of standard queues.
    #[serde(default = "one")]
    pub partitions: u32,
    /// How many they may grow to.
    #[serde(default = "one")]
    pub partitions_max: u32,
    /// Partitions of FIFO queues of high throughput.
    #[serde(default = "one")]
    pub fifo_partitions: u32,
    /// Bytes of a segment of the log.
    pub segment_bytes: u64,
    /// Some of what was not synced survives a loss of power all the same.
    pub unsynced_may_survive: bool,
    /// Hosts of clients, each of which runs one workload.
    pub clients: Vec<Client>,
    /// In their order.
    pub schedule: Vec<Occurrence>,
}

/// What scenarios that were written before there were partitions have.
fn one() -> u32 {
    1
}

/// A cluster needs some time to be born.
const BIRTH: Duration = Duration::from_secs(5);
const LOAD_S: Range<u64> = 15..45;
/// After the last fault: elections, retries, visibility timeouts, and the way through what has piled up.
const DRAIN: Duration = Duration::from_secs(240);
const CLIENTS: Range<u64> = 3..7;
/// In so many of a hundred runs there is an operator, too: the last workload in the table.
const OPERATORS_PERCENT: u64 = 30;

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64) -> Scenario {
        let root = Rng::new(seed);
        let mut rng = root.child("scenario");
        let nodes = if rng.percent(75) { 3 } else { 5 };
        let load = Duration::from_secs(rng.range(LOAD_S));
        let load_end = BIRTH + load;
        let mut clients: Vec<Client> = (0..rng.range(CLIENTS))
            .map(|number| Client {
                number: number as usize,
                workload: any_workload(&mut rng),
            })
            .collect();
        if root.child("operator").percent(OPERATORS_PERCENT) {
            clients.push(Client {
                number: clients.len(),
                workload: WORKLOADS.len() - 1,
            });
        }
        let mut network = root.child("turmoil");
        // Its first draw is the network's own seed.
        network.next();
        let mut scenario = Scenario {
            seed,
            nodes,
            begin: BIRTH,
            load_end,
            deadline: Duration::ZERO,
            victim: rng.range(1..nodes + 1),
            latency_max: Duration::from_millis(*rng.pick(&[2, 5, 10, 40])),
            checkpoint_bytes: *rng.pick(&[4 << 10, 32 << 10, 256 << 10]),
            segment_bytes: *rng.pick(&[64 << 10, 256 << 10]),
            partitions: *root.child("partitions").pick(&[1, 1, 1, 3]),
            partitions_max: *root.child("partitions max").pick(&[1, 1, 2, 4, 5]),
            fifo_partitions: *root.child("fifo partitions").pick(&[1, 2, 3]),
            unsynced_may_survive: network.percent(50),
            clients,
            schedule: Vec::new(),
        };
        scenario.schedule = schedule(&root.child("faults"), load_end);
        scenario.deadline = scenario.end();
        scenario
    }

    /// The same cluster with this fault alone, once, from `at` on. The load ends two seconds after it.
    ///
    /// # Panics
    /// If there is no fault of that name.
    #[must_use]
    pub fn with_only(mut self, fault: &str, at: Duration, lasts: Duration, rng: Rng) -> Scenario {
        let place = FAULTS.iter().position(|known| known.name == fault);
        let fault = place.unwrap_or_else(|| panic!("no such fault: {fault}"));
        let until = at + lasts;
        self.schedule = vec![Occurrence {
            number: 0,
            fault,
            at,
            until,
            rng,
        }];
        self.load_end = until + Duration::from_secs(2);
        self
    }

    /// The same with all clients at one workload.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn with_workload(mut self, name: &str) -> Scenario {
        let workload = WORKLOADS.iter().position(|workload| workload.name == name);
        let workload = workload.expect("the workload is in the table");
        self.clients
            .iter_mut()
            .for_each(|client| client.workload = workload);
        self.deadline = self.end();
        self
    }

    /// By when the slowest of the workloads has to be at its end.
    fn end(&self) -> Duration {
        let clients = self.clients.iter();
        let more = clients.map(|client| WORKLOADS[client.workload].end_phase);
        self.load_end + DRAIN + more.max().unwrap_or_default()
    }

    /// When most nodes lose their disks, if they do. The run ends with its load then, and rules of what must
    /// come in the end do not hold.
    pub fn ruin(&self) -> Option<Duration> {
        let mut schedule = self.schedule.iter();
        let ruin = schedule.find(|occurrence| FAULTS[occurrence.fault].name == RUIN.name)?;
        Some(ruin.at)
    }

    /// The most that two clocks, or one clock at two times, may differ by.
    pub fn clock_slack(&self) -> Duration {
        let faults = self
            .schedule
            .iter()
            .map(|occurrence| FAULTS[occurrence.fault].clock_slack);
        faults.max().unwrap_or_default()
    }
}

/// A workload, by weight.
fn any_workload(rng: &mut Rng) -> usize {
    let mut left = rng.range(0..WORKLOADS.iter().map(|workload| workload.weight).sum());
    let found = WORKLOADS.iter().position(|workload| {
        let it = left < workload.weight;
        left = left.saturating_sub(workload.weight);
        it
    });
    found.unwrap_or_default()
}

/// Swarm testing: a run has some kinds of faults and not the others, some often and some seldom, so
/// that no kind hides what another one would find.
fn schedule(root: &Rng, load_end: Duration) -> Vec<Occurrence> {
    let mut all = Vec::new();
    for (fault, kind) in FAULTS.iter().enumerate() {
        let mut rng = root.child(kind.name);
        if !rng.percent(kind.percent) {
            continue;
        }
        let mean_ms = *rng.pick(&[2_000, 5_000, 12_000]);
        let mut at = BIRTH + Duration::from_millis(rng.range(0..2 * mean_ms));
        let mut left = kind.times_max;
        while at < load_end && left > 0 {
            let until = at + Duration::from_millis(rng.range(kind.lasts_ms.clone()));
            let mut own = rng.child(&format!("{}", at.as_millis()));
            all.push(Occurrence {
                number: 0,
                fault,
                at,
                until: until.min(load_end),
                rng: Rng::new(own.next()),
            });
            left -= 1;
            at = until + Duration::from_millis(rng.range(mean_ms / 4..2 * mean_ms));
        }
    }
    // A ruin leaves one disk. If that were wiped as well, all nodes would be empty, and right to found a new cluster.
    let is = |occurrence: &Occurrence, fault: &Fault| FAULTS[occurrence.fault].name == fault.name;
    if all.iter().any(|occurrence| is(occurrence, &RUIN)) {
        all.retain(|occurrence| !is(occurrence, &WIPE));
    }
    all.sort_by_key(|occurrence| (occurrence.at, occurrence.fault));
    for (number, occurrence) in all.iter_mut().enumerate() {
        occurrence.number = number;
    }
    all
}
