//! One HTTP request over a connection of its own, for commands that ask a server something once. There are no
//! retries and no deadline here: the caller knows how long it may take.

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use raft::env::Stream;

/// Largest answer that anybody here expects: the status of a node with many replicas.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Sends `request`, whose headers must name the host, over `stream`, and reads the whole answer, whatever its status.
///
/// # Errors
/// If the connection breaks, or the answer is no HTTP or too long.
pub(crate) async fn fetch(
    stream: impl Stream + 'static,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Response<Bytes>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender, and what breaks it breaks the request, too.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body
        .map_err(|error| anyhow::anyhow!(error))
        .context("the answer broke off")?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// A GET request for `path` of `host`.
///
/// # Errors
/// If one of them cannot stand in a request.
pub(crate) fn get(host: &str, path: &str) -> http::Result<Request<Full<Bytes>>> {
    Request::get(path)
        .header(http::header::HOST, host)
        .body(Full::default())
}
