//! openraft's types as peer messages, and back.

use std::io;

use bytes::Bytes;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult, VoteRequest, VoteResponse};
use openraft::raft::{StreamAppendError, TransferLeaderRequest};

use super::entry::{decode_entry, encode_entry};
use super::types::{LeaderId, LogId, TypeConfig, Vote};
use crate::level::{Level, TooNew};
use crate::peers::pb;
use crate::types::NodeId;

pub(crate) fn vote_to(vote: &Vote) -> pb::Vote {
    pb::Vote {
        term: vote.leader_id.term,
        node: vote.leader_id.voted_for.0,
        committed: vote.committed,
    }
}

pub(crate) fn vote_from(vote: Option<pb::Vote>) -> io::Result<Vote> {
    let vote = vote.ok_or_else(|| malformed("vote"))?;
    let leader_id = LeaderId {
        term: vote.term,
        voted_for: NodeId(vote.node),
    };
    Ok(Vote {
        leader_id,
        committed: vote.committed,
    })
}

pub(crate) fn log_id_to(id: &LogId) -> pb::LogId {
    pb::LogId {
        term: *id.leader_id,
        index: id.index,
    }
}

pub(crate) fn log_id_from(id: pb::LogId) -> LogId {
    super::types::log_id(id.term, id.index)
}

pub(crate) fn append_to(request: &AppendEntriesRequest<TypeConfig>) -> pb::Append {
    pb::Append {
        vote: Some(vote_to(&request.vote)),
        previous: request.prev_log_id.as_ref().map(log_id_to),
        committed: request.leader_commit.as_ref().map(log_id_to),
        entries: request.entries.iter().map(encode_entry).collect(),
    }
}

pub(crate) fn append_from(append: pb::Append) -> io::Result<AppendEntriesRequest<TypeConfig>> {
    Ok(AppendEntriesRequest {
        vote: vote_from(append.vote)?,
        prev_log_id: append.previous.map(log_id_from),
        leader_commit: append.committed.map(log_id_from),
        entries: append
            .entries
            .into_iter()
            .map(decode_entry)
            .collect::<Result<_, _>>()?,
    })
}

pub(crate) fn append_reply_to(result: &StreamAppendResult<TypeConfig>) -> pb::AppendReply {
    use pb::append_reply::Kind;
    let (kind, log_id, vote) = match result {
        Ok(agreed) => (Kind::Success, agreed.as_ref().map(log_id_to), None),
        Err(StreamAppendError::Conflict(at)) => (Kind::Conflict, Some(log_id_to(at)), None),
        Err(StreamAppendError::HigherVote(vote)) => (Kind::HigherVote, None, Some(vote_to(vote))),
    };
    pb::AppendReply {
        kind: kind.into(),
        log_id,
        vote,
    }
}

pub(crate) fn append_reply_from(reply: pb::AppendReply) -> io::Result<StreamAppendResult<TypeConfig>> {
    use pb::append_reply::Kind;
    Ok(match reply.kind() {
        Kind::Success | Kind::Partial => Ok(reply.log_id.map(log_id_from)),
        Kind::Conflict => Err(StreamAppendError::Conflict(log_id_from(
            reply.log_id.ok_or_else(|| malformed("conflict"))?,
        ))),
        Kind::HigherVote => Err(StreamAppendError::HigherVote(vote_from(reply.vote)?)),
        Kind::Unspecified => return Err(malformed("append reply")),
    })
}

pub(crate) fn ballot_to(request: &VoteRequest<TypeConfig>) -> pb::Ballot {
    pb::Ballot {
        vote: Some(vote_to(&request.vote)),
        last: request.last_log_id.as_ref().map(log_id_to),
        leadership_transfer: request.leadership_transfer,
    }
}

pub(crate) fn ballot_from(ballot: pb::Ballot) -> io::Result<VoteRequest<TypeConfig>> {
    let mut request = VoteRequest::new(vote_from(ballot.vote)?, ballot.last.map(log_id_from));
    request.leadership_transfer = ballot.leadership_transfer;
    Ok(request)
}

pub(crate) fn ballot_reply_to(response: &VoteResponse<TypeConfig>) -> pb::BallotReply {
    pb::BallotReply {
        vote: Some(vote_to(&response.vote)),
        granted: response.vote_granted,
        last: response.last_log_id.as_ref().map(log_id_to),
    }
}

pub(crate) fn ballot_reply_from(reply: pb::BallotReply) -> io::Result<VoteResponse<TypeConfig>> {
    Ok(VoteResponse::new(
        vote_from(reply.vote)?,
        reply.last.map(log_id_from),
        reply.granted,
    ))
}

pub(crate) fn transfer_to(request: &TransferLeaderRequest<TypeConfig>) -> pb::Transfer {
    pb::Transfer {
        from: Some(vote_to(request.from_leader())),
        to: request.to_node_id().0,
        last: request.last_log_id().map(log_id_to),
    }
}

pub(crate) fn transfer_from(transfer: pb::Transfer) -> io::Result<TransferLeaderRequest<TypeConfig>> {
    let last = transfer.last.map(log_id_from);
    Ok(TransferLeaderRequest::new(
        vote_from(transfer.from)?,
        NodeId(transfer.to),
        last,
    ))
}

/// A state's header: what it has applied, the membership it knows, and the level of its rows. The
/// same in checkpoints and in snapshots.
pub(crate) fn header_to(meta: &super::types::SnapshotMeta, level: Level) -> Bytes {
    use prost::Message;
    let membership = meta.last_membership.membership();
    StateHeader {
        version: match level {
            Level::ZERO => STATE_VERSION,
            _ => LEVELLED_VERSION,
        },
        level: level.0,
        applied: meta.last_log_id.as_ref().map(log_id_to),
        membership_log_id: meta.last_membership.log_id().as_ref().map(log_id_to),
        configs: membership
            .get_joint_config()
            .iter()
            .map(|config| Config {
                voters: config.iter().map(|n| n.0).collect(),
            })
            .collect(),
        nodes: membership.nodes().map(|(id, _)| id.0).collect(),
    }
    .encode_to_vec()
    .into()
}

/// Reads a header, if its state has a level of which this node knows, up to `known`.
///
/// # Errors
/// `Unsupported` with a [`TooNew`] for a higher level; `InvalidData` for what is no header.
pub(crate) fn header_from(bytes: &[u8], known: Level) -> io::Result<(super::types::SnapshotMeta, Level)> {
    use prost::Message;
    let header = StateHeader::decode(bytes).map_err(|_| malformed("state header"))?;
    if !(STATE_VERSION..=LEVELLED_VERSION).contains(&header.version) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "state of format {}, this version reads formats up to {LEVELLED_VERSION}",
                header.version
            ),
        ));
    }
    let level = Level(header.level);
    TooNew::check(level, known, || "the state of a group".to_owned())?;
    let configs: Vec<std::collections::BTreeSet<NodeId>> = header
        .configs
        .into_iter()
        .map(|c| c.voters.into_iter().map(NodeId).collect())
        .collect();
    let nodes: std::collections::BTreeMap<NodeId, openraft::EmptyNode> = header
        .nodes
        .into_iter()
        .map(|n| (NodeId(n), openraft::EmptyNode {}))
        .collect();
    let membership = if configs.is_empty() {
        super::types::Membership::default()
    } else {
        super::types::Membership::new(configs, nodes).map_err(|e| malformed(&e.to_string()))?
    };
    let meta = super::types::SnapshotMeta {
        last_log_id: header.applied.map(log_id_from),
        last_membership: super::types::StoredMembership::new(
            header.membership_log_id.map(log_id_from),
            membership,
        ),
    };
    Ok((meta, level))
}

/// The version of [`StateHeader`] of a state of level 0.
const STATE_VERSION: u32 = 1;
/// The version of one with a level. Binaries that know no levels refuse it and leave the state as it
/// is.
const LEVELLED_VERSION: u32 = 2;

#[derive(Clone, PartialEq, prost::Message)]
struct StateHeader {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(message, optional, tag = "2")]
    applied: Option<pb::LogId>,
    #[prost(message, optional, tag = "3")]
    membership_log_id: Option<pb::LogId>,
    #[prost(message, repeated, tag = "4")]
    configs: Vec<Config>,
    #[prost(uint64, repeated, tag = "5")]
    nodes: Vec<u64>,
    /// Never 0 in version 2.
    #[prost(uint32, tag = "6")]
    level: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Config {
    #[prost(uint64, repeated, tag = "1")]
    voters: Vec<u64>,
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("malformed {what} from a peer"),
    )
}
