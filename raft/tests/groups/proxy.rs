//! Stands between two nodes and cuts the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes on to a node. Counts those that come back.
pub(crate) struct Proxy {
    pub(crate) address: String,
    came: Arc<AtomicU64>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn to(target: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let came = Arc::new(AtomicU64::new(0));
        let cuts = watch::Sender::new(0);
        let (target, counter, cut) = (target.to_owned(), came.clone(), cuts.subscribe());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(pass(near, far, counter.clone(), cut.clone()));
            }
        });
        Proxy { address, came, cuts }
    }

    /// How many bytes the node has sent.
    pub(crate) fn came(&self) -> u64 {
        self.came.load(Ordering::SeqCst)
    }

    /// Breaks all connections. New ones are made.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn pass(near: TcpStream, far: TcpStream, came: Arc<AtomicU64>, mut cut: watch::Receiver<u64>) {
    cut.mark_unchanged();
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    let back = async {
        let mut bytes = vec![0; 16 << 10];
        while let Ok(count @ 1..) = far_in.read(&mut bytes).await {
            came.fetch_add(count as u64, Ordering::SeqCst);
            if near_out.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
        () = back => {}
        _ = cut.changed() => {}
    }
}
