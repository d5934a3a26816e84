//! What must hold of every history, one rule a file.
//!
//! A rule reports only what no correct cluster can do, whatever the moments within the intervals were.
//! Each has tests of its own on histories that break it.

mod deleted;
mod doubled;
mod lock;
mod lost;
mod order;
mod sequence;
#[cfg(test)]
mod story;
mod timeout;

use super::history::History;

/// Every violation of any rule, as sentences for a person.
pub(crate) fn violations(history: &History) -> Vec<String> {
    let rules = [
        lost::check,
        doubled::check,
        deleted::check,
        timeout::check,
        order::check,
        lock::check,
        sequence::check,
    ];
    rules.iter().flat_map(|rule| rule(history)).collect()
}

#[test]
fn a_good_history_breaks_no_rule() {
    let mut history = story::sent(&[
        ("a", "g", "id-a", 1),
        ("b", "g", "id-b", 2),
        ("c", "h", "id-c", 3),
    ]);
    history.sends.push(story::unknown("d", "g"));
    story::delivered(&mut history, 1, 10..20, &["a", "c"]);
    story::deleted(&mut history, "a", 20..30);
    story::delivered(&mut history, 2, 30..40, &["b"]);
    story::deleted(&mut history, "b", 40..50);
    // Nobody deleted c, so it comes again when its timeout has passed.
    story::delivered(&mut history, 3, 200..210, &["c"]);
    assert_eq!(violations(&history), Vec::<String>::new());
}

#[test]
fn every_rule_takes_part() {
    let mut history = story::sent(&[("a", "g", "id-a", 2), ("b", "g", "id-b", 1)]);
    story::delivered(&mut history, 1, 10..20, &["b"]);
    story::deleted(&mut history, "b", 50..60);
    story::delivered(&mut history, 2, 30..40, &["a"]);
    story::delivered(&mut history, 3, 70..80, &["b"]);
    history.sends.push(story::known("x", "g", "id-x", 9));
    history.deliveries[1].message_id = "id-z".to_owned();
    let all = violations(&history).join("\n");
    for rule in [
        "lost",
        "doubled",
        "after its delete",
        "before its timeout",
        "order",
        "lock",
        "sequence",
    ] {
        assert!(all.contains(rule), "no rule says {rule:?} in\n{all}");
    }
}
