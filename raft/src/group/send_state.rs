//! Gives this replica's state to other nodes, chunk by chunk.

use std::time::Duration;

use openraft::AnyError;
use openraft::errors::{NetworkError, StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;
use tokio::time::Instant;
use tonic::Status;

use super::replica::Replica;
use super::transfer::{Drawn, Transfer};
use super::types::{TypeConfig, Vote};
use super::{Group, wire};
use crate::machine::{Row, RowValue};
use crate::peers::Peers;
use crate::peers::pb;
use crate::peers::snapshot::Connection;
use crate::types::{GroupId, NodeId};

use std::sync::Arc;

/// How long a leader may take to hear that it still is one.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);
/// Somebody who waits for a cut is told so after this long, so that silence means that something is wrong.
const CUT_WAIT: Duration = Duration::from_secs(1);
/// How often a cut is asked for. Nothing comes of it while an earlier checkpoint is being written.
const CUT_ASK: Duration = Duration::from_millis(50);
/// A node that was offered a state and asks for nothing for this long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Once it has everything, it installs it, which is writing what is left and loading everything.
const INSTALL_MAX: Duration = Duration::from_secs(600);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(1);

impl Group {
    /// Makes the chunk that a node asks for.
    pub(crate) async fn read_snapshot(
        &self,
        request: &pb::SnapshotRequest,
    ) -> Result<pb::SnapshotChunk, Status> {
        let transfer = if request.transfer == 0 {
            self.begin_transfer(request).await?
        } else {
            let transfer = self.replica.transfers().find(request.transfer);
            transfer.ok_or_else(|| begin_anew("there is no such transfer"))?
        };
        transfer.touch();
        let mut served = transfer.served.lock().await;
        let next = match &served.last {
            Some(last) if last.number == request.number => return Ok(last.clone()),
            last => last.as_ref().map_or(0, |last| last.number + 1),
        };
        if request.number != next {
            return Err(begin_anew("the chunk is not the next one"));
        }
        let mut chunk = pb::SnapshotChunk {
            transfer: transfer.id,
            number: next,
            ..Default::default()
        };
        if served.drawn.is_none() {
            served.drawn = self.draw(&transfer).await?;
        }
        match served.drawn.clone() {
            Some(Drawn::Rows(rows)) => chunk.rows = self.encode(rows).await?,
            Some(Drawn::End(meta)) => chunk.header = Some(wire::header_to(&meta)),
            None => {}
        }
        let bytes = chunk
            .rows
            .iter()
            .map(|row| row.key.len() + row.value.as_ref().map_or(0, bytes::Bytes::len));
        self.parts.throttle.pass(bytes.sum()).await;
        transfer.touch();
        served.last = Some(chunk.clone());
        served.drawn = None;
        Ok(chunk)
    }

    async fn begin_transfer(&self, request: &pb::SnapshotRequest) -> Result<Arc<Transfer>, Status> {
        if request.latest {
            let confirmed = tokio::time::timeout(CONFIRM_TIMEOUT, self.confirmed()).await;
            let confirmed =
                confirmed.map_err(|_| Status::deadline_exceeded("no majority has confirmed it"))?;
            confirmed.map_err(|e| Status::failed_precondition(e.to_string()))?;
        }
        let id = self.parts.env.random.next_u64().max(1);
        self.replica.view(|state| {
            if state
                .applied
                .as_ref()
                .is_none_or(|applied| applied.index < request.at_least)
            {
                return Err(Status::failed_precondition("this replica is not that far"));
            }
            let transfers = self.replica.transfers();
            Ok(transfers.begin(id, NodeId(request.from), &state.machine))
        })
    }

    /// What goes into the next chunk; none if that is not known in time.
    async fn draw(&self, transfer: &Transfer) -> Result<Option<Drawn>, Status> {
        let begun = Instant::now();
        loop {
            let was_cut = transfer.was_cut.notified();
            let drawn = self.replica.view(|state| {
                let is_cut = self.replica.is_checkpointed(state);
                transfer.draw(state, is_cut, self.parts.snapshots.chunk_bytes)
            });
            if transfer.has_failed() || self.replica.has_ended() {
                return Err(begin_anew("the state is another one now"));
            }
            if drawn.is_some() || begun.elapsed() > CUT_WAIT {
                return Ok(drawn);
            }
            self.checkpoint()
                .await
                .map_err(|e| Status::unavailable(e.to_string()))?;
            let _ = tokio::time::timeout(CUT_ASK, was_cut).await;
        }
    }

    async fn encode(
        &self,
        rows: Vec<(bytes::Bytes, Option<RowValue>)>,
    ) -> Result<Vec<pb::SnapshotRow>, Status> {
        let mut gone = Vec::new();
        let mut there = Vec::new();
        for (key, value) in rows {
            match value {
                Some(value) => there.push(Row { key, value }),
                None => gone.push(pb::SnapshotRow { key, value: None }),
            }
        }
        let there = self.parts.checkpointer.encode(self.id, there).await;
        let there = there.map_err(|error| {
            tracing::error!(group = %self.id, %error, "a state cannot be sent");
            Status::data_loss(error.to_string())
        })?;
        let there = there.into_iter().map(|(key, value)| pb::SnapshotRow {
            key,
            value: Some(value),
        });
        Ok(gone.into_iter().chain(there).collect())
    }
}

fn begin_anew(reason: &str) -> Status {
    Status::not_found(reason)
}

/// Offers a leader's state to a follower, and waits until it has installed it. If the way there breaks, and it is offered again soon, the follower
/// goes on where it was.
pub(super) async fn offer(
    peers: &Arc<Peers>,
    group: GroupId,
    replica: &Replica,
    to: NodeId,
    vote: &Vote,
) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
    let unreachable = |status: Status| StreamingError::Unreachable(Unreachable::new(&status));
    let mut connection = Connection::to(peers, to).await.map_err(unreachable)?;
    let offer = connection.offer(pb::SnapshotOffer {
        group: group.0,
        cluster: peers.cluster(),
        vote: Some(wire::vote_to(vote)),
        to: to.0,
    });
    let taken = tokio::select! {
        // An answer counts even if it comes with the last moment.
        biased;
        taken = offer => taken.map_err(unreachable)?,
        () = silence(replica, to) => {
            return Err(unreachable(Status::deadline_exceeded("the node asks for nothing more of the state that it was offered")));
        }
    };
    replica.transfers().end(to);
    let vote = wire::vote_from(taken.vote)
        .map_err(|e| StreamingError::Network(NetworkError::new(&AnyError::new(&e))))?;
    Ok(SnapshotResponse::new(vote))
}

/// Returns when a node has not asked for anything for too long.
async fn silence(replica: &Replica, to: NodeId) {
    let begun = Instant::now();
    let mut has_all = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let transfers = replica.transfers();
        if transfers.has_all(to) {
            // It is needed until it is installed, for what the log has to keep.
            transfers.touch(to);
            if has_all.get_or_insert_with(Instant::now).elapsed() > INSTALL_MAX {
                return;
            }
        } else if transfers.used(to).unwrap_or(begun).max(begun).elapsed() > SILENCE_MAX {
            return;
        }
    }
}
