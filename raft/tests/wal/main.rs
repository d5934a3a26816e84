//! The write-ahead log from outside: durability, recovery, space and faults, on real files.

#![allow(clippy::unwrap_used)]

#[path = "../common/applied.rs"]
mod applied;
mod crash;
mod damage;
mod disk;
mod faults;
mod model;
mod space;
mod support;
