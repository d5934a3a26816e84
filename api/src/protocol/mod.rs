//! Which protocol a request speaks, which operation it names, and how to read its input and write
//! its answer. Protocols are recognised for each request: all share one port.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{self, ApiError};
use crate::sqs;

mod form;
mod query;
mod table;
mod xml;

pub use table::{ListName, Table};

/// An operation of any service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Of SQS.
    Sqs(sqs::Operation),
}

impl Operation {
    /// Its name, such as `SendMessage`.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Sqs(operation) => operation.name(),
        }
    }

    /// Whether its answer may wait for something to happen.
    pub fn may_wait(self) -> bool {
        matches!(self, Operation::Sqs(sqs::Operation::ReceiveMessage))
    }

    fn table(self) -> &'static Table {
        match self {
            Operation::Sqs(_) => &sqs::TABLE,
        }
    }
}

/// The protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// AWS JSON 1.0 or 1.1: `POST /`, the operation in `X-Amz-Target`.
    Json,
    /// Query: a form with `Action`, answered in XML.
    Query,
}

/// A recognised request.
#[derive(Clone, Debug)]
pub struct Call {
    operation: Operation,
    codec: Codec,
    content_type: HeaderValue,
    body: Bytes,
    /// The path, if it may name the resource.
    path: Option<String>,
}

/// Finds out what a request is, or answers it with what is wrong with it.
///
/// # Errors
/// The answer, ready to send.
pub fn recognise(request: &Parts, body: &Bytes, request_id: &str) -> Result<Call, Box<Response<Bytes>>> {
    let table = &sqs::TABLE;
    let refuse = |codec, error: ApiError| Err(Box::new(failure(codec, &JSON_1_0, table, &error, request_id)));
    if let Some(target) = request.headers.get("x-amz-target") {
        let target = target.to_str().unwrap_or_default();
        let name = target
            .strip_prefix(table.json_target)
            .and_then(|rest| rest.strip_prefix('.'));
        let Some(operation) = name.and_then(sqs::Operation::from_name) else {
            let message = format!("The operation {target} is not valid for this endpoint.");
            return refuse(Codec::Json, ApiError::new(&error::UNKNOWN_OPERATION, message));
        };
        let content_type = request.headers.get(CONTENT_TYPE).cloned().unwrap_or(JSON_1_0);
        let operation = Operation::Sqs(operation);
        return Ok(Call {
            operation,
            codec: Codec::Json,
            content_type,
            body: body.clone(),
            path: None,
        });
    }
    // A form may stand in the body or in the URL.
    let form = match request.uri.query() {
        Some(query) if body.is_empty() => Bytes::copy_from_slice(query.as_bytes()),
        _ => body.clone(),
    };
    let Some(action) = form::find(&form, "Action") else {
        let message = "The request must contain the parameter Action.";
        return refuse(Codec::Query, ApiError::new(&error::MISSING_ACTION, message));
    };
    let Some(operation) = sqs::Operation::from_name(&action) else {
        let message = format!("The action {action} is not valid for this endpoint.");
        return refuse(Codec::Query, ApiError::new(&error::UNKNOWN_OPERATION, message));
    };
    let path = request.uri.path();
    let path = (!path.trim_matches('/').is_empty()).then(|| path.to_owned());
    if path.is_some() && !operation.has_queue_url() {
        let message = format!("The action {action} is not valid for this endpoint.");
        return refuse(Codec::Query, ApiError::new(&error::UNKNOWN_OPERATION, message));
    }
    Ok(Call {
        operation: Operation::Sqs(operation),
        codec: Codec::Query,
        content_type: XML,
        body: form,
        path,
    })
}

/// Answers a request whose body is too long to be looked at.
pub fn body_too_long(request: &Parts, request_id: &str) -> Response<Bytes> {
    let error = ApiError::new(&error::BODY_TOO_LONG, "The request is too long.");
    failure(codec_of(request), &JSON_1_0, &sqs::TABLE, &error, request_id)
}

/// Answers a request whose body did not come in time, or broke off.
pub fn body_too_slow(request: &Parts, request_id: &str) -> Response<Bytes> {
    let error = ApiError::new(
        &error::BODY_TOO_SLOW,
        "The request's body did not arrive in time.",
    );
    failure(codec_of(request), &JSON_1_0, &sqs::TABLE, &error, request_id)
}

fn codec_of(request: &Parts) -> Codec {
    if request.headers.contains_key("x-amz-target") {
        Codec::Json
    } else {
        Codec::Query
    }
}

impl Call {
    /// What is to be done.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Reads the input.
    ///
    /// # Errors
    /// The service's error for a body that is not what the protocol demands.
    pub fn decode<I: DeserializeOwned>(&self) -> Result<I, ApiError> {
        match self.codec {
            Codec::Json => {
                let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
                serde_json::from_slice(body).map_err(|e| ApiError::new(&error::SERIALIZATION, e.to_string()))
            }
            Codec::Query => {
                let operation = self.operation.name();
                query::decode(
                    &self.body,
                    self.operation.table(),
                    operation,
                    self.path.as_deref(),
                )
                .map_err(|e| ApiError::new(&error::SERIALIZATION, e.to_string()))
            }
        }
    }

    /// Writes the answer.
    pub fn reply<O: Serialize>(&self, output: &O, request_id: &str) -> Response<Bytes> {
        let body = match self.codec {
            Codec::Json => serde_json::to_vec(output).map_err(|e| e.to_string()),
            Codec::Query => xml::encode(output, self.operation.table(), self.operation.name(), request_id)
                .map(String::into_bytes)
                .map_err(|e| e.to_string()),
        };
        match body {
            Ok(body) => respond(StatusCode::OK, &self.content_type, body.into(), request_id),
            Err(reason) => self.fail(&ApiError::new(&error::INTERNAL, reason), request_id),
        }
    }

    /// Writes an answer without members: an empty JSON body, or the bare XML envelope.
    pub fn reply_empty(&self, request_id: &str) -> Response<Bytes> {
        match self.codec {
            Codec::Json => respond(StatusCode::OK, &self.content_type, Bytes::new(), request_id),
            Codec::Query => self.reply(&(), request_id),
        }
    }

    /// Writes an error.
    pub fn fail(&self, error: &ApiError, request_id: &str) -> Response<Bytes> {
        failure(
            self.codec,
            &self.content_type,
            self.operation.table(),
            error,
            request_id,
        )
    }

    /// Answers that there is too much to do.
    pub fn throttled(&self, request_id: &str) -> Response<Bytes> {
        self.fail(
            &ApiError::new(
                &error::THROTTLED,
                "The request was denied due to request throttling.",
            ),
            request_id,
        )
    }

    /// Answers that no quorum can be reached, or that this node is not ready.
    pub fn unavailable(&self, request_id: &str) -> Response<Bytes> {
        let message = "The request has failed due to a temporary failure of the server.";
        self.fail(&ApiError::new(&error::UNAVAILABLE, message), request_id)
    }
}

const JSON_1_0: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const XML: HeaderValue = HeaderValue::from_static("text/xml");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

fn respond(status: StatusCode, content_type: &HeaderValue, body: Bytes, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn failure(
    codec: Codec,
    content_type: &HeaderValue,
    table: &Table,
    error: &ApiError,
    request_id: &str,
) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let blame = if error.kind.is_senders() {
        "Sender"
    } else {
        "Receiver"
    };
    match codec {
        Codec::Json => {
            let body = serde_json::json!({
                "__type": format!("{}#{}", table.json_namespace, error.kind.shape),
                "message": error.message,
            });
            let mut response = respond(status, content_type, body.to_string().into(), request_id);
            if let Ok(value) = HeaderValue::from_str(&format!("{};{blame}", error.kind.query_code)) {
                response.headers_mut().insert(QUERY_ERROR, value);
            }
            response
        }
        Codec::Query => {
            let body = xml::error(table, blame, error, request_id);
            respond(status, &XML, body.into(), request_id)
        }
    }
}
