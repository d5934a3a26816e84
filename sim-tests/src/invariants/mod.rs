//! What must always hold, one rule a file, each with its source. A rule of replicas' steps is a line in
//! [`RAFT`], one of what clients saw a line in [`HISTORY`].
//!
//! A rule reports only what no correct cluster can do, whatever the moments within the calls' intervals
//! were, and however far the scenario lets clocks differ.

use std::time::Duration;

use crate::history::{Facts, History};
use crate::scenario::Scenario;
use crate::violation::Violation;
use crate::watch::Property;

mod attempts;
mod committed;
mod dead_letters;
mod deduplicated;
mod delayed;
mod deleted;
mod doubled;
mod empty;
mod equal_states;
mod fair;
mod kept;
mod linearizable;
mod lock;
mod log_matching;
mod lost;
mod moved;
mod one_leader;
mod one_vote;
mod order;
mod purged;
mod refused;
mod refuses;
mod register;
mod retained;
mod reused;
mod sequence;
#[cfg(test)]
mod story;
mod timeout;
mod visible;
mod woken;

pub(crate) use dead_letters::DEAD;
pub(crate) use moved::MOVED;
pub(crate) use woken::SETTLED_AFTER;

/// Makes a property that has seen nothing yet.
pub type Make = fn() -> Box<dyn Property>;

/// Rules of replicas' steps.
pub const RAFT: &[(&str, Make)] = &[
    ("one leader a term", || Box::<one_leader::OneLeader>::default()),
    ("one vote a term", || Box::<one_vote::OneVote>::default()),
    ("log matching", || Box::<log_matching::LogMatching>::default()),
    ("committed entries", || Box::<committed::Committed>::default()),
    ("kept promises", || Box::<kept::Kept>::default()),
    ("equal states", || Box::<equal_states::EqualStates>::default()),
];

/// A rule of what clients saw of one queue. Each violation is a sentence and the numbers of the calls
/// that it is about.
pub type Rule = fn(&Facts, &Allowance) -> Vec<Finding>;

/// A violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// The calls that show it.
    pub calls: Vec<usize>,
}

impl Finding {
    fn new(what: String, calls: impl IntoIterator<Item = usize>) -> Finding {
        let calls = calls.into_iter().collect();
        Finding { what, calls }
    }
}

/// What a rule has to allow for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowance {
    /// How far clocks may differ.
    pub clock_slack: Duration,
    /// From when on there are no faults.
    pub healthy_from: Duration,
    /// When most nodes lost their disks, if they did.
    pub ruin: Option<Duration>,
    /// Whether queues were not emptied in the end, so that what must come in the end may be missing.
    pub unfinished: bool,
    /// Whether standard queues have several partitions, each of which is fair by itself.
    pub partitioned: bool,
    /// Whether standard queues grow: a node that does not know it yet may miss what is in the new partitions, as SQS's short polls may.
    pub grows: bool,
}

/// Timestamps of the cluster have whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);

/// Rules of what clients saw.
pub const HISTORY: &[(&str, Rule)] = &[
    ("lost", lost::check),
    ("doubled", doubled::check),
    ("deleted", deleted::check),
    ("timeout", timeout::check),
    ("order", order::check),
    ("lock", lock::check),
    ("attempts", attempts::check),
    ("fair", fair::check),
    ("sequence", sequence::check),
    ("refused", refused::check),
    ("refuses", refuses::check),
    ("deduplicated", deduplicated::check),
    ("delayed", delayed::check),
    ("retained", retained::check),
    ("purged", purged::check),
    ("reused", reused::check),
    ("register", register::check),
    ("empty", empty::check),
    ("woken", woken::check),
    ("linearizable", linearizable::check),
];

/// A rule of what clients saw of a queue and the one that its messages go to.
pub type PairRule = fn(&Facts, &Facts, &Allowance) -> Vec<Finding>;

/// Rules of two queues, by what the history adds to the first one's name for the second one.
pub const PAIRS: &[(&str, &[(&str, PairRule)])] = &[
    (
        DEAD,
        &[
            ("dead letters", dead_letters::check),
            ("dead letters in the end", dead_letters::check_end),
        ],
    ),
    (
        MOVED,
        &[("moved", moved::check), ("moved in the end", moved::check_end)],
    ),
];

/// What also holds of a queue that nobody sends to, because its messages come from another one.
const OF_ANY_QUEUE: &[&str] = &["doubled", "deleted", "timeout", "lock", "refused", "refuses"];

/// Rules of what must come in the end: after a ruin nothing comes any more.
const IN_THE_END: &[&str] = &[
    "lost",
    "retained",
    "woken",
    "linearizable",
    "dead letters in the end",
    "moved in the end",
];

/// Violations beyond these say nothing new.
const FINDINGS_MAX: usize = 20;

/// Every violation of any rule of what clients saw.
pub fn of_history(history: &History, scenario: &Scenario) -> Vec<Violation> {
    let allowance = Allowance {
        clock_slack: scenario.clock_slack(),
        healthy_from: scenario.load_end,
        ruin: scenario.ruin(),
        unfinished: scenario.ruin().is_some(),
        grows: scenario.partitions_max > scenario.partitions,
        partitioned: scenario.partitions.max(scenario.partitions_max) > 1,
    };
    judge(history, &allowance)
}

/// The same of any history, wherever it is from.
pub fn judge(history: &History, allowance: &Allowance) -> Vec<Violation> {
    let applies = |name: &&str| !allowance.unfinished || !IN_THE_END.contains(name);
    let mut all = Vec::new();
    let facts = history.facts();
    for (queue, of_it) in &facts {
        // The queue that this one's messages come from, with the rules of both.
        let mut pairs = PAIRS.iter().filter_map(|(suffix, rules)| {
            let source = facts.get(queue.strip_suffix(suffix)?)?;
            Some((source, rules))
        });
        let pair = pairs.next();
        let alone = HISTORY.iter().filter(|(name, _)| applies(name));
        let alone = alone.filter(|(name, _)| pair.is_none() || OF_ANY_QUEUE.contains(name));
        // What was received without anybody's knowledge may have moved: then the rules of both queues say whether it is lost.
        let moves = PAIRS
            .iter()
            .any(|(suffix, _)| facts.contains_key(&format!("{queue}{suffix}")));
        let alone = alone.filter(|(name, _)| !moves || *name != "lost");
        let mut found: Vec<(&str, Finding)> = alone
            .flat_map(|(name, rule)| rule(of_it, allowance).into_iter().map(|found| (*name, found)))
            .collect();
        if let Some((source, rules)) = pair {
            let rules = rules.iter().filter(|(name, _)| applies(name));
            found.extend(rules.flat_map(|(name, rule)| {
                let found = rule(source, of_it, allowance);
                found.into_iter().map(|found| (*name, found))
            }));
        }
        for (rule, Finding { what, calls }) in found {
            let ended = calls
                .iter()
                .filter_map(|number| Some(history.0.get(*number)?.ended));
            all.push(Violation {
                at: ended.max().unwrap_or_default(),
                rule: rule.to_owned(),
                queue: Some(queue.clone()),
                what,
                calls,
            });
        }
    }
    all.truncate(FINDINGS_MAX);
    all
}
