//! What openraft calls to apply entries and to make and install snapshots.
//!
//! A snapshot here is two things: making one writes a checkpoint (what changed since the last one)
//! to the store, after which the log may be purged; sending one reads the live state, in parts (`transfer.rs`).

use std::io;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine, Snapshot};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use prost::Message;
use tokio::sync::Mutex;

use super::changes::{Changes, changes};
use super::entry::encode_entry;
use super::log::{BadEntry, mark};
use super::pulls::Hold;
use super::replica::{Checkpointing, Replica, State};
use super::types::{LogId, Payload, Replies, SnapshotMeta, StoredMembership, TypeConfig};
use super::unwritten::Unwritten;
use super::verify::Mark;
use super::whole::whole;
use super::wire;
use crate::command::Batch;
use crate::env::Io;
use crate::level::{Level, TooNew, without_newer};
use crate::machine::queue::Stored;
use crate::machine::{Delta, Later, Machine, MachineKind};
use crate::planted::{Bug, planted};
use crate::quarantine::Cause;
use crate::store::{Checkpointer, StoreError};
use crate::types::GroupId;
use crate::witness::Witness;

/// Letters that leave memory at a time.
const RELEASED_MAX: usize = 1_024;

/// openraft's end of a [`Replica`].
pub(super) struct StateMachine {
    pub(super) group: GroupId,
    pub(super) replica: Arc<Replica>,
    pub(super) checkpointer: Checkpointer,
    pub(super) io: Io,
    pub(super) installed: Installed,
    pub(super) front: u64,
    pub(super) kind: MachineKind,
    /// The highest level that this node knows.
    pub(super) level: Level,
    pub(super) witness: Option<Arc<dyn Witness>>,
}

/// How many states were installed over this replica's own. Locked by whoever writes to the store:
/// openraft goes on while a checkpoint is written, and what was cut from the state before an
/// installation must not be written on top of it.
pub(super) type Installed = Arc<Mutex<u64>>;

impl Drop for StateMachine {
    /// openraft's tasks have ended, in whichever way: even a panic of any of them comes by here.
    fn drop(&mut self) {
        self.replica.end();
    }
}

/// A whole state on its way between replicas. openraft asks for one at every start and before every
/// attempt to reach a follower; the rows are only read once somebody takes them.
pub(super) enum Rows {
    /// What this replica has by the time it is sent: no less than what openraft was told.
    Live(Arc<Replica>),
    /// What was put together in the store, of what a leader sent, and its level.
    Staged(Hold, Level),
}

impl StateMachine {
    /// The batch of an entry. If this version cannot apply it, the replica stops before it.
    fn decode(&self, index: u64, payload: &Payload) -> io::Result<Batch> {
        let known = TooNew::check(payload.level, self.level, || {
            format!("entry {index} of the log of {}", self.group)
        });
        known.inspect_err(|error| {
            self.replica
                .break_off(Cause::Level, Some(index), &error.to_string());
        })?;
        let batch = Batch::decode(payload.batch.clone()).map_err(|error| {
            let reason = format!("log entry {index} cannot be decoded: {error}");
            self.replica.break_off(Cause::Entry, Some(index), &reason);
            io::Error::new(io::ErrorKind::InvalidData, reason)
        })?;
        Ok(without_newer(self.kind, batch, self.level))
    }

    /// The log has no readable entry here. If that is because of what the entry is, and not of the disk, this replica
    /// stops before it.
    fn refuse(&self, error: &io::Error) {
        if let Some(BadEntry { index, .. }) = BadEntry::of(error) {
            self.replica
                .break_off(Cause::Entry, Some(*index), &error.to_string());
        }
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Rows;
    type SnapshotBuilder = CheckpointBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok(self.replica.view(|s| (s.applied, s.membership.clone())))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(item) = entries.next().await {
            let (entry, responder) = item.inspect_err(|error| self.refuse(error))?;
            let log_id = entry.log_id;
            let mark = self
                .witness
                .as_ref()
                .map(|_| mark(&log_id, &encode_entry(&entry)));
            let (batch, marked) = match &entry.payload {
                EntryPayload::Normal(payload) => {
                    let marked = Mark::in_batch(&payload.batch);
                    (Some(self.decode(log_id.index, payload)?), marked)
                }
                EntryPayload::Blank | EntryPayload::Membership(_) => (None, None),
            };
            let (replies, cut, garbage) = self.replica.update(Some(log_id.index), |s| {
                if let EntryPayload::Membership(membership) = entry.payload {
                    s.membership = StoredMembership::new(Some(log_id), membership);
                }
                s.applied = Some(log_id);
                let replies = batch.map_or_else(Vec::new, |batch| s.machine.apply(&batch));
                let cut = marked.and_then(|mark| self.replica.marked(self.group, &mark, s));
                (Replies(replies), cut, s.machine.take_garbage())
            })?;
            if let Some(cut) = cut {
                tokio::spawn(cut.look(self.group, self.replica.clone(), self.io.clone()));
            }
            if let Some(garbage) = garbage {
                discard(&self.io, garbage);
            }
            if let (Some(witness), Some(mark)) = (&self.witness, mark) {
                witness.applied(self.group, mark, &|| self.replica.read(Machine::digest));
            }
            if let Some(responder) = responder {
                responder.send(replies);
            }
        }
        self.replica.announce();
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> CheckpointBuilder {
        let installed_before = *self.installed.lock().await;
        let asked = self.replica.view(State::meta);
        CheckpointBuilder {
            group: self.group,
            asked,
            replica: self.replica.clone(),
            checkpointer: self.checkpointer.clone(),
            io: self.io.clone(),
            installed: self.installed.clone(),
            installed_before,
            front: self.front,
            _checkpointing: Checkpointing::begin(&self.replica),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Rows) -> Result<(), io::Error> {
        let Rows::Staged(_hold, level) = snapshot else {
            // openraft would do so to a state machine that starts empty. This one never does.
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a replica's own state is installed",
            ));
        };
        let mut installed = self.installed.lock().await;
        let machine = self
            .checkpointer
            .commit(self.group, wire::header_to(meta, level), self.kind)
            .await;
        let machine = machine.map_err(|error| {
            let reason = format!("the leader's state cannot be loaded: {error}");
            let index = meta.last_log_id.map(|id| id.index);
            if error.is_of_one_group() {
                self.replica.break_off(Cause::Entry, index, &reason);
            } else if let StoreError::Full(_) = error {
                // The state is asked for again when the replica is opened anew.
                self.replica.break_off(Cause::Files, index, &reason);
            }
            io::Error::other(error)
        })?;
        *installed += 1;
        let replaced = self.replica.update(None, |s| {
            self.replica.transfers().give_up();
            let replaced = std::mem::replace(&mut s.machine, machine);
            s.applied = meta.last_log_id;
            s.membership = meta.last_membership.clone();
            replaced
        })?;
        discard(&self.io, replaced);
        if let Some(witness) = &self.witness {
            let applied = meta.last_log_id.map_or(0, |id| id.index + 1);
            witness.installed(self.group, applied, &|| self.replica.read(Machine::digest));
        }
        self.replica.set_checkpointed(meta);
        self.replica.announce();
        let entries = meta.last_log_id.map_or(0, |id| id.index + 1);
        tracing::info!(group = %self.group, entries, "installed a snapshot of the leader's state");
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<Snapshot<TermOf, NodeIdOf, NodeOf, Rows>>, io::Error> {
        Ok(self.replica.view(|s| {
            s.applied.as_ref()?;
            // What a follower was sent is as good, and all that it can be asked to have.
            let sent = self.replica.transfers().oldest();
            Some(Snapshot {
                meta: sent.unwrap_or_else(|| s.meta()),
                snapshot: Rows::Live(self.replica.clone()),
            })
        }))
    }
}

/// What says that there was no space for a checkpoint, if that is the error.
fn no_space(error: &io::Error) -> Option<&str> {
    match error.get_ref()?.downcast_ref()? {
        StoreError::Full(reason) => Some(reason),
        _ => None,
    }
}

/// Drops something large where nobody waits for it. If that is not possible, it is dropped here.
pub(super) fn discard(io: &Io, large: impl Send + 'static) {
    let io = io.clone();
    tokio::spawn(async move { io.run(move || drop(large)).await });
}

/// What changed since the last cut, which transfers of the state have to follow.
pub(super) fn cut(replica: &Replica, state: &mut State) -> (SnapshotMeta, Delta, Later) {
    let (meta, (delta, later)) = (state.meta(), state.machine.cut());
    replica.transfers().cut(&meta, &delta);
    (meta, delta, later)
}

type TermOf = openraft::alias::CommittedLeaderIdOf<TypeConfig>;
type NodeIdOf = crate::types::NodeId;
type NodeOf = openraft::EmptyNode;

/// Writes a checkpoint, on the store's own thread.
pub(super) struct CheckpointBuilder {
    group: GroupId,
    replica: Arc<Replica>,
    checkpointer: Checkpointer,
    io: Io,
    /// As of when it was asked for.
    asked: SnapshotMeta,
    installed: Installed,
    installed_before: u64,
    front: u64,
    _checkpointing: Checkpointing,
}

impl CheckpointBuilder {
    /// Writes what changed since the last checkpoint, or more. The checkpoint counts from then on.
    async fn write(&self) -> io::Result<()> {
        let is_first = self.replica.checkpointed() == 0;
        let unwritten = self.replica.unwritten().take();
        let kept = match unwritten {
            Unwritten::Lost => return self.write_whole().await,
            Unwritten::Kept(kept) => Some(kept),
            Unwritten::Nothing => None,
        };
        let Changes {
            meta,
            level,
            mut delta,
            copy,
        } = changes(&self.replica, &self.io, kept).await?;
        // The first delta of a group has everything: there is nothing that it could build on.
        delta.clear |= is_first;
        if planted(Bug::HeaderBehindRows) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            delta.clear = true;
            delta.puts = self.replica.read(Machine::rows);
        }
        let header = wire::header_to(&meta, level);
        let stored = match self.checkpointer.write(self.group, header, delta).await {
            // The store lacks what the delta builds on: it gets everything instead.
            Err(StoreError::NoBase(_)) => return self.write_whole().await,
            Err(error) => {
                *self.replica.unwritten() = copy;
                return Err(self.failed(error));
            }
            Ok(stored) => stored,
        };
        // It would keep letters in memory that are in files now.
        discard(&self.io, copy);
        self.count(&meta, stored).await
    }

    /// Writes the whole state as it is by now.
    async fn write_whole(&self) -> io::Result<()> {
        let (meta, level, delta) = whole(&self.replica, &self.io).await?;
        let stored = self
            .checkpointer
            .write(self.group, wire::header_to(&meta, level), delta)
            .await
            .map_err(|error| self.failed(error))?;
        self.count(&meta, stored).await
    }

    /// A checkpoint is durable.
    async fn count(&self, meta: &SnapshotMeta, stored: Vec<(u64, Stored)>) -> io::Result<()> {
        self.release(stored).await?;
        self.replica.set_checkpointed(meta);
        Ok(())
    }

    /// Lets letters leave memory, in parts: entries are applied in between.
    async fn release(&self, stored: Vec<(u64, Stored)>) -> io::Result<()> {
        let mut stored = stored.into_iter();
        loop {
            let part: Vec<_> = stored.by_ref().take(RELEASED_MAX).collect();
            if part.is_empty() {
                return Ok(());
            }
            self.replica.transfers().stored(&part);
            self.replica
                .update(None, |s| s.machine.release(part, self.front))?;
            tokio::task::yield_now().await;
        }
    }

    /// A checkpoint could not be written. If that is the group's own fault, its replica is broken: the next
    /// checkpoint would fail in the same way, and the log could never be purged.
    fn failed(&self, error: StoreError) -> io::Error {
        match &error {
            StoreError::Unreadable(reason) => self.replica.fail(&io::Error::other(reason.clone())),
            StoreError::Panicked(reason) => {
                let reason = format!("writing a checkpoint panicked: {reason}");
                self.replica.break_off(Cause::Entry, None, &reason);
            }
            _ => {}
        }
        io::Error::other(error)
    }
}

impl RaftSnapshotBuilder<TypeConfig> for CheckpointBuilder {
    type SnapshotData = Rows;

    async fn build_snapshot(&mut self) -> Result<Snapshot<TermOf, NodeIdOf, NodeOf, Rows>, io::Error> {
        let installed = self.installed.lock().await;
        // What was written may cover more. openraft purges by what it hears, and need not hear of
        // more than it asked for.
        let mut meta = self.asked.clone();
        // If a state was installed meanwhile, its checkpoint is the newer one, and openraft ignores
        // an older one that is reported.
        let counts = *installed == self.installed_before;
        if counts && let Err(error) = self.write().await {
            let Some(reason) = no_space(&error) else {
                return Err(error);
            };
            tracing::warn!(group = %self.group, reason, "no space for a checkpoint; it is tried again in a while");
            self.replica.pause_for_space();
            // Nothing has become durable. openraft takes no notice of a snapshot older than the one it knows.
            meta = SnapshotMeta::default();
        }
        drop(installed);
        Ok(Snapshot {
            meta,
            snapshot: Rows::Live(self.replica.clone()),
        })
    }
}

#[cfg(test)]
mod tests;
