//! What a queue's `RedrivePolicy` demands, as those need it who carry it out.

use serde_json::Value;

use super::Map;
use crate::sqs::queue_arn::QueueArn;

/// When messages leave a queue as dead letters, and for where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// A message that was received so often leaves instead of being received once more (`maxReceiveCount`).
    pub receives_max: u32,
    /// The dead-letter queue.
    pub target: QueueArn,
}

impl Redrive {
    /// Reads a queue's attributes. Without a policy, nothing leaves.
    pub fn of(attributes: &Map) -> Option<Redrive> {
        let policy: Value = serde_json::from_str(attributes.get("RedrivePolicy")?).ok()?;
        let count = &policy["maxReceiveCount"];
        let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
        let target = QueueArn::read(policy["deadLetterTargetArn"].as_str()?)?;
        Some(Redrive {
            receives_max: u32::try_from(count).ok().filter(|count| *count > 0)?,
            target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(policy: &str) -> Option<Redrive> {
        Redrive::of(&Map::from([("RedrivePolicy".to_owned(), policy.to_owned())]))
    }

    #[test]
    fn the_count_may_be_a_number_or_a_text() {
        let policy = |count| {
            format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":{count}}}"#
            )
        };
        let expected = Redrive {
            receives_max: 3,
            target: QueueArn::read("arn:aws:sqs:eu-west-1:000000000000:dead").expect("a queue's ARN"),
        };
        assert_eq!(read(&policy("3")), Some(expected.clone()));
        assert_eq!(read(&policy("\"3\"")), Some(expected));
        assert_eq!(read(&policy("0")), None);
    }

    #[test]
    fn without_a_readable_policy_nothing_leaves() {
        assert_eq!(Redrive::of(&Map::new()), None);
        assert_eq!(read(""), None);
        assert_eq!(
            read(r#"{"deadLetterTargetArn":"arn:aws:sns:a:b:c","maxReceiveCount":1}"#),
            None
        );
    }
}
