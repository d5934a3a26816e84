//! Whole states on their way to other nodes, while they go on changing.
//!
//! A transfer reads what the last checkpoint's cut held, in parts, each row as it is by then; entries are applied in between. What
//! changes meanwhile is in the delta of a later cut, so that the deltas of all cuts since the transfer began follow. With
//! the first cut after everything was read, the state is complete: it is the one of that cut, and has its header. So nothing is copied but what
//! changes, nobody waits for a long state, and the receiver needs no older log than the checkpoint lets it be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::replica::State;
use super::types::SnapshotMeta;
use crate::machine::{Delta, Machine, Parts, RowValue};
use crate::peers::pb;
use crate::planted::{Bug, planted};
use crate::types::NodeId;

/// A transfer that nobody has asked for anything for so long is given up.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A replica's transfers.
#[derive(Default)]
pub(super) struct Transfers {
    open: Mutex<Vec<Arc<Transfer>>>,
}

/// One.
pub(super) struct Transfer {
    pub(super) id: u64,
    to: NodeId,
    core: Mutex<Core>,
    /// Whoever makes the next chunk holds it.
    pub(super) served: tokio::sync::Mutex<Served>,
    /// Something was cut, or the transfer failed.
    pub(super) was_cut: Notify,
}

struct Core {
    parts: Parts,
    /// What was cut since the beginning: the latest word on each key, a row or that it is gone.
    changed: BTreeMap<Bytes, Option<RowValue>>,
    /// Of the cut that completes the state.
    sealed: Option<SnapshotMeta>,
    /// The receiver was given everything.
    has_all: bool,
    has_failed: bool,
    used: Instant,
}

/// What was given to the receiver.
#[derive(Default)]
pub(super) struct Served {
    /// The last chunk, which may be asked for again.
    pub(super) last: Option<pb::SnapshotChunk>,
    /// What goes into the next one. It was taken out of the transfer already, so it must survive whoever makes the chunk.
    pub(super) drawn: Option<Drawn>,
}

/// What goes into a chunk.
#[derive(Clone)]
pub(super) enum Drawn {
    /// Rows, and keys without one.
    Rows(Vec<(Bytes, Option<RowValue>)>),
    /// The state is complete.
    End(SnapshotMeta),
}

impl Transfers {
    /// Begins one. Another one to the same node is given up.
    pub(super) fn begin(&self, id: u64, to: NodeId, machine: &Machine) -> Arc<Transfer> {
        let transfer = Arc::new(Transfer {
            id,
            to,
            core: Mutex::new(Core {
                parts: machine.parts(),
                changed: BTreeMap::new(),
                sealed: None,
                has_all: false,
                has_failed: false,
                used: Instant::now(),
            }),
            served: tokio::sync::Mutex::default(),
            was_cut: Notify::new(),
        });
        let mut open = self.open.lock();
        open.retain(|other| other.to != to && !other.is_idle());
        open.push(transfer.clone());
        transfer
    }

    /// The one of that number, if it still is one.
    pub(super) fn find(&self, id: u64) -> Option<Arc<Transfer>> {
        let open = self.open.lock();
        open.iter().find(|transfer| transfer.id == id).cloned()
    }

    /// When the one to a node was last asked for something.
    pub(super) fn used(&self, to: NodeId) -> Option<Instant> {
        let open = self.open.lock();
        let transfer = open.iter().find(|transfer| transfer.to == to)?;
        Some(transfer.core.lock().used)
    }

    /// Whether the one to a node has given everything.
    pub(super) fn has_all(&self, to: NodeId) -> bool {
        let open = self.open.lock();
        let transfer = open.iter().find(|transfer| transfer.to == to);
        transfer.is_some_and(|transfer| transfer.core.lock().has_all)
    }

    /// Keeps the one to a node.
    pub(super) fn touch(&self, to: NodeId) {
        let open = self.open.lock();
        open.iter()
            .filter(|transfer| transfer.to == to)
            .for_each(|transfer| transfer.touch());
    }

    /// Ends the one to a node: what was to be sent is there.
    pub(super) fn end(&self, to: NodeId) {
        self.open.lock().retain(|transfer| transfer.to != to);
    }

    /// Notes a cut of the state. Called before anything else is applied.
    pub(super) fn cut(&self, meta: &SnapshotMeta, delta: &Delta) {
        let mut open = self.open.lock();
        open.retain(|transfer| !transfer.is_idle());
        for transfer in open.iter() {
            transfer.core.lock().cut(meta, delta);
            transfer.was_cut.notify_waiters();
        }
    }

    /// Gives all up: the state is another one.
    pub(super) fn give_up(&self) {
        for transfer in std::mem::take(&mut *self.open.lock()) {
            transfer.core.lock().has_failed = true;
            transfer.was_cut.notify_waiters();
        }
    }

    /// The first entry that a receiver needs after what it was sent, if any was sent everything.
    pub(super) fn needs(&self) -> Option<u64> {
        let open = self.open.lock();
        let live = open.iter().filter(|transfer| !transfer.is_idle());
        let sealed = live.filter_map(|transfer| transfer.core.lock().sealed.clone());
        sealed
            .map(|meta| meta.last_log_id.map_or(0, |id| id.index + 1))
            .min()
    }
}

impl Transfer {
    fn is_idle(&self) -> bool {
        self.core.lock().used.elapsed() > IDLE_MAX
    }

    /// Somebody is there who wants it.
    pub(super) fn touch(&self) {
        self.core.lock().used = Instant::now();
    }

    /// Whether it has to begin anew.
    pub(super) fn has_failed(&self) -> bool {
        self.core.lock().has_failed
    }

    /// What comes next, of about so many bytes; none if that has to wait for a cut. `is_cut` says that the state is what it was at the last cut, and that this is
    /// durable.
    pub(super) fn draw(&self, state: &State, is_cut: bool, bytes_max: usize) -> Option<Drawn> {
        let mut core = self.core.lock();
        let rows = state.machine.next_part(&mut core.parts, bytes_max);
        if !rows.is_empty() {
            let rows = rows.into_iter().map(|row| (row.key, Some(row.value)));
            return Some(Drawn::Rows(rows.collect()));
        }
        if core.sealed.is_none() && is_cut {
            core.sealed = Some(state.meta());
        }
        let meta = core.sealed.clone()?;
        let rows = core.take_changed(bytes_max);
        Some(if rows.is_empty() {
            core.has_all = true;
            Drawn::End(meta)
        } else {
            Drawn::Rows(rows)
        })
    }
}

impl Core {
    fn cut(&mut self, meta: &SnapshotMeta, delta: &Delta) {
        if self.sealed.is_some() {
            return;
        }
        if delta.clear {
            // What was sent is worth nothing any more, and what there is now is short.
            self.has_failed = true;
            return;
        }
        if !planted(Bug::TransferUnfollowed) {
            let gone = delta.deletes.iter().map(|key| (key.clone(), None));
            let puts = delta.puts.iter();
            let puts = puts.map(|row| (row.key.clone(), Some(row.value.clone())));
            self.changed.extend(gone.chain(puts));
        }
        if self.parts.is_done() {
            self.sealed = Some(meta.clone());
        }
    }

    fn take_changed(&mut self, bytes_max: usize) -> Vec<(Bytes, Option<RowValue>)> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        while bytes < bytes_max
            && let Some((key, value)) = self.changed.pop_first()
        {
            bytes += key.len() + value.as_ref().map_or(0, RowValue::approximate_bytes);
            rows.push((key, value));
        }
        rows
    }
}
