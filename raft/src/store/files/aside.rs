//! Files that are not what was written, and files that were replaced.

use super::groups::Groups;
use super::{FileStore, names};
use crate::store::{PutAside, StoreError};
use crate::types::GroupId;

impl FileStore {
    /// Puts the newest file of a group aside. The one before it counts then, if there is one.
    pub(super) fn put_newest_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError> {
        self.change(|groups| self.aside_locked(groups, group, reason))
    }

    pub(super) fn aside_locked(
        &self,
        groups: &mut Groups,
        group: GroupId,
        reason: &str,
    ) -> Result<(), StoreError> {
        drop(groups.warm.take(group));
        let entry = groups.of(group);
        let Some(generation) = entry.newest() else {
            return Ok(());
        };
        let place = &self.place;
        let from = names::rows(&place.folder, group, generation);
        let to = names::damaged(&place.folder, group, generation);
        match place.disk.rename(&from, &to) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(place.failed("cannot be put aside", &from, &error)),
            Ok(()) => place.sync()?,
        }
        entry.generations.pop();
        groups.set_aside(group, generation);
        let file = to.display();
        tracing::error!(%group, %file, reason, "a checkpoint is damaged and was put aside");
        let put_aside = PutAside {
            reason: reason.to_owned(),
            ..PutAside::found(group, generation, to)
        };
        self.aside.lock().entry(group).or_default().push(put_aside);
        Ok(())
    }

    /// Removes what the newest file of a group replaces: older ones, and those that were put aside
    /// before it was made.
    pub(super) fn remove_replaced(&self, group: GroupId) -> Result<(), StoreError> {
        self.change(|groups| self.remove_replaced_locked(groups, group))
    }

    pub(super) fn remove_replaced_locked(
        &self,
        groups: &mut Groups,
        group: GroupId,
    ) -> Result<(), StoreError> {
        let (place, entry) = (&self.place, groups.of(group));
        let Some(newest) = entry.newest() else {
            return Ok(());
        };
        for old in entry.generations.drain(..entry.generations.len() - 1) {
            place.remove(&names::rows(&place.folder, group, old))?;
        }
        if entry.aside == 0 || entry.aside > newest {
            return Ok(());
        }
        entry.aside = 0;
        let replaced = self.aside.lock().remove(&group);
        for put_aside in replaced.unwrap_or_default() {
            tracing::info!(%group, file = %put_aside.path.display(), "a damaged checkpoint is replaced and removed");
            place.remove(&put_aside.path)?;
        }
        Ok(())
    }

    /// Removes all there is of a group, durably. The newest file goes last: cut short, this leaves
    /// the latest state.
    pub(super) fn remove_all(&self, group: GroupId) -> Result<(), StoreError> {
        self.change(|groups| {
            let (place, entry) = (&self.place, groups.of(group));
            let is_unknown = entry.generations.is_empty() && entry.aside == 0;
            if let Some(draft) = entry.draft.take() {
                draft.abandon(place)?;
            }
            let put_aside = self.aside.lock().remove(&group);
            for put_aside in put_aside.unwrap_or_default() {
                place.remove(&put_aside.path)?;
            }
            for generation in &entry.generations {
                place.remove(&names::rows(&place.folder, group, *generation))?;
            }
            groups.remove(group);
            if is_unknown { Ok(()) } else { place.sync() }
        })
    }
}
