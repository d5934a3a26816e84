//! Putting a whole state together in parts, in a file that has no name yet.

use bytes::Bytes;

use super::FileStore;
use super::draft::Draft;
use super::flaw::Flaw;
use crate::machine::Delta;
use crate::store::StoreError;
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
            let added = (|| {
                for key in &part.deletes {
                    draft.delete(place, key)?;
                }
                draft.put_all(place, part.puts)?;
                // A lack of space is better known here, where the part can be asked for again, than when all is there.
                draft.flush()
            })();
            match added {
                Ok(()) => {
                    entry.draft = Some(draft);
                    Ok(())
                }
                Err(error) => Err(draft.given_up(place, error)),
            }
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
