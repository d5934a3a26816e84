//! What an error of the SDK says about what was done.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use serde_json::json;
use sim_tests::history::Outcome;

/// Refused is what the service answered with a client's error other than throttling, and what the SDK did not even
/// send. Of everything else nobody knows what it did: some attempt of the call may have reached the cluster.
pub(super) fn outcome<E>(error: SdkError<E, HttpResponse>) -> Outcome
where
    E: ProvideErrorMetadata + Error + Debug + Send + Sync + 'static,
{
    if let SdkError::ConstructionFailure(failure) = &error {
        return Outcome::Refused(json!({"__type": "not sent", "message": format!("{failure:?}")}));
    }
    let status = error.raw_response().map(|response| response.status().as_u16());
    let (code, message) = (error.code(), error.message());
    match (code, status) {
        (Some(code), Some(400..=499)) if !code.contains("Throttl") => {
            Outcome::Refused(json!({"__type": code, "message": message}))
        }
        _ => Outcome::Unknown(DisplayErrorContext(&error).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::http::HttpResponse;
    use aws_sdk_sqs::operation::send_message::SendMessageError;

    use super::*;

    fn answered(status: u16, code: &str) -> Outcome {
        let meta = aws_sdk_sqs::error::ErrorMetadata::builder().code(code).build();
        let response = HttpResponse::new(status.try_into().unwrap(), Vec::new().into());
        outcome(SdkError::service_error(SendMessageError::generic(meta), response))
    }

    #[test]
    fn only_a_clients_error_is_a_refusal() {
        assert!(matches!(answered(400, "QueueDoesNotExist"), Outcome::Refused(_)));
        assert!(matches!(
            answered(400, "ThrottlingException"),
            Outcome::Unknown(_)
        ));
        assert!(matches!(answered(403, "RequestThrottled"), Outcome::Unknown(_)));
        assert!(matches!(answered(503, "ServiceUnavailable"), Outcome::Unknown(_)));
        let late = SdkError::<SendMessageError, HttpResponse>::timeout_error("late");
        assert!(matches!(outcome(late), Outcome::Unknown(_)));
    }
}
