//! How a reply is put into HTTP: the codec that the caller speaks and the service it speaks to.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::service::{Operation, Service};
use super::{aws_json, xml};
use crate::error::{self, ApiError};

/// The protocols of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// AWS JSON 1.0.
    AwsJson10,
    /// AWS JSON 1.1.
    AwsJson11,
    /// A form in, XML out.
    Query,
}

impl Codec {
    fn content_type(self) -> &'static str {
        match self {
            Codec::AwsJson10 => "application/x-amz-json-1.0",
            Codec::AwsJson11 => "application/x-amz-json-1.1",
            Codec::Query => "text/xml",
        }
    }
}

/// A codec and a service: enough to answer with an error before anything else is known.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// The codec that the caller speaks.
    pub codec: Codec,
    /// The service it speaks to.
    pub service: &'static Service,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

impl Framing {
    /// A success. An output that has no form on the wire, which no test lets pass, is an internal failure.
    pub fn reply<T: Serialize>(self, operation: Operation, output: &T, request_id: &str) -> Response<Bytes> {
        let body = match self.codec {
            Codec::AwsJson10 | Codec::AwsJson11 => aws_json::reply(output).ok(),
            Codec::Query => xml::reply(operation, output, request_id).ok(),
        };
        match body {
            Some(body) => self.respond(StatusCode::OK, body, request_id),
            None => self.fail(&error::internal_failure(), request_id),
        }
    }

    /// An error. Its row goes with the response as an extension, for whoever counts errors; it is not sent.
    pub fn fail(self, error: &ApiError, request_id: &str) -> Response<Bytes> {
        let spec = error.spec();
        let (status, body) = match self.codec {
            Codec::AwsJson10 | Codec::AwsJson11 => (spec.json_status, aws_json::error(self.service, error)),
            Codec::Query => (spec.query_status, xml::error(self.service, error, request_id)),
        };
        let status = StatusCode::from_u16(status).expect("error tables hold HTTP statuses");
        let mut response = self.respond(status, body, request_id);
        response.extensions_mut().insert(spec);
        if self.codec != Codec::Query && self.service.query_compatible {
            let legacy = format!("{};{}", spec.query_code, spec.fault.as_str());
            let legacy = HeaderValue::try_from(legacy).expect("error tables hold visible ASCII");
            response.headers_mut().insert(QUERY_ERROR, legacy);
        }
        response
    }

    fn respond(self, status: StatusCode, body: Vec<u8>, request_id: &str) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.codec.content_type()));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}
