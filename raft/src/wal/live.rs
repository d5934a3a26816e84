//! Which segments are still needed, and by what. Owned by the writer, rebuilt by recovery.
//!
//! A segment is needed by the *entries* in it that no group has purged, truncated or forgotten,
//! and by the *marks* in it: the latest durable vote, purge and commit hint of a group. Segments
//! fall free from the oldest on. Marks never hold one back: they are a few bytes and written again
//! at the end of the log. So only entries pin space, and purging a group frees it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};

use super::entries::Dead;
use super::format::RecordKind;
use super::segment::Segment;
use crate::types::GroupId;

/// The kinds of records of which only the latest counts.
const MARK_KINDS: [RecordKind; 3] = [RecordKind::Vote, RecordKind::Purge, RecordKind::Committed];

type MarkKey = (GroupId, RecordKind);

struct Mark {
    segment: u64,
    index: u64,
    body: Bytes,
}

struct Use {
    segment: Arc<Segment>,
    entries: u64,
    /// Marks written here; some may have been superseded since.
    marks: FxHashSet<MarkKey>,
}

/// The segments in use, oldest first; the last one is being written.
pub(super) struct Live {
    uses: VecDeque<Use>,
    /// What is durable, where.
    marks: FxHashMap<MarkKey, Mark>,
    /// Marks to write with the next batch. Ordered, so that a simulation repeats itself.
    carry: BTreeMap<MarkKey, (u64, Bytes)>,
}

impl Live {
    pub(super) fn new(first: Arc<Segment>) -> Live {
        let mut live = Live {
            uses: VecDeque::new(),
            marks: FxHashMap::default(),
            carry: BTreeMap::new(),
        };
        live.advance(first);
        live
    }

    pub(super) fn active(&self) -> &Arc<Segment> {
        let last = self.uses.back();
        &last.expect("the active segment is never recycled").segment
    }

    pub(super) fn segments(&self) -> usize {
        self.uses.len()
    }

    /// `segment` is written from now on.
    pub(super) fn advance(&mut self, segment: Arc<Segment>) {
        self.uses.push_back(Use {
            segment,
            entries: 0,
            marks: FxHashSet::default(),
        });
    }

    /// Recovery found nothing in the segment that was added last.
    pub(super) fn retreat(&mut self) {
        self.uses.pop_back();
    }

    pub(super) fn add_entry(&mut self, segment: u64) {
        self.used(segment).entries += 1;
    }

    pub(super) fn remove_entries(&mut self, dead: &Dead) {
        for &(segment, count) in dead {
            self.used(segment).entries -= count;
        }
    }

    /// A mark became durable in `segment`.
    pub(super) fn set_mark(
        &mut self,
        group: GroupId,
        kind: RecordKind,
        index: u64,
        body: Bytes,
        segment: u64,
    ) {
        self.used(segment).marks.insert((group, kind));
        let mark = Mark { segment, index, body };
        self.marks.insert((group, kind), mark);
    }

    /// A group's forgetting became durable.
    pub(super) fn forget(&mut self, group: GroupId) {
        for kind in MARK_KINDS {
            self.marks.remove(&(group, kind));
            self.carry.remove(&(group, kind));
        }
    }

    /// Has a commit hint written with the next batch, whenever that is.
    pub(super) fn hint_committed(&mut self, group: GroupId, body: Bytes) {
        self.carry.insert((group, RecordKind::Committed), (0, body));
    }

    /// Bytes of the bodies of what [`Live::take_carry`] gives, and how many records it is.
    pub(super) fn carry_size(&self) -> (usize, usize) {
        let bodies = self.carry.values().map(|(_, body)| body.len());
        (bodies.sum(), self.carry.len())
    }

    /// What to write before anything else in the next batch.
    pub(super) fn take_carry(&mut self) -> Vec<(GroupId, RecordKind, u64, Bytes)> {
        std::mem::take(&mut self.carry)
            .into_iter()
            .map(|((group, kind), (index, body))| (group, kind, index, body))
            .collect()
    }

    /// The oldest segment if nothing needs it any more. Asks for its marks to be written again if
    /// only they do.
    pub(super) fn take_unneeded(&mut self) -> Option<Arc<Segment>> {
        let oldest = self.uses.front()?;
        if self.uses.len() == 1 || oldest.entries > 0 {
            return None;
        }
        let sequence = oldest.segment.sequence;
        let mut is_needed = false;
        for key in &oldest.marks {
            if let Some(mark) = self.marks.get(key)
                && mark.segment == sequence
            {
                is_needed = true;
                // A newer hint that waits already must not be replaced.
                let value = (mark.index, mark.body.clone());
                self.carry.entry(*key).or_insert(value);
            }
        }
        if is_needed {
            return None;
        }
        self.uses.pop_front().map(|unneeded| unneeded.segment)
    }

    /// Whether the oldest segment was found to be held by marks alone, which wait to be written again.
    pub(super) fn is_held_by_marks(&self) -> bool {
        let oldest = self.uses.front();
        self.uses.len() > 1 && !self.carry.is_empty() && oldest.is_some_and(|oldest| oldest.entries == 0)
    }

    fn used(&mut self, segment: u64) -> &mut Use {
        let oldest = self.uses.front().map_or(0, |oldest| oldest.segment.sequence);
        let at = segment
            .checked_sub(oldest)
            .and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.uses.get_mut(at))
            .expect("a segment is not recycled while something in it is needed")
    }
}
