//! What clients saw: every call, as it was made and as it ended.
//!
//! A call's interval from `began` to `ended` holds the moment at which the cluster did its part, nothing
//! more is known. [`Facts`] are the same by queue and by kind, for invariants to look at.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;

mod facts;
mod read;
mod settings;
mod under_way;

pub use facts::{Change, Delete, Delivery, Facts, Fate, Purge, Receive, Send};
pub use read::COUNTS;
pub use settings::{Access, Span};
pub use under_way::UnderWay;

use crate::timeline::Timeline;

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With success, and this reply.
    Done(Value),
    /// With this error: it did nothing.
    Refused(Value),
    /// The client gave up, for this reason last: it may have been done, or still be done later.
    Unknown(String),
}

impl Outcome {
    /// The reply, if it was done.
    pub fn done(&self) -> Option<&Value> {
        match self {
            Outcome::Done(reply) => Some(reply),
            Outcome::Refused(_) | Outcome::Unknown(_) => None,
        }
    }
}

/// One call, its repetitions included.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the history.
    pub number: usize,
    /// Which client's host.
    pub client: String,
    /// What the workload calls the queue: a name that is used again has another label for each life.
    pub queue: String,
    /// The operation.
    pub operation: &'static str,
    /// When it began.
    pub began: Duration,
    /// When it ended, in whichever way.
    pub ended: Duration,
    /// How often it was tried.
    pub attempts: usize,
    /// Its input.
    pub input: Value,
    /// How it ended.
    pub outcome: Outcome,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Call {
            number,
            client,
            queue,
            operation,
            attempts,
            ..
        } = self;
        let (began, ended) = (self.began.as_secs_f64(), self.ended.as_secs_f64());
        write!(
            f,
            "#{number} {began:.3}..{ended:.3} s {client} {operation} {queue}"
        )?;
        if *attempts > 1 {
            write!(f, " ({attempts} attempts)")?;
        }
        write!(f, " {} -> ", self.input)?;
        match &self.outcome {
            Outcome::Done(reply) => write!(f, "{reply}"),
            Outcome::Refused(error) => write!(f, "refused: {error}"),
            Outcome::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// All calls, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub struct History(pub Vec<Call>);

/// Writes calls down as they end.
pub struct Recorder {
    history: Mutex<History>,
    timeline: Timeline,
    /// What has begun and not ended.
    pub under_way: UnderWay,
}

impl Recorder {
    /// Nothing was seen yet.
    pub fn new(timeline: Timeline) -> Arc<Recorder> {
        Arc::new(Recorder {
            history: Mutex::default(),
            timeline,
            under_way: UnderWay::default(),
        })
    }

    /// A call has ended.
    pub fn record(&self, mut call: Call) {
        let mut history = self.history.lock();
        call.number = history.0.len();
        self.timeline.add_call(&call);
        history.0.push(call);
    }

    /// What was seen so far.
    pub fn history(&self) -> History {
        self.history.lock().clone()
    }
}
