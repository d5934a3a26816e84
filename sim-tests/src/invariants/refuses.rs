//! Once most nodes have lost their disks nothing is acknowledged any more (README: nothing is acknowledged
//! before it is on disk on a majority; an empty node never founds a second cluster).

use super::{Allowance, Finding};
use crate::history::{Facts, Fate};

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let Some(ruin) = allowance.ruin else {
        return Vec::new();
    };
    let sends = facts.sends.iter().map(|send| (send.call, send.began, send.fate));
    let deletes = facts
        .deletes
        .iter()
        .map(|delete| (delete.call, delete.began, delete.fate));
    let changes = facts
        .changes
        .iter()
        .map(|change| (change.call, change.began, change.fate));
    let lies = sends.chain(deletes).chain(changes);
    lies.filter(|(_, began, fate)| *fate == Fate::Done && *began > ruin)
        .map(|(call, ..)| Finding::new("acknowledged without a majority".to_owned(), [call]))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story;
    use super::*;

    #[test]
    fn an_acknowledgement_after_the_ruin_is_a_lie() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        let ruin = Some(Duration::from_millis(5));
        let allowance = Allowance {
            ruin,
            ..Allowance::default()
        };
        assert_eq!(check(&facts, &allowance), []);
        facts.sends[1].began = Duration::from_millis(6);
        assert_eq!(check(&facts, &allowance).len(), 1);
        facts.sends[1].fate = Fate::Unknown;
        assert_eq!(check(&facts, &allowance), []);
    }
}
