//! AddPermission: a statement more in a queue's policy. The catalog edits the document itself: of two
//! permissions that are added at once neither replaces the other's policy.

use std::collections::BTreeMap;

use super::policy::{Permission, Policy};
use super::{Answer, Catalog, arn, refusal};
use crate::command::catalog::{AddPermission, CatalogAnswer, Done, RefusalReason};
use crate::types::Millis;

/// The attribute that the document is.
pub(super) const POLICY: &str = "Policy";

impl Catalog {
    pub(super) fn add_permission(&mut self, now: Millis, command: AddPermission) -> Answer {
        let key = command.key.unwrap_or_default();
        let resource = arn::of_queue(&key);
        let queue = self.existing(&key)?;
        let present = queue.attributes.get(POLICY);
        let present = present.and_then(|text| Policy::parse(text));
        let mut policy = present.unwrap_or_else(|| Policy::empty(&resource));
        if policy.has(&command.label) {
            return Err(refusal(RefusalReason::LabelExists, command.label));
        }
        let statements = policy.len() + 1;
        if statements > command.statements_max as usize {
            return Err(refusal(RefusalReason::TooManyStatements, statements.to_string()));
        }
        policy.add(&Permission::new(
            command.label,
            &command.accounts,
            &command.actions,
            resource,
        ));
        let text = policy.into_text();
        if text.len() > command.policy_bytes_max as usize {
            return Err(refusal(RefusalReason::PolicyTooLong, text.len().to_string()));
        }
        self.change_attributes(now, &key, BTreeMap::from([(POLICY.to_owned(), text)]));
        Ok(CatalogAnswer::Done(Done {}))
    }
}
