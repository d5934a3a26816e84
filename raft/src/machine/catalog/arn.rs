//! ARNs of queues, `arn:aws:sqs:<region>:<account>:<name>`: how queues' documents name queues.

use crate::command::catalog::ResourceKey;

/// The ARN of a queue.
pub fn of_queue(key: &ResourceKey) -> String {
    format!("arn:aws:sqs:{}:{}:{}", key.region, key.account, key.name)
}

/// The queue of an ARN, if it is one.
pub fn queue(arn: &str) -> Option<ResourceKey> {
    let mut parts = arn.split(':');
    for expected in ["arn", "aws", "sqs"] {
        parts.next().filter(|part| *part == expected)?;
    }
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let key = ResourceKey {
        account: account.to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
    };
    parts.next().is_none().then_some(key)
}
