//! A load balancer before the nodes, as production has one.
//!
//! It matters because of the SDKs' own retries: only when the second attempt of a call reaches another
//! node than the first one can it be seen whether the cluster recognises it. To see that without luck, it
//! can lose replies: it cuts a connection in place of passing on an answer that the cluster has given.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A running balancer; it stops when dropped.
pub(crate) struct Balancer {
    endpoint: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    nodes: Vec<SocketAddr>,
    next: AtomicUsize,
    /// Every such reply is lost; 0 loses none.
    lose_every: usize,
    replies: AtomicUsize,
    lost: AtomicUsize,
}

impl Balancer {
    /// Balances between `nodes`, connection by connection.
    pub(crate) async fn start(listen: SocketAddr, nodes: Vec<SocketAddr>) -> Self {
        Self::losing(listen, nodes, 0).await
    }

    /// As [`Balancer::start`], and of every `lose_every` replies one never arrives.
    pub(crate) async fn losing(listen: SocketAddr, nodes: Vec<SocketAddr>, lose_every: usize) -> Self {
        let listener = TcpListener::bind(listen).await.expect("the port is reserved");
        let counter = AtomicUsize::default;
        let shared = Arc::new(Shared {
            nodes,
            next: counter(),
            lose_every,
            replies: counter(),
            lost: counter(),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self {
            endpoint: format!("http://{listen}"),
            shared,
            accepting,
        }
    }

    /// The URL that clients use.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How many replies were lost on purpose.
    pub(crate) fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, shared.clone()));
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let Some(node) = shared.connect().await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_node, to_node) = node.into_split();
    // Whichever side ends first ends both; the order of looking does not matter, each is polled in turn.
    tokio::select! {
        biased;
        () = requests(from_client, to_node) => {}
        () = replies(from_node, to_client, &shared) => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    // An error is the end of a connection, which is what the caller waits for.
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if shared.loses(&buffer[..n]) || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

impl Shared {
    async fn connect(&self) -> Option<TcpStream> {
        for _ in 0..self.nodes.len() {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.nodes.len();
            if let Ok(stream) = TcpStream::connect(self.nodes[turn]).await {
                return Some(stream);
            }
        }
        None
    }

    /// Whether this is the beginning of a reply whose turn it is to be lost.
    fn loses(&self, bytes: &[u8]) -> bool {
        if self.lose_every == 0 || !bytes.starts_with(b"HTTP/1.1 200") {
            return false;
        }
        let count = self.replies.fetch_add(1, Ordering::Relaxed) + 1;
        let lost = count.is_multiple_of(self.lose_every);
        self.lost.fetch_add(usize::from(lost), Ordering::Relaxed);
        lost
    }
}
