//! What happened in a run, line by line, for people and for the comparison of two runs.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::history::Call;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Simulated time.
    pub at: Duration,
    /// Who: a node, a client, or the world.
    pub who: String,
    /// What.
    pub what: String,
    /// The number of the call that it is about, if it is about one.
    pub call: Option<usize>,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>9.3} s  {:<6} {}",
            self.at.as_secs_f64(),
            self.who,
            self.what
        )
    }
}

/// The lines so far; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Arc<Mutex<Vec<Line>>>);

impl Timeline {
    /// Adds a line.
    pub fn add(&self, at: Duration, who: &str, what: impl Into<String>) {
        self.push(Line {
            at,
            who: who.to_owned(),
            what: what.into(),
            call: None,
        });
    }

    /// Adds a call that has ended.
    pub fn add_call(&self, call: &Call) {
        self.push(Line {
            at: call.ended,
            who: call.client.clone(),
            what: call.to_string(),
            call: Some(call.number),
        });
    }

    fn push(&self, line: Line) {
        tracing::debug!("{line}");
        self.0.lock().push(line);
    }

    /// Adds a line of somebody inside of the simulation.
    pub fn add_now(&self, who: &str, what: impl Into<String>) {
        self.add(turmoil::sim_elapsed().unwrap_or_default(), who, what);
    }

    /// All lines.
    pub fn lines(&self) -> Vec<Line> {
        self.0.lock().clone()
    }
}
