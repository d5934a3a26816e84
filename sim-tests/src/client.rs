//! A client that speaks AWS JSON to simulated nodes, and repeats a call as SDKs do.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use turmoil::net::TcpStream;

use crate::cluster::API_PORT;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(25);
/// Pause between attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Calls an operation on one of `hosts` after the other, under one invocation id, until one answers
/// with something else than a server error.
///
/// # Errors
/// The service's error, or that none answered after `attempts`.
pub async fn call(
    hosts: &[String],
    operation: &str,
    invocation: &str,
    input: &Value,
    attempts: usize,
) -> anyhow::Result<Value> {
    let mut last = None;
    for host in hosts.iter().cycle().take(attempts) {
        match tokio::time::timeout(ATTEMPT_TIMEOUT, attempt(host, operation, invocation, input)).await {
            Ok(Ok((status, body))) if status < 500 => {
                if status == 200 {
                    return Ok(body);
                }
                bail!("{operation}: {status} {body}");
            }
            Ok(Ok((status, body))) => last = Some(anyhow::anyhow!("{status} {body}")),
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(anyhow::anyhow!("no answer in time")),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("no attempts"))).with_context(|| operation.to_owned())
}

async fn attempt(
    host: &str,
    operation: &str,
    invocation: &str,
    input: &Value,
) -> anyhow::Result<(u16, Value)> {
    let stream = TcpStream::connect((host, API_PORT)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = http::Request::post("/")
        .header("host", format!("{host}:{API_PORT}"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .header("amz-sdk-invocation-id", invocation)
        .body(Full::new(Bytes::from(serde_json::to_vec(input)?)))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body)?
    };
    Ok((status, body))
}
