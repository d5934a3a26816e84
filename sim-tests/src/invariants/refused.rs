//! Nobody is refused what is right. Workloads make no wrong calls, so that a refusal has to have a reason
//! in what they did: a handle that has run out, a purge too soon after another one.

use super::{Allowance, Finding};
use crate::history::Facts;

/// Errors that have a reason in what workloads do.
const REASONABLE: &[&str] = &[
    // A message that timed out, or was deleted or purged, meanwhile.
    "ReceiptHandleIsInvalid",
    "MessageNotInflight",
    "InvalidParameterValue",
    "PurgeQueueInProgress",
    "QueueDeletedRecently",
    "QueueDoesNotExist",
];

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let strange = facts
        .refusals
        .iter()
        .filter(|(_, code)| !REASONABLE.iter().any(|reasonable| code.contains(reasonable)));
    strange
        .map(|(call, code)| Finding::new(format!("refused with {code}"), [*call]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::check;

    #[test]
    fn only_strange_refusals_are_noticed() {
        let mut facts = story::sent(&[]);
        facts
            .refusals
            .push((0, "com.amazonaws.sqs#MessageNotInflight".to_owned()));
        assert_eq!(found(check, &facts), [""; 0]);
        facts
            .refusals
            .push((1, "com.amazonaws.sqs#UnsupportedOperation".to_owned()));
        assert_eq!(found(check, &facts).len(), 1);
    }
}
