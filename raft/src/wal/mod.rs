//! The node's write-ahead log, shared by all its groups.
//!
//! Raft's promises (votes, entries) are kept here before they are given. One log for all groups,
//! because a disk that syncs once for a hundred groups does a hundred times the work of one that
//! syncs for each: what is queued while a sync runs shares the next one.
//!
//! - [`Wal::open`] takes the folder, replays it, cuts a torn tail and refuses damage.
//! - [`Wal::group`] gives the handle through which one group appends, votes, truncates, purges and reads.
//! - Space comes back when groups purge: [`Wal::pressure`] names those that hold the oldest segments.
//! - A disk without space is no failure: [`Wal::space`] says so, and writing waits.
//! - [`Wal::tend`] notes how far an idle log is durable.
//! - A failed write or sync ends the log for good: [`Wal::until_failed`].
//!
//! It does not know what an entry means, does not decide when to purge, and never retries.
//!
//! A write's way: `group.rs` (memory, queue) → `writer.rs` (batch, write, sync, callbacks) →
//! `segment.rs` (one file), `folder.rs` (all of them); the bytes are described in `format.rs`. The way back: `scan.rs` and
//! `replay.rs`, with `found.rs` for the files. `live.rs` knows which segments are needed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::env::{Env, Waker};
use crate::types::GroupId;

mod entries;
mod error;
mod folder;
mod format;
mod found;
mod group;
mod hint;
mod live;
mod manifest;
mod read;
mod replay;
mod room;
mod scan;
mod seal;
mod segment;
mod shared;
mod spares;
mod stats;
mod window;
mod writer;

pub use error::WalError;
pub use group::GroupLog;
pub use read::Run;
pub use shared::Done;
pub use stats::{BatchObserver, BatchStats, WalBatches, WalStats};

use folder::Folder;
use format::{BATCH_HEADER_BYTES, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use group::{Group, GroupState};
use shared::{Action, Op, Shared};
use writer::Writer;

/// Sizes and bounds.
#[derive(Clone)]
pub struct WalOptions {
    /// Bytes of a segment file; between [`WalOptions::SEGMENT_BYTES_MIN`] and [`WalOptions::SEGMENT_BYTES_MAX`].
    pub segment_bytes: u64,
    /// With more segments than this in use, [`Wal::pressure`] names groups.
    pub live_segments_budget: usize,
    /// Recent entries kept in memory for one group. Entries that are not durable yet come on top.
    pub group_cache_bytes: usize,
    /// Recent entries kept in memory for all groups.
    pub node_cache_bytes: usize,
    /// With more than this queued, [`GroupLog::room`] waits.
    pub queue_bytes_max: usize,
    /// Told of each batch, for metrics.
    pub observer: Option<BatchObserver>,
}

impl WalOptions {
    /// Small enough for tests that want many segments.
    pub const SEGMENT_BYTES_MIN: u64 = 16 * 1024;
    /// Offsets within a segment have 32 bits.
    pub const SEGMENT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

    /// How many of the bodies fit into an empty segment together; at least the first one does.
    fn bodies_of_segment(&self, bodies: &[Bytes]) -> usize {
        let mut left = self.body_bytes_max() + RECORD_HEADER_BYTES;
        let fits = |body: &&Bytes| {
            let rest = left.checked_sub(RECORD_HEADER_BYTES + body.len());
            rest.map(|rest| left = rest).is_some()
        };
        bodies.iter().take_while(fits).count()
    }

    /// The longest entry, vote or description that a segment can hold.
    fn body_bytes_max(&self) -> usize {
        let headers = SEGMENT_HEADER_BYTES as usize + BATCH_HEADER_BYTES + RECORD_HEADER_BYTES;
        self.segment_bytes as usize - headers - format::BATCH_ALIGNMENT
    }
}

impl std::fmt::Debug for WalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalOptions")
            .field("segment_bytes", &self.segment_bytes)
            .field("live_segments_budget", &self.live_segments_budget)
            .finish_non_exhaustive()
    }
}

impl Default for WalOptions {
    fn default() -> WalOptions {
        const MIB: usize = 1024 * 1024;
        WalOptions {
            segment_bytes: 64 * MIB as u64,
            live_segments_budget: 16,
            group_cache_bytes: 8 * MIB,
            node_cache_bytes: 64 * MIB,
            queue_bytes_max: 64 * MIB,
            observer: None,
        }
    }
}

/// The log of a node; clones share it. The writer ends with the last of its handles.
#[derive(Clone)]
pub struct Wal {
    shared: Arc<Shared>,
    waker: Waker,
    /// Of the worker that makes spares.
    maker: Waker,
}

/// Whether the log finds space for what is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSpace {
    /// It does.
    Ample,
    /// The disk has no space for another segment, and the log goes on in its reserve. What frees
    /// space should go on, and nothing else should come.
    Low {
        /// Bytes of segments that are there and not in use.
        reserve_bytes: u64,
    },
    /// The reserve is used up. Entries wait, unacknowledged, until groups purge or the disk has space;
    /// votes and purges are still written.
    Full,
}

impl Wal {
    /// Takes the folder `path`, making it if need be, and reads what it holds. Blocks on the disk.
    pub fn open(env: &Env, path: &Path, mut options: WalOptions) -> Result<Wal, WalError> {
        let allowed = WalOptions::SEGMENT_BYTES_MIN..=WalOptions::SEGMENT_BYTES_MAX;
        options.segment_bytes = options
            .segment_bytes
            .next_multiple_of(SEGMENT_HEADER_BYTES)
            .clamp(*allowed.start(), *allowed.end());
        let (mut folder, segments) = Folder::open(env, path, options.segment_bytes)?;
        let recovered = replay::replay(&mut folder, segments)?;
        let groups = recovered.groups.into_iter();
        let groups = groups.map(|(id, state)| (id, Group::new(id, state)));
        let segments = recovered.segments.into_iter();
        let segments = segments.map(|segment| (segment.sequence, segment));
        let shared = Arc::new(Shared::new(
            options,
            groups.collect(),
            segments.collect(),
            folder.spares().clone(),
        ));
        shared.seals.sealed(folder.sealed());
        let mut maker = folder.maker();
        let maker = env.workers.run("wal-spares", Box::new(move || maker.step()));
        maker.wake();
        let mut writer = Writer::new(
            shared.clone(),
            folder,
            recovered.live,
            recovered.tail,
            maker.clone(),
        );
        let waker = env.workers.run("wal", Box::new(move || writer.step()));
        Ok(Wal { shared, waker, maker })
    }

    /// The log of a group, empty if it is not known yet.
    pub fn group(&self, id: GroupId) -> GroupLog {
        let known = self.shared.groups.read().get(&id).cloned();
        let group = known.unwrap_or_else(|| {
            let mut groups = self.shared.groups.write();
            let new = || Group::new(id, GroupState::default());
            groups.entry(id).or_insert_with(new).clone()
        });
        self.handle(group)
    }

    /// The groups that are known: those with anything in the log, and those asked for by [`Wal::group`].
    pub fn groups(&self) -> Vec<GroupId> {
        self.shared.groups.read().keys().copied().collect()
    }

    /// Removes all that the log has of a group; durable when it returns. Handles that exist stop
    /// working, and a new one begins an empty log.
    pub async fn forget(&self, id: GroupId) -> Result<(), WalError> {
        let (done, forgotten) = oneshot::channel();
        {
            let mut groups = self.shared.groups.write();
            let Some(group) = groups.remove(&id) else {
                return Ok(());
            };
            self.handle(group).forget(answer(done))?;
        }
        outcome(forgotten).await
    }

    /// The groups whose entries hold the oldest segments, oldest first, if more segments are in
    /// use than the budget allows: the caller should checkpoint and purge them. A disk without space
    /// allows none but the one that is written.
    pub fn pressure(&self) -> Vec<GroupId> {
        let (oldest, in_use) = {
            let segments = self.shared.segments.read();
            let oldest = segments.keys().copied().min().unwrap_or(0);
            (oldest, segments.len())
        };
        let Some(excess) = in_use.checked_sub(self.budget()) else {
            return Vec::new();
        };
        let mut pinning: Vec<(u64, GroupId)> = self
            .shared
            .groups
            .read()
            .values()
            .filter_map(|group| {
                let first = group.state.lock().entries.oldest_segment()?;
                (first < oldest + excess as u64).then_some((first, group.id))
            })
            .collect();
        pinning.sort_unstable();
        pinning.into_iter().map(|(_, group)| group).collect()
    }

    /// How much of the log each group holds, with anything in it: the bytes of the segments from that
    /// of its oldest entry to the last one. None of them can be used again before the group purges.
    pub fn holds(&self) -> Vec<(GroupId, u64)> {
        let newest = self.shared.segments.read().keys().copied().max().unwrap_or(0);
        let groups = self.shared.groups.read();
        let holds = groups.values().filter_map(|group| {
            let oldest = group.state.lock().entries.oldest_segment()?;
            Some((
                group.id,
                (newest + 1).saturating_sub(oldest) * self.segment_bytes(),
            ))
        });
        holds.collect()
    }

    /// Bytes of a group's entries that were not purged.
    pub fn bytes_since_purge(&self, id: GroupId) -> u64 {
        let group = self.shared.groups.read().get(&id).cloned();
        group.map_or(0, |group| group.state.lock().entries.live_bytes())
    }

    /// What the log did so far.
    pub fn stats(&self) -> WalStats {
        let queued = self.shared.queued_bytes() as u64;
        self.shared.counters.snapshot(queued)
    }

    /// How large its batches were and how long they took.
    pub fn batches(&self) -> WalBatches {
        self.shared.counters.batches()
    }

    /// Bytes of a segment.
    pub fn segment_bytes(&self) -> u64 {
        self.shared.options.segment_bytes
    }

    /// Segments that may be in use.
    fn budget(&self) -> usize {
        match self.space() {
            LogSpace::Ample => self.shared.options.live_segments_budget,
            LogSpace::Low { .. } | LogSpace::Full => 1,
        }
    }

    /// Bytes that the log's segments may have before [`Wal::pressure`] names groups.
    pub fn budget_bytes(&self) -> u64 {
        self.shared.options.segment_bytes * self.shared.options.live_segments_budget as u64
    }

    /// The failure that ended the log, if one did.
    pub fn failed(&self) -> Option<WalError> {
        let ended = self.shared.check().err()?;
        (!matches!(ended, WalError::Closed)).then_some(ended)
    }

    /// Waits until the log ends: with the failure, or with [`WalError::Closed`].
    pub async fn until_failed(&self) -> WalError {
        self.shared.ended.cancelled().await;
        self.shared.check().err().unwrap_or(WalError::Closed)
    }

    /// To be called about once a second: seals the last batch once the log is idle, so that a
    /// recovery misses it should it rot, and looks for space if there was none.
    ///
    /// # Errors
    /// If the log has ended.
    pub fn tend(&self) -> Result<(), WalError> {
        if self.shared.seals.are_due() {
            self.shared.push(self.for_no_group(Action::Seal, None))?;
            self.waker.wake();
        }
        self.maker.wake();
        if self.space() != LogSpace::Ample || self.shared.spares.failure().is_some() {
            self.waker.wake();
        }
        Ok(())
    }

    /// Whether there is space for more.
    pub fn space(&self) -> LogSpace {
        let spares = &self.shared.spares;
        if self.shared.is_stalled.load(Ordering::Relaxed) {
            LogSpace::Full
        } else if spares.is_disk_full() {
            LogSpace::Low {
                reserve_bytes: spares.available() as u64 * self.segment_bytes(),
            }
        } else {
            LogSpace::Ample
        }
    }

    /// Makes all that is queued durable, then ends the log and lets go of the folder.
    pub async fn close(&self) -> Result<(), WalError> {
        let (done, closed) = oneshot::channel();
        let done = Some(answer(done));
        self.shared.push(self.for_no_group(Action::Close, done))?;
        self.waker.wake();
        outcome(closed).await
    }

    fn for_no_group(&self, action: Action, done: Option<Done>) -> Op {
        let group = Group::new(GroupId(u64::MAX), GroupState::default());
        Op { group, action, done }
    }

    fn handle(&self, group: Arc<Group>) -> GroupLog {
        GroupLog {
            shared: self.shared.clone(),
            group,
            waker: self.waker.clone(),
        }
    }
}

fn answer(sender: oneshot::Sender<Result<(), WalError>>) -> Done {
    // Nobody listening any more is no error of the log.
    Box::new(move |result| drop(sender.send(result)))
}

async fn outcome(receiver: oneshot::Receiver<Result<(), WalError>>) -> Result<(), WalError> {
    receiver.await.unwrap_or(Err(WalError::Closed))
}
