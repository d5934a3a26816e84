//! The envelopes of the query protocol's XML replies.

use std::fmt::Write;

use serde::Serialize;

use super::service::{Operation, Service};
use crate::error::ApiError;

mod ser;

pub(super) use ser::XmlError;

const DECLARATION: &str = "<?xml version=\"1.0\"?>";

/// `<XResponse>` with the output as `<XResult>` and the request's id.
pub(super) fn reply<T: Serialize>(
    operation: Operation,
    output: &T,
    request_id: &str,
) -> Result<Vec<u8>, XmlError> {
    let (spec, namespace) = (operation.spec(), operation.service().xml_namespace);
    let mut out = String::with_capacity(512);
    let _ = write!(out, "{DECLARATION}<{}Response xmlns=\"{namespace}\">", spec.name);
    if spec.has_result {
        let result = format!("{}Result", spec.name);
        ser::element(&mut out, operation.members(), &result, output)?;
    }
    out.push_str("<ResponseMetadata><RequestId>");
    ser::escape(&mut out, request_id);
    let _ = write!(out, "</RequestId></ResponseMetadata></{}Response>", spec.name);
    Ok(out.into_bytes())
}

/// `<ErrorResponse>`.
pub(super) fn error(service: &Service, error: &ApiError, request_id: &str) -> Vec<u8> {
    let (spec, namespace) = (error.spec(), service.xml_namespace);
    let mut out = String::with_capacity(512);
    let _ = write!(
        out,
        "{DECLARATION}<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{}</Type><Code>{}</Code><Message>",
        spec.fault.as_str(),
        spec.query_code
    );
    ser::escape(&mut out, spec.query_message.unwrap_or(error.message()));
    out.push_str("</Message><Detail/></Error><RequestId>");
    ser::escape(&mut out, request_id);
    out.push_str("</RequestId></ErrorResponse>");
    out.into_bytes()
}
