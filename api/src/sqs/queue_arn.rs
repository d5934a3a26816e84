//! ARNs of queues in requests: `arn:aws:sqs:<region>:<account>:<name>`.

use std::fmt;

use serde::{Serialize, Serializer};

use super::queue_name::QueueName;
use super::queue_url::QueueRef;
use crate::error::{ApiError, INVALID_PARAMETER_VALUE, missing_parameter};
use crate::types::{AccountId, Region};

/// A queue anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueArn {
    /// Where it is.
    pub region: Region,
    /// Which one it is there.
    pub queue: QueueRef,
}

impl QueueArn {
    /// The queue that a member names. Fails with `MissingParameter`, or with `InvalidParameterValue` if it is no
    /// queue's ARN.
    pub fn parse(arn: Option<String>, member: &str) -> Result<QueueArn, ApiError> {
        let arn = arn.ok_or_else(|| missing_parameter(member))?;
        QueueArn::read(&arn).ok_or_else(|| {
            let message = format!(
                "You must use this format to specify the {member}: \
                 arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
            );
            ApiError::new(&INVALID_PARAMETER_VALUE, message)
        })
    }

    /// The queue of an ARN, if it is one.
    pub fn read(arn: &str) -> Option<QueueArn> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", "aws", "sqs", region, account, name] = parts[..] else {
            return None;
        };
        Some(QueueArn {
            region: Region::parse(region)?,
            queue: QueueRef {
                account: AccountId::parse(account)?,
                name: QueueName::parse(name)?,
            },
        })
    }
}

impl fmt::Display for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.queue.arn(&self.region))
    }
}

impl Serialize for QueueArn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
