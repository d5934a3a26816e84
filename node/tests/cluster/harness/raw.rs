//! Requests byte by byte, for what an SDK would never send or would hide.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than a node's patience.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A whole HTTP/1.1 response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Self {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            head: head.to_lowercase(),
            body: body.to_owned(),
        })
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn raw(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    request += &format!("content-length: {}\r\n", body.len());
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    Answer::parse(&send_raw(to, &[request.as_bytes(), body].concat())?)
}

/// Sends these bytes, whatever they are, and returns all that comes back.
pub(crate) fn send_raw(to: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&to, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    // A server may answer and close before it has read everything.
    let written = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(_) if !answer.is_empty() => {}
        Err(error) => return Err(written.err().unwrap_or(error)),
    }
    Ok(answer)
}

#[test]
fn answers_are_taken_apart() {
    let answer = Answer::parse(b"HTTP/1.1 503 Unavailable\r\nX-A: B\r\n\r\nbody").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (503, "body"));
    assert!(answer.head.contains("x-a: b"));
    assert!(Answer::parse(b"SSH-2.0").is_err());
}
