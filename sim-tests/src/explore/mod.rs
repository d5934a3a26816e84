//! Plays many seeds on all cores, and says what came of them.

use std::io::IsTerminal;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::pool;
use crate::report::Report;
use crate::scenario::Scenario;

mod summary;

pub use summary::Summary;

/// How much to explore.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// These seeds,
    pub seeds: Range<u64>,
    /// but no new one after so long,
    pub limit: Option<Duration>,
    /// so many at a time.
    pub jobs: usize,
}

/// Plays the seeds. Violations are printed as they are found.
pub fn explore(what: &Exploration) -> anyhow::Result<Summary> {
    let began = Instant::now();
    let mut summary = Summary::new();
    let progress = Progress::new(what.seeds.end.saturating_sub(what.seeds.start));
    let in_time = |_: &u64| what.limit.is_none_or(|limit| began.elapsed() < limit);
    let scenarios = what.seeds.clone().take_while(in_time).map(Scenario::draw);
    pool::play(scenarios, what.jobs, |_, report| {
        for violation in &report.violations {
            progress.say(&format!("seed {}: {violation}", report.seed));
        }
        summary.add(&report);
        progress.go_on(&report, &summary);
        ControlFlow::Continue(())
    })?;
    progress.bar.finish_and_clear();
    summary.wall = began.elapsed();
    Ok(summary)
}

/// A bar on a terminal, lines elsewhere.
struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
    every: u64,
}

/// So many lines in all, where there is no terminal.
const LINES: u64 = 10;

impl Progress {
    fn new(runs: u64) -> Progress {
        let on_terminal = std::io::stderr().is_terminal();
        let bar = if on_terminal {
            ProgressBar::new(runs)
        } else {
            ProgressBar::hidden()
        };
        let template = "{bar:30} {pos} of {len} runs, {msg}; {elapsed} gone, {eta} to go";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress {
            bar,
            on_terminal,
            every: (runs / LINES).max(1),
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    fn go_on(&self, last: &Report, so_far: &Summary) {
        self.bar.inc(1);
        self.bar
            .set_message(format!("{} with violations", so_far.failed()));
        if !self.on_terminal && so_far.runs.is_multiple_of(self.every) {
            eprintln!(
                "{} runs, {} with violations; last seed {}",
                so_far.runs,
                so_far.failed(),
                last.seed
            );
        }
    }
}
