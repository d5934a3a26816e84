//! Whole states on their way to other nodes, while they go on changing.
//!
//! A transfer reads what the last checkpoint's cut held, in parts, each row as it is by then; entries are applied in between. What
//! changes meanwhile is in the delta of a later cut, so that the deltas of all cuts since the transfer began follow. With
//! the first cut after everything was read, the state is complete: it is the one of that cut, and has its header. So nothing is copied but what
//! changes, and nobody waits for a long state.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::replica::State;
use super::types::SnapshotMeta;
use crate::machine::queue::Stored;
use crate::machine::row::numbered_key;
use crate::machine::{Delta, Parts, RowValue, tables};
use crate::peers::pb;
use crate::planted::{Bug, planted};
use crate::types::NodeId;

/// A transfer that nobody has asked for anything for so long is given up.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Once it has given everything, the receiver may be busy for longer with taking it over.
const INSTALL_MAX: Duration = Duration::from_secs(600);

/// The latest word on a key: a row, or that there is none any more.
pub(super) type Word = (Bytes, Option<RowValue>);

/// One transfer.
pub(super) struct Transfer {
    pub(super) id: u64,
    pub(super) to: NodeId,
    core: Mutex<Core>,
    /// Whoever makes the next chunk holds it.
    pub(super) served: tokio::sync::Mutex<Served>,
    /// Something was cut, or the transfer failed.
    pub(super) was_cut: Notify,
}

struct Core {
    parts: Parts,
    /// What was cut and not looked at yet, in order.
    cuts: Vec<Delta>,
    /// Which letters are in files now, of what was cut.
    stored: Vec<Vec<(u64, Stored)>>,
    /// Of the cut that completes the state.
    sealed: Option<SnapshotMeta>,
    /// The receiver was given everything.
    has_all: bool,
    /// The first entry that the receiver needs after what it has; known once the state is complete.
    needs: u64,
    has_failed: bool,
    used: Instant,
}

/// What was given to the receiver, and what comes next.
#[derive(Default)]
pub(super) struct Served {
    /// The last chunk, which may be asked for again.
    pub(super) last: Option<pb::SnapshotChunk>,
    /// Goes into the next chunks. It leaves when the chunk is made: whoever makes it may go away.
    pub(super) drawn: VecDeque<Word>,
    /// Of the cuts since the beginning, each key once.
    changed: BTreeMap<Bytes, Option<RowValue>>,
}

impl Transfer {
    /// Begins one, under the state's lock.
    pub(super) fn begin(id: u64, to: NodeId, state: &State) -> Transfer {
        Transfer {
            id,
            to,
            core: Mutex::new(Core {
                parts: state.machine.parts(),
                cuts: Vec::new(),
                stored: Vec::new(),
                sealed: None,
                has_all: false,
                needs: 0,
                has_failed: false,
                used: Instant::now(),
            }),
            served: tokio::sync::Mutex::default(),
            was_cut: Notify::new(),
        }
    }

    /// Whether nobody wants it any more.
    pub(super) fn is_idle(&self) -> bool {
        let core = self.core.lock();
        let patience = if core.has_all { INSTALL_MAX } else { IDLE_MAX };
        core.used.elapsed() > patience
    }

    /// Somebody is there who wants it.
    pub(super) fn touch(&self) {
        self.core.lock().used = Instant::now();
    }

    /// When it was last wanted.
    pub(super) fn used(&self) -> Instant {
        self.core.lock().used
    }

    /// It has to begin anew.
    pub(super) fn fail(&self) {
        self.core.lock().has_failed = true;
        self.was_cut.notify_waiters();
    }

    /// Whether it has to begin anew.
    pub(super) fn has_failed(&self) -> bool {
        self.core.lock().has_failed
    }

    /// Whether everything was given.
    pub(super) fn has_all(&self) -> bool {
        self.core.lock().has_all
    }

    /// The state that was, or is being, sent, once it is complete.
    pub(super) fn sealed(&self) -> Option<SnapshotMeta> {
        self.core.lock().sealed.clone()
    }

    /// The first entry that the receiver needs, once that is known.
    pub(super) fn needs(&self) -> Option<u64> {
        let core = self.core.lock();
        core.sealed.as_ref().map(|_| core.needs)
    }

    /// The receiver's log reaches to before this index.
    pub(super) fn reached(&self, next: u64) {
        let mut core = self.core.lock();
        core.needs = core.needs.max(next);
    }

    /// Notes a cut of the state, under the state's lock.
    pub(super) fn cut(&self, meta: &SnapshotMeta, delta: &Delta) {
        let mut core = self.core.lock();
        if core.sealed.is_some() {
            return;
        }
        if delta.clear {
            // What was sent is worth nothing any more, and what there is now is short.
            core.has_failed = true;
        } else {
            if !planted(Bug::TransferUnfollowed) {
                core.cuts.push(delta.clone());
            }
            if core.parts.is_done() {
                core.seal(meta.clone());
            }
        }
        drop(core);
        self.was_cut.notify_waiters();
    }

    /// Letters of what was cut are in files now, and need not be kept in memory.
    pub(super) fn stored(&self, stored: &[(u64, Stored)]) {
        let mut core = self.core.lock();
        if !core.has_all {
            core.stored.push(stored.to_vec());
        }
    }

    /// The next rows of what is read, if there are any, under the state's lock. `is_cut` says that the state is what it was at the last cut, and
    /// that this is durable.
    pub(super) fn read(&self, state: &State, is_cut: bool, bytes_max: usize) -> Vec<Word> {
        let mut core = self.core.lock();
        let rows = state.machine.next_part(&mut core.parts, bytes_max);
        if rows.is_empty() && core.sealed.is_none() && is_cut {
            core.seal(state.meta());
        }
        let words = rows.into_iter().map(|row| (row.key, Some(row.value)));
        words.collect()
    }

    /// What is next of what changed, once the state is complete.
    pub(super) fn draw_changed(&self, served: &mut Served, bytes_max: usize) {
        let (cuts, stored, is_sealed) = {
            let mut core = self.core.lock();
            let (cuts, stored) = (std::mem::take(&mut core.cuts), std::mem::take(&mut core.stored));
            (cuts, stored, core.sealed.is_some())
        };
        served.merge(cuts, stored);
        if is_sealed {
            let mut bytes = 0;
            while bytes < bytes_max
                && let Some(word) = served.changed.pop_first()
            {
                bytes += approximate_bytes(&word);
                served.drawn.push_back(word);
            }
        }
    }

    /// The complete state's, once nothing is left to be given. From then on everything is.
    pub(super) fn finish(&self) -> Option<SnapshotMeta> {
        let mut core = self.core.lock();
        let meta = core.sealed.clone()?;
        core.has_all = true;
        Some(meta)
    }
}

impl Core {
    fn seal(&mut self, meta: SnapshotMeta) {
        self.needs = meta.last_log_id.map_or(0, |id| id.index + 1);
        self.sealed = Some(meta);
    }
}

impl Served {
    fn merge(&mut self, cuts: Vec<Delta>, stored: Vec<Vec<(u64, Stored)>>) {
        for delta in cuts {
            let gone = delta.deletes.into_iter().map(|key| (key, None));
            let puts = delta.puts.into_iter().map(|row| (row.key, Some(row.value)));
            self.changed.extend(gone.chain(puts));
        }
        for (sequence, stored) in stored.into_iter().flatten() {
            let key = numbered_key(tables::MESSAGES, sequence);
            if let Some(Some(RowValue::Message(message))) = self.changed.get_mut(&key) {
                message.release(stored);
            }
        }
    }

    /// The first of what was drawn, of about so many bytes.
    pub(super) fn first(&self, bytes_max: usize) -> Vec<Word> {
        let mut bytes = 0;
        let first = self.drawn.iter().take_while(|word| {
            let fits = bytes < bytes_max;
            bytes += approximate_bytes(word);
            fits
        });
        first.cloned().collect()
    }
}

fn approximate_bytes((key, value): &Word) -> usize {
    let value = value.as_ref().map_or(0, RowValue::approximate_bytes);
    key.len().saturating_add(value)
}

#[cfg(test)]
mod tests;
