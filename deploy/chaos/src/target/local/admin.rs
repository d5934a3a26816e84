//! Asks a node's admin listener.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Who does not answer so soon does not answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest answer.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// The body of an answer with status 200, or nothing.
pub(super) async fn get(host: &str, path: &str) -> Option<String> {
    tokio::time::timeout(PATIENCE, exchange(host, path))
        .await
        .ok()?
        .ok()?
}

async fn exchange(host: &str, path: &str) -> std::io::Result<Option<String>> {
    let mut stream = TcpStream::connect((host, 4568)).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
    let is_ok = answer.split(' ').nth(1) == Some("200");
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Ok(body.filter(|_| is_ok))
}
