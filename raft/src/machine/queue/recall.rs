//! Recall: what became of a send whose place was this partition before the queue grew.
//!
//! A queue that has grown has other places for the same calls. A retry of a send that was made before has to find its first result,
//! and the first try may still be on its way here. The retry therefore recalls it: either it took effect, and is answered as it
//! was; or the window of invocations keeps the recall in its place, and it never does.

use super::Queue;
use crate::command::queue::{Outcome, QueueAnswer};

impl Queue {
    /// Nothing is known of the send. That this is remembered is what keeps it from taking effect.
    pub(super) fn recall(&self) -> QueueAnswer {
        QueueAnswer::Refused(Outcome::Recalled.into())
    }
}

/// Whether an answer says that a send never takes effect.
pub(super) fn is_recalled(answer: &QueueAnswer) -> bool {
    *answer == QueueAnswer::Refused(Outcome::Recalled.into())
}
