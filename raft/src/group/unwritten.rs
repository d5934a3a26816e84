//! Changes that are in no checkpoint, because there was no space for the one that had them.
//!
//! They are kept and go with the next ones, so that a full disk does not make the next checkpoint
//! write the whole state. If they are too many to keep, it does.

use crate::machine::Delta;

/// Changes of more bytes than this are not kept. While the disk is nearly full, a group's checkpoint
/// is due with each 4 MiB of its log (`space.rs`): this is room for more attempts than can fail
/// before admission stops clients. Most of it are letters that the machine has in memory anyway,
/// until a checkpoint has them.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// What the last checkpoint lacks, apart from what changed since the last cut.
#[derive(Default)]
pub(super) enum Unwritten {
    /// Nothing.
    #[default]
    Nothing,
    /// The changes of cuts before the last one.
    Kept(Delta),
    /// It is not known any more: only a whole state has it.
    Lost,
}

impl Unwritten {
    /// Takes what there is. Until something is put back, it counts as lost.
    pub(super) fn take(&mut self) -> Unwritten {
        std::mem::replace(self, Unwritten::Lost)
    }

    /// A copy of a delta for [`Unwritten::Kept`], made before it is written. It shares all that is
    /// large. None if it is too much to keep.
    pub(super) fn copy(delta: &Delta) -> Unwritten {
        match delta.memory_bytes() <= KEPT_BYTES_MAX {
            true => Unwritten::Kept(delta.clone()),
            false => Unwritten::Lost,
        }
    }
}
