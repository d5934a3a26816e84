//! The bytes of a log entry, and of the small Raft facts that are stored beside entries.
//!
//! The write-ahead log and the peer transport carry the same bytes, so that an entry is encoded
//! once on its way to a follower's disk. Decoding does not copy the payload. Tags are permanent.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::Bytes;
use openraft::vote::RaftLeaderId;
use openraft::{EmptyNode, EntryPayload, Membership, RaftTypeConfig};
use prost::Message;

use super::types::{Payload, TypeConfig};
use crate::level::Level;
use crate::types::NodeId;

/// A log entry of any group.
pub type Entry = <TypeConfig as RaftTypeConfig>::Entry;
/// Where an entry stands: term and index.
pub type LogId = openraft::LogId<CommittedLeaderId>;
/// Whom a node has voted for, or follows.
pub type Vote = <TypeConfig as RaftTypeConfig>::Vote;
/// The leader of a term once it is one; there is one a term, so that it is no more than the term.
pub type CommittedLeaderId = <LeaderId as RaftLeaderId>::Committed;

type LeaderId = <TypeConfig as RaftTypeConfig>::LeaderId;

/// The version of the encoding of entries without a level. A decoder refuses what is newer than it
/// knows.
const ENTRY_VERSION: u32 = 1;
/// The version of entries with a level. Binaries that know no levels refuse it, so that they
/// neither take such an entry from a leader nor apply it.
const LEVELLED_VERSION: u32 = 2;

/// Bytes that are no entry, vote or log id, or one of a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not the encoding of what was asked for.
    #[error("a log record cannot be decoded: {0}")]
    Malformed(String),
    /// Written by a newer version of this program.
    #[error("a log entry has version {0}, and this build knows versions up to {LEVELLED_VERSION}")]
    Version(u32),
}

impl From<prost::DecodeError> for DecodeError {
    fn from(error: prost::DecodeError) -> DecodeError {
        DecodeError::Malformed(error.to_string())
    }
}

impl From<DecodeError> for io::Error {
    fn from(error: DecodeError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

#[derive(Clone, PartialEq, Message)]
struct EntryRecord {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(uint64, tag = "2")]
    term: u64,
    #[prost(uint64, tag = "3")]
    index: u64,
    #[prost(oneof = "PayloadRecord", tags = "4, 5, 6")]
    payload: Option<PayloadRecord>,
    /// What it takes to apply it. Never 0 in version 2.
    #[prost(uint32, tag = "7")]
    level: u32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum PayloadRecord {
    #[prost(message, tag = "4")]
    Blank(BlankRecord),
    #[prost(bytes = "bytes", tag = "5")]
    Normal(Bytes),
    #[prost(message, tag = "6")]
    Membership(MembershipRecord),
}

#[derive(Clone, PartialEq, Message)]
struct BlankRecord {}

/// Public because snapshots and checkpoint headers carry memberships, too.
#[derive(Clone, PartialEq, Message)]
pub struct MembershipRecord {
    /// One set of voters, or two while the membership changes.
    #[prost(message, repeated, tag = "1")]
    pub configs: Vec<VotersRecord>,
    /// Voters and learners.
    #[prost(uint64, repeated, tag = "2")]
    pub nodes: Vec<u64>,
}

/// A set of voters.
#[derive(Clone, PartialEq, Message)]
pub struct VotersRecord {
    /// Node ids, ascending.
    #[prost(uint64, repeated, tag = "1")]
    pub voters: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct LogIdRecord {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    index: u64,
}

#[derive(Clone, PartialEq, Message)]
struct VoteRecord {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
    #[prost(bool, tag = "3")]
    committed: bool,
}

/// The bytes of an entry.
pub fn encode_entry(entry: &Entry) -> Bytes {
    let (payload, level) = match &entry.payload {
        EntryPayload::Blank => (PayloadRecord::Blank(BlankRecord {}), Level::ZERO),
        EntryPayload::Normal(payload) => (PayloadRecord::Normal(payload.batch.clone()), payload.level),
        EntryPayload::Membership(membership) => {
            let membership = MembershipRecord::from(membership);
            (PayloadRecord::Membership(membership), Level::ZERO)
        }
    };
    let version = match level {
        Level::ZERO => ENTRY_VERSION,
        _ => LEVELLED_VERSION,
    };
    let record = EntryRecord {
        version,
        term: entry.log_id.committed_leader_id().term,
        index: entry.log_id.index(),
        payload: Some(payload),
        level: level.0,
    };
    Bytes::from(record.encode_to_vec())
}

/// The entry of these bytes; its payload shares them.
///
/// # Errors
/// `InvalidData` with a [`DecodeError`].
pub fn decode_entry(bytes: Bytes) -> io::Result<Entry> {
    let record = EntryRecord::decode(bytes).map_err(DecodeError::from)?;
    if !(ENTRY_VERSION..=LEVELLED_VERSION).contains(&record.version) {
        return Err(DecodeError::Version(record.version).into());
    }
    let payload = match record.payload {
        Some(PayloadRecord::Blank(_)) => EntryPayload::Blank,
        Some(PayloadRecord::Normal(batch)) => EntryPayload::Normal(Payload {
            batch,
            level: Level(record.level),
        }),
        Some(PayloadRecord::Membership(membership)) => EntryPayload::Membership(membership.try_into()?),
        None => return Err(DecodeError::Malformed("an entry without payload".into()).into()),
    };
    Ok(Entry {
        log_id: LogId::new_term_index(record.term, record.index),
        payload,
    })
}

/// The bytes of a log id.
pub fn encode_log_id(log_id: &LogId) -> Bytes {
    let record = LogIdRecord {
        term: log_id.committed_leader_id().term,
        index: log_id.index(),
    };
    Bytes::from(record.encode_to_vec())
}

/// The log id of these bytes.
pub fn decode_log_id(bytes: Bytes) -> Result<LogId, DecodeError> {
    let record = LogIdRecord::decode(bytes)?;
    Ok(LogId::new_term_index(record.term, record.index))
}

/// The bytes of a vote.
pub fn encode_vote(vote: &Vote) -> Bytes {
    let record = VoteRecord {
        term: vote.leader_id.term,
        node: vote.leader_id.voted_for.0,
        committed: vote.committed,
    };
    Bytes::from(record.encode_to_vec())
}

/// The vote of these bytes.
pub fn decode_vote(bytes: Bytes) -> Result<Vote, DecodeError> {
    let record = VoteRecord::decode(bytes)?;
    let node = NodeId(record.node);
    Ok(if record.committed {
        Vote::new_committed(record.term, node)
    } else {
        Vote::new(record.term, node)
    })
}

impl From<&Membership<NodeId, EmptyNode>> for MembershipRecord {
    fn from(membership: &Membership<NodeId, EmptyNode>) -> MembershipRecord {
        let voters = |set: &BTreeSet<NodeId>| VotersRecord {
            voters: set.iter().map(|node| node.0).collect(),
        };
        MembershipRecord {
            configs: membership.get_joint_config().iter().map(voters).collect(),
            nodes: membership.nodes().map(|(node, _)| node.0).collect(),
        }
    }
}

impl TryFrom<MembershipRecord> for Membership<NodeId, EmptyNode> {
    type Error = DecodeError;

    fn try_from(record: MembershipRecord) -> Result<Self, DecodeError> {
        let nodes = record.nodes.into_iter();
        let nodes: BTreeMap<NodeId, EmptyNode> =
            nodes.map(|node| (NodeId(node), EmptyNode::default())).collect();
        let configs: Vec<BTreeSet<NodeId>> = record
            .configs
            .into_iter()
            .map(|config| config.voters.into_iter().map(NodeId).collect())
            .collect();
        // An empty membership is that of a group before its initialisation, which `new` refuses.
        if configs.is_empty() && nodes.is_empty() {
            return Ok(Membership::default());
        }
        Membership::new(configs, nodes).map_err(|error| DecodeError::Malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(batch: Bytes, level: Level) -> Payload {
        Payload { batch, level }
    }

    fn entry(payload: EntryPayload<Payload, NodeId, EmptyNode>) -> Entry {
        let log_id = LogId::new_term_index(3, 8);
        Entry { log_id, payload }
    }

    #[test]
    fn entries_come_back() {
        let voters = |nodes: &[u64]| nodes.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
        let joint = vec![voters(&[1, 2, 3]), voters(&[2, 3, 4])];
        let membership = Membership::new_with_defaults(joint, [NodeId(9)]);
        for payload in [
            EntryPayload::Blank,
            EntryPayload::Normal(payload(Bytes::from_static(b"batch"), Level::ZERO)),
            EntryPayload::Normal(payload(Bytes::new(), Level::ZERO)),
            EntryPayload::Normal(payload(Bytes::from_static(b"batch"), Level(3))),
            EntryPayload::Membership(membership),
            EntryPayload::Membership(Membership::default()),
        ] {
            let entry = entry(payload);
            assert_eq!(decode_entry(encode_entry(&entry)).unwrap(), entry);
        }
    }

    #[test]
    fn decoding_shares_the_payload() {
        let payload = payload(Bytes::from(vec![7; 1_000]), Level::ZERO);
        let bytes = encode_entry(&entry(EntryPayload::Normal(payload)));
        let range = bytes.as_ptr_range();
        let EntryPayload::Normal(payload) = decode_entry(bytes.clone()).unwrap().payload else {
            panic!("another kind came back");
        };
        assert!(range.contains(&payload.batch.as_ptr()));
    }

    #[test]
    fn newer_versions_and_nonsense_are_refused() {
        let newer = EntryRecord {
            version: 3,
            ..EntryRecord::default()
        };
        let refused = decode_entry(Bytes::from(newer.encode_to_vec())).unwrap_err();
        assert!(refused.to_string().contains("version 3"), "{refused}");
        assert!(decode_entry(Bytes::from_static(b"\xff\xff")).is_err());
    }

    #[test]
    fn votes_and_log_ids_come_back() {
        for vote in [Vote::new(4, NodeId(2)), Vote::new_committed(u64::MAX, NodeId(7))] {
            assert_eq!(decode_vote(encode_vote(&vote)), Ok(vote));
        }
        let log_id = LogId::new_term_index(0, 0);
        assert_eq!(decode_log_id(encode_log_id(&log_id)), Ok(log_id));
    }
}
