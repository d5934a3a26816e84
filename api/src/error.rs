//! Errors as services answer them.

use std::borrow::Cow;
use std::fmt;

/// One kind of error of a service: how each protocol spells it.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorKind {
    /// The shape's name, as AWS JSON has it in `__type`.
    pub shape: &'static str,
    /// The code of the query protocol, also in `x-amzn-query-error`.
    pub query_code: &'static str,
    /// The HTTP status.
    pub status: u16,
}

impl ErrorKind {
    /// Whether the client is to blame.
    pub fn is_senders(&self) -> bool {
        self.status < 500
    }
}

/// An error with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The kind.
    pub kind: &'static ErrorKind,
    /// What the client is told.
    pub message: Cow<'static, str>,
}

impl ApiError {
    /// An error of `kind`.
    pub fn new(kind: &'static ErrorKind, message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError {
            kind,
            message: message.into(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.query_code, self.message)
    }
}

impl std::error::Error for ApiError {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $shape:literal, $code:literal, $status:literal;)*) => {
        $($(#[$doc])* pub static $name: ErrorKind =
            ErrorKind { shape: $shape, query_code: $code, status: $status };)*
    };
}

// What any service may answer, whatever was asked.
kinds! {
    /// The request names no operation.
    MISSING_ACTION = "MissingAction", "MissingAction", 400;
    /// The request names an operation that does not exist.
    UNKNOWN_OPERATION = "UnknownOperationException", "InvalidAction", 400;
    /// The body is not what the protocol demands.
    SERIALIZATION = "SerializationException", "MalformedInput", 400;
    /// The body is longer than this server takes.
    BODY_TOO_LONG = "RequestEntityTooLargeException", "RequestEntityTooLarge", 413;
    /// The body did not arrive in time.
    BODY_TOO_SLOW = "RequestTimeoutException", "RequestTimeout", 408;
    /// No quorum could be reached, or this node is not ready. SDKs repeat the request.
    UNAVAILABLE = "ServiceUnavailable", "ServiceUnavailable", 503;
    /// Something went wrong on this side.
    INTERNAL = "InternalFailure", "InternalFailure", 500;
    /// Too much to do. SDKs wait and repeat the request.
    THROTTLED = "RequestThrottled", "RequestThrottled", 403;
}
