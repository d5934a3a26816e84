//! A group's commit hint on its way to the disk.
//!
//! A hint names an entry, and recovery applies everything up to it. So a hint may only become
//! durable after every operation that was queued before it: the entry itself, and a truncation
//! that made room for it.

use bytes::Bytes;

use crate::planted::{Bug, planted};

/// A commit hint, and how many operations of its group were queued before it.
type Queued = (u64, Bytes);

/// The hints that may not be written yet.
///
/// Two are enough. The oldest waits for its operations. The newest replaces the others, so that a
/// group whose commits are always ahead of its writes still gets a hint written now and then.
#[derive(Default)]
pub(super) struct Hints {
    /// Operations of the group that were queued.
    queued: u64,
    /// Operations of the group that are durable.
    durable: u64,
    oldest: Option<Queued>,
    newest: Option<Queued>,
    /// Operations that were written ahead of their turn and are not counted.
    ahead: u64,
}

impl Hints {
    /// An operation was queued.
    pub(super) fn queue(&mut self) {
        self.queued += 1;
    }

    /// The log is known to be committed as far as `committed` says.
    pub(super) fn note(&mut self, committed: Bytes) {
        let hint = Some((self.queued, committed));
        if self.oldest.is_none() {
            self.oldest = hint;
        } else {
            self.newest = hint;
        }
    }

    /// An operation is written ahead of others of its group. It counts no more: the others are what
    /// hints wait for. One that waits for this operation, too, waits for one more instead.
    pub(super) fn overtake(&mut self) {
        self.ahead += 1;
    }

    /// An operation became durable. Returns the newest hint that may be written now.
    pub(super) fn settle(&mut self) -> Option<Bytes> {
        if self.ahead > 0 {
            self.ahead -= 1;
            self.queued -= 1;
            return None;
        }
        self.durable += 1;
        let durable = if planted(Bug::HintAhead) {
            u64::MAX
        } else {
            self.durable
        };
        let is_ready = |hint: &mut Queued| hint.0 <= durable;
        if let Some((_, newest)) = self.newest.take_if(is_ready) {
            self.oldest = None;
            return Some(newest);
        }
        let (_, ready) = self.oldest.take_if(is_ready)?;
        self.oldest = self.newest.take();
        Some(ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_waits_for_what_was_queued_before_it() {
        let hint = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut hints = Hints::default();
        assert_eq!(hints.settle(), None);
        hints = Hints::default();
        hints.queue();
        hints.queue();
        hints.note(hint("after two"));
        hints.queue();
        hints.note(hint("replaced"));
        hints.queue();
        hints.note(hint("after four"));
        assert_eq!(hints.settle(), None);
        assert_eq!(hints.settle(), Some(hint("after two")));
        assert_eq!(hints.settle(), None);
        assert_eq!(hints.settle(), Some(hint("after four")));
        hints.note(hint("idle"));
        hints.queue();
        assert_eq!(hints.settle(), Some(hint("idle")));
        hints.queue();
        assert_eq!(hints.settle(), None);
    }

    #[test]
    fn an_operation_that_overtakes_others_speaks_for_none_of_them() {
        let hint = Bytes::from_static(b"after the append");
        let mut hints = Hints::default();
        hints.queue();
        hints.note(hint.clone());
        hints.queue();
        hints.overtake();
        assert_eq!(hints.settle(), None);
        assert_eq!(hints.settle(), Some(hint));
    }
}
