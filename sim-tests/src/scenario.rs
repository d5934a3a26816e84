//! What a run is, drawn from its seed before it begins: how many nodes and clients, which workloads,
//! and when which fault happens. A scenario can be cut down afterwards, without changing what is left.

use std::ops::Range;
use std::time::Duration;

use crate::faults::FAULTS;
use crate::rng::Rng;
use crate::workload::WORKLOADS;

/// The fault numbered so happens then.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// Its place in the schedule, for `--only`.
    pub number: usize,
    /// Its place in [`FAULTS`].
    pub fault: usize,
    /// When it begins.
    pub at: Duration,
    /// When it ends, if it has an end.
    pub until: Duration,
    /// What it draws from.
    pub rng: Rng,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What everything else was drawn from.
    pub seed: u64,
    /// Nodes.
    pub nodes: u64,
    /// Hosts of clients, each of which runs one workload.
    pub clients: Vec<usize>,
    /// When clients begin.
    pub begin: Duration,
    /// When faults have ended and clients stop making new work.
    pub load_end: Duration,
    /// When everything must have come to its end.
    pub deadline: Duration,
    /// In their order.
    pub schedule: Vec<Occurrence>,
    /// The one node whose data faults may destroy.
    pub victim: u64,
    /// How long a message between two hosts takes at most.
    pub latency_max: Duration,
    /// Checkpoints are written after so much log.
    pub checkpoint_bytes: u64,
    /// Bytes of a segment of the log.
    pub segment_bytes: u64,
    /// How far clocks may be off, in both directions together.
    pub clock_slack: Duration,
}

/// What is left of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// Only these occurrences, if given.
    pub only: Option<Vec<usize>>,
    /// Only the first so many clients, if given.
    pub clients: Option<usize>,
    /// Only so many seconds of load, if given.
    pub load_s: Option<u64>,
}

/// A cluster needs some time to be born.
const BIRTH: Duration = Duration::from_secs(5);
const LOAD_S: Range<u64> = 15..45;
/// After the last fault: elections, retries, visibility timeouts, and the way through what has piled up.
const DRAIN: Duration = Duration::from_secs(240);
const CLIENTS: Range<u64> = 3..7;

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64) -> Scenario {
        let root = Rng::new(seed);
        let mut rng = root.child("scenario");
        let nodes = if rng.percent(75) { 3 } else { 5 };
        let load = Duration::from_secs(rng.range(LOAD_S));
        let load_end = BIRTH + load;
        let clients = (0..rng.range(CLIENTS))
            .map(|_| rng.below(WORKLOADS.len()))
            .collect();
        let mut scenario = Scenario {
            seed,
            nodes,
            clients,
            begin: BIRTH,
            load_end,
            deadline: load_end + DRAIN,
            schedule: Vec::new(),
            victim: rng.range(1..nodes + 1),
            latency_max: Duration::from_millis(*rng.pick(&[2, 5, 10, 40])),
            checkpoint_bytes: *rng.pick(&[4 << 10, 32 << 10, 256 << 10]),
            segment_bytes: *rng.pick(&[64 << 10, 256 << 10]),
            clock_slack: Duration::ZERO,
        };
        scenario.schedule = schedule(&root.child("faults"), load_end);
        scenario.clock_slack = scenario.slack();
        scenario
    }

    /// The same with less in it.
    #[must_use]
    pub fn cut(mut self, cut: &Cut) -> Scenario {
        if let Some(only) = &cut.only {
            self.schedule
                .retain(|occurrence| only.contains(&occurrence.number));
        }
        if let Some(clients) = cut.clients {
            self.clients.truncate(clients.max(1));
        }
        if let Some(load_s) = cut.load_s {
            self.load_end = self.load_end.min(self.begin + Duration::from_secs(load_s));
            self.deadline = self.load_end + DRAIN;
            self.schedule
                .retain(|occurrence| occurrence.until <= self.load_end);
        }
        self.clock_slack = self.slack();
        self
    }

    /// The most that two clocks, or one clock at two times, may differ by.
    fn slack(&self) -> Duration {
        let faults = self
            .schedule
            .iter()
            .map(|occurrence| FAULTS[occurrence.fault].clock_slack);
        faults.max().unwrap_or_default()
    }
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
    all.sort_by_key(|occurrence| (occurrence.at, occurrence.fault));
    for (number, occurrence) in all.iter_mut().enumerate() {
        occurrence.number = number;
    }
    all
}
