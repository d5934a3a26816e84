//! Whole states on their way to other nodes, while they go on changing.
//!
//! A transfer reads what the last checkpoint's cut held, in parts, each row as it is by then; entries are applied in between. What
//! changes meanwhile is in the delta of a later cut, so that the deltas of all cuts since the transfer began follow, of each row the latest. Sending
//! them takes time, in which more changes, but less and less: with a cut that changes little after all others were sent, the state is complete. It
//! is the one of that cut, and has its header. So nothing is copied but what changes, nobody waits for a long state, and the log need not
//! be kept for longer than it takes to send that little.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::replica::State;
use super::served::{Served, Word};
use super::types::SnapshotMeta;
use crate::machine::queue::Stored;
use crate::machine::{Delta, Parts, Row};
use crate::planted::{Bug, planted};
use crate::types::NodeId;

/// A transfer that nobody has asked for anything for so long is given up.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Once it has given everything, the receiver may be busy for longer with taking it over.
const INSTALL_MAX: Duration = Duration::from_secs(600);

/// A cut that changes no more rows, and no more chunks of them, than this changes little.
const LITTLE_ROWS: usize = 4_096;
const LITTLE_CHUNKS: usize = 16;
/// After so many cuts that changed more, the next one completes the state, too: more changes than can be sent.
const CUTS_MAX: usize = 12;

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
    /// Whether all has been sent that was read or cut.
    is_even: bool,
    /// Cuts since everything was read.
    cut_count: usize,
    bytes_max: usize,
    /// Of the cut that completes the state.
    sealed: Option<SnapshotMeta>,
    /// The receiver was given everything.
    has_all: bool,
    /// The first entry that the receiver needs after what it has; known once the state is complete.
    needs: u64,
    has_failed: bool,
    used: Instant,
}

impl Transfer {
    /// Begins one, in chunks of about so many bytes, under the state's lock.
    pub(super) fn begin(id: u64, to: NodeId, bytes_max: usize, state: &State) -> Transfer {
        Transfer {
            id,
            to,
            core: Mutex::new(Core {
                parts: state.machine.parts(),
                cuts: Vec::new(),
                stored: Vec::new(),
                is_even: false,
                cut_count: 0,
                bytes_max,
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

    /// Whether the receiver has gone on from the state that it was sent.
    pub(super) fn has_gone_on(&self) -> bool {
        let core = self.core.lock();
        core.sealed
            .as_ref()
            .is_some_and(|meta| core.needs > next_after(meta))
    }

    /// The receiver's log reaches to before this index.
    pub(super) fn reached(&self, next: u64) {
        let mut core = self.core.lock();
        core.needs = core.needs.max(next);
    }

    /// Notes a cut of the state, under the state's lock.
    pub(super) fn cut(&self, meta: &SnapshotMeta, delta: &Delta) {
        let mut core = self.core.lock();
        if core.sealed.is_some() || core.has_failed {
            return;
        }
        if delta.clear {
            // What was sent is worth nothing any more, and what there is now is short.
            core.has_failed = true;
        } else {
            if !planted(Bug::TransferUnfollowed) {
                core.cuts.push(delta.clone());
            }
            if core.is_even && core.changes_little(delta) || core.cut_count >= CUTS_MAX {
                core.seal(meta.clone());
            }
            core.cut_count += usize::from(core.parts.is_done());
            core.is_even = false;
        }
        drop(core);
        self.was_cut.notify_waiters();
    }

    /// Letters of what was cut are in files now, and need not be kept in memory.
    pub(super) fn stored(&self, stored: &[(u64, Stored)]) {
        let mut core = self.core.lock();
        if !core.has_all && !core.has_failed {
            core.stored.push(stored.to_vec());
        }
    }

    /// The next rows of what is read, if there are any, under the state's lock. `is_cut` says that the state is what it was at the last cut, and
    /// that this is durable.
    pub(super) fn read(&self, state: &State, is_cut: bool) -> Vec<Word> {
        let mut core = self.core.lock();
        let bytes_max = core.bytes_max;
        let rows = state.machine.next_part(&mut core.parts, bytes_max);
        if core.is_even && core.sealed.is_none() && is_cut {
            core.seal(state.meta());
        }
        let words = rows.into_iter().map(|row| (row.key, Some(row.value)));
        words.collect()
    }

    /// Takes in what was cut. Often, so that the letters of what was cut do not stay in memory.
    pub(super) fn gather(&self, served: &mut Served) {
        let (cuts, stored) = {
            let mut core = self.core.lock();
            (std::mem::take(&mut core.cuts), std::mem::take(&mut core.stored))
        };
        served.merge(cuts, stored);
    }

    /// What is next of what changed, once all was read. If nothing is, and the state is complete, its header: everything was given.
    pub(super) fn draw_changed(&self, served: &mut Served) -> Option<SnapshotMeta> {
        self.gather(served);
        let bytes_max = self.core.lock().bytes_max;
        served.draw_changed(bytes_max);
        let mut core = self.core.lock();
        if !served.drawn.is_empty() || !core.cuts.is_empty() {
            return None;
        }
        core.is_even = core.parts.is_done();
        let meta = core.sealed.clone()?;
        core.has_all = true;
        Some(meta)
    }
}

impl Core {
    fn changes_little(&self, delta: &Delta) -> bool {
        let rows = delta.puts.len() + delta.deletes.len();
        let bytes = || delta.puts.iter().map(Row::approximate_bytes).sum::<usize>();
        rows <= LITTLE_ROWS && bytes() <= LITTLE_CHUNKS * self.bytes_max
    }

    fn seal(&mut self, meta: SnapshotMeta) {
        self.needs = next_after(&meta);
        self.sealed = Some(meta);
    }
}

fn next_after(meta: &SnapshotMeta) -> u64 {
    meta.last_log_id.map_or(0, |id| id.index + 1)
}

#[cfg(test)]
mod tests;
