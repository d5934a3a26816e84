//! One group's entries as memory knows them: where each lies on disk, and the bytes of recent ones.

use std::collections::VecDeque;

use bytes::Bytes;

/// Where an entry's record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// The segment's sequence number.
    pub(super) segment: u64,
    /// Of the record's header, from the start of the file.
    pub(super) offset: u32,
    /// Bytes of the body.
    pub(super) body_bytes: u32,
}

impl Location {
    /// In the segment field: not on disk yet.
    const PENDING: u64 = u64::MAX;

    fn is_pending(&self) -> bool {
        self.segment == Location::PENDING
    }
}

/// How many entries of a segment are no longer needed.
pub(super) type Dead = Vec<(u64, u64)>;

/// The entries `first..end()`, without holes.
#[derive(Default)]
pub(super) struct Entries {
    first: u64,
    locations: VecDeque<Location>,
    /// The bodies of the last `cached.len()` entries. Every entry that is not on disk yet is here.
    cached: VecDeque<Bytes>,
    cached_bytes: usize,
    live_bytes: u64,
    /// Truncations that the writer has not reached yet, as the end they left. They say which
    /// entries of an append that is still in flight are gone, although others may have taken their
    /// indexes since.
    cuts: VecDeque<u64>,
}

impl Entries {
    pub(super) fn is_empty(&self) -> bool {
        self.locations.is_empty()
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn end(&self) -> u64 {
        self.first + self.locations.len() as u64
    }

    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Bytes of the entries before `end`.
    pub(super) fn bytes_before(&self, end: u64) -> u64 {
        let count = usize::try_from(end.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let before = self.locations.iter().take(count);
        before.map(|location| u64::from(location.body_bytes)).sum()
    }

    /// Where the last entries before `end` begin that have at most `bytes` together.
    pub(super) fn first_within(&self, end: u64, bytes: u64) -> u64 {
        let mut before = self.bytes_before(end);
        let mut first = self.first;
        for location in &self.locations {
            if first >= end || before <= bytes {
                break;
            }
            before -= u64::from(location.body_bytes);
            first += 1;
        }
        first
    }

    pub(super) fn location(&self, index: u64) -> Option<Location> {
        let at = index.checked_sub(self.first)?;
        self.locations.get(usize::try_from(at).ok()?).copied()
    }

    pub(super) fn cached(&self, index: u64) -> Option<&Bytes> {
        let from_end = usize::try_from(self.end().checked_sub(index)?).ok()?;
        self.cached.get(self.cached.len().checked_sub(from_end)?)
    }

    /// The segment that the oldest entry lies in, if it is on disk.
    pub(super) fn oldest_segment(&self) -> Option<u64> {
        let oldest = self.locations.front()?;
        (!oldest.is_pending()).then_some(oldest.segment)
    }

    /// Adds entries; the caller has checked that `first` is next.
    pub(super) fn append(&mut self, first: u64, bodies: &[Bytes]) {
        if self.is_empty() {
            self.first = first;
        }
        for body in bodies {
            self.locations.push_back(Location {
                segment: Location::PENDING,
                offset: 0,
                body_bytes: body.len() as u32,
            });
            self.live_bytes += body.len() as u64;
            self.cached_bytes += body.len();
            self.cached.push_back(body.clone());
        }
    }

    /// Adds an entry that recovery found on disk; false if it leaves a hole.
    pub(super) fn recover(&mut self, index: u64, location: Location) -> bool {
        if self.is_empty() {
            self.first = index;
        }
        if index != self.end() {
            return false;
        }
        self.live_bytes += u64::from(location.body_bytes);
        self.locations.push_back(location);
        true
    }

    /// The writer put the entries from `first` on at `locations`. Calls `live` with the segment of
    /// each that is still wanted.
    pub(super) fn publish(&mut self, first: u64, locations: &[Location], mut live: impl FnMut(u64)) {
        let cut = self.cuts.iter().copied().min().unwrap_or(u64::MAX);
        for (index, location) in (first..).zip(locations) {
            if index < self.first || index >= self.end().min(cut) {
                continue;
            }
            let slot = &mut self.locations[(index - self.first) as usize];
            assert!(slot.is_pending(), "entry {index} was written twice");
            *slot = *location;
            live(location.segment);
        }
    }

    /// Drops the entries from `end` on. Every call is answered by one of [`Entries::cut_reached`].
    pub(super) fn truncate(&mut self, end: u64) -> Dead {
        self.cuts.push_back(end);
        self.truncate_recovered(end)
    }

    /// Drops the entries from `end` on, all of which are on disk.
    pub(super) fn truncate_recovered(&mut self, end: u64) -> Dead {
        let mut dead = Dead::new();
        while self.end() > end {
            let Some(location) = self.locations.pop_back() else {
                break;
            };
            if let Some(body) = self.cached.pop_back() {
                self.cached_bytes -= body.len();
            }
            self.bury(location, &mut dead);
        }
        dead
    }

    /// The writer has written the oldest truncation that it had not.
    pub(super) fn cut_reached(&mut self) {
        self.cuts.pop_front();
    }

    /// Drops the entries before `first`.
    pub(super) fn purge(&mut self, first: u64) -> Dead {
        let mut dead = Dead::new();
        while self.first < first {
            let Some(location) = self.locations.pop_front() else {
                self.first = first;
                break;
            };
            self.first += 1;
            if self.cached.len() > self.locations.len() {
                self.uncache_oldest();
            }
            self.bury(location, &mut dead);
        }
        dead
    }

    fn bury(&mut self, location: Location, dead: &mut Dead) {
        self.live_bytes -= u64::from(location.body_bytes);
        if location.is_pending() {
            return;
        }
        match dead.last_mut() {
            Some((segment, count)) if *segment == location.segment => *count += 1,
            _ => dead.push((location.segment, 1)),
        }
    }

    /// Forgets the bodies of entries up to `last` that are on disk.
    pub(super) fn evict_through(&mut self, last: u64) {
        while self.oldest_cached().is_some_and(|index| index <= last) && self.uncache_written() {}
    }

    /// Forgets bodies that are on disk, oldest first, until at most `bytes` are left.
    pub(super) fn evict_to(&mut self, bytes: usize) {
        while self.cached_bytes > bytes && self.uncache_written() {}
    }

    fn oldest_cached(&self) -> Option<u64> {
        (!self.cached.is_empty()).then(|| self.end() - self.cached.len() as u64)
    }

    fn uncache_written(&mut self) -> bool {
        let written = self
            .oldest_cached()
            .and_then(|index| self.location(index))
            .is_some_and(|location| !location.is_pending());
        if written {
            self.uncache_oldest();
        }
        written
    }

    fn uncache_oldest(&mut self) {
        if let Some(body) = self.cached.pop_front() {
            self.cached_bytes -= body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u32) -> Location {
        Location {
            segment: 1,
            offset,
            body_bytes: 1,
        }
    }

    fn body() -> Bytes {
        Bytes::from_static(b"x")
    }

    #[test]
    fn an_append_in_flight_never_speaks_for_entries_that_replaced_its_own() {
        let mut entries = Entries::default();
        entries.append(5, &[body(), body(), body()]);
        assert!(entries.truncate(6).is_empty());
        entries.append(6, &[body()]);
        let mut live = 0;
        entries.publish(5, &[at(50), at(60), at(70)], |_| live += 1);
        assert_eq!(live, 1);
        assert!(entries.location(6).unwrap().is_pending());
        entries.cut_reached();
        entries.publish(6, &[at(61)], |_| live += 1);
        assert_eq!((live, entries.location(6)), (2, Some(at(61))));
        assert_eq!(entries.purge(100), [(1, 2)]);
        assert_eq!((entries.live_bytes(), entries.cached_bytes), (0, 0));
        assert_eq!(entries.end(), 100);
    }

    #[test]
    fn only_what_is_on_disk_leaves_the_cache() {
        let mut entries = Entries::default();
        entries.append(1, &[body(), body(), body()]);
        entries.evict_to(0);
        assert_eq!(entries.cached_bytes, 3);
        entries.publish(1, &[at(10), at(20)], |_| {});
        entries.evict_through(1);
        assert!(entries.cached(1).is_none() && entries.cached(2).is_some());
        entries.evict_to(0);
        assert_eq!(entries.cached_bytes, 1);
        assert!(entries.cached(3).is_some() && entries.cached(4).is_none());
    }
}
