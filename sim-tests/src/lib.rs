//! The same node under simulation: whole clusters on turmoil's network, disks and clock, from a seed.
//!
//! [`env()`] is the outside world that a simulated host hands to [`node::run`]; [`cluster`] puts nodes
//! on hosts. Faults, workloads and invariants will be modules beside them.

pub mod client;
pub mod cluster;
mod disk;
mod net;
mod world;

pub use world::env;
