//! Putting a whole state together in parts, in a file that has no name yet.

use bytes::Bytes;

use super::FileStore;
use super::draft::Draft;
use super::flaw::Flaw;
use crate::machine::{Delta, Row};
use crate::store::StoreError;
use crate::store::letters::files::unreadable;
use crate::types::GroupId;

impl FileStore {
    pub(super) fn add_to_draft(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        let place = &self.place;
        self.change(|groups| {
            let entry = groups.of(group);
            let mut draft = match entry.draft.take() {
                Some(draft) if !part.clear => draft,
                None if !part.clear => return Err(StoreError::NotStaged(group)),
                old => {
                    if let Some(old) = old {
                        old.abandon(place)?;
                    }
                    Box::new(Draft::begin(place, group)?)
                }
            };
            for key in &part.deletes {
                draft.delete(place, key)?;
            }
            for Row { key, value } in part.puts {
                match value.try_encode() {
                    Ok(value) => draft.put(place, &key, &value)?,
                    Err(error) => {
                        draft.abandon(place)?;
                        return Err(unreadable(error));
                    }
                }
            }
            entry.draft = Some(draft);
            Ok(())
        })
    }

    pub(super) fn read_draft(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let place = &self.place;
        self.change(|groups| {
            let draft = &mut groups.of(group).draft;
            let rows = draft.as_mut().ok_or(StoreError::NotStaged(group))?.rows(place);
            match rows {
                Ok(rows) => Ok(rows.into_iter().collect()),
                Err(Flaw::Refused(error)) => Err(error),
                Err(Flaw::Damaged(reason)) => {
                    tracing::warn!(%group, reason, "a state that is put together is damaged");
                    draft.take().map_or(Ok(()), |draft| draft.abandon(place))?;
                    Err(StoreError::NotStaged(group))
                }
            }
        })
    }

    pub(super) fn finish_draft(&self, group: GroupId, header: &Bytes) -> Result<(), StoreError> {
        self.change(|groups| {
            let entry = groups.of(group);
            let draft = entry.draft.take().ok_or(StoreError::NotStaged(group))?;
            let open = draft.finish(&self.place, entry.next_generation(), header)?;
            self.replaced(groups, group, open)
        })
    }
}
