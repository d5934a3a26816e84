//! A queue has nothing from a former queue of the same name: a handle that another life gave out does not
//! delete or change anything (SQS: DeleteQueue, receipt handles).
//!
//! Each life has a label of its own in the history, and bodies that name it, so that a message of another
//! life is one that was never sent, which the rule about lost messages sees.

use super::{Allowance, Finding};
use crate::history::{Facts, Fate};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let deletes = facts.deletes.iter();
    let deletes = deletes.map(|delete| (&delete.message_id, delete.fate, delete.call));
    let changes = facts.changes.iter();
    let changes = changes.map(|change| (&change.message_id, change.fate, change.call));
    let foreign = deletes
        .chain(changes)
        .filter(|(id, fate, _)| id.is_empty() && *fate == Fate::Done);
    foreign
        .map(|(_, _, call)| {
            Finding::new(
                "a handle was accepted that this queue never gave out".to_owned(),
                [call],
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    #[test]
    fn a_handle_of_another_life_was_accepted() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::deleted(&mut facts, "a", 1..2);
        assert_eq!(found(check, &facts), [""; 0]);
        facts.deletes[0].message_id.clear();
        assert_eq!(found(check, &facts).len(), 1);
        facts.deletes[0].fate = Fate::Refused;
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
