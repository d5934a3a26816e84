//! Whole states in chunks: pushed to a follower that fell behind the purged log, or fetched by a
//! node that lost its checkpoint. They travel on streams of their own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::Status;

use super::pb::{self, peers_client::PeersClient};
use super::{MESSAGE_BYTES_MAX, Peers, connect};
use crate::machine::Row;
use crate::types::NodeId;

/// A chunk is closed when it holds this many bytes.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that wait for the network.
const CHUNKS_IN_FLIGHT: usize = 4;
/// A stream on which nothing moves for this long is given up. There is no limit for a whole state,
/// however large, as long as it moves.
const STALL_MAX: Duration = Duration::from_secs(15);
/// After its last chunk a state is installed: decoded and written to disk once.
const INSTALL_MAX: Duration = Duration::from_secs(600);

/// Sends a state to `node` and waits until it is installed there. `state` is asked for it once the
/// node is reached.
///
/// # Errors
/// Whatever kept the node from confirming it.
pub async fn send(
    peers: &Arc<Peers>,
    node: NodeId,
    state: impl FnOnce() -> Result<(pb::SnapshotHeader, Vec<Row>), Status>,
) -> Result<pb::SnapshotReply, Status> {
    let mut client = client(peers, node).await?;
    let (header, rows) = state()?;
    let (taken, progress) = watch::channel(());
    let mut taken = Some(taken);
    let chunks = chunks(header, rows).map(move |chunk| {
        // The last chunk has the total; the channel's end tells that it was taken.
        if let Some(taken) = &taken {
            taken.send_replace(());
        }
        taken.take_if(|_| chunk.rows_total.is_some());
        chunk
    });
    let call = client.install_snapshot(chunks);
    tokio::select! {
        // A reply counts even if it comes with the last moment.
        biased;
        reply = call => reply.map(tonic::Response::into_inner),
        () = overdue(progress, STALL_MAX, INSTALL_MAX) => Err(Status::deadline_exceeded(
            "the node does not take the snapshot or does not install it in time",
        )),
    }
}

/// Returns when nothing has moved for `stall_max`, or, once all has been taken, after `install_max`.
async fn overdue(mut progress: watch::Receiver<()>, stall_max: Duration, install_max: Duration) {
    loop {
        match tokio::time::timeout(stall_max, progress.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return tokio::time::sleep(install_max).await,
            Err(_) => return,
        }
    }
}

/// Fetches the state of a group from `node`: its header and its encoded rows.
///
/// # Errors
/// Whatever kept the node from giving it.
pub async fn fetch(
    peers: &Arc<Peers>,
    node: NodeId,
    request: pb::FetchStateRequest,
) -> Result<(pb::SnapshotHeader, Vec<(Bytes, Bytes)>), Status> {
    let mut client = client(peers, node).await?;
    let stream = tokio::time::timeout(STALL_MAX, client.fetch_state(request)).await;
    let stream = stream.map_err(|_| Status::deadline_exceeded("the node does not answer"))?;
    receive(stream?.into_inner()).await
}

async fn client(peers: &Arc<Peers>, node: NodeId) -> Result<PeersClient<tonic::transport::Channel>, Status> {
    let address = peers
        .address(node)
        .ok_or_else(|| Status::unavailable("the node's address is unknown"))?;
    let channel = connect(peers.env().net.clone(), &address)
        .await
        .map_err(|e| Status::unavailable(e.to_string()))?;
    Ok(PeersClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX))
}

/// A state as a stream of chunks. Rows are encoded as the network takes them.
pub(super) fn chunks(header: pb::SnapshotHeader, rows: Vec<Row>) -> impl Stream<Item = pb::SnapshotChunk> {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    tokio::spawn(async move {
        let total = rows.len() as u64;
        let mut chunk = pb::SnapshotChunk {
            header: Some(header),
            ..Default::default()
        };
        let mut bytes = 0;
        for row in rows {
            let value = match row.value.try_encode() {
                Ok(value) => value,
                Err(error) => {
                    // The receiver sees that the state is not whole.
                    tracing::error!(%error, "a state cannot be sent: a letter cannot be read");
                    return;
                }
            };
            let row = pb::SnapshotRow { key: row.key, value };
            bytes += row.key.len() + row.value.len();
            chunk.rows.push(row);
            if bytes >= CHUNK_BYTES {
                if sender.send(std::mem::take(&mut chunk)).await.is_err() {
                    return;
                }
                bytes = 0;
            }
        }
        chunk.rows_total = Some(total);
        // A receiver that is gone has told its own side why.
        let _ = sender.send(chunk).await;
    });
    ReceiverStream::new(receiver)
}

/// Collects a state's chunks; refuses one that is not whole.
pub(super) async fn receive(
    mut chunks: impl Stream<Item = Result<pb::SnapshotChunk, Status>> + Unpin,
) -> Result<(pb::SnapshotHeader, Vec<(Bytes, Bytes)>), Status> {
    let mut header = None;
    let mut rows = Vec::new();
    let mut total = None;
    loop {
        let next = tokio::time::timeout(STALL_MAX, chunks.next()).await;
        let Some(chunk) = next.map_err(|_| Status::deadline_exceeded("the snapshot's stream fell silent"))?
        else {
            break;
        };
        let chunk = chunk?;
        header = header.or(chunk.header);
        rows.extend(chunk.rows.into_iter().map(|row| (row.key, row.value)));
        total = total.or(chunk.rows_total);
    }
    let header = header.ok_or_else(|| Status::data_loss("snapshot without header"))?;
    if total != Some(rows.len() as u64) {
        return Err(Status::data_loss("snapshot is not whole"));
    }
    Ok((header, rows))
}

/// An I/O error as the other side should see it.
pub(super) fn refused(error: &io::Error) -> Status {
    Status::failed_precondition(error.to_string())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const NEVER: Duration = Duration::from_secs(3_600);
    const NOW: Duration = Duration::ZERO;

    #[tokio::test]
    async fn a_state_that_moves_has_time_and_one_that_stands_still_has_not() {
        let (taken, progress) = watch::channel(());
        overdue(progress.clone(), NOW, NEVER).await;
        let mut moving = Box::pin(overdue(progress, NEVER, NOW));
        for _ in 0..3 {
            taken.send(()).unwrap();
            assert!(moving.as_mut().now_or_never().is_none());
        }
        // Everything was taken: from now on it is the installation's time.
        drop(taken);
        moving.await;
    }
}
