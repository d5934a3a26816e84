//! Wire protocols: which operation a request asks for, and how inputs, outputs and errors look.
//!
//! Knows no operation: all that differs between services and operations comes from their tables
//! ([`Service`], [`OperationSpec`], [`Member`]).

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::sigv4::Caller;

mod aws_json;
mod framing;
mod members;
mod query;
mod recognise;
mod service;
mod xml;

pub use framing::{Codec, Framing};
pub use members::{Kind, Member, Members};
pub use recognise::{framing_of, recognise};
pub use service::{Operation, OperationSpec, SERVICES, Service};

/// A request whose operation is known.
#[derive(Debug)]
pub struct Call {
    /// What is asked for.
    pub operation: Operation,
    /// Who asks.
    pub caller: Caller,
    /// How to answer.
    pub framing: Framing,
    /// The host that the caller used, with its port: the one that URLs in replies must name.
    pub host: String,
    /// The id that an SDK gives to all tries of one call (`amz-sdk-invocation-id`).
    pub invocation: Option<[u8; 16]>,
    /// Which of the tries of the call this is, from 1 (`amz-sdk-request`), if the SDK says so.
    pub attempt: Option<u32>,
    body: Bytes,
    /// The URL's query, which may hold (part of) a form.
    url_query: Option<String>,
    /// The path of the resource that the request was sent to.
    resource_path: Option<String>,
}

/// A request that is answered without being dispatched.
#[derive(Debug)]
pub struct Refused {
    /// How to answer.
    pub framing: Framing,
    /// What to answer.
    pub error: ApiError,
}

impl Refused {
    /// The response.
    pub fn respond(&self, request_id: &str) -> Response<Bytes> {
        self.framing.fail(&self.error, request_id)
    }
}

/// The input of one operation: read from its wire form, valid by construction.
pub trait Input: Sized {
    /// What the wire says, unchecked.
    type Wire: DeserializeOwned;

    /// Checks all that can be checked without knowing the resource.
    fn check(wire: Self::Wire) -> Result<Self, ApiError>;
}

impl Call {
    /// Reads and checks the input. `I` must be the input of [`Call::operation`].
    pub fn decode<I: Input>(&self) -> Result<I, ApiError> {
        I::check(self.wire()?)
    }

    fn wire<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if self.framing.codec != Codec::Query {
            return aws_json::decode(&self.body);
        }
        let mut form = query::Form::default();
        form.read(&self.body).map_err(|e| e.0)?;
        if let Some(url_query) = &self.url_query {
            form.read(url_query.as_bytes()).map_err(|e| e.0)?;
        }
        if let (Some(path), Some(member)) = (&self.resource_path, self.framing.service.resource_member) {
            form.imply(member, path);
        }
        let wire = query::from_form(&form, self.operation.members());
        wire.map_err(|e| e.0)
    }

    /// The response to a success.
    pub fn reply<T: Serialize>(&self, output: &T, request_id: &str) -> Response<Bytes> {
        self.framing.reply(self.operation, output, request_id)
    }

    /// The response to a failure.
    pub fn fail(&self, error: &ApiError, request_id: &str) -> Response<Bytes> {
        self.framing.fail(error, request_id)
    }
}

/// The host that a request came to: HTTP/1.1 has a header for it, HTTP/2 has it in the URI.
fn host(head: &Parts) -> &str {
    let header = head
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    header
        .or_else(|| head.uri.authority().map(|authority| authority.as_str()))
        .unwrap_or("localhost")
}
