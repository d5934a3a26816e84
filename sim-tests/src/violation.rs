//! What must not have happened, and did.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::panics;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's name. Two violations of one rule count as the same fault when a scenario is made smaller.
    pub rule: String,
    /// The queue, if it is about one.
    pub queue: Option<String>,
    /// What is wrong, as a sentence.
    pub what: String,
    /// The numbers of the calls that show it.
    pub calls: Vec<usize>,
    /// When it was known, in simulated time.
    pub at: Duration,
}

impl Violation {
    /// A rule of replicas' steps.
    pub fn of_steps(rule: &str, what: String, at: Duration) -> Violation {
        Violation {
            rule: rule.to_owned(),
            queue: None,
            what,
            calls: Vec::new(),
            at,
        }
    }

    /// The simulation did not come to its end, and this was under way; or a workload failed.
    pub fn of_end(error: String, under_way: &str, at: Duration) -> Violation {
        // The words of turmoil.
        let late = error.starts_with("Ran for duration");
        let rule = if late {
            "comes to an end"
        } else {
            "workloads succeed"
        };
        let what = if late {
            format!("not at its end in time:{under_way}")
        } else {
            error
        };
        Violation::of_steps(rule, what, at)
    }

    /// Somebody panicked on this thread.
    pub fn of_panic(panic: &(dyn Any + Send), at: Duration) -> Violation {
        match panics::first() {
            Some((place, text)) => Violation::of_steps(&format!("no panic at {place}"), text, at),
            None => Violation::of_steps("no panic", panics::text_of(panic), at),
        }
    }

    /// Simulated time stood still.
    pub fn of_standstill(patience: Duration, at: Duration) -> Violation {
        let what = format!("simulated time has stood still at {at:?} for {patience:?} of wall time");
        Violation::of_steps("time goes on", what, at)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule)?;
        if let Some(queue) = &self.queue {
            write!(f, "{queue}: ")?;
        }
        f.write_str(&self.what)
    }
}
