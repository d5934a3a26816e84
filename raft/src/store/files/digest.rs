//! The digest of a set of rows: the sum of its rows' hashes, so that the order does not matter and
//! a change costs no more than the rows that it is about. The old row's hash goes out, the new
//! one's comes in.
//!
//! It is on disk, and replicas compare it: it must never change.

/// splitmix64's finisher, as in the machines' `mix`. It is repeated here because this one is on
/// disk.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The hash of a row. Against chance, not against an adversary: nobody gains by two rows that look
/// alike.
pub(crate) fn row_hash(key: &[u8], value: &[u8]) -> u64 {
    let state = mix(0x6d69_6c6c_7261_6365 ^ key.len() as u64);
    let state = hash_bytes(state, key);
    hash_bytes(mix(state ^ value.len() as u64), value)
}

fn hash_bytes(mut state: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        // The multiplication keeps a word that is zero from doing nothing.
        state = mix(state.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(state.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_what_they_were() {
        let hashes = [
            row_hash(b"", b""),
            row_hash(b"key", b"value"),
            row_hash(b"keyv", b"alue"),
            row_hash(b"\x21\0\0\0\0\0\0\0\x07", &[7; 300]),
        ];
        assert_eq!(hashes, HASHES);
    }

    const HASHES: [u64; 4] = [
        285_536_303_333_778_077,
        13_146_696_426_942_848_180,
        10_709_518_360_839_289_450,
        3_010_596_201_049_739_337,
    ];
}
