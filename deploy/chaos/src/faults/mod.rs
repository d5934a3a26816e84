//! What goes wrong. A fault is a file with a [`Fault`] in it, and a line in [`FAULTS`]; if seeds may draw it, one in
//! [`DRAWN`].
//!
//! A fault is told as a story: it does something, says so, waits until it is over, and mends what it broke. When a run
//! is interrupted the wait ends at once, so that the mending is always done. What a target cannot do is an
//! [`Unsupported`](crate::target::Unsupported) before the fault has begun, and leaves it out.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;

use crate::stage::{Occasion, Stage};

mod bereave;
mod blackout;
mod delay;
mod disk_full;
mod drain_machine;
mod hide;
mod isolate_leader;
mod join;
mod kill;
mod kill_leader;
mod leave;
mod loss;
mod one_way;
mod partition;
mod pause;
mod rate;
mod rolling_restart;
mod rolling_upgrade;
mod rot;
mod ruin;
mod upheaval;

/// A kind of fault.
pub struct Fault {
    /// Its name, in schedules and reports.
    pub name: &'static str,
    /// What it is, for `chaos faults`.
    pub about: &'static str,
    /// How long it lasts when it is drawn.
    pub lasts_s: Range<u64>,
    /// How long mending takes, about.
    pub heals_s: u64,
    /// Whether it makes sense only once in a run.
    pub once: bool,
    /// Makes it happen, and mends it.
    pub run: fn(Rc<Stage>, Occasion) -> Run,
}

/// A fault that happens.
pub type Run = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// All kinds.
pub const FAULTS: &[&Fault] = &[
    &kill::KILL,
    &kill_leader::KILL_LEADER,
    &blackout::BLACKOUT,
    &pause::PAUSE,
    &partition::PARTITION,
    &one_way::ONE_WAY,
    &isolate_leader::ISOLATE_LEADER,
    &hide::HIDE,
    &loss::LOSS,
    &delay::DELAY,
    &rate::RATE,
    &disk_full::DISK_FULL,
    &rolling_restart::ROLLING_RESTART,
    &rolling_upgrade::ROLLING_UPGRADE,
    &join::JOIN,
    &leave::LEAVE,
    &drain_machine::DRAIN_MACHINE,
    &rot::ROT,
    &upheaval::UPHEAVAL,
    &bereave::BEREAVE,
    &ruin::RUIN,
];

/// What seeds draw from for a local cluster.
pub const DRAWN: &[&Fault] = &[
    &kill::KILL,
    &kill_leader::KILL_LEADER,
    &blackout::BLACKOUT,
    &pause::PAUSE,
    &partition::PARTITION,
    &one_way::ONE_WAY,
    &isolate_leader::ISOLATE_LEADER,
    &hide::HIDE,
    &loss::LOSS,
    &delay::DELAY,
    &rate::RATE,
    &disk_full::DISK_FULL,
    &rolling_restart::ROLLING_RESTART,
    &rolling_upgrade::ROLLING_UPGRADE,
    &join::JOIN,
    &leave::LEAVE,
];

/// What seeds draw from for a release on Kubernetes.
pub const DRAWN_ON_KUBERNETES: &[&Fault] = &[
    &kill::KILL,
    &kill_leader::KILL_LEADER,
    &partition::PARTITION,
    &rolling_restart::ROLLING_RESTART,
    &rolling_upgrade::ROLLING_UPGRADE,
    &join::JOIN,
    &leave::LEAVE,
    &drain_machine::DRAIN_MACHINE,
];

/// The kind of that name.
pub fn named(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().copied().find(|fault| fault.name == name)
}
