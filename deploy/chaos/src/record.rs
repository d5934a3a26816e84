//! The history of a run on disk: one line for each beginning and each end of a call, written when it happens. An
//! interrupted run can be judged by what is there: a call without an end is one of which nobody knows what it did.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim_tests::history::{Call, History, Outcome};

/// The file in a run's folder.
pub const FILE: &str = "history.jsonl";

/// One line. Times are microseconds since the clients began.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// When the clients began, as milliseconds of Unix time.
    Clock(u64),
    /// A call began.
    Began {
        /// Its number.
        n: usize,
        /// When.
        at: u64,
        /// Who calls.
        client: String,
        /// The queue's label.
        queue: String,
        /// The operation.
        operation: String,
        /// Its input.
        input: Value,
    },
    /// A call ended with success.
    Done {
        /// Its number.
        n: usize,
        /// When.
        at: u64,
        /// How often it was tried.
        attempts: usize,
        /// The reply.
        reply: Value,
    },
    /// A call was refused.
    Refused {
        /// Its number.
        n: usize,
        /// When.
        at: u64,
        /// How often it was tried.
        attempts: usize,
        /// The error.
        error: Value,
    },
    /// A call ended, and nobody knows what it did.
    Unknown {
        /// Its number.
        n: usize,
        /// When.
        at: u64,
        /// How often it was tried.
        attempts: usize,
        /// Why the client gave up.
        why: String,
    },
    /// A send of the steady load was left out because too many others had not ended.
    Shed {
        /// When.
        at: u64,
        /// The queue's label.
        queue: String,
    },
    /// A workload failed.
    Failed(String),
    /// Clients were told to end, with this under way.
    Hanging(String),
    /// All workloads came to their end.
    Emptied,
}

/// Writes lines.
pub struct Record {
    file: Mutex<File>,
    next: AtomicUsize,
}

impl Record {
    /// Begins a history.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(folder: &Path) -> anyhow::Result<Record> {
        let path = folder.join(FILE);
        let file = OpenOptions::new().create_new(true).append(true).open(&path);
        Ok(Record {
            file: Mutex::new(file.with_context(|| path.display().to_string())?),
            next: AtomicUsize::new(0),
        })
    }

    /// The number of the next call.
    pub fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds a line. What clients see is worth nothing without it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn add(&self, line: &Line) {
        let mut text = serde_json::to_vec(line).expect("lines are JSON");
        text.push(b'\n');
        let written = self.file.lock().write_all(&text);
        written.expect("the history can be written");
    }
}

/// Milliseconds of Unix time.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// Microseconds, as lines have them.
pub fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

/// What a folder's file says.
#[derive(Default)]
pub struct Read {
    /// When the clients began, as milliseconds of Unix time.
    pub began_unix_ms: u64,
    /// The calls, in the order in which they ended.
    pub history: History,
    /// Sends that were left out.
    pub shed: usize,
    /// What workloads failed with.
    pub failed: Vec<String>,
    /// What was under way when clients were told to end.
    pub hanging: Option<String>,
    /// Whether all workloads came to their end.
    pub emptied: bool,
}

/// Reads a history.
///
/// # Errors
/// If the file is missing or is no history. Its last line may be torn.
pub fn read(folder: &Path) -> anyhow::Result<Read> {
    let path = folder.join(FILE);
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let mut lines = Vec::new();
    let mut torn = None;
    for (number, text) in BufReader::new(file).lines().enumerate() {
        if let Some(error) = torn {
            return Err(error);
        }
        let line = text.map_err(anyhow::Error::from);
        match line.and_then(|text| Ok(serde_json::from_str::<Line>(&text)?)) {
            Ok(line) => lines.push(line),
            Err(error) => torn = Some(error.context(format!("{}, line {}", path.display(), number + 1))),
        }
    }
    Ok(gather(lines))
}

fn gather(lines: Vec<Line>) -> Read {
    let mut read = Read::default();
    let mut begun: BTreeMap<usize, Call> = BTreeMap::new();
    let mut last = 0;
    let mut end = |read: &mut Read, begun: &mut BTreeMap<usize, Call>, n, at, attempts, outcome| {
        last = at;
        if let Some(mut call) = begun.remove(&n) {
            call.number = read.history.0.len();
            call.ended = Duration::from_micros(at);
            (call.attempts, call.outcome) = (attempts, outcome);
            read.history.0.push(call);
        }
    };
    for line in lines {
        match line {
            Line::Clock(unix_ms) => read.began_unix_ms = unix_ms,
            Line::Began {
                n,
                at,
                client,
                queue,
                operation,
                input,
            } => {
                // One that nobody knows is of no kind that rules look at.
                let operation = OPERATIONS.iter().find(|known| **known == operation);
                let call = Call {
                    number: 0,
                    client,
                    queue,
                    operation: operation.copied().unwrap_or("an unknown operation"),
                    began: Duration::from_micros(at),
                    ended: Duration::from_micros(at),
                    attempts: 0,
                    input,
                    outcome: Outcome::Unknown("the clients ended".to_owned()),
                };
                begun.insert(n, call);
            }
            Line::Done {
                n,
                at,
                attempts,
                reply,
            } => {
                end(&mut read, &mut begun, n, at, attempts, Outcome::Done(reply));
            }
            Line::Refused {
                n,
                at,
                attempts,
                error,
            } => {
                end(&mut read, &mut begun, n, at, attempts, Outcome::Refused(error));
            }
            Line::Unknown { n, at, attempts, why } => {
                end(&mut read, &mut begun, n, at, attempts, Outcome::Unknown(why));
            }
            Line::Shed { .. } => read.shed += 1,
            Line::Failed(what) => read.failed.push(what),
            Line::Hanging(what) => read.hanging = Some(what),
            Line::Emptied => read.emptied = true,
        }
    }
    for (_, mut call) in begun {
        call.number = read.history.0.len();
        call.ended = call.began.max(Duration::from_micros(last));
        read.history.0.push(call);
    }
    read
}

/// Operations that clients call.
pub const OPERATIONS: &[&str] = &[
    "CancelMessageMoveTask",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "ListMessageMoveTasks",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
    "SendMessageBatch",
    "SetQueueAttributes",
    "StartMessageMoveTask",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_history_is_read_up_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::create(folder.path()).unwrap();
        record.add(&Line::Clock(5));
        for body in ["a", "b"] {
            record.add(&Line::Began {
                n: record.number(),
                at: 10,
                client: "c".to_owned(),
                queue: "q".to_owned(),
                operation: "SendMessage".to_owned(),
                input: serde_json::json!({"MessageBody": body}),
            });
        }
        let reply = serde_json::json!({"MessageId": "id"});
        record.add(&Line::Done {
            n: 1,
            at: 20,
            attempts: 2,
            reply,
        });
        record.file.lock().write_all(b"{\"done\":{\"n\":0,").unwrap();
        let read = read(folder.path()).unwrap();
        assert_eq!(read.began_unix_ms, 5);
        assert_eq!(read.history.0.len(), 2);
        assert_eq!(read.history.0[0].input["MessageBody"], "b");
        assert!(matches!(read.history.0[1].outcome, Outcome::Unknown(_)));
        assert_eq!(read.history.0[1].ended, Duration::from_micros(20));
    }
}
