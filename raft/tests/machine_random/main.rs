//! Random histories of the state machines, from fixed seeds: against a naive model, and against
//! themselves saved, loaded and pieced together from deltas. A failure names its seed.

mod catalog_history;
mod documents;
mod letters;
mod model;
mod parts;
mod queue_history;
mod random;
mod rows;
mod rules;
mod tenants;

/// Histories of each kind that are tried.
const SEEDS: std::ops::Range<u64> = 0..24;
