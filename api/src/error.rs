//! The one error that leaves the API, in a shape that every protocol can spell.
//!
//! An [`ErrorSpec`] is a row of a service's error table: how the error is called in the JSON
//! protocols, how in the query protocol, and with which statuses. An [`ApiError`] is a row and the
//! message of this occurrence. The rows here are those that all services share; SQS's own are in
//! [`crate::sqs::errors`].

use std::borrow::Cow;
use std::fmt;

/// Whose fault an error is; decides whether SDKs blame the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller's.
    Sender,
    /// The service's.
    Receiver,
}

impl Fault {
    /// As `Type` of an XML error and after the `;` of `x-amzn-query-error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Sender => "Sender",
            Fault::Receiver => "Receiver",
        }
    }
}

/// One kind of error, as a row of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorSpec {
    /// The shape's name in the service model: what JSON's `__type` says after the `#`.
    pub shape: &'static str,
    /// The code in the query protocol, in `x-amzn-query-error` and in failed batch entries.
    pub query_code: &'static str,
    /// What it says in the query protocol, if that is not what this occurrence says.
    pub query_message: Option<&'static str>,
    /// HTTP status in the JSON protocols.
    pub json_status: u16,
    /// HTTP status in the query protocol.
    pub query_status: u16,
    /// Whose fault it is.
    pub fault: Fault,
    /// Whether the shape belongs to the service's own model; the others are of AWS's common
    /// framework and carry its name space.
    pub modelled: bool,
}

impl ErrorSpec {
    /// A sender's error with the same name in both protocols and status 400.
    pub const fn sender(name: &'static str) -> ErrorSpec {
        ErrorSpec {
            shape: name,
            query_code: name,
            query_message: None,
            json_status: 400,
            query_status: 400,
            fault: Fault::Sender,
            modelled: true,
        }
    }

    /// The same row with another query code.
    pub const fn query_code(mut self, code: &'static str) -> ErrorSpec {
        self.query_code = code;
        self
    }

    /// The same row with a text of its own in the query protocol.
    pub const fn query_message(mut self, message: &'static str) -> ErrorSpec {
        self.query_message = Some(message);
        self
    }

    /// The same row with this status in every protocol.
    pub const fn status(mut self, status: u16) -> ErrorSpec {
        self.json_status = status;
        self.query_status = status;
        self
    }

    /// The same row with another status in the query protocol only.
    pub const fn query_status(mut self, status: u16) -> ErrorSpec {
        self.query_status = status;
        self
    }

    /// The same row as one of the common framework, with this status in every protocol.
    pub const fn common(mut self, status: u16) -> ErrorSpec {
        self.modelled = false;
        if status >= 500 {
            self.fault = Fault::Receiver;
        }
        self.status(status)
    }
}

/// An error as it goes to a client.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    spec: &'static ErrorSpec,
    message: Cow<'static, str>,
}

impl ApiError {
    /// An error of the given kind.
    pub fn new(spec: &'static ErrorSpec, message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError {
            spec,
            message: message.into(),
        }
    }

    /// Its row.
    pub fn spec(&self) -> &'static ErrorSpec {
        self.spec
    }

    /// What it says to a human.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether it is of the given kind.
    pub fn is(&self, spec: &ErrorSpec) -> bool {
        self.spec == spec
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.spec.query_code, self.message)
    }
}

impl std::error::Error for ApiError {}

macro_rules! specs {
    ($($(#[$doc:meta])* $name:ident = $spec:expr;)*) => {
        $($(#[$doc])* pub static $name: $crate::error::ErrorSpec = $spec;)*
    };
}
pub(crate) use specs;

specs! {
    /// The operation's name is unknown (query), or not allowed at this path.
    INVALID_ACTION = ErrorSpec::sender("InvalidAction").common(400);
    /// The operation's name is unknown (JSON).
    UNKNOWN_OPERATION = ErrorSpec::sender("UnknownOperationException").common(400);
    /// The request names no operation.
    MISSING_ACTION = ErrorSpec::sender("MissingAction").common(400);
    /// A form is none.
    MALFORMED_QUERY = ErrorSpec::sender("MalformedQueryString").common(400);
    /// The body is no JSON, or a member is of another type.
    SERIALIZATION = ErrorSpec::sender("SerializationException").common(400);
    /// The body is longer than the server takes.
    REQUEST_TOO_LARGE = ErrorSpec::sender("RequestEntityTooLargeException").query_code("RequestEntityTooLarge").common(413);
    /// The body did not arrive in time.
    REQUEST_TIMEOUT = ErrorSpec::sender("RequestTimeoutException").query_code("RequestTimeout").common(408);
    /// A required member is missing.
    MISSING_PARAMETER = ErrorSpec::sender("MissingRequiredParameterException").query_code("MissingParameter").common(400);
    /// A value is out of range or does not fit the resource.
    INVALID_PARAMETER_VALUE = ErrorSpec::sender("InvalidParameterValueException").query_code("InvalidParameterValue").common(400);
    /// The request is not signed.
    MISSING_AUTHENTICATION_TOKEN = ErrorSpec::sender("MissingAuthenticationTokenException").query_code("MissingAuthenticationToken").common(403);
    /// The signature is not well formed.
    INCOMPLETE_SIGNATURE = ErrorSpec::sender("IncompleteSignatureException").query_code("IncompleteSignature").common(400);
    /// The caller may not do this.
    ACCESS_DENIED = ErrorSpec::sender("AccessDeniedException").query_code("AccessDenied").common(403);
    /// The server failed; the call may have had its effect.
    INTERNAL_FAILURE = ErrorSpec::sender("InternalFailure").common(500);
    /// No majority can be reached in time; SDKs try again.
    SERVICE_UNAVAILABLE = ErrorSpec::sender("ServiceUnavailable").common(503);
}

/// [`INTERNAL_FAILURE`]. The reason belongs into the log, not to the client.
pub fn internal_failure() -> ApiError {
    ApiError::new(
        &INTERNAL_FAILURE,
        "The request processing has failed because of an unknown error, exception or failure.",
    )
}

/// [`SERVICE_UNAVAILABLE`].
pub fn service_unavailable() -> ApiError {
    ApiError::new(
        &SERVICE_UNAVAILABLE,
        "The request has failed due to a temporary failure of the server.",
    )
}

/// [`SERVICE_UNAVAILABLE`] for a resource whose replicas were taken out of service: it lasts until an operator acts.
pub fn quarantined() -> ApiError {
    ApiError::new(
        &SERVICE_UNAVAILABLE,
        "The request has failed because the replicas of the resource are quarantined. Nothing of it is lost; an operator has to act.",
    )
}

/// [`REQUEST_TOO_LARGE`] with the greatest length that the server takes.
pub fn request_too_large(bytes_max: usize) -> ApiError {
    ApiError::new(
        &REQUEST_TOO_LARGE,
        format!("The request body must not be longer than {bytes_max} bytes."),
    )
}

/// [`REQUEST_TIMEOUT`].
pub fn request_timeout() -> ApiError {
    ApiError::new(&REQUEST_TIMEOUT, "The request body did not arrive in time.")
}

/// [`MISSING_AUTHENTICATION_TOKEN`].
pub fn missing_authentication_token() -> ApiError {
    ApiError::new(
        &MISSING_AUTHENTICATION_TOKEN,
        "The request must contain either a valid (registered) AWS access key ID or X.509 certificate.",
    )
}

/// [`ACCESS_DENIED`] to the resource that the message names.
pub fn access_denied(resource: &str) -> ApiError {
    ApiError::new(
        &ACCESS_DENIED,
        format!("Access to the resource {resource} is denied."),
    )
}

/// [`MISSING_PARAMETER`].
pub fn missing_parameter(member: &str) -> ApiError {
    ApiError::new(
        &MISSING_PARAMETER,
        format!("The request must contain the parameter {member}."),
    )
}

/// [`INVALID_PARAMETER_VALUE`] in AWS's usual wording.
pub fn invalid_value(value: impl fmt::Display, member: &str, reason: impl fmt::Display) -> ApiError {
    ApiError::new(
        &INVALID_PARAMETER_VALUE,
        format!("Value {value} for parameter {member} is invalid. Reason: {reason}"),
    )
}
