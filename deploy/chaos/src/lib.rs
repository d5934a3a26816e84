//! The chaos harness: a real cluster under load, broken on purpose, and judged by the simulation's rules.
//!
//! [`plan`] says what a run is, [`schedule`] when which of the [`faults`] happens. [`run`] begins the [`clients`] and
//! has [`play`] do to a [`target`] what the schedule says; [`record`] holds what clients saw, [`journal`] what was
//! done. [`judge`] and [`report`] work on the folder that a run leaves, also on one that was interrupted. [`sandbox`]
//! is why nothing is left behind, and [`pulse`] feels the machine itself.

pub mod clients;
pub mod faults;
pub mod journal;
pub mod judge;
pub mod options;
pub mod plan;
pub mod play;
pub mod pulse;
pub mod record;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod schedule;
pub mod stage;
pub mod target;
