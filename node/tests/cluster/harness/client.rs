//! SDK clients as an application would make them: plain HTTP, any credentials, the SDK's own retries.

use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::{Client, Config};

const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// A client of `endpoint` with time for any long poll.
pub(crate) fn client(endpoint: &str) -> Client {
    client_within(endpoint, Duration::from_secs(30), Duration::from_secs(60))
}

/// A client that gives an attempt and a whole call, with its retries, so much time.
pub(crate) fn client_within(endpoint: &str, attempt: Duration, call: Duration) -> Client {
    let limits = TimeoutConfig::builder()
        .connect_timeout(CONNECT_LIMIT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(call)
        .build();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard())
        .timeout_config(limits)
        .build();
    Client::from_conf(config)
}
