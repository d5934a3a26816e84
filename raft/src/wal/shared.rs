//! What handles, readers and the writer share: the queue in front of the writer, the groups, the
//! open segments, and whether the log still works.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::WalOptions;
use super::entries::Dead;
use super::error::WalError;
use super::format::{RECORD_HEADER_BYTES, RecordKind};
use super::group::Group;
use super::seal::Seals;
use super::segment::Segment;
use super::spares::Spares;
use super::stats::Counters;
use crate::types::GroupId;

/// Called once: when what it belongs to is durable, or when it never will be.
pub type Done = Box<dyn FnOnce(Result<(), WalError>) + Send>;

/// Something to write.
pub(super) struct Op {
    pub(super) group: Arc<Group>,
    pub(super) action: Action,
    pub(super) done: Option<Done>,
}

pub(super) enum Action {
    /// Entries from an index on.
    Append { first: u64, bodies: Vec<Bytes> },
    /// A vote or a purge.
    Mark {
        kind: RecordKind,
        index: u64,
        body: Bytes,
        dead: Dead,
    },
    /// Entries from an index on are gone.
    Truncate { end: u64, dead: Dead },
    /// The group is gone.
    Forget { dead: Dead },
    /// Everything before it is to be noted as durable; the group is not looked at.
    Seal,
    /// The end of the log in good order; the group is not looked at.
    Close,
}

impl Op {
    /// Bytes of its records in a segment.
    pub(super) fn record_bytes(&self) -> usize {
        match &self.action {
            Action::Append { bodies, .. } => bodies.iter().map(|body| RECORD_HEADER_BYTES + body.len()).sum(),
            Action::Mark { body, .. } => RECORD_HEADER_BYTES + body.len(),
            Action::Truncate { .. } | Action::Forget { .. } => RECORD_HEADER_BYTES,
            Action::Seal | Action::Close => 0,
        }
    }

    /// What the operation weighs in the queue: its bytes and about what its bookkeeping takes.
    pub(super) fn bytes(&self) -> usize {
        const OVERHEAD: usize = 64;
        match &self.action {
            Action::Append { bodies, .. } => bodies.iter().map(|body| body.len() + OVERHEAD).sum(),
            Action::Mark { body, .. } => body.len() + OVERHEAD,
            Action::Truncate { .. } | Action::Forget { .. } | Action::Seal | Action::Close => OVERHEAD,
        }
    }
}

#[derive(Default)]
struct Queue {
    ops: VecDeque<Op>,
    /// Why nothing can be added any more.
    ended: Option<WalError>,
}

pub(super) struct Shared {
    pub(super) options: WalOptions,
    pub(super) groups: RwLock<BTreeMap<GroupId, Arc<Group>>>,
    /// By sequence number; readers find entries through it.
    pub(super) segments: RwLock<FxHashMap<u64, Arc<Segment>>>,
    pub(super) counters: Counters,
    pub(super) seals: Seals,
    pub(super) spares: Arc<Spares>,
    /// What is queued waits for space.
    pub(super) is_stalled: AtomicBool,
    queue: Mutex<Queue>,
    queued_bytes: AtomicUsize,
    has_room: Notify,
    /// Cancelled when the log has ended, well or badly.
    pub(super) ended: CancellationToken,
}

impl Shared {
    pub(super) fn new(
        options: WalOptions,
        groups: BTreeMap<GroupId, Arc<Group>>,
        segments: FxHashMap<u64, Arc<Segment>>,
        spares: Arc<Spares>,
    ) -> Shared {
        Shared {
            options,
            groups: RwLock::new(groups),
            segments: RwLock::new(segments),
            counters: Counters::default(),
            seals: Seals::default(),
            spares,
            is_stalled: AtomicBool::new(false),
            queue: Mutex::default(),
            queued_bytes: AtomicUsize::new(0),
            has_room: Notify::new(),
            ended: CancellationToken::new(),
        }
    }

    /// Queues an operation. Callers hold the group's lock, so that the queue has a group's
    /// operations in the order in which memory saw them.
    pub(super) fn push(&self, op: Op) -> Result<(), WalError> {
        let mut queue = self.queue.lock();
        if let Some(error) = &queue.ended {
            return Err(error.clone());
        }
        self.queued_bytes.fetch_add(op.bytes(), Ordering::Relaxed);
        queue.ops.push_back(op);
        Ok(())
    }

    /// Why the log has ended, if it has.
    pub(super) fn check(&self) -> Result<(), WalError> {
        match &self.queue.lock().ended {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    pub(super) fn take_queue(&self) -> VecDeque<Op> {
        std::mem::take(&mut self.queue.lock().ops)
    }

    /// `bytes` of the queue were written.
    pub(super) fn release(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.has_room.notify_waiters();
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// Ends the log; returns what was still queued. Only the first reason counts.
    pub(super) fn end(&self, reason: WalError) -> VecDeque<Op> {
        let ops = {
            let mut queue = self.queue.lock();
            queue.ended.get_or_insert(reason);
            std::mem::take(&mut queue.ops)
        };
        self.ended.cancel();
        self.has_room.notify_waiters();
        ops
    }

    /// Waits until the queue is short enough to take more.
    pub(super) async fn room(&self) {
        loop {
            let mut changed = std::pin::pin!(self.has_room.notified());
            changed.as_mut().enable();
            if self.queued_bytes() < self.options.queue_bytes_max || self.ended.is_cancelled() {
                return;
            }
            changed.await;
        }
    }
}
