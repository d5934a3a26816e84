//! What the command line says.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use sim_tests::explore::Exploration;
use sim_tests::scenario::{Case, Cut, Scenario};

/// Plays simulated clusters under faults, and checks what they do. Exits with 1 if a rule is broken.
#[derive(Parser)]
pub(crate) struct Options {
    /// Plays one seed, and explains what it finds.
    #[arg(long, group = "task")]
    pub(crate) seed: Option<u64>,
    /// Plays these seeds, `A..B` without B.
    #[arg(long, group = "task", value_parser = range)]
    pub(crate) seeds: Option<Range<u64>>,
    /// Plays a scenario from a file.
    #[arg(long, group = "task")]
    pub(crate) scenario: Option<PathBuf>,
    /// Plays all files of sim-tests/regressions.
    #[arg(long, group = "task")]
    pub(crate) regressions: bool,

    /// Plays what standard input holds: see `sim_tests::pool`.
    #[arg(long, group = "task", hide = true)]
    pub(crate) worker: bool,

    /// Only these faults of the schedule, by number; without a number, none.
    #[arg(long, value_delimiter = ',', num_args = 0..)]
    pub(crate) only: Option<Vec<usize>>,
    /// Only these clients, by number.
    #[arg(long, value_delimiter = ',')]
    pub(crate) clients: Option<Vec<usize>>,
    /// Only so many seconds of load.
    #[arg(long)]
    pub(crate) load: Option<u64>,

    /// Makes a failing scenario smaller.
    #[arg(long)]
    pub(crate) shrink: bool,
    /// Writes what was played to a file, in full, for --scenario.
    #[arg(long)]
    pub(crate) export: Option<PathBuf>,
    /// Shows everything that happened.
    #[arg(long)]
    pub(crate) timeline: bool,
    /// Writes all that the run did to a file, for the comparison of two runs.
    #[arg(long)]
    pub(crate) trace: Option<PathBuf>,
    /// Prints panics of runs, with backtraces if RUST_BACKTRACE asks for them.
    #[arg(long)]
    pub(crate) backtraces: bool,

    /// Begins no new run after so many minutes.
    #[arg(long)]
    pub(crate) minutes: Option<u64>,
    /// Runs at a time; one for each core, if not given.
    #[arg(long)]
    jobs: Option<usize>,
}

/// What is to be done.
pub(crate) enum What {
    /// One scenario.
    One(Box<Scenario>),
    /// Many.
    Seeds(Exploration),
    /// Those that once failed.
    Regressions,
}

impl Options {
    /// What is to be done.
    pub(crate) fn what(&self) -> anyhow::Result<What> {
        if let Some(seed) = self.seed {
            return Ok(What::One(Box::new(Scenario::draw(seed))));
        }
        if let Some(path) = &self.scenario {
            return Ok(What::One(Box::new(Case::read(path)?.scenario)));
        }
        if let Some(seeds) = &self.seeds {
            return Ok(What::Seeds(Exploration {
                seeds: seeds.clone(),
                limit: self.minutes.map(|minutes| Duration::from_secs(60 * minutes)),
                jobs: self.jobs(),
            }));
        }
        anyhow::ensure!(
            self.regressions,
            "say --seed, --seeds, --scenario or --regressions"
        );
        Ok(What::Regressions)
    }

    /// How many runs at a time.
    pub(crate) fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.unwrap_or_else(cores)
    }

    /// What to take away.
    pub(crate) fn cut(&self) -> Cut {
        Cut {
            only: self.only.clone(),
            clients: self.clients.clone(),
            load_s: self.load,
        }
    }

    /// The command that plays the same, with this cut.
    pub(crate) fn repeat(&self, cut: &Cut) -> String {
        let what = match (&self.scenario, self.seed) {
            (Some(path), _) => format!("--scenario {}", path.display()),
            (None, seed) => format!("--seed {}", seed.unwrap_or_default()),
        };
        format!("cargo run --release -p sim-tests -- {what}{cut}")
    }
}

fn range(text: &str) -> anyhow::Result<Range<u64>> {
    let (from, to) = text.split_once("..").context("A..B is expected")?;
    let seeds = from.parse()?..to.parse()?;
    anyhow::ensure!(!seeds.is_empty(), "there is no seed in {text}");
    Ok(seeds)
}
