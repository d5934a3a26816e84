//! What was done to the cluster and what became of it, line by line on disk, beside what clients saw.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::record::unix_ms;

/// The file in a run's folder.
pub const FILE: &str = "events.jsonl";

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds of Unix time.
    pub unix_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Something worth knowing.
    Note {
        /// A sentence.
        what: String,
    },
    /// What breaks a rule: a node that ended by itself, for example.
    Wrong {
        /// The rule.
        rule: String,
        /// A sentence.
        what: String,
    },
    /// A fault has begun.
    Begun {
        /// Its number.
        fault: usize,
        /// Its kind.
        kind: String,
        /// What was done.
        what: String,
        /// The steady queues that were led by nodes it hit.
        hit: Vec<String>,
    },
    /// A fault is over; what it broke is being mended.
    Over {
        /// Its number.
        fault: usize,
    },
    /// All nodes are up and ready again.
    Healed {
        /// Its number.
        fault: usize,
    },
    /// A fault was left out.
    Skipped {
        /// Its number.
        fault: usize,
        /// Its kind.
        kind: String,
        /// Why.
        why: String,
    },
    /// Clients have begun.
    Loading,
    /// Clients have ended.
    Ended,
    /// Somebody interrupted the run.
    Interrupted,
}

/// Writes lines, and shows them to whoever started the run.
pub struct Journal {
    file: RefCell<File>,
    began_ms: u64,
}

impl Journal {
    /// Begins one.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(folder: &Path) -> anyhow::Result<Journal> {
        let path = folder.join(FILE);
        let file = OpenOptions::new().create_new(true).append(true).open(&path);
        let file = RefCell::new(file.with_context(|| path.display().to_string())?);
        Ok(Journal {
            file,
            began_ms: unix_ms(),
        })
    }

    /// Adds a line. A full disk of the harness is shown, and ends nothing.
    pub fn add(&self, event: Event) {
        let entry = Entry {
            unix_ms: unix_ms(),
            event,
        };
        let seconds = entry.unix_ms.saturating_sub(self.began_ms) as f64 / 1000.0;
        eprintln!("{seconds:>8.1} s  {}", entry.event);
        let mut text = serde_json::to_vec(&entry).unwrap_or_default();
        text.push(b'\n');
        if let Err(error) = self.file.borrow_mut().write_all(&text) {
            eprintln!("the journal cannot be written: {error}");
        }
    }

    /// Adds a sentence.
    pub fn note(&self, what: impl Into<String>) {
        self.add(Event::Note { what: what.into() });
    }

    /// Adds what breaks a rule.
    pub fn wrong(&self, rule: &str, what: impl Into<String>) {
        self.add(Event::Wrong {
            rule: rule.to_owned(),
            what: what.into(),
        });
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Event::Note { what } => f.write_str(what),
            Event::Wrong { rule, what } => write!(f, "WRONG, {rule}: {what}"),
            Event::Begun {
                fault, kind, what, ..
            } => write!(f, "fault {fault} ({kind}): {what}"),
            Event::Over { fault } => write!(f, "fault {fault} is over"),
            Event::Healed { fault } => write!(f, "fault {fault} is healed"),
            Event::Skipped { fault, kind, why } => write!(f, "fault {fault} ({kind}) is left out: {why}"),
            Event::Loading => f.write_str("clients begin"),
            Event::Ended => f.write_str("clients have ended"),
            Event::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// The lines of a folder. A torn last one is left out.
///
/// # Errors
/// If there is no journal.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let path = folder.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}
