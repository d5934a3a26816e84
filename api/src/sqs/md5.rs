//! The MD5 digests that SQS returns and SDKs compare with their own.

use std::fmt;

use md5::{Digest, Md5};
use serde::{Serialize, Serializer};

use super::message_attributes::{MessageAttribute, Transport};

/// A digest, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Md5Hex([u8; 16]);

impl Md5Hex {
    /// Of a body.
    pub fn of_body(body: &[u8]) -> Md5Hex {
        Md5Hex(Md5::digest(body).into())
    }

    /// Of attributes sorted by name: for each of them its name, its full data type, one byte for how
    /// its value travels and the value, texts and values after their lengths in 4 bytes big-endian.
    /// None if there are no attributes.
    pub fn of_attributes<'a>(attributes: impl Iterator<Item = &'a MessageAttribute>) -> Option<Md5Hex> {
        let mut attributes = attributes.peekable();
        attributes.peek()?;
        let mut digest = Md5::new();
        for attribute in attributes {
            add(&mut digest, attribute.name.as_bytes());
            add(&mut digest, attribute.data_type.as_bytes());
            digest.update([match attribute.transport() {
                Transport::Text => 1,
                Transport::Binary => 2,
            }]);
            add(&mut digest, &attribute.value);
        }
        Some(Md5Hex(digest.finalize().into()))
    }
}

fn add(digest: &mut Md5, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("requests are shorter than 4 GiB");
    digest.update(length.to_be_bytes());
    digest.update(part);
}

impl fmt::Display for Md5Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Serialize for Md5Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
