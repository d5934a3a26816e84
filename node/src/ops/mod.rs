//! What operations do, once `api` has said what they are: one folder for each service, one file for
//! each operation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::error::ApiError;
use api::protocol::{Call, Operation};
use bytes::Bytes;
use http::Response;
use raft::env::Env;

use crate::http::Frontend;

pub mod sqs;

/// A request's surroundings.
pub struct Context<'a> {
    /// The node.
    pub frontend: &'a Frontend,
    /// What is asked for, and by whom.
    pub call: &'a Call,
    /// The request's id.
    pub request_id: &'a str,
    /// The idempotency key.
    pub invocation: Bytes,
    /// How long it has waited for something to happen.
    pub waited: Waited,
}

/// The part of a request's time in which there was nothing to do, in nanoseconds.
#[derive(Default)]
pub struct Waited(AtomicU64);

impl Waited {
    /// Adds to it.
    pub fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    /// All of it.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Does what the call asks for.
pub async fn dispatch(context: &Context<'_>) -> Response<Bytes> {
    match context.call.operation {
        Operation::Sqs(operation) => sqs::dispatch(context, operation).await,
    }
}

/// Whether an operation's answer may wait for something to happen.
pub fn may_wait(operation: Operation) -> bool {
    match operation {
        Operation::Sqs(operation) => operation == api::sqs::Operation::ReceiveMessage,
    }
}

/// What a service answers when there is too much to do.
pub fn throttled(operation: Operation) -> ApiError {
    match operation {
        Operation::Sqs(_) => api::sqs::errors::request_throttled(),
    }
}

/// The idempotency key of an SDK's call: the same for its repetitions, another for any other call,
/// even if a client should send one invocation id for ever. SDKs send random UUIDs, whose 128 bits
/// are the key; the operation and the body are mixed in.
pub fn invocation(id: [u8; 16], operation: &str, body: &[u8]) -> Bytes {
    let content = crc32c::crc32c_append(crc32c::crc32c(operation.as_bytes()), body);
    let key = u128::from_le_bytes(id) ^ (u128::from(content) << 64 | body.len() as u128);
    Bytes::copy_from_slice(&key.to_le_bytes())
}

/// A key for a call that has none.
pub fn fresh_invocation(env: &Env) -> Bytes {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&env.random.next_u64().to_le_bytes());
    key[8..].copy_from_slice(&env.random.next_u64().to_le_bytes());
    Bytes::copy_from_slice(&key)
}
