//! Recovery: what a folder's segments say, once the tail that no sync covered is cut off.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::entries::{Dead, Location};
use super::error::WalError;
use super::folder::Folder;
use super::format::{BATCH_HEADER_BYTES, RecordKind, SEGMENT_HEADER_BYTES};
use super::group::GroupState;
use super::live::Live;
use super::scan::{Found, Record, Scanner};
use super::segment::Segment;
use super::writer::Tail;
use crate::planted::{Bug, planted};
use crate::types::{GroupId, LogIndex};

/// What recovery found.
pub(super) struct Recovered {
    pub(super) groups: BTreeMap<GroupId, GroupState>,
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) live: Live,
    pub(super) tail: Tail,
}

/// Reads all segments and leaves the last one ready to be written.
pub(super) fn replay(folder: &mut Folder, mut segments: Vec<Segment>) -> Result<Recovered, WalError> {
    if let [only] = segments.as_slice()
        && folder.sealed() == 0
        && !folder.has_current_size(only)
        && is_empty(only)?
    {
        folder.discard(only)?;
        segments = vec![folder.prepare_first(only.sequence)?];
    }
    if segments.is_empty() {
        segments.push(folder.prepare_first(1)?);
    }
    let mut segments = segments.into_iter().map(Arc::new);
    let first = segments.next();
    let first = first.expect("one was prepared if there was none");
    let mut replay = Replay {
        groups: BTreeMap::new(),
        live: Live::new(first.clone()),
    };
    // The oldest segment tells where numbering stands; an empty log begins with 1.
    let mut end = replay.segment(&first, None)?;
    let mut used = vec![first];
    let mut next = None;
    for segment in segments {
        if next.is_some() {
            let reason = "it follows an empty segment: batches are missing";
            return Err(WalError::damaged(&segment.path, 0, reason));
        }
        replay.live.advance(segment.clone());
        let at = replay.segment(&segment, Some(&end))?;
        if at.position > SEGMENT_HEADER_BYTES {
            used.push(segment);
            end = at;
        } else {
            replay.live.retreat();
            next = Arc::into_inner(segment);
        }
    }
    if let Some(unfit) = next.take_if(|next| !folder.has_current_size(next)) {
        folder.discard(&unfit)?;
    }
    replay.refuse_gaps(&used[0])?;
    refuse_lost_batches(folder, &end)?;
    clean_tail(folder, replay.live.active(), next.as_ref(), &end)?;
    folder.seal(end.next_batch - 1)?;
    Ok(Recovered {
        groups: replay.groups,
        segments: used,
        live: replay.live,
        tail: Tail {
            next,
            position: end.position,
            next_batch: end.next_batch,
        },
    })
}

fn is_empty(segment: &Segment) -> Result<bool, WalError> {
    let mut scanner = Scanner::new(segment)?;
    let first = scanner.batch(SEGMENT_HEADER_BYTES)?;
    Ok(!matches!(first, Found::Batch { .. }) && scanner.later_batch(SEGMENT_HEADER_BYTES)?.is_none())
}

/// A batch that was sealed was durable, so that a log that ends before it has no torn tail.
fn refuse_lost_batches(folder: &Folder, end: &End) -> Result<(), WalError> {
    let sealed = folder.sealed();
    if end.next_batch > sealed || planted(Bug::RotAsTornTail) {
        return Ok(());
    }
    let (offset, what) = end.torn.unwrap_or((end.position, "it ends"));
    let reason = format!(
        "{what} where batch {} should be, but batches up to {sealed} were durable",
        end.next_batch
    );
    Err(WalError::damaged(&end.path, offset, reason))
}

/// What a torn batch left must never be taken for a part of the log by a later recovery. And what
/// was read may be in the page cache only, while Raft is about to rely on it: a sync that failed in
/// an earlier life has cleaned its pages. Every batch but the last was synced before the next one
/// was written, so that the last one and the headers are all that can be missing on the disk.
fn clean_tail(folder: &Folder, active: &Segment, next: Option<&Segment>, end: &End) -> Result<(), WalError> {
    let is_trusted = planted(Bug::CacheTrusted);
    if !is_trusted {
        active.write_again(folder.log(), end.last_batch.clone())?;
    }
    if end.position + BATCH_HEADER_BYTES as u64 <= active.capacity {
        active.wipe_batch(end.position)?;
    }
    if let Some(next) = next {
        if !is_trusted {
            next.write_again(folder.log(), 0..0)?;
        }
        next.wipe_batch(SEGMENT_HEADER_BYTES)?;
    }
    active
        .file
        .sync_data()
        .map_err(|error| WalError::io("sync", &active.path, error))
}

/// Where the log ends as far as it was read.
struct End {
    path: PathBuf,
    position: u64,
    next_batch: u64,
    /// Where the last batch of the segment stands; empty if it has none.
    last_batch: Range<u64>,
    /// What stands there, if it is no batch, and exactly where.
    torn: Option<(u64, &'static str)>,
}

struct Replay {
    groups: BTreeMap<GroupId, GroupState>,
    live: Live,
}

impl Replay {
    fn segment(&mut self, segment: &Segment, before: Option<&End>) -> Result<End, WalError> {
        let mut scanner = Scanner::new(segment)?;
        let mut position = SEGMENT_HEADER_BYTES;
        let mut last_batch = position..position;
        let mut next_batch = before.map(|end| end.next_batch);
        let torn = loop {
            match scanner.batch(position)? {
                Found::Batch { number, records, end } => {
                    if let Some(expected) = next_batch.filter(|expected| *expected != number) {
                        return Err(misnumbered(segment, position, before, expected, number));
                    }
                    for record in records {
                        self.record(segment, &record, scanner.body(&record))?;
                    }
                    last_batch = position..end.min(segment.capacity);
                    position = end;
                    next_batch = Some(number + 1);
                }
                Found::Nothing { offset, reason } => {
                    if let Some(later) = scanner.later_batch(position)?
                        && !planted(Bug::RotAsTornTail)
                    {
                        let reason = format!("{reason}, but batch {later} follows");
                        return Err(WalError::damaged(&segment.path, offset, reason));
                    }
                    break Some((offset, reason));
                }
                Found::Full => break None,
            }
        };
        Ok(End {
            path: segment.path.clone(),
            position,
            next_batch: next_batch.unwrap_or(1),
            last_batch,
            torn,
        })
    }

    fn record(&mut self, segment: &Segment, record: &Record, body: &[u8]) -> Result<(), WalError> {
        let (header, offset) = (record.header, record.offset);
        let group = GroupId(header.group);
        let index = header.index;
        if header.kind == RecordKind::Forget {
            if let Some(mut state) = self.groups.remove(&group) {
                let end = state.entries.end();
                self.bury(state.entries.purge(end));
            }
            self.live.forget(group);
            return Ok(());
        }
        let state = self.groups.entry(group).or_default();
        let body = || Bytes::copy_from_slice(body);
        match header.kind {
            RecordKind::Entry => {
                if state.purged.as_ref().is_some_and(|(last, _)| index <= last.0) {
                    return Ok(());
                }
                let location = Location {
                    segment: segment.sequence,
                    offset: u32::try_from(offset).expect("segments are smaller than 4 GiB"),
                    body_bytes: header.body_bytes,
                };
                let end = state.entries.end();
                if !state.entries.recover(index, location) {
                    let reason = format!("entry {index} of group {group} is not entry {end}");
                    return Err(WalError::damaged(&segment.path, offset, reason));
                }
                self.live.add_entry(segment.sequence);
            }
            RecordKind::Truncate => {
                let dead = state.entries.truncate_recovered(index);
                self.bury(dead);
            }
            RecordKind::Purge => {
                state.purged = Some((LogIndex(index), body()));
                let dead = state.entries.purge(index + 1);
                self.bury(dead);
                self.mark(segment, header.kind, group, index, body());
            }
            RecordKind::Vote => {
                state.vote = Some(body());
                self.mark(segment, header.kind, group, index, body());
            }
            RecordKind::Committed => {
                state.committed = Some(body());
                self.mark(segment, header.kind, group, index, body());
            }
            RecordKind::Forget => {}
        }
        Ok(())
    }

    /// Purge marks outlive the segments they were written to, so that entries that begin later
    /// than just after one were lost with their file.
    fn refuse_gaps(&self, oldest: &Segment) -> Result<(), WalError> {
        for (group, state) in &self.groups {
            let (Some((purged, _)), false) = (&state.purged, state.entries.is_empty()) else {
                continue;
            };
            let first = state.entries.first();
            if first != purged.0 + 1 {
                let reason = format!(
                    "group {group} is purged up to entry {purged} and goes on with entry {first}: an older segment is missing"
                );
                return Err(WalError::damaged(&oldest.path, 0, reason));
            }
        }
        Ok(())
    }

    fn mark(&mut self, segment: &Segment, kind: RecordKind, group: GroupId, index: u64, body: Bytes) {
        self.live.set_mark(group, kind, index, body, segment.sequence);
    }

    fn bury(&mut self, dead: Dead) {
        self.live.remove_entries(&dead);
    }
}

/// Batches are missing before this one. They were at the end of the segment before it, if there is one.
fn misnumbered(
    segment: &Segment,
    position: u64,
    before: Option<&End>,
    expected: u64,
    number: u64,
) -> WalError {
    match before {
        Some(end) if position == SEGMENT_HEADER_BYTES => {
            let (offset, what) = end.torn.unwrap_or((end.position, "it ends"));
            let reason = format!(
                "{what} where batch {expected} should be, but the next segment begins with batch {number}"
            );
            WalError::damaged(&end.path, offset, reason)
        }
        _ => {
            let reason = format!("batch {number} is where batch {expected} should be");
            WalError::damaged(&segment.path, position, reason)
        }
    }
}
