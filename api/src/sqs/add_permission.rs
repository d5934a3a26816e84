//! `AddPermission`. It lets accounts do things with a queue, by a statement in the queue's policy.

use serde::Deserialize;

use super::queue_url::QueueRef;
use super::{errors, wire};
use crate::error::{ApiError, invalid_value, missing_parameter};
use crate::protocol;
use crate::types::AccountId;

const ACTIONS_MAX: usize = 7;
/// Of a whole policy, as the quotas have it; a statement cannot have more.
const ACCOUNTS_MAX: usize = 50;
const LABEL_LENGTH_MAX: usize = 80;

/// What can be granted. A batch is granted with its single action, not by its own name.
const GRANTABLE: [&str; 9] = [
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];
/// What is for the queue's owner only: the actions that cross-account permissions do not apply to.
const FOR_OWNERS: [&str; 12] = [
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// Who may do what with which queue.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// What the permission is called.
    pub label: String,
    /// Who may, at least one.
    pub accounts: Vec<AccountId>,
    /// What they may do, at least one: names of operations, or `*`.
    pub actions: Vec<String>,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
pub struct Wire {
    #[serde(rename = "QueueUrl")]
    queue_url: Option<String>,
    #[serde(rename = "Label")]
    label: Option<String>,
    #[serde(rename = "AWSAccountIds")]
    accounts: Option<Vec<String>>,
    #[serde(rename = "Actions")]
    actions: Option<Vec<String>>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let label = check_label(wire.label)?;
        let accounts = wire.accounts.ok_or_else(|| missing_parameter("AWSAccountIds"))?;
        let actions = wire.actions.filter(|actions| !actions.is_empty());
        let actions = actions.ok_or_else(|| missing_parameter("Actions"))?;
        Ok(Input {
            queue,
            label,
            accounts: check_accounts(&accounts)?,
            actions: check_actions(actions)?,
        })
    }
}

fn check_label(label: Option<String>) -> Result<String, ApiError> {
    let label = wire::required(label, "Label")?;
    let mut characters = label.bytes();
    let valid = characters.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !valid || label.len() > LABEL_LENGTH_MAX {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
        return Err(invalid_value(label, "Label", reason));
    }
    Ok(label)
}

fn check_accounts(accounts: &[String]) -> Result<Vec<AccountId>, ApiError> {
    if accounts.len() > ACCOUNTS_MAX {
        return Err(errors::too_much_in_policy(
            "PrincipalIds",
            accounts.len(),
            ACCOUNTS_MAX,
        ));
    }
    let parsed: Option<Vec<AccountId>> = accounts.iter().map(|id| AccountId::parse(id)).collect();
    parsed.filter(|accounts| !accounts.is_empty()).ok_or_else(|| {
        let accounts = format!("[{}]", accounts.join(", "));
        invalid_value(accounts, "PrincipalId", "Unable to verify.")
    })
}

fn check_actions(actions: Vec<String>) -> Result<Vec<String>, ApiError> {
    if actions.len() > ACTIONS_MAX {
        return Err(errors::too_much_in_policy("Actions", actions.len(), ACTIONS_MAX));
    }
    let unknown = actions
        .iter()
        .find(|action| !GRANTABLE.contains(&action.as_str()));
    let Some(action) = unknown else {
        return Ok(actions);
    };
    let reason = if FOR_OWNERS.contains(&action.as_str()) {
        "Only the queue owner is allowed to invoke this action."
    } else {
        "Please refer to the appropriate WSDL for a list of valid actions."
    };
    Err(invalid_value(format!("SQS:{action}"), "ActionName", reason))
}

/// Nothing.
pub type Output = super::Done;
