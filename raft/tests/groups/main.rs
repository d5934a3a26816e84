//! Groups as a node runs them, most of them with this node as their only member.

#![allow(clippy::unwrap_used)]

mod cluster;
mod epochs;
mod faults;
mod gate;
mod levels;
mod moves;
mod node;
mod proxy;
mod reads;
mod space;
mod store;
