//! Queue attributes: what can be set, in which range, and what a new queue has.

use std::collections::BTreeMap;

use super::errors;
use crate::error::ApiError;

/// Attributes as text, by name.
pub type Attributes = BTreeMap<String, String>;

/// What values an attribute may have.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A whole number in a range.
    Number(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A JSON object; the empty string clears it.
    Document,
    /// Any text; the empty string clears it.
    Text,
}

/// A settable attribute.
struct Settable {
    name: &'static str,
    kind: Kind,
    /// What a new queue has; nothing if it has none.
    default: Option<&'static str>,
    fifo_only: bool,
}

const fn any(name: &'static str, kind: Kind, default: Option<&'static str>) -> Settable {
    Settable {
        name,
        kind,
        default,
        fifo_only: false,
    }
}

const fn fifo(name: &'static str, kind: Kind, default: &'static str) -> Settable {
    Settable {
        name,
        kind,
        default: Some(default),
        fifo_only: true,
    }
}

static SETTABLE: &[Settable] = &[
    any("DelaySeconds", Kind::Number(0, 900), Some("0")),
    any(
        "MaximumMessageSize",
        Kind::Number(1024, 1_048_576),
        Some("1048576"),
    ),
    any(
        "MessageRetentionPeriod",
        Kind::Number(60, 1_209_600),
        Some("345600"),
    ),
    any("ReceiveMessageWaitTimeSeconds", Kind::Number(0, 20), Some("0")),
    any("VisibilityTimeout", Kind::Number(0, 43_200), Some("30")),
    any("Policy", Kind::Document, None),
    any("RedrivePolicy", Kind::Document, None),
    any("RedriveAllowPolicy", Kind::Document, None),
    any("KmsMasterKeyId", Kind::Text, None),
    any("KmsDataKeyReusePeriodSeconds", Kind::Number(60, 86_400), None),
    any("SqsManagedSseEnabled", Kind::Flag, Some("true")),
    fifo("FifoQueue", Kind::Flag, "true"),
    fifo("ContentBasedDeduplication", Kind::Flag, "false"),
    fifo(
        "DeduplicationScope",
        Kind::Choice(&["queue", "messageGroup"]),
        "queue",
    ),
    fifo(
        "FifoThroughputLimit",
        Kind::Choice(&["perQueue", "perMessageGroupId"]),
        "perQueue",
    ),
];

/// Attributes that are told but cannot be set.
pub const COMPUTED: &[&str] = &[
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
];

/// Whether a queue may have an attribute of that name.
pub fn is_known(name: &str) -> bool {
    COMPUTED.contains(&name) || SETTABLE.iter().any(|s| s.name == name)
}

/// Checks given attributes and brings them into canonical form. `fifo` says what kind of queue they
/// are for. An empty value stays, where it clears the attribute.
///
/// # Errors
/// InvalidAttributeName or InvalidAttributeValue.
pub fn canonical(given: &Attributes, fifo: bool) -> Result<Attributes, ApiError> {
    given
        .iter()
        .map(|(name, value)| Ok((name.clone(), canonical_one(name, value, fifo)?)))
        .collect()
}

fn canonical_one(name: &str, value: &str, fifo: bool) -> Result<String, ApiError> {
    let settable = SETTABLE.iter().find(|s| s.name == name && (fifo || !s.fifo_only));
    let Some(settable) = settable else {
        return Err(ApiError::new(
            &errors::INVALID_ATTRIBUTE_NAME,
            format!("Unknown Attribute {name}."),
        ));
    };
    let refused = || {
        let message = format!("Invalid value for the parameter {name}.");
        ApiError::new(&errors::INVALID_ATTRIBUTE_VALUE, message)
    };
    match settable.kind {
        Kind::Number(min, max) => {
            let number: u64 = value.trim().parse().map_err(|_| refused())?;
            if (min..=max).contains(&number) {
                Ok(number.to_string())
            } else {
                Err(refused())
            }
        }
        Kind::Flag => match value.to_ascii_lowercase().as_str() {
            "true" => Ok("true".to_owned()),
            "false" => Ok("false".to_owned()),
            _ => Err(refused()),
        },
        Kind::Choice(choices) if choices.contains(&value) => Ok(value.to_owned()),
        Kind::Choice(_) => Err(refused()),
        Kind::Document if value.is_empty() => Ok(String::new()),
        Kind::Document => match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value) {
            Ok(_) => Ok(value.to_owned()),
            Err(_) => Err(refused()),
        },
        Kind::Text => Ok(value.to_owned()),
    }
}

/// All attributes of a new queue: the given ones, in canonical form, over the defaults.
pub fn complete(given: &Attributes, fifo: bool) -> Attributes {
    let mut all: Attributes = SETTABLE
        .iter()
        .filter(|s| fifo || !s.fifo_only)
        .filter_map(|s| Some((s.name.to_owned(), s.default?.to_owned())))
        .collect();
    all.extend(changes(given));
    all.retain(|_, value| !value.is_empty());
    all
}

/// What a change of attributes changes besides: a key of one's own ends encryption by the service's
/// key, and the other way round.
pub fn changes(given: &Attributes) -> Attributes {
    let mut changes = given.clone();
    let has_key = given.get("KmsMasterKeyId").is_some_and(|key| !key.is_empty());
    if has_key && !given.contains_key("SqsManagedSseEnabled") {
        changes.insert("SqsManagedSseEnabled".to_owned(), "false".to_owned());
    }
    if given.get("SqsManagedSseEnabled").is_some_and(|v| v == "true") && !given.contains_key("KmsMasterKeyId")
    {
        changes.insert("KmsMasterKeyId".to_owned(), String::new());
    }
    changes
}

/// Rules between attributes, on the whole of them.
///
/// # Errors
/// InvalidAttributeValue.
pub fn check_together(all: &Attributes) -> Result<(), ApiError> {
    let is = |name: &str, value: &str| all.get(name).is_some_and(|v| v == value);
    if is("FifoThroughputLimit", "perMessageGroupId") && !is("DeduplicationScope", "messageGroup") {
        let message = "Value perMessageGroupId for parameter FifoThroughputLimit is invalid. \
                       Reason: The DeduplicationScope must be messageGroup.";
        return Err(ApiError::new(&errors::INVALID_ATTRIBUTE_VALUE, message));
    }
    if all.get("KmsMasterKeyId").is_some_and(|k| !k.is_empty()) && is("SqsManagedSseEnabled", "true") {
        let message = "You can use one type of server-side encryption (SSE) at one time. \
                       You can either enable KMS SSE or SQS SSE.";
        return Err(ApiError::new(&errors::INVALID_ATTRIBUTE_VALUE, message));
    }
    Ok(())
}

/// The settings that requests need, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Whether the queue is FIFO.
    pub fifo: bool,
    /// Delay of messages that say nothing of their own.
    pub delay_s: u64,
    /// Largest message: body and attributes.
    pub message_bytes_max: usize,
    /// Age at which messages are dropped.
    pub retention_s: u64,
    /// Wait of receives that say nothing of their own.
    pub wait_s: u64,
    /// Invisibility of received messages, if the receive says nothing of its own.
    pub visibility_s: u64,
    /// Whether messages without a deduplication id get one from their body.
    pub content_based_deduplication: bool,
    /// Whether deduplication ids count within their message group only.
    pub deduplicate_by_group: bool,
}

impl QueueSettings {
    /// From attributes in canonical form.
    pub fn from_attributes(attributes: &Attributes) -> QueueSettings {
        let text = |name: &str| attributes.get(name).map(String::as_str);
        let default = |name: &str| SETTABLE.iter().find(|s| s.name == name).and_then(|s| s.default);
        let number = |name: &str| {
            let parsed = text(name).and_then(|t| t.parse().ok());
            parsed.or_else(|| default(name)?.parse().ok()).unwrap_or(0)
        };
        let is = |name: &str, value: &str| text(name) == Some(value);
        QueueSettings {
            fifo: is("FifoQueue", "true"),
            delay_s: number("DelaySeconds"),
            message_bytes_max: usize::try_from(number("MaximumMessageSize")).unwrap_or(usize::MAX),
            retention_s: number("MessageRetentionPeriod"),
            wait_s: number("ReceiveMessageWaitTimeSeconds"),
            visibility_s: number("VisibilityTimeout"),
            content_based_deduplication: is("ContentBasedDeduplication", "true"),
            deduplicate_by_group: is("DeduplicationScope", "messageGroup"),
        }
    }
}
