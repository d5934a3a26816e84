//! Which characters a message may have: those of XML 1.0, because XML replies must carry them.

use super::errors;
use crate::error::ApiError;

/// Checks a body or the text of an attribute. Fails with `InvalidMessageContents`.
///
/// UTF-8 has no surrogates, so what is left to refuse are control characters and the two
/// non-characters U+FFFE and U+FFFF, whose UTF-8 is `EF BF BE` and `EF BF BF`.
pub fn check(text: &str) -> Result<(), ApiError> {
    let bytes = text.as_bytes();
    let control = bytes
        .iter()
        .any(|&b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r'));
    let non_character = || {
        let suspects = bytes.iter().enumerate().filter(|(_, b)| **b == 0xef);
        suspects
            .into_iter()
            .any(|(at, _)| matches!(bytes[at..], [0xef, 0xbf, 0xbe | 0xbf, ..]))
    };
    if control || non_character() {
        Err(errors::invalid_message_contents())
    } else {
        Ok(())
    }
}
