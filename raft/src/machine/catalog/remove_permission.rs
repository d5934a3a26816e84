//! RemovePermission: a statement less in a queue's policy. With the last one the policy goes.

use std::collections::BTreeMap;

use super::add_permission::POLICY;
use super::policy::Policy;
use super::{Answer, Catalog, refusal};
use crate::command::catalog::{CatalogAnswer, Done, RefusalReason, RemovePermission};
use crate::types::Millis;

impl Catalog {
    pub(super) fn remove_permission(&mut self, now: Millis, command: RemovePermission) -> Answer {
        let key = command.key.unwrap_or_default();
        let present = self.existing(&key)?.attributes.get(POLICY);
        let Some(present) = present else {
            return Err(refusal(RefusalReason::NoPolicy, command.label));
        };
        let policy = Policy::parse(present);
        let Some(mut policy) = policy.filter(|policy| policy.has(&command.label)) else {
            return Err(refusal(RefusalReason::NoSuchLabel, command.label));
        };
        policy.remove(&command.label);
        self.change_attributes(
            now,
            &key,
            BTreeMap::from([(POLICY.to_owned(), policy.into_text())]),
        );
        Ok(CatalogAnswer::Done(Done {}))
    }
}
