//! Which replicas of a node are quarantined, and how they get there and back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::{GroupFault, Groups};
use crate::group::{Fault, Group};
use crate::quarantine::{Broken, Cause, Ledger, Quarantine};
use crate::types::GroupId;

/// The quarantined replicas of a node, in memory and on disk.
pub(super) struct Quarantined {
    ledger: Ledger,
    known: RwLock<BTreeMap<GroupId, Quarantine>>,
    retries: watch::Sender<u64>,
}

impl Quarantined {
    pub(super) fn new(ledger: Ledger, known: BTreeMap<GroupId, Quarantine>) -> Quarantined {
        let (again, known): (BTreeMap<_, _>, BTreeMap<_, _>) = known
            .into_iter()
            .partition(|(_, quarantine)| quarantine.broken.cause == Cause::Level);
        for quarantine in known.values() {
            tracing::warn!(%quarantine, "a replica stays closed");
        }
        for (group, quarantine) in again {
            tracing::info!(%quarantine, "this version may know more: it is tried again");
            remove(&ledger, group);
        }
        Quarantined {
            ledger,
            known: RwLock::new(known),
            retries: watch::Sender::new(0),
        }
    }

    pub(super) fn get(&self, group: GroupId) -> Option<Quarantine> {
        self.known.read().get(&group).cloned()
    }

    /// Memory counts even if the disk does not take it: then the next start finds the fault anew.
    fn add(&self, quarantine: Quarantine) {
        if let Err(error) = self.ledger.write(&quarantine) {
            tracing::error!(group = %quarantine.group, %error, "a quarantine cannot be written");
        }
        self.known.write().insert(quarantine.group, quarantine);
    }

    /// Adds a remark to why a replica is out of service.
    pub(super) fn note(&self, group: GroupId, remark: &str) {
        if let Some(mut quarantine) = self.get(group) {
            quarantine.broken.reason = format!("{}; {remark}", quarantine.broken.reason);
            self.add(quarantine);
        }
    }

    pub(super) fn remove(&self, group: GroupId) {
        if self.known.write().remove(&group).is_some() {
            remove(&self.ledger, group);
        }
    }
}

/// If this fails, the group is closed again at the next start.
fn remove(ledger: &Ledger, group: GroupId) {
    if let Err(error) = ledger.remove(group) {
        tracing::error!(%group, %error, "the file of a quarantine that has ended cannot be removed");
    }
}

impl Groups {
    /// The replicas of this node that are out of service, by group.
    pub fn quarantined(&self) -> Vec<Quarantine> {
        self.quarantined.known.read().values().cloned().collect()
    }

    /// The quarantine of a group's replica here, if it is quarantined.
    pub fn quarantine_of(&self, group: GroupId) -> Option<Quarantine> {
        self.quarantined.get(group)
    }

    /// The file that a quarantined replica's log is in, if it had to make way for the others.
    pub fn log_aside(&self, group: GroupId) -> Option<PathBuf> {
        self.aside.file_of(group)
    }

    /// Ends a quarantine: the replica may be opened again. If it still cannot go on, it is quarantined again.
    /// `from_peer` says that its checkpoint is not to be read: another replica's state is to replace it.
    /// Gives the quarantine that there was, if there was one.
    pub fn retry(&self, group: GroupId, from_peer: bool) -> Option<Quarantine> {
        let before = self.quarantined.get(group)?;
        if from_peer {
            let mut quarantine = before.clone();
            quarantine.broken.cause = Cause::Files;
            self.quarantined.add(quarantine);
        } else {
            self.quarantined.remove(group);
        }
        tracing::info!(%group, from_peer, "a quarantined replica is tried again");
        self.quarantined.retries.send_modify(|count| *count += 1);
        Some(before)
    }

    /// How often [`Groups::retry`] has ended a quarantine, as it changes.
    pub fn retries(&self) -> watch::Receiver<u64> {
        self.quarantined.retries.subscribe()
    }

    /// Notes that a replica is out of service.
    pub(super) fn quarantine(&self, group: GroupId, broken: Broken) -> Quarantine {
        let quarantine = Quarantine {
            group,
            broken,
            since: self.parts.env.clock.now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let Broken { cause, index, reason } = &quarantine.broken;
        tracing::error!(%group, cause = cause.name(), index, reason,
            "a replica is quarantined; its data stays as it is");
        self.quarantined.add(quarantine.clone());
        quarantine
    }

    /// Looks for replicas that cannot go on, and closes those that concern their group alone.
    ///
    /// # Errors
    /// See [`Groups::maintain`].
    pub async fn tend_faults(&self) -> Result<(), GroupFault> {
        self.check()?;
        for group in self.list() {
            let (id, fault) = (group.id(), group.fault());
            let Some(Fault::Broken(broken)) = fault.filter(|_| self.is_open(&group)) else {
                continue;
            };
            let reason = broken.reason.clone();
            // Noted before it is closed: meanwhile, it is one or the other.
            self.quarantine(id, broken);
            self.close(id).await;
            if id == GroupId::CATALOG {
                return Err(GroupFault {
                    group: id,
                    reason,
                    is_quarantined: true,
                });
            }
        }
        Ok(())
    }

    /// Looks for a replica that has stopped because the log or the store failed.
    ///
    /// # Errors
    /// If there is one.
    pub fn check(&self) -> Result<(), GroupFault> {
        for group in self.list() {
            if let Some(Fault::Storage(reason)) = group.fault()
                && self.is_open(&group)
            {
                return Err(GroupFault {
                    group: group.id(),
                    reason,
                    is_quarantined: false,
                });
            }
        }
        Ok(())
    }

    /// Whether a replica is still open: who ends one on purpose takes it off the list first.
    fn is_open(&self, group: &Arc<Group>) -> bool {
        let open = self.get(group.id());
        open.is_some_and(|open| Arc::ptr_eq(&open, group))
    }
}
