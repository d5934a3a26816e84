//! A cluster of real processes for tests.
//!
//! [`Cluster`] starts, kills and restarts nodes; [`Balancer`] stands before them as a load balancer
//! would; [`client`] makes SDK clients, [`raw`] sends what no SDK would; [`venv`] and [`npm`] hold clients in
//! Python and JavaScript, whose scripts [`passes`] runs. Nothing in here knows what a test wants to show.

mod balancer;
mod client;
mod cluster;
mod hands;
mod installed;
pub(crate) mod npm;
pub(crate) mod poll;
mod ports;
mod process;
mod raw;
mod script;
mod status;
pub(crate) mod venv;

pub(crate) use balancer::Balancer;
pub(crate) use client::{client, client_within};
pub(crate) use cluster::Cluster;
pub(crate) use ports::Ports;
pub(crate) use process::{MILLRACE, Release};
pub(crate) use raw::{Answer, raw, send_raw};
pub(crate) use script::{passes, passes_with};
