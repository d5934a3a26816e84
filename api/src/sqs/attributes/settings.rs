//! The settings that sending and receiving obey, as numbers instead of text.

use super::Map;
use super::table::{
    CONTENT_BASED, CONTENT_SCOPE, DELAY, FIFO_QUEUE, MESSAGE_SIZE, RETENTION, THROUGHPUT, VISIBILITY, WAIT,
    row,
};

/// What a queue's attributes demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Whether messages keep their order within their groups.
    pub fifo: bool,
    /// Whether the body stands for a missing deduplication id.
    pub content_based_deduplication: bool,
    /// Whether deduplication ids count within their group only.
    pub deduplicate_by_group: bool,
    /// Whether groups may be spread over partitions.
    pub throughput_by_group: bool,
    /// The delay of messages that come without one.
    pub delay_ms: u64,
    /// The greatest size of a message, attributes included.
    pub message_bytes_max: usize,
    /// The age at which messages are dropped.
    pub retention_ms: u64,
    /// How long a receive waits that does not say so itself.
    pub receive_wait_ms: u64,
    /// How long received messages are invisible if the receive does not say so itself.
    pub visibility_timeout_ms: u64,
}

impl QueueSettings {
    /// Reads a queue's canonical attributes. One that is missing, because the queue is older than
    /// the attribute, has its default.
    pub fn of(attributes: &Map) -> QueueSettings {
        let text = |name| attributes.get(name).map(String::as_str);
        let number = |name| {
            let default = row(name)
                .and_then(|row| row.default)
                .expect("numeric settings have defaults");
            let value = text(name).and_then(|text| text.parse::<u64>().ok());
            value
                .or_else(|| default.parse().ok())
                .expect("defaults of numeric settings are numbers")
        };
        let seconds = |name| number(name).saturating_mul(1000);
        QueueSettings {
            fifo: text(FIFO_QUEUE) == Some("true"),
            content_based_deduplication: text(CONTENT_BASED) == Some("true"),
            deduplicate_by_group: text(CONTENT_SCOPE) == Some("messageGroup"),
            throughput_by_group: text(THROUGHPUT) == Some("perMessageGroupId"),
            delay_ms: seconds(DELAY),
            message_bytes_max: usize::try_from(number(MESSAGE_SIZE)).unwrap_or(usize::MAX),
            retention_ms: seconds(RETENTION),
            receive_wait_ms: seconds(WAIT),
            visibility_timeout_ms: seconds(VISIBILITY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_nobody_checked_are_settings_too() {
        let of = |value: String| {
            let attributes = [DELAY, MESSAGE_SIZE, RETENTION, WAIT, VISIBILITY];
            let attributes = attributes.map(|name| (name.to_owned(), value.clone()));
            QueueSettings::of(&attributes.into())
        };
        assert_eq!(of(u64::MAX.to_string()).retention_ms, u64::MAX);
        assert_eq!(of("none".to_owned()), QueueSettings::of(&Map::new()));
    }
}
