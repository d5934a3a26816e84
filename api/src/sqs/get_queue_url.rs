//! `GetQueueUrl`.

use serde::{Deserialize, Serialize};

use super::queue_name::QueueName;
use super::{errors, wire};
use crate::error::{ApiError, invalid_value};
use crate::protocol;
use crate::types::AccountId;

/// Which queue.
#[derive(Debug)]
pub struct Input {
    /// Its name.
    pub name: QueueName,
    /// Its owner; the caller if absent.
    pub owner: Option<AccountId>,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
pub struct Wire {
    #[serde(rename = "QueueName")]
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let name = wire::required(wire.queue_name, "QueueName")?;
        let owner = wire.owner.filter(|owner| !owner.is_empty()).map(|owner| {
            let reason = "An account id must have 12 digits.";
            AccountId::parse(&owner).ok_or_else(|| invalid_value(&owner, "QueueOwnerAWSAccountId", reason))
        });
        Ok(Input {
            // No queue can have a name that is none.
            name: QueueName::parse(&name).ok_or_else(errors::queue_does_not_exist)?,
            owner: owner.transpose()?,
        })
    }
}

/// The queue's URL.
#[derive(Debug, Serialize)]
pub struct Output {
    /// See [`super::queue_url`].
    #[serde(rename = "QueueUrl")]
    pub queue_url: String,
}
