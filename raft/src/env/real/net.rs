//! TCP by tokio. Names are resolved inside each call, because pods move.

use std::io;

use tokio::net::{TcpListener, TcpStream};

use crate::env::{BoxFuture, Listener, Net, Stream};

/// The network of the operating system.
pub struct TokioNet;

impl Net for TokioNet {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move { without_delay(TcpStream::connect(address).await?) })
    }

    fn bind<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            // tokio sets SO_REUSEADDR, so that a restarted node gets its port back at once.
            let listener = TcpListener::bind(address).await?;
            Ok(Box::new(TokioListener(listener)) as Box<dyn Listener>)
        })
    }
}

struct TokioListener(TcpListener);

impl Listener for TokioListener {
    fn accept<'a>(&'a self) -> BoxFuture<'a, io::Result<(Box<dyn Stream>, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.0.accept().await?;
            Ok((without_delay(stream)?, peer.to_string()))
        })
    }

    fn local_address(&self) -> io::Result<String> {
        Ok(self.0.local_addr()?.to_string())
    }
}

/// Requests and Raft frames are small and waited for: Nagle's algorithm only adds latency.
fn without_delay(stream: TcpStream) -> io::Result<Box<dyn Stream>> {
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_name_is_resolved_and_bytes_arrive() {
        let listener = TokioNet.bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_address().unwrap();
        let port = address.rsplit(':').next().unwrap();
        let by_name = format!("localhost:{port}");
        let (client, server) = tokio::join!(TokioNet.connect(&by_name), listener.accept());
        let (mut client, (mut server, _peer)) = (client.unwrap(), server.unwrap());
        client.write_all(b"hello").await.unwrap();
        let mut back = [0; 5];
        server.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"hello");
    }
}
