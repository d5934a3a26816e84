//! The least state machine that openraft accepts: it knows what it applied, and nothing else.

use std::io;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{
    EmptyNode, EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta, StoredMembership,
};
use parking_lot::Mutex;
use raft::group::entry::{CommittedLeaderId, LogId};
use raft::group::types::TypeConfig;
use raft::types::NodeId;

type Meta = SnapshotMeta<CommittedLeaderId, NodeId, EmptyNode>;
type Taken = Snapshot<CommittedLeaderId, NodeId, EmptyNode, ()>;

/// The machine.
#[derive(Clone, Default)]
pub(crate) struct Applied {
    pub(crate) last: Arc<Mutex<Option<LogId>>>,
    pub(crate) membership: StoredMembership<CommittedLeaderId, NodeId, EmptyNode>,
    pub(crate) snapshot: Arc<Mutex<Option<Meta>>>,
}

impl RaftSnapshotBuilder<TypeConfig> for Applied {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> Result<Taken, io::Error> {
        let meta = Meta {
            last_log_id: *self.last.lock(),
            last_membership: self.membership.clone(),
        };
        *self.snapshot.lock() = Some(meta.clone());
        Ok(Taken { meta, snapshot: () })
    }
}

impl RaftStateMachine<TypeConfig> for Applied {
    type SnapshotData = ();
    type SnapshotBuilder = Applied;

    async fn applied_state(
        &mut self,
    ) -> Result<
        (
            Option<LogId>,
            StoredMembership<CommittedLeaderId, NodeId, EmptyNode>,
        ),
        io::Error,
    > {
        Ok((*self.last.lock(), self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(entry) = entries.next().await {
            let (entry, _) = entry?;
            *self.last.lock() = Some(entry.log_id());
            if let EntryPayload::Membership(membership) = entry.payload {
                self.membership = StoredMembership::new(*self.last.lock(), membership);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Applied {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &Meta, (): ()) -> Result<(), io::Error> {
        *self.last.lock() = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        *self.snapshot.lock() = Some(meta.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Taken>, io::Error> {
        let meta = self.snapshot.lock().clone();
        Ok(meta.map(|meta| Taken { meta, snapshot: () }))
    }
}
