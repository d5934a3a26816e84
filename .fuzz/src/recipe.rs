//! The fuzzer's bytes as choices. They never run out: after the last byte every choice is the first one.

/// Bytes yet to be used.
pub struct Recipe<'a>(pub &'a [u8]);

impl<'a> Recipe<'a> {
    /// Whether nothing but first choices is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// True in about `percent` of the cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.byte() % 100 >= 100 - percent
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        let bytes = if end <= 256 { 1 } else { 4 };
        let number = self
            .take(bytes)
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        number % end
    }

    /// Any number: mostly a small one, sometimes one at the end of the range.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..224 => u64::from(small % 16),
            224..240 => self
                .take(3)
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            240..248 => u64::MAX - u64::from(self.byte() % 4),
            _ => self
                .take(8)
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        }
    }

    /// A number that 32 bits hold.
    pub fn small_number(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }

    /// One of them.
    pub fn pick<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[self.below(from.len())]
    }

    /// Up to 255 bytes as they are.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.take(length)
    }

    /// Up to 255 bytes as a text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
