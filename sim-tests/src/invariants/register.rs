//! An attribute of a queue is a linearizable register (README: operations about a queue itself see what
//! another node has acknowledged a moment ago).
//!
//! With values that are never set twice this is decided by intervals (Gibbons and Korach, "Testing shared
//! memories", 1997). A value's zone is from the first end to the last beginning of the calls that set and
//! got it. If that runs forwards, the value surely was in force all the time, and no other one can have
//! been; if it runs backwards, some moment between must be free for it. A call of unknown fate has no end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding};
use crate::history::{Access, Facts, Fate};

struct Zone<'a> {
    set: &'a Access,
    gets: Vec<&'a Access>,
    first_end: Duration,
    last_beginning: Duration,
}

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let mut names: BTreeMap<&str, Vec<&Access>> = BTreeMap::new();
    for access in &facts.accesses {
        names.entry(&access.name).or_default().push(access);
    }
    names
        .into_values()
        .flat_map(|accesses| of_one(&accesses))
        .collect()
}

fn of_one(accesses: &[&Access]) -> Vec<Finding> {
    let (sets, gets): (Vec<&Access>, Vec<&Access>) = accesses.iter().partition(|access| access.is_set);
    let mut zones: BTreeMap<&str, Zone> = BTreeMap::new();
    for set in &sets {
        let zone = Zone {
            set,
            gets: Vec::new(),
            first_end: if set.fate == Fate::Done {
                set.ended
            } else {
                Duration::MAX
            },
            last_beginning: set.began,
        };
        if zones.insert(&set.value, zone).is_some() {
            // Values that come again say nothing about which setting was got.
            return Vec::new();
        }
    }
    let mut found = Vec::new();
    for get in gets.into_iter().filter(|_| !sets.is_empty()) {
        match zones.get_mut(get.value.as_str()) {
            Some(zone) if zone.set.began <= get.ended => {
                zone.first_end = zone.first_end.min(get.ended);
                zone.last_beginning = zone.last_beginning.max(get.began);
                zone.gets.push(get);
            }
            _ => {
                let what = format!("{} was {} before anybody had set it so", get.name, get.value);
                found.push(Finding::new(what, [get.call]));
            }
        }
    }
    let seen = zones
        .values()
        .filter(|zone| zone.set.fate == Fate::Done || !zone.gets.is_empty());
    let seen: Vec<&Zone> = seen.collect();
    for (place, one) in seen.iter().enumerate() {
        for two in &seen[place + 1..] {
            if contradict(one, two) || contradict(two, one) {
                let what = format!(
                    "{} was {} and {} in no possible order",
                    one.set.name, one.set.value, two.set.value
                );
                let gets = one.gets.iter().chain(&two.gets).map(|get| get.call);
                found.push(Finding::new(
                    what,
                    [one.set.call, two.set.call].into_iter().chain(gets),
                ));
            }
        }
    }
    found
}

/// Whether the first value was surely in force while the second one must have been.
fn contradict(one: &Zone, two: &Zone) -> bool {
    let forwards = |zone: &Zone| zone.first_end < zone.last_beginning;
    let (from, to) = (one.first_end, one.last_beginning);
    match (forwards(one), forwards(two)) {
        (true, true) => from < two.last_beginning && two.first_end < to,
        (true, false) => from < two.last_beginning && two.first_end < to,
        (false, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    fn access(is_set: bool, value: &str, ms: std::ops::Range<u64>) -> Access {
        Access {
            call: 0,
            name: "VisibilityTimeout".to_owned(),
            value: value.to_owned(),
            is_set,
            began: Duration::from_millis(ms.start),
            ended: Duration::from_millis(ms.end),
            fate: Fate::Done,
        }
    }

    fn findings(accesses: &[Access]) -> usize {
        let mut facts = story::sent(&[]);
        facts.accesses = accesses.to_vec();
        found(check, &facts).len()
    }

    #[test]
    fn an_old_value_came_back() {
        let sets = [access(true, "1", 0..5), access(true, "2", 10..20)];
        let [one, two] = sets.clone();
        let reads = |value, ms| access(false, value, ms);
        assert_eq!(findings(&[one.clone(), two.clone(), reads("1", 15..30)]), 0);
        assert_eq!(findings(&[one.clone(), two.clone(), reads("1", 21..30)]), 1);
        let seen = reads("2", 11..12);
        assert_eq!(findings(&[one, two, seen, reads("1", 13..14)]), 1);
    }

    #[test]
    fn a_value_came_from_nowhere() {
        assert_eq!(findings(&[access(true, "1", 0..5), access(false, "3", 6..7)]), 1);
    }

    #[test]
    fn a_set_of_unknown_fate_may_be_done_at_any_time() {
        let mut two = access(true, "2", 10..20);
        two.fate = Fate::Unknown;
        let one = access(true, "1", 0..5);
        let late = [access(false, "1", 30..31), access(false, "2", 40..41)];
        assert_eq!(findings(&[one.clone(), two.clone(), late[0].clone()]), 0);
        let [first, second] = late;
        assert_eq!(findings(&[one.clone(), two.clone(), first, second.clone()]), 0);
        assert_eq!(findings(&[one, two, second, access(false, "1", 50..51)]), 1);
    }
}
