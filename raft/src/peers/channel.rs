//! tonic over the environment's network, so that the same code runs under simulation.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::env::{Net, Stream};

/// Flow-control window of a connection and of each of its streams: two full batches fit.
const WINDOW_BYTES: u32 = 8 << 20;
/// A peer that answers no HTTP/2 ping for this long is gone.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);

/// Connects to a peer's gRPC service at `host:port`.
///
/// # Errors
/// Whatever the connection attempt met, within a second.
pub async fn connect(net: Arc<dyn Net>, address: &str) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::try_from(format!("http://{address}"))?
        .connect_timeout(super::CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    endpoint
        .connect_with_connector(Connector {
            net,
            address: address.to_owned(),
        })
        .await
}

#[derive(Clone)]
struct Connector {
    net: Arc<dyn Net>,
    address: String,
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Connector { net, address } = self.clone();
        Box::pin(async move {
            tokio::time::timeout(super::CONNECT_TIMEOUT, net.connect(&address))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
                .map(TokioIo::new)
        })
    }
}
