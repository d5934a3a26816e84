//! Tests that run real clusters: three processes of the built binary on loopback, clients of AWS
//! outside of them, nothing mocked.
//!
//! They are one test binary, because each needs the same harness and linking the SDK once is enough. A
//! test holds its cluster alone (see `harness::Cluster`), so that on a small machine no test is slow on
//! account of another. One file is one subject:
//!
//! - `sdk`: the Rust SDK's everyday calls
//! - `python`: boto3, the AWS CLI, the query protocol and Celery, by the scripts in `tests/python`
//! - `javascript`: the AWS SDK for JavaScript, by the scripts in `tests/javascript`
//! - `container`: what a container runtime asks of the binary
//! - `dead_letters`: dead letters and move tasks while leaders die
//! - `in_flight`: the limit of messages in flight
//! - `growth`: queues that get more partitions
//! - `elastic`: nodes that join, drain and leave under load
//! - `levels`: rolling upgrades and roll-backs between levels
//! - `living`: where new partitions and those of dead nodes go
//! - `metrics`: what nodes tell those who watch over them
//! - `words`: a text file through a queue while a leader dies
//! - `failover`: histories under load while leaders die again and again, then checked
//! - `recovery`: snapshots, lost and damaged files, blackouts, refusals at start-up, no quorum, overload

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod container;
mod dead_letters;
mod dev;
mod elastic;
mod failover;
mod growth;
mod harness;
mod in_flight;
mod javascript;
mod levels;
mod living;
mod metrics;
mod python;
mod recovery;
mod sdk;
mod words;
