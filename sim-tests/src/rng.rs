//! Numbers from a seed: the only randomness of a simulation that is ours.
//!
//! A seed must give the same run next year, so that this is SplitMix64, written out, and not
//! whatever a library thinks best.

use std::ops::Range;

/// A generator. Children that are named differently are independent of each other and of how much
/// is drawn from their parent, so that a change in one part of a run leaves the others alone.
#[derive(Clone, Debug)]
pub struct Rng {
    seed: u64,
    state: u64,
}

impl Rng {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Rng {
        Rng { seed, state: seed }
    }

    /// What it was made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A generator that depends on the seed and the name only.
    pub fn child(&self, name: &str) -> Rng {
        let mut child = Rng::new(self.seed ^ 0x5851_f42d_4c95_7f2d);
        for byte in name.bytes() {
            child.state = child.next().wrapping_add(u64::from(byte));
        }
        Rng::new(child.next())
    }

    /// 64 bits.
    #[allow(clippy::should_implement_trait)] // it never ends
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in a range that is not empty.
    pub fn range(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// An index below `len`, which is not 0.
    pub fn below(&mut self, len: usize) -> usize {
        (self.next() % len as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of them; they are not none.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }

    /// Puts them into any order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn children_depend_on_name_and_seed_only() {
        let mut parent = Rng::new(1);
        let before = parent.child("a").next();
        parent.next();
        assert_eq!(parent.child("a").next(), before);
        assert_ne!(parent.child("b").next(), before);
        assert_ne!(Rng::new(2).child("a").next(), before);
    }
}
