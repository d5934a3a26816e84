//! Who calls, as the request's credentials say. Nothing is verified here: any secret will do, and
//! a request without credentials is the default account's.
//!
//! The credential stands in the `Authorization` header or, in presigned URLs, in `X-Amz-Credential`:
//! `<access key>/<date>/<region>/<service>/aws4_request`.

use http::header::AUTHORIZATION;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::error::{self, ApiError};
use crate::types::{AccountId, Region};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Who calls, and for which region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account whose resources are meant.
    pub account: AccountId,
    /// The region whose resources are meant.
    pub region: Region,
    /// The access key id, if the request has credentials.
    pub access_key: Option<String>,
}

impl Caller {
    /// The caller of a request. Fails if there are credentials of this algorithm that cannot be read.
    pub fn of(head: &Parts) -> Result<Caller, ApiError> {
        let header = head
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        if let Some(fields) = header.and_then(|value| value.strip_prefix(ALGORITHM)) {
            let mut fields = fields.split(',').map(str::trim);
            let credential = fields.find_map(|field| field.strip_prefix("Credential="));
            return credential.and_then(Caller::from_credential).ok_or_else(malformed);
        }
        let parameter = head.uri.query().into_iter().flat_map(|query| query.split('&'));
        if let Some(encoded) = parameter
            .into_iter()
            .find_map(|pair| pair.strip_prefix("X-Amz-Credential="))
        {
            let credential = percent_decode_str(encoded)
                .decode_utf8()
                .map_err(|_| malformed())?;
            return Caller::from_credential(&credential).ok_or_else(malformed);
        }
        Ok(Caller {
            account: AccountId::default_account(),
            region: Region::default_region(),
            access_key: None,
        })
    }

    /// An access key may hold slashes in theory; the scope behind it has exactly four parts.
    fn from_credential(credential: &str) -> Option<Caller> {
        let mut parts = credential.rsplitn(5, '/');
        let (terminator, _service, region, date) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let access_key = parts.next().filter(|key| !key.is_empty())?;
        let dated = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
        if terminator != "aws4_request" || !dated {
            return None;
        }
        Some(Caller {
            account: AccountId::parse(access_key).unwrap_or_else(AccountId::default_account),
            region: Region::parse(region)?,
            access_key: Some(access_key.to_owned()),
        })
    }
}

fn malformed() -> ApiError {
    let message = "Authorization must hold Credential=<key>/<date>/<region>/<service>/aws4_request.";
    ApiError::new(&error::INCOMPLETE_SIGNATURE, message)
}
