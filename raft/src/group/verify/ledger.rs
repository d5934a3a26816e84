//! What a replica knows of the comparison of its state with its leader's.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Claim;
use crate::machine::Position;

/// Claims that wait for this replica's own digest, or the other way round.
const WAITING_MAX: usize = 16;

/// How the comparison stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// The pass that is under way, or was the last one; 0 if there was none.
    pub pass: u64,
    /// Slices that were equal.
    pub equal: u64,
    /// Slices that were not.
    pub unequal: u64,
    /// How many slices the pass had; 0 until it has ended.
    pub slices: u64,
    /// What differs, since it was found. A later pass in which all slices are equal clears it.
    pub divergence: Option<String>,
}

impl Verification {
    /// Whether a whole pass has found this replica's state to be the leader's.
    pub fn is_equal(&self) -> bool {
        self.slices > 0 && self.equal == self.slices
    }
}

/// The state of the comparison.
#[derive(Default)]
pub(in crate::group) struct Ledger {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    shown: Verification,
    own: BTreeMap<u64, Own>,
    claims: BTreeMap<u64, Claim>,
}

/// What this replica found in a slice.
#[derive(Clone, Copy)]
pub(super) struct Own {
    pub(super) claim: Claim,
    /// Where the next slice begins; none if this was the last one.
    pub(super) next: Option<Position>,
}

impl Ledger {
    /// How it stands.
    pub(in crate::group) fn shown(&self) -> Verification {
        self.inner.lock().shown.clone()
    }

    /// How it stands once it is like this.
    pub(in crate::group) async fn shown_once(&self, is_so: impl Fn(&Verification) -> bool) -> Verification {
        loop {
            let changed = self.changed.notified();
            let shown = self.shown();
            if is_so(&shown) {
                return shown;
            }
            changed.await;
        }
    }

    /// A mark of this pass was applied.
    pub(super) fn enter(&self, pass: u64) {
        let mut inner = self.inner.lock();
        if inner.shown.pass != pass {
            let divergence = inner.shown.divergence.take();
            *inner = Inner::default();
            inner.shown.pass = pass;
            inner.shown.divergence = divergence;
            drop(inner);
            self.changed.notify_waiters();
        }
    }

    /// This replica has found this in a slice. Returns what differs, if it is found by this.
    pub(super) fn found(&self, pass: u64, own: Own) -> Option<String> {
        self.note(pass, |inner| {
            inner.own.insert(own.claim.number, own);
        })
    }

    /// The leader has found this in a slice. Returns what differs, if it is found by this.
    pub(super) fn claimed(&self, pass: u64, claim: Claim) -> Option<String> {
        self.note(pass, |inner| {
            inner.claims.insert(claim.number, claim);
        })
    }

    /// The pass is over. What still waits for a digest is compared when that comes.
    pub(super) fn end(&self, pass: u64, slices: u64) {
        // Nothing is found by that.
        let _ = self.note(pass, |inner| inner.shown.slices = slices);
    }

    /// Returns what differs, if it is found by this.
    fn note(&self, pass: u64, note: impl FnOnce(&mut Inner)) -> Option<String> {
        let mut inner = self.inner.lock();
        let known = inner.shown.divergence.is_some();
        if inner.shown.pass == pass {
            note(&mut inner);
            inner.compare();
        }
        let found = inner.shown.divergence.clone().filter(|_| !known);
        drop(inner);
        self.changed.notify_waiters();
        found
    }

    /// Waits for what this replica finds in a slice; none if another pass begins.
    pub(super) async fn own(&self, pass: u64, number: u64) -> Option<Own> {
        loop {
            let changed = self.changed.notified();
            {
                let inner = self.inner.lock();
                if inner.shown.pass != pass {
                    return None;
                }
                if let Some(own) = inner.own.get(&number) {
                    return Some(*own);
                }
            }
            changed.await;
        }
    }
}

impl Inner {
    fn compare(&mut self) {
        let numbers: Vec<u64> = self.claims.keys().copied().collect();
        for number in numbers {
            let Some(own) = self.own.get(&number) else {
                continue;
            };
            let (claim, found) = (self.claims[&number], own.claim);
            if claim == found {
                self.shown.equal += 1;
            } else {
                self.shown.unequal += 1;
                let text = format!(
                    "slice {number} of pass {:016x}: {} rows with digest {:016x} here, {} with {:016x} at the leader",
                    self.shown.pass, found.rows, found.digest, claim.rows, claim.digest
                );
                self.shown.divergence.get_or_insert(text);
            }
            self.claims.remove(&number);
            self.own.remove(&number);
        }
        if self.shown.is_equal() {
            self.shown.divergence = None;
        }
        while self.claims.len() > WAITING_MAX {
            self.claims.pop_first();
        }
        while self.own.len() > WAITING_MAX {
            self.own.pop_first();
        }
    }
}
