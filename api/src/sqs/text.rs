//! The characters that SQS takes.

/// Those of XML 1.0: `#x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF`.
pub(super) fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Nearly all text has no control characters and no U+FFFE or U+FFFF (EF BF BE, EF BF BF).
    let suspicious = bytes.iter().any(|b| *b < 0x20) || bytes.windows(2).any(|w| w == [0xef, 0xbf]);
    !suspicious
        || text.chars().all(|c| {
            matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        })
}

/// 1 to 128 of the characters that message group ids and deduplication ids may have.
pub(super) fn is_valid_id(id: &str) -> bool {
    const PUNCTUATION: &[u8] = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || PUNCTUATION.contains(&b))
}

/// Hexadecimal digits of an MD5.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    use md5::Digest;
    hex(&md5::Md5::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n)]);
    bytes
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(b & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_those_of_xml() {
        for valid in [
            "",
            "a\t\n\r\u{20}",
            "\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}",
            "Grüße 🦀",
        ] {
            assert!(is_valid(valid), "{valid:?}");
        }
        for invalid in ["\0", "a\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "x\u{ffff}"] {
            assert!(!is_valid(invalid), "{invalid:?}");
        }
    }

    #[test]
    fn md5_is_lower_case_hexadecimal() {
        assert_eq!(md5_hex(b"hello"), "5d41402abc4b2a76b9719d911017c592");
    }
}
