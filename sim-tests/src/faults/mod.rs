//! What goes wrong. A fault is a file with a [`Fault`] in it, and a line in [`FAULTS`].
//!
//! Faults leave what the cluster promises to survive: at most one node, the scenario's victim, loses
//! data that it had synced. The exception is the ruin, after which other rules hold.

use std::ops::Range;
use std::time::Duration;

use crate::rng::Rng;
use crate::stage::Stage;

mod catalog_away;
mod clock;
mod clock_years;
mod delay;
mod disk_full;
mod disk_slow;
mod disks_nearly_full;
mod hand_over;
mod hide;
mod isolate;
mod isolate_leader;
mod kill;
mod log_step;
mod loss;
mod lost_checkpoint;
mod one_way;
mod page_cache;
mod partition;
mod pounce;
mod power;
mod rolling;
mod rot;
pub(crate) mod ruin;
mod slow_leader;
mod sync_error;
pub(crate) mod upgrade;
pub(crate) mod wipe;

/// A kind of fault.
pub struct Fault {
    /// Its name; runs are drawn from it, so that it must not change.
    pub name: &'static str,
    /// In how many of a hundred runs it happens at all.
    pub percent: u64,
    /// How often it happens at most in one run.
    pub times_max: usize,
    /// How long it lasts.
    pub lasts_ms: Range<u64>,
    /// By how much it lets clocks differ.
    pub clock_slack: Duration,
    /// Makes it happen.
    pub begin: fn(&mut Stage, Rng) -> Ongoing,
}

/// A fault that has happened, and what ends it.
pub struct Ongoing {
    /// What happened, for the timeline.
    pub what: String,
    /// Ends it.
    pub end: Box<dyn FnOnce(&mut Stage)>,
}

impl Ongoing {
    fn new(what: String, end: impl FnOnce(&mut Stage) + 'static) -> Ongoing {
        Ongoing {
            what,
            end: Box::new(end),
        }
    }
}

/// All kinds.
pub const FAULTS: &[&Fault] = &[
    &kill::KILL,
    &power::POWER,
    &power::BLACKOUT,
    &pounce::POUNCE,
    &partition::PARTITION,
    &one_way::ONE_WAY,
    &isolate::ISOLATE,
    &isolate_leader::ISOLATE_LEADER,
    &hide::HIDE,
    &delay::DELAY,
    &loss::LOSS,
    &clock::CLOCK,
    &clock_years::CLOCK_YEARS,
    &disk_slow::DISK_SLOW,
    &disk_full::DISK_FULL,
    &disks_nearly_full::DISKS_NEARLY_FULL,
    &sync_error::SYNC_ERROR,
    &rot::ROT,
    &ruin::RUIN,
    &wipe::WIPE,
    &lost_checkpoint::LOST_CHECKPOINT,
    &hand_over::HAND_OVER,
    &rolling::ROLLING,
    &slow_leader::SLOW_LEADER,
    &log_step::LOG_STEP,
    &page_cache::PAGE_CACHE,
    &upgrade::UPGRADE,
    &catalog_away::CATALOG_AWAY,
];
