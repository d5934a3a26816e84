//! Whether there is room for more messages. Every node watches its disk and its memory
//! (`watch.rs`), and tells the others. A leader refuses what adds messages to a group while any of
//! the group's replicas is on a node that is full; the client gets the service's throttling error,
//! which SDKs repeat.
//!
//! One full replica is enough, although a majority would do for an acknowledgement: the leader goes
//! on sending to that follower, and would fill its disk to the last byte.
//!
//! Everything else goes on: receives, deletes, changes of visibility, purges, all operations of the
//! catalog. They are what makes room. CreateQueue is among them: consumers call it when they start,
//! and a queue without messages takes next to nothing. Dead letters and moved messages wait where
//! they are, hidden from receives, until their target has room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use prost::Message;
use raft::command::queue::{QueueCommand, QueueOp};
use raft::group::Group;
use raft::machine::Machine;
use raft::types::NodeId;
use tokio::time::Instant;

mod fit;
mod marks;
mod watch;

pub use fit::fit_disk;
pub use marks::Marks;
pub use watch::{Watched, watch};

/// What a node told counts for so long. One that is not heard any more takes no part in its groups.
const FRESH: Duration = Duration::from_secs(5);

/// What of a node is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Full {
    /// Its disk.
    pub disk: bool,
    /// Its memory.
    pub memory: bool,
}

impl Full {
    fn any(self) -> bool {
        self.disk || self.memory
    }

    /// What is full, for a text.
    pub fn text(self) -> &'static str {
        match (self.disk, self.memory) {
            (true, true) => "disk and memory",
            (true, false) => "disk",
            (false, true) => "memory",
            (false, false) => "nothing",
        }
    }
}

/// Which nodes are full, as this one knows.
pub struct Admission {
    me: NodeId,
    nodes: RwLock<BTreeMap<NodeId, (Full, Instant)>>,
    /// Whether any of them is: most of the time nothing else has to be looked at.
    any: AtomicBool,
    refused: AtomicU64,
}

impl Admission {
    /// Nothing is full at first.
    pub fn new(me: NodeId) -> Arc<Admission> {
        Arc::new(Admission {
            me,
            nodes: RwLock::default(),
            any: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        })
    }

    /// What of this node is full.
    pub fn own(&self) -> Full {
        self.nodes
            .read()
            .get(&self.me)
            .map_or(Full::default(), |(full, _)| *full)
    }

    /// Commands that were refused because a node is full, since this one started.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A node, this one or another, says what of it is full.
    pub fn told(&self, node: NodeId, full: Full) {
        let mut nodes = self.nodes.write();
        let before = nodes.insert(node, (full, Instant::now()));
        self.any
            .store(nodes.values().any(|(full, _)| full.any()), Ordering::Relaxed);
        drop(nodes);
        let before = before.map_or(Full::default(), |(full, _)| full);
        if before == full {
            return;
        }
        if full.any() {
            tracing::warn!(%node, full = full.text(), "sends to queues with a replica on this node are refused");
        } else {
            tracing::info!(%node, "the node has room again for sends");
        }
    }

    /// Whether a command must be refused, because it adds messages and a node with a replica is
    /// full.
    pub(crate) fn refuses(&self, group: &Group, command: &Bytes) -> bool {
        if !self.any.load(Ordering::Relaxed) || !self.is_full(group) || !adds(group, command) {
            return false;
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn is_full(&self, group: &Group) -> bool {
        let (voters, learners) = group.members();
        let nodes = self.nodes.read();
        let is_full = |node: &NodeId| {
            nodes
                .get(node)
                .is_some_and(|(full, at)| full.any() && (*node == self.me || at.elapsed() < FRESH))
        };
        voters.iter().chain(&learners).any(is_full)
    }
}

/// Whether a command adds messages. One that was done before does not: its answer is remembered,
/// and so is a command of the catalog, which has no messages.
fn adds(group: &Group, command: &Bytes) -> bool {
    let Ok(QueueCommand { invocation, op }) = QueueCommand::decode(command.clone()) else {
        return false;
    };
    if !matches!(op, Some(QueueOp::Send(_) | QueueOp::Import(_))) {
        return false;
    }
    group.replica().read(|machine| match machine {
        Machine::Queue(queue) => invocation.is_empty() || !queue.knows_invocation(&invocation),
        Machine::Catalog(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_tell_is_known_until_they_tell_otherwise() {
        let admission = Admission::new(NodeId(1));
        let disk = Full {
            disk: true,
            memory: false,
        };
        admission.told(NodeId(2), disk);
        assert!(admission.any.load(Ordering::Relaxed));
        assert_eq!(admission.own(), Full::default());
        admission.told(NodeId(1), disk);
        admission.told(NodeId(2), Full::default());
        assert!(admission.any.load(Ordering::Relaxed));
        assert_eq!(admission.own(), disk);
        admission.told(NodeId(1), Full::default());
        assert!(!admission.any.load(Ordering::Relaxed));
    }
}
