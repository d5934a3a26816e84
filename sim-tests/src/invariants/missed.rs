//! A receive that finds nothing has not overlooked a message that was there all the time.
//!
//! AWS allows that on standard queues with short polls; here a receive is answered by a leader who made
//! sure that it leads, so that it sees what was acknowledged before. A message was surely there if its
//! send had ended and its delay was over before the receive began, and whatever a call may have taken
//! before had become visible again.

use std::time::Duration;

use super::{Allowance, Finding};
use crate::history::{Facts, Fate, Receive, Send};

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    if facts.deleted || !facts.purges.is_empty() {
        return Vec::new();
    }
    let changed = facts.changes.iter().map(|change| change.visibility).max();
    let seen = Seen {
        facts,
        slack: allowance.clock_slack + Duration::from_millis(10),
        changed: changed.unwrap_or_default(),
    };
    let empty = facts.receives.iter().filter(|receive| receive.surely_empty);
    let missed = empty.filter(|receive| seen.is_quiet(receive)).filter_map(|receive| {
        let send = facts.sends.iter().find(|send| seen.is_there(send, receive))?;
        let what = format!("{:?} was there, but a receive found nothing", send.body);
        Some(Finding::new(what, [send.call, receive.call]))
    });
    missed.collect()
}

struct Seen<'a> {
    facts: &'a Facts,
    slack: Duration,
    /// The longest visibility timeout that somebody has set.
    changed: Duration,
}

impl Seen<'_> {
    /// Whether nothing can be in flight, or be taken, while this receive is under way.
    fn is_quiet(&self, receive: &Receive) -> bool {
        self.facts.receives.iter().all(|other| {
            let hidden = other.visibility.max(self.changed) + self.slack;
            other.call == receive.call
                || other.surely_empty
                || other.began > receive.ended
                || other.fate != Fate::Unknown && other.ended + hidden < receive.began
        })
    }

    fn is_there(&self, send: &Send, receive: &Receive) -> bool {
        let delay = send.delay.unwrap_or(self.facts.delay) + self.slack;
        let mut deletes = self.facts.deletes.iter();
        send.fate == Fate::Done
            && send.ended + delay < receive.began
            && receive.ended + self.slack < send.began + self.facts.retention
            && !deletes.any(|delete| {
                delete.message_id == send.message_id
                    && delete.fate != Fate::Refused
                    && delete.began <= receive.ended
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    fn received(facts: &mut Facts, ms: std::ops::Range<u64>, surely_empty: bool) {
        facts.receives.push(Receive {
            call: 5_000 + facts.receives.len(),
            began: Duration::from_millis(ms.start),
            ended: Duration::from_millis(ms.end),
            surely_empty,
            visibility: facts.visibility,
            fate: Fate::Done,
        });
    }

    #[test]
    fn a_message_that_was_there_was_overlooked() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.retention = Duration::from_secs(60);
        received(&mut facts, 500..600, true);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn it_may_be_in_flight_or_gone() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.retention = Duration::from_secs(60);
        received(&mut facts, 450..460, false);
        received(&mut facts, 500..530, true);
        assert_eq!(found(check, &facts), [""; 0]);
        story::deleted(&mut facts, "a", 470..480);
        received(&mut facts, 5_000..5_001, true);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn it_may_come_meanwhile() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.retention = Duration::from_secs(60);
        facts.sends[0].ended = Duration::from_millis(700);
        received(&mut facts, 500..600, true);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
