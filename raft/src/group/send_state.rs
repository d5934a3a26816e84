//! Gives this replica's state to other nodes, chunk by chunk.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::async_runtime::WatchReceiver;
use tokio::time::Instant;
use tonic::Status;

use super::served::{Served, Word};
use super::transfer::Transfer;
use super::types::SnapshotMeta;
use super::{Group, wire};
use crate::level::Level;
use crate::machine::{Machine, Row};
use crate::peers::pb;
use crate::store::{self, StoreError};
use crate::types::NodeId;

/// How long a leader may take to hear that it still is one.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);
/// Somebody who waits for a cut is told so after this long, so that silence means that something is wrong.
const CUT_WAIT: Duration = Duration::from_secs(1);
/// How often a cut is asked for. Nothing comes of it while an earlier checkpoint is being written.
const CUT_ASK: Duration = Duration::from_millis(50);

impl Group {
    /// Makes the chunk that a node asks for.
    pub(crate) async fn read_snapshot(
        &self,
        request: &pb::SnapshotRequest,
    ) -> Result<pb::SnapshotChunk, Status> {
        let (level, known) = (self.replica.read(Machine::level), Level(request.level));
        if level > known {
            return Err(Status::failed_precondition(format!(
                "the state of {} has level {level}, and node {} knows levels up to {known}",
                self.id, request.from
            )));
        }
        let transfer = if request.transfer == 0 {
            self.begin_transfer(request).await?
        } else {
            let transfer = self.replica.transfers().find(request.transfer);
            transfer.ok_or_else(|| begin_anew("there is no such transfer"))?
        };
        let falls_short = |meta: SnapshotMeta| meta.last_log_id.is_none_or(|id| id.index < request.at_least);
        if transfer.sealed().is_some_and(falls_short) {
            return Err(begin_anew("the state is older than what is wanted"));
        }
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
        if served.drawn.is_empty() {
            chunk.header = self.draw(&transfer, &mut served).await?;
        }
        let words = served.first(self.parts.snapshots.chunk_bytes);
        let count = words.len();
        chunk.rows = self.encode(words).await?;
        let row_bytes = |row: &pb::SnapshotRow| row.key.len() + row.value.as_ref().map_or(0, Bytes::len);
        let bytes = chunk.rows.iter().map(row_bytes).sum();
        self.parts.throttle.pass(bytes).await;
        transfer.touch();
        served.last = Some(chunk.clone());
        served.drawn.drain(..count);
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
            let applied = state.applied.as_ref();
            if applied.is_none_or(|applied| applied.index < request.at_least) {
                return Err(Status::failed_precondition("this replica is not that far"));
            }
            Ok(self.replica.transfers().begin(
                id,
                NodeId(request.from),
                self.parts.snapshots.chunk_bytes,
                state,
            ))
        })
    }

    /// Draws what comes next; nothing if that is not known in time. Returns the state's header if it is complete and nothing is left.
    async fn draw(&self, transfer: &Transfer, served: &mut Served) -> Result<Option<Bytes>, Status> {
        let begun = Instant::now();
        loop {
            let was_cut = transfer.was_cut.notified();
            transfer.gather(served);
            let read = self.replica.view(|state| {
                let is_cut = self.replica.is_checkpointed(state);
                transfer.read(state, is_cut)
            });
            served.drawn.extend(read);
            let finished = match served.drawn.is_empty() {
                true => transfer.draw_changed(served),
                false => None,
            };
            // Asked last: what was cut, or replaced, since the state was read is known by now.
            if transfer.has_failed() || self.replica.has_ended() {
                return Err(begin_anew("the state is another one now"));
            }
            if let Some(meta) = finished {
                // Never lower than that of the rows: levels only rise.
                let level = self.replica.read(Machine::level);
                return Ok(Some(wire::header_to(&meta, level)));
            }
            if !served.drawn.is_empty() || begun.elapsed() > CUT_WAIT {
                return Ok(None);
            }
            let asked = self.checkpoint().await;
            asked.map_err(|e| Status::unavailable(e.to_string()))?;
            let _ = tokio::time::timeout(CUT_ASK, was_cut).await;
        }
    }

    async fn encode(&self, words: Vec<Word>) -> Result<Vec<pb::SnapshotRow>, Status> {
        let (mut rows, mut there) = (Vec::new(), Vec::new());
        for (key, value) in words {
            match value {
                Some(value) => there.push(Row { key, value }),
                None => rows.push(pb::SnapshotRow { key, value: None }),
            }
        }
        let there = store::encode(&self.parts.env.io, there).await;
        let there = there.map_err(|error| {
            if matches!(error, StoreError::Unreadable(_)) {
                self.replica
                    .fail(&io::Error::new(io::ErrorKind::InvalidData, error.to_string()));
            }
            Status::data_loss(error.to_string())
        })?;
        let there = there.into_iter().map(|(key, value)| pb::SnapshotRow {
            key,
            value: Some(value),
        });
        rows.extend(there);
        Ok(rows)
    }

    /// Looks after the transfers of this replica's state.
    pub(super) fn tend_transfers(&self) {
        let transfers = self.replica.transfers();
        if transfers.is_empty() {
            return;
        }
        let metrics = self.raft.metrics();
        let replication = metrics.borrow_watched().replication.clone();
        let followers = replication.iter().flatten();
        let followers =
            followers.map(|(node, matched)| (*node, matched.as_ref().map_or(0, |id| id.index + 1)));
        transfers.tend(&followers.collect(), self.replica.checkpointed());
    }
}

fn begin_anew(reason: &str) -> Status {
    Status::not_found(reason)
}
