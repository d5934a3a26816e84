//! Whole states in chunks. They travel on connections of their own, so that no heartbeat waits behind one.

use std::sync::Arc;
use std::time::Duration;

use tonic::Status;

use super::pb::{self, peers_client::PeersClient};
use super::{MESSAGE_BYTES_MAX, Peers, connect};
use crate::types::NodeId;

/// How long a node may take to give a chunk.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Sizes.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotOptions {
    /// What states that a node sends may take of the network, all together, in bytes a second; 0 means without bound.
    pub bytes_per_second: u64,
    /// About how many bytes of rows a chunk has. It must get through a slow link in 15 s, and a task that handles one holds up
    /// the others of its thread.
    pub chunk_bytes: usize,
    /// So many bytes of rows the receiver gives its store at a time: letters go into files only if there are many of them.
    pub part_bytes: usize,
}

impl Default for SnapshotOptions {
    fn default() -> SnapshotOptions {
        SnapshotOptions {
            // A quarter of a network of 1 Gbit/s.
            bytes_per_second: 32 << 20,
            chunk_bytes: 256 << 10,
            part_bytes: 8 << 20,
        }
    }
}

/// A connection that states travel on.
pub struct Connection(PeersClient<tonic::transport::Channel>);

impl Connection {
    /// Connects to a node.
    ///
    /// # Errors
    /// UNAVAILABLE if it cannot be reached.
    pub async fn to(peers: &Arc<Peers>, node: NodeId) -> Result<Connection, Status> {
        let address = peers
            .address(node)
            .ok_or_else(|| Status::unavailable("the node's address is unknown"))?;
        let channel = connect(peers.env().net.clone(), &address)
            .await
            .map_err(|e| Status::unavailable(e.to_string()))?;
        let client = PeersClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Connection(client))
    }

    /// Asks for a chunk.
    ///
    /// # Errors
    /// Whatever kept the node from giving it.
    pub async fn read(&mut self, request: pb::SnapshotRequest) -> Result<pb::SnapshotChunk, Status> {
        let answer = tokio::time::timeout(ANSWER_MAX, self.0.read_snapshot(request)).await;
        let answer = answer.map_err(|_| Status::deadline_exceeded("the node does not answer"))?;
        answer.map(tonic::Response::into_inner)
    }

    /// Offers a state. It takes as long as it takes.
    ///
    /// # Errors
    /// Whatever kept the node from installing it.
    pub async fn offer(&mut self, offer: pb::SnapshotOffer) -> Result<pb::SnapshotTaken, Status> {
        let answer = self.0.offer_snapshot(offer).await;
        answer.map(tonic::Response::into_inner)
    }
}
