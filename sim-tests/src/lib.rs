//! The same node under simulation: whole clusters on turmoil's network, disks and clock, from a seed.
//!
//! [`scenario`] draws what a run is; [`run`] plays it: [`host`]s live through [`faults`] while
//! [`workload`]s call them, [`watch`] looks at every step of every replica, and [`history`] keeps what
//! clients saw; [`invariants`] say what must hold. [`world`] is what a simulated node is handed.

pub mod client;
pub mod faults;
pub mod history;
pub mod host;
pub mod invariants;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod stage;
pub mod timeline;
pub mod trust;
pub mod watch;
pub mod workload;
pub mod world;
