//! Bugs on purpose, so that simulation can prove that it would find them.
//!
//! Each is one `if planted(..)` at the place where the bug could have been made. Without the feature
//! `planted-bugs`, which only the simulation enables, `planted` is a constant and nothing is left of them.

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// The log reports a batch durable before it is synced; the next batch's sync makes up for it.
    AckBeforeSync,
    /// The log reports entries durable while they are still queued for its writer.
    AckBeforeWrite,
    /// A batch of nothing but votes is not synced.
    VoteUnsynced,
    /// A commit hint can be durable before the entry that it names, and is believed.
    HintAhead,
    /// Recovery takes what it reads for durable, although it may be in the page cache only.
    CacheTrusted,
    /// A spoilt batch in the middle of the log is taken for a torn tail, and the rest is dropped.
    RotAsTornTail,
    /// A leader that restarts goes on in its old term.
    LeaderRestored,
    /// A leader answers reads without asking whether it still leads.
    StaleRead,
    /// The idempotency window is not loaded from a checkpoint.
    WindowForgotten,
    /// What is in flight is visible again once it is loaded from a checkpoint.
    InFlightForgotten,
    /// A message that was deleted stays in the checkpoint.
    DeleteNotSaved,
    /// A checkpoint says that it has fewer entries than its rows have, so that some are applied twice.
    HeaderBehindRows,
    /// A machine draws numbers of its own.
    OwnRandomness,
    /// A FIFO group gives out its first message while another one is in flight.
    GroupUnlocked,
    /// A longer visibility timeout is acknowledged, but not set.
    ExtensionIgnored,
    /// A new queue gets the group number of a deleted one.
    GroupReused,
    /// A node does not look at the SDK's invocation id, so that each attempt of a call counts anew.
    KeyForgotten,
    /// A queue does not know which messages of another one have arrived already.
    ArrivalForgotten,
    /// A FIFO queue does not know which receives are repetitions of others.
    AttemptForgotten,
    /// A standard queue takes every tenant for a quiet one.
    NoiseUnheard,
    /// A message that was deleted stays in its chunk of letters.
    DeletedInChunk,
    /// The end of a move task is reported before the partition's log says that nothing more leaves.
    MoveUnclosed,
    /// A retry does not ask the place that the call had before the queue grew.
    GrowthUnnoticed,
    /// A state that is sent in parts does not follow what changes meanwhile.
    TransferUnfollowed,
    /// The dead letters of one message group go to several partitions.
    GroupScattered,
    /// A queue's machine panics when a message with the body [`POISON`] is sent, and the catalog's when
    /// a queue with the name [`POISON_QUEUE`] is created.
    PoisonPanics,
    /// A leader stamps what its own clock shows, whatever those of the others do.
    ClockTrusted,
    /// The level rises before all nodes know it, and entries do not say that they take it.
    LevelTooEarly,
}

/// See [`Bug::PoisonPanics`].
pub const POISON: &[u8] = b"poison: the machine panics on this message";

/// See [`Bug::PoisonPanics`].
pub const POISON_QUEUE: &str = "the-catalog-panics-on-this-queue";

/// All that checkers must find. [`Bug::PoisonPanics`] is none of them: nodes have to cope with it.
pub const BUGS: &[Bug] = &[
    Bug::AckBeforeSync,
    Bug::AckBeforeWrite,
    Bug::VoteUnsynced,
    Bug::HintAhead,
    Bug::CacheTrusted,
    Bug::RotAsTornTail,
    Bug::LeaderRestored,
    Bug::StaleRead,
    Bug::WindowForgotten,
    Bug::InFlightForgotten,
    Bug::DeleteNotSaved,
    Bug::HeaderBehindRows,
    Bug::OwnRandomness,
    Bug::GroupUnlocked,
    Bug::ExtensionIgnored,
    Bug::GroupReused,
    Bug::KeyForgotten,
    Bug::ArrivalForgotten,
    Bug::AttemptForgotten,
    Bug::NoiseUnheard,
    Bug::DeletedInChunk,
    Bug::MoveUnclosed,
    Bug::GrowthUnnoticed,
    Bug::TransferUnfollowed,
    Bug::GroupScattered,
    Bug::ClockTrusted,
    Bug::LevelTooEarly,
];

#[cfg(feature = "planted-bugs")]
mod switch {
    use std::cell::Cell;
    use std::sync::OnceLock;

    use super::Bug;

    /// The environment variable that plants [`Bug::PoisonPanics`] in a whole process.
    const OF_PROCESS: &str = "MILLRACE_POISON_PANICS";

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
        static DRAWN: Cell<u64> = const { Cell::new(0) };
    }

    /// Plants a bug on this thread, or none any more.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
        DRAWN.set(0);
    }

    /// Whether this bug is planted on this thread, or in this process.
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug) || (bug == Bug::PoisonPanics && is_in_process())
    }

    /// Whether the environment plants it: for tests of the real binary.
    fn is_in_process() -> bool {
        static PLANTED: OnceLock<bool> = OnceLock::new();
        *PLANTED.get_or_init(|| std::env::var_os(OF_PROCESS).is_some())
    }

    /// Another number at each call: what no machine may look at.
    pub(crate) fn draw() -> u64 {
        DRAWN.set(DRAWN.get() + 1);
        DRAWN.get()
    }
}

#[cfg(feature = "planted-bugs")]
pub(crate) use switch::draw;
#[cfg(feature = "planted-bugs")]
pub use switch::{plant, planted};

/// No bug is planted in what is not built for it.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub const fn planted(_: Bug) -> bool {
    false
}

#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn draw() -> u64 {
    0
}
