//! The queue attributes that are JSON documents. Their canonical form has no spaces and an order of
//! members that does not depend on the caller.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::errors::invalid_attribute_value;
use crate::error::{ApiError, invalid_value};

const RECEIVES_MAX: u64 = 1000;

/// An access policy: any JSON object. What it says is for those who enforce it to judge.
pub(super) fn policy(text: &str) -> Result<String, ApiError> {
    let document: Value = parse(text, "Policy")?;
    if !document.is_object() {
        return Err(invalid_attribute_value("Policy"));
    }
    Ok(document.to_string())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: u64,
}

/// Where messages go that were received too often. Clients send the count as a number or as text.
pub(super) fn redrive_policy(text: &str) -> Result<String, ApiError> {
    const NAME: &str = "RedrivePolicy";
    let refuse = |reason: &str| invalid_value(text, NAME, reason);
    let document: Value = parse(text, NAME)?;
    let member = |name: &str| {
        let missing = || {
            refuse(&format!(
                "Redrive policy does not contain mandatory attribute: {name}."
            ))
        };
        document.get(name).ok_or_else(missing)
    };
    let (target, count) = (member("deadLetterTargetArn")?, member("maxReceiveCount")?);
    let target = target
        .as_str()
        .filter(|arn| arn.starts_with("arn:") && arn.split(':').count() == 6);
    let number = count.as_u64().or_else(|| count.as_str()?.parse().ok());
    let policy = RedrivePolicy {
        dead_letter_target_arn: target.ok_or_else(|| refuse("Invalid value for deadLetterTargetArn."))?.to_owned(),
        max_receive_count: number.filter(|n| (1..=RECEIVES_MAX).contains(n)).ok_or_else(|| {
            let count = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
            refuse(&format!(
                "Invalid value for maxReceiveCount: {count}, valid values are from 1 to {RECEIVES_MAX} both inclusive."
            ))
        })?,
    };
    Ok(serde_json::to_string(&policy).expect("a string and a number have a form in JSON"))
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedriveAllowPolicy {
    redrive_permission: RedrivePermission,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_queue_arns: Vec<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum RedrivePermission {
    AllowAll,
    DenyAll,
    ByQueue,
}

/// Which queues may send messages here that were received too often.
pub(super) fn redrive_allow_policy(text: &str) -> Result<String, ApiError> {
    const NAME: &str = "RedriveAllowPolicy";
    let mut policy: RedriveAllowPolicy = parse(text, NAME)?;
    let by_queue = policy.redrive_permission == RedrivePermission::ByQueue;
    let sources = policy.source_queue_arns.len();
    if by_queue != (1..=10).contains(&sources) || (!by_queue && sources > 0) {
        return Err(invalid_attribute_value(NAME));
    }
    policy.source_queue_arns.sort();
    Ok(serde_json::to_string(&policy).expect("strings have a form in JSON"))
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str, name: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|_| invalid_attribute_value(name))
}
