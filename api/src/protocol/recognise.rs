//! Which service, operation and codec a request is for.
//!
//! `X-Amz-Target` makes it AWS JSON; anything else is a form with an `Action`, in the body or in the
//! URL, at `/` or at a resource's own path.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::framing::{Codec, Framing};
use super::service::{Operation, SERVICES};
use super::{Call, Refused, host, query};
use crate::error::{self, ApiError};
use crate::sigv4::Caller;

/// How to answer a request of which only the head is known, such as one whose body is too long.
pub fn framing_of(head: &Parts) -> Framing {
    let target = header(head, "x-amz-target");
    let service = target.and_then(|target| {
        let prefix = target.split_once('.')?.0;
        SERVICES.into_iter().find(|service| service.json_target == prefix)
    });
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let codec = if content_type.starts_with("application/x-amz-json-1.1") {
        Codec::AwsJson11
    } else if target.is_some() || content_type.starts_with("application/x-amz-json") {
        Codec::AwsJson10
    } else {
        Codec::Query
    };
    Framing {
        codec,
        service: service.unwrap_or(SERVICES[0]),
    }
}

/// Finds out what a request asks for. The body is kept, not read, if it is JSON.
pub fn recognise(head: &Parts, body: &Bytes) -> Result<Call, Refused> {
    let mut framing = framing_of(head);
    let refuse = |error| Refused { framing, error };
    let (operation, resource_path) = match framing.codec {
        Codec::AwsJson10 | Codec::AwsJson11 => (json_operation(head).map_err(refuse)?, None),
        Codec::Query => query_operation(head, body).map_err(refuse)?,
    };
    let caller = Caller::of(head).map_err(refuse)?;
    framing.service = operation.service();
    Ok(Call {
        operation,
        caller,
        framing,
        host: host(head).to_owned(),
        invocation: header(head, "amz-sdk-invocation-id").and_then(parse_uuid),
        attempt: header(head, "amz-sdk-request").and_then(parse_attempt),
        body: body.clone(),
        url_query: head.uri.query().map(str::to_owned),
        resource_path,
    })
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

/// `attempt=2; max=4`, in any order and with other members.
fn parse_attempt(text: &str) -> Option<u32> {
    let mut members = text.split(';').filter_map(|member| member.trim().split_once('='));
    let (_, number) = members.find(|(name, _)| *name == "attempt")?;
    number.parse().ok()
}

fn json_operation(head: &Parts) -> Result<Operation, ApiError> {
    let unknown = |message| ApiError::new(&error::UNKNOWN_OPERATION, message);
    let Some(target) = header(head, "x-amz-target") else {
        return Err(unknown(
            "The request must contain the header X-Amz-Target.".to_owned(),
        ));
    };
    let found = target.split_once('.').and_then(|(prefix, name)| {
        let service = SERVICES
            .into_iter()
            .find(|service| service.json_target == prefix)?;
        (service.operation)(name)
    });
    found.ok_or_else(|| unknown(format!("The operation {target} is not known to this endpoint.")))
}

/// The operation, and the path if it is a resource's.
fn query_operation(head: &Parts, body: &[u8]) -> Result<(Operation, Option<String>), ApiError> {
    let url_query = head.uri.query().unwrap_or("").as_bytes();
    let action = query::value_of(body, "Action").or_else(|| query::value_of(url_query, "Action"));
    let Some(action) = action else {
        return Err(ApiError::new(
            &error::MISSING_ACTION,
            "The request must contain the parameter Action.",
        ));
    };
    let path = head.uri.path();
    let on_resource = path != "/" && !path.is_empty();
    let found = SERVICES
        .into_iter()
        .find_map(|service| (service.operation)(&action));
    match found {
        Some(operation) if operation.spec().on_resource || !on_resource => {
            Ok((operation, on_resource.then(|| path.to_owned())))
        }
        _ => {
            let message = format!("The action {action} is not valid for this endpoint.");
            Err(ApiError::new(&error::INVALID_ACTION, message))
        }
    }
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let mut digits = text
        .bytes()
        .filter(|b| *b != b'-')
        .map(|b| char::from(b).to_digit(16));
    let mut id = [0; 16];
    for byte in &mut id {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    digits.next().is_none().then_some(id)
}
