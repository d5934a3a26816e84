//! What a checkpoint has of the changes since the last cut.
//!
//! After a burst they are some hundred thousand rows, and gathering them at once would keep entries
//! from being applied for as long as that takes. So they are taken in portions. The last portion is
//! the cut: the checkpoint has the state at that moment.

use std::io;

use super::replica::Replica;
use super::state_machine::cut;
use super::types::SnapshotMeta;
use super::unwritten::Unwritten;
use crate::env::Io;
use crate::level::Level;
use crate::machine::Delta;

/// Rows that are taken under the state's lock at a time: about a millisecond.
const PORTION_ROWS: usize = 4096;

/// What a checkpoint is to write.
pub(super) struct Changes {
    pub(super) meta: SnapshotMeta,
    pub(super) level: Level,
    pub(super) delta: Delta,
    /// What is to be kept if it cannot be written.
    pub(super) copy: Unwritten,
}

/// Takes the changes, and puts those before them that have no checkpoint yet. Nothing else may be
/// cut meanwhile.
pub(super) async fn changes(replica: &Replica, io: &Io, kept: Option<Delta>) -> io::Result<Changes> {
    let mut portions: Vec<Delta> = kept.into_iter().collect();
    // A transfer of the state follows whole cuts. One that begins later has what was taken before it.
    let take = || {
        replica.update(None, |s| match replica.transfers().is_empty() {
            true => s.machine.cut_some(PORTION_ROWS),
            false => None,
        })
    };
    while let Some(portion) = take()? {
        portions.push(portion);
        tokio::task::yield_now().await;
    }
    let (level, (meta, delta, later)) = replica.update(None, |s| (s.machine.level(), cut(replica, s)))?;
    let gather = move || {
        portions.push(later.add_to(delta));
        let delta = Delta::of_portions(portions);
        (Unwritten::copy(&delta), delta)
    };
    let (copy, delta) = io.run(gather).await?;
    Ok(Changes {
        meta,
        level,
        delta,
        copy,
    })
}
