//! Message attributes: their rules, and the digest by which SDKs check them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::{errors, text};
use crate::error::ApiError;

/// Attributes of a message at most.
pub const ATTRIBUTES_MAX: usize = 10;

/// A value as requests and answers have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Value {
    /// For String and Number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// For Binary, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
    /// String, Number or Binary, perhaps with a label behind a dot.
    pub data_type: String,
}

/// A valid attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its full data type.
    pub data_type: String,
    /// UTF-8 for String and Number, any bytes for Binary.
    pub value: Bytes,
}

impl Attribute {
    /// Checks an attribute.
    ///
    /// # Errors
    /// InvalidParameterValue.
    pub fn parse(name: String, value: Value) -> Result<Attribute, ApiError> {
        let refuse = |message: String| Err(ApiError::new(&errors::INVALID_PARAMETER_VALUE, message));
        if !is_valid_name(&name) {
            return refuse(format!(
                "Message (user) attribute name '{name}' is invalid. It can contain alphanumeric characters, hyphens, \
                 underscores and single periods, must not begin with 'AWS.' or 'Amazon.', and is at most 256 long."
            ));
        }
        let data_type = value.data_type;
        if data_type.is_empty() {
            return refuse(format!(
                "The message attribute '{name}' must contain a non-empty message attribute type."
            ));
        }
        if data_type.len() > 256 {
            return refuse(format!(
                "The message attribute '{name}' has a type that is longer than 256 bytes."
            ));
        }
        let base = data_type.split('.').next().unwrap_or_default();
        let bytes = match (base, value.string_value, value.binary_value) {
            ("String" | "Number", Some(text), None) if !text.is_empty() => {
                if !text::is_valid(&text) {
                    return refuse(format!(
                        "The message attribute '{name}' has characters that are not allowed."
                    ));
                }
                if base == "Number" && !is_number(&text) {
                    return refuse(format!(
                        "Could not cast message attribute '{name}' value to number."
                    ));
                }
                Bytes::from(text)
            }
            ("Binary", None, Some(encoded)) if !encoded.is_empty() => match STANDARD.decode(&encoded) {
                Ok(bytes) => bytes.into(),
                Err(_) => {
                    return refuse(format!(
                        "The message attribute '{name}' has a value that is not base64."
                    ));
                }
            },
            ("String" | "Number" | "Binary", None, None) => {
                return refuse(format!(
                    "The message attribute '{name}' must contain a non-empty message attribute value."
                ));
            }
            ("String" | "Number", Some(_), None) | ("Binary", None, Some(_)) => {
                return refuse(format!(
                    "The message attribute '{name}' must contain a non-empty message attribute value for message \
                     attribute type '{data_type}'."
                ));
            }
            ("String" | "Number" | "Binary", ..) => {
                let field = if base == "Binary" {
                    "BinaryValue"
                } else {
                    "StringValue"
                };
                return refuse(format!(
                    "The message attribute '{name}' with type '{data_type}' must use field '{field}'."
                ));
            }
            _ => {
                return refuse(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                     prefixes is Binary, Number, and String."
                ));
            }
        };
        Ok(Attribute {
            name,
            data_type,
            value: bytes,
        })
    }

    /// As answers have it.
    pub fn to_value(&self) -> Value {
        let mut value = Value {
            data_type: self.data_type.clone(),
            ..Value::default()
        };
        if self.is_binary() {
            value.binary_value = Some(STANDARD.encode(&self.value));
        } else {
            value.string_value = Some(String::from_utf8_lossy(&self.value).into_owned());
        }
        value
    }

    /// What it adds to a message's size.
    pub fn size_bytes(&self) -> usize {
        self.name.len() + self.data_type.len() + self.value.len()
    }

    fn is_binary(&self) -> bool {
        self.data_type.starts_with("Binary")
    }
}

/// Checks all attributes of a message; they come sorted by name.
///
/// # Errors
/// InvalidParameterValue.
pub fn parse_all(attributes: BTreeMap<String, Value>) -> Result<Vec<Attribute>, ApiError> {
    if attributes.len() > ATTRIBUTES_MAX {
        let message = format!(
            "Number of message attributes [{}] exceeds the allowed maximum [10].",
            attributes.len()
        );
        return Err(ApiError::new(&errors::INVALID_PARAMETER_VALUE, message));
    }
    attributes
        .into_iter()
        .map(|(name, value)| Attribute::parse(name, value))
        .collect()
}

/// The digest of attributes that are sorted by name; nothing for none.
pub fn digest<'a>(attributes: impl IntoIterator<Item = &'a Attribute>) -> Option<String> {
    let mut attributes = attributes.into_iter().peekable();
    attributes.peek()?;
    let mut md5 = Md5::new();
    for attribute in attributes {
        for part in [attribute.name.as_bytes(), attribute.data_type.as_bytes()] {
            md5.update(length(part));
            md5.update(part);
        }
        md5.update([if attribute.is_binary() { 2 } else { 1 }]);
        md5.update(length(&attribute.value));
        md5.update(&attribute.value);
    }
    Some(text::hex(&md5.finalize()))
}

fn length(part: &[u8]) -> [u8; 4] {
    // A message is far shorter than 4 GiB.
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn is_valid_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=256).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
}

/// Up to 38 digits with an exponent, as the documentation has it; anything that reads as a number.
fn is_number(text: &str) -> bool {
    let text = text.trim();
    let numeric = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    text.bytes().all(numeric) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, data_type: &str, value: &[u8]) -> Attribute {
        Attribute {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            value: Bytes::copy_from_slice(value),
        }
    }

    /// Expected values computed with Python's hashlib over the documented encoding.
    #[test]
    fn digests_are_those_that_sdks_compute() {
        assert_eq!(digest(&[]), None);
        let one = attribute("timestamp", "Number", b"1493147359900");
        assert_eq!(
            digest(&[one]).as_deref(),
            Some("235c5c510d26fb653d073faed50ae77c")
        );
    }
}
