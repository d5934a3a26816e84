//! The transfers of one replica's state.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::replica::State;
use super::transfer::Transfer;
use super::types::SnapshotMeta;
use crate::machine::Delta;
use crate::machine::queue::Stored;
use crate::types::NodeId;

/// All that are under way, or that were a moment ago.
#[derive(Default)]
pub(super) struct Transfers {
    open: Mutex<Vec<Arc<Transfer>>>,
}

impl Transfers {
    /// Begins one, in chunks of about so many bytes, under the state's lock. Another one to the same node is given up.
    pub(super) fn begin(&self, id: u64, to: NodeId, bytes_max: usize, state: &State) -> Arc<Transfer> {
        let transfer = Arc::new(Transfer::begin(id, to, bytes_max, state));
        let mut open = self.open.lock();
        retain(&mut open, |other| other.to != to);
        open.push(transfer.clone());
        transfer
    }

    /// The one of that number, if it still is one.
    pub(super) fn find(&self, id: u64) -> Option<Arc<Transfer>> {
        let open = self.open.lock();
        open.iter().find(|transfer| transfer.id == id).cloned()
    }

    /// The one to a node, if there is one.
    pub(super) fn to(&self, node: NodeId) -> Option<Arc<Transfer>> {
        let open = self.open.lock();
        open.iter().find(|transfer| transfer.to == node).cloned()
    }

    /// When a receiver last asked for a part, and of which transfer.
    pub(super) fn used(&self) -> Option<(Instant, u64)> {
        let open = self.open.lock();
        open.iter().map(|transfer| (transfer.used(), transfer.id)).max()
    }

    /// Notes a cut of the state, under the state's lock.
    pub(super) fn cut(&self, meta: &SnapshotMeta, delta: &Delta) {
        self.open
            .lock()
            .iter()
            .for_each(|transfer| transfer.cut(meta, delta));
    }

    /// Letters of what was cut are in files now.
    pub(super) fn stored(&self, stored: &[(u64, Stored)]) {
        self.open
            .lock()
            .iter()
            .for_each(|transfer| transfer.stored(stored));
    }

    /// Gives all up: the state is another one. Under its lock.
    pub(super) fn give_up(&self) {
        retain(&mut self.open.lock(), |_| false);
    }

    /// The oldest of the complete states that were sent and that their receivers have not gone on from yet: whoever was sent one has this one, too,
    /// and the log keeps what follows it.
    pub(super) fn oldest(&self) -> Option<SnapshotMeta> {
        let open = self.open.lock();
        let sealed = open.iter().filter(|transfer| !transfer.has_gone_on());
        let sealed = sealed.filter_map(|transfer| transfer.sealed());
        sealed.min_by_key(|meta| meta.last_log_id)
    }

    /// The first entry that a receiver needs of the log.
    pub(super) fn needs(&self) -> Option<u64> {
        let open = self.open.lock();
        open.iter().filter_map(|transfer| transfer.needs()).min()
    }

    /// Looks after them: `followers` says to before which index the logs of followers reach. What has come so far that the log's `covered` part is
    /// not needed any more is over, and so is what nobody wants.
    pub(super) fn tend(&self, followers: &BTreeMap<NodeId, u64>, covered: u64) {
        retain(&mut self.open.lock(), |transfer| {
            let next = followers
                .get(&transfer.to)
                .copied()
                .filter(|_| transfer.has_all());
            if let Some(next) = next {
                transfer.reached(next);
            }
            next.is_none_or(|next| next < covered)
        });
    }

    /// The log begins with this entry now: a state that it does not go on from is of no use. Returns whether there was one.
    pub(super) fn log_begins(&self, first: u64) -> bool {
        let mut open = self.open.lock();
        let before = open.len();
        retain(&mut open, |transfer| {
            transfer.needs().is_none_or(|needs| needs >= first)
        });
        open.len() < before
    }

    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.open.lock().is_empty()
    }
}

/// Whoever is still at one that goes has to begin anew.
fn retain(open: &mut Vec<Arc<Transfer>>, stays: impl Fn(&Transfer) -> bool) {
    open.retain(|transfer| {
        let stays = stays(transfer) && !transfer.is_idle();
        if !stays {
            transfer.fail();
        }
        stays
    });
}
