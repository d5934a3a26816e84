//! FIFO: sequence numbers rise with the order in which a group's messages were sent, and none is given
//! to two messages of the queue.

use std::collections::BTreeMap;

use super::History;

pub(super) fn check(history: &History) -> Vec<String> {
    let mut owners: BTreeMap<u128, &str> = BTreeMap::new();
    let mut highest: BTreeMap<&str, u128> = BTreeMap::new();
    let mut found = Vec::new();
    for send in &history.sends {
        let (Some(group), Some(known)) = (send.group.as_deref(), &send.acknowledged) else {
            continue;
        };
        let Some(sequence) = known.sequence else {
            found.push(format!("no sequence number: {send:?}"));
            continue;
        };
        if let Some(owner) = owners.insert(sequence, &send.body) {
            found.push(format!("sequence number also given to {owner:?}: {send:?}"));
        }
        let before = highest.entry(group).or_insert(0);
        if sequence < *before {
            found.push(format!(
                "sequence number below {before} of an earlier message: {send:?}"
            ));
        }
        *before = sequence.max(*before);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story;
    use super::check;

    #[test]
    fn a_number_fell() {
        let history = story::sent(&[
            ("a", "g", "id-a", 5),
            ("b", "h", "id-b", 1),
            ("c", "g", "id-c", 4),
        ]);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn a_number_was_given_twice() {
        let history = story::sent(&[("a", "g", "id-a", 5), ("b", "h", "id-b", 5)]);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn a_fifo_message_has_no_number() {
        let mut history = story::sent(&[("a", "g", "id-a", 5)]);
        history.sends[0].acknowledged.as_mut().unwrap().sequence = None;
        assert_eq!(check(&history).len(), 1);
    }
}
