//! AWS JSON 1.0 and 1.1: a JSON object in, a JSON object out. serde_json does the work.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::service::Service;
use crate::error::{self, ApiError};

/// The name space of errors of AWS's common framework.
const COMMON_NAMESPACE: &str = "com.amazon.coral.service";

/// Reads an operation's input. An empty body is an empty object.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| ApiError::new(&error::SERIALIZATION, e.to_string()))
}

/// Writes an operation's output.
pub(super) fn reply<T: Serialize>(output: &T) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(512);
    serde_json::to_writer(&mut body, output)?;
    Ok(body)
}

/// Writes an error.
pub(super) fn error(service: &Service, error: &ApiError) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        __type: String,
        message: &'a str,
    }
    let spec = error.spec();
    let namespace = if spec.modelled {
        service.json_namespace
    } else {
        COMMON_NAMESPACE
    };
    let body = Body {
        __type: format!("{namespace}#{}", spec.shape),
        message: error.message(),
    };
    serde_json::to_vec(&body).expect("two strings have a form in JSON")
}
