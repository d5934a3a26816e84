//! The AWS API of a node that belongs to no cluster yet: every request is told that the service is
//! unavailable, in the shape of its protocol, so that SDKs go elsewhere instead of waiting in the
//! listener's backlog. Nothing is kept alive: the next request may find the real thing.

use std::convert::Infallible;
use std::time::Duration;

use api::{error, protocol};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use raft::env::{Env, Listener};
use tokio::task::JoinSet;

use crate::config::Limits;
use crate::http::request_id;

/// How long a client may take for its request.
const CONVERSATION_TIMEOUT: Duration = Duration::from_secs(10);
/// Conversations at a time: they hold no more than a request's body each.
const CONVERSATIONS_MAX: usize = 256;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Refuses every request on `listener`, as long as it is polled.
pub async fn refuse(env: &Env, listener: &dyn Listener, limits: Limits) {
    let mut conversations = JoinSet::new();
    loop {
        while conversations.try_join_next().is_some() {}
        if conversations.len() >= CONVERSATIONS_MAX {
            conversations.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let env = env.clone();
        conversations.spawn(tokio::time::timeout(CONVERSATION_TIMEOUT, async move {
            let service = service_fn(|request| answer(env.clone(), request, limits.body_bytes));
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http1().timer(TokioTimer::new()).keep_alive(false);
            // A client that breaks off is its own business.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        }));
    }
}

async fn answer(
    env: Env,
    request: Request<Incoming>,
    body_bytes_max: usize,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let request_id = request_id(&env);
    let (parts, body) = request.into_parts();
    // Read to its end, if that is near: a client that is cut off while it writes sees no answer.
    let _ = Limited::new(body, body_bytes_max).collect().await;
    let response = protocol::framing_of(&parts).fail(&error::service_unavailable(), &request_id);
    Ok(response.map(Full::new))
}
