//! Opens one replica.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use raft::command::catalog::{GroupRecord, ResourceKey};
use raft::command::queue::{QueueCommand, QueueOp, SetLevel};
use raft::group::{OpenError, Prelude};
use raft::groups::{Birth, Groups, Origin};
use raft::level::Level;
use raft::machine::catalog::Catalog;
use raft::machine::{Machine, MachineKind};
use raft::types::{GroupId, NodeId};

use super::{JOINING_MAX, OPENING_MAX, epochs};
use crate::catalog::{CatalogView, replicas};

/// What kind of work it is to open a replica.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// It is new, or on disk.
    Here,
    /// Its state must come from another node.
    Joins,
}

impl Lane {
    pub(super) fn of(record: &GroupRecord, me: NodeId, is_kept: bool) -> Lane {
        if is_kept || record.was_born_on(me.0) {
            Lane::Here
        } else {
            Lane::Joins
        }
    }

    /// How many may be opened at a time.
    pub(super) fn width(self) -> usize {
        match self {
            Lane::Here => OPENING_MAX,
            Lane::Joins => JOINING_MAX,
        }
    }
}

pub(super) async fn open_one(
    catalog: &Arc<CatalogView>,
    groups: &Arc<Groups>,
    record: GroupRecord,
) -> Result<(), OpenError> {
    epochs::enter(groups, &record).await?;
    let origin = if record.was_born_on(groups.me().0) {
        Origin::Founded(Birth {
            members: record.founders.iter().copied().map(NodeId).collect(),
            first: record.founders.first() == Some(&groups.me().0),
        })
    } else {
        Origin::Joins
    };
    let (id, prelude) = (GroupId(record.group_id), prelude(catalog, &record));
    groups
        .open(id, MachineKind::Queue, &replicas(&record), prelude, origin)
        .await
        .map(drop)
}

/// Puts the cluster's level and the queue's settings into the group's log whenever the catalog's are newer.
fn prelude(catalog: &Arc<CatalogView>, record: &GroupRecord) -> Option<Arc<Prelude>> {
    let key = record.queue.clone()?;
    let catalog = catalog.clone();
    Some(Arc::new(move |machine: &Machine| {
        let Machine::Queue(queue) = machine else {
            return Vec::new();
        };
        let level = higher_level(&catalog, queue.level());
        let settings = newer_settings(&catalog, &key, queue.config_version());
        level.into_iter().chain(settings).map(encoded).collect()
    }))
}

fn higher_level(catalog: &CatalogView, known: Level) -> Option<QueueOp> {
    let level = catalog.read(Catalog::level);
    (level > known).then_some(QueueOp::SetLevel(SetLevel { to: level.0 }))
}

fn newer_settings(catalog: &CatalogView, key: &ResourceKey, known: u64) -> Option<QueueOp> {
    let view = catalog.queue_here(key)?;
    (view.record.version > known).then(|| QueueOp::Configure(view.configure()))
}

fn encoded(op: QueueOp) -> Bytes {
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(op),
    };
    command.encode_to_vec().into()
}
