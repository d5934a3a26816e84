//! The queue attributes that are JSON documents. Their canonical form has no spaces and an order of
//! members that does not depend on the caller.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::errors::{invalid_attribute_value, too_much_in_policy, unfit_attribute_value};
use crate::error::{ApiError, invalid_value};

/// A policy has at most this many statements.
pub const STATEMENTS_MAX: u32 = 20;
/// A policy is at most this long.
pub const POLICY_BYTES_MAX: u32 = 8192;
const RECEIVES_MAX: u64 = 1000;
/// A queue for dead letters names at most this many queues that may use it.
const SOURCES_MAX: usize = 10;

/// An access policy: statements, or one alone. What they say is for those who enforce it to judge.
pub(super) fn policy(text: &str) -> Result<String, ApiError> {
    const NAME: &str = "Policy";
    let invalid = || invalid_attribute_value(NAME);
    let Ok(Value::Object(document)) = serde_json::from_str(text) else {
        return Err(invalid());
    };
    let statements = match document.get("Statement") {
        Some(Value::Object(_)) => 1,
        Some(Value::Array(list)) if !list.is_empty() && list.iter().all(Value::is_object) => list.len(),
        _ => return Err(invalid()),
    };
    if statements > STATEMENTS_MAX as usize {
        return Err(too_much_in_policy("Statements", statements, STATEMENTS_MAX));
    }
    let canonical = Value::Object(document).to_string();
    if canonical.len() > POLICY_BYTES_MAX as usize {
        return Err(too_much_in_policy("Bytes", canonical.len(), POLICY_BYTES_MAX));
    }
    Ok(canonical)
}

/// Where messages go that were received too often. Clients send the count as a number or as text, and
/// get it back as they sent it.
pub(super) fn redrive_policy(text: &str) -> Result<String, ApiError> {
    const NAME: &str = "RedrivePolicy";
    const COUNT: &str = "maxReceiveCount";
    const TARGET: &str = "deadLetterTargetArn";
    let refuse = |reason: String| Err(invalid_value(text, NAME, reason));
    let Ok(Value::Object(document)) = serde_json::from_str(text) else {
        let reason = "Redrive policy is not a valid JSON map.";
        return Err(unfit_attribute_value(NAME, reason));
    };
    for name in [COUNT, TARGET] {
        if !document.contains_key(name) {
            return refuse(format!(
                "Redrive policy does not contain mandatory attribute: {name}."
            ));
        }
    }
    let (count, target) = (&document[COUNT], &document[TARGET]);
    let number = count.as_u64().or_else(|| count.as_str()?.parse().ok());
    if !number.is_some_and(|number| (1..=RECEIVES_MAX).contains(&number)) {
        let count = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
        return refuse(format!(
            "Invalid value for {COUNT}: {count}, valid values are from 1 to {RECEIVES_MAX} both inclusive."
        ));
    }
    if !target.as_str().is_some_and(is_arn) {
        return refuse("Dead-letter target ARN should be fully qualified ARN.".to_owned());
    }
    if document.len() > 2 {
        return refuse(format!(
            "Only following attributes are supported: [{COUNT}, {TARGET}]."
        ));
    }
    Ok(format!("{{\"{TARGET}\":{target},\"{COUNT}\":{count}}}"))
}

/// `arn:partition:service:region:account:name`.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6 && parts[0] == "arn" && parts.iter().all(|part| !part.is_empty())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedriveAllowPolicy {
    redrive_permission: RedrivePermission,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_queue_arns: Option<Vec<String>>,
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
    const REFUSED: &str = "Amazon SQS can't create the redrive allow policy";
    let policy: Result<RedriveAllowPolicy, _> = serde_json::from_str(text);
    let mut policy = policy.map_err(|_| {
        let reason = format!("{REFUSED}, as it’s in an unsupported format.");
        unfit_attribute_value(NAME, reason)
    })?;
    let by_queue = policy.redrive_permission == RedrivePermission::ByQueue;
    let sources = policy.source_queue_arns.as_ref().map(Vec::len);
    let wrong = match sources {
        Some(_) if !by_queue => {
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue."
        }
        None | Some(0) if by_queue => {
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values."
        }
        Some(n) if n > SOURCES_MAX => "The maximum number of source queue ARNs you can specify is 10.",
        _ => {
            policy.source_queue_arns.iter_mut().for_each(|arns| arns.sort());
            return Ok(serde_json::to_string(&policy).expect("strings have a form in JSON"));
        }
    };
    Err(invalid_value(text, NAME, format!("{REFUSED}. {wrong}")))
}
