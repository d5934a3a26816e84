//! How a group comes into being: each of its first members begins its log with the same entry, which
//! says who they are, before it takes part in anything.
//!
//! openraft's `initialize` does the same for one replica, which then is elected and sends the entry
//! to the others. They would owe their membership to it: a replica that gave it a vote and never got
//! the entry can neither campaign nor be initialized any more, and if the first one does not come
//! back, the group has no leader ever.

use std::collections::BTreeSet;
use std::io;

use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, RaftLogStorage};

use super::log::LogStore;
use super::types::{Entry, Membership, log_id};
use crate::types::NodeId;

/// How a node comes to its replica of a group. It matters to a node that has nothing of the group yet.
pub enum Origin {
    /// The group began with it, too.
    Founded(Birth),
    /// The group moves here. This node may have had a replica before, and have forgotten it together with its votes and with
    /// entries that it helped to make durable. So it begins with a state that the group's leader has confirmed to be the latest,
    /// and takes part in nothing before: in that state the node's departure is settled, and whoever would win with its vote must
    /// know of it, too.
    Joins,
    /// The log will come. Only for a node that never had a replica of this group.
    Learns,
}

/// A new group's first members, and whether this node is the one to lead first.
pub struct Birth {
    /// All of them, this node too: the same for each of them, and for ever. One that joins a group
    /// later is not born with it.
    pub members: BTreeSet<NodeId>,
    /// This node campaigns at once; the others would after a follower's patience.
    pub first: bool,
}

/// The entry that each member of a new group begins its log with.
fn first_entry(members: &BTreeSet<NodeId>) -> Entry {
    let voters = vec![members.clone()];
    let membership = Membership::new_with_defaults(voters, members.clone());
    Entry::new(log_id(0, 0), EntryPayload::Membership(membership))
}

/// Begins an empty log. Nobody waits for the disk: a vote is written behind the entry, and counts only
/// once both are durable.
pub(super) async fn begin(log: &mut LogStore, members: &BTreeSet<NodeId>) -> io::Result<()> {
    log.append([first_entry(members)], IOFlushed::noop()).await
}
