//! Redrive policies: whether a queue may send its dead letters where it wants to.
//!
//! Checked here, not at the edge, because the answer depends on another queue: between a look at the
//! target and the change it could be deleted, or begin to deny. A policy is checked when it is set;
//! what becomes of the target afterwards does not take it back.
//!
//! The documents are the attributes as `api` has checked them. A redrive policy that cannot be read names
//! no queue; a redrive allow policy that cannot be read denies none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Catalog, arn, refusal};
use crate::command::catalog::{CatalogRefusal, RefusalReason, ResourceKey};

/// The attribute that names the queue for dead letters.
pub(super) const POLICY: &str = "RedrivePolicy";
/// The attribute of that queue that says who may name it.
const ALLOW_POLICY: &str = "RedriveAllowPolicy";
const FIFO_SUFFIX: &str = ".fifo";

impl Catalog {
    /// Checks the redrive policy that a queue, which need not exist yet, is about to have, if there
    /// is one among `attributes`. Empty is as good as none.
    pub(super) fn check_redrive(
        &self,
        source: &ResourceKey,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), CatalogRefusal> {
        let Some(policy) = attributes.get(POLICY).filter(|policy| !policy.is_empty()) else {
            return Ok(());
        };
        match self.objection(source, policy) {
            Some(reason) => Err(refusal(reason, policy)),
            None => Ok(()),
        }
    }

    fn objection(&self, source: &ResourceKey, policy: &str) -> Option<RefusalReason> {
        let Some(target) = target(policy) else {
            return Some(RefusalReason::NoDeadLetterTarget);
        };
        if target.account != source.account {
            return Some(RefusalReason::DeadLetterTargetOfOtherAccount);
        }
        if target.region != source.region {
            return Some(RefusalReason::DeadLetterTargetOfOtherRegion);
        }
        if !are_same_type(&target, source) {
            return Some(RefusalReason::DeadLetterTargetOfOtherType);
        }
        let Some(queue) = self.queue(&target) else {
            return Some(RefusalReason::NoDeadLetterTarget);
        };
        let allowed = queue.attributes.get(ALLOW_POLICY);
        let denied = allowed.is_some_and(|allow| !admits(allow, source));
        denied.then_some(RefusalReason::DeadLetterTargetDenies)
    }
}

/// Whether two queues are both FIFO, or both not.
pub(super) fn are_same_type(left: &ResourceKey, right: &ResourceKey) -> bool {
    is_fifo(left) == is_fifo(right)
}

/// Whether a queue is FIFO.
pub(super) fn is_fifo(queue: &ResourceKey) -> bool {
    queue.name.ends_with(FIFO_SUFFIX)
}

/// The queue that a policy names.
pub(super) fn target(policy: &str) -> Option<ResourceKey> {
    arn::queue(&read(policy)?.0)
}

/// Whether two policies say the same. Clients send the count as a number or as text, and it is kept as
/// they sent it.
pub(super) fn are_same(left: &str, right: &str) -> bool {
    read(left).is_some_and(|policy| read(right) == Some(policy))
}

/// The target's ARN and how often a message may be received.
fn read(policy: &str) -> Option<(String, u64)> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let (target, count) = (&policy["deadLetterTargetArn"], &policy["maxReceiveCount"]);
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    Some((target.as_str()?.to_owned(), count))
}

/// Whether a redrive allow policy lets a queue send its dead letters.
fn admits(allow: &str, source: &ResourceKey) -> bool {
    let allow: Value = serde_json::from_str(allow).unwrap_or_default();
    match allow["redrivePermission"].as_str() {
        Some("denyAll") => false,
        Some("byQueue") => {
            let source = arn::of_queue(source);
            let allowed = allow["sourceQueueArns"].as_array();
            allowed.is_some_and(|arns| arns.iter().any(|arn| arn.as_str() == Some(&source)))
        }
        _ => true,
    }
}
