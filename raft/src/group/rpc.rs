//! Answers the other replicas.

use std::io;

use openraft::raft::VoteResponse;

use super::{Group, wire};
use crate::peers::pb::{self, frame::Body};

impl Group {
    /// Takes a leader's entries. Requests take effect in the order of first polls.
    pub(crate) async fn append(&self, append: pb::Append) -> io::Result<Body> {
        self.check_epoch(append.vote.as_ref().map(|vote| vote.term))?;
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
        self.check_epoch(ballot.vote.as_ref().map(|vote| vote.term))?;
        let request = wire::ballot_from(ballot)?;
        if self.has_promised(&request) {
            return Ok(self.refusal());
        }
        let response = self.raft.vote(request).await.map_err(io::Error::other)?;
        Ok(Body::BallotReply(wire::ballot_reply_to(&response)))
    }

    pub(crate) async fn pre_vote(&self, ballot: pb::Ballot) -> io::Result<Body> {
        self.check_epoch(ballot.vote.as_ref().map(|vote| vote.term))?;
        let request = wire::ballot_from(ballot)?;
        if self.has_promised(&request) {
            return Ok(self.refusal());
        }
        let response = self.raft.pre_vote(request).await.map_err(io::Error::other)?;
        Ok(Body::BallotReply(wire::ballot_reply_to(&response)))
    }

    fn refusal(&self) -> Body {
        let refused = VoteResponse::new(self.promised(), None, false);
        Body::BallotReply(wire::ballot_reply_to(&refused))
    }

    pub(crate) async fn transfer(&self, transfer: pb::Transfer) -> io::Result<Body> {
        self.check_epoch(transfer.from.as_ref().map(|vote| vote.term))?;
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
}
