//! Attributes of queues, as they were set and got.
//!
//! When a change takes effect is known only roughly: every node looks its settings up in its own replica
//! of the catalog, and SQS allows a minute.

use std::time::Duration;

use super::Call;
use super::facts::{Facts, Fate, Send};
use super::read::entries;

/// One attribute that one call set or got.
#[derive(Clone, Debug)]
pub struct Access {
    /// The call's number.
    pub call: usize,
    /// The attribute.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it was set; got otherwise.
    pub is_set: bool,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// What a time is between, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// At least so long.
    pub min: Duration,
    /// At most so long.
    pub max: Duration,
}

impl Span {
    /// Exactly so long.
    pub fn of(time: Duration) -> Span {
        Span { min: time, max: time }
    }

    fn over(times: impl Iterator<Item = Duration> + Clone) -> Span {
        Span {
            min: times.clone().min().unwrap_or_default(),
            max: times.max().unwrap_or_default(),
        }
    }
}

/// What SQS has when CreateQueue says nothing, in seconds.
const DEFAULTS: &[(&str, &str)] = &[
    ("VisibilityTimeout", "30"),
    ("MessageRetentionPeriod", "345600"),
    ("DelaySeconds", "0"),
];
/// SQS: "changes can take up to 60 seconds to propagate" (SetQueueAttributes).
const PROPAGATION: Duration = Duration::from_secs(60);

impl Facts {
    /// Takes down what a call did with attributes.
    pub(super) fn access(&mut self, call: &Call) {
        let (_, fate, reply) = entries(call)[0];
        let (is_set, attributes) = match call.operation {
            "CreateQueue" | "SetQueueAttributes" => (true, &call.input["Attributes"]),
            "GetQueueAttributes" => (false, &reply["Attributes"]),
            _ => return,
        };
        if fate == Fate::Refused {
            return;
        }
        let creates = call.operation == "CreateQueue";
        let given = attributes.as_object().into_iter().flatten();
        let given = given.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        let missing = DEFAULTS.iter().copied();
        let missing = missing.filter(|(name, _)| creates && attributes[*name].is_null());
        for (name, value) in given.chain(missing) {
            let known = self.accesses.iter_mut();
            let mut known = known.filter(|access| creates && access.is_set && access.name == name);
            if let Some(creation) = known.next() {
                // The creation was tried again: all tries together are one.
                creation.ended = call.ended;
                creation.fate = fate;
                continue;
            }
            self.accesses.push(Access {
                call: call.number,
                name: name.to_owned(),
                value: value.to_owned(),
                is_set,
                began: call.began,
                ended: call.ended,
                fate,
            });
        }
    }

    fn set(&self, name: &str) -> impl Iterator<Item = &Access> + Clone {
        let name = name.to_owned();
        self.accesses
            .iter()
            .filter(move |access| access.is_set && access.name == name)
    }

    /// Whether it was made for high throughput, so that its groups are spread over partitions.
    pub fn is_spread(&self) -> bool {
        let mut limits = self.set("FifoThroughputLimit");
        limits.any(|limit| limit.value == "perMessageGroupId")
    }

    /// All values in seconds that an attribute may ever have had.
    pub fn settings(&self, name: &str) -> Span {
        Span::over(self.set(name).filter_map(in_seconds))
    }

    /// The delays that a message may have, if its delivery ended by `until`. A FIFO queue's new delay is
    /// also that of messages that it already has (SQS: delay queues), or is not, yet.
    pub fn delay(&self, send: &Send, until: Duration) -> Span {
        if let Some(own) = send.delay {
            return Span::of(own);
        }
        let until = if send.group.is_some() { until } else { send.ended };
        let all = self.set("DelaySeconds");
        let is_over = |old: &Access| {
            let mut newer = all.clone().filter(|new| new.fate == Fate::Done);
            newer.any(|new| new.began >= old.ended && new.ended + PROPAGATION < send.began)
        };
        let in_force = all
            .clone()
            .filter(|access| access.began <= until && !(access.fate == Fate::Done && is_over(access)));
        Span::over(in_force.filter_map(in_seconds))
    }
}

fn in_seconds(access: &Access) -> Option<Duration> {
    access.value.parse().ok().map(Duration::from_secs)
}
