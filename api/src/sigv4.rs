//! Who a request says it comes from: the credential scope of AWS Signature Version 4. Signatures
//! are not verified here; while credentials are not enforced, the scope is believed.

use std::borrow::Cow;

use http::request::Parts;

/// The account of callers whose access key id names none.
pub const DEFAULT_ACCOUNT: &str = "000000000000";
/// The region of requests without credentials.
pub const DEFAULT_REGION: &str = "us-east-1";
const REGION_LEN_MAX: usize = 32;

/// The scope of a request's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The access key id; empty if there is none.
    pub access_key: String,
    /// The region.
    pub region: String,
}

impl Scope {
    /// The scope in a request's `Authorization` header or `X-Amz-Credential` parameter.
    pub fn of(request: &Parts) -> Scope {
        let header = request.headers.get("authorization").and_then(|v| v.to_str().ok());
        let credential = header
            .and_then(|header| header.strip_prefix("AWS4-HMAC-SHA256"))
            .and_then(|rest| {
                rest.split(',')
                    .find_map(|part| part.trim().strip_prefix("Credential="))
            })
            .map(Cow::Borrowed)
            .or_else(|| presigned(request.uri.query()?));
        credential.and_then(|c| parse(&c)).unwrap_or_else(|| Scope {
            access_key: String::new(),
            region: DEFAULT_REGION.to_owned(),
        })
    }

    /// The account: the access key id, if it consists of 12 digits.
    pub fn account(&self) -> String {
        let key = &self.access_key;
        let names_account = key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit());
        if names_account {
            key.clone()
        } else {
            DEFAULT_ACCOUNT.to_owned()
        }
    }
}

fn presigned(query: &str) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "X-Amz-Credential")
        .map(|(_, value)| value)
}

/// `<key>/<date>/<region>/<service>/aws4_request`; the key may contain slashes.
fn parse(credential: &str) -> Option<Scope> {
    let mut parts = credential.rsplitn(5, '/');
    let (_terminator, _service) = (parts.next()?, parts.next()?);
    let region = parts.next()?;
    let _date = parts.next()?;
    let access_key = parts.next()?.to_owned();
    let sane = !region.is_empty()
        && region.len() <= REGION_LEN_MAX
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let region = if sane { region } else { DEFAULT_REGION }.to_owned();
    Some(Scope { access_key, region })
}
