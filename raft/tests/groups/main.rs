//! Groups as a node runs them, most of them with this node as their only member.

#![allow(clippy::unwrap_used)]

mod ahead;
mod aside;
mod cluster;
mod epochs;
mod faults;
mod gate;
mod leases;
mod levels;
mod links;
mod moves;
mod no_room;
mod node;
mod proxy;
#[cfg(feature = "planted-bugs")]
mod quarantine;
mod reads;
mod space;
mod store;
mod verify;
