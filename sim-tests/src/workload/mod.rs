//! What clients do. A workload is a file with a [`Workload`] in it, and a line in [`WORKLOADS`]; it owns
//! its queues. Under `steps/` are the operations that workloads are made of.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::rng::Rng;
use crate::scenario::Scenario;

mod consume;
mod fifo;
mod own_writes;
mod produce;
mod queue;
mod short_lived;
mod standard;

pub use queue::Queue;

/// A kind of client.
pub struct Workload {
    /// Its name; runs are drawn from it.
    pub name: &'static str,
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
    pub client: Arc<Client>,
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
}

/// Simulated time.
pub fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// All workloads.
pub const WORKLOADS: &[&Workload] = &[
    &standard::STANDARD,
    &fifo::FIFO,
    &short_lived::SHORT_LIVED,
    &own_writes::OWN_WRITES,
];
