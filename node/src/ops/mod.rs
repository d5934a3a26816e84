//! What operations do, once `api` has said what they are: one folder for each service, one file for
//! each operation.

use api::protocol::{Call, Operation};
use bytes::Bytes;
use http::Response;
use raft::env::Env;
use sha2::{Digest, Sha256};

use crate::http::Frontend;

pub mod sqs;

/// A request's surroundings.
pub struct Context<'a> {
    /// The node.
    pub frontend: &'a Frontend,
    /// The caller's account.
    pub account: String,
    /// The region that the caller addresses.
    pub region: String,
    /// The host by which the client knows this node: URLs are made with it.
    pub host: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The idempotency key.
    pub invocation: Bytes,
}

/// Does what `call` asks for.
pub async fn dispatch(context: &Context<'_>, call: &Call) -> Response<Bytes> {
    match call.operation() {
        Operation::Sqs(operation) => sqs::dispatch(context, call, operation).await,
    }
}

/// The idempotency key of an SDK's call: the same for its repetitions, another for any other call,
/// even if a client should send one invocation id for ever. SDKs send random UUIDs, whose 128 bits
/// are the key; the operation and the body are mixed in.
pub fn invocation(id: &str, operation: &str, body: &[u8]) -> Bytes {
    let mut key = uuid(id).unwrap_or_else(|| {
        let digest: [u8; 32] = Sha256::digest(id).into();
        u128::from_le_bytes(*digest.first_chunk().expect("a SHA-256 digest has 32 bytes"))
    });
    let content = crc32c::crc32c_append(crc32c::crc32c(operation.as_bytes()), body);
    key ^= u128::from(content) << 64 | body.len() as u128;
    Bytes::copy_from_slice(&key.to_le_bytes())
}

fn uuid(text: &str) -> Option<u128> {
    let digits = text.bytes().filter(|b| *b != b'-');
    if text.len() != 36 {
        return None;
    }
    digits.map(|b| char::from(b).to_digit(16)).try_fold(0, |n, digit| Some(n << 4 | u128::from(digit?)))
}

/// A key for a call that has none.
pub fn fresh_invocation(env: &Env) -> Bytes {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&env.random.next_u64().to_le_bytes());
    key[8..].copy_from_slice(&env.random.next_u64().to_le_bytes());
    Bytes::copy_from_slice(&key)
}
