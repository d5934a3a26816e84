//! Pages of lists of names: where a page begins, how long it is, and the token for the next one.
//!
//! To clients a token is opaque text. It holds the last name of its page, not a position: what is created
//! or deleted meanwhile moves nothing. It belongs to one list, and says so when it is used for another.
//! The checksum tells a made-up token from one of ours; it is no protection, and needs none: whoever may
//! list names may list them from anywhere.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::wire;
use crate::error::{ApiError, INVALID_PARAMETER_VALUE};

/// A page has at most this many names, whether or not the caller says so.
const RESULTS_MAX: u32 = 1000;
/// The layout of tokens: this number, the list's checksum, the name, a checksum of all of these.
const VERSION: u8 = 1;

/// The page that a request asks for, before it is known of which list.
#[derive(Debug)]
pub struct PageRequest {
    /// How many names the caller asked for; only then is there a token for more.
    results_max: Option<u32>,
    token: Option<String>,
}

impl PageRequest {
    /// Checks the two members that every list has.
    pub(super) fn check(
        max_results: Option<i64>,
        next_token: Option<String>,
    ) -> Result<PageRequest, ApiError> {
        let reason = "MaxResults must be an integer between 1 and 1000.";
        Ok(PageRequest {
            results_max: wire::ranged(max_results, "MaxResults", 1, RESULTS_MAX, reason)?,
            token: next_token.filter(|token| !token.is_empty()),
        })
    }

    /// The page of a list, which `parts` name in full. Fails with `InvalidParameterValue` if the token
    /// is none, or another list's.
    pub(super) fn of(&self, parts: &[&str]) -> Result<Page, ApiError> {
        let list = crc32c::crc32c(parts.join("\0").as_bytes());
        let after = self.token.as_deref().map(|token| open(token, list));
        Ok(Page {
            list,
            results_max: self.results_max,
            after: after.transpose()?,
        })
    }
}

/// A page yet to be filled.
#[derive(Debug)]
pub struct Page {
    list: u32,
    results_max: Option<u32>,
    after: Option<String>,
}

impl Page {
    /// The last name of the page before: only names behind it are of interest.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Fills the page from the list's names, which are in ascending order and all behind
    /// [`Page::after`]. Reads no more than the page has, and one to know whether there are others.
    /// Gives the names and the token for the next page.
    pub(super) fn fill<'a>(&self, names: impl Iterator<Item = &'a str>) -> (Vec<&'a str>, Option<String>) {
        let size = self.results_max.unwrap_or(RESULTS_MAX) as usize;
        let mut rest = names.peekable();
        let page: Vec<&str> = rest.by_ref().take(size).collect();
        let more = self.results_max.is_some() && rest.peek().is_some();
        let token = page.last().filter(|_| more).map(|last| seal(last, self.list));
        (page, token)
    }
}

fn seal(name: &str, list: u32) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(list.to_be_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(token: &str, list: u32) -> Result<String, ApiError> {
    let refuse = |message| ApiError::new(&INVALID_PARAMETER_VALUE, message);
    let (found, name) = decode(token).ok_or_else(|| refuse("Invalid or expired next token."))?;
    if found != list {
        return Err(refuse(
            "Invalid NextToken value. If you are passing in NextToken, you must not change the other \
             request parameters.",
        ));
    }
    Ok(name)
}

/// The list's checksum and the name.
fn decode(token: &str) -> Option<(u32, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (content, checksum) = bytes.split_last_chunk::<4>()?;
    let (version, rest) = content.split_first()?;
    let (list, name) = rest.split_first_chunk::<4>()?;
    let whole = crc32c::crc32c(content) == u32::from_be_bytes(*checksum);
    let name = String::from_utf8(name.to_vec()).ok()?;
    (*version == VERSION && whole).then_some((u32::from_be_bytes(*list), name))
}
