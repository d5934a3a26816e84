//! Writing a file anew that has more dead bytes than live ones.

use std::sync::Arc;

use super::draft::{Draft, Open};
use super::flaw::Flaw;
use super::format::Record;
use super::records::{Next, Records};
use super::{Place, names};
use crate::store::StoreError;
use crate::types::GroupId;

/// A file is written anew when it has so many times the bytes of the rows that are left.
const BYTES_PER_LIVE_BYTE_MAX: u64 = 2;

impl Open {
    /// Whether writing the file anew is worth it. Over a file's life that costs no more than a
    /// second write of each row.
    pub(super) fn is_mostly_dead(&self, place: &Place) -> bool {
        let bytes = self.tail.record_bytes();
        bytes > place.options.compact_bytes_min
            && bytes > BYTES_PER_LIVE_BYTE_MAX.saturating_mul(self.index.live_bytes())
    }
}

impl Place {
    /// Copies the rows that are left into a new file, row by row: a state of any size takes no
    /// memory here.
    pub(super) fn rewrite(&self, group: GroupId, old: &Open, generation: u64) -> Result<Open, StoreError> {
        let path = names::rows(&self.folder, group, old.commit.generation);
        let mut draft = Draft::begin(self, group)?;
        let copied = (|| {
            let mut records = Records::open(&path, Arc::clone(old.tail.file()), group)?;
            while records.position() < old.tail.end() {
                match records.next()? {
                    Next::Record(position, Record::Put { key, value }) => {
                        if old.index.is_live(self.fingerprints.of(key), position) {
                            draft.put(self, key, value)?;
                        }
                    }
                    Next::Record(..) => {}
                    Next::Nothing { position } => {
                        let reason = format!("{} at byte {position}", path.display());
                        return Err(Flaw::Damaged(reason));
                    }
                }
            }
            Ok(())
        })();
        match copied {
            Ok(()) => draft.finish(self, generation, &old.commit.header),
            Err(Flaw::Refused(error)) => Err(draft.given_up(self, error)),
            // What was written a moment ago is not there. The disk is not to be trusted with what
            // follows.
            Err(Flaw::Damaged(reason)) => Err(StoreError::Failed(reason)),
        }
    }
}
