//! The same node under simulation: whole clusters on turmoil's network, disks and clock, from a seed.
//!
//! [`scenario`] draws what a run is; [`run`] plays it: [`host`]s live through [`faults`] while
//! [`workload`]s call them, [`watch`] looks at every step of every replica, and [`history`] keeps what
//! clients saw; [`invariants`] say what must hold. [`world`] is what a simulated node is handed.
//!
//! [`pool`] plays many runs at once for [`explore`] and [`shrink`], [`explain`] tells a person what was
//! violated, [`trace`] is all that a run did, for the proof that it does the same again.

pub mod client;
pub mod explain;
pub mod explore;
pub mod faults;
pub mod history;
pub mod host;
pub mod invariants;
pub mod now;
pub mod panics;
pub mod pool;
pub mod pulse;
pub mod report;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod stage;
pub mod timeline;
pub mod trace;
pub mod trust;
pub mod violation;
pub mod watch;
pub mod worker;
pub mod workload;
pub mod world;
