//! Answers the other replicas.

use std::io;

use bytes::Bytes;
use openraft::Snapshot;

use super::state_machine::Rows;
use super::{Group, misfit, wire};
use crate::machine::{Row, RowValue};
use crate::peers::pb::{self, frame::Body};

impl Group {
    /// Takes a leader's entries. Requests take effect in the order of first polls.
    pub(crate) async fn append(&self, append: pb::Append) -> io::Result<Body> {
        let request = wire::append_from(append)?;
        let previous = request.prev_log_id;
        let last = request.entries.last().map(|e| e.log_id).or(previous);
        let response = self
            .raft
            .append_entries(request)
            .await
            .map_err(io::Error::other)?;
        Ok(Body::AppendReply(wire::append_reply_to(
            &response.into_stream_result(previous, last),
        )))
    }

    pub(crate) async fn vote(&self, ballot: pb::Ballot) -> io::Result<Body> {
        let response = self
            .raft
            .vote(wire::ballot_from(ballot)?)
            .await
            .map_err(io::Error::other)?;
        Ok(Body::BallotReply(wire::ballot_reply_to(&response)))
    }

    pub(crate) async fn pre_vote(&self, ballot: pb::Ballot) -> io::Result<Body> {
        let response = self
            .raft
            .pre_vote(wire::ballot_from(ballot)?)
            .await
            .map_err(io::Error::other)?;
        Ok(Body::BallotReply(wire::ballot_reply_to(&response)))
    }

    pub(crate) async fn transfer(&self, transfer: pb::Transfer) -> io::Result<Body> {
        let request = wire::transfer_from(transfer)?;
        let outcome = self
            .raft
            .handle_transfer_leader(request)
            .await
            .map_err(io::Error::other)?;
        Ok(Body::TransferReply(pb::TransferReply {
            accepted: outcome.is_ok(),
        }))
    }

    /// Installs a leader's state in place of this replica's.
    pub(crate) async fn install(
        &self,
        header: pb::SnapshotHeader,
        rows: Vec<(Bytes, Bytes)>,
    ) -> io::Result<pb::SnapshotReply> {
        let vote = wire::vote_from(header.vote)?;
        let meta = wire::header_from(&header.header)?;
        let rows = rows
            .into_iter()
            .map(|(key, value)| Row {
                key,
                value: RowValue::Encoded(value),
            })
            .collect();
        let snapshot = Snapshot {
            meta,
            snapshot: Rows::Received(rows),
        };
        let reply = self
            .raft
            .install_full_snapshot(vote, snapshot)
            .await
            .map_err(io::Error::other)?;
        Ok(pb::SnapshotReply {
            vote: Some(wire::vote_to(&reply.vote)),
        })
    }

    /// This replica's whole state, if it covers `at_least`.
    pub(crate) fn state(&self, at_least: u64) -> io::Result<(Bytes, Vec<Row>)> {
        self.replica.view(|state| {
            let meta = state.meta();
            if meta.last_log_id.as_ref().is_none_or(|id| id.index < at_least) {
                return Err(misfit("this replica is not that far"));
            }
            Ok((wire::header_to(&meta), state.machine.rows()))
        })
    }
}
