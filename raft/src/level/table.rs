//! Which operation, field, kind of row and message of peers needs which level.
//!
//! Every tag of what is kept in logs and states, or sent between nodes, has a place here.
//! `tests/levels.rs` reads the sources and fails for one that has none. To add one:
//!
//! 1. Give it its line: `(tag, level)`, with the level of the release that brings it.
//! 2. An operation needs no more: below its level a machine does not understand it, and a leader
//!    does not propose it.
//! 3. A field of an operation that was there before is ignored by the machine below its level
//!    (`self.level`), and a row's field keeps its default. An older replica drops such fields.
//! 4. A call between peers is not made to a node that does not know it (`peers/link.rs`).

use std::ops::RangeInclusive;

use super::Level;

/// `QueueOp::SetLevel`, whose level is the one that it sets.
pub const SET_LEVEL: u32 = 40;
/// `QueueOp::Expire`.
const EXPIRE: u32 = 50;
/// `CatalogOp::RaiseLevel`, likewise.
pub const RAISE_LEVEL: u32 = 19;

/// The tags of one message, oneof or enumeration, or the numbers of tables.
#[derive(Debug)]
pub struct Tags {
    /// Its path in this crate's sources; `peer.proto::` and a name for a message of peers.
    pub name: &'static str,
    /// Tags that have always been there.
    pub zero: &'static [RangeInclusive<u32>],
    /// Later ones, with the level that each needs.
    pub newer: &'static [(u32, Level)],
}

impl Tags {
    /// The level that a tag needs. None if this binary does not know it.
    pub fn level_of(&self, tag: u32) -> Option<Level> {
        if self.zero.iter().any(|range| range.contains(&tag)) {
            return Some(Level::ZERO);
        }
        let newer = self.newer.iter().find(|(newer, _)| *newer == tag);
        newer.map(|(_, level)| *level)
    }
}

const fn tags(
    name: &'static str,
    zero: &'static [RangeInclusive<u32>],
    newer: &'static [(u32, Level)],
) -> Tags {
    Tags { name, zero, newer }
}

/// The operations of a queue's partition.
pub const QUEUE_OPS: Tags = tags(
    "command::queue::QueueOp",
    &[2..=11],
    &[(SET_LEVEL, Level::ONE), (EXPIRE, Level::ONE)],
);

/// The operations of the catalog.
pub const CATALOG_OPS: Tags = tags(
    "command::catalog::CatalogOp",
    &[2..=18],
    &[
        (RAISE_LEVEL, Level::ONE),
        (20, Level::ONE),
        (23, Level::ONE),
        (24, Level::ONE),
    ],
);

/// The calls between peers, and their replies. Nodes of the first level ask those below it for their state, too (13, 28), and take no
/// answer for one that tells nothing.
pub const FRAMES: Tags = tags(
    "peer.proto::Frame",
    &[1..=11, 13..=13, 20..=26, 28..=28, 30..=30],
    &[],
);

/// What commands and replies are made of.
const COMMANDS: &[Tags] = &[
    tags("command::catalog::CatalogCommand", &[1..=1], &[]),
    tags("command::catalog::NodeRecord", &[1..=7], &[]),
    tags("command::catalog::ResourceKey", &[1..=3], &[]),
    tags("command::catalog::CreateQueue", &[1..=6], &[(7, Level::ONE)]),
    tags("command::catalog::SetQueueAttributes", &[1..=3], &[]),
    tags("command::catalog::TagQueue", &[1..=3], &[]),
    tags("command::catalog::UntagQueue", &[1..=2], &[]),
    tags("command::catalog::AddPermission", &[1..=6], &[]),
    tags("command::catalog::RemovePermission", &[1..=2], &[]),
    tags("command::catalog::AddPartitions", &[1..=4], &[(5, Level::ONE)]),
    tags("command::catalog::Growth", &[1..=2], &[]),
    tags("command::catalog::QueueRecord", &[1..=8], &[]),
    tags(
        "command::catalog::GroupRecord",
        &[1..=8],
        &[(11, Level::ONE), (12, Level::ONE)],
    ),
    tags("command::catalog::CatalogAnswer", &[1..=5], &[]),
    tags("command::catalog::CatalogRefusal", &[1..=2], &[]),
    tags("command::cluster::DrainNode", &[1..=2], &[]),
    tags("command::cluster::RemoveNode", &[1..=1], &[]),
    tags("command::cluster::AdmitNode", &[1..=2], &[]),
    tags("command::cluster::MoveGroup", &[1..=3], &[]),
    tags("command::cluster::SettleGroup", &[1..=2], &[]),
    tags("command::cluster::NodeStanding", &[1..=3], &[]),
    tags("command::cluster::RaiseLevel", &[], &[(1, Level::ONE)]),
    tags(
        "command::cluster::RecoverGroup",
        &[],
        &[(1, Level::ONE), (2, Level::ONE), (3, Level::ONE), (4, Level::ONE)],
    ),
    tags(
        "command::cluster::CloseReplicas",
        &[],
        &[(1, Level::ONE), (2, Level::ONE)],
    ),
    tags("command::cluster::EnterEpoch", &[], &[(1, Level::ONE)]),
    tags("command::Batch", &[1..=3], &[(6, Level::ONE)]),
    tags("command::move_tasks::StartMoveTask", &[1..=5], &[]),
    tags("command::move_tasks::CancelMoveTask", &[1..=2], &[]),
    tags("command::move_tasks::ReportMoveTask", &[1..=3], &[]),
    tags("command::move_tasks::MoveTask", &[1..=9], &[]),
    tags("command::move_tasks::MovePart", &[1..=4], &[]),
    tags("command::queue::QueueCommand", &[1..=1], &[]),
    tags("command::queue::Send", &[1..=1], &[]),
    tags("command::queue::SendEntry", &[1..=5], &[]),
    tags("command::queue::Attributes", &[1..=5], &[]),
    tags("command::queue::MessageAttribute", &[1..=3], &[]),
    tags("command::queue::Receive", &[1..=7], &[]),
    tags("command::queue::Receipt", &[1..=2], &[]),
    tags("command::queue::Delete", &[1..=1], &[]),
    tags("command::queue::ChangeVisibility", &[1..=1], &[]),
    tags("command::queue::VisibilityEntry", &[1..=2], &[]),
    tags("command::queue::Purge", &[1..=1], &[]),
    tags("command::queue::Configure", &[1..=6], &[]),
    tags("command::queue::Import", &[1..=2], &[]),
    tags("command::queue::Imported", &[1..=9], &[]),
    tags("command::queue::Move", &[1..=3], &[]),
    tags("command::queue::Moved", &[1..=2], &[]),
    tags("command::queue::Settle", &[1..=3], &[]),
    tags("command::queue::SetLevel", &[], &[(1, Level::ONE)]),
    tags("command::queue::QueueAnswer", &[1..=4], &[]),
    tags("command::queue::Sent", &[1..=1], &[]),
    tags("command::queue::SentEntry", &[1..=2], &[]),
    tags("command::queue::Received", &[1..=1], &[]),
    tags("command::queue::Delivered", &[1..=9], &[]),
    tags("command::queue::Outcomes", &[1..=1], &[]),
    tags(
        "command::catalog::RefusalReason",
        &[0..=31],
        &[(40, Level::ONE), (41, Level::ONE)],
    ),
    tags("command::queue::Outcome", &[0..=10], &[]),
    tags("command::move_tasks::MoveStatus", &[0..=5], &[]),
];

/// What entries, states and their rows are made of.
const RECORDS: &[Tags] = &[
    tags("machine::MachineKind", &[1..=2], &[]),
    tags(
        "machine::tables",
        &[1..=2, 16..=21, 32..=37, 127..=127],
        &[(22, Level::ONE)],
    ),
    tags("group::entry::EntryRecord", &[1..=3], &[(7, Level::ONE)]),
    tags("group::entry::PayloadRecord", &[4..=6], &[]),
    tags("group::entry::MembershipRecord", &[1..=2], &[]),
    tags("group::entry::VotersRecord", &[1..=1], &[]),
    tags("group::entry::LogIdRecord", &[1..=2], &[]),
    tags("group::entry::VoteRecord", &[1..=3], &[]),
    tags("group::wire::StateHeader", &[1..=5], &[(6, Level::ONE)]),
    tags("group::wire::Config", &[1..=1], &[]),
    tags("machine::catalog::remembered::RememberedRecord", &[1..=2], &[]),
    tags(
        "machine::catalog::rows::MetaRecord",
        &[1..=5],
        &[(40, Level::ONE), (50, Level::ONE)],
    ),
    tags(
        "machine::catalog::closings::Closing",
        &[],
        &[(1, Level::ONE), (2, Level::ONE), (3, Level::ONE), (4, Level::ONE)],
    ),
    tags("machine::catalog::rows::DeletedRecord", &[1..=2], &[]),
    tags("machine::queue::attempts::AttemptRecord", &[1..=1], &[]),
    tags("machine::queue::departures::DepartureRecord", &[1..=4], &[]),
    tags("machine::queue::import::OriginRecord", &[1..=1], &[]),
    tags("machine::queue::moves::MovesRecord", &[1..=5], &[]),
    tags("machine::queue::record::MessageRecord", &[1..=13], &[]),
    tags("machine::queue::remembered::RememberedRecord", &[1..=5], &[]),
    tags(
        "machine::queue::rows::MetaRecord",
        &[1..=14],
        &[(40, Level::ONE), (41, Level::ONE), (42, Level::ONE)],
    ),
    tags(
        "machine::queue::redelay::Redelay",
        &[],
        &[
            (1, Level::ONE),
            (2, Level::ONE),
            (3, Level::ONE),
            (4, Level::ONE),
            (5, Level::ONE),
            (6, Level::ONE),
        ],
    ),
    tags("machine::window::EntryRecord", &[1..=3], &[]),
];

/// What peers send each other.
const PEERS: &[Tags] = &[
    tags("peer.proto::Frames", &[1..=1], &[]),
    tags("peer.proto::Vote", &[1..=3], &[]),
    tags("peer.proto::LogId", &[1..=2], &[]),
    tags("peer.proto::Append", &[1..=4], &[]),
    tags("peer.proto::AppendReply", &[1..=3], &[]),
    tags("peer.proto::AppendReply.Kind", &[0..=4], &[]),
    tags("peer.proto::Ballot", &[1..=3], &[]),
    tags("peer.proto::BallotReply", &[1..=3], &[]),
    tags("peer.proto::Transfer", &[1..=3], &[]),
    tags("peer.proto::TransferReply", &[1..=1], &[]),
    tags("peer.proto::Command", &[1..=3], &[]),
    tags("peer.proto::CommandReply", &[1..=4], &[]),
    tags("peer.proto::NotDone", &[1..=2], &[]),
    tags("peer.proto::NotDone.Reason", &[0..=5], &[(6, Level::ONE)]),
    tags("peer.proto::ReadIndexReply", &[1..=2], &[(3, Level::ONE)]),
    tags("peer.proto::CountsReply", &[1..=5], &[]),
    tags("peer.proto::Sizes", &[1..=1], &[]),
    tags("peer.proto::SizesReply", &[1..=3], &[(4, Level::ONE)]),
    tags(
        "peer.proto::Moving",
        &[],
        &[(1, Level::ONE), (2, Level::ONE), (3, Level::ONE)],
    ),
    tags("peer.proto::NodeStateReply", &[1..=3], &[]),
    tags("peer.proto::Failure", &[1..=1], &[(2, Level::ONE)]),
    tags("peer.proto::HelloRequest", &[1..=5], &[]),
    tags("peer.proto::HelloReply", &[1..=7], &[(8, Level::ONE)]),
    tags("peer.proto::SnapshotOffer", &[1..=5], &[(6, Level::ONE)]),
    tags("peer.proto::SnapshotTaken", &[1..=1], &[]),
    tags("peer.proto::SnapshotRequest", &[1..=8], &[(9, Level::ONE)]),
    tags("peer.proto::SnapshotChunk", &[1..=4], &[]),
    tags("peer.proto::SnapshotRow", &[1..=2], &[]),
];

/// Everything that has a level.
pub fn all() -> impl Iterator<Item = &'static Tags> {
    [&QUEUE_OPS, &CATALOG_OPS, &FRAMES]
        .into_iter()
        .chain(COMMANDS)
        .chain(RECORDS)
        .chain(PEERS)
}
