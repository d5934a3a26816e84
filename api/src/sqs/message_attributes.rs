//! Attributes of messages: names, types, values and their rules.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::errors::{self, invalid_message_attribute as invalid};
use super::{body, errors::UNSUPPORTED_OPERATION};
use crate::error::ApiError;
use crate::types::{Blob, Text};

const ATTRIBUTES_MAX: usize = 10;
const NAME_LENGTH_MAX: usize = 256;
const TYPE_LENGTH_MAX: usize = 256;
/// The one system attribute that a sender may set.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAttribute {
    /// Its name.
    pub name: String,
    /// The full type, such as `Number.int`.
    pub data_type: String,
    /// UTF-8 for `String` and `Number`, any bytes for `Binary`.
    pub value: Bytes,
}

/// How a value travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As `StringValue`.
    Text,
    /// As `BinaryValue`.
    Binary,
}

impl MessageAttribute {
    /// How the value travels, which the type's first part says.
    pub fn transport(&self) -> Transport {
        let base = self.data_type.split('.').next();
        if base == Some("Binary") {
            Transport::Binary
        } else {
            Transport::Text
        }
    }

    /// What it adds to a message's size.
    pub fn size(&self) -> usize {
        self.name.len() + self.data_type.len() + self.value.len()
    }
}

/// A value as requests have it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ValueWire {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<Blob>,
    string_list_values: Option<Vec<String>>,
    binary_list_values: Option<Vec<Blob>>,
}

impl ValueWire {
    /// What it adds to a message's size: its type and its value.
    pub fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let binary = self.binary_value.as_ref().map_or(0, |blob| blob.0.len());
        text(&self.data_type) + text(&self.string_value) + binary
    }
}

/// A value as replies have it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ValueOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<Blob>,
    data_type: String,
}

impl ValueOutput {
    /// The value of an attribute, and its type.
    pub fn of(attribute: &MessageAttribute) -> ValueOutput {
        let value = attribute.value.clone();
        let (string_value, binary_value) = match attribute.transport() {
            Transport::Text => (Some(Text(value)), None),
            Transport::Binary => (None, Some(Blob(value))),
        };
        ValueOutput {
            string_value,
            binary_value,
            data_type: attribute.data_type.clone(),
        }
    }
}

/// Checks the attributes of a message; they come out sorted by name.
pub fn check(wire: Option<BTreeMap<String, ValueWire>>) -> Result<Vec<MessageAttribute>, ApiError> {
    let wire = wire.unwrap_or_default();
    if wire.len() > ATTRIBUTES_MAX {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].",
            wire.len()
        )));
    }
    let check = |(name, value): (String, ValueWire)| {
        check_name(&name)?;
        check_value(name, value)
    };
    wire.into_iter().map(check).collect()
}

/// Checks the system attributes of a message: the X-Ray header, if there is one.
pub fn check_system(wire: Option<BTreeMap<String, ValueWire>>) -> Result<Option<String>, ApiError> {
    let mut trace_header = None;
    for (name, value) in wire.unwrap_or_default() {
        if name != TRACE_HEADER {
            return Err(invalid(format!(
                "Message system attribute name '{name}' is invalid."
            )));
        }
        let attribute = check_value(name, value)?;
        let text = String::from_utf8(attribute.value.into())
            .ok()
            .filter(|_| attribute.data_type == "String");
        let wrong = || {
            invalid(format!(
                "The message system attribute '{TRACE_HEADER}' must be of type String."
            ))
        };
        trace_header = Some(text.ok_or_else(wrong)?);
    }
    Ok(trace_header)
}

/// The X-Ray header as the attribute whose digest replies carry.
pub fn trace_header_attribute(header: &str) -> MessageAttribute {
    MessageAttribute {
        name: TRACE_HEADER.to_owned(),
        data_type: "String".to_owned(),
        value: Bytes::copy_from_slice(header.as_bytes()),
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let spelled = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let dotted = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !spelled || dotted {
        return Err(invalid(format!(
            "The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, \
             underscore (_), hyphen (-), and period (.) characters."
        )));
    }
    let prefixed = |prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|p| p.eq_ignore_ascii_case(prefix))
    };
    if prefixed("AWS.") || prefixed("Amazon.") {
        let reserved =
            "Message attribute names starting with 'AWS.' or 'Amazon.' are reserved for use by Amazon.";
        return Err(invalid(reserved));
    }
    Ok(())
}

fn check_value(name: String, wire: ValueWire) -> Result<MessageAttribute, ApiError> {
    let lists = wire.string_list_values.is_some_and(|list| !list.is_empty())
        || wire.binary_list_values.is_some_and(|list| !list.is_empty());
    if lists {
        let message = "Message attribute list values in SendMessage operation are not supported.";
        return Err(ApiError::new(&UNSUPPORTED_OPERATION, message));
    }
    let data_type = wire.data_type.filter(|text| !text.is_empty()).ok_or_else(|| {
        invalid(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        ))
    })?;
    body::check(&data_type)?;
    let value = match data_type.split('.').next() {
        _ if data_type.len() > TYPE_LENGTH_MAX => None,
        Some("Binary") => Some(wire.binary_value.map(|blob| blob.0)),
        Some("String" | "Number") => Some(wire.string_value.map(Bytes::from)),
        _ => None,
    };
    let value = value.ok_or_else(|| {
        invalid(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
             prefixes is Binary, Number, and String."
        ))
    })?;
    let value = value.filter(|value| !value.is_empty()).ok_or_else(|| {
        let kind = data_type.split('.').next().unwrap_or_default();
        invalid(format!(
            "Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        ))
    })?;
    let attribute = MessageAttribute {
        name,
        data_type,
        value,
    };
    if attribute.transport() == Transport::Text {
        check_text(&attribute)?;
    }
    Ok(attribute)
}

fn check_text(attribute: &MessageAttribute) -> Result<(), ApiError> {
    let text = std::str::from_utf8(&attribute.value).map_err(|_| errors::invalid_message_contents())?;
    body::check(text)?;
    if attribute.data_type.starts_with("Number") && !is_number(text) {
        let message = format!(
            "Can't cast the value of message (user) attribute '{}' to a number.",
            attribute.name
        );
        return Err(invalid(message));
    }
    Ok(())
}

/// A decimal number, perhaps with a fraction and an exponent.
fn is_number(text: &str) -> bool {
    let spelled = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    spelled && text.parse::<f64>().is_ok_and(f64::is_finite)
}
