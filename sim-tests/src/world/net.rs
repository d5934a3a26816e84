//! Connections over turmoil's network.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use raft::env::{BoxFuture, Listener, Net, Stream};
use turmoil::net::{TcpListener, TcpStream};

/// turmoil's network.
pub(crate) struct SimNet;

impl Net for SimNet {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn bind<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let port = address
                .rsplit(':')
                .next()
                .and_then(|port| port.parse::<u16>().ok());
            let port = port.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
            let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)).await?;
            Ok(Box::new(SimListener(listener)) as Box<dyn Listener>)
        })
    }
}

struct SimListener(TcpListener);

impl Listener for SimListener {
    fn accept<'a>(&'a self) -> BoxFuture<'a, io::Result<(Box<dyn Stream>, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.0.accept().await?;
            Ok((Box::new(stream) as Box<dyn Stream>, peer.to_string()))
        })
    }

    fn local_address(&self) -> io::Result<String> {
        self.0.local_addr().map(|address| address.to_string())
    }
}
