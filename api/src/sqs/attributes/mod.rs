//! Attributes of queues: how a new queue's come about and how a queue's change.
//!
//! Values are text, and each has one canonical form, so that "the same attributes" is equality. A
//! queue's map holds every settable attribute that applies to it, defaults included.

use std::collections::BTreeMap;

use super::errors;
use crate::error::ApiError;

mod documents;
mod redrive;
mod settings;
mod table;

pub use documents::{POLICY_BYTES_MAX, STATEMENTS_MAX};
pub use redrive::Redrive;
pub use settings::QueueSettings;
pub use table::{FIFO_QUEUE, is_settable};

use table::{CONTENT_SCOPE, KMS_KEY, KMS_REUSE, KMS_REUSE_DEFAULT, MANAGED_SSE, TABLE, THROUGHPUT, row};

/// Attributes by name.
pub type Map = BTreeMap<String, String>;

/// The attributes of a queue to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttributes {
    /// Those that the caller gave, in canonical form: what an existing queue is compared with.
    pub given: Map,
    /// The given ones over the defaults: what the new queue gets.
    pub complete: Map,
}

/// Checks the attributes of a new queue and completes them.
pub fn of_new_queue(given: Map, fifo: bool) -> Result<NewAttributes, ApiError> {
    // A standard queue is one that does not have the attribute, not one that denies it.
    if !fifo && given.contains_key(FIFO_QUEUE) {
        return Err(errors::unknown_attribute(FIFO_QUEUE));
    }
    let mut given = canonical(given, fifo)?;
    given.retain(|_, value| !value.is_empty());
    let complete = complete(&given, fifo);
    check_together(&given, &complete)?;
    Ok(NewAttributes { given, complete })
}

/// The given attributes, already canonical, over the defaults of a queue's type.
pub fn complete(given: &Map, fifo: bool) -> Map {
    let rows = TABLE.iter().filter(|row| fifo || !row.fifo_only);
    let defaults = rows.filter_map(|row| Some((row.name.to_owned(), row.default?.to_owned())));
    let mut complete: Map = defaults.collect();
    complete.extend(given.clone());
    if given.contains_key(KMS_KEY) {
        complete.insert(MANAGED_SSE.to_owned(), "false".to_owned());
        complete
            .entry(KMS_REUSE.to_owned())
            .or_insert_with(|| KMS_REUSE_DEFAULT.to_owned());
    }
    complete
}

/// Changes of a queue's attributes, each of them right by itself; an empty value removes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes(Map);

/// Checks changes of the attributes of a queue of which only the type is known, by its name.
pub fn changes(given: Map, fifo: bool) -> Result<Changes, ApiError> {
    // Standard queues do not even know the attribute.
    if fifo && given.get(FIFO_QUEUE).is_some_and(|value| value != "true") {
        let reason = "Modifying queue type is not supported.";
        return Err(errors::unfit_attribute_value(FIFO_QUEUE, reason));
    }
    canonical(given, fifo).map(Changes)
}

impl Changes {
    /// What to change of a queue that now has the attributes `current` and so many partitions: the changes and what follows from
    /// them. A FIFO queue of several partitions cannot find repetitions beyond a message group any more, because groups are apart
    /// for good.
    pub fn against(self, current: &Map, partitions: usize) -> Result<Map, ApiError> {
        let mut changes = self.0;
        let mut after = current.clone();
        after.extend(changes.clone());
        after.retain(|_, value| !value.is_empty());
        check_together(&changes, &after)?;
        let after_all = QueueSettings::of(&after);
        if partitions > 1 && after_all.fifo && !after_all.deduplicate_by_group {
            let reason = "A queue that was created for high throughput keeps the value messageGroup.";
            return Err(errors::unfit_attribute_value(CONTENT_SCOPE, reason));
        }
        let mut follow = |name: &str, value: &str| {
            changes.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        };
        // The two kinds of encryption exclude each other: setting one ends the other.
        let managed = after.get(MANAGED_SSE).is_some_and(|on| on == "true");
        if is_new(&after, current, KMS_KEY) {
            follow(MANAGED_SSE, "false");
            if !after.contains_key(KMS_REUSE) {
                follow(KMS_REUSE, KMS_REUSE_DEFAULT);
            }
        } else if managed && after.contains_key(KMS_KEY) {
            follow(KMS_KEY, "");
            follow(KMS_REUSE, "");
        } else if current.contains_key(KMS_KEY) && !after.contains_key(KMS_KEY) {
            follow(KMS_REUSE, "");
        }
        Ok(changes)
    }
}

/// Whether an attribute has a new value.
fn is_new(after: &Map, current: &Map, name: &str) -> bool {
    after
        .get(name)
        .is_some_and(|value| current.get(name) != Some(value))
}

/// Checks names and values one by one.
fn canonical(given: Map, fifo: bool) -> Result<Map, ApiError> {
    let check = |(name, value): (String, String)| {
        let row = row(&name).filter(|row| fifo || !row.fifo_only);
        let row = row.ok_or_else(|| errors::unknown_attribute(&name))?;
        let value = if value.is_empty() && row.clearable {
            value
        } else {
            row.canonical(&value)?
        };
        Ok((name, value))
    };
    given.into_iter().map(check).collect()
}

/// Checks what depends on more than one attribute.
fn check_together(given: &Map, after: &Map) -> Result<(), ApiError> {
    let is = |map: &Map, name: &str, value: &str| map.get(name).is_some_and(|v| v == value);
    if is(after, THROUGHPUT, "perMessageGroupId") && !is(after, CONTENT_SCOPE, "messageGroup") {
        let reason = "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.";
        return Err(errors::unfit_attribute_value(THROUGHPUT, reason));
    }
    let key_given = given.get(KMS_KEY).is_some_and(|key| !key.is_empty());
    if key_given && is(given, MANAGED_SSE, "true") {
        return Err(errors::two_kinds_of_encryption());
    }
    Ok(())
}
