//! The whole state of a replica for a checkpoint, gathered in portions.
//!
//! The rows of a long backlog take a while to gather, in which nothing could be applied. So the
//! state is read as a transfer reads it (`transfer.rs`): what the last cut held, a portion at a
//! time, with entries applied in between, and then the changes since that cut.

use std::io;

use super::replica::Replica;
use super::state_machine::cut;
use super::types::SnapshotMeta;
use crate::env::Io;
use crate::level::Level;
use crate::machine::{Delta, Machine};

/// About how many bytes of rows are gathered under the state's lock at a time: a few thousand small
/// messages, or some large ones, whose letters are not copied.
const PORTION_BYTES: usize = 1 << 20;

/// The state as it is when the last portion has been read. Until then nothing else may be cut.
pub(super) async fn whole(replica: &Replica, io: &Io) -> io::Result<(SnapshotMeta, Level, Delta)> {
    // What changed until now is part of the rows.
    let (mut parts, before) = replica.update(None, |s| {
        let before = cut(replica, s);
        (s.machine.parts(), before)
    })?;
    drop(before);
    let mut rows = Vec::new();
    while !parts.is_done() {
        rows.extend(replica.read(|machine: &Machine| machine.next_part(&mut parts, PORTION_BYTES)));
        tokio::task::yield_now().await;
    }
    let (level, (meta, changes, later)) = replica.update(None, |s| (s.machine.level(), cut(replica, s)))?;
    let whole = move || Delta::whole(rows).then(later.add_to(changes));
    Ok((meta, level, io.run(whole).await?))
}
