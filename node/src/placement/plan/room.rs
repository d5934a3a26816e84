//! How many groups may be on their way at a time.
//!
//! Moving a group takes its state over the network and onto a disk: what is on its way is bounded by bytes. A few may always
//! go, however large they are, or else a group that is larger than the bound would never move. A move that makes no
//! progress, such as that of a group without a majority, takes no room: it must not keep others from being repaired.

use super::Placed;

/// What a group counts at least: even an empty one is some work for the nodes that it goes to.
const BYTES_MIN: u64 = 1 << 20;

/// The bounds of what may be on its way.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// So many groups may, whatever their size.
    pub few: usize,
    /// More may as long as all together have no more bytes than this.
    pub bytes: u64,
}

impl Bounds {
    /// So many groups, whatever their size.
    pub const fn count(groups: usize) -> Bounds {
        Bounds {
            few: groups,
            bytes: 0,
        }
    }
}

/// What is left of it.
pub(super) struct Room {
    bounds: Bounds,
    groups: usize,
    bytes: u64,
}

impl Room {
    /// What is left beside the groups that are on their way.
    pub(super) fn beside(bounds: Bounds, groups: &[Placed]) -> Room {
        let mut room = Room {
            bounds,
            groups: 0,
            bytes: 0,
        };
        for group in groups.iter().filter(|group| group.is_moving()) {
            room.add(group);
        }
        room
    }

    /// Takes the room that a group needs, if there is any.
    pub(super) fn take(&mut self, group: &Placed) -> bool {
        let fits = self.bytes.saturating_add(bytes(group)) <= self.bounds.bytes;
        let has_room = fits || self.groups < self.bounds.few;
        if has_room {
            self.add(group);
        }
        has_room
    }

    fn add(&mut self, group: &Placed) {
        self.groups += 1;
        self.bytes = self.bytes.saturating_add(bytes(group));
    }
}

/// What a group counts. One whose size is unknown may be of any.
fn bytes(group: &Placed) -> u64 {
    group.bytes.map_or(u64::MAX, |bytes| bytes.max(BYTES_MIN))
}
