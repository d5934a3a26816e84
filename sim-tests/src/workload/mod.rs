//! What clients do. A workload is a file with a [`Workload`] in it, and a line in [`WORKLOADS`]; it owns
//! its queues. `produce.rs`, `consume.rs` and `queue.rs` are what they are made of.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::rng::Rng;
use crate::scenario::Scenario;

mod attempts;
mod attributes;
mod consume;
mod dead_letters;
mod dedup;
mod delays;
mod fifo;
mod growth;
mod late_retries;
mod long_polls;
mod move_tasks;
mod name_reuse;
mod one_group;
mod operator;
mod own_writes;
mod partitions;
mod poison;
mod produce;
mod purge;
mod queue;
mod retention;
mod short_lived;
mod standard;
mod tenants;
mod visibility;

pub use queue::Queue;

pub(crate) use crate::now::now;

/// A kind of client.
pub struct Workload {
    /// Its name; runs are drawn from it.
    pub name: &'static str,
    /// How often it is drawn, in proportion to the others.
    pub weight: u64,
    /// How long it needs after the load, beyond the time to drain a queue.
    pub end_phase: Duration,
    /// Does its work, then waits until all that it has begun is at its end. An error is a violation.
    pub run: fn(Context) -> Run,
}

/// A workload at work.
pub type Run = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// What a workload has.
pub struct Context {
    /// Unique in the run: queues are named after it.
    pub name: String,
    /// Who makes its calls.
    pub client: Arc<dyn Client>,
    /// Its randomness.
    pub rng: Rng,
    /// When it has to end, for example.
    pub scenario: Arc<Scenario>,
}

impl Context {
    /// Whether new work may still be made.
    pub fn loading(&self) -> bool {
        now() < self.scenario.load_end
    }

    /// Says what it is doing, for a run that hangs.
    pub fn phase(&self, what: &str) {
        self.client.phase(format!("{} {what}", self.name));
    }
}

/// All workloads.
pub const WORKLOADS: &[&Workload] = &[
    &standard::STANDARD,
    &fifo::FIFO,
    &short_lived::SHORT_LIVED,
    &own_writes::OWN_WRITES,
    &one_group::ONE_GROUP,
    &visibility::VISIBILITY,
    &dedup::DEDUP,
    &delays::DELAYS,
    &long_polls::LONG_POLLS,
    &retention::RETENTION,
    &purge::PURGE,
    &name_reuse::NAME_REUSE,
    &attributes::ATTRIBUTES,
    &growth::GROWTH,
    &dead_letters::DEAD_LETTERS,
    &move_tasks::MOVE_TASKS,
    &attempts::ATTEMPTS,
    &tenants::TENANTS,
    &partitions::PARTITIONS,
    &late_retries::LATE_RETRIES,
    &poison::POISON,
    &operator::OPERATOR,
];
